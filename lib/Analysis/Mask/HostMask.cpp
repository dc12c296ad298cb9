//===- HostMask.cpp - a mask at given numbers -----------------------------===//

#include "attn/Analysis/Mask/HostMask.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace attn;
using namespace attn::mask;
using llvm::ArrayRef;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static int64_t saturate(bool isNegative) {
  return isNegative ? std::numeric_limits<int64_t>::min()
                    : std::numeric_limits<int64_t>::max();
}

int64_t HostOps::add(int64_t a, int64_t b) {
  int64_t result;
  return llvm::AddOverflow(a, b, result) ? saturate(a < 0) : result;
}

int64_t HostOps::sub(int64_t a, int64_t b) {
  int64_t result;
  return llvm::SubOverflow(a, b, result) ? saturate(a < 0) : result;
}

int64_t HostOps::mul(int64_t a, int64_t b) {
  int64_t result;
  return llvm::MulOverflow(a, b, result) ? saturate((a < 0) != (b < 0))
                                         : result;
}

int64_t HostOps::floorDiv(int64_t a, int64_t b) {
  return b <= 0 ? 0 : llvm::divideFloorSigned(a, b);
}

int64_t HostOps::mod(int64_t a, int64_t b) {
  return b <= 0 ? 0 : a - llvm::divideFloorSigned(a, b) * b;
}

/// Calls `visit` with the element at each combination of coordinates.
static void forEachElement(const TableData &table,
                           ArrayRef<Range<HostOps>> coordinates, size_t rank,
                           int64_t offset,
                           llvm::function_ref<void(int64_t)> visit) {
  if (rank == coordinates.size())
    return visit(table.values[offset]);
  const Range<HostOps> &range = coordinates[rank];
  int64_t extent = table.shape[rank];
  if (range.lo < 0 || range.hi >= extent)
    visit(table.empty);
  int64_t first = std::max<int64_t>(range.lo, 0);
  int64_t last = std::min(range.hi, extent - 1);
  for (int64_t i = first; i <= last; ++i)
    forEachElement(table, coordinates, rank + 1, offset * extent + i, visit);
}

Range<HostOps> HostOps::read(unsigned table,
                             ArrayRef<Range<HostOps>> coordinates) {
  Range<HostOps> range = {saturate(false), saturate(true), false};
  forEachElement(tables[table], coordinates, 0, 0, [&](int64_t value) {
    range.lo = std::min(range.lo, value);
    range.hi = std::max(range.hi, value);
  });
  range.isPoint = llvm::all_of(
      coordinates, [](const Range<HostOps> &r) { return r.isPoint; });
  return range;
}

Truth<HostOps> HostOps::member(unsigned number, Range<HostOps> element,
                               Range<HostOps> first, Range<HostOps> last,
                               ArrayRef<Range<HostOps>> coordinates) {
  const TableData &table = tables[number];
  bool isRow = first.lo == first.hi && last.lo == last.hi;
  int64_t offset = 0;
  for (auto [i, range] : llvm::enumerate(coordinates)) {
    isRow &= range.lo == range.hi;
    if (range.hi < 0 || range.lo >= table.shape[i])
      return {false, false};
    offset = offset * table.shape[i] + range.lo;
  }
  if (!isRow)
    return {true, false};
  int64_t entries = table.shape.back();
  int64_t from = std::max<int64_t>(first.lo, 0);
  int64_t to = std::min(last.lo, entries);
  // Each value of the element's range has to be listed, once is enough.
  llvm::SmallVector<int64_t> seen;
  for (int64_t n = from; n < to; ++n) {
    int64_t value = table.values[offset * entries + n];
    if (value >= 0 && value >= element.lo && value <= element.hi)
      seen.push_back(value);
  }
  llvm::sort(seen);
  int64_t different = llvm::unique(seen) - seen.begin();
  return {different > 0, sub(different, 1) == sub(element.hi, element.lo)};
}

//===----------------------------------------------------------------------===//
// The mask
//===----------------------------------------------------------------------===//

HostMask::HostMask(ExprPool &pool, Expr predicate, Expr swept,
                   ArrayRef<Expr> points)
    : pool(pool), predicate(predicate), form(normalize(pool, predicate, swept)),
      ops(pool), evaluator(ops, pool),
      sequencer(ops, pool, form,
                [&pool, points = llvm::to_vector(points)](Expr expr) {
                  for (StringRef name : pool.getVariables()) {
                    Expr variable = pool.variable(name);
                    if (pool.dependsOn(expr, variable) &&
                        !llvm::is_contained(points, variable))
                      return false;
                  }
                  return true;
                }) {}

bool HostMask::setSymbol(StringRef name, int64_t value) {
  for (auto [i, symbol] : llvm::enumerate(pool.getSymbols()))
    if (name == symbol.name) {
      ops.symbols[i] = value;
      evaluator.invalidate();
      return true;
    }
  return false;
}

bool HostMask::setTable(StringRef name, TableData data) {
  for (auto [i, table] : llvm::enumerate(pool.getTables()))
    if (name == table.name) {
      ops.tables[i] = std::move(data);
      evaluator.invalidate();
      return true;
    }
  return false;
}

void HostMask::setBox(Expr variable, Span span) {
  evaluator.set(variable, {span.first, span.last, span.first == span.last});
}

void HostMask::setExtent(int64_t value) {
  extent = value;
  evaluator.set(form.swept, {0, extent - 1, false});
}

TileClass HostMask::classify(Span span) {
  evaluator.set(form.swept, {span.first, span.last, span.first == span.last});
  bool any = false, all = false;
  for (const Term &term : form.terms) {
    bool termAny = true, termAll = true;
    for (const Atom &atom : term.atoms) {
      Truth<HostOps> truth = evaluator.test(atom);
      termAny &= truth.any;
      termAll &= truth.all;
    }
    any |= termAny;
    all |= termAll;
  }
  evaluator.set(form.swept, {0, extent - 1, false});
  return all ? TileClass::full : any ? TileClass::partial : TileClass::empty;
}

std::vector<Segment<HostOps>> HostMask::getSegments() {
  return sequencer.run(evaluator);
}

/// Steps of one run.
static void cutRun(const Segment<HostOps> &segment, int64_t start,
                   int64_t chunk, int64_t tile,
                   llvm::function_ref<void(Step)> visit) {
  int64_t end = std::min(start + chunk, segment.hi);
  for (int64_t at = start; at < end; at += tile) {
    int64_t first = std::max(at, segment.lo);
    int64_t last = std::min(at + tile, end);
    if (first < last)
      visit({first, last - first, segment.isFull});
  }
}

static void walkLoops(const Segment<HostOps> &segment, size_t depth,
                      int64_t start, int64_t tile,
                      llvm::function_ref<void(Step)> visit) {
  if (depth == segment.loops.size())
    return cutRun(segment, start, segment.chunk, tile, visit);
  const Loop<HostOps> &loop = segment.loops[depth];
  // The innermost digit of a box stands in `start` and `chunk` already.
  for (int64_t i = 0; i < loop.count; ++i)
    walkLoops(segment, depth + 1, start + (loop.first + i) * loop.stride, tile,
              visit);
}

void attn::mask::forEachStep(const Segment<HostOps> &segment, int64_t tile,
                             HostOps &ops,
                             IntervalEvaluator<HostOps> &evaluator,
                             llvm::function_ref<void(Step)> visit) {
  if (segment.isPlain())
    return cutRun(segment, segment.lo, segment.hi - segment.lo, tile, visit);
  if (!segment.list)
    return walkLoops(segment, 0, segment.start, tile, visit);
  const TableData &table = ops.tables[segment.list->table];
  int64_t offset = 0;
  for (auto [i, coordinate] : llvm::enumerate(segment.list->coordinates)) {
    int64_t at = evaluator.evaluate(coordinate).lo;
    if (at < 0 || at >= table.shape[i])
      return;
    offset = offset * table.shape[i] + at;
  }
  const Loop<HostOps> &loop = segment.loops[0];
  int64_t entries = table.shape.back();
  int64_t first = std::max<int64_t>(loop.first, 0);
  int64_t last = std::min(loop.first + loop.count, entries);
  for (int64_t n = first; n < last; ++n) {
    ArrayRef<int64_t> row = table.values.slice(offset * entries, entries);
    if (row[n] >= 0 && !llvm::is_contained(row.slice(first, n - first), row[n]))
      cutRun(segment, ops.add(segment.start, ops.mul(row[n], loop.stride)),
             segment.chunk, tile, visit);
  }
}

void HostMask::forEachStep(int64_t tile, llvm::function_ref<void(Step)> visit) {
  for (const Segment<HostOps> &segment : getSegments())
    mask::forEachStep(segment, tile, ops, evaluator, visit);
}

int64_t HostMask::countLive() {
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
    evaluator.set(form.swept, {0, extent - 1, false});
  });
  return live;
}
