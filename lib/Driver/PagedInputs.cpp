//===- PagedInputs.cpp - tensors in pages, for the tools ------------------===//

#include "attn/Driver/PagedInputs.h"

#include "attn/Transforms/PageUpdates.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <limits>
#include <random>

using namespace attn;
using namespace attn::cascade;

static constexpr llvm::StringLiteral kTableName = "pages",
                                     kLengthsName = "lengths";

std::optional<mlir::StringAttr> attn::getSequences(mlir::Type type) {
  auto tensor = mlir::dyn_cast<NamedTensorType>(type);
  if (!tensor)
    return std::nullopt;
  mlir::Type element = tensor.getElementType();
  if ((!mlir::isa<mlir::FloatType>(element) && !element.isInteger(8)) ||
      !tensor.getRankPosition("M") || tensor.getRankPosition("P"))
    return std::nullopt;
  for (mlir::StringAttr rank : tensor.getRanks())
    if (rank == "B" || rank == "S")
      return rank;
  return std::nullopt;
}

/// Whether the lengths of sequences are an argument that masks read, too.
static bool hasLengths(FuncOp func, mlir::StringAttr sequences) {
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i) {
    auto type = mlir::dyn_cast<NamedTensorType>(func.getArgumentTypes()[i]);
    if (type && func.getArgumentName(i) == kLengthsName)
      return type.getRanks().size() == 1 && type.getRanks()[0] == sequences &&
             type.getElementType().isInteger(32);
  }
  return false;
}

Status attn::setPages(FuncOp func, int64_t size) {
  mlir::Builder b(func.getContext());
  auto refuse = [&](std::string reason) {
    return Status::error(StatusCode::invalidArgument, "--page",
                         func.getSymName().str() + " has " + std::move(reason),
                         "leave the option out");
  };
  auto isUpdated = pageUpdates(func, size);
  if (failed(isUpdated))
    return refuse("a cache that it reads, too");
  if (*isUpdated)
    return {};
  bool isPaged = false;
  for (auto [i, argument] : llvm::enumerate(func.getArgumentTypes())) {
    std::optional<mlir::StringAttr> sequences = getSequences(argument);
    if (!sequences)
      continue;
    for (unsigned j = 0, e = func.getNumArguments(); j < e; ++j) {
      llvm::StringRef name = func.getArgumentName(j);
      if (name == kTableName ||
          (name == kLengthsName && !hasLengths(func, *sequences)))
        return refuse("an argument '" + name.str() + "' already");
    }
    func.setArgAttr(
        i, kPagesAttr,
        PagesAttr::get(func.getContext(), size, b.getStringAttr("M"),
                       b.getArrayAttr(*sequences), b.getStringAttr(kTableName),
                       b.getStringAttr(kLengthsName), mlir::StringAttr()));
    isPaged = true;
  }
  return isPaged ? Status() : refuse("no tensor of sequences of keys");
}

namespace {
/// Which page each block of keys of each outer coordinate lies in.
struct Table {
  std::vector<int64_t> shape;
  std::vector<double> entries;
  int64_t numPages = 0;
};
} // namespace

static Table drawTable(PagesAttr pages, const Problem &problem,
                       std::mt19937_64 &random) {
  Table table;
  int64_t numEntries = 1;
  for (auto rank : pages.getBy().getAsRange<mlir::StringAttr>())
    table.shape.push_back(problem.extents.at(rank.str()));
  int64_t keys = problem.extents.at(pages.getRank().str());
  table.shape.push_back(llvm::divideCeil(keys, pages.getSize()));
  for (int64_t extent : table.shape)
    numEntries *= extent;
  table.numPages = numEntries + 3;
  std::vector<double> all(table.numPages);
  std::iota(all.begin(), all.end(), 0);
  std::shuffle(all.begin(), all.end(), random);
  table.entries.assign(all.begin(), all.begin() + numEntries);
  return table;
}

/// The values of `tensor`, of type `type`, in its pages.
static std::vector<double> scatter(const HostTensor &tensor,
                                   NamedTensorType type, PagesAttr pages,
                                   const Table &table,
                                   llvm::ArrayRef<int64_t> shape) {
  const std::vector<int64_t> &extents = tensor.getShape();
  size_t numDims = extents.size();
  // What a step along each dimension of the tensor is in the table, or in a
  // page.
  std::vector<int64_t> inTable(numDims), inPage(numDims);
  int64_t step = table.shape.back();
  for (size_t i = pages.getBy().size(); i-- > 0; step *= table.shape[i])
    inTable[*type.getRankPosition(
        mlir::cast<mlir::StringAttr>(pages.getBy()[i]))] = step;
  int64_t pageElements = 1;
  for (size_t dim = numDims, position = shape.size(); dim-- > 0;) {
    if (llvm::is_contained(pages.getBy(), type.getRanks()[dim]))
      continue;
    inPage[dim] = pageElements;
    pageElements *= shape[--position];
  }
  size_t keys = *type.getRankPosition(pages.getRank());
  int64_t size = pages.getSize();
  std::vector<double> values = tensor.getValues();
  std::vector<double> result(shape.front() * pageElements,
                             std::numeric_limits<double>::quiet_NaN());
  std::vector<int64_t> at(numDims);
  for (double value : values) {
    int64_t entry = at[keys] / size, place = at[keys] % size * inPage[keys];
    for (size_t dim = 0; dim < numDims; ++dim)
      if (dim != keys) {
        entry += at[dim] * inTable[dim];
        place += at[dim] * inPage[dim];
      }
    auto page = static_cast<int64_t>(table.entries[entry]);
    result[page * pageElements + place] = value;
    for (size_t dim = numDims; dim-- > 0 && ++at[dim] == extents[dim];)
      at[dim] = 0;
  }
  return result;
}

Result<std::map<std::string, HostTensor>>
attn::createPages(FuncOp func, const Problem &problem,
                  const std::map<std::string, HostTensor> &inputs,
                  const InputOptions &options) {
  std::mt19937_64 random(options.seed);
  std::map<std::string, Table> tables;
  std::map<std::string, HostTensor> result;
  auto add = [&](const std::string &name, DType type,
                 const std::vector<int64_t> &shape, Layout layout,
                 const std::vector<double> &values) -> Status {
    auto tensor = HostTensor::create(type, shape, layout);
    if (!tensor.isOk())
      return tensor.takeStatus();
    tensor->setValues(values);
    result.emplace(name, std::move(*tensor));
    return {};
  };
  auto addTable = [&](PagesAttr pages, const Table &table) -> Status {
    auto addNumbers = [&](mlir::StringAttr name,
                          const std::vector<int64_t> &shape,
                          const std::vector<double> &values) {
      return add(name.str(), DType::i32, shape, Layout::contiguous, values);
    };
    std::vector<int64_t> outer(table.shape.begin(), table.shape.end() - 1);
    auto keys = double(problem.extents.at(pages.getRank().str()));
    std::vector<double> lengths(llvm::product_of(outer), keys);
    // Lengths that are an argument may be more than there are keys, behind
    // which pages hold what is not a number.
    if (auto own = inputs.find(pages.getLengths().str()); own != inputs.end()) {
      lengths = own->second.getValues();
      for (double &length : lengths)
        length = std::min(length, keys);
    }
    if (Status status = addNumbers(pages.getLengths(), outer, lengths);
        !status.isOk())
      return status;
    if (!pages.getStarts())
      return addNumbers(pages.getTable(), table.shape, table.entries);
    // One list of all, in the order of the sequences.
    std::vector<double> starts;
    for (size_t i = 0; i < lengths.size(); ++i)
      starts.push_back(double(i) * double(table.shape.back()));
    if (Status status = addNumbers(pages.getStarts(), outer, starts);
        !status.isOk())
      return status;
    return addNumbers(pages.getTable(), {int64_t(table.entries.size())},
                      table.entries);
  };
  for (unsigned i = 0, e = func.getArgumentTypes().size(); i < e; ++i) {
    PagesAttr pages = func.getPages(i);
    if (!pages)
      continue;
    std::string tableName = pages.getTable().str();
    auto known = tables.find(tableName);
    if (known == tables.end()) {
      known =
          tables.emplace(tableName, drawTable(pages, problem, random)).first;
      if (Status status = addTable(pages, known->second); !status.isOk())
        return status;
    }
    std::string name = func.getArgumentName(i).str();
    auto type = mlir::cast<NamedTensorType>(func.getArgumentTypes()[i]);
    const HostTensor &tensor = inputs.at(name);
    std::vector<int64_t> shape = {known->second.numPages};
    for (mlir::StringAttr rank : type.getRanks())
      if (rank == pages.getRank())
        shape.push_back(pages.getSize());
      else if (!llvm::is_contained(pages.getBy(), rank))
        shape.push_back(problem.extents.at(rank.str()));
    if (Status status = add(name, tensor.getType(), shape, options.layout,
                            scatter(tensor, type, pages, known->second, shape));
        !status.isOk())
      return status;
  }
  return result;
}
