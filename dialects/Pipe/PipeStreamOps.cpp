//===- PipeStreamOps.cpp - items that several blocks do -------------------===//

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::pipe;

/// first_part_c1
template <typename OpT> static LogicalResult verifyStream(OpT op) {
  if (op.getWork().getType().getKind() == WorkKind::Stream)
    return success();
  return op.emitOpError("expects the work of a stream, but got ")
         << op.getWork().getType();
}

LogicalResult FirstPartOp::verify() { return verifyStream(*this); }
LogicalResult PartOp::verify() { return verifyStream(*this); }
LogicalResult NextPartOp::verify() { return verifyStream(*this); }

/// The first op of `region` that others can see, or that meets other threads;
/// null if there is none.
static Operation *findEffect(Region &region) {
  Operation *found = nullptr;
  region.walk([&](Operation *op) {
    auto get = dyn_cast<GetOp>(op);
    bool isRead = isa<GatherOp>(op) ||
                  (get && isa<GlobalType>(get.getSource().getType()));
    // What these do stands in their regions.
    bool isOfRuns = isa<SumOp, LocateOp>(op);
    if (isa<PipeDialect>(op->getDialect()) && !isPure(op) && !isRead &&
        !isOfRuns) {
      found = op;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return found;
}

//===-- Runs --------------------------------------------------------------===//

/// sum_c1
static LogicalResult verifyRuns(Operation *op, size_t numYields) {
  Block &body = op->getRegion(0).front();
  Operation *yield = body.getTerminator();
  auto isNumber = [](Type type) { return type.isInteger(32); };
  if (body.getNumArguments() != 1 || !isNumber(body.getArgument(0).getType()) ||
      yield->getNumOperands() != numYields ||
      !llvm::all_of(yield->getOperandTypes(), isNumber))
    return op->emitOpError("expects a region that takes an i32 and yields ")
           << numYields;
  if (Operation *effect = findEffect(op->getRegion(0))) {
    InFlightDiagnostic diag =
        op->emitOpError("expects a region that does nothing others can see");
    diag.attachNote(effect->getLoc()) << "but this op does";
    return diag;
  }
  return success();
}

LogicalResult SumOp::verifyRegions() {
  return verifyRuns(*this, getNumResults());
}
LogicalResult LocateOp::verifyRegions() { return verifyRuns(*this, 1); }

//===-- Work --------------------------------------------------------------===//

/// Beyond, an item's beginning would be all of the work.
static constexpr uint64_t kMostLead = 1024;

void WorkOp::build(OpBuilder &builder, OperationState &state, WorkType work,
                   Value items, Value alike, int64_t lead) {
  state.addOperands(items);
  if (alike)
    state.addOperands(alike);
  state.getOrAddProperties<Properties>().lead = builder.getI64IntegerAttr(lead);
  state.addRegion();
  state.addTypes(work);
}

LogicalResult WorkOp::verifyRegions() {
  bool isStream = getWork().getType().getKind() == WorkKind::Stream;
  // work_c2
  if (isStream == getSteps().empty())
    return emitOpError(isStream ? "expects 'steps' of the items of a stream"
                                : "expects 'steps' of a stream only");
  // work_c3
  if (!isStream && getAlike())
    return emitOpError("expects 'alike' of a stream only");
  // work_c4
  if (getLead() != 0 && (!isStream || getLead() > kMostLead))
    return emitOpError("expects a 'lead' of 0 to ")
           << kMostLead << ", and of a stream only, but got "
           << static_cast<int64_t>(getLead());
  if (!isStream)
    return success();
  // work_c2
  Type i32 = IntegerType::get(getContext(), 32);
  Block &body = getSteps().front();
  auto yield =
      body.empty() ? YieldOp() : dyn_cast<YieldOp>(getSteps().back().back());
  if (!llvm::hasSingleElement(getSteps()) || !yield ||
      TypeRange(body.getArgumentTypes()) != TypeRange(i32) ||
      TypeRange(yield.getOperandTypes()) != TypeRange(i32))
    return emitOpError("expects 'steps' to yield an i32 of an i32");
  if (Operation *effect = findEffect(getSteps())) {
    InFlightDiagnostic diag =
        emitOpError("expects 'steps' to do nothing that others can see");
    diag.attachNote(effect->getLoc()) << "as this does";
    return diag;
  }
  return success();
}

//===-- Meetings ----------------------------------------------------------===//

LogicalResult MeetOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location>, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(IntegerType::get(context, 1));
  llvm::append_range(types, adaptor.getValues().getTypes());
  return success();
}

LogicalResult MeetOp::verify() {
  if (failed(verifyStream(*this)))
    return failure();
  // meet_c4
  Operation *parent = (*this)->getParentOp();
  while (parent &&
         (isa<WorkLoopOp>(parent) || !isa<PipeDialect>(parent->getDialect())))
    parent = parent->getParentOp();
  auto role = dyn_cast_or_null<RoleOp>(parent);
  if (!role || role.getWarps() == 1)
    return emitOpError("expects to stand in a role of several warps, and in "
                       "nothing else of pipe but loops over items");
  // meet_c2
  if (getValues().empty())
    return emitOpError("expects at least one value");
  for (Value value : getValues()) {
    auto type = cast<RankedTensorType>(value.getType());
    auto slice = dyn_cast<SliceAttr>(type.getEncoding());
    if (type.getElementTypeBitWidth() != 32 || (slice && slice.getPartial()))
      return emitOpError("expects complete values of 32 bits, but got ")
             << type;
  }
  return success();
}

LogicalResult MeetOp::verifyRegions() {
  // meet_c3
  SmallVector<Type> arguments;
  for (int side = 0; side < 2; ++side)
    llvm::append_range(arguments, getValues().getTypes());
  Block &body = getMerge().front();
  if (TypeRange(body.getArgumentTypes()) != TypeRange(arguments))
    return emitOpError("expects 'merge' to take the values of two parts");
  auto yield = body.empty() ? YieldOp() : dyn_cast<YieldOp>(body.back());
  if (!yield || yield.getOperandTypes() != getValues().getTypes())
    return emitOpError("expects 'merge' to yield the values of one part");
  if (Operation *effect = findEffect(getMerge())) {
    InFlightDiagnostic diag =
        emitOpError("expects 'merge' to do nothing that others can see");
    diag.attachNote(effect->getLoc()) << "as this does";
    return diag;
  }
  return success();
}
