//===- Generate.cpp - values to run a cascade on --------------------------===//

#include "attn/Driver/Generate.h"

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

std::optional<InputKind> attn::parseInputKind(std::string_view name) {
  if (name == "normal")
    return InputKind::normal;
  if (name == "outliers")
    return InputKind::outliers;
  if (name == "rising")
    return InputKind::rising;
  if (name == "zeros")
    return InputKind::zeros;
  return std::nullopt;
}

std::optional<NaNKind> attn::parseNaNKind(std::string_view name) {
  if (name == "none")
    return NaNKind::none;
  if (name == "hidden")
    return NaNKind::hidden;
  if (name == "key")
    return NaNKind::key;
  if (name == "value")
    return NaNKind::value;
  return std::nullopt;
}

namespace {
/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, OOPSLA 2014).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// In (0, 1).
  double uniform() {
    return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52;
  }

  /// The sum of twelve uniform numbers has variance 1 and needs no function
  /// whose last bit differs between machines.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += uniform();
    return sum;
  }

private:
  uint64_t state;
};
} // namespace

/// The value of `expr`; nothing if it has none that fits in 64 bits, as a
/// division by a number below 1.
static std::optional<int64_t> evaluate(AffineExpr expr, ArrayRef<int64_t> dims,
                                       ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto lhs = evaluate(binary.getLHS(), dims, symbols);
  auto rhs = evaluate(binary.getRHS(), dims, symbols);
  if (!lhs || !rhs)
    return std::nullopt;
  int64_t result;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return llvm::AddOverflow(*lhs, *rhs, result) ? std::nullopt
                                                 : std::optional(result);
  case AffineExprKind::Mul:
    return llvm::MulOverflow(*lhs, *rhs, result) ? std::nullopt
                                                 : std::optional(result);
  default:
    break;
  }
  if (*rhs < 1)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Mod)
    return *lhs % *rhs + (*lhs % *rhs < 0 ? *rhs : 0);
  return expr.getKind() == AffineExprKind::FloorDiv
             ? llvm::divideFloorSigned(*lhs, *rhs)
             : llvm::divideCeilSigned(*lhs, *rhs);
}

/// True if an element of integer type `type` holds `value`.
static bool holds(Type type, int64_t value) {
  if (type.isInteger(1))
    return llvm::isUInt<1>(value);
  return type.isIndex() || llvm::isIntN(type.getIntOrFloatBitWidth(), value);
}

/// Sets each element to the value of `fill` at its coordinates, or to the empty
/// value where that has none or the element type does not hold it.
static void fillTable(ReferenceTensor &tensor, NamedTensorType type,
                      AffineMap fill) {
  SmallVector<int64_t> coordinates(tensor.shape.size());
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    int64_t rest = i;
    for (size_t d = tensor.shape.size(); d-- > 0; rest /= tensor.shape[d])
      coordinates[d] = rest % tensor.shape[d];
    auto value = evaluate(fill.getResult(0), coordinates, tensor.shape);
    tensor.values.push_back(value && holds(type.getElementType(), *value)
                                ? static_cast<double>(*value)
                                : *getNumericValue(type.getEmpty()));
  }
}

ReferenceTensor attn::generateTensor(NamedTensorType type,
                                     DictionaryAttr attributes,
                                     std::string_view name,
                                     const Problem &problem, InputKind kind,
                                     uint64_t seed) {
  ReferenceTensor tensor;
  tensor.shape = problem.getShape(type);
  int64_t count = tensor.getNumElements();
  tensor.values.reserve(count);
  auto getNumber = [&](StringRef name, double otherwise) {
    Attribute attribute = attributes ? attributes.get(name) : Attribute();
    return getNumericValue(attribute).value_or(otherwise);
  };
  double spread = getNumber("cascade.spread", 0);
  double mean = getNumber("cascade.mean", 0);
  if (!isa<FloatType>(type.getElementType()) && spread == 0) {
    auto fill = attributes ? attributes.getAs<AffineMapAttr>(FuncOp::kFillAttr)
                           : AffineMapAttr();
    if (fill) {
      fillTable(tensor, type, fill.getValue());
      return tensor;
    }
    for (int64_t i = 0; i < count; ++i)
      tensor.values.push_back(static_cast<double>(i));
    return tensor;
  }
  if (spread == 0)
    spread = 1;
  // Each argument has its own stream.
  Random random(seed ^ llvm::xxh3_64bits(StringRef(name.data(), name.size())));
  // Elements a key, and keys: what `rising` grows along.
  int64_t inner = 1, keys = 1;
  if (std::optional<unsigned> dim = type.getRankPosition("M"))
    if (!type.getRankPosition("P")) {
      keys = tensor.shape[*dim];
      for (size_t i = *dim + 1; i < tensor.shape.size(); ++i)
        inner *= tensor.shape[i];
    }
  for (int64_t i = 0; i < count; ++i) {
    double value =
        kind == InputKind::zeros ? 0 : mean + spread * random.normal();
    if (kind == InputKind::outliers && random.next() % 64 == 0)
      value *= 30;
    if (kind == InputKind::rising) {
      // Queries and keys of one sign, the keys from 1/8 to 2.
      double at =
          static_cast<double>(i / inner % keys + 1) / static_cast<double>(keys);
      value = std::fabs(value) * (keys > 1 ? 0.125 + 1.875 * at : 1);
    }
    tensor.values.push_back(value);
  }
  return tensor;
}

/// The ranks along which masks may differ: those of tables, those whose
/// coordinates predicates use, and those whose extent is used.
static llvm::StringSet<> getMaskedRanks(FuncOp func) {
  llvm::StringSet<> ranks;
  for (Type type : func.getArgumentTypes())
    if (auto tensor = dyn_cast<NamedTensorType>(type);
        tensor && !isa<FloatType>(tensor.getElementType()))
      for (StringAttr rank : tensor.getRanks())
        ranks.insert(rank);
  func.walk([&](ExtentOp extent) { ranks.insert(extent.getRank()); });
  func.walk([&](EinsumOp einsum) {
    einsum.getWhere().walk([&](IndexOp index) {
      auto variable = einsum.getVariablePosition(index.getVariable());
      ranks.insert(einsum.getVariableRank(*variable));
    });
  });
  return ranks;
}

/// True if NaN in keys [first, last) of all tensors over the keys reaches an
/// output. Of a rank along which masks do not differ one coordinate tells.
static Result<bool> reachesOutput(FuncOp func, const Problem &problem,
                                  const Tables &tables, int64_t first,
                                  int64_t last) {
  Problem small = problem;
  llvm::StringSet<> masked = getMaskedRanks(func);
  for (auto &[rank, extent] : small.extents)
    if (rank != "P" && rank != "M" && !masked.contains(rank))
      extent =
          std::min<int64_t>(extent, func.getStaticExtent(rank).value_or(1));
  CascadeArguments arguments;
  arguments.scalars = problem.scalars;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    if (!tensor)
      continue;
    std::string name = func.getArgumentName(i).str();
    if (auto table = tables.find(name); table != tables.end()) {
      arguments.tensors[name] = table->second;
      continue;
    }
    ReferenceTensor value = generateTensor(tensor, func.getArgAttrDict(i), name,
                                           small, InputKind::rising, 1);
    std::optional<unsigned> dim = tensor.getRankPosition("M");
    if (dim && !tensor.getRankPosition("P")) {
      int64_t inner = 1, keys = value.shape[*dim];
      for (size_t d = *dim + 1; d < value.shape.size(); ++d)
        inner *= value.shape[d];
      for (int64_t at = 0; at < value.getNumElements(); ++at)
        if (int64_t key = at / inner % keys; key >= first && key < last)
          value.values[at] = std::nan("");
    }
    arguments.tensors[name] = std::move(value);
  }
  auto results = interpretCascade(func, arguments);
  if (!results.isOk())
    return results.takeStatus();
  for (const auto &entry : *results)
    for (double value : entry.second.values)
      if (std::isnan(value))
        return true;
  return false;
}

/// The least n in [0, limit] for which `reaches(n)` holds, limit if none below
/// does. `reaches` is monotone.
static Result<int64_t> bisect(int64_t limit,
                              function_ref<Result<bool>(int64_t)> reaches) {
  int64_t low = 0, high = limit;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    Result<bool> answer = reaches(middle);
    if (!answer.isOk())
      return answer.takeStatus();
    if (*answer)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

Result<VisibleKeys> attn::findVisibleKeys(FuncOp func, const Problem &problem,
                                          const Tables &tables) {
  auto it = problem.extents.find("M");
  int64_t keys = it == problem.extents.end() ? 0 : it->second;
  // NaN in keys [0, n + 1) reaches an output first at n = the first visible
  // one; in keys [|M| - 1 - n, |M|) likewise from the end.
  Result<int64_t> first = bisect(keys, [&](int64_t n) {
    return reachesOutput(func, problem, tables, 0, n + 1);
  });
  if (!first.isOk())
    return first.takeStatus();
  Result<int64_t> fromEnd = bisect(keys, [&](int64_t n) {
    return reachesOutput(func, problem, tables, keys - 1 - n, keys);
  });
  if (!fromEnd.isOk())
    return fromEnd.takeStatus();
  return VisibleKeys{*first, keys - *fromEnd};
}
