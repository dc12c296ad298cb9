//===- PassCount.cpp - passes over each rank of a cascade -----------------===//
//
// One walk over the operations for each family, in order: operands come before
// their users, so each value's level is final when it is read.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/PassCount.h"

#include "Dependence.h"

#include "llvm/ADT/MapVector.h"
#include <tuple>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {

/// When a value can be read. Within (after, k) the sweeps over parts of the
/// family count on: at summary 2u the u-th of them streams, at 2u + 1 it has
/// ended; 0 is the end of pass k itself.
struct Level {
  unsigned pass = 0;
  bool after = true;
  unsigned summary = 0;
  /// The value that needed all of the fiber.
  Value reduction;

  static Level streaming(unsigned pass) { return {pass, false, 0, {}}; }

  bool operator<(const Level &other) const {
    return std::tie(pass, after, summary) <
           std::tie(other.pass, other.after, other.summary);
  }

  /// The level in which a sweep over a part that follows this one streams.
  Level nextSummary() const {
    Level next = *this;
    next.after = true;
    next.summary = !after ? 2 : summary % 2 ? summary + 1 : summary + 2;
    return next;
  }

  /// The level at which what streams here has ended, reduced to `value`.
  Level ended(Value value) const {
    return {pass, true, after ? summary + 1 : 0, value};
  }
};

/// A use and the operation that stands for it in the report.
struct Need {
  TensorUse use;
  Operation *user;
};

/// An operation that sweeps the whole family.
struct Sweep {
  Operation *op;
  unsigned pass;
  /// Tensors over the whole family that it reads, through views.
  SmallVector<Value> reads;
  /// It depends on arguments alone and wants no order: any pass can do it.
  bool movable;
};

class PassCounter {
public:
  PassCounter(FuncOp func, const RankFamilies &families, StringAttr root)
      : func(func), families(families), root(root) {}

  RankPasses run();

private:
  void visitBlock(Block &block, const Level *fixed);
  void visitEinsum(EinsumOp einsum, const Level *fixed);
  void visitScan(ScanOp scan, const Level *fixed);
  void visitStep(ScanOp scan, const Level &level);
  void visitOtherScan(ScanOp scan);
  void visitSelect(SelectOp select);

  Level levelOf(Value value) const { return levels.lookup(value); }
  Value viewedBy(Value value) const {
    auto alias = aliases.find(value);
    return alias == aliases.end() ? value : alias->second;
  }
  void addView(Value view, Value source) {
    levels[view] = levelOf(source);
    aliases[view] = viewedBy(source);
  }
  bool isWhole(Value value) const;

  unsigned getPass(ArrayRef<Need> needs, std::optional<bool> descending);
  Level getSummaryLevel(ArrayRef<Need> needs);
  void addSweep(Operation *op, unsigned pass, ArrayRef<Value> reads,
                bool movable);
  void delaySweeps();
  void findLiveTensors();

  FuncOp func;
  const RankFamilies &families;
  StringAttr root;
  llvm::DenseMap<Value, Level> levels;
  llvm::DenseMap<Value, Value> aliases;
  std::vector<Sweep> sweeps;
  /// Whether a pass has to descend; nothing if any order will do.
  llvm::DenseMap<unsigned, bool> directions;
  /// The number of summary passes after each pass.
  llvm::DenseMap<unsigned, unsigned> summaries;
  RankPasses result;
};

} // namespace

/// The number of the first pass in which `use` can be read by a sweep over the
/// whole family.
static unsigned firstPass(const TensorUse &use, const Level &level) {
  bool waits = level.after || use.dependence == Dependence::All;
  return level.pass + waits;
}

bool PassCounter::isWhole(Value value) const {
  auto type = dyn_cast<NamedTensorType>(value.getType());
  Operation *scope = value.getDefiningOp() ? value.getDefiningOp()
                                           : &value.getParentBlock()->front();
  return type && families.covers(families.getMembers(scope, type, root), root);
}

/// The pass of a sweep that `needs` all that, with its edges to the report.
unsigned PassCounter::getPass(ArrayRef<Need> needs,
                              std::optional<bool> descending) {
  unsigned pass = 1, streamed = 0;
  for (const Need &need : needs) {
    Level level = levelOf(need.use.value);
    pass = std::max(pass, firstPass(need.use, level));
    if (!level.after && need.use.dependence != Dependence::All)
      streamed = std::max(streamed, level.pass);
    if (need.use.dependence == Dependence::Prefix)
      descending = descending.value_or(false);
    if (need.use.dependence == Dependence::Suffix)
      descending = true;
  }
  if (streamed < pass)
    for (const Need &need : needs) {
      Level level = levelOf(need.use.value);
      if (level.pass != 0 && firstPass(need.use, level) == pass)
        result.edges.push_back(
            {pass, need.use.value, need.user,
             level.reduction ? level.reduction : need.use.value});
    }
  if (!descending)
    return pass;
  bool moved = false;
  for (; directions.try_emplace(pass, *descending).first->second != *descending;
       ++pass)
    moved = true;
  if (moved)
    for (const Need &need : needs)
      if (levelOf(need.use.value).pass + 1 == pass)
        result.edges.push_back(
            {pass, need.use.value, need.user, need.use.value});
  return pass;
}

/// The level of a sweep over a part of the family.
Level PassCounter::getSummaryLevel(ArrayRef<Need> needs) {
  Level latest = Level::streaming(1);
  for (const Need &need : needs) {
    Level level = levelOf(need.use.value);
    if (level.pass == 0)
      continue;
    bool inStep =
        need.use.dependence != Dependence::All &&
        (!level.after || (need.use.dependence != Dependence::None &&
                          level.summary != 0 && level.summary % 2 == 0));
    latest = std::max(latest, inStep ? level : level.nextSummary());
  }
  if (latest.after) {
    unsigned &count = summaries[latest.pass];
    count = std::max(count, latest.summary / 2);
  }
  return latest;
}

void PassCounter::addSweep(Operation *op, unsigned pass, ArrayRef<Value> reads,
                           bool movable) {
  Sweep &sweep = sweeps.emplace_back(Sweep{op, pass, {}, movable});
  for (Value read : reads)
    if (Value source = viewedBy(read); isWhole(source))
      sweep.reads.push_back(source);
}

void PassCounter::visitBlock(Block &block, const Level *fixed) {
  for (Operation &op : block) {
    if (auto einsum = dyn_cast<EinsumOp>(op))
      visitEinsum(einsum, fixed);
    else if (auto scan = dyn_cast<ScanOp>(op))
      visitScan(scan, fixed);
    else if (auto split = dyn_cast<SplitOp>(op))
      addView(split.getResult(), split.getSource());
    else if (auto merge = dyn_cast<MergeOp>(op))
      addView(merge.getResult(), merge.getSource());
    else if (auto select = dyn_cast<SelectOp>(op))
      visitSelect(select);
  }
}

void PassCounter::visitEinsum(EinsumOp einsum, const Level *fixed) {
  Value value = einsum.getResult();
  SmallVector<Need> needs;
  SmallVector<Value> reads;
  for (const TensorUse &use : getTensorUses(einsum, families, root)) {
    needs.push_back({use, einsum});
    reads.push_back(use.value);
  }
  if (fixed) {
    levels[value] = *fixed;
    return;
  }
  RankSet iterated = getIteratedMembers(einsum, families, root);
  auto type = cast<NamedTensorType>(value.getType());
  RankSet kept = families.getMembers(einsum, type, root);
  if (families.covers(iterated, root)) {
    Level level = Level::streaming(getPass(needs, std::nullopt));
    bool streams = families.coversOuter(kept, root);
    levels[value] = streams ? level : level.ended(value);
    bool movable = isWhole(value) && llvm::all_of(needs, [&](const Need &need) {
                     if (need.use.dependence > Dependence::Point)
                       return false;
                     Operation *source =
                         viewedBy(need.use.value).getDefiningOp();
                     return levelOf(need.use.value).pass == 0 ||
                            llvm::any_of(sweeps, [&](const Sweep &sweep) {
                              return sweep.op == source && sweep.movable;
                            });
                   });
    addSweep(einsum, level.pass, reads, movable);
    return;
  }
  if (!iterated.empty()) {
    Level level = getSummaryLevel(needs);
    bool keeps = families.coversOuter(kept, root) ||
                 llvm::all_of(iterated, [&](StringAttr rank) {
                   return kept.contains(rank);
                 });
    levels[value] = keeps ? level : level.ended(value);
    return;
  }
  Level latest;
  for (const Need &need : needs) {
    Level level = levelOf(need.use.value);
    if (need.use.dependence == Dependence::All && !level.after)
      level = level.ended(need.use.value);
    latest = std::max(latest, level);
  }
  levels[value] = latest;
}

void PassCounter::visitSelect(SelectOp select) {
  Level level = levelOf(select.getSource());
  StringAttr rank = families.resolve(select, select.getRankAttr());
  if (families.isMember(rank, root)) {
    Need need = {{select.getSource(), Dependence::Point}, select};
    if (isWhole(select.getSource())) {
      level = Level::streaming(getPass(need, std::nullopt));
      addSweep(select, level.pass, select.getSource(), /*movable=*/false);
    } else {
      level = getSummaryLevel(need);
    }
    level = level.ended(select.getResult());
  }
  levels[select.getResult()] = level;
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

/// A scan over another rank: one step stands for all.
void PassCounter::visitOtherScan(ScanOp scan) {
  for (auto [i, input] : llvm::enumerate(scan.getInputs()))
    addView(scan.getSlice(i), input);
  for (auto [i, init] : llvm::enumerate(scan.getInits()))
    levels[scan.getCarry(i)] = levelOf(init);
  visitBlock(scan.getStep().front(), nullptr);
  Operation *yield = scan.getStep().front().getTerminator();
  for (auto [value, yielded] :
       llvm::zip(scan.getResults(), yield->getOperands()))
    levels[value] = levelOf(yielded);
}

void PassCounter::visitStep(ScanOp scan, const Level &level) {
  for (auto [i, input] : llvm::enumerate(scan.getInputs())) {
    addView(scan.getSlice(i), input);
    levels[scan.getSlice(i)] = level;
  }
  for (unsigned i = 0; i < scan.getNumCarries(); ++i)
    levels[scan.getCarry(i)] = level;
  visitBlock(scan.getStep().front(), &level);
  for (auto [i, value] : llvm::enumerate(scan.getResults()))
    levels[value] = i < scan.getNumCarries() ? level.ended(value) : level;
}

void PassCounter::visitScan(ScanOp scan, const Level *fixed) {
  if (fixed) {
    visitStep(scan, *fixed);
    for (Value value : scan.getResults())
      levels[value] = *fixed;
    return;
  }
  StringAttr rank = families.resolve(scan, scan.getRankAttr());
  if (!families.isMember(rank, root))
    return visitOtherScan(scan);

  SmallVector<Need> needs;
  SmallVector<Value> reads(scan.getInputs());
  for (Value input : scan.getInputs())
    needs.push_back({{input, Dependence::Point}, scan});
  for (Value init : scan.getInits())
    needs.push_back({{init, Dependence::None}, scan});
  RankSet iterated =
      families.getSteppedMembers(scan.getStep().front().getTerminator(), root);
  scan.getStep().walk([&](Operation *op) {
    if (auto einsum = dyn_cast<EinsumOp>(op)) {
      RankSet members = getIteratedMembers(einsum, families, root);
      iterated.insert(members.begin(), members.end());
    }
    // A captured tensor is read whole at each step.
    Operation *user =
        isa<ReadOp, MemberOp>(op) ? op->getParentOfType<EinsumOp>() : op;
    for (Value operand : op->getOperands()) {
      auto type = dyn_cast<NamedTensorType>(operand.getType());
      if (!type || scan.getStep().isAncestor(operand.getParentRegion()))
        continue;
      bool member = !families.getMembers(scan, type, root).empty();
      needs.push_back(
          {{operand, member ? Dependence::All : Dependence::None}, user});
      reads.push_back(operand);
    }
  });
  if (!families.covers(iterated, root))
    return visitStep(scan, getSummaryLevel(needs));
  // An associative merge leaves the order of the tiles open.
  std::optional<bool> descending;
  if (!scan.hasMerge())
    descending = scan.getOrder() == ScanOrder::Descending;
  unsigned pass = getPass(needs, descending);
  addSweep(scan, pass, reads, /*movable=*/false);
  visitStep(scan, Level::streaming(pass));
}

//===----------------------------------------------------------------------===//
// Live tensors
//===----------------------------------------------------------------------===//

/// Puts what depends on arguments alone into the pass that reads it first.
void PassCounter::delaySweeps() {
  llvm::DenseMap<Operation *, Sweep *> sweepOf;
  for (Sweep &sweep : sweeps)
    sweepOf[sweep.op] = &sweep;
  for (Sweep &sweep : llvm::reverse(sweeps)) {
    if (!sweep.movable || sweep.op->use_empty())
      continue;
    unsigned first = ~0u;
    for (Operation *user : sweep.op->getUsers()) {
      Sweep *reader = sweepOf.lookup(user);
      first = std::min(first, reader ? reader->pass : sweep.pass);
    }
    sweep.pass = first;
    levels[sweep.op->getResult(0)].pass = first;
  }
}

void PassCounter::findLiveTensors() {
  struct Reads {
    unsigned first = ~0u, last = 0;
    llvm::SmallDenseSet<unsigned, 4> passes;
  };
  llvm::MapVector<Value, Reads> readsOf;
  for (const Sweep &sweep : sweeps)
    for (Value value : sweep.reads) {
      Reads &reads = readsOf[value];
      reads.first = std::min(reads.first, sweep.pass);
      reads.last = std::max(reads.last, sweep.pass);
      reads.passes.insert(sweep.pass);
    }
  for (auto &[value, reads] : readsOf) {
    unsigned from = levelOf(value).pass ? levelOf(value).pass : reads.first;
    if (from >= reads.last)
      continue;
    SmallVector<StringRef> ranks;
    for (StringAttr rank : cast<NamedTensorType>(value.getType()).getRanks())
      ranks.push_back(rank.getValue());
    unsigned laterReads = llvm::count_if(
        reads.passes, [&](unsigned pass) { return pass > from; });
    result.live.push_back(
        {value, from, reads.last, laterReads, RankPolynomial(1, ranks)});
  }
}

RankPasses PassCounter::run() {
  result.rank = root;
  result.parts = families.getSpellings(root);
  visitBlock(func.getBody().front(), nullptr);
  delaySweeps();
  for (const Sweep &sweep : sweeps) {
    result.passes = std::max(result.passes, sweep.pass);
    result.passOf[sweep.op] = sweep.pass;
  }
  for (auto &[pass, count] : summaries)
    result.summaryPasses += count;
  findLiveTensors();
  return std::move(result);
}

SmallVector<RankPasses> attn::countPasses(FuncOp func) {
  RankFamilies families(func);
  SmallVector<RankPasses> counts;
  for (StringAttr root : families.getRoots()) {
    RankPasses passes = PassCounter(func, families, root).run();
    if (passes.passes != 0)
      counts.push_back(std::move(passes));
  }
  return counts;
}
