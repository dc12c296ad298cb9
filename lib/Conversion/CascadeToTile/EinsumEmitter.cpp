//===- EinsumEmitter.cpp - one Einsum on tiles ----------------------------===//

#include "EinsumEmitter.h"

#include "attn/Analysis/ScalarExpr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

Value attn::convertTile(OpBuilder &builder, Location loc, Value tile,
                        Type elementType) {
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getElementType() == elementType)
    return tile;
  Type to = type.clone(elementType);
  if (elementType.getIntOrFloatBitWidth() >
      type.getElementType().getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, loc, to, tile);
  if (elementType.getIntOrFloatBitWidth() <
      type.getElementType().getIntOrFloatBitWidth())
    return arith::TruncFOp::create(builder, loc, to, tile);
  // Between bf16 and f16.
  Value wide = arith::ExtFOp::create(builder, loc,
                                     type.clone(builder.getF32Type()), tile);
  return arith::TruncFOp::create(builder, loc, to, wide);
}

SmallVector<int64_t> EinsumEmitter::getShape(ArrayRef<StringAttr> ranks) {
  SmallVector<int64_t> shape;
  for (StringAttr rank : ranks)
    shape.push_back(emitter.places[rank].tile);
  return shape;
}

LogicalResult EinsumEmitter::checkSupported() {
  // Those of an update's output are looked after where that is stored.
  bool readsThrough = !op.getIndices().empty() && !op.getInto();
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i)
    for (unsigned s = 0, n = op.getIndices().size(); s < n; ++s)
      readsThrough |= op.getInputMap(i).isFunctionOfSymbol(s);
  if (readsThrough)
    return op.emitOpError("has no lowering to tile: it reads a rank through an "
                          "index tensor");
  llvm::DenseSet<StringAttr> ranks;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
    const RankPlace *place =
        emitter.getPlace(op.getVariableRank(v), op.getLoc());
    if (!place)
      return failure();
    if (!ranks.insert(op.getVariableRank(v)).second)
      return op.emitOpError("has no lowering to tile: two variables range over "
                            "rank '")
             << op.getVariableRank(v).getValue()
             << "'; give one of them a rank of its own";
    if (op.isReduced(v) && place->tile == 0)
      return op.emitOpError("has no lowering to tile: it reduces rank '")
             << op.getVariableRank(v).getValue()
             << "', over which the work is cut";
  }
  for (AffineExpr expr : op.getOutputMap().getResults())
    if (!isa<AffineDimExpr>(expr) && !op.getInto())
      return op.emitOpError(
          "has no lowering to tile: its output index is not a "
          "list of variables");
  return success();
}

SmallVector<StringAttr> EinsumEmitter::getOperandRanks(unsigned input) {
  llvm::SetVector<StringAttr> ranks;
  for (AffineExpr expr : op.getInputMap(input).getResults())
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
      if (expr.isFunctionOfDim(v) &&
          emitter.places[op.getVariableRank(v)].tile != 0)
        ranks.insert(op.getVariableRank(v));
  return ranks.takeVector();
}

FailureOr<TileValue> EinsumEmitter::getOperand(unsigned input,
                                               bool keepPending) {
  Value value = op.getInputs()[input];
  if (emitter.isMemory(value))
    return emitter.load(op, input, emitter.memory.find(value)->second);
  // A computed value is there at its own ranks; a variable over another rank
  // may run through the same coordinates.
  auto type = cast<NamedTensorType>(value.getType());
  llvm::DenseMap<StringAttr, StringAttr> renamed;
  for (auto [expr, rank] :
       llvm::zip(op.getInputMap(input).getResults(), type.getRanks())) {
    std::optional<unsigned> variable =
        emitter.getIdentityVariable(op, expr, rank);
    if (!variable)
      return op.emitOpError("has no lowering to tile: operand #")
             << input << " is computed and not read at its own coordinates";
    renamed[rank] = op.getVariableRank(*variable);
  }
  FailureOr<TileValue> tile = emitter.getTile(value, keepPending);
  if (failed(tile))
    return failure();
  for (StringAttr &rank : tile->ranks)
    rank = renamed[rank];
  return tile;
}

//===----------------------------------------------------------------------===//
// Emptiness
//===----------------------------------------------------------------------===//

static constexpr unsigned kOutside = 1u << 16;

/// The value of the map at operand `input` = `at` and sample values of all else
/// is `expected` at every sample.
static bool mapsTo(EinsumOp op, unsigned input, double at,
                   std::optional<std::pair<unsigned, double>> also,
                   double expected) {
  if (!op.hasMap()) {
    // A product.
    return op.getInputs().size() == 1
               ? at == expected
               : (at == 0 && expected == 0) || (also && also->second == 0);
  }
  Block &body = op.getMap().front();
  llvm::DenseMap<Value, unsigned> outside;
  auto expr =
      buildScalarExpr(body, [&](Value value) -> std::optional<unsigned> {
        auto argument = dyn_cast<BlockArgument>(value);
        if (argument && argument.getOwner() == &body)
          return argument.getArgNumber();
        if (!argument && value.getDefiningOp()->getBlock() == &body &&
            !isa<IndexOp, ExtentOp, ReadOp>(value.getDefiningOp()))
          return std::nullopt;
        return outside.try_emplace(value, kOutside + outside.size())
            .first->second;
      });
  if (failed(expr))
    return false;
  for (double sample : {0.75, -1.5, 3.0}) {
    auto value = evaluate(*expr, [&](unsigned leaf) {
      if (leaf == input)
        return at;
      if (also && leaf == also->first)
        return also->second;
      return sample + 0.25 * (leaf % 8);
    });
    if (!value || *value != expected)
      return false;
  }
  return true;
}

static double resultEmpty(EinsumOp op) {
  auto type = cast<NamedTensorType>(op.getType());
  if (MonoidAttr monoid = op.getMonoidAttr())
    return *getNumericValue(monoid.getInfo().identity(type.getComputeType()));
  return *getNumericValue(type.getEmpty());
}

static double operandEmpty(EinsumOp op, unsigned input) {
  return *getNumericValue(
      cast<NamedTensorType>(op.getInputs()[input].getType()).getEmpty());
}

bool EinsumEmitter::emptiesByArithmetic(unsigned input) {
  return mapsTo(op, input, operandEmpty(op, input), std::nullopt,
                resultEmpty(op));
}

bool EinsumEmitter::isGuarded(unsigned input, const TileValue &value) {
  for (auto [i, other] : llvm::enumerate(op.getInputs()))
    if (i != input && value.emptyWith.contains(other) &&
        op.getMerge(i) == Merge::Absorb &&
        mapsTo(op, i, operandEmpty(op, i), std::make_pair(input, 0.0),
               resultEmpty(op)))
      return true;
  return false;
}

//===----------------------------------------------------------------------===//
// Element-wise maps
//===----------------------------------------------------------------------===//

Value EinsumEmitter::spread(Value tile, ArrayRef<StringAttr> from,
                            ArrayRef<StringAttr> to) {
  Location loc = op.getLoc();
  // Order first, then repeat.
  SmallVector<StringAttr> ordered;
  for (StringAttr rank : to)
    if (llvm::is_contained(from, rank))
      ordered.push_back(rank);
  if (!llvm::equal(ordered, from)) {
    SmallVector<int64_t> permutation;
    for (StringAttr rank : ordered)
      permutation.push_back(llvm::find(from, rank) - from.begin());
    tile = tile::TransposeOp::create(builder, loc, tile, permutation);
  }
  SmallVector<int64_t> dims;
  for (auto [i, rank] : llvm::enumerate(to))
    if (!llvm::is_contained(from, rank))
      dims.push_back(i);
  if (dims.empty())
    return tile;
  auto type = RankedTensorType::get(
      getShape(to), cast<RankedTensorType>(tile.getType()).getElementType());
  return tile::BroadcastOp::create(builder, loc, type, tile, dims);
}

Value EinsumEmitter::splat(Value scalar, ArrayRef<StringAttr> ranks) {
  SmallVector<int64_t> shape = getShape(ranks);
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
  return tile::BroadcastOp::create(
      builder, op.getLoc(), RankedTensorType::get(shape, scalar.getType()),
      scalar, dims);
}

/// Whether all points of `tile` have one number.
static bool isUniform(Value tile) {
  auto broadcast = tile.getDefiningOp<tile::BroadcastOp>();
  return matchPattern(tile, m_Constant()) ||
         (broadcast && !isa<RankedTensorType>(broadcast.getSource().getType()));
}

/// That number.
static Value getUniform(OpBuilder &builder, Value tile) {
  if (auto broadcast = tile.getDefiningOp<tile::BroadcastOp>())
    return broadcast.getSource();
  SplatElementsAttr elements;
  matchPattern(tile, m_Constant(&elements));
  return arith::ConstantOp::create(builder, tile.getLoc(),
                                   elements.getSplatValue<TypedAttr>());
}

Value EinsumEmitter::readNumber(Value table, ValueRange coordinates,
                                TypedAttr empty) {
  // What the sweep does not move is read once, before it.
  OpBuilder::InsertionGuard guard(builder);
  if (emitter.sweep && llvm::none_of(coordinates, [&](Value coordinate) {
        return emitter.sweep->isAncestor(
            coordinate.getParentBlock()->getParentOp());
      }))
    builder.setInsertionPoint(emitter.sweep);
  return tile::ElementOp::create(builder, op.getLoc(), table, coordinates,
                                 empty);
}

FailureOr<Value>
EinsumEmitter::emitRead(ReadOp read, ArrayRef<StringAttr> ranks,
                        llvm::DenseMap<Value, Value> &emitted) {
  auto it = emitter.memory.find(read.getSource());
  if (it == emitter.memory.end() || it->second.slicedRank)
    return read.emitOpError("has no lowering to tile: a map reads tables that "
                            "are arguments, but ")
           << (it == emitter.memory.end() ? "this one is computed"
                                          : "a scan cuts this one")
           << "; make it an operand of the Einsum";
  const MemoryTensor &table = it->second;
  Location loc = read.getLoc();
  SmallVector<Value> coordinates;
  bool isAnyOwn = false;
  for (Value coordinate : read.getCoordinates()) {
    FailureOr<Value> tile = emitMapValue(coordinate, ranks, emitted);
    if (failed(tile))
      return failure();
    bool isOwn = !isUniform(*tile);
    isAnyOwn |= isOwn;
    coordinates.push_back(isOwn ? *tile : getUniform(builder, *tile));
  }
  Type element = cast<MemRefType>(table.memref.getType()).getElementType();
  TypedAttr empty =
      getNumericAttr(element, *getNumericValue(table.type.getEmpty()));
  Value result;
  if (isAnyOwn)
    result = tile::GatherOp::create(
        builder, loc, RankedTensorType::get(getShape(ranks), element),
        table.memref, coordinates, empty);
  else
    result = splat(readNumber(table.memref, coordinates, empty), ranks);
  return isa<FloatType>(element)
             ? convertTile(builder, loc, result, read.getType())
             : result;
}

FailureOr<Value>
EinsumEmitter::emitMapValue(Value value, ArrayRef<StringAttr> ranks,
                            llvm::DenseMap<Value, Value> &emitted) {
  if (Value known = emitted.lookup(value))
    return known;
  Location loc = op.getLoc();
  SmallVector<int64_t> shape = getShape(ranks);
  Operation *inner = value.getDefiningOp();
  Value result;
  bool inside = inner && inner->getParentRegion() == &op.getMap();
  Attribute constant;
  if (inside && matchPattern(inner, m_Constant(&constant))) {
    result =
        buildSplat(builder, loc, RankedTensorType::get(shape, value.getType()),
                   cast<TypedAttr>(constant));
  } else if (!inside || isa<ExtentOp>(inner)) {
    FailureOr<Value> scalar = emitter.getScalar(value);
    if (failed(scalar))
      return failure();
    result = splat(*scalar, ranks);
  } else if (auto index = dyn_cast<IndexOp>(inner)) {
    StringAttr rank =
        op.getVariableRank(*op.getVariablePosition(index.getVariable()));
    const RankPlace &place = emitter.places[rank];
    if (place.tile == 0) {
      result = splat(place.base, ranks);
    } else {
      Value base = place.base ? place.base : emitter.getIndexConstant(0);
      Value coordinate = tile::CoordOp::create(
          builder, loc,
          RankedTensorType::get({place.tile}, builder.getIndexType()), base);
      result = spread(coordinate, {rank}, ranks);
    }
  } else if (auto read = dyn_cast<ReadOp>(inner)) {
    FailureOr<Value> elements = emitRead(read, ranks, emitted);
    if (failed(elements))
      return failure();
    result = *elements;
  } else if (isa<MemberOp>(inner)) {
    return inner->emitOpError("has no lowering to tile in a map region; state "
                              "it in the 'where' region");
  } else {
    if (inner->getNumResults() != 1 || inner->getNumRegions() != 0)
      return inner->emitOpError("has no lowering to tile");
    SmallVector<Value> operands;
    for (Value operand : inner->getOperands()) {
      FailureOr<Value> tile = emitMapValue(operand, ranks, emitted);
      if (failed(tile))
        return failure();
      operands.push_back(*tile);
    }
    // Of coordinates, what is one number at all points is computed once.
    bool isNumber = value.getType().isIntOrIndex() && !operands.empty() &&
                    llvm::all_of(operands, isUniform);
    if (isNumber)
      for (Value &operand : operands)
        operand = getUniform(builder, operand);
    guardDivisor(builder, inner, operands);
    Type type = isNumber ? value.getType()
                         : RankedTensorType::get(shape, value.getType());
    OperationState state(loc, inner->getName(), operands, type,
                         inner->getAttrs());
    state.propertiesAttr = inner->getPropertiesAsAttribute();
    result = builder.create(state)->getResult(0);
    if (isNumber)
      result = splat(result, ranks);
  }
  emitted[value] = result;
  return result;
}

/// A maximum of operands is empty only where each of them is.
void EinsumEmitter::noteMaximum(TileValue &result) {
  if (!op.hasMap())
    return;
  Value yielded = op.getMap().front().getTerminator()->getOperand(0);
  auto maximum = yielded.getDefiningOp<arith::MaximumFOp>();
  if (!maximum)
    return;
  for (Value operand : maximum->getOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand);
    if (!argument || argument.getOwner() != &op.getMap().front())
      continue;
    Value input = op.getInputs()[argument.getArgNumber()];
    result.emptyWith.insert(input);
    auto known = emitter.tiles.find(input);
    if (known != emitter.tiles.end())
      result.emptyWith.insert(known->second.emptyWith.begin(),
                              known->second.emptyWith.end());
  }
}

FailureOr<TileValue> EinsumEmitter::emitElementwise() {
  Location loc = op.getLoc();
  auto resultType = cast<NamedTensorType>(op.getType());
  TileValue result;
  // All tiled variables: those of the output first.
  llvm::SetVector<StringAttr> all;
  SmallVector<int64_t> reducedDims;
  bool reducesTail = false;
  auto isTiled = [&](unsigned v) {
    return emitter.places[op.getVariableRank(v)].tile != 0;
  };
  for (AffineExpr expr : op.getOutputMap().getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr);
        dim && isTiled(dim.getPosition()))
      all.insert(op.getVariableRank(dim.getPosition()));
  result.ranks.assign(all.begin(), all.end());
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
    if (op.isReduced(v) && all.insert(op.getVariableRank(v))) {
      reducedDims.push_back(all.size() - 1);
      const RankPlace &place = emitter.places[op.getVariableRank(v)];
      reducesTail |= place.valid != nullptr;
    }
  ArrayRef<StringAttr> ranks = all.getArrayRef();

  // Operands. One whose mask is pending hands it on if it absorbs and spans the
  // result; the value is then masked once, as late as possible.
  llvm::DenseMap<Value, Value> emitted;
  SmallVector<Value> factors;
  SmallVector<std::pair<unsigned, Value>> selects;
  bool pending = false;
  EinsumOp where = op.hasWhere() ? op : EinsumOp();
  bool clean = false;
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i) {
    bool absorbs = op.getMerge(i) == Merge::Absorb;
    bool handsOn = absorbs && !op.getMonoidAttr() && !where && !pending &&
                   getOperandRanks(i).size() == ranks.size();
    FailureOr<TileValue> operand = getOperand(i, handsOn);
    if (failed(operand))
      return failure();
    Type compute =
        cast<NamedTensorType>(op.getInputs()[i].getType()).getComputeType();
    Value tile = operand->tile;
    if (isa<FloatType>(compute))
      tile = convertTile(builder, loc, tile, compute);
    if (operand->maskPending) {
      pending = true;
      result.maskPending = true;
      result.where = operand->where;
    } else if (absorbs && !emptiesByArithmetic(i)) {
      auto type = cast<RankedTensorType>(tile.getType());
      Value empty = buildSplat(
          builder, loc, type,
          cast<NamedTensorType>(op.getInputs()[i].getType()).getEmpty());
      Value isEmpty =
          isa<FloatType>(compute)
              ? Value(arith::CmpFOp::create(
                    builder, loc, arith::CmpFPredicate::OEQ, tile, empty))
              : Value(arith::CmpIOp::create(
                    builder, loc, arith::CmpIPredicate::eq, tile, empty));
      if (isGuarded(i, *operand)) {
        Value zero = buildSplat(builder, loc, type,
                                getNumericAttr(type.getElementType(), 0));
        tile = arith::SelectOp::create(builder, loc, isEmpty, zero, tile);
      } else {
        selects.push_back({i, spread(isEmpty, operand->ranks, ranks)});
      }
    }
    clean |= absorbs && operand->cleanTail &&
             llvm::any_of(operand->ranks, [&](StringAttr rank) {
               const RankPlace &place = emitter.places[rank];
               return place.valid && !place.base;
             });
    Value wide = spread(tile, operand->ranks, ranks);
    if (op.hasMap())
      emitted[op.getMap().getArgument(i)] = wide;
    factors.push_back(wide);
  }

  Value value;
  if (op.hasMap()) {
    FailureOr<Value> mapped = emitMapValue(
        op.getMap().front().getTerminator()->getOperand(0), ranks, emitted);
    if (failed(mapped))
      return failure();
    value = *mapped;
  } else {
    value = factors[0];
    for (Value factor : ArrayRef(factors).drop_front())
      value = arith::MulFOp::create(builder, loc, value, factor);
  }
  auto type = cast<RankedTensorType>(value.getType());
  TypedAttr empty = getNumericAttr(type.getElementType(), resultEmpty(op));
  for (auto [input, isEmpty] : selects)
    value = arith::SelectOp::create(
        builder, loc, isEmpty, buildSplat(builder, loc, type, empty), value);
  result.tile = value;
  result.cleanTail = clean;
  if (!op.getMonoidAttr()) {
    if (where) {
      result.maskPending = true;
      result.where = where;
    }
    noteMaximum(result);
    return result;
  }

  // Reduce. Points that are not there hold the identity.
  StringRef monoid = op.getMonoidAttr().getName().getValue();
  auto kind = tile::symbolizeReduceKind(monoid);
  if (!kind)
    return op.emitOpError("has no lowering to tile: it reduces by '")
           << monoid << "'";
  if (where && *getNumericValue(resultType.getEmpty()) != resultEmpty(op))
    return op.emitOpError("has no lowering to tile: its predicate gives ")
           << resultType.getEmpty() << " where '" << monoid << "' starts from "
           << empty;
  if (where || (reducesTail && !clean)) {
    TileValue whole;
    whole.tile = value;
    whole.ranks.assign(ranks.begin(), ranks.end());
    whole.maskPending = true;
    whole.where = where;
    if (failed(emitter.applyMask(whole, empty)))
      return failure();
    value = whole.tile;
  }
  if (!reducedDims.empty())
    value = tile::ReduceOp::create(builder, loc, *kind, value, reducedDims);
  result.tile = value;
  result.cleanTail = false;
  if (monoid == "max" && op.getInputs().size() == 1 && !op.hasMap())
    result.emptyWith.insert(op.getInputs()[0]);
  return result;
}

FailureOr<TileValue> EinsumEmitter::run() {
  if (failed(checkSupported()))
    return failure();
  FailureOr<std::optional<TileValue>> dot = tryDot();
  if (failed(dot))
    return failure();
  if (*dot)
    return **dot;
  return emitElementwise();
}
