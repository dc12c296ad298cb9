//===- EinsumDot.cpp - sums of products as tile.dot -----------------------===//
//
// The map's factors form two groups: the factor with the most dimensions and
// the one that adds the most to it; each other factor joins a group that has
// its dimensions. What is in both groups is reduced, what is in one is kept.
//
//===----------------------------------------------------------------------===//

#include "EinsumEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

std::optional<SmallVector<EinsumEmitter::Factor>> EinsumEmitter::getFactors() {
  SmallVector<Factor> factors;
  if (!op.hasMap()) {
    for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i)
      factors.push_back({Value(), {i}, getOperandRanks(i)});
    return factors;
  }
  Block &body = op.getMap().front();
  bool plain = true;
  std::function<void(Value)> flatten = [&](Value value) {
    Operation *inner = value.getDefiningOp();
    if (inner && inner->getBlock() == &body && isa<arith::MulFOp>(inner) &&
        value.hasOneUse()) {
      flatten(inner->getOperand(0));
      flatten(inner->getOperand(1));
      return;
    }
    Factor factor{value, {}, {}};
    llvm::SetVector<unsigned> inputs;
    llvm::SetVector<StringAttr> ranks;
    std::function<void(Value)> collect = [&](Value v) {
      auto argument = dyn_cast<BlockArgument>(v);
      if (argument && argument.getOwner() == &body) {
        inputs.insert(argument.getArgNumber());
        ranks.insert_range(getOperandRanks(argument.getArgNumber()));
        return;
      }
      Operation *def = v.getDefiningOp();
      if (!def || def->getBlock() != &body)
        return;
      if (auto index = dyn_cast<IndexOp>(def)) {
        StringAttr rank =
            op.getVariableRank(*op.getVariablePosition(index.getVariable()));
        if (emitter.places[rank].tile != 0)
          ranks.insert(rank);
      }
      for (Value operand : def->getOperands())
        collect(operand);
    };
    collect(value);
    plain &= !inputs.empty();
    factor.inputs = inputs.takeVector();
    factor.ranks = ranks.takeVector();
    factors.push_back(std::move(factor));
  };
  flatten(body.getTerminator()->getOperand(0));
  if (!plain)
    return std::nullopt;
  return factors;
}

FailureOr<TileValue> EinsumEmitter::emitFactor(const Factor &factor) {
  TileValue result;
  result.ranks = factor.ranks;
  llvm::DenseMap<Value, Value> emitted;
  SmallVector<Value> empties;
  for (unsigned i : factor.inputs) {
    FailureOr<TileValue> operand = getOperand(i, /*keepPending=*/false);
    if (failed(operand))
      return failure();
    if (!factor.value || factor.value == Value(op.getMap().getArgument(i)))
      return operand;
    Value tile = convertTile(
        builder, op.getLoc(), operand->tile,
        cast<NamedTensorType>(op.getInputs()[i].getType()).getComputeType());
    if (op.getMerge(i) == Merge::Absorb && !emptiesByArithmetic(i)) {
      auto type = cast<RankedTensorType>(tile.getType());
      Value empty = buildSplat(
          builder, op.getLoc(), type,
          cast<NamedTensorType>(op.getInputs()[i].getType()).getEmpty());
      empties.push_back(
          spread(arith::CmpFOp::create(builder, op.getLoc(),
                                       arith::CmpFPredicate::OEQ, tile, empty),
                 operand->ranks, factor.ranks));
    }
    result.cleanTail |= op.getMerge(i) == Merge::Absorb && operand->cleanTail;
    emitted[op.getMap().getArgument(i)] =
        spread(tile, operand->ranks, factor.ranks);
  }
  FailureOr<Value> value = emitMapValue(factor.value, factor.ranks, emitted);
  if (failed(value))
    return failure();
  result.tile = *value;
  auto type = cast<RankedTensorType>(result.tile.getType());
  for (Value isEmpty : empties)
    result.tile = arith::SelectOp::create(
        builder, op.getLoc(), isEmpty,
        buildSplat(builder, op.getLoc(), type,
                   getNumericAttr(type.getElementType(), 0)),
        result.tile);
  return result;
}

/// The elements of 8 bits that `tile` has or widens, or null. All types of a
/// product hold them.
static Value findNarrow(Value tile) {
  auto isNarrow = [](Value value) {
    return getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() == 8;
  };
  if (isNarrow(tile))
    return tile;
  Operation *op = tile.getDefiningOp();
  return isa_and_nonnull<arith::ExtFOp, arith::SIToFPOp>(op) &&
                 isNarrow(op->getOperand(0))
             ? op->getOperand(0)
             : Value();
}

/// The type of a product's operands: that of the side that comes from memory,
/// to which a computed factor is rounded. One that is in memory as f32 (the
/// sums of another program) keeps its digits. Beside elements of 8 bits the
/// weights of a sum over a sequence have the type that the function's tensors
/// are bound to, as they have beside others; other computed factors keep their
/// digits.
static Type chooseProductType(FuncOp func, const TileValue &lhs,
                              const TileValue &rhs, bool sumsSequence) {
  Type f32 = Float32Type::get(func.getContext());
  auto elementOf = [](const TileValue &side) {
    return cast<RankedTensorType>(side.tile.getType()).getElementType();
  };
  Type left = elementOf(lhs), right = elementOf(rhs);
  bool isLeftNarrow(findNarrow(lhs.tile)), isRightNarrow(findNarrow(rhs.tile));
  if (isLeftNarrow || isRightNarrow) {
    const TileValue &other = isLeftNarrow ? rhs : lhs;
    bool isKnown = other.loaded && isLeftNarrow != isRightNarrow;
    auto bound = func->getAttrOfType<TypeAttr>(FuncOp::kPrecisionAttr);
    return isKnown                 ? elementOf(other)
           : bound && sumsSequence ? bound.getValue()
                                   : f32;
  }
  bool keepsDigits =
      (left.isF32() && lhs.loaded) || (right.isF32() && rhs.loaded);
  return left == right   ? left
         : keepsDigits   ? f32
         : left.isF32()  ? right
         : right.isF32() ? left
                         : f32;
}

FailureOr<std::optional<TileValue>> EinsumEmitter::tryDot() {
  std::optional<TileValue> none;
  auto resultType = cast<NamedTensorType>(op.getType());
  if (!op.getMonoidAttr() || op.getMonoidAttr().getName() != "add" ||
      !resultType.getComputeType().isF32())
    return none;
  auto factors = getFactors();
  if (!factors || factors->size() < 2)
    return none;
  // Two groups: the factor with the most dimensions, and the one that adds the
  // most to it; each other factor joins a group that has its dimensions.
  auto covers = [](const Factor &group, const Factor &factor) {
    return llvm::all_of(factor.ranks, [&](StringAttr rank) {
      return llvm::is_contained(group.ranks, rank);
    });
  };
  unsigned lhs = 0, rhs = 1;
  unsigned best = 0;
  for (unsigned i = 0; i < factors->size(); ++i)
    for (unsigned j = i + 1; j < factors->size(); ++j) {
      llvm::SetVector<StringAttr> both;
      both.insert_range((*factors)[i].ranks);
      both.insert_range((*factors)[j].ranks);
      if (both.size() > best) {
        best = both.size();
        lhs = i;
        rhs = j;
      }
    }
  SmallVector<unsigned> groups[2] = {{lhs}, {rhs}};
  for (unsigned i = 0; i < factors->size(); ++i) {
    if (i == lhs || i == rhs)
      continue;
    if (covers((*factors)[lhs], (*factors)[i]))
      groups[0].push_back(i);
    else if (covers((*factors)[rhs], (*factors)[i]))
      groups[1].push_back(i);
    else
      return none;
  }
  // Dimensions of the iteration; a product has each in one or both groups and
  // a reduced one in both.
  llvm::SetVector<StringAttr> all;
  all.insert_range((*factors)[lhs].ranks);
  all.insert_range((*factors)[rhs].ranks);
  TileValue result;
  for (AffineExpr expr : op.getOutputMap().getResults()) {
    StringAttr rank =
        op.getVariableRank(cast<AffineDimExpr>(expr).getPosition());
    if (emitter.places[rank].tile == 0)
      continue;
    if (!all.contains(rank))
      return none;
    result.ranks.push_back(rank);
  }
  bool reducesAny = false, sumsSequence = false;
  for (StringAttr rank : all) {
    bool shared = llvm::is_contained((*factors)[lhs].ranks, rank) &&
                  llvm::is_contained((*factors)[rhs].ranks, rank);
    bool reduced = !llvm::is_contained(result.ranks, rank);
    reducesAny |= reduced;
    sumsSequence |= reduced && emitter.places[rank].valid;
    if (shared != reduced)
      return none;
  }
  if (!reducesAny)
    return none;

  Location loc = op.getLoc();
  TileValue sides[2];
  for (int side : {0, 1}) {
    SmallVector<StringAttr> ranks = (*factors)[side == 0 ? lhs : rhs].ranks;
    for (unsigned i : groups[side]) {
      FailureOr<TileValue> factor = emitFactor((*factors)[i]);
      if (failed(factor))
        return failure();
      if (!sides[side].tile) {
        sides[side] = *factor;
        ranks = factor->ranks;
        continue;
      }
      Type f32 = builder.getF32Type();
      sides[side].tile = arith::MulFOp::create(
          builder, loc, convertTile(builder, loc, sides[side].tile, f32),
          spread(convertTile(builder, loc, factor->tile, f32), factor->ranks,
                 ranks));
    }
  }
  if (!llvm::is_contained(result.ranks, emitter.gaps.rank))
    for (TileValue &side : sides)
      if (failed(emitter.emptyUnseen(side, loc)))
        return failure();
  // Points beyond the last of a reduced rank contribute nothing.
  for (TileValue &side : sides) {
    bool tail = llvm::any_of(side.ranks, [&](StringAttr rank) {
      return emitter.places[rank].valid &&
             !llvm::is_contained(result.ranks, rank);
    });
    if (!tail || side.cleanTail)
      continue;
    side.maskPending = true;
    if (failed(
            emitter.applyMask(side, getNumericAttr(builder.getF32Type(), 0))))
      return failure();
  }
  Type element =
      chooseProductType(emitter.func, sides[0], sides[1], sumsSequence);
  for (TileValue &side : sides)
    side.tile = convertTile(builder, loc, side.tile, element);
  auto mapOf = [&](ArrayRef<StringAttr> ranks) -> AffineMap {
    SmallVector<AffineExpr> exprs;
    for (StringAttr rank : ranks)
      exprs.push_back(getAffineDimExpr(llvm::find(all, rank) - all.begin(),
                                       op.getContext()));
    return AffineMap::get(all.size(), 0, exprs, op.getContext());
  };
  auto type =
      RankedTensorType::get(getShape(result.ranks), builder.getF32Type());
  Value zero =
      buildSplat(builder, loc, type, getNumericAttr(builder.getF32Type(), 0));
  result.tile = tile::DotOp::create(
      builder, loc, type, sides[0].tile, sides[1].tile, zero,
      builder.getAffineMapArrayAttr(
          {mapOf(sides[0].ranks), mapOf(sides[1].ranks), mapOf(result.ranks)}));
  // The zeros of the points that are not there are not empty.
  bool tail = llvm::any_of(result.ranks, [&](StringAttr rank) {
    const RankPlace &place = emitter.places[rank];
    return place.valid && !place.base;
  });
  result.maskPending = tail || op.hasWhere();
  if (op.hasWhere())
    result.where = op;
  return std::optional<TileValue>(result);
}
