//===- FaultyMask.h - HostMask with one of its parts wrong ----------------===//
//
// Made of the parts of HostMask: a normal form, intervals and segments, over
// numbers that can be computed wrongly. Nothing of it is in the library: what
// the library makes is changed on its way to the next part.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_MASKS_FAULTYMASK_H
#define ATTN_TEST_UNIT_MASKS_FAULTYMASK_H

#include "attn/Analysis/Mask/HostMask.h"

#include <cstdlib>

namespace attn::test {

/// An operation that computes something else.
enum class OpFault {
  none,
  minIsMax,
  maxIsMin,
  floorIsTruncated,
  floorIsCeil,
  modHasSign,
  modIsOneLess,
  mulIsPositive,
  selectIsSwapped,
  atMostIsBelow,
  equalIsAlways,
  bothIsEither,
  eitherIsBoth,
  negateIsNothing,
  readsOneEntry,
  readsNothingOutside,
  memberIgnoresEnds,
  memberIsFull,
};

class FaultyOps {
public:
  using Value = int64_t;
  using Bool = bool;
  using Ranges = llvm::ArrayRef<mask::Range<FaultyOps>>;

  FaultyOps(mask::HostOps &host, OpFault fault) : host(host), fault(fault) {}

  Value constant(Value value) { return value; }
  Value add(Value a, Value b) { return host.add(a, b); }
  Value sub(Value a, Value b) { return host.sub(a, b); }
  Value mul(Value a, Value b) {
    return has(OpFault::mulIsPositive) ? std::abs(host.mul(a, b))
                                       : host.mul(a, b);
  }
  Value floorDiv(Value a, Value b) {
    if (has(OpFault::floorIsTruncated))
      return b <= 0 ? 0 : a / b;
    if (has(OpFault::floorIsCeil))
      return host.floorDiv(a + b - 1, b);
    return host.floorDiv(a, b);
  }
  Value mod(Value a, Value b) {
    if (has(OpFault::modHasSign))
      return b <= 0 ? 0 : a % b;
    return host.mod(a, b) - (has(OpFault::modIsOneLess) ? 1 : 0);
  }
  Value min(Value a, Value b) {
    return has(OpFault::minIsMax) ? host.max(a, b) : host.min(a, b);
  }
  Value max(Value a, Value b) {
    return has(OpFault::maxIsMin) ? host.min(a, b) : host.max(a, b);
  }
  Value select(Bool c, Value a, Value b) {
    return c != has(OpFault::selectIsSwapped) ? a : b;
  }
  Bool truth(bool value) { return value; }
  Bool atMost(Value a, Value b) {
    return has(OpFault::atMostIsBelow) ? a < b : a <= b;
  }
  Bool equal(Value a, Value b) { return a == b || has(OpFault::equalIsAlways); }
  Bool both(Bool a, Bool b) {
    return has(OpFault::bothIsEither) ? a || b : a && b;
  }
  Bool either(Bool a, Bool b) {
    return has(OpFault::eitherIsBoth) ? a && b : a || b;
  }
  Bool negate(Bool a) { return a == has(OpFault::negateIsNothing); }
  Value symbol(unsigned number) { return host.symbol(number); }
  Value entries(unsigned table) { return host.entries(table); }
  mask::Range<FaultyOps> read(unsigned table, Ranges coordinates);
  mask::Truth<FaultyOps> member(unsigned table, mask::Range<FaultyOps> element,
                                mask::Range<FaultyOps> first,
                                mask::Range<FaultyOps> last,
                                Ranges coordinates);

private:
  bool has(OpFault other) const { return fault == other; }

  mask::HostOps &host;
  OpFault fault;
};

using Segments = std::vector<mask::Segment<mask::HostOps>>;

struct Fault {
  std::string name;
  OpFault op = OpFault::none;
  std::function<void(mask::ExprPool &, mask::NormalForm &)> changeForm;
  std::function<void(Segments &)> changeSegments;
  std::function<mask::Span(mask::Span)> changeBox;
  std::function<TileClass(bool any, bool all)> classify;
  /// Entries of lists that are there already are not left out.
  bool repeatsEntries = false;
  bool takesAllForPoints = false;
  bool deniesGaps = false;
};

class FaultyMask {
public:
  FaultyMask(mask::ExprPool &pool, mask::Expr predicate, mask::NormalForm form,
             std::function<bool(mask::Expr)> isPoint, const Fault &fault,
             int64_t granule = 1, int64_t alignment = 1);

  bool setSymbol(llvm::StringRef name, int64_t value);
  bool setTable(llvm::StringRef name, mask::TableData data);
  void setBox(mask::Expr variable, mask::Span span);
  void setExtent(int64_t extent);
  TileClass classify(mask::Span span);
  void forEachStep(int64_t tile, llvm::function_ref<void(mask::Step)> visit);
  bool hasGaps() const { return !fault.deniesGaps && sequencer.hasGaps(); }
  int64_t getAlignment() const { return sequencer.getAlignment(); }
  int64_t countLive();

private:
  void setSwept(mask::Span span);

  const Fault &fault;
  mask::ExprPool &pool;
  mask::Expr predicate;
  mask::NormalForm form;
  mask::HostOps host;
  FaultyOps ops;
  mask::IntervalEvaluator<FaultyOps> evaluator;
  mask::IntervalEvaluator<mask::HostOps> hostEvaluator;
  mask::Sequencer<FaultyOps> sequencer;
  int64_t extent = 0;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_MASKS_FAULTYMASK_H
