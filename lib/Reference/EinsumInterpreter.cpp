//===- EinsumInterpreter.cpp - evaluates one Einsum
//-------------------------===//
//
// One loop a variable: those of the output first, then the reduced ones, but a
// dependent rank's variable after those that its coordinates depend on. One
// variable, the batch variable, goes in steps of kLanes; everything inside its
// loop is done for all lanes at once. Predicates are evaluated, and reached
// output points marked, as soon as the variables that they use are fixed.
//
// An output point that is not reached is empty; a reached one is the fold of
// its contributions from the identity on. With `into` the first keeps what is
// there, and the second goes on from it.
//
//===----------------------------------------------------------------------===//

#include "EinsumInterpreter.h"
#include "EinsumAccess.h"
#include "Order.h"
#include "RegionReads.h"

#include <algorithm>
#include <cmath>
#include <functional>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

using cascade::EinsumOp;
using cascade::NamedTensorType;
using cascade::RankKind;

namespace {

/// A variable, its rank and the variables that its coordinates depend on.
struct Variable {
  StringAttr rank;
  int64_t extent = 0;
  const DependentRank *dependent = nullptr;
  SmallVector<unsigned> outer;
  bool reduced = false;
};

class EinsumRun {
public:
  EinsumRun(const CompiledEinsum &einsum, const Environment &environment,
            int64_t *points)
      : einsum(einsum), op(einsum.op), environment(environment), points(points),
        mapFrame(einsum.map) {}

  Result<TensorView> run();

private:
  Status bindVariables();
  Status bindAccesses();
  Status bindProgram(Frame &frame);
  void chooseBatch();
  double getBatchCost(unsigned variable);
  void orderVariables();
  void placeRegions();

  void loop(unsigned depth);
  int64_t getDependentExtent(const Variable &variable);
  SmallVector<int64_t> getList(const Variable &variable);
  void runProgram(Frame &frame, int64_t lanes);
  bool evaluateWhere();
  void markReached();
  void evaluatePoint();
  void storeEmpty();
  void store(const Slot *values, const LaneOffsets &location);
  void combine(const Slot *values, const LaneOffsets &location);
  void combineIntoOne(const Slot *values, int64_t offset);

  const CompiledEinsum &einsum;
  EinsumOp op;
  const Environment &environment;
  int64_t *points;
  Frame mapFrame;
  std::optional<Frame> whereFrame, combineFrame;

  SmallVector<Variable> variables;
  std::vector<Access> inputs, indices;
  std::optional<Access> output;
  TensorView result;
  std::vector<uint8_t> reached;

  SmallVector<unsigned> order;
  unsigned whereDepth = 0, markDepth = 0;
  Point point;
  /// Of each lane: does the predicate hold, does the point contribute?
  bool live[kLanes], contributes[kLanes];
  /// All lanes do; may be false although they do.
  bool allLive = false, allContribute = false;
  LaneOffsets location, outputLocation;
  const char *fault = nullptr;
};

} // namespace

static Status refuse(std::string reason, std::string alternative = {}) {
  return Status::error(StatusCode::invalidArgument, "interpreter",
                       std::move(reason), std::move(alternative));
}

Status EinsumRun::bindVariables() {
  for (unsigned i = 0, e = op.getNumVariables(); i < e; ++i) {
    Variable &variable = variables.emplace_back();
    variable.rank = op.getVariableRank(i);
    variable.reduced = op.isReduced(i);
    Result<int64_t> extent = environment.getExtent(variable.rank);
    if (!extent.isOk())
      return extent.takeStatus();
    variable.extent = *extent;
  }
  for (Variable &variable : variables) {
    auto it = environment.dependentRanks.find(variable.rank);
    if (it == environment.dependentRanks.end())
      continue;
    variable.dependent = &it->second;
    for (StringAttr outer : it->second.outer) {
      auto *found = llvm::find_if(
          variables, [&](const Variable &v) { return v.rank == outer; });
      if (found == variables.end())
        return refuse("rank '" + variable.rank.str() + "' depends on rank '" +
                          outer.str() +
                          "', over which an Einsum that uses it has no "
                          "variable",
                      "give a tensor of the Einsum that rank");
      variable.outer.push_back(found - variables.begin());
    }
  }
  point.coordinates.assign(variables.size(), 0);
  return {};
}

Status EinsumRun::bindAccesses() {
  for (auto [i, index] : llvm::enumerate(op.getIndices()))
    indices.emplace_back(environment.tensors.lookup(index), op.getIndexMap(i),
                         cast<NamedTensorType>(index.getType()));
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    inputs.emplace_back(environment.tensors.lookup(input), op.getInputMap(i),
                        cast<NamedTensorType>(input.getType()));
  auto type = cast<NamedTensorType>(op.getType());
  Result<std::vector<int64_t>> shape = environment.getShape(type);
  if (!shape.isOk())
    return shape.takeStatus();
  double empty = *cascade::getNumericValue(type.getEmpty());
  Result<TensorView> storage =
      allocate(*shape, einsum.combine ? einsum.identity : empty);
  if (!storage.isOk())
    return storage.takeStatus();
  result = *storage;
  if (op.getInto())
    copy(environment.tensors.lookup(op.getInto()), result);
  output.emplace(result, op.getOutputMap(), type);
  SmallVector<int64_t> extents;
  for (const Variable &variable : variables)
    extents.push_back(variable.extent);
  for (Access &access : indices)
    access.simplify(extents);
  for (Access &access : inputs) {
    access.setIndices(indices);
    access.simplify(extents);
  }
  output->setIndices(indices);
  output->simplify(extents);
  // What is updated is kept where nothing reaches it.
  if (einsum.combine && !op.getInto())
    reached.assign(result.buffer->size(), 0);
  return {};
}

/// Fills the registers that stay the same at all points.
Status EinsumRun::bindProgram(Frame &frame) {
  for (const auto &constant : frame.program.constants)
    frame.fill(constant.reg, constant.value);
  for (const auto &capture : frame.program.captures) {
    auto it = environment.scalars.find(capture.value);
    if (it == environment.scalars.end())
      return refuse("a region uses a value that is not a scalar of the "
                    "function");
    frame.fill(capture.reg, it->second);
  }
  for (const auto &extent : frame.program.extents) {
    auto dependent = environment.dependentRanks.find(extent.rank);
    if (dependent == environment.dependentRanks.end()) {
      Result<int64_t> value = environment.getExtent(extent.rank);
      if (!value.isOk())
        return value.takeStatus();
      Slot slot;
      slot.i = *value;
      frame.fill(extent.reg, slot);
      continue;
    }
    bool isVariable = llvm::any_of(variables, [&](const Variable &variable) {
      return variable.rank == extent.rank;
    });
    if (dependent->second.kind != RankKind::Ragged || !isVariable)
      return refuse("the extent of rank '" + extent.rank.str() +
                    "' is not known at a point of the Einsum that asks for it");
  }
  return {};
}

/// Roughly the cycles a point takes if `variable` is the batch variable.
double EinsumRun::getBatchCost(unsigned variable) {
  auto strideCost = [&](const Access &access) {
    std::optional<int64_t> stride = access.getStride(variable);
    if (!stride)
      return 10.0;
    double bytes = 8.0 * std::abs(*stride);
    return bytes == 0   ? 0.3
           : bytes == 8 ? 0.5
                        : 1.5 + std::min(6.0, bytes / 512);
  };
  double cost = 60.0 / std::min(variables[variable].extent, kLanes);
  for (const Access &access : inputs)
    cost += strideCost(access);
  // A sum into one place waits for itself.
  return cost + (variables[variable].reduced ? 4 : strideCost(*output));
}

void EinsumRun::chooseBatch() {
  double best = 0;
  for (unsigned i = 0; i < variables.size(); ++i) {
    const Variable &variable = variables[i];
    bool isOuter = llvm::any_of(variables, [&](const Variable &other) {
      return llvm::is_contained(other.outer, i);
    });
    bool isList =
        variable.dependent && variable.dependent->kind == RankKind::List;
    if (isOuter || isList)
      continue;
    double cost = getBatchCost(i);
    if (point.batchVariable < 0 || cost < best) {
      best = cost;
      point.batchVariable = static_cast<int>(i);
    }
  }
}

void EinsumRun::orderVariables() {
  int batch = point.batchVariable;
  SmallVector<unsigned> wanted;
  auto add = [&](auto keep) {
    for (unsigned i = 0; i < variables.size(); ++i)
      if (keep(i))
        wanted.push_back(i);
  };
  auto isBatch = [&](unsigned i) { return static_cast<int>(i) == batch; };
  add([&](unsigned i) { return !variables[i].reduced && !isBatch(i); });
  add([&](unsigned i) { return !variables[i].reduced && isBatch(i); });
  add([&](unsigned i) { return variables[i].reduced && !isBatch(i); });
  add([&](unsigned i) { return variables[i].reduced && isBatch(i); });
  // Each variable after those that it depends on. A rank's outer ranks are
  // declared before it, so there is no cycle.
  std::function<void(unsigned)> place = [&](unsigned i) {
    if (llvm::is_contained(order, i))
      return;
    for (unsigned outer : variables[i].outer)
      place(outer);
    order.push_back(i);
  };
  for (unsigned i : wanted)
    place(i);
}

void EinsumRun::placeRegions() {
  auto depthOf = [&](unsigned variable) -> unsigned {
    return llvm::find(order, variable) - order.begin() + 1;
  };
  unsigned batchDepth =
      point.batchVariable < 0 ? 0 : depthOf(point.batchVariable);
  whereDepth = batchDepth;
  if (einsum.where) {
    for (const auto &coordinate : einsum.where->coordinates)
      whereDepth = std::max(whereDepth, depthOf(coordinate.variable));
    if (!einsum.where->extents.empty())
      whereDepth = order.size();
  }
  markDepth = whereDepth;
  for (unsigned i = 0; i < variables.size(); ++i)
    if (output->dependsOn(i))
      markDepth = std::max(markDepth, depthOf(i));
  // There may be no point inside a loop whose extent depends on outer ones.
  for (unsigned depth = markDepth; depth < order.size(); ++depth)
    if (variables[order[depth]].dependent)
      markDepth = order.size();
}

/// The element of the source at the outer coordinates, `last` being added to
/// the last coordinate or, for a list, being one.
static int64_t readSource(const Variable &variable, const Point &point,
                          int64_t last) {
  const DependentRank &rank = *variable.dependent;
  SmallVector<int64_t> coordinates;
  for (unsigned outer : variable.outer)
    coordinates.push_back(point.coordinates[outer]);
  if (rank.kind == RankKind::List)
    coordinates.push_back(last);
  else
    coordinates.back() += last;
  return toInteger(at(rank.source, coordinates));
}

/// The batch variable is nobody's outer one: all lanes have this extent.
int64_t EinsumRun::getDependentExtent(const Variable &variable) {
  int64_t extent =
      readSource(variable, point, 1) - readSource(variable, point, 0);
  return std::clamp<int64_t>(extent, 0, variable.extent);
}

/// The coordinates of a list variable: a set, in ascending order.
SmallVector<int64_t> EinsumRun::getList(const Variable &variable) {
  SmallVector<int64_t> list;
  for (int64_t i = 0; i < variable.dependent->source.shape.back(); ++i) {
    int64_t entry = readSource(variable, point, i);
    if (entry >= 0 && entry < variable.extent)
      list.push_back(entry);
  }
  llvm::sort(list);
  list.erase(llvm::unique(list), list.end());
  return list;
}

void EinsumRun::loop(unsigned depth) {
  if (fault)
    return;
  if (depth == whereDepth && !evaluateWhere())
    return;
  if (depth == markDepth && !reached.empty())
    markReached();
  if (depth == order.size()) {
    evaluatePoint();
    return;
  }
  unsigned number = order[depth];
  const Variable &variable = variables[number];
  int64_t &coordinate = point.coordinates[number];
  if (variable.dependent && variable.dependent->kind == RankKind::List) {
    for (int64_t entry : getList(variable)) {
      coordinate = entry;
      loop(depth + 1);
    }
    return;
  }
  int64_t extent =
      variable.dependent ? getDependentExtent(variable) : variable.extent;
  bool isBatch = static_cast<int>(number) == point.batchVariable;
  int64_t step = isBatch ? kLanes : 1;
  int64_t steps = (extent + step - 1) / step;
  Order order(variable.reduced ? einsum.sumOrder : 0, steps);
  for (int64_t i = 0; i < steps; ++i) {
    coordinate = order.get(i) * step;
    if (isBatch)
      point.lanes = std::min(extent - coordinate, kLanes);
    loop(depth + 1);
  }
  coordinate = 0;
}

void EinsumRun::runProgram(Frame &frame, int64_t lanes) {
  for (const auto &coordinate : frame.program.coordinates) {
    Slot *slots = frame.get(coordinate.reg);
    int64_t first = point.coordinates[coordinate.variable];
    bool batched = static_cast<int>(coordinate.variable) == point.batchVariable;
    for (int64_t i = 0; i < lanes; ++i)
      slots[i].i = first + (batched ? i : 0);
  }
  for (const auto &extent : frame.program.extents) {
    auto *variable = llvm::find_if(
        variables, [&](const Variable &v) { return v.rank == extent.rank; });
    if (variable == variables.end() || !variable->dependent)
      continue;
    Slot value;
    value.i = getDependentExtent(*variable);
    frame.fill(extent.reg, value);
  }
  const Slot *operands[3];
  for (const Instruction &instruction : frame.program.instructions) {
    if (instruction.read || instruction.member) {
      auto run = instruction.read ? readElements : testMembership;
      run(instruction, environment, frame, lanes);
      continue;
    }
    for (auto [i, reg] : llvm::enumerate(instruction.operands))
      operands[i] = frame.get(reg);
    instruction.kernel(instruction, operands, frame.get(instruction.result),
                       lanes, fault);
  }
}

/// True if the predicate holds in a lane.
bool EinsumRun::evaluateWhere() {
  std::fill_n(live, point.lanes, true);
  allLive = !whereFrame;
  if (!whereFrame)
    return true;
  runProgram(*whereFrame, point.lanes);
  const Slot *holds = whereFrame->get(einsum.where->yield);
  bool any = false;
  for (int64_t i = 0; i < point.lanes; ++i)
    any |= live[i] = holds[i].i;
  return any;
}

void EinsumRun::markReached() {
  output->locate(point, outputLocation);
  for (int64_t i = 0; i < point.lanes; ++i) {
    int64_t offset = outputLocation.even
                         ? outputLocation.start + i * outputLocation.stride
                         : outputLocation.offsets[i];
    if (live[i] && offset >= 0)
      reached[offset] = 1;
  }
}

/// Points that an operand empties are not kept.
void EinsumRun::storeEmpty() {
  output->locate(point, outputLocation);
  for (int64_t i = 0; i < point.lanes; ++i) {
    int64_t offset = outputLocation.even
                         ? outputLocation.start + i * outputLocation.stride
                         : outputLocation.offsets[i];
    if (live[i] && offset >= 0)
      result.data()[offset] = output->getEmpty();
  }
}

void EinsumRun::evaluatePoint() {
  if (op.getInto() && !einsum.combine)
    storeEmpty();
  std::copy_n(live, point.lanes, contributes);
  allContribute = allLive;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    Slot *values = mapFrame.get(i);
    input.locate(point, location);
    input.load(location, point.lanes, values);
    if (einsum.merges[i] != cascade::Merge::Absorb)
      continue;
    // The count alone is quick; most often it is 0 or all.
    int64_t numEmpty = 0;
    Slot empty = input.fromStored(input.getEmpty());
    if (input.isInteger())
      for (int64_t lane = 0; lane < point.lanes; ++lane)
        numEmpty += values[lane].i == empty.i;
    else
      for (int64_t lane = 0; lane < point.lanes; ++lane)
        numEmpty += values[lane].f == empty.f;
    if (numEmpty == point.lanes)
      return;
    if (numEmpty == 0)
      continue;
    allContribute = false;
    for (int64_t lane = 0; lane < point.lanes; ++lane)
      contributes[lane] &= input.isInteger() ? values[lane].i != empty.i
                                             : values[lane].f != empty.f;
  }
  if (points)
    *points += std::count(contributes, contributes + point.lanes, true);
  runProgram(mapFrame, point.lanes);
  const Slot *values = mapFrame.get(einsum.map.yield);
  output->locate(point, outputLocation);
  if (einsum.combine)
    combine(values, outputLocation);
  else
    store(values, outputLocation);
}

void EinsumRun::store(const Slot *values, const LaneOffsets &to) {
  double *data = result.data();
  if (allContribute && to.even && to.stride == 1 && !output->isInteger()) {
    for (int64_t i = 0; i < point.lanes; ++i)
      data[to.start + i] = values[i].f;
    return;
  }
  for (int64_t i = 0; i < point.lanes; ++i) {
    int64_t offset = to.even ? to.start + i * to.stride : to.offsets[i];
    if (contributes[i] && offset >= 0)
      data[offset] = output->toStored(values[i]);
  }
}

void EinsumRun::combine(const Slot *values, const LaneOffsets &to) {
  double *data = result.data();
  Slot *lhs = combineFrame->get(0), *rhs = combineFrame->get(1);
  const Slot *sum = combineFrame->get(einsum.combine->yield);
  if (to.even && to.stride == 0) {
    combineIntoOne(values, to.start);
    return;
  }
  if (!to.even) {
    // Lanes may meet at one place.
    for (int64_t i = 0; i < point.lanes; ++i) {
      if (!contributes[i] || to.offsets[i] < 0)
        continue;
      lhs[0] = output->fromStored(data[to.offsets[i]]);
      rhs[0] = values[i];
      runProgram(*combineFrame, 1);
      data[to.offsets[i]] = output->toStored(sum[0]);
    }
    return;
  }
  output->load(to, point.lanes, lhs);
  std::copy_n(values, point.lanes, rhs);
  runProgram(*combineFrame, point.lanes);
  store(sum, to);
}

/// Combines all lanes and the element at `offset`: neighbours in pairs, then
/// pairs of pairs, in order. A machine's naive sum, which rounds each step, is
/// one lane after the other.
void EinsumRun::combineIntoOne(const Slot *values, int64_t offset) {
  Slot kept[kLanes];
  int64_t count = 0;
  for (int64_t i = 0; i < point.lanes; ++i)
    if (contributes[i])
      kept[count++] = values[i];
  if (einsum.sumOrder != 0) {
    Order order(einsum.sumOrder, count);
    Slot before[kLanes];
    std::copy_n(kept, count, before);
    for (int64_t i = 0; i < count; ++i)
      kept[i] = before[order.get(i)];
  }
  Slot *lhs = combineFrame->get(0), *rhs = combineFrame->get(1);
  const Slot *sum = combineFrame->get(einsum.combine->yield);
  if (einsum.isUnfused) {
    lhs[0] = output->fromStored(result.data()[offset]);
    for (int64_t i = 0; i < count; ++i) {
      rhs[0] = kept[i];
      runProgram(*combineFrame, 1);
      lhs[0] = sum[0];
    }
    result.data()[offset] = output->toStored(lhs[0]);
    return;
  }
  while (count > 1) {
    int64_t pairs = count / 2;
    for (int64_t i = 0; i < pairs; ++i) {
      lhs[i] = kept[2 * i];
      rhs[i] = kept[2 * i + 1];
    }
    runProgram(*combineFrame, pairs);
    Slot odd = kept[count - 1];
    std::copy_n(sum, pairs, kept);
    if (count % 2 != 0)
      kept[pairs] = odd;
    count = pairs + count % 2;
  }
  if (count == 0)
    return;
  lhs[0] = output->fromStored(result.data()[offset]);
  rhs[0] = kept[0];
  runProgram(*combineFrame, 1);
  result.data()[offset] = output->toStored(sum[0]);
}

Result<TensorView> EinsumRun::run() {
  if (Status status = bindVariables(); !status.isOk())
    return status;
  if (Status status = bindAccesses(); !status.isOk())
    return status;
  if (einsum.where)
    whereFrame.emplace(*einsum.where);
  if (einsum.combine)
    combineFrame.emplace(*einsum.combine);
  for (Frame *frame : {&mapFrame, whereFrame ? &*whereFrame : nullptr,
                       combineFrame ? &*combineFrame : nullptr})
    if (frame)
      if (Status status = bindProgram(*frame); !status.isOk())
        return status;
  bool noPoints = llvm::any_of(
      variables, [](const Variable &variable) { return variable.extent == 0; });
  if (!noPoints) {
    chooseBatch();
    orderVariables();
    placeRegions();
    loop(0);
  }
  if (fault)
    return refuse(fault);
  for (size_t i = 0; i < reached.size(); ++i)
    if (!reached[i])
      (*result.buffer)[i] = output->getEmpty();
  if (einsum.rounding)
    for (double &value : *result.buffer)
      value = roundTo(einsum.rounding, value);
  return result;
}

Result<TensorView> attn::reference::runEinsum(const CompiledEinsum &einsum,
                                              const Environment &environment,
                                              int64_t *points) {
  return EinsumRun(einsum, environment, points).run();
}
