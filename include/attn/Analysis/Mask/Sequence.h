//===- Sequence.h - the tiles that a mask leaves to a work item -*- C++ -*-===//
//
// From a normal form and a box of all variables but the swept one (a tile of
// rows, a head) to *segments*: runs of the swept variable that together hold
// every live point, each once. Nothing is listed: a segment is a handful of
// numbers, whatever the length. As Interval.h it is written once for numbers
// and for IR.
//
// A term gives ranges of the swept variable outside which it holds for no row
// and inside which it holds for all. What it says beyond a range drives the
// runs:
//
//   digits      a box of an image: rows of `(hi - lo)` keys, one a line
//   congruence  every n-th block of keys
//   list        the blocks that a list names
//
// Terms are disjoint point by point, but their ranges over a tile of rows need
// not be. Plain ranges are sorted and each begins where the last ended; a
// driven term is cut to the gaps between them. A second driven term is widened
// to a plain range, all partial. In a partial segment the whole predicate
// decides.
//
// Of a box with an inner box where all holds, what surrounds the inner one
// comes in slabs: above and below it, then left and right of it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_SEQUENCE_H
#define ATTN_ANALYSIS_MASK_SEQUENCE_H

#include "attn/Analysis/Mask/Interval.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <functional>

namespace attn::mask {

/// first, first + 1, ..., count of them, each `stride` apart in the swept
/// variable.
template <typename Ops> struct Loop {
  typename Ops::Value first, count, stride;
};

/// Runs of a list: entries [first, last) of the last rank of a table, each
/// being `chunk` coordinates of the swept variable.
struct ListRuns {
  unsigned table;
  llvm::SmallVector<Expr, 3> coordinates;
};

template <typename Ops> struct Segment {
  using Value = typename Ops::Value;
  /// Every point of it is visible to every row of the box.
  bool isFull = false;
  /// Only this range of the swept variable belongs to the segment.
  Value lo{}, hi{};
  /// A run starts at `start` plus the sum of (first + i) * stride over the
  /// loops, outermost first, and has `chunk` coordinates. Without loops the
  /// segment is the range itself.
  llvm::SmallVector<Loop<Ops>, 3> loops;
  Value start{}, chunk{};
  /// Of a list: the one loop runs over entries, and a run starts at `start`
  /// plus entry * stride. Negative entries and repeated ones have no run.
  std::optional<ListRuns> list;

  bool isPlain() const { return loops.empty(); }
};

/// Static decisions on one term.
struct TermPlan {
  enum class Driver : uint8_t { None, Digits, Congruence, List };
  struct Digit {
    Expr axis, weight, modulus;
  };
  Driver driver = Driver::None;
  /// Coarse to fine. All are digits of swept + offset.
  llvm::SmallVector<Digit, 2> digits;
  Expr offset;
  /// Congruence: the block, in swept + offset, whose number is meant; list too.
  Expr block;
  /// Congruence: (number of the block + shift) is a multiple of the modulus.
  Expr shift;
  /// Index of the driving atom of a congruence or list.
  unsigned atom = 0;
  /// Indices of the atoms that neither ranges nor the driver tell: the term is
  /// full only where they hold for all of the extent.
  llvm::SmallVector<unsigned, 4> tested;
  /// What guards say of where an expression of the rows begins or ends: of
  /// other rows the term sees nothing.
  struct RowGuard {
    bool isLower;
    Expr bound;
  };
  llvm::SmallVector<RowGuard, 2> rowGuards;
  Expr rows;
  /// Indices of the guards that say nothing else.
  llvm::SmallVector<unsigned, 2> guardsOfRows;
  /// An atom is residual: no point is full.
  bool isPartial = false;
};

/// What drives the runs of `term`. `isPoint` tells which expressions have one
/// value in every box.
TermPlan planTerm(ExprPool &pool, const NormalForm &form, const Term &term,
                  llvm::function_ref<bool(Expr)> isPoint);

/// True only if each key between the least and the greatest that a box of rows
/// sees of `term` is seen by one of them. `isPoint` as for planTerm; the ranges
/// of a term whose upper bound is below its lower one must be empty.
bool isGapless(ExprPool &pool, const NormalForm &form, const Term &term,
               const TermPlan &plan, llvm::function_ref<bool(Expr)> isPoint);

/// True only if intervals between such bounds, both included, leave no value
/// out between the least and the greatest that one of them has, over all that
/// is no point in a box. With one kind of bounds alone, the other is the same
/// for all.
bool areGapless(ExprPool &pool, llvm::ArrayRef<Expr> lowers,
                llvm::ArrayRef<Expr> uppers,
                llvm::function_ref<bool(Expr)> isPoint);

template <typename Ops> class Sequencer {
public:
  using Value = typename Ops::Value;
  using Bool = typename Ops::Bool;

  /// `evaluator`'s box has all variables; the swept one spans its whole extent.
  /// `isPoint` as for planTerm. Full plain ranges that end by a bound are cut
  /// to a multiple of `granule`. Plain segments begin at multiples of
  /// `alignment`, of which `granule` is one: partial ones then have points
  /// before the first that a row sees. Unless `tellsFull`, what is full of a
  /// plain range is no segment of its own.
  Sequencer(Ops &ops, ExprPool &pool, const NormalForm &form,
            std::function<bool(Expr)> isPoint, int64_t granule = 1,
            int64_t alignment = 1, bool tellsFull = true);

  /// Partial segments first, then full ones.
  std::vector<Segment<Ops>> run(IntervalEvaluator<Ops> &evaluator);

  /// Whether partial segments may have keys that no row of the box sees. If
  /// each row is known to see a key that moves with it, intervals overlap.
  bool hasGaps(bool isReflexive = false) const;

  int64_t getAlignment() const { return alignment; }

private:
  struct Ranges {
    Value lo, hi, fullLo, fullHi;
    bool hasLower = false, hasUpper = false, isPartial = false;
  };

  Ranges getRanges(const Term &term, const TermPlan &plan);
  /// From the least row to the greatest, both included, of those that the row
  /// guards leave.
  Range<Ops> getRows(const TermPlan &plan);
  /// Of a digit, all of whose values there are.
  Ranges getDigitRange(const Term &term, const TermPlan::Digit &digit);
  void narrow(const Term &term, Expr axis, Ranges &ranges);
  void sortByStart(std::vector<Ranges> &ranges);
  void addPlain(const Ranges &ranges);
  Value alignDown(Value value) {
    Value unit = ops.constant(alignment);
    return ops.mul(ops.floorDiv(value, unit), unit);
  }
  Value alignUp(Value value) {
    return alignDown(ops.add(value, ops.constant(alignment - 1)));
  }
  /// Moves where plain segments begin to multiples of the alignment, the end of
  /// a range with them where another follows it.
  void align(std::vector<Ranges> &ranges);
  /// True only if the term `before` ends where `after` begins, in every box.
  bool isBefore(const Term &before, const Term &after) const;
  void addDriven(const Term &term, const TermPlan &plan, const Ranges &ranges,
                 Value gapLo, Value gapHi);
  void addBox(const TermPlan &plan, llvm::ArrayRef<Ranges> digits, Value lo,
              Value hi, unsigned numFull, int slab, bool isFull);
  void addRuns(const Term &term, const TermPlan &plan, Value lo, Value hi,
               bool isFull);
  Value clamp(Value value, Value lo, Value hi) {
    return ops.min(ops.max(value, lo), hi);
  }
  /// Cuts the full range to [lo, hi). One that is empty is put at its end: what
  /// is partial then lies on one side of it.
  void limitFull(Value lo, Value hi, Value &fullLo, Value &fullHi) {
    Bool isEmpty = ops.atMost(fullHi, fullLo);
    fullLo = ops.select(isEmpty, hi, clamp(fullLo, lo, hi));
    fullHi = clamp(fullHi, fullLo, hi);
  }
  Value ceilDiv(Value lhs, Value rhs) {
    return ops.floorDiv(ops.add(lhs, ops.sub(rhs, ops.constant(1))), rhs);
  }
  void add(Segment<Ops> segment) {
    (segment.isFull ? full : partial).push_back(std::move(segment));
  }

  Ops &ops;
  ExprPool &pool;
  const NormalForm &form;
  std::function<bool(Expr)> isPoint;
  int64_t granule, alignment;
  bool tellsFull;
  std::vector<TermPlan> plans;
  IntervalEvaluator<Ops> *evaluator = nullptr;
  std::vector<Segment<Ops>> partial, full;
};

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

template <typename Ops>
Sequencer<Ops>::Sequencer(Ops &ops, ExprPool &pool, const NormalForm &form,
                          std::function<bool(Expr)> isPoint, int64_t granule,
                          int64_t alignment, bool tellsFull)
    : ops(ops), pool(pool), form(form), isPoint(std::move(isPoint)),
      granule(granule), alignment(alignment), tellsFull(tellsFull) {
  bool isDriven = false;
  for (const Term &term : form.terms) {
    TermPlan plan = planTerm(pool, form, term, this->isPoint);
    if (plan.driver != TermPlan::Driver::None && isDriven) {
      plan = TermPlan();
      plan.isPartial = true;
    }
    isDriven |= plan.driver != TermPlan::Driver::None;
    plans.push_back(std::move(plan));
  }
}

template <typename Ops> bool Sequencer<Ops>::hasGaps(bool isReflexive) const {
  bool hasLower = llvm::any_of(form.terms, [&](const Term &term) {
    return llvm::any_of(term.atoms, [&](const Atom &atom) {
      return atom.kind == AtomKind::Lower && atom.axis == form.swept;
    });
  });
  if (alignment != 1 && (hasLower || form.terms.size() > 1))
    return true;
  // What rows that follow each other see are then intervals about points that
  // do.
  if (isReflexive && form.terms.size() == 1 &&
      plans[0].driver == TermPlan::Driver::None && plans[0].tested.empty() &&
      !plans[0].isPartial)
    return false;
  return !llvm::all_of(llvm::zip(form.terms, plans), [&](auto entry) {
    auto &[term, plan] = entry;
    return isGapless(pool, form, term, plan, isPoint);
  });
}

/// Cuts the range lo to hi, both included, and the one that all rows see by the
/// bounds of `axis`. Included, since one more than a bound may overflow.
template <typename Ops>
void Sequencer<Ops>::narrow(const Term &term, Expr axis, Ranges &ranges) {
  for (const Atom &atom : term.atoms) {
    bool isBound = atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper;
    if (!isBound || atom.axis != axis)
      continue;
    Range<Ops> bound = evaluator->evaluate(atom.bound);
    if (atom.kind == AtomKind::Lower) {
      ranges.hasLower = true;
      ranges.lo = ops.max(ranges.lo, bound.lo);
      ranges.fullLo = ops.max(ranges.fullLo, bound.hi);
    } else {
      ranges.hasUpper = true;
      ranges.hi = ops.min(ranges.hi, bound.hi);
      ranges.fullHi = ops.min(ranges.fullHi, bound.lo);
    }
  }
  Value one = ops.constant(1);
  ranges.hi = ops.add(ranges.hi, one);
  ranges.fullHi = ranges.hasUpper ? ops.add(ranges.fullHi, one) : ranges.hi;
}

template <typename Ops>
Range<Ops> Sequencer<Ops>::getRows(const TermPlan &plan) {
  Range<Ops> rows = evaluator->evaluate(plan.rows);
  for (const TermPlan::RowGuard &guard : plan.rowGuards) {
    Value bound = evaluator->evaluate(guard.bound).lo;
    if (guard.isLower)
      rows.lo = ops.max(rows.lo, bound);
    else
      rows.hi = ops.min(rows.hi, bound);
  }
  return rows;
}

template <typename Ops>
typename Sequencer<Ops>::Ranges
Sequencer<Ops>::getRanges(const Term &term, const TermPlan &plan) {
  Ranges ranges;
  Range<Ops> whole = evaluator->get(form.swept);
  ranges.lo = ranges.fullLo = whole.lo;
  ranges.hi = ranges.fullHi = whole.hi;
  // Where a guard leaves rows out nothing is full.
  if (!plan.rowGuards.empty())
    evaluator->assume(plan.rows, getRows(plan));
  narrow(term, form.swept, ranges);
  if (!plan.rowGuards.empty())
    evaluator->invalidate();
  if (ranges.hasLower)
    ranges.lo = ops.min(ranges.lo, ops.add(whole.hi, ops.constant(1)));
  if (ranges.hasLower || ranges.hasUpper)
    ranges.hi = ops.max(ranges.hi, ranges.lo);
  if (ranges.hasLower) {
    limitFull(ranges.lo, ranges.hi, ranges.fullLo, ranges.fullHi);
  } else {
    ranges.fullLo = ranges.lo;
    ranges.fullHi = clamp(ranges.fullHi, ranges.lo, ranges.hi);
  }
  // A window of no keys: between the ends of different rows there is nothing.
  for (const Atom &lower : term.atoms)
    for (const Atom &upper : term.atoms) {
      bool isPair = lower.kind == AtomKind::Lower && lower.axis == form.swept &&
                    upper.kind == AtomKind::Upper && upper.axis == form.swept;
      Expr width = isPair ? pool.sub(upper.bound, lower.bound) : Expr();
      if (!isPair || pool.getLeast(width).value_or(-1) >= 0 ||
          isPoint(lower.bound) || !isPoint(width))
        continue;
      Bool isThere = ops.atMost(ops.constant(0), evaluator->evaluate(width).lo);
      ranges.hi = ops.select(isThere, ranges.hi, ranges.lo);
      ranges.fullLo = ops.min(ranges.fullLo, ranges.hi);
      ranges.fullHi = ops.min(ranges.fullHi, ranges.hi);
    }
  if (!plan.rowGuards.empty()) {
    Range<Ops> rows = getRows(plan);
    ranges.hi = ops.select(ops.atMost(rows.lo, rows.hi), ranges.hi, ranges.lo);
  }
  for (unsigned tested : plan.tested) {
    Truth<Ops> truth = evaluator->test(term.atoms[tested]);
    ranges.hi = ops.select(truth.any, ranges.hi, ranges.lo);
    ranges.fullLo = ops.min(ranges.fullLo, ranges.hi);
    ranges.fullHi =
        ops.select(truth.all, ops.min(ranges.fullHi, ranges.hi), ranges.fullLo);
    ranges.hasUpper = true;
  }
  ranges.isPartial = plan.isPartial;
  return ranges;
}

template <typename Ops>
typename Sequencer<Ops>::Ranges
Sequencer<Ops>::getDigitRange(const Term &term, const TermPlan::Digit &digit) {
  Ranges range;
  Value modulus = evaluator->evaluate(digit.modulus).hi;
  range.lo = range.fullLo = ops.constant(0);
  range.hi = range.fullHi = ops.sub(modulus, ops.constant(1));
  narrow(term, digit.axis, range);
  range.lo = ops.min(range.lo, modulus);
  range.hi = ops.max(range.hi, range.lo);
  limitFull(range.lo, range.hi, range.fullLo, range.fullHi);
  return range;
}

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

/// What has no lower bound starts at 0 and is first; the others are sorted by
/// exchanging neighbours.
template <typename Ops>
void Sequencer<Ops>::sortByStart(std::vector<Ranges> &ranges) {
  for (size_t i = 0; i < ranges.size(); ++i)
    for (size_t j = i; j > 0 && ranges[j - 1].hasLower; --j) {
      Ranges &a = ranges[j - 1], &b = ranges[j];
      if (!b.hasLower) {
        std::swap(a, b);
        continue;
      }
      Bool isLess = ops.atMost(ops.add(b.lo, ops.constant(1)), a.lo);
      auto exchange = [&](Value &first, Value &second) {
        Value least = ops.select(isLess, second, first);
        second = ops.select(isLess, first, second);
        first = least;
      };
      // Where nothing is full, the full range is empty too.
      for (Ranges *either : {&a, &b})
        if (either->isPartial)
          either->fullLo = either->fullHi = either->hi;
      exchange(a.lo, b.lo);
      exchange(a.hi, b.hi);
      exchange(a.fullLo, b.fullLo);
      exchange(a.fullHi, b.fullHi);
      a.hasUpper = b.hasUpper = true;
      a.isPartial = b.isPartial = a.isPartial && b.isPartial;
    }
}

template <typename Ops>
bool Sequencer<Ops>::isBefore(const Term &before, const Term &after) const {
  for (const Atom &upper : before.atoms)
    for (const Atom &lower : after.atoms)
      if (upper.kind == AtomKind::Upper && lower.kind == AtomKind::Lower &&
          upper.axis == form.swept && lower.axis == form.swept &&
          isPoint(lower.bound) &&
          pool.getConstant(pool.sub(lower.bound, upper.bound)).value_or(0) > 0)
        return true;
  return false;
}

template <typename Ops> void Sequencer<Ops>::addPlain(const Ranges &ranges) {
  auto plain = [&](Value lo, Value hi, bool isFull) {
    Segment<Ops> segment;
    segment.isFull = isFull;
    segment.lo = lo;
    segment.hi = hi;
    add(std::move(segment));
  };
  if (ranges.isPartial || !tellsFull)
    return plain(ranges.lo, ranges.hi, false);
  if (ranges.hasLower)
    plain(ranges.lo, ranges.fullLo, false);
  Value fullHi = ranges.fullHi;
  if (ranges.hasUpper) {
    if (alignment != 1) {
      // The same as a sum of products, of which a remainder can be told.
      Value unit = ops.constant(granule);
      Value length = ops.sub(fullHi, ranges.fullLo);
      fullHi =
          ops.add(ranges.fullLo, ops.mul(ops.floorDiv(length, unit), unit));
    } else if (granule != 1) {
      Value excess =
          ops.mod(ops.sub(fullHi, ranges.fullLo), ops.constant(granule));
      fullHi = ops.sub(fullHi, excess);
    }
    plain(fullHi, ranges.hi, false);
  }
  plain(ranges.fullLo, fullHi, true);
}

template <typename Ops>
void Sequencer<Ops>::align(std::vector<Ranges> &ranges) {
  Value end = ops.add(evaluator->get(form.swept).hi, ops.constant(1));
  for (size_t i = 0; i < ranges.size(); ++i) {
    Ranges &own = ranges[i];
    if (own.hasLower || i > 0) {
      own.lo = alignDown(own.lo);
      if (i > 0)
        own.lo = ops.max(own.lo, alignUp(ranges[i - 1].hi));
      own.hi = ops.max(own.hi, own.lo);
      // What is full has no points where it is empty, wherever that is.
      Value fullLo = ops.max(alignUp(own.fullLo), own.lo);
      Bool isEmpty = ops.atMost(own.fullHi, fullLo);
      own.fullLo = ops.select(isEmpty, own.lo, fullLo);
      own.fullHi = ops.select(isEmpty, own.lo, own.fullHi);
      own.hasLower = own.hasUpper = true;
    }
    if (i + 1 < ranges.size())
      own.hi = ops.min(alignUp(own.hi), ops.max(end, own.lo));
  }
}

/// The box of the digits over [lo, hi): of the first `numFull` digits the range
/// where all holds; `slab` -1 or 1 is what lies before or after that of the
/// next one, 0 takes the rest whole.
template <typename Ops>
void Sequencer<Ops>::addBox(const TermPlan &plan, llvm::ArrayRef<Ranges> digits,
                            Value lo, Value hi, unsigned numFull, int slab,
                            bool isFull) {
  Segment<Ops> segment;
  segment.isFull = isFull;
  segment.lo = lo;
  segment.hi = hi;
  Value offset = evaluator->evaluate(plan.offset).lo;
  auto weightOf = [&](unsigned i) {
    return evaluator->evaluate(plan.digits[i].weight).lo;
  };
  Value period =
      ops.mul(weightOf(0), evaluator->evaluate(plan.digits[0].modulus).lo);
  Value first = ops.floorDiv(ops.add(lo, offset), period);
  Value last = ceilDiv(ops.add(hi, offset), period);
  Value count =
      ops.select(ops.atMost(hi, lo), ops.constant(0), ops.sub(last, first));
  segment.loops.push_back({first, count, period});
  segment.start = ops.sub(ops.constant(0), offset);
  for (unsigned i = 0; i < digits.size(); ++i) {
    const Ranges &digit = digits[i];
    Value from = digit.lo, to = digit.hi;
    if (i < numFull) {
      from = digit.fullLo;
      to = digit.fullHi;
    } else if (i == numFull && slab != 0) {
      (slab < 0 ? to : from) = slab < 0 ? digit.fullLo : digit.fullHi;
    }
    Value points = ops.sub(to, from);
    if (i + 1 < digits.size()) {
      segment.loops.push_back({from, points, weightOf(i)});
      continue;
    }
    segment.start = ops.add(segment.start, ops.mul(from, weightOf(i)));
    segment.chunk = ops.mul(points, weightOf(i));
  }
  add(std::move(segment));
}

/// Runs of a congruence or a list within [lo, hi).
template <typename Ops>
void Sequencer<Ops>::addRuns(const Term &term, const TermPlan &plan, Value lo,
                             Value hi, bool isFull) {
  const Atom &atom = term.atoms[plan.atom];
  Segment<Ops> segment;
  segment.isFull = isFull;
  segment.lo = lo;
  segment.hi = hi;
  Value offset = evaluator->evaluate(plan.offset).lo;
  Value block = evaluator->evaluate(plan.block).lo;
  Value zero = ops.constant(0);
  segment.start = ops.sub(zero, offset);
  segment.chunk = block;
  Bool isEmpty = ops.atMost(hi, lo);
  if (plan.driver == TermPlan::Driver::List) {
    const ExprNode &node = pool[atom.predicate];
    // Only entries that are there are run through.
    Value first = ops.max(evaluator->evaluate(node.operands[1]).lo, zero);
    Value last = ops.min(evaluator->evaluate(node.operands[2]).hi,
                         ops.entries(node.number));
    Value count = ops.max(ops.sub(last, first), zero);
    segment.loops.push_back({first, ops.select(isEmpty, zero, count), block});
    segment.list = ListRuns{unsigned(node.number), {}};
    segment.list->coordinates.append(node.operands.begin() + 3,
                                     node.operands.end());
    return add(std::move(segment));
  }
  // Blocks b with (b + shift) mod modulus = 0, from the first at or after lo's.
  Value modulus = evaluator->evaluate(atom.bound).lo;
  Value shift = evaluator->evaluate(plan.shift).lo;
  Value begin = ops.floorDiv(ops.add(lo, offset), block);
  Value behind = ops.mod(ops.sub(zero, ops.add(begin, shift)), modulus);
  Value first = ops.add(begin, behind);
  Value end = ceilDiv(ops.add(hi, offset), block);
  Value count = ceilDiv(ops.max(ops.sub(end, first), zero), modulus);
  segment.start = ops.add(segment.start, ops.mul(first, block));
  segment.loops.push_back(
      {zero, ops.select(isEmpty, zero, count), ops.mul(modulus, block)});
  add(std::move(segment));
}

template <typename Ops>
void Sequencer<Ops>::addDriven(const Term &term, const TermPlan &plan,
                               const Ranges &ranges, Value gapLo, Value gapHi) {
  Value lo = clamp(ranges.lo, gapLo, gapHi);
  Value hi = clamp(ranges.hi, lo, gapHi);
  llvm::SmallVector<Ranges, 2> digits;
  for (const TermPlan::Digit &digit : plan.digits)
    digits.push_back(getDigitRange(term, digit));
  bool isBox = plan.driver == TermPlan::Driver::Digits;
  auto addWhole = [&, &term = term](Value from, Value to, bool isFull) {
    if (isBox)
      addBox(plan, digits, from, to, isFull ? digits.size() : 0, 0, isFull);
    else
      addRuns(term, plan, from, to, isFull);
  };
  if (plan.isPartial)
    return addWhole(lo, hi, false);
  Value fullLo = clamp(ranges.fullLo, lo, hi);
  Value fullHi = clamp(ranges.fullHi, fullLo, hi);
  if (ranges.hasLower)
    addWhole(lo, fullLo, false);
  if (ranges.hasUpper)
    addWhole(fullHi, hi, false);
  if (isBox)
    for (unsigned i = 0; i < digits.size(); ++i)
      for (int slab : {-1, 1})
        addBox(plan, digits, fullLo, fullHi, i, slab, false);
  addWhole(ranges.hasLower ? fullLo : lo, ranges.hasUpper ? fullHi : hi, true);
}

template <typename Ops>
std::vector<Segment<Ops>>
Sequencer<Ops>::run(IntervalEvaluator<Ops> &intervals) {
  evaluator = &intervals;
  partial.clear();
  full.clear();
  std::vector<Ranges> plain;
  const Term *onlyPlain = nullptr;
  for (auto [term, plan] : llvm::zip(form.terms, plans))
    if (plan.driver == TermPlan::Driver::None) {
      plain.push_back(getRanges(term, plan));
      onlyPlain = plain.size() == 1 ? &term : nullptr;
    }
  sortByStart(plain);
  if (alignment != 1)
    align(plain);
  for (size_t i = 0; i < plain.size(); ++i) {
    if (i > 0 && alignment == 1) {
      // Begin where the one before ended.
      Ranges &ranges = plain[i];
      ranges.lo = ops.max(ranges.lo, plain[i - 1].hi);
      ranges.hi = ops.max(ranges.hi, ranges.lo);
      ranges.fullLo = clamp(ranges.fullLo, ranges.lo, ranges.hi);
      ranges.fullHi = clamp(ranges.fullHi, ranges.fullLo, ranges.hi);
      ranges.hasLower = true;
    }
    addPlain(plain[i]);
  }
  Range<Ops> whole = evaluator->get(form.swept);
  for (auto [term, plan] : llvm::zip(form.terms, plans)) {
    if (plan.driver == TermPlan::Driver::None)
      continue;
    Ranges ranges = getRanges(term, plan);
    Value gapLo = whole.lo;
    for (const Ranges &other : plain) {
      if (!onlyPlain || !isBefore(*onlyPlain, term))
        addDriven(term, plan, ranges, gapLo, other.lo);
      gapLo = other.hi;
    }
    if (!onlyPlain || !isBefore(term, *onlyPlain))
      addDriven(term, plan, ranges, gapLo, ops.add(whole.hi, ops.constant(1)));
  }
  std::vector<Segment<Ops>> segments = std::move(partial);
  for (Segment<Ops> &segment : full)
    segments.push_back(std::move(segment));
  full.clear();
  return segments;
}

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_SEQUENCE_H
