//===- CInterfaceTest.cpp - a kernel as plain functions of C --------------===//
//
// The functions are written without branches for expressions, which the runtime
// evaluates with them; both have to agree, on what is no value too.
//
//===----------------------------------------------------------------------===//

#include "attn/Target/CPU/CInterface.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace attn;
using namespace attn::cpu;

namespace {
using Argument = Manifest::Argument;

/// A phase that does nothing, over P, w and whatever tensors.
Manifest makeManifest(const std::string &phase, Expr workspace) {
  Manifest m;
  m.name = "test";
  m.target = {"x86-64", "x86-64-v2", {"sse2"}};
  m.ranks = {{"P", std::nullopt}};
  m.arguments = {
      Argument::tensor("x", Argument::Access::read, DType::f32, {"P"}),
      Argument::scalar("w", DType::i64)};
  m.parameters = {Manifest::Parameter::pointer("x")};
  m.workspaceBytes = std::move(workspace);
  m.phases = {{phase, Expr::name("P")}};
  return m;
}

void addPhase(llvm::Module &module, const std::string &name) {
  llvm::IRBuilder<> builder(module.getContext());
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(builder.getVoidTy(),
                              {builder.getPtrTy(), builder.getInt64Ty(),
                               builder.getInt64Ty(), builder.getPtrTy()},
                              false),
      llvm::Function::ExternalLinkage, name, module);
  builder.SetInsertPoint(
      llvm::BasicBlock::Create(module.getContext(), "", function));
  builder.CreateRetVoid();
}

Expr makeExpr(std::mt19937 &random, int depth) {
  static const int64_t constants[] = {0,  1,  2,  3,   -1,        -2,
                                      64, 64, 96, -64, INT64_MAX, INT64_MIN};
  if (depth == 0 || random() % 6 == 0) {
    if (random() % 2)
      return Expr::name(random() % 2 ? "P" : "w");
    return Expr(constants[random() % std::size(constants)]);
  }
  auto op = static_cast<ExprOp>(random() % 12);
  std::vector<Expr> operands;
  for (unsigned i = 0; i < getNumOperands(op); ++i)
    operands.push_back(makeExpr(random, depth - 1));
  return Expr::apply(op, std::move(operands));
}

/// As the header lays them out.
struct Arguments {
  uint64_t structSize, contract;
  int64_t p;
  const float *data;
  int64_t stride, w;
};

/// What `memory_bytes` says: its status, and the bytes where that is 0.
std::pair<int32_t, int64_t> expectBytes(const Expr &expr, int64_t p,
                                        int64_t w) {
  auto lookup = [&](std::string_view name) -> std::optional<int64_t> {
    return name == "P" ? p : w;
  };
  Result<int64_t> bytes = expr.evaluate(lookup, "test");
  constexpr int64_t alignment = CInterface::memoryAlignment;
  if (!bytes.isOk() || *bytes < 0 || *bytes > INT64_MAX - (alignment - 1))
    return {CInterface::tooLarge, 0};
  return {CInterface::right, (*bytes + alignment - 1) / alignment * alignment};
}

TEST(CInterface, EvaluatesAsTheRuntimeDoes) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("test", *context);
  module->setDataLayout(jit->getDataLayout());
  std::mt19937 random(11);
  std::vector<std::pair<Expr, uint64_t>> cases;
  for (int i = 0; i < 400; ++i) {
    std::string number = std::to_string(i);
    Expr expr = makeExpr(random, 4);
    addPhase(*module, "phase" + number);
    auto interface =
        CInterface::create(makeManifest("phase" + number, expr), "k" + number);
    ASSERT_TRUE(interface.isOk()) << interface.getStatus().message();
    ASSERT_EQ(interface->getArgumentsBytes(), int64_t(sizeof(Arguments)));
    interface->addFunctions(*module);
    cases.emplace_back(expr, interface->getContract());
  }
  ASSERT_FALSE(llvm::verifyModule(*module, &llvm::errs()));
  llvm::cantFail(jit->addIRModule(
      llvm::orc::ThreadSafeModule(std::move(module), std::move(context))));
  int numValues = 0, numRefused = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto &[expr, contract] = cases[i];
    auto address =
        llvm::cantFail(jit->lookup("k" + std::to_string(i) + "_memory_bytes"));
    auto *function = address.toPtr<int32_t (*)(const Arguments *, int64_t *)>();
    for (int64_t p : {int64_t(0), int64_t(1), int64_t(65), INT64_MAX})
      for (int64_t w : {int64_t(-65), int64_t(-1), int64_t(0), int64_t(3),
                        INT64_MIN, INT64_MAX}) {
        Arguments arguments = {sizeof(Arguments), contract, p, nullptr, 1, w};
        int64_t bytes = 0;
        int32_t status = function(&arguments, &bytes);
        auto expected = expectBytes(expr, p, w);
        ASSERT_EQ(std::make_pair(status, bytes), expected)
            << expr.toString() << " of P = " << p << ", w = " << w;
        (status == CInterface::right ? numValues : numRefused) += 1;
      }
  }
  // Both kinds were met.
  EXPECT_GT(numValues, 1000);
  EXPECT_GT(numRefused, 1000);
}

TEST(CInterface, NamesWhatCHasNoNameFor) {
  Manifest m = makeManifest("phase", 0);
  m.ranks = {{"9x", std::nullopt}, {"int", std::nullopt}, {"E", 16}};
  m.arguments = {
      Argument::tensor("int", Argument::Access::read, DType::bf16,
                       {"9x", "int", "E"}),
      Argument::scalar("struct_size", DType::f32),
      Argument::scalar("a.b", DType::i1),
      Argument::tensor("a-b", Argument::Access::update, DType::e4m3, {"9x"})};
  m.parameters = {Manifest::Parameter::pointer("int")};
  m.phases[0].items = 1;
  auto interface = CInterface::create(m, "k");
  ASSERT_TRUE(interface.isOk());
  std::vector<std::string> names;
  for (const CInterface::Field &field : interface->getRanks())
    names.push_back(field.name);
  for (const CInterface::Field &field : interface->getArguments())
    names.push_back(field.name);
  EXPECT_EQ(names, (std::vector<std::string>{"_9x", "int_", "", "int_",
                                             "struct_size_", "a_b", "a_b_"}));
  std::string header = interface->formatHeader();
  for (const char *part :
       {"int64_t _9x, int_;", "[_9x, int_, E = 16], bf16: input",
        "const uint16_t *data;", "float struct_size_;", "uint8_t a_b;",
        "[_9x], e4m3: updated in place",
        "K_VALUE_a_b = ", "#define K_MEMORY_BYTES INT64_C(0)"})
    EXPECT_NE(header.find(part), std::string::npos) << part << header;
}

// What makes the same arguments another thing is another contract.
TEST(CInterface, ContractStandsForTheInterface) {
  auto getContract = [](auto change) {
    Manifest m = makeManifest("phase", 0);
    change(m);
    return CInterface::create(m, "k")->getContract();
  };
  uint64_t first = getContract([](Manifest &) {});
  EXPECT_EQ(first, getContract([](Manifest &m) { m.workspaceBytes = 64; }));
  EXPECT_NE(first, getContract([](Manifest &m) { m.ranks[0].most = 7; }));
  EXPECT_NE(first, getContract(
                       [](Manifest &m) { m.arguments[0].dtype = DType::i32; }));
  EXPECT_NE(first, getContract([](Manifest &m) {
              m.arguments[0].access = Argument::Access::update;
            }));
  EXPECT_NE(first, getContract([](Manifest &m) { m.arguments[0].name = "y"; }));
  EXPECT_NE(
      first,
      CInterface::create(makeManifest("phase", 0), "other")->getContract());
}
} // namespace
