//===- IoModel.cpp - bytes that a cascade moves ---------------------------===//

#include "attn/Analysis/IoModel.h"

#include "Dependence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
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
  LogicalResult findKeys();
  void findRows();
  void addTensors();
  void addSpill();
  void addHeld();
  void addHeld(Value value);
  void addContractions();
  void addContraction(EinsumOp einsum);

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
};

} // namespace

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

LogicalResult ModelBuilder::findKeys() {
  SmallVector<StringAttr> resultRanks = getResultRanks();
  SmallVector<StringAttr> found;
  for (const RankPasses &count : counts) {
    if (!options.keyRank.empty()) {
      if (count.rank.getValue() == options.keyRank)
        found.push_back(count.rank);
      continue;
    }
    bool inArgument = llvm::any_of(func.getArguments(), [&](Value argument) {
      return isa<NamedTensorType>(argument.getType()) &&
             hasRank(argument, count.rank);
    });
    if (inArgument && !isDeclared(count.rank) &&
        !llvm::is_contained(resultRanks, count.rank))
      found.push_back(count.rank);
  }
  if (found.size() == 1) {
    keys = found.front();
    return success();
  }
  InFlightDiagnostic diag =
      emitError(func.getLoc(), "expects one rank to be streamed, ");
  if (!options.keyRank.empty())
    return diag << "but no Einsum sweeps rank '" << options.keyRank << "'";
  if (found.empty())
    return diag << "but every rank that is swept is in a result or has a "
                   "declared extent; name it with 'keys'";
  diag << "but got ";
  llvm::interleaveComma(found, diag, [&](StringAttr rank) {
    diag << "'" << rank.getValue() << "'";
  });
  return diag << "; name it with 'keys' or declare the others' extents";
}

void ModelBuilder::findRows() {
  for (StringAttr rank : getResultRanks()) {
    if (isDeclared(rank))
      continue;
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
}

/// Arguments and results, each with how often its tiles come by.
void ModelBuilder::addTensors() {
  auto add = [&](Value value, std::string name) {
    TensorTraffic tensor = {std::move(name), getBytes(value),
                            hasRank(value, rows), hasRank(value, keys)};
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
  const RankPasses *passes = getKeyPasses();
  for (const LiveTensor &tensor : passes->live)
    model.problem.spillBytes +=
        getBytes(tensor.value) *
        (tensor.laterReads + (tensor.isArgument() ? 0 : 1));
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

static Value getSource(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<SplitOp, MergeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
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

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// True if the map is the product of both operands.
static bool isProduct(EinsumOp einsum) {
  if (!einsum.hasMap())
    return true;
  Block &map = einsum.getMap().front();
  Operation *op = map.getTerminator()->getOperand(0).getDefiningOp();
  return isa_and_nonnull<arith::MulFOp>(op) &&
         llvm::all_of(op->getOperands(), llvm::IsaPred<BlockArgument>) &&
         op->getOperand(0) != op->getOperand(1);
}

/// True if each element of `value` is one of an argument, or a function of one.
static bool isOfArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    auto einsum = dyn_cast<EinsumOp>(op);
    if (!isa<SplitOp, MergeOp>(op) &&
        !(einsum && einsum.getInputs().size() == 1 &&
          einsum.getIndices().empty() && !einsum.getMonoid()))
      return false;
    value = op->getOperand(0);
  }
  // A step's slice is a piece of what the scan reads.
  auto argument = cast<BlockArgument>(value);
  auto scan = dyn_cast<ScanOp>(argument.getOwner()->getParentOp());
  if (!scan)
    return true;
  unsigned number = argument.getArgNumber();
  return number >= 1 && number <= scan.getInputs().size() &&
         isOfArgument(scan.getInputs()[number - 1]);
}

/// The variables that `map` reads, or nothing if it does more than name them.
static std::optional<llvm::SmallBitVector> getVariables(AffineMap map) {
  llvm::SmallBitVector variables(map.getNumDims());
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return std::nullopt;
    variables.set(dim.getPosition());
  }
  return variables;
}

void ModelBuilder::addContraction(EinsumOp einsum) {
  if (einsum.getInputs().size() != 2 || !einsum.getMonoidAttr() ||
      einsum.getMonoidAttr().getName() != "add" || !isProduct(einsum))
    return;
  auto lhs = getVariables(einsum.getInputMap(0));
  auto rhs = getVariables(einsum.getInputMap(1));
  auto out = getVariables(einsum.getOutputMap());
  if (!lhs || !rhs || !out)
    return;
  Contraction contraction = {1, 1, 1, 1, 0, 0, 0, false, 1};
  // Steps of the scans around it count with the tile's variable.
  llvm::SmallDenseSet<StringAttr, 4> stepped;
  bool hasDepth = false, pairs = false;
  SmallVector<StringAttr> roots;
  for (unsigned i = 0; i < einsum.getNumVariables(); ++i) {
    bool inLhs = lhs->test(i), inRhs = rhs->test(i), inOut = out->test(i);
    StringAttr rank = einsum.getVariableRank(i);
    StringAttr root = getRoot(einsum, rank);
    roots.push_back(root);
    uint64_t extent =
        getExtent(families.resolve(einsum, rank) == rank ? rank : root);
    if (inLhs && inRhs && !inOut)
      hasDepth = true;
    uint64_t *side = inLhs && inRhs
                         ? (inOut ? &contraction.batch : &contraction.depth)
                     : inLhs && inOut ? &contraction.rows
                     : inRhs && inOut ? &contraction.columns
                                      : nullptr;
    // Summed over one operand alone: no contraction of two matrices.
    if (!side)
      return;
    *side = llvm::SaturatingMultiply(*side, extent);
  }
  pairs = llvm::is_contained(roots, keys) &&
          (!rows || llvm::is_contained(roots, rows));
  if (!hasDepth)
    return;
  contraction.lhsBytes = getElementBytes(einsum.getInputs()[0]);
  contraction.rhsBytes = getElementBytes(einsum.getInputs()[1]);
  contraction.outBytes = getElementBytes(einsum.getResult());
  contraction.ofArguments = llvm::all_of(einsum.getInputs(), isOfArgument);
  contraction.livePoints = llvm::SaturatingMultiply(
      contraction.batch,
      llvm::SaturatingMultiply(contraction.rows, contraction.columns));
  if (options.livePoints && pairs)
    contraction.livePoints =
        std::min(contraction.livePoints, *options.livePoints);
  model.problem.contractions.push_back(contraction);
}

void ModelBuilder::addContractions() {
  func.getBody().walk([&](EinsumOp einsum) {
    // A merge region is no part of the work.
    auto scan = einsum->getParentOfType<ScanOp>();
    if (!scan || scan.getStep().isAncestor(einsum->getParentRegion()))
      addContraction(einsum);
  });
}

FailureOr<IoModel> ModelBuilder::run() {
  if (failed(resolveExtents()) || failed(findKeys()))
    return failure();
  findRows();
  if (!options.rowRank.empty() && !rows)
    return emitError(func.getLoc(), "expects rank '")
           << options.rowRank
           << "' of the rows to be in a result and without a declared extent";
  addTensors();
  addSpill();
  addHeld();
  addContractions();
  return std::move(model);
}

FailureOr<IoModel> attn::buildIoModel(FuncOp func,
                                      const IoModelOptions &options) {
  return ModelBuilder(func, options).run();
}

//===----------------------------------------------------------------------===//
// The report
//===----------------------------------------------------------------------===//

std::string attn::describeTraffic(const IoModel &model,
                                  const MemoryLevel &level,
                                  const TileChoice &choice) {
  uint64_t bound = getBoundBytes(model.problem, level.bytes);
  return llvm::formatv("level {0}: moved {1} B, compulsory {2} B, bound {3} B, "
                       "ratio {4:f2}",
                       level.name, choice.movedBytes,
                       getCompulsoryBytes(model.problem), bound,
                       static_cast<double>(choice.movedBytes) / bound)
      .str();
}

std::string attn::describeSchedule(const IoModel &model,
                                   const MemoryLevel &level,
                                   const TileChoice &choice) {
  std::string rowName = model.rowRank.empty() ? "a work item" : model.rowRank;
  switch (choice.schedule) {
  case Schedule::Unfused:
    return llvm::formatv("level {0}: unfused, one pass over {1} at a time, {2} "
                         "B spilled",
                         level.name, model.keyRank, model.problem.spillBytes)
        .str();
  case Schedule::Streamed:
    return llvm::formatv("level {0}: streamed, tiles of {1} of {2} by {3} of "
                         "{4}, {5} of {6} B held",
                         level.name, choice.rows, rowName, choice.keys,
                         model.keyRank, choice.heldBytes, level.bytes)
        .str();
  case Schedule::Tiled:
    return llvm::formatv("level {0}: contraction by contraction, tiles of {1} "
                         "by {2}, {3} of {4} B held",
                         level.name, choice.rows, choice.keys, choice.heldBytes,
                         level.bytes)
        .str();
  }
  llvm_unreachable("all schedules are above");
}
