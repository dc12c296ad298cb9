//===- ReassociateTest.cpp - another order, the same numbers --------------===//

#include "attn/Transforms/Reassociate.h"

#include "attn/Reference/CascadeInterpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;

static ReferenceTensor makeTensor(std::vector<int64_t> shape,
                                  std::mt19937 &random) {
  ReferenceTensor tensor;
  tensor.shape = std::move(shape);
  tensor.values.resize(tensor.getNumElements());
  std::uniform_real_distribution<double> value(-1, 1);
  for (double &element : tensor.values)
    element = value(random);
  return tensor;
}

static unsigned countEinsums(cascade::FuncOp func) {
  unsigned count = 0;
  func.walk([&](cascade::EinsumOp) { ++count; });
  return count;
}

// A chain of four matrices with scalar factors between, grouped heads and all
// extents small and odd: the interpreter must not see the difference.
TEST(Reassociate, KeepsTheValuesOfAChain) {
  mlir::MLIRContext context;
  context.loadDialect<cascade::CascadeDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
!Q = !cascade.tensor<[H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!X = !cascade.tensor<[F, N], f32, empty = 0.0>
!W = !cascade.tensor<[H, G, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[H, G, P, F], f32, empty = 0.0>
!Y = !cascade.tensor<[H, G, P, N], f32, empty = 0.0>
cascade.func @chain(%q: !Q, %k: !K, %v: !V, %x: !X, %c: f32) -> (y: !Y) attributes {reassoc} {
  %s = cascade.einsum [h, g, p, m] = %q[h, g, p, e], %k[h, m, e] reduce add : !Q, !K -> !W
  %t = cascade.einsum [h, g, p, m] = %s[h, g, p, m] : !W -> !W
    map (%a) {
      %r = arith.divf %a, %c : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [h, g, p, f] = %t[h, g, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  %u = cascade.einsum [h, g, p, f] = %o[h, g, p, f] : !O -> !O
    map (%a) {
      %b = arith.mulf %c, %a : f32
      %r = arith.mulf %b, %c : f32
      cascade.yield %r : f32
    }
  %y = cascade.einsum [h, g, p, n] = %u[h, g, p, f], %x[f, n] reduce add : !O, !X -> !Y
  cascade.return %y : !Y
})",
                                                        &context);
  ASSERT_TRUE(module);
  auto func = *module->getOps<cascade::FuncOp>().begin();
  std::mt19937 random(7);
  CascadeArguments arguments;
  arguments.tensors = {{"q", makeTensor({2, 3, 9, 3}, random)},
                       {"k", makeTensor({2, 11, 3}, random)},
                       {"v", makeTensor({2, 11, 5}, random)},
                       {"x", makeTensor({5, 2}, random)}};
  arguments.scalars = {{"c", 0.75}};
  auto before = interpretCascade(func, arguments);
  ASSERT_TRUE(before.isOk());

  reassociateProducts(
      func,
      {{"H", 2}, {"G", 3}, {"P", 9}, {"M", 11}, {"E", 3}, {"F", 5}, {"N", 2}});
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  // No tensor of queries by keys is left, and no factor is lost.
  func.walk([](cascade::EinsumOp einsum) {
    auto type = mlir::cast<cascade::NamedTensorType>(einsum.getType());
    EXPECT_FALSE(type.getRankPosition("P") && type.getRankPosition("M"));
  });
  EXPECT_EQ(countEinsums(func), 5u);

  auto after = interpretCascade(func, arguments);
  ASSERT_TRUE(after.isOk());
  const std::vector<double> &expected = before->at("y").values;
  const std::vector<double> &actual = after->at("y").values;
  ASSERT_EQ(actual.size(), expected.size());
  // Sums of fewer than 200 products below 2 in f64.
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(actual[i], expected[i], 200 * 2 * 1.2e-16);
}
