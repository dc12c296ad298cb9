//===- PlaceArrays.cpp - arrays that shared memory has no room for --------===//

#include "attn/Transforms/Passes.h"

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"

namespace attn {
#define GEN_PASS_DEF_PLACEARRAYSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// Bytes that slots and tiles take, as lowerings align them.
static int64_t countTileBytes(pipe::KernelOp kernel) {
  constexpr int64_t kAlignment = 1024, kControlBytesOfSlot = 24;
  int64_t bytes = 0, control = 0;
  for (auto ring : kernel.getBody().getOps<pipe::RingOp>()) {
    pipe::RingType type = ring.getRing().getType();
    control += kControlBytesOfSlot * type.getSlots();
    bytes += llvm::alignTo(type.getSlot().getNumBytes() * type.getSlots(),
                           kAlignment);
  }
  for (auto tile : kernel.getBody().getOps<pipe::SharedTileOp>())
    bytes += llvm::alignTo(tile.getTile().getType().getNumBytes(), kAlignment);
  return bytes + llvm::alignTo(control, kAlignment);
}

/// As many blocks as fit the machine do the items, so that there is an array
/// for each of these only. Fails where a role does not begin with its only
/// item.
static LogicalResult makePersistent(pipe::KernelOp kernel) {
  pipe::WorkOp work = kernel.getWork();
  if (!work || work.getWork().getType().getKind() != pipe::WorkKind::Single)
    return success();
  SmallVector<pipe::FirstItemOp> items;
  for (Operation *user : work.getWork().getUsers()) {
    auto first = dyn_cast<pipe::FirstItemOp>(user);
    if (!first || !isa<pipe::RoleOp>(first->getParentOp()))
      return user->emitOpError("expects items that a role takes one of, where "
                               "arrays lie in the device's memory");
    items.push_back(first);
  }
  work.getWork().setType(
      pipe::WorkType::get(kernel.getContext(), pipe::WorkKind::Persistent));
  for (pipe::FirstItemOp first : items) {
    OpBuilder b(first->getContext());
    b.setInsertionPointAfter(first);
    auto loop = pipe::WorkLoopOp::create(b, first.getLoc(), TypeRange(), first,
                                         ValueRange());
    Block *body =
        b.createBlock(&loop.getBody(), {}, b.getI32Type(), first.getLoc());
    first.getItem().replaceAllUsesExcept(body->getArgument(0), loop);
    Block *outer = loop->getBlock();
    body->getOperations().splice(body->end(), outer->getOperations(),
                                 std::next(loop->getIterator()),
                                 outer->getTerminator()->getIterator());
    b.setInsertionPointToEnd(body);
    Value next = pipe::NextItemOp::create(b, first.getLoc(), b.getI32Type(),
                                          work.getWork(), body->getArgument(0));
    pipe::YieldOp::create(b, first.getLoc(), next);
  }
  return success();
}

/// The largest arrays go first: the fewest are slow.
static LogicalResult placeArrays(pipe::KernelOp kernel, int64_t sharedBytes) {
  constexpr int64_t kAlignment = 16;
  SmallVector<pipe::ArrayOp> arrays(kernel.getBody().getOps<pipe::ArrayOp>());
  int64_t bytes = countTileBytes(kernel);
  for (pipe::ArrayOp array : arrays)
    if (pipe::ArrayType type = array.getArray().getType(); !type.getGlobal())
      bytes += llvm::alignTo(type.getNumBytes(), kAlignment);
  if (bytes <= sharedBytes)
    return success();
  llvm::stable_sort(arrays, [](pipe::ArrayOp a, pipe::ArrayOp b) {
    return a.getArray().getType().getNumBytes() >
           b.getArray().getType().getNumBytes();
  });
  bool isMoved = false;
  for (pipe::ArrayOp array : arrays) {
    pipe::ArrayType type = array.getArray().getType();
    if (bytes <= sharedBytes)
      break;
    if (type.getGlobal())
      continue;
    bytes -= llvm::alignTo(type.getNumBytes(), kAlignment);
    array.getArray().setType(
        pipe::ArrayType::get(type.getContext(), type.getShape(),
                             type.getElementType(), /*global=*/true));
    isMoved = true;
  }
  return isMoved ? makePersistent(kernel) : success();
}

namespace {
struct PlaceArrays final : attn::impl::PlaceArraysPassBase<PlaceArrays> {
  using PlaceArraysPassBase::PlaceArraysPassBase;

  void runOnOperation() override {
    if (failed(placeArrays(getOperation(), sharedBytes)))
      signalPassFailure();
  }
};
} // namespace
