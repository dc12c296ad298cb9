//===- StepChecks.cpp - ops that groups of warps have no way to do --------===//

#include "StepPlan.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

static RankedTensorType getType(Value tile) {
  return cast<RankedTensorType>(tile.getType());
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

Refusal StepPlan::checkStore(tile::StoreOp op) {
  RankedTensorType type = getType(op.getTile());
  std::optional<BoxMap> box = matchBox(op.getMap());
  if (!box || type.getRank() > 2)
    return refuse(op, "it is no box of the last dimensions of a tensor");
  if (Refusal r = checkPacking(op, *box, op.getIndices()); r.op)
    return r;
  int64_t rowDim = box->starts.size() - type.getRank();
  if (Refusal r = checkLayouts(op, op.getTarget(), *box, op.getIndices(),
                               type.getDimSize(0), rowDim);
      r.op)
    return r;
  if (!isRow(op.getTile(), 0) || (type.getRank() == 2 && box->rowDim != 0))
    return refuse(op, "it stores no rows of the program");
  for (auto [dim, valid] : llvm::enumerate(op.getValid()))
    if (!endWithTensor(op.getTarget(), op.getMap(), op.getIndices(), dim,
                       type.getDimSize(dim), valid))
      return refuse(op, "it leaves out points inside of its tensor, which "
                        "stores of groups do not");
  return {};
}

/// A tile that is read point by point: beyond the extents and the step's count
/// there are zeros, beyond other valid points the values of others, which a
/// mask has to hide.
Refusal StepPlan::checkLoad(tile::LoadOp op) {
  RankedTensorType type = getType(op.getResult());
  AffineMap map = op.getMap();
  if (op.isPaged()) {
    auto table = cast<MemRefType>(op.getTable().getType());
    if (type.getRank() != 1 || !isa<BlockArgument>(op.getTable()) ||
        !table.getElementType().isInteger(32))
      return refuse(op, "of tensors in pages products alone read more than a "
                        "line, by a table of numbers of 32 bits");
  }
  for (auto [place, result] : llvm::enumerate(map.getResults())) {
    AffineExpr row = getPackedRow(result), expr = row ? row : result;
    unsigned numDims = 0;
    if (getLayout(op.getSource(), place))
      return refuse(op, "products alone read tensors of ranks with layouts");
    for (unsigned dim = 0; dim < map.getNumDims(); ++dim) {
      if (!expr.isFunctionOfDim(dim))
        continue;
      ++numDims;
      AffineExpr start =
          simplifyAffineExpr(expr - getAffineDimExpr(dim, map.getContext()),
                             map.getNumDims(), map.getNumSymbols());
      if (start.isFunctionOfDim(dim))
        numDims = 2;
    }
    if (numDims > 1)
      return refuse(op, "its points do not follow each other along dimensions");
  }
  if (op.getWhere())
    return refuse(op, "it leaves points out by a mask");
  Value count = sweep.getStep().getArgument(1);
  for (auto [dim, valid] : llvm::enumerate(op.getValid())) {
    bool isOfPages = op.isPaged() && int64_t(dim) == op.getPages()->getAlong();
    bool ends =
        !isOfPages && endWithTensor(op.getSource(), map, op.getIndices(), dim,
                                    type.getDimSize(dim), valid);
    bool isHidden = valid == count &&
                    (!op.getPad() || isMaskedBeyondCount(op.getResult(), dim));
    if (!isHidden && (!ends || (op.getPad() && !isRow(op.getResult(), dim))))
      return refuse(op, "no mask hides its points beyond the valid ones");
  }
  return {};
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

/// Whether a region of points runs through lists.
static bool readsLists(Block &region) {
  return llvm::any_of(region, [](Operation &op) {
    return isa<tile::MemberOp, tile::EntryOp, tile::ExtremaOp>(op);
  });
}

/// Whether all lists that a line runs through are one for all its points: those
/// that are searched for a point's number.
static bool hasOneListForAll(Block &region) {
  llvm::DenseSet<Value> ofPoint(region.getArguments().begin(),
                                region.getArguments().end());
  for (Operation &op : region) {
    auto depends = [&](Value value) { return ofPoint.contains(value); };
    auto member = dyn_cast<tile::MemberOp>(op);
    if (isa<tile::EntryOp, tile::ExtremaOp>(op) ||
        (member && (llvm::any_of(member.getCoordinates(), depends) ||
                    depends(member.getFirst()) || depends(member.getLast()))))
      return false;
    if (llvm::any_of(op.getOperands(), depends))
      ofPoint.insert(op.getResults().begin(), op.getResults().end());
  }
  return true;
}

Refusal StepPlan::checkOp(Operation &op) {
  for (Value result : op.getResults()) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || getSlot(result) || matchPattern(result, m_Constant()) ||
        isa<tile::BroadcastOp>(op))
      continue;
    bool isMatrix = type.getRank() == 2 && isRow(result, 0);
    if (!isMatrix && type.getRank() > 1)
      return refuse(&op, "its result is neither a line nor a matrix of the "
                         "program's rows");
  }
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (getSlot(load.getResult()))
      return {};
    return checkLoad(load);
  }
  if (isForSlots(&op))
    return {};
  if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
    bool isKnown = reduce.getKind() == tile::ReduceKind::Add ||
                   reduce.getKind() == tile::ReduceKind::Max;
    if (!isKnown || reduce.getDims() != ArrayRef<int64_t>{1} ||
        !getType(reduce.getResult()).getElementType().isF32())
      return refuse(&op, "it is no sum or maximum along rows");
    return {};
  }
  if (auto store = dyn_cast<tile::StoreOp>(op))
    return checkStore(store);
  if (auto mask = dyn_cast<tile::MaskOp>(op)) {
    if (getType(mask.getResult()).getRank() != 2)
      return refuse(&op, "it masks no matrix");
    if (readsLists(mask.getPredicate().front()))
      return refuse(&op, "its predicate runs through lists at every point");
    return {};
  }
  if (auto generate = dyn_cast<tile::GenerateOp>(op)) {
    Block &body = generate.getBody().front();
    if (readsLists(body) && !hasOneListForAll(body))
      return refuse(&op, "its points run through lists of their own");
    return {};
  }
  if (isa<tile::DotOp>(op)) {
    if (products.contains(&op))
      return {};
    return refuse(&op, "it stands outside of the sweep");
  }
  if (isa<tile::TransposeOp, tile::SweepOp>(op) && &op != sweep)
    return refuse(&op, "groups of warps have no way to do it yet");
  return {};
}

Refusal StepPlan::checkOps() {
  for (Operation &op : program.getBody().front().without_terminator())
    if (Refusal r = checkOp(op); r.op)
      return r;
  for (Operation &op : sweep.getStep().front().without_terminator()) {
    if (isa<tile::StoreOp>(op))
      return refuse(&op, "it stores in the step of a sweep");
    if (Refusal r = checkOp(op); r.op)
      return r;
  }
  return {};
}
