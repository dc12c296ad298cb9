//===- ArtifactTest.cpp - the JIT and the artifact hold one code ----------===//

#include "TileKernels.h"

#include "attn/Registration/Registration.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

// Speed is measured on what the JIT holds, results are checked on artifacts.
TEST(CpuArtifact, GivesTheBitsOfTheJit) {
  Substitutions names = {{"TM", "16"}};
  for (const std::string &target : getRunnableTargets()) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        readProgram("norm-gemm.mlir", names), &context);
    ASSERT_TRUE(module);
    cpu::CompileOptions options;
    options.target = target;
    auto artifact = cpu::compileArtifact(*module, options);
    ASSERT_TRUE(mlir::succeeded(artifact));
    auto loaded = Kernel::load(*artifact);
    ASSERT_TRUE(loaded.isOk()) << loaded.getStatus().message();

    int64_t m = 50;
    HostTensor x(DType::f32, {m, 40}), w(DType::f32, {40, 24});
    HostTensor u(DType::f32, {24, 56});
    HostTensor jit(DType::f32, {m, 56}), file(DType::f32, {m, 56});
    x.fill(1);
    w.fill(2);
    u.fill(3);
    auto run = [&](std::shared_ptr<const Kernel> kernel, HostTensor &y) {
      runKernel(kernel, {ArgumentValue::ofTensor("x", &x.view),
                         ArgumentValue::ofTensor("w", &w.view),
                         ArgumentValue::ofTensor("u", &u.view),
                         ArgumentValue::ofTensor("y", &y.view)});
    };
    run(compileProgram("norm-gemm.mlir", names, target), jit);
    run(*loaded, file);
    EXPECT_EQ(jit.bytes, file.bytes) << target;
  }
}

} // namespace
