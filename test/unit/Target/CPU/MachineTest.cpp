//===- MachineTest.cpp - code asks for what its manifest says, no more ----===//

#include "TileKernels.h"

#include "attn/Registration/Registration.h"
#include "attn/Runtime/CpuFeatures.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

class MachineTest : public testing::TestWithParam<std::string> {};

/// The values of a string attribute of functions, in the order of the text.
std::vector<std::string> findAttributes(llvm::StringRef text,
                                        llvm::StringRef name) {
  std::vector<std::string> values;
  std::string begin = ("\"" + name + "\"=\"").str();
  for (size_t at = 0; (at = text.find(begin, at)) != llvm::StringRef::npos;) {
    at += begin.size();
    values.push_back(text.slice(at, text.find('"', at)).str());
  }
  return values;
}

// An instruction that the manifest does not ask for ends a process on a
// machine that lacks it, after the runtime took the kernel.
TEST_P(MachineTest, GeneratesCodeForTheManifestsFeaturesAlone) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      readProgram("norm-gemm.mlir", {{"TM", "16"}}), &context);
  ASSERT_TRUE(module);
  cpu::CompileOptions options;
  options.target = GetParam();
  auto code = cpu::compile(*module, options, cpu::CodeKind::LLVMIR);
  ASSERT_TRUE(mlir::succeeded(code));
  std::string wanted = "+" + llvm::join(code->manifest.target.features, ",+");
  auto features = findAttributes(code->bytes, "target-features");
  auto cpus = findAttributes(code->bytes, "target-cpu");
  ASSERT_FALSE(features.empty());
  EXPECT_EQ(cpus.size(), features.size());
  for (const std::string &value : features)
    EXPECT_EQ(value, wanted);
  // The first x86-64 CPU: what every x86-64 machine has.
  for (const std::string &cpu : cpus)
    EXPECT_EQ(cpu, "x86-64");
}

TEST_P(MachineTest, HasFeaturesThatTheRuntimeCanCheck) {
  cpu::Machine machine = *cpu::getMachine(GetParam());
  for (const std::string &feature : machine.features) {
    Status status = checkHostSupports({"x86-64", "", {feature}});
    EXPECT_EQ(status.message().find("runtime can check"), std::string::npos)
        << status.message();
  }
}

std::vector<std::string> getTargets() {
  std::vector<std::string> targets;
  for (llvm::StringRef name : cpu::getMachineNames().drop_front())
    targets.push_back(name.str());
  return targets;
}

INSTANTIATE_TEST_SUITE_P(Targets, MachineTest, testing::ValuesIn(getTargets()),
                         [](const testing::TestParamInfo<std::string> &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             if (c == '-')
                               c = '_';
                           return name;
                         });

} // namespace
