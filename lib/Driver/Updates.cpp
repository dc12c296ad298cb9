//===- Updates.cpp - results that update arguments, for the tools ---------===//

#include "attn/Driver/Updates.h"

#include "attn/Driver/Inputs.h"
#include "attn/Reference/CascadeInterpreter.h"

#include "llvm/ADT/DenseSet.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// The least of `entries` and the entries for which coordinate `expr` of rank
/// `rank` is inside of it.
static int64_t limitEntries(int64_t entries, AffineExpr expr, StringAttr rank,
                            const Problem &problem) {
  int64_t extent = problem.extents.at(rank.str());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::min(entries, extent);
  if (binary.getKind() != AffineExprKind::FloorDiv)
    return entries;
  int64_t size = cast<AffineConstantExpr>(binary.getRHS()).getValue();
  return extent > entries / size ? entries : std::min(entries, extent * size);
}

/// How many entries of `table` the outputs that it indexes have; nothing if it
/// indexes none.
static std::optional<int64_t> countEntries(FuncOp func, Value table,
                                           const Problem &problem) {
  constexpr int64_t all = std::numeric_limits<int64_t>::max();
  int64_t entries = all;
  func.walk([&](EinsumOp op) {
    auto type = cast<NamedTensorType>(op.getType());
    for (auto [i, index] : llvm::enumerate(op.getIndices()))
      for (auto [expr, rank] :
           llvm::zip(op.getOutputMap().getResults(), type.getRanks()))
        if (index == table && expr.isFunctionOfSymbol(i))
          entries = limitEntries(entries, expr, rank, problem);
  });
  return entries == all ? std::nullopt : std::optional(entries);
}

ReferenceTensor attn::drawEntries(FuncOp func, unsigned argument,
                                  const Problem &problem, uint64_t seed) {
  ReferenceTensor tensor;
  auto type = cast<NamedTensorType>(func.getArgumentTypes()[argument]);
  tensor.shape = problem.getShape(type);
  int64_t count = tensor.getNumElements();
  std::optional<int64_t> entries =
      countEntries(func, func.getArgument(argument), problem);
  std::vector<double> order(entries.value_or(count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed);
  if (entries)
    std::shuffle(order.begin(), order.end(), random);
  for (int64_t i = 0; i < count; ++i) {
    bool isNone = i >= int64_t(order.size()) || (entries && random() % 8 == 0);
    tensor.values.push_back(isNone ? -1 : order[i]);
  }
  return tensor;
}

bool attn::isDistinct(const ReferenceTensor &table) {
  llvm::DenseSet<int64_t> known;
  return llvm::all_of(table.values, [&](double value) {
    return value < 0 || known.insert(static_cast<int64_t>(value)).second;
  });
}

void attn::fillUpdates(FuncOp func,
                       const std::map<std::string, HostTensor> &inputs,
                       std::map<std::string, HostTensor> &outputs) {
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
    if (func.getUpdatedArgument(i)) {
      std::string name = func.getResultName(i).str();
      outputs.at(name).setValues(inputs.at(name).getValues());
    }
}

Result<std::vector<std::string>>
attn::findChanged(FuncOp func, const Problem &problem,
                  const std::map<std::string, HostTensor> &inputs,
                  const std::map<std::string, HostTensor> &outputs) {
  std::vector<std::string> updated, changed;
  CascadeArguments arguments = getReferenceArguments(inputs, problem);
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
    if (func.getUpdatedArgument(i)) {
      updated.push_back(func.getResultName(i).str());
      for (double &value : arguments.tensors.at(updated.back()).values)
        value = std::nan("");
    }
  if (updated.empty())
    return changed;
  auto named = interpretCascade(func, arguments);
  if (!named.isOk())
    return named.takeStatus();
  for (const std::string &name : updated) {
    NpyArray before = inputs.at(name).toNpy(), now = outputs.at(name).toNpy();
    const std::vector<double> &values = named->at(name).values;
    size_t bytes = values.empty() ? 0 : before.data.size() / values.size();
    bool isKept = true;
    for (size_t i = 0; i < values.size(); ++i)
      isKept &= !std::isnan(values[i]) ||
                std::memcmp(before.data.data() + i * bytes,
                            now.data.data() + i * bytes, bytes) == 0;
    if (!isKept)
      changed.push_back(name);
  }
  return changed;
}
