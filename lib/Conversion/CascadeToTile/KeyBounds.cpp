//===- KeyBounds.cpp - where a predicate can hold and where it must -------===//

#include "KeyBounds.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

KeyInterval KeyBounds::analyze(EinsumOp op) {
  einsum = op;
  if (!op.hasWhere())
    return {};
  return analyzeValue(op.getWhere().front().getTerminator()->getOperand(0));
}

Value KeyBounds::addConstant(Value value, int64_t constant) {
  if (constant == 0)
    return value;
  return arith::AddIOp::create(emitter.builder, value.getLoc(), value,
                               emitter.getIndexConstant(constant));
}

std::optional<KeyBounds::Linear>
KeyBounds::combine(const Linear &lhs, const Linear &rhs, int64_t sign) {
  Linear result = lhs;
  result.keyFactor += sign * rhs.keyFactor;
  if (lhs.hasBase && rhs.hasBase)
    return std::nullopt;
  result.hasBase |= rhs.hasBase;
  for (auto [rank, factor] : rhs.rows) {
    auto *it = llvm::find_if(result.rows,
                             [r = rank](auto &row) { return row.first == r; });
    if (it == result.rows.end())
      result.rows.push_back({rank, sign * factor});
    else
      it->second += sign * factor;
  }
  if (!rhs.offset)
    return result;
  Location loc = einsum.getLoc();
  OpBuilder &b = emitter.builder;
  Value left = lhs.offset;
  if (!left)
    left = emitter.getIndexConstant(0);
  result.offset = sign > 0
                      ? Value(arith::AddIOp::create(b, loc, left, rhs.offset))
                      : Value(arith::SubIOp::create(b, loc, left, rhs.offset));
  return result;
}

std::optional<KeyBounds::Linear> KeyBounds::getLinear(Value value) {
  Linear result;
  // The scan's base and the tile's variable only ever stand together.
  if (value == base) {
    result.hasBase = true;
    return result;
  }
  if (auto index = value.getDefiningOp<IndexOp>()) {
    StringAttr rank = einsum.getVariableRank(
        *einsum.getVariablePosition(index.getVariable()));
    if (rank == sweptRank) {
      result.keyFactor = 1;
      return result;
    }
    const RankPlace &place = emitter.places[rank];
    if (place.tile > 0)
      result.rows.push_back({rank, 1});
    else
      result.offset = place.base;
    return result;
  }
  Operation *op = value.getDefiningOp();
  bool inside = op && op->getParentRegion() == &einsum.getWhere();
  APInt constant;
  if (!inside || matchPattern(value, m_ConstantInt(&constant)) ||
      isa<ExtentOp>(op)) {
    if (!value.getType().isIndex())
      return std::nullopt;
    FailureOr<Value> scalar = emitter.getScalar(value);
    if (failed(scalar))
      return std::nullopt;
    result.offset = *scalar;
    return result;
  }
  if (!isa<arith::AddIOp, arith::SubIOp>(op))
    return std::nullopt;
  auto lhs = getLinear(op->getOperand(0));
  auto rhs = getLinear(op->getOperand(1));
  if (!lhs || !rhs)
    return std::nullopt;
  if (isa<arith::SubIOp>(op) && rhs->hasBase) {
    // Keep the base with the key: a - (base + m) has factor -1.
    rhs->hasBase = false;
    auto difference = combine(*lhs, *rhs, -1);
    if (difference)
      difference->hasBase = true;
    return difference;
  }
  return combine(*lhs, *rhs, isa<arith::AddIOp>(op) ? 1 : -1);
}

Value KeyBounds::extreme(const Linear &linear, bool greatest) {
  OpBuilder &b = emitter.builder;
  Location loc = einsum.getLoc();
  Value sum = linear.offset ? linear.offset : emitter.getIndexConstant(0);
  for (auto [rank, factor] : linear.rows) {
    const RankPlace &place = emitter.places[rank];
    Value point = place.base ? place.base : emitter.getIndexConstant(0);
    // The last row of the tile that exists.
    if ((factor > 0) == greatest)
      point = arith::AddIOp::create(
          b, loc, point, addConstant(emitter.getValidCount(place), -1));
    if (factor != 1)
      point = arith::MulIOp::create(b, loc, point,
                                    emitter.getIndexConstant(factor));
    sum = arith::AddIOp::create(b, loc, sum, point);
  }
  return sum;
}

/// The predicate with its sides exchanged: a <= b is b >= a.
static arith::CmpIPredicate mirror(arith::CmpIPredicate predicate) {
  switch (predicate) {
  case arith::CmpIPredicate::sle:
    return arith::CmpIPredicate::sge;
  case arith::CmpIPredicate::slt:
    return arith::CmpIPredicate::sgt;
  case arith::CmpIPredicate::sge:
    return arith::CmpIPredicate::sle;
  case arith::CmpIPredicate::sgt:
    return arith::CmpIPredicate::slt;
  default:
    return predicate;
  }
}

KeyInterval KeyBounds::analyzeCompare(Operation *op) {
  auto compare = cast<arith::CmpIOp>(op);
  if (!compare.getLhs().getType().isIndex())
    return unknown();
  auto lhs = getLinear(compare.getLhs());
  auto rhs = getLinear(compare.getRhs());
  if (!lhs || !rhs)
    return unknown();
  auto predicate = compare.getPredicate();
  // Bring the key to the left with factor 1.
  if (lhs->keyFactor == 0 && rhs->keyFactor == 1) {
    std::swap(lhs, rhs);
    predicate = mirror(predicate);
  }
  bool keyLeft = lhs->keyFactor == 1 && rhs->keyFactor == 0;
  bool difference = lhs->keyFactor == -1 && rhs->keyFactor == 0;
  if ((!keyLeft && !difference) || !lhs->hasBase || rhs->hasBase)
    return unknown();
  // key + rest  op  rhs   is   key  op  rhs - rest, and
  // rest - key  op  rhs   is   key  mirrored-op  rest - rhs.
  Linear rest = *lhs;
  rest.keyFactor = 0;
  rest.hasBase = false;
  std::optional<Linear> bound =
      keyLeft ? combine(*rhs, rest, -1) : combine(rest, *rhs, -1);
  if (!bound)
    return unknown();
  if (difference)
    predicate = mirror(predicate);
  KeyInterval interval;
  switch (predicate) {
  case arith::CmpIPredicate::sle:
  case arith::CmpIPredicate::slt: {
    int64_t beyond = predicate == arith::CmpIPredicate::sle ? 1 : 0;
    interval.anyHi = addConstant(extreme(*bound, /*greatest=*/true), beyond);
    interval.fullHi = addConstant(extreme(*bound, /*greatest=*/false), beyond);
    return interval;
  }
  case arith::CmpIPredicate::sge:
  case arith::CmpIPredicate::sgt: {
    int64_t beyond = predicate == arith::CmpIPredicate::sgt ? 1 : 0;
    interval.anyLo = addConstant(extreme(*bound, /*greatest=*/false), beyond);
    interval.fullLo = addConstant(extreme(*bound, /*greatest=*/true), beyond);
    return interval;
  }
  default:
    return unknown();
  }
}

/// The smaller or greater of two bounds; absent ones do not bind.
static Value tighten(OpBuilder &b, Value lhs, Value rhs, bool smaller) {
  if (!lhs || !rhs)
    return lhs ? lhs : rhs;
  return smaller ? Value(arith::MinSIOp::create(b, lhs.getLoc(), lhs, rhs))
                 : Value(arith::MaxSIOp::create(b, lhs.getLoc(), lhs, rhs));
}

/// Likewise for a union: an absent bound stays absent.
static Value loosen(OpBuilder &b, Value lhs, Value rhs, bool smaller) {
  if (!lhs || !rhs)
    return {};
  return tighten(b, lhs, rhs, smaller);
}

KeyInterval KeyBounds::analyzeValue(Value predicate) {
  Operation *op = predicate.getDefiningOp();
  OpBuilder &b = emitter.builder;
  if (!op || op->getParentRegion() != &einsum.getWhere())
    return unknown();
  if (isa<arith::CmpIOp>(op))
    return analyzeCompare(op);
  if (!isa<arith::AndIOp, arith::OrIOp>(op))
    return unknown();
  KeyInterval lhs = analyzeValue(op->getOperand(0));
  KeyInterval rhs = analyzeValue(op->getOperand(1));
  KeyInterval result;
  if (isa<arith::AndIOp>(op)) {
    result.anyLo = tighten(b, lhs.anyLo, rhs.anyLo, /*smaller=*/false);
    result.anyHi = tighten(b, lhs.anyHi, rhs.anyHi, /*smaller=*/true);
    result.fullLo = tighten(b, lhs.fullLo, rhs.fullLo, /*smaller=*/false);
    result.fullHi = tighten(b, lhs.fullHi, rhs.fullHi, /*smaller=*/true);
    result.fullEmpty = lhs.fullEmpty || rhs.fullEmpty;
    return result;
  }
  result.anyLo = loosen(b, lhs.anyLo, rhs.anyLo, /*smaller=*/true);
  result.anyHi = loosen(b, lhs.anyHi, rhs.anyHi, /*smaller=*/false);
  // Two ranges without a lower (upper) bound join to one; of others one is
  // taken, which is right if not the most.
  if (lhs.fullEmpty || rhs.fullEmpty) {
    const KeyInterval &known = lhs.fullEmpty ? rhs : lhs;
    result.fullLo = known.fullLo;
    result.fullHi = known.fullHi;
    result.fullEmpty = known.fullEmpty;
  } else if (!lhs.fullLo && !rhs.fullLo) {
    result.fullHi = loosen(b, lhs.fullHi, rhs.fullHi, /*smaller=*/false);
  } else if (!lhs.fullHi && !rhs.fullHi) {
    result.fullLo = loosen(b, lhs.fullLo, rhs.fullLo, /*smaller=*/true);
  } else {
    result.fullLo = lhs.fullLo;
    result.fullHi = lhs.fullHi;
  }
  return result;
}
