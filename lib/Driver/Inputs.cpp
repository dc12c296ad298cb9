//===- Inputs.cpp - the tensors that a kernel runs on ---------------------===//

#include "attn/Driver/Inputs.h"

#include "attn/Driver/Updates.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static Status refuse(std::string feature, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(feature),
                       std::move(reason), std::move(alternative));
}

/// The number of the tensor argument called `name`, or nothing.
static std::optional<unsigned> findTensor(FuncOp func, StringRef name) {
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (isa<NamedTensorType>(type) && func.getArgumentName(i) == name)
      return i;
  return std::nullopt;
}

static NamedTensorType getTensorType(FuncOp func, unsigned argument) {
  return cast<NamedTensorType>(func.getArgumentTypes()[argument]);
}

Result<Arrays>
attn::readArrays(FuncOp func, const std::map<std::string, std::string> &files) {
  Arrays arrays;
  for (const auto &[name, path] : files) {
    if (!findTensor(func, name))
      return refuse("--" + name,
                    "there is no such option and no tensor argument of this "
                    "name",
                    "see --help and --list VARIANT");
    Result<NpyArray> array = readNpy(path);
    if (!array.isOk())
      return array.takeStatus();
    arrays.emplace(name, std::move(*array));
  }
  return arrays;
}

/// Inserts the dimensions that `shape` lacks of the ranks of `type`.
static Status completeShape(NamedTensorType type, std::vector<int64_t> &shape,
                            const std::string &name, const Problem &problem) {
  ArrayRef<StringAttr> ranks = type.getRanks();
  std::vector<int64_t> given = shape;
  if (shape.size() < ranks.size() && ranks[0] == "B")
    shape.insert(shape.begin(), 1);
  std::optional<unsigned> group = type.getRankPosition("G");
  if (shape.size() + 1 == ranks.size() && group && *group > 0 &&
      ranks[*group - 1] == "H") {
    int64_t heads = shape[*group - 1];
    auto known = problem.extents.find("H");
    int64_t keyHeads = known == problem.extents.end() ? heads : known->second;
    if (keyHeads < 1 || heads % keyHeads != 0)
      return refuse("--" + name,
                    llvm::formatv("{0} heads cannot share {1} key heads evenly",
                                  heads, keyHeads),
                    "give a multiple of the key heads");
    shape[*group - 1] = keyHeads;
    shape.insert(shape.begin() + *group, heads / keyHeads);
  }
  if (shape.size() == ranks.size())
    return {};
  std::string wanted;
  for (StringAttr rank : ranks)
    wanted += (wanted.empty() ? "" : ", ") + rank.str();
  return refuse("--" + name,
                llvm::formatv("the array has {0} dimensions, but the argument "
                              "has ranks {1}",
                              given.size(), wanted),
                "give an array with these");
}

Status attn::bindArrays(FuncOp func, Arrays &arrays, Problem &problem) {
  std::map<std::string, std::string> sources;
  auto bind = [&](const std::string &name, NpyArray &array) -> Status {
    NamedTensorType type = getTensorType(func, *findTensor(func, name));
    if (Status status = completeShape(type, array.shape, name, problem);
        !status.isOk())
      return status;
    for (auto [rank, extent] : llvm::zip(type.getRanks(), array.shape)) {
      std::string key = rank.str();
      auto [it, inserted] = problem.extents.try_emplace(key, extent);
      if (!inserted && it->second != extent)
        return refuse("--" + name,
                      llvm::formatv("rank {0} has extent {1} here and {2} in "
                                    "--{3}",
                                    key, extent, it->second, sources[key]),
                      "give them one extent");
      sources.try_emplace(key, name);
    }
    return {};
  };
  // Arrays without G tell the heads that those with G are split by.
  for (bool grouped : {false, true})
    for (auto &[name, array] : arrays) {
      NamedTensorType type = getTensorType(func, *findTensor(func, name));
      if (type.getRankPosition("G").has_value() == grouped)
        if (Status status = bind(name, array); !status.isOk())
          return status;
    }
  return {};
}

//===----------------------------------------------------------------------===//
// NaN
//===----------------------------------------------------------------------===//

/// Calls `visit(element)` for each element of `tensor` whose key is in
/// [first, last); with `onlyFirstHead` those of the first batch and head.
static void forEachElementOfKeys(NamedTensorType type, ReferenceTensor &tensor,
                                 int64_t first, int64_t last,
                                 bool onlyFirstHead,
                                 function_ref<void(double &)> visit) {
  unsigned dim = *type.getRankPosition("M");
  int64_t inner = 1, keys = tensor.shape[dim];
  for (size_t d = dim + 1; d < tensor.shape.size(); ++d)
    inner *= tensor.shape[d];
  int64_t count = onlyFirstHead ? inner * keys : tensor.getNumElements();
  for (int64_t i = 0; i < std::min(count, tensor.getNumElements()); ++i)
    if (int64_t key = i / inner % keys; key >= first && key < last)
      visit(tensor.values[i]);
}

static bool isOverKeys(NamedTensorType type) {
  return type.getRankPosition("M") && !type.getRankPosition("P") &&
         !type.getRankPosition("G") && isa<FloatType>(type.getElementType());
}

static void placeNaN(NamedTensorType type, ReferenceTensor &tensor,
                     NaNKind kind, const VisibleKeys &keys) {
  if (!isOverKeys(type) || tensor.getNumElements() == 0)
    return;
  auto set = [](double &value) { value = std::nan(""); };
  int64_t all = tensor.shape[*type.getRankPosition("M")];
  if (kind == NaNKind::hidden) {
    forEachElementOfKeys(type, tensor, 0, std::min(keys.first, all), false,
                         set);
    forEachElementOfKeys(type, tensor, std::max<int64_t>(keys.last, 0), all,
                         false, set);
    return;
  }
  // Values are what has the outputs' width.
  bool isValue = type.getRankPosition("F").has_value();
  if (isValue != (kind == NaNKind::value) || keys.first >= keys.last)
    return;
  int64_t key = keys.first + (keys.last - keys.first) / 2;
  bool done = false;
  forEachElementOfKeys(type, tensor, key, key + 1, true, [&](double &value) {
    if (!done)
      set(value);
    done = true;
  });
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

static ReferenceTensor toReference(const NpyArray &array) {
  return {array.shape, getValues(array)};
}

/// The integer tensors of `arrays`.
static Tables getTables(FuncOp func, const Arrays &arrays) {
  Tables tables;
  for (const auto &[name, array] : arrays)
    if (!isa<FloatType>(
            getTensorType(func, *findTensor(func, name)).getElementType()))
      tables.emplace(name, toReference(array));
  return tables;
}

/// Whether no element is less than the one before it along the last rank.
static bool isRising(const ReferenceTensor &table) {
  size_t length = table.shape.empty() ? 1 : table.shape.back();
  for (size_t j = 1; j < table.values.size(); ++j)
    if (j % length != 0 && table.values[j] < table.values[j - 1])
      return false;
  return true;
}

Result<std::map<std::string, HostTensor>>
attn::createInputs(FuncOp func, const Problem &problem, const Arrays &arrays,
                   const InputOptions &options) {
  VisibleKeys keys = {0, 0};
  if (options.nan != NaNKind::none) {
    Result<VisibleKeys> found =
        findVisibleKeys(func, problem, getTables(func, arrays));
    if (!found.isOk())
      return found.takeStatus();
    keys = *found;
  }
  std::map<std::string, HostTensor> inputs;
  for (auto [i, argument] : llvm::enumerate(func.getArgumentTypes())) {
    auto type = dyn_cast<NamedTensorType>(argument);
    if (!type)
      continue;
    std::string name = func.getArgumentName(i).str();
    ReferenceTensor values;
    auto array = arrays.find(name);
    if (array != arrays.end()) {
      values = toReference(array->second);
      if (func.getArgAttr(i, FuncOp::kRisingAttr) && !isRising(values))
        return Status::error(StatusCode::invalidArgument,
                             "input '" + name + "'",
                             "an entry is less than the one before it, but the "
                             "variant says that its entries rise",
                             "give a table that does");
      if (func.getArgAttr(i, FuncOp::kDistinctAttr) && !isDistinct(values))
        return Status::error(
            StatusCode::invalidArgument, "input '" + name + "'",
            "a number stands in it twice, but the variant says "
            "that its entries are distinct",
            "give each but -1 once");
    } else if (func.getArgAttr(i, FuncOp::kDistinctAttr)) {
      values = drawEntries(func, i, problem, options.seed);
    } else {
      values = generateTensor(type, func.getArgAttrDict(i), name, problem,
                              options.kind, options.seed);
    }
    if (options.nan != NaNKind::none)
      placeNaN(type, values, options.nan, keys);
    Result<HostTensor> tensor =
        HostTensor::create(getBoundType(type, func.getArgAttrDict(i), problem),
                           values.shape, options.layout);
    if (!tensor.isOk())
      return tensor.takeStatus();
    tensor->setValues(values.values);
    inputs.emplace(name, std::move(*tensor));
  }
  return inputs;
}

CascadeArguments
attn::getReferenceArguments(const std::map<std::string, HostTensor> &inputs,
                            const Problem &problem) {
  CascadeArguments arguments;
  for (const auto &[name, tensor] : inputs)
    arguments.tensors.emplace(name, tensor.toReference());
  arguments.scalars = problem.scalars;
  return arguments;
}
