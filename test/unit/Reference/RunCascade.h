//===- RunCascade.h - runs a cascade given as text
//---------------------------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_RUNCASCADE_H
#define ATTN_TEST_UNIT_REFERENCE_RUNCASCADE_H

#include "attn/Reference/CascadeInterpreter.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace attn::test {

constexpr double kInf = std::numeric_limits<double>::infinity();
inline const double kNaN = std::numeric_limits<double>::quiet_NaN();

using Tensors = std::map<std::string, ReferenceTensor>;

/// The results of a cascade, or the message of its refusal.
struct Outcome {
  Tensors results;
  std::string message;

  const std::vector<double> &operator[](const std::string &name) const {
    return results.at(name).values;
  }
};

/// What the interpreter makes of the module `text`, which holds one function.
/// `unfused` names a float type such as "bf16", or none.
inline Outcome runCascade(const std::string &text,
                          const CascadeArguments &arguments,
                          const std::string &unfused = {},
                          int64_t scanPieces = 1, unsigned sumOrder = 0) {
  mlir::MLIRContext context;
  context.loadDialect<cascade::CascadeDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return {{}, "does not parse"};
  InterpretOptions options;
  options.scanPieces = scanPieces;
  options.sumOrder = sumOrder;
  if (!unfused.empty())
    options.unfusedType =
        mlir::cast<mlir::FloatType>(mlir::parseType(unfused, &context));
  auto func = *module->getOps<cascade::FuncOp>().begin();
  auto results = interpretCascade(func, arguments, options);
  if (!results.isOk())
    return {{}, results.getStatus().message()};
  return {std::move(*results), {}};
}

/// The text of a shipped variant.
inline std::string readVariant(const std::string &name) {
  std::ifstream file(std::string(ATTN_VARIANTS_DIR) + "/" + name + ".mlir");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Equal values; NaNs are equal to each other.
inline void expectValues(const std::vector<double> &actual,
                         const std::vector<double> &expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    if (!(std::isnan(actual[i]) && std::isnan(expected[i])))
      EXPECT_EQ(actual[i], expected[i]) << "at element " << i;
}

/// Repeatable values in [-1, 1).
class Values {
public:
  explicit Values(uint64_t seed) : state(seed * 2 + 1) {}

  double next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(static_cast<int64_t>(state) >> 11) / (1ll << 52);
  }

  ReferenceTensor tensor(std::vector<int64_t> shape) {
    ReferenceTensor tensor;
    tensor.shape = std::move(shape);
    tensor.values.resize(tensor.getNumElements());
    for (double &value : tensor.values)
      value = next();
    return tensor;
  }

private:
  uint64_t state;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_RUNCASCADE_H
