//===- ProgramPlanner.cpp - which values become programs ------------------===//

#include "ProgramPlanner.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

SmallVector<StringAttr> ProgramPlanner::getCutRanks(Value value) {
  SmallVector<StringAttr> ranks;
  if (EinsumOp update = getUpdate(value)) {
    // Points with one entry of an index tensor are one tile.
    for (unsigned v = 0, e = update.getNumVariables(); v < e; ++v) {
      bool isOfEntry = false;
      for (unsigned i = 0, n = update.getIndices().size(); i < n; ++i)
        isOfEntry |= update.getIndexMap(i).isFunctionOfDim(v);
      if (isOfEntry || !func.isWhole(update.getVariableRank(v)))
        ranks.push_back(update.getVariableRank(v));
    }
    return ranks;
  }
  for (StringAttr rank : cast<NamedTensorType>(value.getType()).getRanks())
    if (!func.isWhole(rank))
      ranks.push_back(rank);
  return ranks;
}

void ProgramPlanner::collectScans(Value value,
                                  llvm::SetVector<Operation *> &scans) {
  if (materialized.contains(value))
    return;
  Operation *op = value.getDefiningOp();
  if (!op)
    return;
  if (isa<ScanOp>(op))
    scans.insert(op);
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (operand.getDefiningOp() &&
          operand.getParentBlock() == &func.getBody().front())
        collectScans(operand, scans);
  });
}

LogicalResult ProgramPlanner::checkUpdate(Value value) {
  EinsumOp update = getUpdate(value);
  if (!update)
    return success();
  unsigned number = llvm::find(terminator.getOperands(), value) -
                    terminator.getOperands().begin();
  std::optional<unsigned> argument = func.getUpdatedArgument(number);
  if (!argument || update.getInto() != func.getArgument(*argument))
    return update.emitOpError("has no lowering to tile: it updates a copy; "
                              "give the result the name of the argument that "
                              "it updates");
  for (Operation *user : update.getInto().getUsers())
    if (user != update) {
      InFlightDiagnostic diag =
          update.emitOpError("has no lowering to tile: it updates argument '")
          << func.getArgumentName(*argument)
          << "', which something else uses too; return the update only, and "
             "read it in another function";
      diag.attachNote(user->getLoc()) << "the other use is here";
      return diag;
    }
  return success();
}

LogicalResult ProgramPlanner::plan() {
  // In the order of the body: emitting scans, then scans that some user's
  // work would repeat.
  for (auto scan : func.getBody().getOps<ScanOp>()) {
    for (Value input : scan.getInputs())
      if (!isa<BlockArgument>(input) && !materialized.contains(input))
        if (failed(materializeEinsum(input)))
          return failure();
    if (scan.getNumEmits() != 0 || isRepeated(scan))
      planScan(scan);
  }
  llvm::MapVector<std::pair<SmallVector<StringAttr>, SmallVector<Operation *>>,
                  SmallVector<Value>>
      groups;
  llvm::SetVector<Value> results;
  for (Value result : terminator.getOperands())
    results.insert(result);
  for (Value result : results) {
    if (materialized.contains(result))
      continue;
    if (isa<BlockArgument>(result))
      return terminator.emitOpError(
          "has no lowering to tile: a result is an argument");
    if (failed(checkUpdate(result)))
      return failure();
    llvm::SetVector<Operation *> scans;
    collectScans(result, scans);
    groups[{getCutRanks(result), scans.takeVector()}].push_back(result);
  }
  for (auto &[key, values] : groups)
    plans.push_back({values, key.first, {}});
  return success();
}

LogicalResult ProgramPlanner::materializeEinsum(Value value) {
  if (!value.getDefiningOp<EinsumOp>() && !value.getDefiningOp<ScanOp>())
    return value.getDefiningOp()->emitOpError("has no lowering to tile");
  if (auto scan = value.getDefiningOp<ScanOp>()) {
    planScan(scan);
    return success();
  }
  plans.push_back({{value}, getCutRanks(value), {}});
  materialized.insert(value);
  return success();
}

void ProgramPlanner::planScan(ScanOp scan) {
  if (materialized.contains(scan.getResult(0)))
    return;
  ProgramPlan program;
  for (Value result : scan.getResults()) {
    if (result.use_empty())
      continue;
    program.roots.push_back(result);
    materialized.insert(result);
  }
  for (StringAttr rank : getCutRanks(program.roots.front()))
    if (rank != scan.getRankAttr())
      program.space.push_back(rank);
  if (scan.getNumEmits() != 0)
    program.emitter = scan;
  plans.push_back(std::move(program));
}

bool ProgramPlanner::isRepeated(ScanOp scan) {
  llvm::DenseSet<StringAttr> own;
  for (Value result : scan.getResults())
    for (StringAttr rank : getCutRanks(result))
      own.insert(rank);
  SmallVector<Value> worklist(scan.getResults());
  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    for (StringAttr rank : getCutRanks(value))
      if (!own.contains(rank))
        return true;
    for (Operation *user : value.getUsers()) {
      while (user && user->getBlock() != &func.getBody().front())
        user = user->getParentOp();
      if (user && isa<EinsumOp>(user))
        worklist.append(user->result_begin(), user->result_end());
    }
  }
  return false;
}

llvm::DenseSet<StringAttr>
ProgramPlanner::findTiledRanks(const ProgramPlan &program) {
  llvm::DenseSet<StringAttr> tiled;
  // What is emitted in order has its rows in the scan's tiles.
  if (program.emitter)
    return tiled;
  // Rows lie where their entries say. Those along a rank that no entry is of
  // have one entry, and features that are many are cut.
  for (Value root : program.roots)
    if (EinsumOp update = getUpdate(root)) {
      StringAttr last = program.space.back();
      bool isOfEntry = false;
      for (unsigned i = 0, n = update.getIndices().size(); i < n; ++i)
        for (unsigned v = 0, e = update.getNumVariables(); v < e; ++v)
          isOfEntry |= update.getVariableRank(v) == last &&
                       update.getIndexMap(i).isFunctionOfDim(v);
      if (!isOfEntry)
        tiled.insert(last);
      return tiled;
    }
  llvm::DenseSet<Operation *> seen;
  bool contracts = false;
  auto visitEinsum = [&](EinsumOp einsum) {
    if (!einsum.getMonoidAttr() || einsum.getInputs().size() < 2)
      return;
    contracts = true;
    for (auto [i, input] : llvm::enumerate(einsum.getInputs())) {
      StringAttr innermost;
      for (StringAttr rank :
           cast<NamedTensorType>(input.getType()).getRanks()) {
        bool shared = llvm::all_of(einsum.getInputs(), [&](Value other) {
          return cast<NamedTensorType>(other.getType())
              .getRankPosition(rank)
              .has_value();
        });
        if (!shared && llvm::is_contained(program.space, rank))
          innermost = rank;
      }
      if (innermost)
        tiled.insert(innermost);
    }
  };
  std::function<void(Value)> visit = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (!op ||
        (materialized.contains(value) &&
         !llvm::is_contained(program.roots, value)) ||
        !seen.insert(op).second)
      return;
    op->walk([&](EinsumOp einsum) { visitEinsum(einsum); });
    for (Value operand : op->getOperands())
      visit(operand);
  };
  for (Value root : program.roots)
    visit(root);
  if (!contracts && !program.space.empty())
    tiled.insert(program.space.back());
  return tiled;
}
