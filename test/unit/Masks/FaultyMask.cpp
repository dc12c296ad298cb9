//===- FaultyMask.cpp - HostMask with one of its parts wrong --------------===//

#include "FaultyMask.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;
using namespace attn::mask;
using namespace attn::test;

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

using HostRange = Range<HostOps>;

static HostRange toHost(const Range<FaultyOps> &range) {
  return {range.lo, range.hi, range.isPoint};
}

static llvm::SmallVector<HostRange> toHost(FaultyOps::Ranges ranges) {
  llvm::SmallVector<HostRange> result;
  for (const Range<FaultyOps> &range : ranges)
    result.push_back(toHost(range));
  return result;
}

Range<FaultyOps> FaultyOps::read(unsigned table, Ranges coordinates) {
  llvm::SmallVector<HostRange> ranges = toHost(coordinates);
  for (auto [i, range] : llvm::enumerate(ranges)) {
    if (has(OpFault::readsOneEntry))
      range.hi = range.lo;
    int64_t last = host.tables[table].shape[i] - 1;
    if (has(OpFault::readsNothingOutside) && range.lo <= last && range.hi >= 0)
      range = {std::max<int64_t>(range.lo, 0), std::min(range.hi, last),
               range.isPoint};
  }
  HostRange result = host.read(table, ranges);
  return {result.lo, result.hi, result.isPoint};
}

mask::Truth<FaultyOps> FaultyOps::member(unsigned table,
                                         Range<FaultyOps> element,
                                         Range<FaultyOps> first,
                                         Range<FaultyOps> last,
                                         Ranges coordinates) {
  HostRange from = toHost(first), to = toHost(last);
  if (has(OpFault::memberIgnoresEnds)) {
    from = {0, 0, true};
    to = {ExprPool::kAllEntries, ExprPool::kAllEntries, true};
  }
  mask::Truth<HostOps> result =
      host.member(table, toHost(element), from, to, toHost(coordinates));
  return {result.any, has(OpFault::memberIsFull) ? result.any : result.all};
}

//===----------------------------------------------------------------------===//
// The mask
//===----------------------------------------------------------------------===//

static NormalForm change(ExprPool &pool, NormalForm form, const Fault &fault) {
  if (fault.changeForm)
    fault.changeForm(pool, form);
  return form;
}

FaultyMask::FaultyMask(ExprPool &pool, Expr predicate, NormalForm givenForm,
                       std::function<bool(Expr)> isPoint, const Fault &fault,
                       int64_t granule, int64_t alignment)
    : fault(fault), pool(pool), predicate(predicate),
      form(change(pool, std::move(givenForm), fault)), host(pool),
      ops(host, fault.op), evaluator(ops, pool), hostEvaluator(host, pool),
      sequencer(
          ops, pool, form,
          [isPoint = std::move(isPoint), &fault](Expr expr) {
            return fault.takesAllForPoints || isPoint(expr);
          },
          granule, alignment) {}

bool FaultyMask::setSymbol(llvm::StringRef name, int64_t value) {
  for (auto [i, symbol] : llvm::enumerate(pool.getSymbols()))
    if (name == symbol.name)
      host.symbols[i] = value;
  evaluator.invalidate();
  hostEvaluator.invalidate();
  return true;
}

bool FaultyMask::setTable(llvm::StringRef name, TableData data) {
  for (auto [i, table] : llvm::enumerate(pool.getTables()))
    if (name == table.name)
      host.tables[i] = std::move(data);
  evaluator.invalidate();
  hostEvaluator.invalidate();
  return true;
}

void FaultyMask::setBox(Expr variable, Span span) {
  if (fault.changeBox)
    span = fault.changeBox(span);
  evaluator.set(variable, {span.first, span.last, span.first == span.last});
  hostEvaluator.set(variable, {span.first, span.last, span.first == span.last});
}

void FaultyMask::setSwept(Span span) {
  evaluator.set(form.swept, {span.first, span.last, false});
  hostEvaluator.set(form.swept, {span.first, span.last, false});
}

void FaultyMask::setExtent(int64_t value) {
  extent = value;
  setSwept({0, extent - 1});
}

TileClass FaultyMask::classify(Span span) {
  evaluator.set(form.swept, {span.first, span.last, span.first == span.last});
  bool any = false, all = false;
  for (const Term &term : form.terms) {
    bool termAny = true, termAll = true;
    for (const Atom &atom : term.atoms) {
      mask::Truth<FaultyOps> truth = evaluator.test(atom);
      termAny &= truth.any;
      termAll &= truth.all;
    }
    any |= termAny;
    all |= termAll;
  }
  setSwept({0, extent - 1});
  if (fault.classify)
    return fault.classify(any, all);
  return all ? TileClass::full : any ? TileClass::partial : TileClass::empty;
}

/// A step for each run of a list, were it not left out.
static void repeatEntries(const Segment<HostOps> &segment, int64_t tile,
                          HostOps &ops, IntervalEvaluator<HostOps> &evaluator,
                          llvm::function_ref<void(Step)> visit) {
  for (int64_t i = 0; i < segment.loops[0].count; ++i) {
    Segment<HostOps> one = segment;
    one.loops[0].first += i;
    one.loops[0].count = 1;
    mask::forEachStep(one, tile, ops, evaluator, visit);
  }
}

/// Whether the steps can be walked; faults make numbers without an end.
static bool isWalkable(const Segment<HostOps> &segment) {
  constexpr int64_t kMost = 10000;
  int64_t runs = 1;
  for (const Loop<HostOps> &loop : segment.loops) {
    // The entries of a list end where its row does.
    if (segment.list)
      continue;
    if (std::abs(loop.count) > kMost || std::abs(loop.first) > kMost ||
        std::abs(loop.stride) > kMost)
      return false;
    runs *= std::max<int64_t>(loop.count, 1);
  }
  for (int64_t end : {segment.lo, segment.hi, segment.start, segment.chunk})
    if (std::abs(end) > kMost)
      return false;
  return runs <= kMost;
}

void FaultyMask::forEachStep(int64_t tile,
                             llvm::function_ref<void(Step)> visit) {
  Segments segments;
  for (const Segment<FaultyOps> &made : sequencer.run(evaluator)) {
    Segment<HostOps> segment;
    segment.isFull = made.isFull;
    segment.lo = made.lo;
    segment.hi = made.hi;
    for (const Loop<FaultyOps> &loop : made.loops)
      segment.loops.push_back({loop.first, loop.count, loop.stride});
    segment.start = made.start;
    segment.chunk = made.chunk;
    segment.list = made.list;
    segments.push_back(std::move(segment));
  }
  if (fault.changeSegments)
    fault.changeSegments(segments);
  for (const Segment<HostOps> &segment : segments) {
    // A segment that begins elsewhere counts as one out of the extent.
    bool isAligned = !segment.isPlain() || segment.hi <= segment.lo ||
                     segment.lo % getAlignment() == 0;
    if (!isWalkable(segment) || !isAligned) {
      visit({-1, 1, false});
      return;
    }
    if (segment.list && fault.repeatsEntries)
      repeatEntries(segment, tile, host, hostEvaluator, visit);
    else
      mask::forEachStep(segment, tile, host, hostEvaluator, visit);
  }
}

int64_t FaultyMask::countLive() {
  int64_t live = 0;
  forEachStep(int64_t(1) << 40, [&](Step step) {
    if (step.isFull) {
      live += step.count;
      return;
    }
    for (int64_t i = step.first; i < step.first + step.count; ++i) {
      evaluator.set(form.swept, {i, i, true});
      live += evaluator.test(predicate).all;
    }
    setSwept({0, extent - 1});
  });
  return live;
}
