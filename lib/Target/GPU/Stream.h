//===- Stream.h - what stands for a line of steps ---------------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_GPU_STREAM_H
#define ATTN_LIB_TARGET_GPU_STREAM_H

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace attn::gpu {

/// On a sum over runs: each lane has its own.
inline constexpr llvm::StringLiteral kOfLaneAttr = "attn.of_lane";

/// Says so of those in `op`, which lanes do at numbers of their own.
inline void leaveToLanes(mlir::Operation *op) {
  op->walk([](mlir::Operation *inner) {
    if (llvm::isa<pipe::SumOp, pipe::LocateOp>(inner))
      inner->setAttr(kOfLaneAttr, mlir::UnitAttr::get(inner->getContext()));
  });
}

/// Whether there are sums over runs in `region`.
inline bool asksRuns(mlir::Region &region) {
  return region
      .walk([](mlir::Operation *op) {
        return llvm::isa<pipe::SumOp, pipe::LocateOp>(op)
                   ? mlir::WalkResult::interrupt()
                   : mlir::WalkResult::advance();
      })
      .wasInterrupted();
}

/// Arithmetic on i32 at one place.
struct StreamEmitter {
  mlir::OpBuilder &b;
  mlir::Location loc;
  const KernelValues &values;

  mlir::Value constant(int64_t value) { return createI32(b, loc, value); }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddIOp::create(b, loc, x, y);
  }
  mlir::Value sub(mlir::Value x, mlir::Value y) {
    return mlir::arith::SubIOp::create(b, loc, x, y);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return mlir::arith::MulIOp::create(b, loc, x, y);
  }
  mlir::Value div(mlir::Value x, mlir::Value y) {
    return mlir::arith::DivUIOp::create(b, loc, x, y);
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x,
                      mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  mlir::Value both(mlir::Value x, mlir::Value y) {
    return mlir::arith::AndIOp::create(b, loc, x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }
  mlir::Value widen(mlir::Value x) {
    return mlir::arith::ExtUIOp::create(b, loc, b.getI64Type(), x);
  }
  /// Over the lanes of the warp.
  mlir::Value reduce(WarpReduction kind, mlir::Value x) {
    return values.getPrimitives().reduce(b, loc, kind, x);
  }
  mlir::Value shuffleUp(mlir::Value x, int64_t lanes) {
    return values.getPrimitives().shuffleUp(b, loc, x, lanes);
  }
};

/// What of a stream is asked for once an item or once a role: it waits in
/// shared memory, as the registers of those who multiply are few.
enum class StreamNumber : uint8_t {
  /// The item that this block does first, and where its steps begin.
  Item,
  Before,
  /// The one that it does last, in which its run begins; -1 where that is
  /// first.
  LastItem,
  LastBefore,
  /// The number of this block's share, and its run.
  Block,
  Begin,
  End,
  /// How much of the line shares have at the least, and how many of them, the
  /// first ones, one more.
  Share,
  Rest,
  /// How many steps more an item counts than it has.
  Lead
};
inline constexpr int64_t kNumStreamNumbers = 10;

/// Of those numbers in shared memory.
inline constexpr int64_t kStreamBytes = 64;
static_assert(4 * kNumStreamNumbers <= kStreamBytes);

/// What stands for a stream, as PipeTypeConverter has it.
struct Stream {
  explicit Stream(mlir::ValueRange values)
      : numbers(values[0]), counters(values[1]), workspace(values[2]) {}

  /// Where the numbers are in shared memory.
  mlir::Value numbers;
  /// An i32 a block and group, 0 between launches, and the blocks' places.
  mlir::Value counters, workspace;

  mlir::Value get(StreamEmitter &e, StreamNumber number) const {
    mlir::Value address =
        createByteOffset(e.b, e.loc, numbers, 4 * static_cast<int64_t>(number));
    // Volatile, or it were in a register from the first item on.
    return mlir::LLVM::LoadOp::create(e.b, e.loc, e.b.getI32Type(), address,
                                      /*alignment=*/4, /*isVolatile=*/true);
  }

  /// Where in the line the share of block `number` begins.
  mlir::Value getBegin(StreamEmitter &e, mlir::Value number) const {
    return e.add(e.mul(number, get(e, StreamNumber::Share)),
                 mlir::arith::MinUIOp::create(e.b, e.loc, number,
                                              get(e, StreamNumber::Rest)));
  }

  /// The block whose share has place `x` of the line: of the first ones, which
  /// have one more, or of the others.
  mlir::Value findBlock(StreamEmitter &e, mlir::Value x) const {
    mlir::Value share = get(e, StreamNumber::Share);
    mlir::Value rest = get(e, StreamNumber::Rest);
    mlir::Value larger = e.add(share, e.constant(1));
    mlir::Value firstOther = e.mul(rest, larger);
    mlir::Value least =
        mlir::arith::MaxUIOp::create(e.b, e.loc, share, e.constant(1));
    return e.select(e.compare(mlir::arith::CmpIPredicate::slt, x, firstOther),
                    e.div(x, larger),
                    e.add(rest, e.div(e.sub(x, firstOther), least)));
  }
};

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_STREAM_H
