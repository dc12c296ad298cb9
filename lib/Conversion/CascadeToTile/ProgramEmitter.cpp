//===- ProgramEmitter.cpp - cascade values as tiles -----------------------===//

#include "ProgramEmitter.h"

#include "EinsumEmitter.h"
#include "PackedRows.h"
#include "SeenKeys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

Value attn::buildSplat(OpBuilder &builder, Location loc, RankedTensorType type,
                       TypedAttr value) {
  TypedAttr element =
      getNumericAttr(type.getElementType(), *getNumericValue(value));
  return arith::ConstantOp::create(builder, loc,
                                   DenseElementsAttr::get(type, element));
}

std::optional<int64_t> attn::countCoordinates(FuncOp func, StringRef rank) {
  LayoutAttr layout = func.getLayout(rank);
  if (!layout)
    return func.getStaticExtent(rank);
  return tile::LayoutAttr::get(func.getContext(), layout.getExtents(),
                               layout.getTiles())
      .countPositions();
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value ProgramEmitter::getIndexConstant(int64_t value) {
  return arith::ConstantIndexOp::create(builder, func.getLoc(), value);
}

Value ProgramEmitter::getValidCount(const RankPlace &place) {
  return place.valid ? place.valid : getIndexConstant(place.tile);
}

FailureOr<Value> ProgramEmitter::getExtent(StringRef rank, Location loc) {
  if (std::optional<int64_t> count = countCoordinates(func, rank))
    return getIndexConstant(*count);
  auto it = extents.find(rank);
  if (it == extents.end())
    return emitError(loc) << "expects the extent of rank '" << rank
                          << "' to be that of an argument or static";
  return it->second;
}

FailureOr<Value> ProgramEmitter::getOfSequence(PagesAttr pages, Value table) {
  Location loc = func.getLoc();
  SmallVector<Value> at;
  for (auto rank : pages.getBy().getAsRange<StringAttr>()) {
    const RankPlace *place = getPlace(rank, loc);
    if (!place)
      return failure();
    if (place->tile != 0)
      return func.emitOpError("has no lowering to tile: it tiles rank '")
             << rank.getValue() << "', by which tensors lie in pages";
    at.push_back(place->base);
  }
  Value number = arith::IndexCastOp::create(
      builder, loc, builder.getIndexType(),
      tile::ElementOp::create(builder, loc, builder.getI32Type(), table, at,
                              TypedAttr(builder.getI32IntegerAttr(0))));
  return Value(
      arith::MaxSIOp::create(builder, loc, number, getIndexConstant(0)));
}

LogicalResult ProgramEmitter::setSequences() {
  for (const Sequences &of : sequences) {
    bool isOfRuns = llvm::any_of(
        of.pages.getBy().getAsRange<StringAttr>(), [&](StringAttr rank) {
          return !places.contains(rank) && getPackingWith(func, rank);
        });
    if (!isOfRuns && failed(setSequence(of)))
      return failure();
  }
  return success();
}

LogicalResult ProgramEmitter::enterRun(PackingAttr packing, Value run) {
  places[packing.getOuter()] = {0, run, {}};
  lengthsOf.erase(packing.getInner());
  for (const Sequences &of : sequences)
    if (of.pages.getRank() == packing.getInner() && failed(setSequence(of)))
      return failure();
  return success();
}

void ProgramEmitter::leaveRun(PackingAttr packing) {
  places.erase(packing.getOuter());
  if (lengthsOf.erase(packing.getInner()))
    extents.erase(packing.getInner());
}

LogicalResult ProgramEmitter::setSequence(const Sequences &of) {
  PagesAttr pages = of.pages;
  Value width = extents[getTableWidth(pages)];
  FailureOr<Value> length = getOfSequence(pages, of.lengths);
  if (failed(length))
    return failure();
  Value most = arith::MulIOp::create(builder, func.getLoc(), width,
                                     getIndexConstant(pages.getSize()));
  Value own = arith::MinSIOp::create(builder, func.getLoc(), *length, most);
  // A list of all sequences has room for more than a run has coordinates.
  if (PackingAttr packing = getPackingWith(
          func, cast<StringAttr>(pages.getBy().getValue().front()));
      of.starts && packing && packing.getInner() == pages.getRank())
    own = arith::MinSIOp::create(builder, func.getLoc(), own,
                                 getIndexConstant(packing.getWidth()));
  Value &known = lengthsOf[pages.getRank()];
  known =
      known ? Value(arith::MinSIOp::create(builder, func.getLoc(), known, own))
            : own;
  extents[pages.getRank()] = known;
  if (!of.starts)
    return success();
  FailureOr<Value> first = getOfSequence(pages, of.starts);
  if (failed(first))
    return failure();
  // A GPU's coordinates have 32 bits, in which a start beyond the list could
  // come to stand for one inside.
  Value start = arith::MinSIOp::create(builder, func.getLoc(), *first, width);
  for (auto &[value, tensor] : memory)
    if (tensor.pages && tensor.pages.getTable() == pages.getTable())
      tensor.start = start;
  return success();
}

FailureOr<Value> ProgramEmitter::getScalar(Value value) {
  if (Value known = scalars.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op)
    return emitError(value.getLoc()) << "expects a scalar argument";
  if (auto extent = dyn_cast<ExtentOp>(op))
    return getExtent(extent.getRank(), op->getLoc());
  if (op->getNumRegions() != 0 || op->getNumResults() != 1)
    return op->emitOpError("expects a scalar made by arithmetic");
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> scalar = getScalar(operand);
    if (failed(scalar))
      return failure();
    mapping.map(operand, *scalar);
  }
  return builder.clone(*op, mapping)->getResult(0);
}

const RankPlace *ProgramEmitter::getPlace(StringAttr rank, Location loc) {
  auto it = places.find(rank);
  if (it == places.end()) {
    emitError(loc) << "expects rank '" << rank.getValue()
                   << "' to have a static extent of at most "
                   << FuncOp::kMaxWhole
                   << ", to be swept by "
                      "a scan, or to be a rank of the result; bind it "
                      "(cascade-bind) or reduce passes over it "
                      "(cascade-reduce-passes)";
    return nullptr;
  }
  return &it->second;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// True if `expr`, an expression of one whole rank's coordinate, stays inside
/// that rank.
static bool staysInside(AffineExpr expr, unsigned dim, int64_t extent,
                        unsigned numDims) {
  bool single = true;
  expr.walk([&](AffineExpr e) {
    if (auto other = dyn_cast<AffineDimExpr>(e))
      single &= other.getPosition() == dim;
    single &= !isa<AffineSymbolExpr>(e);
  });
  if (!single)
    return false;
  MLIRContext *context = expr.getContext();
  AffineMap map = AffineMap::get(numDims, 0, expr, context);
  for (int64_t i = 0; i < extent; ++i) {
    SmallVector<int64_t> point(numDims, 0);
    point[dim] = i;
    int64_t at = map.compose(point)[0];
    if (at < 0 || at >= extent)
      return false;
  }
  return true;
}

std::optional<unsigned> ProgramEmitter::getIdentityVariable(EinsumOp op,
                                                            AffineExpr expr,
                                                            StringAttr rank) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition();
  std::optional<unsigned> variable;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
    if (expr.isFunctionOfDim(v)) {
      if (variable)
        return std::nullopt;
      variable = v;
    }
  if (!variable)
    return std::nullopt;
  auto own = places.find(op.getVariableRank(*variable));
  auto other = places.find(rank);
  if (own == places.end() || other == places.end() || own->second.base ||
      other->second.base || own->second.tile != other->second.tile)
    return std::nullopt;
  AffineMap map = AffineMap::get(op.getNumVariables(), op.getIndices().size(),
                                 expr, op.getContext());
  if (map.isFunctionOfSymbol(0))
    return std::nullopt;
  SmallVector<int64_t> point(map.getNumInputs(), 0);
  for (int64_t i = 0; i < own->second.tile; ++i) {
    point[*variable] = i;
    if (map.compose(point)[0] != i)
      return std::nullopt;
  }
  return variable;
}

FailureOr<TileValue> ProgramEmitter::load(EinsumOp op, unsigned input,
                                          const MemoryTensor &source) {
  AffineMap map = op.getInputMap(input);
  Location loc = op.getLoc();
  TileValue result;
  SmallVector<int64_t> shape;
  SmallVector<Value> valid;
  bool allValid = true;
  AddressMap address;
  // What the sweep does not move is loaded once, before it.
  OpBuilder::InsertionGuard guard(builder);
  bool moves = source.slicedRank != nullptr;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
    if (llvm::any_of(map.getResults(), [&](AffineExpr expr) {
          return expr.isFunctionOfDim(v);
        })) {
      auto place = places.find(op.getVariableRank(v));
      moves |=
          place != places.end() && place->second.valid && !place->second.base;
    }
  if (sweep && !moves)
    builder.setInsertionPoint(sweep);
  // Dimensions of the tile: the variables over tiled ranks, as they come.
  llvm::DenseMap<unsigned, unsigned> dims;
  auto operandType = cast<NamedTensorType>(op.getInputs()[input].getType());
  for (auto [expr, rank] : llvm::zip(map.getResults(), operandType.getRanks()))
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
      if (!expr.isFunctionOfDim(v) || dims.count(v))
        continue;
      const RankPlace *place = getPlace(op.getVariableRank(v), loc);
      if (!place)
        return failure();
      if (place->tile == 0)
        continue;
      dims[v] = shape.size();
      shape.push_back(place->tile);
      result.ranks.push_back(op.getVariableRank(v));
      // Through another rank's variable as much exists as of the tensor's own.
      auto own = places.find(rank);
      if (own != places.end() && own->second.valid && !place->valid)
        place = &own->second;
      allValid &= !place->valid;
      valid.push_back(getValidCount(*place));
    }
  auto coordinateOf = [&](unsigned variable) -> AffineExpr {
    const RankPlace &place = places[op.getVariableRank(variable)];
    AffineExpr expr;
    if (place.tile != 0)
      expr = getAffineDimExpr(dims[variable], op.getContext());
    if (place.base) {
      AffineExpr base = address.addIndex(place.base);
      expr = expr ? expr + base : base;
    }
    return expr;
  };
  for (auto [expr, rank] :
       llvm::zip(map.getResults(), operandType.getRanks())) {
    AffineExpr coordinate;
    if (auto same = getIdentityVariable(op, expr, rank)) {
      coordinate = coordinateOf(*same);
    } else {
      std::optional<unsigned> variable;
      for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
        if (expr.isFunctionOfDim(v))
          variable = v;
      std::optional<int64_t> extent = func.getStaticExtent(rank);
      if (!variable || !extent || op.getVariableRank(*variable) != rank ||
          !staysInside(expr, *variable, *extent, op.getNumVariables()))
        return op.emitOpError("expects an index expression of operand #")
               << input << " that is a variable, or an expression of one "
               << "variable that stays inside a static rank, at rank '"
               << rank.getValue() << "'";
      coordinate = expr.replace(getAffineDimExpr(*variable, op.getContext()),
                                coordinateOf(*variable));
    }
    if (source.slicedRank && rank == source.sliceRank)
      coordinate = coordinate + address.addIndex(source.sliceBase);
    address.coordinates.push_back(coordinate);
  }
  // A slice without its rank: put the rank's coordinate back.
  if (source.slicedRank && !source.sliceRank)
    address.coordinates.insert(
        address.coordinates.begin() +
            *source.type.getRankPosition(source.slicedRank),
        address.addIndex(source.sliceBase));
  address.coordinates = unpackCoordinates(source, address);
  auto type = RankedTensorType::get(shape, source.type.getElementType());
  ValueRange counts = allValid ? ValueRange() : ValueRange(valid);
  TypedAttr pad;
  // Pages may be absent, and points of packed rows.
  bool clips = !source.run && hasGaps(func, source.packing);
  if ((!allValid || source.pages || clips) &&
      *getNumericValue(source.type.getEmpty()) != 0)
    pad = source.type.getEmpty();
  if (source.pages) {
    FailureOr<tile::LoadOp> load = loadPages(
        op, source, type, address.coordinates, address.indices, counts, pad);
    if (failed(load))
      return failure();
    result.tile = *load;
  } else {
    auto addressMap = AffineMap::get(shape.size(), address.indices.size(),
                                     address.coordinates, op.getContext());
    auto load = tile::LoadOp::create(builder, loc, type, source.memref,
                                     AffineMapAttr::get(addressMap),
                                     address.indices, counts, pad);
    load.setClips(clips);
    result.tile = load;
  }
  result.loaded = true;
  result.cleanTail = true;
  return result;
}

/// The value of `expr`, a sum of symbols and constants; null if it is not.
static Value buildSum(OpBuilder &b, Location loc, AffineExpr expr,
                      ValueRange symbols) {
  if (!expr)
    return arith::ConstantIndexOp::create(b, loc, 0);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantIndexOp::create(b, loc, constant.getValue());
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return {};
  Value lhs = buildSum(b, loc, sum.getLHS(), symbols);
  Value rhs = buildSum(b, loc, sum.getRHS(), symbols);
  return lhs && rhs ? Value(arith::AddIOp::create(b, loc, lhs, rhs)) : Value();
}

FailureOr<tile::LoadOp> ProgramEmitter::loadPages(
    EinsumOp op, const MemoryTensor &source, RankedTensorType type,
    ArrayRef<AffineExpr> coordinates, ArrayRef<Value> indices, ValueRange valid,
    TypedAttr pad) {
  MLIRContext *context = op.getContext();
  Location loc = op.getLoc();
  auto refuse = [&](StringAttr rank) {
    return op.emitOpError("has no lowering to tile: a tensor in pages is not "
                          "read at a plain coordinate of rank '")
           << rank.getValue() << "'";
  };
  SmallVector<StringAttr> ranks = getMemoryRanks(source);
  auto at = [&](StringAttr rank) {
    return coordinates[llvm::find(ranks, rank) - ranks.begin()];
  };
  // The position is that of a dimension of the tile, from some point on.
  StringAttr paged = source.pages.getRank();
  int64_t along = -1;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (at(paged).isFunctionOfDim(dim))
      along = dim;
  if (along < 0)
    return refuse(paged);
  AffineExpr dim = getAffineDimExpr(along, context);
  Value from = buildSum(
      builder, loc,
      simplifyAffineExpr(at(paged) - dim, type.getRank(), indices.size()),
      indices);
  if (!from)
    return refuse(paged);
  // In one list of all, a sequence's positions follow those of others.
  if (source.start)
    from = arith::AddIOp::create(
        builder, loc, from,
        arith::MulIOp::create(builder, loc, source.start,
                              getIndexConstant(source.pages.getSize())));
  SmallVector<Value> tableIndices;
  for (auto rank : source.pages.getBy().getAsRange<StringAttr>()) {
    Value index = buildSum(builder, loc, at(rank), indices);
    if (!index)
      return refuse(rank);
    if (!source.start)
      tableIndices.push_back(index);
  }
  // What is left goes to the page's dimensions, with the indices it uses.
  SmallVector<AffineExpr> rest;
  for (StringAttr rank : ranks)
    if (rank == paged)
      rest.push_back(AffineExpr());
    else if (!llvm::is_contained(source.pages.getBy(), rank))
      rest.push_back(at(rank));
  SmallVector<Value> used;
  SmallVector<AffineExpr> symbols;
  for (auto [number, index] : llvm::enumerate(indices)) {
    bool isUsed = llvm::any_of(rest, [number = number](AffineExpr expr) {
      return expr && expr.isFunctionOfSymbol(number);
    });
    symbols.push_back(isUsed ? getAffineSymbolExpr(used.size(), context)
                             : getAffineConstantExpr(0, context));
    if (isUsed)
      used.push_back(index);
  }
  SmallVector<AffineExpr> results = {getAffineSymbolExpr(used.size(), context)};
  for (AffineExpr expr : rest)
    results.push_back(expr ? expr.replaceSymbols(symbols)
                           : getAffineSymbolExpr(used.size() + 1, context));
  auto map = AffineMap::get(type.getRank(), used.size() + 2, results, context);
  return tile::LoadOp::create(
      builder, loc, type, source.memref, AffineMapAttr::get(map), used,
      source.table, tableIndices, from,
      tile::PagesAttr::get(context, source.pages.getSize(), along), valid,
      /*where=*/Value(), /*along=*/IntegerAttr(), pad);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

LogicalResult ProgramEmitter::applyMask(TileValue &value, TypedAttr empty,
                                        bool countsRows) {
  if (!value.maskPending)
    return success();
  Location loc = value.tile.getLoc();
  auto type = cast<RankedTensorType>(value.tile.getType());
  SmallVector<Value> bases, valid;
  for (StringAttr rank : value.ranks) {
    const RankPlace &place = places[rank];
    bases.push_back(place.base ? place.base : getIndexConstant(0));
    // Rows beyond the last are computed and not stored.
    valid.push_back(place.base && !countsRows ? getIndexConstant(place.tile)
                                              : getValidCount(place));
  }
  TypedAttr element =
      getNumericAttr(type.getElementType(), *getNumericValue(empty));
  auto mask =
      tile::MaskOp::create(builder, loc, type, value.tile, element, bases,
                           valid, ValueRange(), ArrayRef<int64_t>());
  OpBuilder inner(func.getContext());
  Block *block = inner.createBlock(&mask.getPredicate());
  for (size_t i = 0; i < bases.size(); ++i)
    block->addArgument(inner.getIndexType(), loc);
  Value predicate;
  if (value.where) {
    FailureOr<Value> emitted = emitPredicate(
        value.where, ValueRange(block->getArguments()), value.ranks, inner);
    if (failed(emitted))
      return failure();
    predicate = *emitted;
  } else {
    predicate = arith::ConstantIntOp::create(inner, loc, 1, 1);
  }
  inner.setInsertionPointToEnd(block);
  tile::YieldOp::create(inner, loc, predicate);
  value.tile = mask.getResult();
  value.maskPending = false;
  value.where = {};
  value.cleanTail = true;
  return success();
}

LogicalResult ProgramEmitter::emptyUnseen(TileValue &value, Location loc) {
  const auto *key = llvm::find(value.ranks, gaps.rank);
  if (!gaps.where || key == value.ranks.end())
    return success();
  TileValue points;
  SmallVector<int64_t> shape, rows;
  for (AffineExpr expr : gaps.where.getOutputMap().getResults()) {
    StringAttr rank =
        gaps.where.getVariableRank(cast<AffineDimExpr>(expr).getPosition());
    if (places[rank].tile == 0)
      continue;
    if (rank != gaps.rank)
      rows.push_back(shape.size());
    points.ranks.push_back(rank);
    shape.push_back(places[rank].tile);
  }
  // What has rows is masked at its points.
  if (llvm::any_of(rows, [&](int64_t dim) {
        return llvm::is_contained(value.ranks, points.ranks[dim]);
      }))
    return success();
  if (!gaps.seen && gaps.keys) {
    const RankPlace &place = places[gaps.rank];
    gaps.seen = gaps.keys->emit(gaps.base, getValidCount(place), place.tile);
  }
  if (!gaps.seen) {
    auto type = RankedTensorType::get(shape, builder.getI1Type());
    points.tile = buildSplat(builder, loc, type, builder.getBoolAttr(true));
    points.where = gaps.where;
    points.maskPending = true;
    if (failed(applyMask(points, builder.getBoolAttr(false), true)))
      return failure();
    gaps.seen = points.tile;
    if (!rows.empty())
      gaps.seen = tile::ReduceOp::create(builder, loc, tile::ReduceKind::Or,
                                         points.tile, rows);
  }
  int64_t along = key - value.ranks.begin();
  if (auto load = value.tile.getDefiningOp<tile::LoadOp>()) {
    load->moveBefore(builder.getInsertionBlock(), builder.getInsertionPoint());
    load.getWhereMutable().assign(gaps.seen);
    load.setAlong(along);
    return success();
  }
  auto type = cast<RankedTensorType>(value.tile.getType());
  SmallVector<Value> bases(type.getRank(), getIndexConstant(0));
  auto mask = tile::MaskOp::create(builder, loc, type, value.tile,
                                   getNumericAttr(type.getElementType(), 0),
                                   bases, ValueRange(), gaps.seen, along);
  OpBuilder inner(func.getContext());
  Block *block = inner.createBlock(&mask.getPredicate());
  for (size_t i = 0; i < bases.size(); ++i)
    block->addArgument(inner.getIndexType(), loc);
  tile::YieldOp::create(inner, loc, block->addArgument(inner.getI1Type(), loc));
  value.tile = mask.getResult();
  return success();
}

FailureOr<TileValue> ProgramEmitter::getTile(Value value, bool keepPending) {
  auto it = tiles.find(value);
  if (it == tiles.end()) {
    FailureOr<TileValue> emitted = failure();
    Operation *op = value.getDefiningOp();
    if (auto einsum = dyn_cast_or_null<EinsumOp>(op)) {
      emitted = emitEinsum(einsum);
    } else if (auto empty = dyn_cast_or_null<EmptyOp>(op)) {
      auto type = cast<NamedTensorType>(empty.getType());
      TileValue result;
      SmallVector<int64_t> shape;
      for (StringAttr rank : type.getRanks()) {
        const RankPlace *place = getPlace(rank, op->getLoc());
        if (!place)
          return failure();
        if (place->tile == 0)
          continue;
        shape.push_back(place->tile);
        result.ranks.push_back(rank);
      }
      result.tile = buildSplat(
          builder, op->getLoc(),
          RankedTensorType::get(shape, type.getComputeType()), type.getEmpty());
      result.cleanTail = true;
      emitted = result;
    } else if (auto scan = dyn_cast_or_null<ScanOp>(op)) {
      if (failed(emitScan(scan)))
        return failure();
      it = tiles.find(value);
      if (it != tiles.end())
        emitted = it->second;
    }
    if (failed(emitted)) {
      if (op && !isa<EinsumOp, EmptyOp, ScanOp>(op))
        op->emitOpError("has no lowering to tile");
      return failure();
    }
    it = tiles.insert_or_assign(value, std::move(*emitted)).first;
  }
  if (!keepPending && it->second.maskPending) {
    TileValue masked = it->second;
    if (failed(applyMask(masked,
                         cast<NamedTensorType>(value.getType()).getEmpty())))
      return failure();
    tiles[value] = masked;
    return masked;
  }
  return tiles[value];
}

FailureOr<TileValue> ProgramEmitter::emitEinsum(EinsumOp op) {
  if (op.getInto())
    return op.emitOpError("has no lowering to tile: what it updates is read "
                          "before the program ends; return it, and read it in "
                          "another function");
  return EinsumEmitter(*this, op).run();
}
