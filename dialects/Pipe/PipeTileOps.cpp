//===- PipeTileOps.cpp - products, reductions, layouts --------------------===//

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace attn::pipe;

//===-- Products ----------------------------------------------------------===//

static ArrayRef<int64_t> getShape(Type type) {
  if (auto shared = dyn_cast<SharedType>(type))
    return shared.getShape();
  return cast<RankedTensorType>(type).getShape();
}

/// Without an accumulator, C is zero.
LogicalResult MmaAsyncOp::canonicalize(MmaAsyncOp op,
                                       PatternRewriter &rewriter) {
  Value acc = op.getAcc();
  if (!acc || !matchPattern(acc, m_AnyZeroFloat()))
    return rewriter.notifyMatchFailure(op, "adds to no zero");
  rewriter.modifyOpInPlace(op, [&] { op.getAccMutable().clear(); });
  return success();
}

LogicalResult MmaAsyncOp::verify() {
  Type lhs = getLhs().getType(), rhs = getRhs().getType();
  RankedTensorType accumulator = getToken().getType().getAccumulator();
  ArrayRef<int64_t> lhsShape = getShape(lhs), rhsShape = getShape(rhs);
  // mma_async_c1
  if (getLhsDim() > 1 || getRhsDim() > 1)
    return emitOpError("expects to contract dimensions 0 or 1, but got ")
           << getLhsDim() << " and " << getRhsDim();
  int64_t shares = getNumShares();
  // mma_async_c5
  if (lhsShape[0] % shares != 0 || rhsShape[0] % shares != 0 ||
      (shares != 1 && (getLhsDim() != 1 || getDepth())))
    return emitOpError("expects shares that divide the rows of both sides, "
                       "of which the left side's are kept, and no depth, but "
                       "got ")
           << shares << " of " << lhs << " and " << rhs;
  int64_t lhsDepth = lhsShape[getLhsDim()];
  int64_t rhsDepth = rhsShape[getRhsDim()] / (getRhsDim() == 0 ? shares : 1);
  if (getDepth() && (lhsDepth < getNumTerms() || rhsDepth < getNumTerms()))
    return emitOpError("expects contracted dimensions of at least depth ")
           << getNumTerms() << ", but got " << lhsDepth << " and " << rhsDepth;
  if (!getDepth() && lhsDepth != rhsDepth)
    return emitOpError("expects equal sizes of the contracted dimensions, but "
                       "got ")
           << lhsDepth << " and " << rhsDepth;
  // mma_async_c2
  int64_t m = lhsShape[1 - getLhsDim()];
  int64_t n = rhsShape[1 - getRhsDim()] / (getRhsDim() == 1 ? shares : 1);
  if (accumulator.getRank() != 2 || accumulator.getDimSize(0) != m ||
      accumulator.getDimSize(1) > n || !getFragment(accumulator))
    return emitOpError("expects an accumulator of ")
           << m << " x " << n << " with a fragment, but got " << accumulator;
  // mma_async_c3
  if (Value acc = getAcc()) {
    auto token = dyn_cast<TokenType>(acc.getType());
    Type type = token ? token.getAccumulator() : acc.getType();
    if (type != accumulator)
      return emitOpError("expects to accumulate onto ")
             << accumulator << ", but got " << type;
  }
  // mma_async_c4
  Type left = getElementType(lhs), right = getElementType(rhs);
  bool isWidened =
      right.getIntOrFloatBitWidth() == 8 && left.getIntOrFloatBitWidth() == 16;
  if (left != right && !isWidened)
    return emitOpError("expects equal element types, or right ones of 8 bits "
                       "and left ones of 16, but got ")
           << left << " and " << right;
  return success();
}

LogicalResult MmaWaitOp::verify() {
  // mma_wait_c2
  Operation *start = getToken().getDefiningOp();
  if (!isa_and_nonnull<MmaAsyncOp>(start) ||
      start->getBlock() != (*this)->getBlock())
    return success();
  uint64_t started = 0;
  for (Operation *op = start->getNextNode(); op && op != getOperation();
       op = op->getNextNode())
    started += isa<MmaAsyncOp>(op);
  if (started < getPending()) {
    InFlightDiagnostic diag = emitOpError("expects at most ")
                              << started
                              << " pending products, as many as are started "
                                 "after the token's, but got "
                              << getPending();
    diag.attachNote(start->getLoc()) << "the token's product is here";
    return diag;
  }
  return success();
}

//===-- Lines -------------------------------------------------------------===//

/// Checks that `line` has the lines of `tile` and its elements.
static LogicalResult verifySlice(Operation *op, RankedTensorType line,
                                 RankedTensorType tile) {
  auto slice = cast<SliceAttr>(line.getEncoding());
  if (line.getDimSize(0) != tile.getDimSize(1 - slice.getDim()) ||
      !spreadsAs(slice, getFragment(tile)) ||
      line.getElementType() != tile.getElementType())
    return op->emitOpError("expects a slice of the tile's fragment with its "
                           "elements, but got ")
           << line << " and " << tile;
  return success();
}

LogicalResult RowReduceOp::verify() {
  auto result = getResult().getType();
  // row_reduce_c1
  if (failed(verifySlice(*this, result, getTile().getType())))
    return failure();
  // row_reduce_c2
  if (!getInit())
    return success();
  auto init = cast<RankedTensorType>(getInit().getType());
  auto initSlice = cast<SliceAttr>(init.getEncoding());
  auto slice = cast<SliceAttr>(result.getEncoding());
  if (failed(verifySlice(*this, init, getTile().getType())))
    return failure();
  if (initSlice.getDim() != slice.getDim())
    return emitOpError("expects an initial value along dimension ")
           << slice.getDim() << ", but got " << initSlice.getDim();
  if (!slice.getPartial() && initSlice.getPartial())
    return emitOpError("expects a complete initial value for a complete "
                       "result; combine it by pipe.lane_reduce first");
  if (slice.getPartial() && !initSlice.getPartial() &&
      getKind() == ReduceKind::Add)
    return emitOpError("expects a partial initial value for a partial sum: a "
                       "complete one would be counted once a lane");
  return success();
}

/// `line` with all lanes' parts combined.
static RankedTensorType getComplete(RankedTensorType line) {
  auto slice = cast<SliceAttr>(line.getEncoding());
  return RankedTensorType::get(line.getShape(), line.getElementType(),
                               SliceAttr::get(line.getContext(), slice.getDim(),
                                              slice.getParent(), false));
}

LogicalResult LaneReduceOp::verify() {
  RankedTensorType line = getLine().getType();
  // lane_reduce_c1
  if (!cast<SliceAttr>(line.getEncoding()).getPartial())
    return emitOpError("expects a partial line, but got ") << line;
  if (getResult().getType() != getComplete(line))
    return emitOpError("expects a result of ")
           << getComplete(line) << ", but got " << getResult().getType();
  return success();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType line = getLine().getType();
  auto result = cast<RankedTensorType>(getResult().getType());
  // broadcast_c1
  if (cast<SliceAttr>(line.getEncoding()).getPartial())
    return emitOpError("expects a complete line, but got ")
           << line << "; combine it by pipe.lane_reduce first";
  // broadcast_c2
  auto slice = cast<SliceAttr>(line.getEncoding());
  bool fits;
  if (isa<SliceAttr>(result.getEncoding()))
    fits = result != line && getComplete(result) == line;
  else
    fits = line.getElementType() == result.getElementType() &&
           line.getDimSize(0) == result.getDimSize(1 - slice.getDim()) &&
           spreadsAs(slice, getFragment(result));
  if (!fits)
    return emitOpError("expects the partial form of ")
           << line << ", or a tile that spreads its lines alike, but got "
           << result;
  return success();
}

LogicalResult IfAnyOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getOthers().getTypes());
  return success();
}

LogicalResult IfAnyOp::verify() {
  // if_any_c1
  RankedTensorType line = getCondition().getType();
  if (cast<SliceAttr>(line.getEncoding()).getPartial() ||
      !line.getElementType().isInteger(1))
    return emitOpError("expects a complete line of i1, but got ") << line;
  return success();
}

LogicalResult IfAnyOp::verifyRegions() {
  Block &block = getBody().front();
  // if_any_c2
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  if (block.getNumArguments() != 0 || !yield ||
      yield.getValues().getTypes() != getOthers().getTypes())
    return emitOpError("expects its region to take nothing and to yield (")
           << getOthers().getTypes() << ")";
  // if_any_c3
  for (Operation &op : block)
    if (!isMemoryEffectFree(&op))
      return op.emitOpError("has effects, but a warp may do it alone in a "
                            "'pipe.if_any'");
  return success();
}

LogicalResult SplatOp::verify() {
  Type element = cast<RankedTensorType>(getResult().getType()).getElementType();
  // splat_c1
  if (getScalar().getType() != element)
    return emitOpError("expects a scalar of ")
           << element << ", but got " << getScalar().getType();
  return success();
}

LogicalResult CoordOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  auto slice = dyn_cast<SliceAttr>(type.getEncoding());
  // coord_c1
  bool known = slice ? getDim() == 1 - slice.getDim()
                     : getDim() < static_cast<uint64_t>(type.getRank());
  if (!known)
    return emitOpError("expects a dimension of the result, but got ")
           << getDim() << " for " << type;
  if (!type.getElementType().isInteger(32))
    return emitOpError("expects elements of i32, but got ")
           << type.getElementType();
  // coord_c2
  bool hasRows = !slice || slice.getDim() == 1;
  if (getShares() && (!hasRows || type.getDimSize(0) % *getShares() != 0))
    return emitOpError("expects shares that divide the rows of a tile or a "
                       "line of rows, but got ")
           << *getShares() << " for " << type;
  return success();
}

LogicalResult GatherOp::verify() {
  auto result = cast<RankedTensorType>(getResult().getType());
  GlobalType source = getSource().getType();
  // gather_c1
  if (getIndices().size() != source.getRank())
    return emitOpError("expects one index a dimension of ")
           << source << ", but got " << getIndices().size();
  RankedTensorType tile = result.clone(IntegerType::get(getContext(), 32));
  for (Type type : getIndices().getTypes())
    if (!type.isInteger(32) && type != tile)
      return emitOpError("expects indices of i32 or ")
             << tile << ", but got " << type;
  // gather_c2
  Type from = source.getElementType(), to = result.getElementType();
  bool widens =
      isa<FloatType>(from) && to.isF32() && from.getIntOrFloatBitWidth() < 32;
  bool isNumber = isa<IntegerType>(from) && to.isInteger(32) &&
                  from.getIntOrFloatBitWidth() >= 8;
  if (from != to && !widens && !isNumber)
    return emitOpError("expects elements of ")
           << from << " or, of narrower floats, f32, of integers, i32, but got "
           << to;
  // gather_c3
  if (auto argument = dyn_cast<BlockArgument>(getSource()))
    if (auto kernel = dyn_cast<KernelOp>(argument.getOwner()->getParentOp())) {
      auto access = kernel.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                        kAccessAttr);
      if (access && access != "read")
        return emitOpError("expects a tensor that the kernel only reads, but "
                           "its access is ")
               << access;
    }
  return success();
}

//===-- Layouts -----------------------------------------------------------===//

LogicalResult ColumnsOp::verify() {
  RankedTensorType tile = getTile().getType(), result = getResult().getType();
  int64_t first = getFirst();
  // columns_c1
  if (tile.getDimSize(0) != result.getDimSize(0) ||
      tile.getElementType() != result.getElementType())
    return emitOpError("expects the tile's rows and elements, but got ")
           << tile << " and " << result;
  if (first < 0 || result.getDimSize(1) > tile.getDimSize(1) - first)
    return emitOpError("expects columns of the tile's ")
           << tile.getDimSize(1) << ", but got " << result.getDimSize(1)
           << " from " << first;
  // columns_c2: equal but for the slowest register digit, which counts columns.
  FragmentAttr from = getFragment(tile), to = getFragment(result);
  bool same = from.getLanes() == to.getLanes() &&
              from.getWarps() == to.getWarps() &&
              from.getRegisters().size() == to.getRegisters().size() &&
              !from.getRegisters().empty() &&
              from.getRegisters().drop_back() == to.getRegisters().drop_back();
  if (same) {
    DigitAttr a = from.getRegisters().back(), b = to.getRegisters().back();
    same = a.getDim() == 1 && b.getDim() == 1 &&
           a.getStride() == b.getStride() && first % a.getStride() == 0;
  }
  if (!same)
    return emitOpError("expects each lane to keep its elements, but got ")
           << from << " and " << to;
  return success();
}

LogicalResult RelayoutOp::verify() {
  RankedTensorType tile = getTile().getType(), result = getResult().getType();
  // relayout_c1
  if (tile.getShape() != result.getShape() ||
      tile.getElementType() != result.getElementType())
    return emitOpError("expects equal shapes and elements, but got ")
           << tile << " and " << result;
  // relayout_c2
  RelayoutCost cost = getRelayoutCost(getFragment(tile), getFragment(result));
  if (cost != getCost())
    return emitOpError("expects cost ") << stringifyRelayoutCost(cost)
                                        << " between these fragments, but got "
                                        << stringifyRelayoutCost(getCost());
  return success();
}

LogicalResult SplitOp::verify() {
  int64_t count = getValues().size(), into = getInto();
  // split_c1
  if (static_cast<int64_t>(getRuns().size()) != count * into)
    return emitOpError("expects ") << into << " results for each of " << count
                                   << " values, but got " << getRuns().size();
  auto getSlice = [](RankedTensorType type) {
    return dyn_cast<SliceAttr>(type.getEncoding());
  };
  for (auto [i, run] : llvm::enumerate(getRuns())) {
    auto value = cast<RankedTensorType>(getValues()[i % count].getType());
    auto type = cast<RankedTensorType>(run.getType());
    if (type != getRuns()[i % count].getType())
      return emitOpError("expects one type of all runs of a value, but got ")
             << getRuns()[i % count].getType() << " and " << type;
    if (value.getDimSize(0) % into != 0)
      return emitOpError("expects rows that are a multiple of ")
             << into << ", but got " << value;
    // split_c2
    SmallVector<int64_t> shape(value.getShape());
    shape[0] /= into;
    SliceAttr from = getSlice(value), to = getSlice(type);
    bool isComplete = !from || (from.getDim() == 1 && !from.getPartial() &&
                                to && to.getDim() == 1 && !to.getPartial());
    if (type.getShape() != ArrayRef(shape) || !from != !to || !isComplete ||
        type.getElementType() != value.getElementType())
      return emitOpError("expects ")
             << shape[0] << " rows of " << value
             << ", a tile or a complete line of rows, but got " << type;
  }
  return success();
}
