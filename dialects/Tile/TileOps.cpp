//===- TileOps.cpp - checks of the tile ops -------------------------------===//

#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::tile;

static ParseResult
parseSegments(OpAsmParser &parser,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &lowers,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &uppers,
              DenseBoolArrayAttr &full,
              SmallVectorImpl<std::unique_ptr<Region>> &locators) {
  SmallVector<bool> classes;
  auto parseSegment = [&]() -> ParseResult {
    StringRef keyword;
    SMLoc loc;
    if (parser.parseOperand(lowers.emplace_back()) ||
        parser.parseKeyword("to") ||
        parser.parseOperand(uppers.emplace_back()) ||
        parser.getCurrentLocation(&loc) || parser.parseKeyword(&keyword))
      return failure();
    if (keyword != "full" && keyword != "partial")
      return parser.emitError(loc, "expects a segment's class to be 'full' or "
                                   "'partial', but got '")
             << keyword << "'";
    classes.push_back(keyword == "full");
    locators.push_back(std::make_unique<Region>());
    if (succeeded(parser.parseOptionalKeyword("at")))
      return parser.parseRegion(*locators.back());
    return success();
  };
  if (parser.parseCommaSeparatedList(parseSegment))
    return failure();
  full = parser.getBuilder().getDenseBoolArrayAttr(classes);
  return success();
}

static void printSegments(OpAsmPrinter &p, SweepOp, OperandRange lowers,
                          OperandRange uppers, DenseBoolArrayAttr full,
                          RegionRange locators) {
  llvm::interleaveComma(llvm::zip(lowers, uppers, full.asArrayRef(), locators),
                        p, [&](auto segment) {
                          auto [lower, upper, isFull, locator] = segment;
                          p << lower << " to " << upper
                            << (isFull ? " full" : " partial");
                          if (locator->empty())
                            return;
                          p << " at ";
                          p.printRegion(*locator);
                        });
}

#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.cpp.inc"

/// Whether `dims` are dimensions below `rank` in increasing order.
static bool areIncreasingDims(ArrayRef<int64_t> dims, int64_t rank) {
  for (auto [i, dim] : llvm::enumerate(dims))
    if (dim < 0 || dim >= rank || (i > 0 && dim <= dims[i - 1]))
      return false;
  return true;
}

/// Checks C1 to C3 of a load or store of `tile` at `memory` (a `role`).
static LogicalResult verifyAccess(Operation *op, RankedTensorType tile,
                                  MemRefType memory, StringRef role,
                                  AffineMap map, size_t numIndices,
                                  size_t numValid) {
  // load_c1, store_c1
  if (map.getNumDims() != tile.getRank() || map.getNumSymbols() != numIndices ||
      map.getNumResults() != memory.getRank())
    return op->emitOpError("expects a map of ")
           << tile.getRank() << " dims, " << numIndices << " symbols and "
           << memory.getRank() << " results for " << tile << ", " << numIndices
           << " indices and " << memory << ", but got "
           << AffineMapAttr::get(map);
  // load_c2, store_c2
  if (numValid != 0 && numValid != static_cast<size_t>(tile.getRank()))
    return op->emitOpError("expects no valid count or one a dimension of ")
           << tile << ", but got " << numValid;
  // load_c3, store_c3
  Type from = memory.getElementType(), to = tile.getElementType();
  bool isWidened = isa<LoadOp>(op) &&
                   (isa<Float8E4M3FNType, Float8E5M2Type>(from) ||
                    from.isSignlessInteger(8)) &&
                   (to.isBF16() || to.isF16() || to.isF32());
  if (from != to && !isWidened)
    return op->emitOpError("expects the tile and its ")
           << role << " to have one element type, but got " << tile << " and "
           << memory;
  return success();
}

bool attn::tile::isOnlyForMasks(Operation *op) {
  bool isTile = op->getNumResults() == 1 && isMemoryEffectFree(op) &&
                isa<RankedTensorType>(op->getResult(0).getType());
  // Regions of masks and generated tiles read tables and nothing else.
  if (!isTile && !isa<MaskOp, GenerateOp>(op))
    return false;
  return llvm::all_of(op->getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (user->getBlock() != op->getBlock())
      return false;
    if (isa<LoadOp>(user))
      return true;
    auto mask = dyn_cast<MaskOp>(user);
    return (mask && use.get() != mask.getTile()) || isOnlyForMasks(user);
  });
}

void LoadOp::build(OpBuilder &builder, OperationState &state,
                   RankedTensorType type, Value source, AffineMapAttr map,
                   ValueRange indices, ValueRange valid, TypedAttr pad) {
  build(builder, state, type, source, map, indices, /*table=*/Value(),
        /*table_indices=*/ValueRange(), /*from=*/Value(), /*pages=*/PagesAttr(),
        valid, /*where=*/Value(), /*along=*/IntegerAttr(), pad);
}

/// The one result of `map` that symbol `number` is, if no other uses it.
static std::optional<unsigned> findSymbol(AffineMap map, unsigned number) {
  std::optional<unsigned> found;
  for (auto [result, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfSymbol(number))
      continue;
    if (found || !isa<AffineSymbolExpr>(expr))
      return std::nullopt;
    found = result;
  }
  return found;
}

unsigned LoadOp::getSymbolDim(unsigned number) {
  return *findSymbol(getMap(), getIndices().size() + number);
}

AffineMap LoadOp::getRunMap() {
  AffineMap map = getMap();
  SmallVector<AffineExpr> results(map.getResults());
  AffineExpr &place = results[getPlaceDim()];
  place = place + getAffineDimExpr(getPages()->getAlong(), getContext());
  return AffineMap::get(map.getNumDims(), map.getNumSymbols(), results,
                        getContext());
}

bool LoadOp::widens() {
  return getResult().getType().getElementType() !=
         cast<MemRefType>(getSource().getType()).getElementType();
}

// load_c5
LogicalResult LoadOp::verifyPages() {
  if (bool(getFrom()) != isPaged() || bool(getPages()) != isPaged())
    return emitOpError(
        "expects a table, where positions begin and how they are "
        "cut into pages, but got some of the three");
  if (!isPaged())
    return success();
  auto tile = cast<RankedTensorType>(getResult().getType());
  auto table = dyn_cast<MemRefType>(getTable().getType());
  if (!table || !isa<IntegerType, IndexType>(table.getElementType()) ||
      table.getRank() != int64_t(getTableIndices().size()) + 1)
    return emitOpError("expects a table of integers with an index for each "
                       "dimension but the last, but got ")
           << getTable().getType() << " and " << getTableIndices().size();
  int64_t along = getPages()->getAlong();
  AffineMap map = getMap();
  if (along >= tile.getRank() || map.isFunctionOfDim(along))
    return emitOpError("expects pages along a dimension of ")
           << tile << " that the map does not use, but got " << along << " and "
           << getMapAttr();
  for (unsigned symbol : {map.getNumSymbols() - 2, map.getNumSymbols() - 1})
    if (!findSymbol(map, symbol))
      return emitOpError("expects the page and the place to be the coordinates "
                         "of one dimension each, but got ")
             << getMapAttr();
  return success();
}

LogicalResult LoadOp::verify() {
  auto tile = cast<RankedTensorType>(getResult().getType());
  auto memory = dyn_cast<MemRefType>(getSource().getType());
  if (!memory)
    return emitOpError("expects a ranked source, but got ")
           << getSource().getType();
  if (getPad() && getPadAttr().getType() != tile.getElementType())
    return emitOpError("expects a pad of the tile's element type, but got ")
           << getPadAttr() << " and " << tile;
  // load_c4
  if (bool(getWhere()) != getAlong().has_value())
    return emitOpError("expects a dimension along which a tile of 'where' runs "
                       "and such a tile, but got one of the two");
  if (getWhere()) {
    auto where = cast<RankedTensorType>(getWhere().getType());
    int64_t along = *getAlong();
    if (along < 0 || along >= tile.getRank() ||
        where.getDimSize(0) != tile.getDimSize(along))
      return emitOpError("expects 'where' along a dimension of ")
             << tile << ", but got " << where << " along " << along;
  }
  if (failed(verifyAccess(*this, tile, memory, "source", getMap(),
                          getIndices().size() + (isPaged() ? 2 : 0),
                          getValid().size())))
    return failure();
  return verifyPages();
}

LogicalResult StoreOp::verify() {
  auto tile = cast<RankedTensorType>(getTile().getType());
  auto memory = dyn_cast<MemRefType>(getTarget().getType());
  if (!memory)
    return emitOpError("expects a ranked target, but got ")
           << getTarget().getType();
  return verifyAccess(*this, tile, memory, "target", getMap(),
                      getIndices().size(), getValid().size());
}

LogicalResult CoordOp::verify() {
  // coord_c1
  if (!getResult().getType().hasStaticShape())
    return emitOpError("expects a tile of static shape, but got ")
           << getResult().getType();
  return success();
}

SmallVector<int64_t> DotOp::getIterationExtents() {
  SmallVector<int64_t> extents(getMap(0).getNumDims(), 0);
  for (auto [i, operand] : llvm::enumerate(getOperands())) {
    auto type = cast<RankedTensorType>(operand.getType());
    for (auto [j, dim] : llvm::enumerate(getMap(i).getResults()))
      extents[cast<AffineDimExpr>(dim).getPosition()] = type.getDimSize(j);
  }
  return extents;
}

LogicalResult DotOp::verify() {
  // dot_c1
  if (getMaps().size() != 3)
    return emitOpError("expects three maps, but got ") << getMaps().size();
  unsigned numDims = getMap(0).getNumDims();
  SmallVector<int64_t> extents(numDims, -1);
  SmallVector<bool> inInput(numDims, false);
  for (auto [i, operand] : llvm::enumerate(getOperands())) {
    auto type = cast<RankedTensorType>(operand.getType());
    AffineMap map = getMap(i);
    if (map.getNumDims() != numDims || map.getNumSymbols() != 0 ||
        !map.isProjectedPermutation() || map.getNumResults() != type.getRank())
      return emitOpError("expects map #")
             << i << " to be a projected permutation of " << numDims
             << " dims to the dimensions of " << type << ", but got "
             << AffineMapAttr::get(map);
    for (auto [j, result] : llvm::enumerate(map.getResults())) {
      unsigned dim = cast<AffineDimExpr>(result).getPosition();
      // dot_c2
      if (extents[dim] >= 0 && extents[dim] != type.getDimSize(j))
        return emitOpError("expects d")
               << dim << " to have one extent in all operands, but got "
               << extents[dim] << " and " << type.getDimSize(j);
      extents[dim] = type.getDimSize(j);
      inInput[dim] = inInput[dim] || i < 2;
    }
  }
  for (unsigned dim = 0; dim < numDims; ++dim)
    if (!inInput[dim])
      return emitOpError("expects d")
             << dim << " to be a dimension of lhs or rhs";
  // dot_c3
  Type lhs = getLhs().getType().getElementType();
  Type rhs = getRhs().getType().getElementType();
  if (lhs != rhs || !(lhs.isF32() || lhs.isBF16() || lhs.isF16()))
    return emitOpError("expects lhs and rhs of one element type, f32, bf16 or "
                       "f16, but got ")
           << lhs << " and " << rhs;
  if (!getAccumulator().getType().getElementType().isF32())
    return emitOpError("expects an accumulator of f32, but got ")
           << getAccumulator().getType();
  return success();
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto tile = dyn_cast<RankedTensorType>(adaptor.getTile().getType());
  // reduce_c1
  if (!tile || !areIncreasingDims(adaptor.getDims(), tile.getRank()))
    return emitOptionalError(location, "'tile.reduce' op expects dims of ",
                             adaptor.getTile().getType(),
                             " in increasing order, but got [",
                             adaptor.getDims(), "]");
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < tile.getRank(); ++i)
    if (!llvm::is_contained(adaptor.getDims(), i))
      shape.push_back(tile.getDimSize(i));
  types.push_back(tile.clone(shape));
  return success();
}

LogicalResult ReduceOp::verify() {
  // reduce_c2
  bool isBitwise = getKind() == ReduceKind::And || getKind() == ReduceKind::Or;
  if (isBitwise && !getTile().getType().getElementType().isInteger())
    return emitOpError("expects an integer tile to reduce by '")
           << stringifyReduceKind(getKind()) << "', but got "
           << getTile().getType();
  return success();
}

LogicalResult BroadcastOp::verify() {
  auto result = cast<RankedTensorType>(getResult().getType());
  // broadcast_c1
  if (!areIncreasingDims(getDims(), result.getRank()))
    return emitOpError("expects dims of ")
           << result << " in increasing order, but got [" << getDims() << "]";
  SmallVector<int64_t> kept;
  for (int64_t i = 0; i < result.getRank(); ++i)
    if (!llvm::is_contained(getDims(), i))
      kept.push_back(result.getDimSize(i));
  // broadcast_c2
  auto tile = dyn_cast<RankedTensorType>(getSource().getType());
  ArrayRef<int64_t> shape = tile ? tile.getShape() : ArrayRef<int64_t>();
  if (shape != ArrayRef<int64_t>(kept) ||
      getElementTypeOrSelf(getSource().getType()) != result.getElementType())
    return emitOpError("expects to broadcast ")
           << result.clone(kept) << ", but got " << getSource().getType();
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto tile = dyn_cast<RankedTensorType>(adaptor.getTile().getType());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  // transpose_c1
  SmallVector<int64_t> sorted(permutation);
  llvm::sort(sorted);
  bool isPermutation =
      tile && static_cast<int64_t>(sorted.size()) == tile.getRank();
  for (auto [i, dim] : llvm::enumerate(sorted))
    isPermutation = isPermutation && dim == static_cast<int64_t>(i);
  if (!isPermutation)
    return emitOptionalError(
        location, "'tile.transpose' op expects a permutation of the dims of ",
        adaptor.getTile().getType(), ", but got [", permutation, "]");
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(tile.getDimSize(dim));
  types.push_back(tile.clone(shape));
  return success();
}

LogicalResult TransposeOp::verify() { return success(); }

void SweepOp::build(OpBuilder &builder, OperationState &state,
                    ValueRange lowers, ValueRange uppers, ArrayRef<bool> full,
                    int64_t tile, ValueRange inits) {
  build(builder, state, inits.getTypes(), lowers, uppers,
        builder.getDenseBoolArrayAttr(full), builder.getI64IntegerAttr(tile),
        inits, /*exact=*/UnitAttr(), full.size());
}

LogicalResult SweepOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getInits().getTypes());
  return success();
}

LogicalResult SweepOp::verify() {
  // sweep_c1
  if (getFull().empty() || getLowers().size() != getFull().size() ||
      getUppers().size() != getFull().size())
    return emitOpError("expects a lower bound, an upper bound and a class a "
                       "segment, but got ")
           << getLowers().size() << ", " << getUppers().size() << " and "
           << getFull().size();
  // sweep_c5
  if (getLocators().size() != getFull().size())
    return emitOpError("expects a locator, which may be empty, a segment, but "
                       "got ")
           << getLocators().size() << " for " << getFull().size()
           << " segments";
  if (getTile() <= 0)
    return emitOpError("expects a positive tile, but got ") << getTile();
  // sweep_c6
  if (getExact() && getMerge().empty())
    return emitOpError("expects a merge where it is exact, but has none");
  return success();
}

/// Checks that `block` takes `arguments` and yields `results`.
static LogicalResult verifySignature(SweepOp op, Block &block, StringRef region,
                                     TypeRange arguments, TypeRange results) {
  if (block.getArgumentTypes() != arguments)
    return op.emitOpError("expects ")
           << region << " to take (" << arguments << "), but got ("
           << block.getArgumentTypes() << ")";
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield || yield.getValues().getTypes() != results) {
    InFlightDiagnostic diagnostic = op.emitOpError("expects ")
                                    << region << " to yield (" << results
                                    << "), but got ";
    if (!yield)
      return diagnostic << "no tile.yield";
    return diagnostic << "(" << yield.getValues().getTypes() << ")";
  }
  return success();
}

LogicalResult SweepOp::verifyRegions() {
  SmallVector<Type> carries(getInits().getTypes());
  Type index = IndexType::get(getContext());
  // sweep_c2
  SmallVector<Type> arguments = {index, index};
  llvm::append_range(arguments, carries);
  if (failed(verifySignature(*this, getStep().front(), "step", arguments,
                             carries)))
    return failure();
  // sweep_c5
  for (Region &locator : getLocators())
    if (!locator.empty()) {
      bool hasEnd = locator.front().getTerminator()->getNumOperands() > 2;
      SmallVector<Type> yields(hasEnd ? 3 : 2, index);
      if (failed(verifySignature(*this, locator.front(), "a locator", {index},
                                 yields)))
        return failure();
    }
  // sweep_c3
  if (getMerge().empty())
    return success();
  SmallVector<Type> pairs(carries);
  llvm::append_range(pairs, carries);
  return verifySignature(*this, getMerge().front(), "merge", pairs, carries);
}

//===-- if_any ------------------------------------------------------------===//

void IfAnyOp::build(OpBuilder &builder, OperationState &state, Value condition,
                    ValueRange others, function_ref<void(OpBuilder &)> body) {
  build(builder, state, others.getTypes(), condition, others);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(state.regions.front().get());
  body(builder);
}

LogicalResult IfAnyOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getOthers().getTypes());
  return success();
}

LogicalResult IfAnyOp::verify() {
  // if_any_c1
  auto line = cast<RankedTensorType>(getCondition().getType());
  if (line.getRank() != 1 || !line.getElementType().isInteger(1))
    return emitOpError("expects a line of i1, but got ") << line;
  for (Type type : getOthers().getTypes()) {
    auto tile = cast<RankedTensorType>(type);
    if (tile.getRank() == 0 || tile.getDimSize(0) != line.getDimSize(0))
      return emitOpError("expects tiles of ")
             << line.getDimSize(0) << " rows, but got " << tile;
  }
  return success();
}

LogicalResult IfAnyOp::verifyRegions() {
  // if_any_c2
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  if (block.getNumArguments() != 0 || !yield ||
      yield.getValues().getTypes() != getOthers().getTypes())
    return emitOpError("expects its region to take nothing and to yield (")
           << getOthers().getTypes() << ")";
  return success();
}
