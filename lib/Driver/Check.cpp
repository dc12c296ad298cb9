//===- Check.cpp - a kernel's outputs against the interpreter -------------===//

#include "attn/Driver/Check.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static FloatType getFloatType(MLIRContext *context, DType type) {
  switch (type) {
  case DType::bf16:
    return BFloat16Type::get(context);
  case DType::f16:
    return Float16Type::get(context);
  case DType::f64:
    return Float64Type::get(context);
  default:
    return Float32Type::get(context);
  }
}

Result<ExpectedOutputs>
attn::computeExpected(FuncOp func, const Problem &problem,
                      const CascadeArguments &arguments) {
  ExpectedOutputs expected;
  auto exact = interpretCascade(func, arguments);
  if (!exact.isOk())
    return exact.takeStatus();
  expected.exact = std::move(*exact);
  // Narrow types: what they round is the same in every order, nearly.
  unsigned numOrders = problem.dtype == DType::f32 ? 6 : 2;
  for (unsigned order = 0; order < numOrders; ++order) {
    InterpretOptions options;
    options.unfusedType = getFloatType(func.getContext(), problem.dtype);
    options.sumOrder = order;
    auto naive = interpretCascade(func, arguments, options);
    if (!naive.isOk())
      return naive.takeStatus();
    expected.unfused.push_back(std::move(*naive));
  }
  return expected;
}

std::vector<OutputError>
attn::compareOutputs(FuncOp func, const ExpectedOutputs &expected,
                     const std::map<std::string, HostTensor> &outputs,
                     bool mayspread) {
  double factor =
      getNumericValue(func->getAttr("cascade.error_factor")).value_or(2);
  std::vector<OutputError> errors;
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i) {
    std::string name = func.getResultName(i).str();
    const HostTensor &actual = outputs.at(name);
    const ReferenceTensor &exact = expected.exact.at(name);
    ErrorRule rule;
    rule.factor = factor;
    rule.type = actual.getType();
    rule.rowLength = exact.shape.empty() ? 1 : exact.shape.back();
    if (mayspread) {
      // Rows of the first coordinates of the two outermost ranks.
      int64_t rows = 1;
      for (size_t d = 2; d + 1 < exact.shape.size(); ++d)
        rows *= exact.shape[d];
      rule.spreadableRows = rows;
    }
    std::vector<std::vector<double>> naive;
    for (const auto &results : expected.unfused)
      naive.push_back(results.at(name).values);
    errors.push_back(
        {name, compareRows(actual.getValues(), exact.values, naive, rule)});
  }
  return errors;
}

Result<std::vector<OutputError>> attn::checkOutputs(
    FuncOp func, const Problem &problem, const CascadeArguments &arguments,
    const std::map<std::string, HostTensor> &outputs, bool mayspread) {
  auto expected = computeExpected(func, problem, arguments);
  if (!expected.isOk())
    return expected.takeStatus();
  return compareOutputs(func, *expected, outputs, mayspread);
}

/// The ranks that predicates and extents of `func` ask for.
static llvm::StringSet<> getMaskRanks(FuncOp func) {
  llvm::StringSet<> ranks;
  func.getBody().walk([&](Operation *op) {
    if (auto index = dyn_cast<IndexOp>(op)) {
      auto einsum = cast<EinsumOp>(op->getParentOp());
      ranks.insert(einsum.getVariableRank(
          *einsum.getVariablePosition(index.getVariable())));
    }
    if (auto extent = dyn_cast<ExtentOp>(op))
      ranks.insert(extent.getRank());
    if (auto scan = dyn_cast<ScanOp>(op))
      ranks.insert(scan.getRank());
  });
  return ranks;
}

Result<double> attn::countMultiplications(FuncOp func, const Problem &problem) {
  llvm::StringSet<> kept = getMaskRanks(func);
  Problem small = problem;
  for (auto &[rank, extent] : small.extents)
    if (!kept.contains(rank) && !func.getStaticExtent(rank))
      extent = std::min<int64_t>(extent, 1);
  CascadeArguments arguments;
  arguments.scalars = problem.scalars;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (auto tensor = dyn_cast<NamedTensorType>(type)) {
      ReferenceTensor value{small.getShape(tensor), {}};
      value.values.assign(value.getNumElements(), 1);
      arguments.tensors[func.getArgumentName(i).str()] = std::move(value);
    }
  llvm::DenseMap<Operation *, int64_t> points;
  InterpretOptions options;
  options.points = &points;
  auto results = interpretCascade(func, arguments, options);
  if (!results.isOk())
    return results.takeStatus();
  double count = 0;
  for (auto [op, number] : points) {
    auto einsum = cast<EinsumOp>(op);
    if (!einsum.getMonoidAttr() || einsum.getInputs().size() < 2)
      continue;
    double times = 1;
    for (unsigned i = 0, e = einsum.getNumVariables(); i < e; ++i) {
      std::string rank = einsum.getVariableRank(i).str();
      auto whole = problem.extents.find(rank);
      if (whole != problem.extents.end() && small.extents.at(rank) != 0)
        times *= static_cast<double>(whole->second) /
                 static_cast<double>(small.extents.at(rank));
    }
    count += times * static_cast<double>(number);
  }
  return count;
}
