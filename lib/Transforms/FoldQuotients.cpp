//===- FoldQuotients.cpp - quotients of what was put together -------------===//

#include "FoldQuotients.h"

#include "dialects/Cascade/Cascade.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

/// The largest value of an index that is never negative; nothing if either is
/// not known.
static std::optional<int64_t> getLast(Value value) {
  if (auto constant = getConstantIntValue(value))
    return *constant >= 0 ? constant : std::nullopt;
  using Last = std::optional<int64_t>;
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  auto get = [&](unsigned operand) { return getLast(op->getOperand(operand)); };
  return llvm::TypeSwitch<Operation *, Last>(op)
      .Case([&](arith::RemUIOp) -> Last {
        auto divisor = get(1);
        return divisor && *divisor > 0 ? Last(*divisor - 1) : std::nullopt;
      })
      .Case([&](arith::AddIOp) -> Last {
        Last a = get(0), b = get(1);
        return a && b ? Last(*a + *b) : std::nullopt;
      })
      .Case([&](arith::MulIOp) -> Last {
        // Coordinates and extents: far below 2^63.
        Last a = get(0), b = get(1);
        return a && b ? Last(*a * *b) : std::nullopt;
      })
      .Case([&](arith::MinSIOp) -> Last {
        Last a = get(0), b = get(1);
        return a && b ? Last(std::min(*a, *b)) : std::nullopt;
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// Whether an index is made of coordinates so that it is never negative.
static bool isNotNegative(Value value) {
  if (auto constant = getConstantIntValue(value))
    return *constant >= 0;
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<cascade::IndexOp>(op))
    return true;
  return isa<arith::AddIOp, arith::MulIOp, arith::DivUIOp, arith::RemUIOp,
             arith::MinSIOp>(op) &&
         llvm::all_of(op->getOperands(), isNotNegative);
}

namespace {
/// A coordinate is not less than 0.
struct FoldSign : OpRewritePattern<arith::CmpIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::CmpIOp op,
                                PatternRewriter &rewriter) const override {
    bool isLess = op.getPredicate() == arith::CmpIPredicate::slt;
    if ((!isLess && op.getPredicate() != arith::CmpIPredicate::sge) ||
        getConstantIntValue(op.getRhs()) != 0 || !isNotNegative(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "is no sign of a coordinate");
    rewriter.replaceOpWithNewOp<arith::ConstantIntOp>(op, !isLess, 1);
    return success();
  }
};

/// For 0 <= b < c, (a * c + b) / (c * k) is a / k, and what is left of it
/// (a mod k) * c + b: with k = 1, a and b.
template <typename OpT> struct FoldQuotient : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    auto divisor = getConstantIntValue(op.getRhs());
    auto sum = op.getLhs().template getDefiningOp<arith::AddIOp>();
    if (!divisor || *divisor < 1 || !sum)
      return rewriter.notifyMatchFailure(op, "is of no sum by a constant");
    for (unsigned i : {0u, 1u}) {
      auto product = sum->getOperand(i).template getDefiningOp<arith::MulIOp>();
      Value rest = sum->getOperand(1 - i);
      std::optional<int64_t> last = getLast(rest);
      if (!product || !last)
        continue;
      for (unsigned j : {0u, 1u}) {
        auto factor = getConstantIntValue(product->getOperand(j));
        if (!factor || *factor <= *last || *divisor % *factor != 0)
          continue;
        // The unsigned ones do not see a sum less than 0 as one.
        if (!std::is_same_v<OpT, arith::FloorDivSIOp> &&
            !isNotNegative(product->getOperand(1 - j)))
          continue;
        rewriter.replaceOp(op, fold(op, product->getOperand(1 - j), *factor,
                                    rest, *divisor / *factor, rewriter));
        return success();
      }
    }
    return rewriter.notifyMatchFailure(op, "no term is a multiple of what the "
                                           "rest stays below");
  }

private:
  static Value fold(OpT op, Value a, int64_t c, Value b, int64_t k,
                    PatternRewriter &rewriter) {
    constexpr bool isRemainder = std::is_same_v<OpT, arith::RemUIOp>;
    if (k == 1)
      return isRemainder ? b : a;
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(rewriter, op.getLoc(), value);
    };
    Value part = OpT::create(rewriter, op.getLoc(), a, constant(k));
    if (!isRemainder)
      return part;
    part = arith::MulIOp::create(rewriter, op.getLoc(), part, constant(c));
    return arith::AddIOp::create(rewriter, op.getLoc(), part, b);
  }
};
} // namespace

void attn::populateFoldQuotientsPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldQuotient<arith::DivUIOp>, FoldQuotient<arith::FloorDivSIOp>,
               FoldQuotient<arith::RemUIOp>, FoldSign>(patterns.getContext());
}
