//===- IndexOps.h - arithmetic on masks' bounds as IR -----------*- C++ -*-===//
//
// The numbers of mask::IntervalEvaluator and mask::Sequencer as `index` values
// of the program: what they compute is written where the emitter stands.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_INDEXOPS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_INDEXOPS_H

#include "ProgramEmitter.h"

#include "attn/Analysis/Mask/Import.h"
#include "attn/Analysis/Mask/Sequence.h"

namespace attn {

class IndexOps {
public:
  using Value = mlir::Value;
  using Bool = mlir::Value;
  using Range = mask::Range<IndexOps>;

  IndexOps(ProgramEmitter &emitter, mask::ImportedMask &mask,
           mlir::Location loc);

  Value constant(int64_t value);
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  /// The divisor is taken to be 1 at the least.
  Value floorDiv(Value a, Value b);
  Value mod(Value a, Value b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value select(Bool c, Value a, Value b);
  Bool truth(bool value);
  Bool atMost(Value a, Value b);
  Bool equal(Value a, Value b);
  Bool both(Bool a, Bool b);
  Bool either(Bool a, Bool b);
  Bool negate(Bool a);
  Value symbol(unsigned number);
  Value entries(unsigned table);
  Range read(unsigned table, llvm::ArrayRef<Range> coordinates);
  /// Lists are not searched for a box: a number may be listed.
  mask::Truth<IndexOps> member(unsigned table, Range element, Range first,
                               Range last, llvm::ArrayRef<Range> coordinates);

  /// The tensor of a table of the mask.
  Value getTable(unsigned number);
  /// Something had no value; its diagnostic is emitted.
  bool hasFailed() const { return failed; }

private:
  mlir::OpBuilder &builder();
  mlir::Value readElement(unsigned table, mlir::Value memref,
                          mlir::ValueRange point);
  Range readRising(unsigned table, mlir::Value memref,
                   llvm::ArrayRef<Range> coordinates);

  ProgramEmitter &emitter;
  mask::ImportedMask &mask;
  mlir::Location loc;
  bool failed = false;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_INDEXOPS_H
