//===- Problem.cpp - one shape, type and set of parameters of a cascade ---===//

#include "attn/Driver/Problem.h"

#include "attn/Support/ElementType.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <unistd.h>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static Status refuse(std::string feature, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(feature),
                       std::move(reason), std::move(alternative));
}

std::vector<int64_t> Problem::getShape(NamedTensorType type) const {
  std::vector<int64_t> shape;
  for (StringAttr rank : type.getRanks())
    shape.push_back(extents.at(rank.str()));
  return shape;
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

/// The ranks of the arguments and results, in order of appearance.
static SmallVector<StringRef> getRanks(FuncOp func) {
  SmallVector<StringRef> ranks;
  auto add = [&](ArrayRef<Type> types) {
    for (Type type : types)
      if (auto tensor = dyn_cast<NamedTensorType>(type))
        for (StringAttr rank : tensor.getRanks())
          if (!llvm::is_contained(ranks, rank.getValue()))
            ranks.push_back(rank);
  };
  add(func.getArgumentTypes());
  add(func.getResultTypes());
  return ranks;
}

/// What the words of attention say of `rank`, with `has` telling which ranks
/// there are. Nothing is said of other ranks.
static Result<std::optional<int64_t>>
getAttentionExtent(StringRef rank, const AttentionShape &shape,
                   function_ref<bool(StringRef)> has) {
  using Extent = std::optional<int64_t>;
  int64_t heads = shape.heads.value_or(shape.kvHeads.value_or(8));
  int64_t kvHeads = shape.kvHeads.value_or(heads);
  if (rank == "B")
    return Extent(shape.batch.value_or(1));
  if (rank == "H" || rank == "G") {
    if (!has("G") && heads != kvHeads)
      return refuse("--kv-heads",
                    llvm::formatv("there are {0} heads and {1} key heads, but "
                                  "the variant has no rank G",
                                  heads, kvHeads),
                    "give one number, or use a variant of grouped heads");
    if (kvHeads < 1 || heads % kvHeads != 0)
      return refuse("--kv-heads",
                    llvm::formatv("{0} heads cannot share {1} key heads evenly",
                                  heads, kvHeads),
                    "give a divisor of the heads");
    return Extent(rank == "H" ? kvHeads : heads / kvHeads);
  }
  int64_t queries = shape.queryLength.value_or(shape.keyLength.value_or(512));
  int64_t keys = shape.keyLength.value_or(queries);
  if (rank == "P")
    return Extent(queries);
  if (rank == "M") {
    if (!has("P") && keys != queries)
      return refuse("--kv-len",
                    llvm::formatv("there are {0} queries and {1} keys, but the "
                                  "variant's queries are its keys",
                                  queries, keys),
                    "give one number");
    return Extent(keys);
  }
  int64_t width = shape.headDim.value_or(64);
  if (rank == "E")
    return Extent(width);
  if (rank == "F")
    return Extent(shape.valueDim.value_or(width));
  return Extent();
}

/// What `func` says of `rank` for callers that say nothing.
static std::optional<int64_t> getDefaultExtent(FuncOp func, StringRef rank) {
  auto extents = func->getAttrOfType<DictionaryAttr>(FuncOp::kExtentsAttr);
  auto extent = extents ? extents.getAs<IntegerAttr>(rank) : IntegerAttr();
  return extent ? std::optional(extent.getValue().getSExtValue())
                : std::nullopt;
}

Status attn::resolveExtents(FuncOp func, const AttentionShape &shape,
                            Problem &problem) {
  SmallVector<StringRef> ranks = getRanks(func);
  auto has = [&](StringRef name) { return llvm::is_contained(ranks, name); };
  for (const auto &[name, extent] : shape.ranks) {
    if (!has(name))
      return refuse("--extent", "the function has no rank '" + name + "'",
                    "give one of its ranks");
    if (extent < 0)
      return refuse("--extent",
                    "rank '" + name + "' is given extent " +
                        std::to_string(extent),
                    "give 0 or more");
  }
  for (StringRef name : ranks) {
    std::string rank = name.str();
    if (problem.extents.count(rank))
      continue;
    std::optional<int64_t> extent = func.getStaticExtent(name);
    if (auto given = shape.ranks.find(rank); given != shape.ranks.end()) {
      if (extent && *extent != given->second)
        return refuse("--extent",
                      llvm::formatv("rank '{0}' is declared with extent {1}, "
                                    "but {2} is given",
                                    name, *extent, given->second),
                      "leave it out");
      extent = given->second;
    }
    if (!extent) {
      auto said = getAttentionExtent(name, shape, has);
      if (!said.isOk())
        return said.takeStatus();
      extent = *said;
    }
    if (!extent)
      extent = getDefaultExtent(func, name);
    if (!extent)
      return refuse("--extent", "rank '" + rank + "' has no extent",
                    "give --extent " + rank + "=N");
    if (*extent < 0)
      return refuse(
          "--extent",
          llvm::formatv("rank '{0}' is given extent {1}", name, *extent),
          "give 0 or more");
    problem.extents[rank] = *extent;
  }
  return {};
}

Status attn::checkMemory(FuncOp func, const Problem &problem,
                         bool interpreted) {
  // The tensor, what it was before the run, and its values.
  constexpr uint64_t bytesOfElement = 16;
  uint64_t bytes = 0;
  auto add = [&](Type type) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    if (!tensor)
      return;
    uint64_t size = bytesOfElement;
    for (StringAttr rank : tensor.getRanks())
      if (auto it = problem.extents.find(rank.str());
          it != problem.extents.end())
        size = llvm::SaturatingMultiply(size, uint64_t(it->second));
    bytes = llvm::SaturatingAdd(bytes, size);
  };
  llvm::for_each(func.getArgumentTypes(), add);
  llvm::for_each(func.getResultTypes(), add);
  if (interpreted)
    func.walk(
        [&](Operation *op) { llvm::for_each(op->getResultTypes(), add); });
  uint64_t machine =
      uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  if (bytes <= machine)
    return {};
  return Status::error(
      StatusCode::resourceExhausted, "shape",
      llvm::formatv("its tensors take {0} bytes{1}, but this machine has {2}",
                    bytes, interpreted ? " with those of the check" : "",
                    machine),
      "use smaller extents");
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// Calls `visit(index, name, attributes)` for each scalar argument.
static void forEachScalar(
    FuncOp func,
    function_ref<void(unsigned index, StringRef name, DictionaryAttr)> visit) {
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (!isa<NamedTensorType>(type))
      visit(i, func.getArgumentName(i), func.getArgAttrDict(i));
}

/// The text of an attribute's number or string, or nothing.
static std::string getText(DictionaryAttr attributes, StringRef name) {
  Attribute attribute = attributes ? attributes.get(name) : Attribute();
  if (auto string = dyn_cast_or_null<StringAttr>(attribute))
    return string.str();
  std::optional<double> number = getNumericValue(attribute);
  std::string text;
  if (number)
    llvm::raw_string_ostream(text) << llvm::format("%g", *number);
  return text;
}

/// The values that argument `index` may have, in words; empty for all.
static std::string getBounds(FuncOp func, unsigned index) {
  std::optional<int64_t> least = func.getArgumentMin(index);
  std::optional<int64_t> greatest = func.getArgumentMax(index);
  if (least && greatest)
    return llvm::formatv("{0} to {1}", *least, *greatest);
  if (least)
    return llvm::formatv("at least {0}", *least);
  return greatest ? llvm::formatv("at most {0}", *greatest).str() : "";
}

std::vector<Parameter> attn::getParameters(FuncOp func) {
  std::vector<Parameter> parameters;
  forEachScalar(func, [&](unsigned i, StringRef name, DictionaryAttr attrs) {
    std::string type;
    llvm::raw_string_ostream(type) << func.getArgumentTypes()[i];
    parameters.push_back({name.str(), type, getText(attrs, "cascade.default"),
                          getText(attrs, "cascade.doc"), getBounds(func, i)});
  });
  return parameters;
}

/// A number, or `rsqrt(RANK)`.
static std::optional<double> evaluate(StringRef text, const Problem &problem) {
  text = text.trim();
  if (text.consume_front("rsqrt(") && text.consume_back(")")) {
    auto it = problem.extents.find(text.str());
    if (it == problem.extents.end())
      return std::nullopt;
    // Narrowed once, as the kernel's argument is.
    return static_cast<float>(
        1 / std::sqrt(static_cast<double>(std::max<int64_t>(it->second, 1))));
  }
  double number;
  if (text.getAsDouble(number))
    return std::nullopt;
  return number;
}

/// Refuses a value that the argument's bounds do not allow.
static Status checkBounds(FuncOp func, unsigned index,
                          const std::string &option, double value) {
  std::optional<int64_t> least = func.getArgumentMin(index);
  std::optional<int64_t> greatest = func.getArgumentMax(index);
  bool isLess = least && value < static_cast<double>(*least);
  bool isMore = greatest && value > static_cast<double>(*greatest);
  if (!isLess && !isMore)
    return {};
  return refuse(
      option,
      llvm::formatv("{0} is {1} than {2}", static_cast<int64_t>(value),
                    isLess ? "less" : "more", isLess ? *least : *greatest),
      "give " + getBounds(func, index));
}

Status attn::resolveScalars(FuncOp func,
                            const std::map<std::string, std::string> &given,
                            Problem &problem) {
  Status status;
  std::string names;
  forEachScalar(func, [&](unsigned i, StringRef name, DictionaryAttr attrs) {
    names += (names.empty() ? "" : ", ") + name.str();
    if (!status.isOk())
      return;
    auto it = given.find(name.str());
    std::string text =
        it != given.end() ? it->second : getText(attrs, "cascade.default");
    std::string option = "--set " + name.str();
    if (text.empty()) {
      status = refuse(option, "the parameter has no default", "give a value");
      return;
    }
    Type type = func.getArgumentTypes()[i];
    std::optional<double> value;
    if (type.isF32()) {
      value = evaluate(text, problem);
      if (value)
        value = static_cast<float>(*value);
    } else {
      int64_t integer;
      if (!StringRef(text).getAsInteger(10, integer) &&
          (!type.isInteger(32) || llvm::isInt<32>(integer)) &&
          std::abs(static_cast<double>(integer)) < 0x1p53)
        value = static_cast<double>(integer);
    }
    if (!value) {
      std::string typeText;
      llvm::raw_string_ostream(typeText) << type;
      status = refuse(option, "'" + text + "' is not a value of " + typeText,
                      "give a number");
      return;
    }
    status = checkBounds(func, i, option, *value);
    if (!status.isOk())
      return;
    problem.scalars[name.str()] = *value;
  });
  if (!status.isOk())
    return status;
  for (const auto &entry : given)
    if (!problem.scalars.count(entry.first))
      return refuse("--set", "there is no parameter '" + entry.first + "'",
                    names.empty() ? "the variant has none"
                                  : "give one of " + names);
  return {};
}

DType attn::getBoundType(NamedTensorType type, DictionaryAttr attributes,
                         const Problem &problem) {
  Type element = type.getElementType();
  if (isa<FloatType>(element) &&
      !(attributes && attributes.contains("cascade.fixed")))
    return problem.dtype;
  return getDType(element).value_or(DType::i64);
}
