//===- IoModel.cpp - bytes that a cascade moves ---------------------------===//

#include "attn/Analysis/IoModel.h"

#include "attn/Analysis/Contractions.h"
#include "attn/Analysis/RankFamilies.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {

class ModelBuilder {
public:
  ModelBuilder(FuncOp func, const IoModelOptions &options)
      : func(func), options(options), families(func),
        counts(countPasses(func)) {}

  FailureOr<IoModel> run();

private:
  LogicalResult resolveExtents();
  LogicalResult checkUpdates();
  LogicalResult findKeys();
  SmallVector<StringAttr> findKeyCandidates();
  SmallVector<EinsumOp> getReductions(StringAttr root);
  SmallVector<StringAttr> findWorkRanks();
  void findRows();
  void addTensors();
  void addSpill();
  void addHeld();
  void addHeld(Value value);
  void addMask();
  void addContractions();

  StringAttr getRoot(Operation *scope, StringAttr rank) const;
  bool isDeclared(StringAttr root) {
    return func.getStaticExtent(root).has_value();
  }
  bool hasRank(Value value, StringAttr root) const {
    return root && !families.getMembers(func, getType(value), root).empty();
  }
  static NamedTensorType getType(Value value) {
    return cast<NamedTensorType>(value.getType());
  }
  uint64_t getExtent(StringAttr rank) const { return extents.lookup(rank); }
  uint64_t getBytes(Value value) const;
  SmallVector<StringAttr> getResultRanks();
  const RankPasses *getKeyPasses() const;

  FuncOp func;
  const IoModelOptions &options;
  RankFamilies families;
  SmallVector<RankPasses> counts;
  RankExtents extents;
  StringAttr rows, keys;
  SmallVector<StringAttr> outer;
  IoModel model;
  llvm::DenseSet<Value> held;
  /// The Einsum whose mask leaves `livePairs` rows and keys; null if none does.
  EinsumOp governing;
  uint64_t livePairs = 0;
};

} // namespace

/// What `value` is a view of.
static Value getSource(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<SplitOp, MergeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

static uint64_t getElementBytes(Value value) {
  Type element = cast<NamedTensorType>(value.getType()).getElementType();
  return element.isIndex()
             ? 8
             : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

StringAttr ModelBuilder::getRoot(Operation *scope, StringAttr rank) const {
  StringAttr resolved = families.resolve(scope, rank);
  for (StringAttr root : families.getRoots())
    if (families.isMember(resolved, root))
      return root;
  return resolved;
}

/// The extents of all ranks that some type names: declared, given, or following
/// from those of their parts or their whole.
LogicalResult ModelBuilder::resolveExtents() {
  extents = options.extents;
  for (RankOp rank : func.getBody().getOps<RankOp>())
    if (std::optional<int64_t> extent = rank.getExtent()) {
      auto [known, added] = extents.try_emplace(rank.getName(), *extent);
      if (!added && known->second != *extent)
        return emitError(func.getLoc(), "expects extent ")
               << *extent << " of rank '" << rank.getName()
               << "', which the function declares, but got " << known->second;
    }
  families.completeExtents(extents);
  for (StringAttr root : families.getRoots())
    for (StringRef rank : families.getSpellings(root))
      if (!extents.contains(rank))
        return emitError(func.getLoc(), "expects an extent of rank '")
               << rank << "' to count bytes; add '" << rank
               << "=...' to the extents";
  return success();
}

uint64_t ModelBuilder::getBytes(Value value) const {
  uint64_t bytes = getElementBytes(value);
  for (StringAttr rank : getType(value).getRanks())
    bytes = llvm::SaturatingMultiply(bytes, getExtent(rank));
  return bytes;
}

SmallVector<StringAttr> ModelBuilder::getResultRanks() {
  llvm::SmallSetVector<StringAttr, 4> ranks;
  for (Type type : func.getResultTypes())
    for (StringAttr rank : cast<NamedTensorType>(type).getRanks())
      ranks.insert(getRoot(func, rank));
  return ranks.takeVector();
}

const RankPasses *ModelBuilder::getKeyPasses() const {
  auto passes = llvm::find_if(
      counts, [&](const RankPasses &count) { return count.rank == keys; });
  return passes == counts.end() ? nullptr : &*passes;
}

/// Scans say what is streamed. Else it is a rank that is swept, that an
/// argument has and no result, preferably one whose extent is not declared; and
/// not one that is reduced only on the way to tensors over another such rank,
/// as the features of scores are.
SmallVector<StringAttr> ModelBuilder::findKeyCandidates() {
  llvm::SmallSetVector<StringAttr, 4> found;
  for (auto scan : func.getBody().getOps<ScanOp>())
    found.insert(getRoot(scan, scan.getRankAttr()));
  if (!found.empty())
    return found.takeVector();
  SmallVector<StringAttr> resultRanks = getResultRanks();
  for (const RankPasses &count : counts)
    if (!llvm::is_contained(resultRanks, count.rank) &&
        llvm::any_of(func.getArguments(), [&](Value argument) {
          return isa<NamedTensorType>(argument.getType()) &&
                 hasRank(argument, count.rank);
        }))
      found.insert(count.rank);
  auto undeclared = llvm::make_filter_range(
      found, [&](StringAttr rank) { return !isDeclared(rank); });
  SmallVector<StringAttr> free(undeclared.begin(), undeclared.end());
  if (free.empty())
    return found.takeVector();
  SmallVector<StringAttr> last;
  for (StringAttr rank : free)
    if (llvm::any_of(getReductions(rank), [&](EinsumOp einsum) {
          return llvm::none_of(free, [&](StringAttr other) {
            return other != rank && hasRank(einsum.getResult(), other);
          });
        }))
      last.push_back(rank);
  return last.empty() ? free : last;
}

/// The Einsums that reduce ranks of the family of `root`.
SmallVector<EinsumOp> ModelBuilder::getReductions(StringAttr root) {
  SmallVector<EinsumOp> reductions;
  func.getBody().walk([&](EinsumOp einsum) {
    for (unsigned i = 0; i < einsum.getNumVariables(); ++i)
      if (einsum.isReduced(i) &&
          getRoot(einsum, einsum.getVariableRank(i)) == root) {
        reductions.push_back(einsum);
        return;
      }
  });
  return reductions;
}

/// What is updated is moved in part, as its index tensors say.
LogicalResult ModelBuilder::checkUpdates() {
  WalkResult result = func.getBody().walk([&](EinsumOp einsum) {
    if (!einsum.getInto())
      return WalkResult::advance();
    einsum.emitOpError("expects tensors that are moved whole, but updates one "
                       "in part; count the bytes of functions without 'into'");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult ModelBuilder::findKeys() {
  SmallVector<StringAttr> found;
  if (options.keyRank.empty())
    found = findKeyCandidates();
  else if (const RankPasses *passes =
               llvm::find_if(counts,
                             [&](const RankPasses &count) {
                               return count.rank.getValue() == options.keyRank;
                             });
           passes != counts.end())
    found.push_back(passes->rank);
  if (found.size() == 1) {
    keys = found.front();
    if (getKeyPasses())
      return success();
  }
  InFlightDiagnostic diag =
      emitError(func.getLoc(), "expects one rank to be streamed, ");
  if (!options.keyRank.empty())
    return diag << "but no Einsum sweeps rank '" << options.keyRank << "'";
  if (found.empty())
    return diag << "but no argument has a rank that is swept and in no result; "
                   "name it with 'keys'";
  diag << "but got ";
  llvm::interleaveComma(found, diag, [&](StringAttr rank) {
    diag << "'" << rank.getValue() << "'";
  });
  return diag << "; name it with 'keys' or declare the others' extents";
}

/// The ranks of the work: those of the results that every reduction over the
/// keys goes over, not counting what its operands from the arguments bring in
/// (the features of values) beside a computed one.
SmallVector<StringAttr> ModelBuilder::findWorkRanks() {
  SmallVector<StringAttr> work = getResultRanks();
  llvm::erase_if(work, [&](StringAttr rank) {
    return rank == keys || isDeclared(rank) || rank.getValue().empty();
  });
  for (EinsumOp einsum : getReductions(keys)) {
    SmallVector<Value> computed;
    for (Value input : einsum.getInputs())
      if (getSource(input).getDefiningOp())
        computed.push_back(input);
    if (computed.empty())
      computed.append(einsum.getInputs().begin(), einsum.getInputs().end());
    llvm::erase_if(work, [&](StringAttr rank) {
      return llvm::none_of(computed,
                           [&](Value input) { return hasRank(input, rank); });
    });
  }
  return work;
}

void ModelBuilder::findRows() {
  for (StringAttr rank : findWorkRanks()) {
    outer.push_back(rank);
    bool shared = llvm::any_of(func.getArguments(), [&](Value argument) {
      return isa<NamedTensorType>(argument.getType()) &&
             hasRank(argument, keys) && !hasRank(argument, rank);
    });
    if (options.rowRank.empty() ? shared : rank.getValue() == options.rowRank)
      rows = rank;
  }
  llvm::erase(outer, rows);
  model.problem.rows = rows ? getExtent(rows) : 1;
  model.problem.keys = getExtent(keys);
  model.rowRank = rows ? rows.str() : "";
  model.keyRank = keys.str();
  for (auto scan : func.getBody().getOps<ScanOp>())
    if (scan.getBy() && getRoot(scan, scan.getRankAttr()) == keys)
      model.keyGranule =
          std::max(model.keyGranule, getExtent(scan.getByAttr()));
}

/// Arguments and results, each with how often its tiles come by.
void ModelBuilder::addTensors() {
  auto add = [&](Value value, std::string name) {
    TensorTraffic tensor = {std::move(name), getBytes(value),
                            hasRank(value, rows), hasRank(value, keys)};
    tensor.inContraction = isInMatrixProduct(value);
    bool inside = true;
    for (StringAttr rank : llvm::reverse(outer)) {
      if (hasRank(value, rank))
        inside = false;
      else
        (inside ? tensor.trailingSweeps : tensor.leadingSweeps) *=
            getExtent(rank);
    }
    model.problem.tensors.push_back(std::move(tensor));
  };
  for (BlockArgument argument : func.getArguments())
    if (isa<NamedTensorType>(argument.getType()) && !argument.use_empty())
      add(argument, func.getArgumentName(argument.getArgNumber()).str());
  Operation *exit = func.getBody().front().getTerminator();
  for (auto [i, result] : llvm::enumerate(exit->getOperands()))
    add(result, func.getResultName(i).str());
}

void ModelBuilder::addSpill() {
  uint64_t largest = 0;
  IoProblem &problem = model.problem;
  for (const LiveTensor &tensor : getKeyPasses()->live) {
    uint64_t bytes = getBytes(tensor.value);
    uint64_t moved = llvm::SaturatingMultiply<uint64_t>(
        bytes, tensor.laterReads + (tensor.isArgument() ? 0 : 1));
    problem.spillBytes = llvm::SaturatingAdd(problem.spillBytes, moved);
    if (tensor.isArgument())
      continue;
    problem.phaseSpillBytes =
        llvm::SaturatingAdd(problem.phaseSpillBytes, moved);
    largest = std::max(largest, 2 * bytes);
  }
  // Between two contractions one tensor is written and read anyway.
  problem.phaseSpillBytes -= largest;
}

//===----------------------------------------------------------------------===//
// What a tile holds
//===----------------------------------------------------------------------===//

/// Adds the tile of `value` to what is held: outer ranks have one coordinate.
void ModelBuilder::addHeld(Value value) {
  if (!isa<NamedTensorType>(value.getType()) || !held.insert(value).second)
    return;
  uint64_t bytes = getElementBytes(value);
  bool hasRows = false, hasKeys = false;
  Operation *scope = value.getDefiningOp() ? value.getDefiningOp()
                                           : &value.getParentBlock()->front();
  for (StringAttr rank : getType(value).getRanks()) {
    StringAttr root = getRoot(scope, rank);
    if (root == keys)
      hasKeys = true;
    else if (root == rows)
      hasRows = true;
    else if (!llvm::is_contained(outer, root))
      bytes = llvm::SaturatingMultiply(bytes, getExtent(rank));
  }
  if (hasKeys && value.getDefiningOp() && !options.holdPoints)
    return;
  IoProblem &problem = model.problem;
  (hasRows   ? hasKeys ? problem.pointBytes : problem.rowBytes
   : hasKeys ? problem.keyBytes
             : problem.fixedBytes) += bytes;
}

void ModelBuilder::addHeld() {
  for (auto &[op, pass] : getKeyPasses()->passOf) {
    auto scan = dyn_cast<ScanOp>(op);
    // A carry's start shares the place of the carry.
    for (Value operand : scan ? scan.getInputs() : op->getOperands())
      addHeld(getSource(operand));
    for (Value result : op->getResults())
      addHeld(result);
    if (!scan)
      continue;
    scan.getStep().walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!scan.getStep().isAncestor(operand.getParentRegion()))
          addHeld(getSource(operand));
      // Of what a step computes only tiles of the keys are counted: the rest is
      // one coordinate of each row, on its way into a carry.
      if (auto einsum = dyn_cast<EinsumOp>(inner);
          einsum && llvm::any_of(getType(einsum.getResult()).getRanks(),
                                 [&](StringAttr rank) {
                                   return getRoot(einsum, rank) == keys;
                                 }))
        addHeld(einsum.getResult());
    });
  }
}

/// The pairs and keys that the governing mask leaves.
void ModelBuilder::addMask() {
  func.getBody().walk([&](Block *block) {
    EinsumOp found =
        findGoverningWhere(*block, [&](EinsumOp einsum, unsigned variable) {
          return getRoot(einsum, einsum.getVariableRank(variable)) == keys;
        });
    if (!found || !rows)
      return;
    auto live = findLiveKeys(found, rows, keys, extents, options.scalars);
    if (!live)
      return;
    governing = found;
    livePairs = live->points;
    model.problem.liveKeys = std::move(live->ranges);
  });
}

void ModelBuilder::addContractions() {
  for (MatrixProduct &product : findMatrixProducts(func)) {
    EinsumOp einsum = product.einsum;
    Contraction contraction = {1, 1, 1, 1, 0, 0, 0, product.ofArguments, 1};
    bool overKeys = false, overRows = !rows;
    auto count = [&](StringAttr rank, uint64_t &side) {
      StringAttr root = getRoot(einsum, rank);
      overKeys |= root == keys;
      overRows |= root == rows;
      side = llvm::SaturatingMultiply(side, getExtent(rank));
    };
    for (StringAttr rank : product.batch)
      count(rank, contraction.batch);
    for (StringAttr rank : product.rows)
      count(rank, contraction.rows);
    for (StringAttr rank : product.columns)
      count(rank, contraction.columns);
    for (StringAttr rank : product.depth)
      count(rank, contraction.depth);
    contraction.lhsBytes = getElementBytes(einsum.getInputs()[0]);
    contraction.rhsBytes = getElementBytes(einsum.getInputs()[1]);
    contraction.outBytes = getElementBytes(einsum.getResult());
    contraction.livePoints = llvm::SaturatingMultiply(
        contraction.batch,
        llvm::SaturatingMultiply(contraction.rows, contraction.columns));
    if (overKeys && overRows && einsum == governing) {
      uint64_t pairs = std::max<uint64_t>(
          llvm::SaturatingMultiply(model.problem.rows, model.problem.keys), 1);
      contraction.livePoints =
          llvm::SaturatingMultiply(contraction.livePoints / pairs, livePairs);
    }
    model.problem.contractions.push_back(contraction);
    model.problem.canTile &= !product.readsState;
  }
}

FailureOr<IoModel> ModelBuilder::run() {
  if (failed(checkUpdates()) || failed(resolveExtents()) || failed(findKeys()))
    return failure();
  findRows();
  if (!options.rowRank.empty() && !rows)
    return emitError(func.getLoc(), "expects rank '")
           << options.rowRank
           << "' of the rows to be in a result and in every reduction over '"
           << model.keyRank << "', and without a declared extent";
  addTensors();
  addSpill();
  addHeld();
  if (options.useMasks)
    addMask();
  addContractions();
  return std::move(model);
}

FailureOr<IoModel> attn::buildIoModel(FuncOp func,
                                      const IoModelOptions &options) {
  return ModelBuilder(func, options).run();
}
