//===- Meeting.h - where blocks bring parts of an item together -*- C++ -*-===//
//
// Blocks meet through memory. An item is counted by the block in which it
// begins, which begins at most one that it does not end: a counter a block.
// Whoever brings the number to that of the blocks sets it back to 0 and goes
// on; nobody waits. A block has places for two items: the one in which its
// share begins may have begun before, and the one in which it ends may go on.
// Places are written and read thread by thread, since all blocks hold an item
// alike.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_GPU_MEETING_H
#define ATTN_LIB_TARGET_GPU_MEETING_H

#include "Stream.h"

namespace attn::gpu {

/// Writes the code of one `pipe.meet`.
class Meeting {
public:
  /// What the op becomes: its operands' values, `own` all registers of a part.
  struct Operands {
    mlir::ValueRange work;
    mlir::Value before, steps, rows;
    mlir::ValueRange own;
  };

  Meeting(pipe::MeetOp op, const Operands &operands,
          const mlir::TypeConverter &converter, const KernelValues &values,
          mlir::ConversionPatternRewriter &rewriter);

  using Registers = llvm::SmallVector<mlir::Value>;

protected:
  /// Whether the thread has rows that count; null where its rows have no place.
  mlir::Value createHasRows();
  /// Counts this block's part, of `all` that meet at the counter of
  /// `counterBlock`; whether it is the last. Nobody else comes to the counter
  /// in this launch then, so that a store sets it back, and launches that share
  /// it may not overlap.
  mlir::Value arrive(mlir::Value counterBlock, mlir::Value all);
  /// As early before the op as `values` are there.
  void setInsertionPointBehind(mlir::ValueRange values);
  /// The sweep's `merge`.
  Registers combine(mlir::ValueRange first, mlir::ValueRange second);
  /// The registers that `make` gives where `condition` holds, else `others`.
  Registers choose(mlir::Value condition, mlir::ValueRange others,
                   llvm::function_ref<Registers()> make);
  /// The number of the place that `block` has for the item; `beginsThere` says
  /// of the item where it does.
  mlir::Value getPlace(mlir::Value block, mlir::Value beginsThere);
  /// Where `thread` has its registers of a place.
  mlir::Value getAddress(mlir::Value place, mlir::Value thread);
  void store(mlir::Value address, mlir::ValueRange registers,
             mlir::Value predicate);
  Registers load(mlir::Value address, mlir::Value predicate);

  /// Where all rows that count are the first warp's, each warp may take a share
  /// of the parts: a thread then stands for the first warp's of its lane.
  struct Narrow {
    /// Whether they are; whether the thread has rows that count then.
    mlir::Value holds, hasRows;
  };
  std::optional<Narrow> createNarrow();
  /// What warps have folded, in the order of the warps: at each level half of
  /// those that are left send theirs to the ones before. Of the results the
  /// first warp's alone counts.
  Registers joinWarps(mlir::ValueRange own);

  pipe::MeetOp op;
  Stream stream;
  mlir::Value before, steps, rows;
  mlir::ValueRange own;
  const mlir::TypeConverter &converter;
  const KernelValues &values;
  StreamEmitter e;
  mlir::ConversionPatternRewriter &rewriter;
  /// The number of this thread's group, and how many there are.
  mlir::Value group;
  int64_t groups = 1;

private:
  /// Registers as whole chunks of i32, and back.
  Registers toWords(mlir::ValueRange registers);
  Registers fromWords(llvm::ArrayRef<mlir::Value> words);

  /// Where the lane has its first chunk of what `warp` sends.
  mlir::Value getSent(mlir::Value warp);
  void send(mlir::Value place, mlir::ValueRange registers);
  Registers receive(mlir::Value place);
};

/// Whether this block has the whole item, and the item's registers if so.
mlir::FailureOr<Meeting::Registers>
lowerRuns(pipe::MeetOp op, const Meeting::Operands &operands,
          const mlir::TypeConverter &converter, const KernelValues &values,
          mlir::ConversionPatternRewriter &rewriter);

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_MEETING_H
