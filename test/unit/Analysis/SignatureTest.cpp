//===- SignatureTest.cpp - names do not count, all else does --------------===//

#include "attn/Analysis/Signature.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;

static const char kText[] = R"mlir(
!A = !cascade.tensor<[B, P], f32, empty = 0.0>
!S = !cascade.tensor<[B], f32, empty = 0.0>
cascade.func @sum(%a: !A, %scale: f32 {cascade.default = "rsqrt(P)", cascade.doc = "factor"})
    -> (s: !S) attributes {reassoc} {
  %t = cascade.einsum [b, p] = %a[b, p] : !A -> !A
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  %s = cascade.einsum [b] = %t[b, p] reduce add : !A -> !S
  cascade.return %s : !S
}
)mlir";

static std::string replace(std::string text, const std::string &from,
                           const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

static std::string sign(const std::string &text) {
  MLIRContext context;
  context.loadDialect<cascade::CascadeDialect, arith::ArithDialect,
                      math::MathDialect>();
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module) {
    ADD_FAILURE() << text;
    return "";
  }
  return computeSignature(*module->getOps<cascade::FuncOp>().begin());
}

TEST(Signature, IsOfTheStructure) {
  std::string signature = sign(kText);
  EXPECT_EQ(signature.size(), 16u);
  EXPECT_EQ(sign(replace(kText, "@sum", "@other")), signature);
  // A rank has its name in types and, as a variable, in maps.
  std::string renamed = replace(replace(kText, "P", "LEN"), "%a", "%input");
  EXPECT_EQ(sign(replace(renamed, "p]", "len]")), signature);
  EXPECT_EQ(sign(replace(kText, "\"factor\"", "\"another text\"")), signature);
  EXPECT_EQ(sign(replace(kText, "rsqrt(P)", "2.0")), signature);
}

TEST(Signature, TellsProgramsApart) {
  std::string signature = sign(kText);
  EXPECT_NE(sign(replace(kText, "arith.mulf", "arith.addf")), signature);
  EXPECT_NE(sign(replace(kText, "reduce add", "reduce max")), signature);
  EXPECT_NE(sign(replace(kText, "%x, %scale", "%x, %x")), signature);
  EXPECT_NE(sign(replace(kText, "attributes {reassoc} ", "")), signature);
}
