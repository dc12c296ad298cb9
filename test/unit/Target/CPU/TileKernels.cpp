//===- TileKernels.cpp - compiles the programs in Inputs/ -----------------===//

#include "TileKernels.h"

#include "attn/Registration/Registration.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace attn;
using namespace attn::test;

std::string attn::test::readProgram(const std::string &file,
                                    const Substitutions &names) {
  std::ifstream stream(std::string(ATTN_TEST_INPUTS) + "/" + file);
  EXPECT_TRUE(stream.good()) << file;
  std::stringstream buffer;
  buffer << stream.rdbuf();
  std::string text = buffer.str();
  // Longer names first: $T is the beginning of others.
  std::vector<std::pair<std::string, std::string>> order(names.begin(),
                                                         names.end());
  std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
    return a.first.size() > b.first.size();
  });
  for (const auto &[name, value] : order)
    for (size_t at = 0; (at = text.find("$" + name, at)) != std::string::npos;)
      text.replace(at, name.size() + 1, value);
  return text;
}

std::shared_ptr<const Kernel>
attn::test::compileProgram(const std::string &file, const Substitutions &names,
                           const std::string &target) {
  static std::map<std::string, std::shared_ptr<const Kernel>> compiled;
  std::string text = readProgram(file, names);
  auto [it, added] = compiled.try_emplace(target + text);
  if (!added)
    return it->second;
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
  if (!module)
    return nullptr;
  cpu::CompileOptions options;
  options.target = target;
  auto kernel = cpu::compileToJit(*module, options);
  EXPECT_TRUE(mlir::succeeded(kernel)) << text;
  if (mlir::succeeded(kernel))
    it->second = *kernel;
  return it->second;
}

void attn::test::runKernel(std::shared_ptr<const Kernel> kernel,
                           const std::vector<ArgumentValue> &values,
                           int threads) {
  ASSERT_TRUE(kernel);
  std::shared_ptr<ThreadPool> pool;
  if (threads > 1) {
    auto made = ThreadPool::create(threads);
    ASSERT_TRUE(made.isOk()) << made.getStatus().message();
    pool = std::move(*made);
  }
  auto plan = Plan::prepare(kernel, values, pool);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  Status status = (*plan)->run();
  ASSERT_TRUE(status.isOk()) << status.message();
}

std::vector<std::string> attn::test::getRunnableTargets() {
  std::vector<std::string> targets;
  std::string host = cpu::getMachine("host")->name;
  bool runs = false;
  // The table goes from the most to the least demanding.
  for (llvm::StringRef name : cpu::getMachineNames().drop_front()) {
    runs = runs || name == host;
    if (runs)
      targets.push_back(name.str());
  }
  return targets;
}

std::shared_ptr<const Kernel>
attn::test::compileAttention(const AttentionCase &c) {
  std::string type(getName(c.type));
  auto text = [](int64_t n) { return std::to_string(n); };
  std::string scores = text(c.tileQueries) + "x" + text(c.tileKeys);
  std::string out = text(c.tileQueries) + "x" + text(c.valueDim);
  std::string round = "%x = arith.truncf %e : tensor<" + scores +
                      "xf32> to tensor<" + scores + "x" + type + ">";
  std::string stored = "%stored = arith.truncf %out : tensor<" + out +
                       "xf32> to tensor<" + out + "x" + type + ">\n";
  if (c.type == DType::f32) {
    round = "%one = arith.constant dense<1.0> : tensor<" + scores + "xf32>\n" +
            "%x = arith.mulf %e, %one : tensor<" + scores + "xf32>";
    stored = "%stored = arith.addf %out, %zeroO : tensor<" + out + "xf32>\n";
  }
  stored += "tile.store %stored, %o[#row](%b, %h, %p0) valid(%np, %cf) : "
            "tensor<" +
            out + "x" + type + ">, memref<?x?x?x?x" + type +
            ", strided<[?, ?, ?, ?], offset: ?>>";
  return compileProgram("attention.mlir",
                        {{"T", type},
                         {"O", type},
                         {"E", text(c.headDim)},
                         {"F", text(c.valueDim)},
                         {"TP", text(c.tileQueries)},
                         {"TM", text(c.tileKeys)},
                         {"ROUND", round},
                         {"STORE", stored}},
                        c.target);
}
