//===- HostMask.h - a mask at given numbers ---------------------*- C++ -*-===//
//
// Evaluates a normal form on the host: classes of tiles, the segments of a work
// item, live points. Setting symbols takes time and memory that do not depend
// on extents; tables are read where they lie.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_HOSTMASK_H
#define ATTN_ANALYSIS_MASK_HOSTMASK_H

#include "attn/Analysis/Mask/Sequence.h"
#include "attn/Runtime/TileClass.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>

namespace attn::mask {

/// The elements of an integer tensor, row-major.
struct TableData {
  llvm::SmallVector<int64_t, 3> shape;
  llvm::ArrayRef<int64_t> values;
  /// What is read outside the tensor.
  int64_t empty = 0;
};

/// Numbers for IntervalEvaluator and Sequencer. Sums and products stop at the
/// ends of 64 bits.
class HostOps {
public:
  using Value = int64_t;
  using Bool = bool;

  explicit HostOps(const ExprPool &pool)
      : symbols(pool.getSymbols().size()), tables(pool.getTables().size()) {}

  Value constant(int64_t value) { return value; }
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value floorDiv(Value a, Value b);
  Value mod(Value a, Value b);
  Value min(Value a, Value b) { return a < b ? a : b; }
  Value max(Value a, Value b) { return a < b ? b : a; }
  Value select(Bool c, Value a, Value b) { return c ? a : b; }
  Bool truth(bool value) { return value; }
  Bool atMost(Value a, Value b) { return a <= b; }
  Bool equal(Value a, Value b) { return a == b; }
  Bool both(Bool a, Bool b) { return a && b; }
  Bool either(Bool a, Bool b) { return a || b; }
  Bool negate(Bool a) { return !a; }
  Value symbol(unsigned number) { return symbols[number]; }
  Value entries(unsigned table) {
    return tables[table].shape.empty() ? 0 : tables[table].shape.back();
  }
  Range<HostOps> read(unsigned table,
                      llvm::ArrayRef<Range<HostOps>> coordinates);
  Truth<HostOps> member(unsigned table, Range<HostOps> element,
                        Range<HostOps> first, Range<HostOps> last,
                        llvm::ArrayRef<Range<HostOps>> coordinates);

  std::vector<int64_t> symbols;
  std::vector<TableData> tables;
};

/// Coordinates first to last, both included.
struct Span {
  int64_t first, last;
};

/// What a work item visits of a sweep in tiles.
struct Step {
  int64_t first, count;
  bool isFull;
};

class HostMask {
public:
  /// Points: variables that have one value in every box, beside symbols.
  HostMask(ExprPool &pool, Expr predicate, Expr swept,
           llvm::ArrayRef<Expr> points = {});

  const NormalForm &getForm() const { return form; }

  /// Sets a symbol or table by name; false if the mask has none such.
  bool setSymbol(llvm::StringRef name, int64_t value);
  bool setTable(llvm::StringRef name, TableData data);
  /// Coordinates of a variable that is not swept.
  void setBox(Expr variable, Span span);
  /// Extent of the swept variable: before segments are asked for.
  void setExtent(int64_t extent);

  /// Class of the box of all variables, the swept one over `span`, which is
  /// clipped to the extent by the caller.
  TileClass classify(Span span);
  /// The segments of the box, partial ones first.
  std::vector<Segment<HostOps>> getSegments();
  /// Calls `visit` for each step of at most `tile` coordinates that has any.
  void forEachStep(int64_t tile, llvm::function_ref<void(Step)> visit);
  /// Whether steps may have coordinates for which the predicate holds nowhere
  /// in the box.
  bool hasGaps() const { return sequencer.hasGaps(); }
  int64_t getAlignment() const { return sequencer.getAlignment(); }
  /// Swept coordinates for which the predicate holds; all variables are points.
  int64_t countLive();

private:
  ExprPool &pool;
  Expr predicate;
  NormalForm form;
  HostOps ops;
  IntervalEvaluator<HostOps> evaluator;
  Sequencer<HostOps> sequencer;
  int64_t extent = 0;
};

/// Calls `visit` for each run's steps of `segment`.
void forEachStep(const Segment<HostOps> &segment, int64_t tile, HostOps &ops,
                 IntervalEvaluator<HostOps> &evaluator,
                 llvm::function_ref<void(Step)> visit);

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_HOSTMASK_H
