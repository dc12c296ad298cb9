//===- CascadeInterpreter.cpp - runs a cascade in f64
//-----------------------===//
//
// Operations are run in order; a scan runs its step once a tile. Tensors are
// f64 storage, of which slices, merges and even splits are views.
//
//===----------------------------------------------------------------------===//

#include "attn/Reference/CascadeInterpreter.h"

#include "EinsumInterpreter.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;
using namespace attn::reference;

static Status refuse(std::string reason, std::string alternative = {}) {
  return Status::error(StatusCode::invalidArgument, "interpreter",
                       std::move(reason), std::move(alternative));
}

namespace {
class Interpreter {
public:
  Interpreter(FuncOp func, const InterpretOptions &options)
      : func(func), options(options) {}

  Result<std::map<std::string, ReferenceTensor>>
  run(const CascadeArguments &arguments);

private:
  Status bindArguments(const CascadeArguments &arguments);
  Status bindTensor(unsigned index, const CascadeArguments &arguments);
  Status bindExtent(StringRef rank, int64_t extent, std::string where);
  Status bindListedRanks();

  Status runBlock(Block &block);
  Status runOp(Operation *op);
  Status runRank(RankOp op);
  Status runScalar(Operation *op);
  Status runSplit(SplitOp op);
  Status runMerge(MergeOp op);
  Status runSelect(SelectOp op);
  Status runScan(ScanOp op);
  Status runTiles(ScanOp op, int64_t first, int64_t last,
                  std::vector<TensorView> &carries, ArrayRef<TensorView> emits);
  Status runStep(ScanOp op, int64_t base, int64_t length,
                 std::vector<TensorView> &carries, ArrayRef<TensorView> emits);
  Status mergeCarries(ScanOp op, std::vector<TensorView> &carries,
                      ArrayRef<TensorView> others);

  TensorView &tensor(Value value) { return environment.tensors[value]; }

  FuncOp func;
  const InterpretOptions &options;
  Environment environment;
  /// Where the extent of each rank comes from, for messages.
  llvm::StringMap<std::string> extentSources;
  llvm::DenseMap<Operation *, CompiledEinsum> einsums;
};
} // namespace

//===----------------------------------------------------------------------===//
// Arguments and extents
//===----------------------------------------------------------------------===//

Status Interpreter::bindExtent(StringRef rank, int64_t extent,
                               std::string where) {
  auto [it, inserted] = environment.extents.try_emplace(rank, extent);
  if (inserted) {
    extentSources[rank] = std::move(where);
    return {};
  }
  if (it->second == extent)
    return {};
  return refuse("rank '" + rank.str() + "' has extent " +
                    std::to_string(it->second) + " in " + extentSources[rank] +
                    " and " + std::to_string(extent) + " in " + where,
                "give them one extent");
}

/// True if `value` holds the offsets of a ragged rank.
static bool isOffsets(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    auto rank = dyn_cast<RankOp>(user);
    return rank && rank.getKind() == RankKind::Ragged;
  });
}

Status Interpreter::bindTensor(unsigned index,
                               const CascadeArguments &arguments) {
  std::string name = func.getArgumentName(index).str();
  auto type = cast<NamedTensorType>(func.getArgumentTypes()[index]);
  auto it = arguments.tensors.find(name);
  if (it == arguments.tensors.end())
    return refuse("argument '" + name + "' is missing");
  const ReferenceTensor &given = it->second;
  size_t numRanks = type.getRanks().size();
  bool negative = llvm::any_of(given.shape, [](int64_t x) { return x < 0; });
  if (given.shape.size() != numRanks || negative ||
      given.getNumElements() != static_cast<int64_t>(given.values.size()))
    return refuse("argument '" + name + "' has " +
                      std::to_string(given.shape.size()) + " dimensions and " +
                      std::to_string(given.values.size()) + " values, but " +
                      std::to_string(numRanks) + " ranks",
                  "give a shape of one extent a rank, and its values");
  Value argument = func.getArgument(index);
  for (auto [i, rank] : llvm::enumerate(type.getRanks())) {
    int64_t extent = given.shape[i];
    if (i + 1 == numRanks && isOffsets(argument)) {
      if (extent == 0)
        return refuse("argument '" + name + "' holds offsets, but is empty",
                      "give one entry more than rank '" + rank.str() +
                          "' has coordinates");
      --extent;
    }
    if (Status status = bindExtent(rank, extent, "argument '" + name + "'");
        !status.isOk())
      return status;
  }
  Result<TensorView> storage = allocate(given.shape, 0);
  if (!storage.isOk())
    return storage.takeStatus();
  *storage->buffer = given.values;
  tensor(argument) = std::move(*storage);
  return {};
}

/// A list rank and the rank that it lists have storage of one extent.
Status Interpreter::bindListedRanks() {
  for (RankOp rank : func.getBody().getOps<RankOp>()) {
    if (rank.getKind() != RankKind::List)
      continue;
    for (auto [from, to] : {std::pair(*rank.getOf(), rank.getName()),
                            std::pair(rank.getName(), *rank.getOf())}) {
      auto it = environment.extents.find(from);
      if (it == environment.extents.end())
        continue;
      if (Status status =
              bindExtent(to, it->second, "rank '" + from.str() + "'");
          !status.isOk())
        return status;
    }
  }
  return {};
}

Status Interpreter::bindArguments(const CascadeArguments &arguments) {
  for (RankOp rank : func.getBody().getOps<RankOp>())
    if (rank.getExtent())
      (void)bindExtent(rank.getName(), *rank.getExtent(), "cascade.rank");
  size_t numTensors = 0, numScalars = 0;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    if (isa<NamedTensorType>(type)) {
      ++numTensors;
      if (Status status = bindTensor(i, arguments); !status.isOk())
        return status;
      continue;
    }
    ++numScalars;
    std::string name = func.getArgumentName(i).str();
    auto it = arguments.scalars.find(name);
    if (it == arguments.scalars.end())
      return refuse("scalar argument '" + name + "' is missing");
    Slot slot;
    if (isa<FloatType>(type))
      slot.f = it->second;
    else
      slot.i = toInteger(it->second);
    environment.scalars[func.getArgument(i)] = slot;
  }
  if (arguments.tensors.size() != numTensors ||
      arguments.scalars.size() != numScalars) {
    auto isArgument = [&](const std::string &name, bool wantTensor) {
      for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
        if (func.getArgumentName(i) == name &&
            isa<NamedTensorType>(func.getArgumentTypes()[i]) == wantTensor)
          return true;
      return false;
    };
    for (const auto &entry : arguments.tensors)
      if (!isArgument(entry.first, true))
        return refuse("no tensor argument is called '" + entry.first + "'");
    for (const auto &entry : arguments.scalars)
      if (!isArgument(entry.first, false))
        return refuse("no scalar argument is called '" + entry.first + "'");
  }
  return bindListedRanks();
}

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

Status Interpreter::runRank(RankOp op) {
  if (op.getKind() == RankKind::Dense)
    return {};
  DependentRank dependent;
  dependent.kind = op.getKind();
  for (auto name : op.getOuter().getAsRange<StringAttr>()) {
    RankOp declared = func.getRankDeclaration(name);
    bool ahead = declared && declared.getKind() != RankKind::Dense &&
                 !environment.dependentRanks.contains(name);
    if (name == op.getName() || ahead)
      return refuse("rank '" + op.getName().str() + "' depends on rank '" +
                        name.getValue().str() +
                        "', which is not declared before it",
                    "declare the outer rank first");
    dependent.outer.push_back(name);
  }
  dependent.source = tensor(op.getSource());
  if (op.getKind() == RankKind::Ragged) {
    if (dependent.outer.empty())
      return refuse("ragged rank '" + op.getName().str() +
                        "' has no outer rank",
                    "give its offsets one");
    Result<int64_t> outer = environment.getExtent(dependent.outer.back());
    if (!outer.isOk())
      return outer.takeStatus();
    if (dependent.source.shape.back() != *outer + 1)
      return refuse(
          "the offsets of ragged rank '" + op.getName().str() + "' have " +
              std::to_string(dependent.source.shape.back()) + " entries for " +
              std::to_string(*outer) + " outer coordinates",
          "give one entry more, as an argument");
    // The largest extent is the storage's.
    int64_t largest = 0;
    std::vector<double> offsets = dependent.source.toVector();
    for (size_t i = 1; i < offsets.size(); ++i)
      if (i % (*outer + 1) != 0)
        largest = std::max(largest, toInteger(offsets[i] - offsets[i - 1]));
    auto [it, inserted] =
        environment.extents.try_emplace(op.getName(), largest);
    if (it->second < largest)
      return refuse("ragged rank '" + op.getName().str() + "' has extent " +
                        std::to_string(largest) + " at some coordinate, but " +
                        extentSources[op.getName()] + " has room for " +
                        std::to_string(it->second),
                    "give a tensor with the largest extent");
  }
  for (BlockArgument argument : func.getArguments())
    if (auto type = dyn_cast<NamedTensorType>(argument.getType()))
      if (type.getRankPosition(op.getName()))
        clearBeyond(tensor(argument), type, op.getName(), dependent);
  environment.dependentRanks[op.getName()] = std::move(dependent);
  return {};
}

Status Interpreter::runSplit(SplitOp op) {
  const TensorView source = tensor(op.getSource());
  auto type = cast<NamedTensorType>(op.getType());
  unsigned dim = *cast<NamedTensorType>(op.getSource().getType())
                      .getRankPosition(op.getRank());
  int64_t inner = *func.getStaticExtent(op.getInner());
  int64_t extent = source.shape[dim];
  int64_t outer = (extent + inner - 1) / inner;
  if (Status status =
          bindExtent(op.getOuter(), outer,
                     "the split of rank '" + op.getRank().str() + "'");
      !status.isOk())
    return status;
  TensorView view = source;
  if (extent % inner != 0) {
    std::vector<int64_t> padded = source.shape;
    padded[dim] = outer * inner;
    Result<TensorView> storage =
        allocate(padded, *getNumericValue(type.getEmpty()));
    if (!storage.isOk())
      return storage.takeStatus();
    copy(source, storage->slice(dim, 0, extent));
    view = std::move(*storage);
  }
  view.shape[dim] = outer;
  view.shape.insert(view.shape.begin() + dim + 1, inner);
  view.strides.insert(view.strides.begin() + dim, view.strides[dim] * inner);
  tensor(op.getResult()) = std::move(view);
  return {};
}

Status Interpreter::runMerge(MergeOp op) {
  TensorView view = tensor(op.getSource());
  unsigned dim = *cast<NamedTensorType>(op.getSource().getType())
                      .getRankPosition(op.getOuter());
  int64_t extent = view.shape[dim] * view.shape[dim + 1];
  if (Status status = bindExtent(op.getRank(), extent,
                                 "the merge of ranks '" + op.getOuter().str() +
                                     "' and '" + op.getInner().str() + "'");
      !status.isOk())
    return status;
  if (!view.isRowMajor()) {
    Result<TensorView> storage = allocate(view.shape, 0);
    if (!storage.isOk())
      return storage.takeStatus();
    copy(view, *storage);
    view = std::move(*storage);
  }
  view.shape[dim] = extent;
  view.shape.erase(view.shape.begin() + dim + 1);
  view.strides.erase(view.strides.begin() + dim);
  tensor(op.getResult()) = std::move(view);
  return {};
}

Status Interpreter::runSelect(SelectOp op) {
  const TensorView source = tensor(op.getSource());
  auto type = cast<NamedTensorType>(op.getSource().getType());
  unsigned dim = *type.getRankPosition(op.getRank());
  double empty = *getNumericValue(type.getEmpty());
  std::vector<int64_t> shape = source.shape;
  shape[dim] = *func.getStaticExtent(op.getList());
  Result<TensorView> result = allocate(shape, -1);
  if (!result.isOk())
    return result.takeStatus();
  // A NaN counts as the largest value: it is not lost from sight.
  auto key = [](double x) {
    return std::isnan(x) ? std::numeric_limits<double>::infinity() : x;
  };
  std::vector<int64_t> fibers = source.shape;
  fibers[dim] = 1;
  forEachPoint(fibers, [&](ArrayRef<int64_t> fiber) {
    std::vector<int64_t> point(fiber.begin(), fiber.end()), chosen;
    std::vector<double> values;
    for (int64_t i = 0; i < source.shape[dim]; ++i) {
      point[dim] = i;
      values.push_back(at(source, point));
      if (values.back() != empty)
        chosen.push_back(i);
    }
    std::sort(chosen.begin(), chosen.end(), [&](int64_t a, int64_t b) {
      double x = key(values[a]), y = key(values[b]);
      return x > y || (x == y && a < b);
    });
    chosen.resize(std::min<size_t>(chosen.size(), shape[dim]));
    std::sort(chosen.begin(), chosen.end());
    for (auto [i, coordinate] : llvm::enumerate(chosen)) {
      point[dim] = static_cast<int64_t>(i);
      at(*result, point) = static_cast<double>(coordinate);
    }
  });
  tensor(op.getResult()) = std::move(*result);
  return {};
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

/// The yielded tensors of `block`, as values.
static OperandRange getYields(Block &block) {
  return block.getTerminator()->getOperands();
}

Status Interpreter::runStep(ScanOp op, int64_t base, int64_t length,
                            std::vector<TensorView> &carries,
                            ArrayRef<TensorView> emits) {
  Slot slot;
  slot.i = base;
  environment.scalars[op.getBase()] = slot;
  if (op.getBy())
    environment.extents[*op.getBy()] = length;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    unsigned dim =
        *cast<NamedTensorType>(input.getType()).getRankPosition(op.getRank());
    const TensorView whole = tensor(input);
    tensor(op.getSlice(i)) =
        op.getBy() ? whole.slice(dim, base, length) : whole.select(dim, base);
  }
  for (unsigned i = 0; i < op.getNumCarries(); ++i)
    tensor(op.getCarry(i)) = carries[i];
  Block &step = op.getStep().front();
  if (Status status = runBlock(step); !status.isOk())
    return status;
  OperandRange yields = getYields(step);
  for (unsigned i = 0; i < op.getNumCarries(); ++i)
    carries[i] = tensor(yields[i]);
  for (auto [i, emit] : llvm::enumerate(emits)) {
    Value result = op.getResult(op.getNumCarries() + i);
    unsigned dim =
        *cast<NamedTensorType>(result.getType()).getRankPosition(op.getRank());
    copy(tensor(yields[op.getNumCarries() + i]),
         op.getBy() ? emit.slice(dim, base, length) : emit.select(dim, base));
  }
  return {};
}

/// Runs tiles [first, last) in the scan's order.
Status Interpreter::runTiles(ScanOp op, int64_t first, int64_t last,
                             std::vector<TensorView> &carries,
                             ArrayRef<TensorView> emits) {
  int64_t extent = *environment.getExtent(op.getRank());
  int64_t tile = op.getBy() ? *func.getStaticExtent(*op.getBy()) : 1;
  bool descending = op.getOrder() == ScanOrder::Descending;
  for (int64_t i = first; i < last; ++i) {
    int64_t base = (descending ? first + last - 1 - i : i) * tile;
    if (Status status =
            runStep(op, base, std::min(tile, extent - base), carries, emits);
        !status.isOk())
      return status;
  }
  return {};
}

Status Interpreter::mergeCarries(ScanOp op, std::vector<TensorView> &carries,
                                 ArrayRef<TensorView> others) {
  Block &merge = op.getMerge().front();
  for (auto [i, carry] : llvm::enumerate(carries)) {
    tensor(merge.getArgument(i)) = carry;
    tensor(merge.getArgument(carries.size() + i)) = others[i];
  }
  if (Status status = runBlock(merge); !status.isOk())
    return status;
  for (auto [carry, yield] : llvm::zip(carries, getYields(merge)))
    carry = tensor(yield);
  return {};
}

Status Interpreter::runScan(ScanOp op) {
  Result<int64_t> extent = environment.getExtent(op.getRank());
  if (!extent.isOk())
    return extent.takeStatus();
  std::vector<TensorView> inits, carries, emits;
  for (Value init : op.getInits())
    inits.push_back(tensor(init));
  for (Value result : op.getResults().drop_front(op.getNumCarries())) {
    auto type = cast<NamedTensorType>(result.getType());
    Result<std::vector<int64_t>> shape = environment.getShape(type);
    if (!shape.isOk())
      return shape.takeStatus();
    Result<TensorView> storage =
        allocate(*shape, *getNumericValue(type.getEmpty()));
    if (!storage.isOk())
      return storage.takeStatus();
    emits.push_back(std::move(*storage));
  }
  int64_t tile = op.getBy() ? *func.getStaticExtent(*op.getBy()) : 1;
  int64_t tiles = (*extent + tile - 1) / tile;
  int64_t pieces =
      op.hasMerge() ? std::max<int64_t>(1, std::min(options.scanPieces, tiles))
                    : 1;
  bool descending = op.getOrder() == ScanOrder::Descending;
  for (int64_t i = 0; i < pieces; ++i) {
    int64_t piece = descending ? pieces - 1 - i : i;
    std::vector<TensorView> part = inits;
    if (Status status = runTiles(op, tiles * piece / pieces,
                                 tiles * (piece + 1) / pieces, part, emits);
        !status.isOk())
      return status;
    if (i == 0) {
      carries = std::move(part);
    } else if (Status status = mergeCarries(op, carries, part);
               !status.isOk()) {
      return status;
    }
  }
  if (op.getBy())
    environment.extents[*op.getBy()] = tile;
  carries.insert(carries.end(), emits.begin(), emits.end());
  for (auto [result, view] : llvm::zip(op.getResults(), carries))
    tensor(result) = view;
  return {};
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// A scalar operation outside an Einsum.
Status Interpreter::runScalar(Operation *op) {
  Slot result;
  Attribute constant;
  if (op->hasTrait<OpTrait::ConstantLike>() &&
      isa<FloatAttr, IntegerAttr>(constant = op->getAttr("value"))) {
    environment.scalars[op->getResult(0)] = getSlot(constant);
    return {};
  }
  Result<Instruction> instruction =
      lookupInstruction(op, static_cast<bool>(options.unfusedType));
  if (!instruction.isOk())
    return instruction.takeStatus();
  SmallVector<Slot, 3> values;
  SmallVector<const Slot *, 3> operands;
  for (Value operand : op->getOperands())
    values.push_back(environment.scalars.lookup(operand));
  for (const Slot &value : values)
    operands.push_back(&value);
  const char *fault = nullptr;
  instruction->kernel(*instruction, operands.data(), &result, 1, fault);
  if (fault)
    return refuse(fault);
  environment.scalars[op->getResult(0)] = result;
  return {};
}

Status Interpreter::runOp(Operation *op) {
  if (auto einsum = dyn_cast<EinsumOp>(op)) {
    auto it = einsums.find(op);
    if (it == einsums.end()) {
      Result<CompiledEinsum> compiled =
          compileEinsum(einsum, options.unfusedType);
      if (!compiled.isOk())
        return compiled.takeStatus();
      compiled->sumOrder = options.sumOrder;
      it = einsums.try_emplace(op, std::move(*compiled)).first;
    }
    int64_t *points = options.points ? &(*options.points)[op] : nullptr;
    Result<TensorView> result = runEinsum(it->second, environment, points);
    if (!result.isOk())
      return result.takeStatus();
    tensor(einsum.getResult()) = std::move(*result);
    return {};
  }
  if (auto empty = dyn_cast<EmptyOp>(op)) {
    Result<std::vector<int64_t>> shape = environment.getShape(empty.getType());
    if (!shape.isOk())
      return shape.takeStatus();
    Result<TensorView> storage =
        allocate(*shape, *getNumericValue(empty.getType().getEmpty()));
    if (!storage.isOk())
      return storage.takeStatus();
    tensor(empty.getResult()) = std::move(*storage);
    return {};
  }
  if (auto extent = dyn_cast<ExtentOp>(op)) {
    Result<int64_t> value = environment.getExtent(extent.getRank());
    if (!value.isOk())
      return value.takeStatus();
    if (environment.dependentRanks.contains(extent.getRank()))
      return refuse("the extent of rank '" + extent.getRank().str() +
                        "' depends on a point",
                    "ask for it in a region of an Einsum");
    environment.scalars[extent.getResult()].i = *value;
    return {};
  }
  if (auto rank = dyn_cast<RankOp>(op))
    return runRank(rank);
  if (auto split = dyn_cast<SplitOp>(op))
    return runSplit(split);
  if (auto merge = dyn_cast<MergeOp>(op))
    return runMerge(merge);
  if (auto select = dyn_cast<SelectOp>(op))
    return runSelect(select);
  if (auto scan = dyn_cast<ScanOp>(op))
    return runScan(scan);
  return runScalar(op);
}

Status Interpreter::runBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (Status status = runOp(&op); !status.isOk())
      return status;
  return {};
}

Result<std::map<std::string, ReferenceTensor>>
Interpreter::run(const CascadeArguments &arguments) {
  if (Status status = bindArguments(arguments); !status.isOk())
    return status;
  Block &body = func.getBody().front();
  if (Status status = runBlock(body); !status.isOk())
    return status;
  std::map<std::string, ReferenceTensor> results;
  for (auto [i, value] : llvm::enumerate(getYields(body))) {
    const TensorView &view = tensor(value);
    results[func.getResultName(i).str()] = {view.shape, view.toVector()};
  }
  return results;
}

Result<std::map<std::string, ReferenceTensor>>
attn::interpretCascade(FuncOp func, const CascadeArguments &arguments,
                       const InterpretOptions &options) {
  return Interpreter(func, options).run(arguments);
}
