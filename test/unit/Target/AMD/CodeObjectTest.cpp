//===- CodeObjectTest.cpp - what code objects say of themselves -----------===//

#include "attn/Target/AMD/CodeObject.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;

namespace {
/// Two kernels over one array that launches size, of which a wave reads what
/// another has written, and one without.
constexpr const char *kModule = R"mlir(
llvm.mlir.global external @shared() {alignment = 16 : i64, addr_space = 3 : i32} : !llvm.array<0 x i8>
llvm.func @turn(%x: !llvm.ptr<1>, %scale: f32, %stride: i64, %count: i32) attributes {rocdl.kernel} {
  %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %id = rocdl.workitem.id.x : i32
  %c63 = llvm.mlir.constant(63 : i32) : i32
  %other = llvm.xor %id, %c63 : i32
  %own = llvm.getelementptr %shared[%id] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %from = llvm.getelementptr %shared[%other] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %place = llvm.getelementptr %x[%id] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
  %value = llvm.load %place : !llvm.ptr<1> -> f32
  llvm.store %value, %own : f32, !llvm.ptr<3>
  rocdl.barrier
  %read = llvm.load %from : !llvm.ptr<3> -> f32
  %scaled = llvm.fmul %read, %scale : f32
  llvm.store %scaled, %place : f32, !llvm.ptr<1>
  llvm.return
}
llvm.func @clear(%x: !llvm.ptr<1>) attributes {rocdl.kernel} {
  %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %zero = llvm.mlir.constant(0.0 : f32) : f32
  %place = llvm.getelementptr %shared[4] : (!llvm.ptr<3>) -> !llvm.ptr<3>, f32
  llvm.store volatile %zero, %place : f32, !llvm.ptr<3>
  llvm.store %zero, %x : f32, !llvm.ptr<1>
  llvm.return
}
llvm.func @plain(%x: !llvm.ptr<1>) attributes {rocdl.kernel} {
  %one = llvm.mlir.constant(1 : i32) : i32
  llvm.store %one, %x : i32, !llvm.ptr<1>
  llvm.return
}
)mlir";

/// A lane's array that is indexed by what it reads.
constexpr const char *kScratch = R"mlir(
llvm.func @turn(%x: !llvm.ptr<1>) attributes {rocdl.kernel} {
  %size = llvm.mlir.constant(512 : i32) : i32
  %array = llvm.alloca %size x i32 : (i32) -> !llvm.ptr<5>
  %first = llvm.load volatile %x : !llvm.ptr<1> -> i32
  %second = llvm.load volatile %x : !llvm.ptr<1> -> i32
  %a = llvm.getelementptr %array[%first] : (!llvm.ptr<5>, i32) -> !llvm.ptr<5>, i32
  %b = llvm.getelementptr %array[%second] : (!llvm.ptr<5>, i32) -> !llvm.ptr<5>, i32
  llvm.store volatile %first, %a : i32, !llvm.ptr<5>
  %read = llvm.load volatile %b : !llvm.ptr<5> -> i32
  llvm.store %read, %x : i32, !llvm.ptr<1>
  llvm.return
}
)mlir";

Launch makeLaunch(std::string symbol, int64_t threads, int64_t sharedBytes,
                  std::vector<Launch::Parameter> parameters) {
  Launch launch;
  launch.symbol = std::move(symbol);
  launch.threads = threads;
  launch.sharedBytes = sharedBytes;
  launch.parameters = std::move(parameters);
  return launch;
}

class CodeObjectTest : public testing::TestWithParam<const char *> {
protected:
  using Parameter = Launch::Parameter;

  CodeObjectTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          errors += diagnostic.str() + "\n";
          return success();
        }) {
    context.loadDialect<LLVM::LLVMDialect, ROCDL::ROCDLDialect>();
    module = parseSourceString<ModuleOp>(kModule, &context);
    manifest.arguments = {
        Manifest::Argument::tensor("x", Manifest::Argument::Access::update,
                                   DType::f32, {64}),
        Manifest::Argument::scalar("scale", DType::f32)};
    manifest.launches = {
        makeLaunch("turn", 128, 40000,
                   {Parameter::pointer("x"), Parameter::scalar("scale"),
                    Parameter::stride("x", 0),
                    Parameter::value(Expr(1), DType::i32)}),
        makeLaunch("clear", 256, 1024, {Parameter::pointer("x")}),
        makeLaunch("plain", 64, 0, {Parameter::pointer("x")})};
  }

  std::string getGpu() const { return GetParam(); }
  int64_t getWave() const { return getGpu() == "gfx1100" ? 32 : 64; }

  /// The metadata of the module's code object, of which there is one.
  std::vector<amd::KernelMetadata> compile() {
    auto code = amd::emitCodeObject(*module, getGpu(), manifest.launches);
    EXPECT_TRUE(succeeded(code)) << errors;
    if (failed(code))
      return {};
    auto kernels = amd::readMetadata(*module, *code);
    EXPECT_TRUE(succeeded(kernels)) << errors;
    return succeeded(kernels) ? *kernels : std::vector<amd::KernelMetadata>();
  }

  MLIRContext context;
  std::string errors;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  Manifest manifest;
};
} // namespace

TEST_P(CodeObjectTest, SayWhatTheManifestSays) {
  ASSERT_TRUE(module) << errors;
  std::vector<amd::KernelMetadata> kernels = compile();
  ASSERT_EQ(kernels.size(), 3u);
  EXPECT_TRUE(
      succeeded(amd::verifyMetadata(*module, kernels, manifest, getWave())))
      << errors;
  const amd::KernelMetadata &turn = kernels[0];
  EXPECT_EQ(turn.sharedBytes, 40000);
  EXPECT_EQ(turn.maxThreads, 128);
  EXPECT_EQ(turn.waveLanes, getWave());
  ASSERT_EQ(turn.arguments.size(), 4u);
  EXPECT_EQ(turn.arguments[0].kind, "global_buffer");
  EXPECT_EQ(turn.arguments[2].offset, 16);
  EXPECT_EQ(turn.scratchBytes, 0);
  EXPECT_GT(turn.vectorRegisters, 0);
  EXPECT_EQ(kernels[1].sharedBytes, 1024);
}

// Each fact of the manifest that is another is told with both.
TEST_P(CodeObjectTest, DifferencesAreSeen) {
  std::vector<amd::KernelMetadata> kernels = compile();
  ASSERT_EQ(kernels.size(), 3u);
  struct {
    void (*edit)(Manifest &);
    const char *message;
  } cases[] = {
      {[](Manifest &m) { m.launches[0].sharedBytes = 40016; },
       "kernel 'turn' expects bytes of shared memory of 40016, but the code "
       "has 40000"},
      {[](Manifest &m) { m.launches[1].threads = 128; },
       "kernel 'clear' expects a workgroup of 128, but the code has 256"},
      {[](Manifest &m) { m.launches[0].parameters.pop_back(); },
       "expects a number of parameters of 3, but the code has 4"},
      {[](Manifest &m) {
         std::swap(m.launches[0].parameters[1], m.launches[0].parameters[2]);
       },
       "expects parameter 1 of a size of 8, but the code has 4"},
      {[](Manifest &m) { m.launches[2].symbol = "other"; },
       "expects metadata of the kernel 'other'"}};
  for (const auto &test : cases) {
    Manifest other = manifest;
    test.edit(other);
    errors.clear();
    EXPECT_TRUE(
        failed(amd::verifyMetadata(*module, kernels, other, getWave())));
    EXPECT_NE(errors.find(test.message), std::string::npos) << errors;
  }
  errors.clear();
  EXPECT_TRUE(
      failed(amd::verifyMetadata(*module, kernels, manifest, 96 - getWave())));
  EXPECT_NE(errors.find("expects waves of"), std::string::npos) << errors;
}

TEST_P(CodeObjectTest, ScratchIsRefused) {
  module = parseSourceString<ModuleOp>(kScratch, &context);
  ASSERT_TRUE(module) << errors;
  manifest.launches = {makeLaunch("turn", 64, 0, {Parameter::pointer("x")})};
  std::vector<amd::KernelMetadata> kernels = compile();
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_TRUE(
      failed(amd::verifyMetadata(*module, kernels, manifest, getWave())));
  EXPECT_NE(errors.find("kernel 'turn' expects all of a lane in registers"),
            std::string::npos)
      << errors;
}

// What LLVM's back end refuses ends in a diagnostic, not in the process' end.
TEST_P(CodeObjectTest, TooMuchSharedMemoryIsRefused) {
  manifest.launches[0].sharedBytes = 70000;
  EXPECT_TRUE(
      failed(amd::emitCodeObject(*module, getGpu(), manifest.launches)));
  EXPECT_NE(errors.find("LLVM's back end refuses the code: "),
            std::string::npos)
      << errors;
}

TEST_P(CodeObjectTest, KernelsHaveToBeThere) {
  manifest.launches[2].symbol = "other";
  EXPECT_TRUE(failed(amd::emitAssembly(*module, getGpu(), manifest.launches)));
  EXPECT_NE(errors.find("expects a kernel 'other' in the module, but it is "
                        "not there"),
            std::string::npos)
      << errors;
}

TEST_P(CodeObjectTest, EarlierFormsAreTexts) {
  auto ir = amd::emitLLVMIR(*module, getGpu(), manifest.launches);
  ASSERT_TRUE(succeeded(ir)) << errors;
  EXPECT_NE(ir->find("@turn_shared = internal addrspace(3) global "
                     "[40000 x i8] poison, align 16"),
            std::string::npos)
      << *ir;
  EXPECT_NE(ir->find("amdgpu_kernel void @clear"), std::string::npos);
  auto text = amd::emitAssembly(*module, getGpu(), manifest.launches);
  ASSERT_TRUE(succeeded(text)) << errors;
  EXPECT_NE(text->find("s_barrier"), std::string::npos);
  EXPECT_NE(text->find(".amdhsa_group_segment_fixed_size 40000"),
            std::string::npos);
}

TEST_P(CodeObjectTest, OtherFilesHaveNoMetadata) {
  for (const char *bytes : {"",
                            "\x7f"
                            "ELF",
                            "no code"}) {
    errors.clear();
    EXPECT_TRUE(failed(amd::readMetadata(*module, bytes)));
    EXPECT_NE(errors.find("but it has none"), std::string::npos) << errors;
  }
}

INSTANTIATE_TEST_SUITE_P(Gpus, CodeObjectTest,
                         testing::Values("gfx942", "gfx90a", "gfx1100"),
                         [](const auto &info) { return info.param; });
