//===- Layout.cpp - how a program's tile values lie in memory -------------===//

#include "Layout.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static RankedTensorType getType(Value tile) {
  return cast<RankedTensorType>(tile.getType());
}

Type attn::cpu::getStorageType(Type elementType) {
  if (elementType.isInteger(1))
    return IntegerType::get(elementType.getContext(), 8);
  if (elementType.isIndex())
    return IntegerType::get(elementType.getContext(), 64);
  // LLVM has no floats of 8 bits.
  if (elementType.isIntOrFloat() && elementType.getIntOrFloatBitWidth() == 8)
    return IntegerType::get(elementType.getContext(), 8);
  return elementType;
}

bool attn::cpu::hasSteps(AffineMap map) {
  for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
    for (AffineExpr expr : map.getResults()) {
      AffineExpr rest =
          simplifyAffineExpr(expr - getAffineDimExpr(dim, map.getContext()),
                             map.getNumDims(), map.getNumSymbols());
      if (expr.isFunctionOfDim(dim) && rest.isFunctionOfDim(dim))
        return false;
    }
  return true;
}

std::optional<int64_t> attn::cpu::getUnitDim(AffineMap map) {
  if (map.getNumResults() == 0)
    return std::nullopt;
  AffineExpr last = map.getResult(map.getNumResults() - 1);
  for (unsigned dim = 0; dim < map.getNumDims(); ++dim) {
    AffineExpr expr = getAffineDimExpr(dim, map.getContext());
    AffineExpr rest =
        simplifyAffineExpr(last - expr, map.getNumDims(), map.getNumSymbols());
    bool inOthers = false;
    for (AffineExpr other : map.getResults().drop_back())
      inOthers = inOthers || other.isFunctionOfDim(dim);
    if (last.isFunctionOfDim(dim) && !rest.isFunctionOfDim(dim) && !inOthers)
      return dim;
  }
  return std::nullopt;
}

Value attn::cpu::skipWidening(Value tile) {
  Value source = tile;
  if (auto narrow = source.getDefiningOp<arith::TruncFOp>();
      narrow && narrow.getIn().getDefiningOp<arith::SIToFPOp>())
    source = narrow.getIn();
  Operation *op = source.getDefiningOp();
  if (!isa_and_nonnull<arith::ExtFOp, arith::SIToFPOp>(op))
    return tile;
  source = op->getOperand(0);
  bool isNarrow = getType(source).getElementTypeBitWidth() == 8;
  return isNarrow && source.getDefiningOp<tile::LoadOp>() ? source : tile;
}

bool Layout::isLeftToDots(Operation *op) const {
  return op->getNumResults() == 1 && !op->use_empty() &&
         llvm::all_of(op->getUses(), [&](OpOperand &use) {
           Operation *user = use.getOwner();
           auto dot = dyn_cast<tile::DotOp>(user);
           if (!dot)
             return isa<arith::TruncFOp>(user) && isa<arith::SIToFPOp>(op) &&
                    isLeftToDots(user);
           auto plan = plans.find(dot);
           unsigned number = use.getOperandNumber();
           return plan != plans.end() && number < 2 &&
                  plan->second.sources[number] != use.get();
         });
}

Layout::Layout(tile::ProgramOp program, const Machine &machine)
    : machine(machine), axes(program) {
  collectSweptAxes(program);
  chooseLaneAxis(program);
  program.walk([&](tile::DotOp dot) { planDot(dot); });
  program.walk([&](Operation *op) {
    if (auto dot = dyn_cast<tile::DotOp>(op)) {
      requestLeaves(dot.getAccumulator(), getLane(dot.getResult()));
      return;
    }
    if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      requestLeaves(reduce.getTile(), getLane(reduce.getTile()));
      return;
    }
    bool reads =
        isPointwise(op) || isa<tile::MaskOp, tile::GatherOp, tile::LoadOp,
                               tile::StoreOp, tile::YieldOp, tile::SweepOp>(op);
    if (!reads || isLeftToDots(op))
      return;
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        requestLeaves(operand, getLane(operand));
  });
}

void Layout::collectSweptAxes(tile::ProgramOp program) {
  program.walk([&](tile::SweepOp sweep) {
    Value count = sweep.getStep().getArgument(1);
    sweep.getStep().walk([&](tile::LoadOp load) {
      for (auto [dim, valid] : llvm::enumerate(load.getValid()))
        if (valid == count)
          sweptAxes[sweep].push_back(axes.get(load.getResult(), dim));
    });
    if (!isSweptConsistent(sweep))
      sweptAxes.erase(sweep);
  });
}

/// Whether nothing that has a swept axis goes beyond the step: a carry, a tile
/// from outside, or a load whose points do not end at the count.
bool Layout::isSweptConsistent(tile::SweepOp sweep) const {
  auto isFree = [&](Value tile) {
    for (int64_t dim = 0; dim < getType(tile).getRank(); ++dim)
      if (isSwept(sweep, tile, dim))
        return false;
    return true;
  };
  for (Value carry : sweep.getStep().getArguments().drop_front(2))
    if (!isFree(carry))
      return false;
  Value count = sweep.getStep().getArgument(1);
  return !sweep.getStep()
              .walk([&](Operation *op) {
                for (Value operand : op->getOperands())
                  if (isa<RankedTensorType>(operand.getType()) &&
                      !sweep.getStep().isAncestor(operand.getParentRegion()) &&
                      !isFree(operand))
                    return WalkResult::interrupt();
                if (auto load = dyn_cast<tile::LoadOp>(op))
                  for (int64_t dim = 0;
                       dim < getType(load.getResult()).getRank(); ++dim)
                    if (isSwept(sweep, load.getResult(), dim) &&
                        (load.getValid().empty() ||
                         load.getValid()[dim] != count))
                      return WalkResult::interrupt();
                return WalkResult::advance();
              })
              .wasInterrupted();
}

void Layout::chooseLaneAxis(tile::ProgramOp program) {
  // A contraction's result can have its lane along an axis that is long enough.
  // An axis that an operand already has contiguous in memory is worth one more.
  llvm::MapVector<unsigned, int64_t> score;
  program.walk([&](tile::DotOp dot) {
    RankedTensorType type = getType(dot.getResult());
    for (auto [dim, expr] : llvm::enumerate(dot.getMap(2).getResults())) {
      if (type.getDimSize(dim) < machine.lanes)
        continue;
      int64_t &points = score[axes.get(dot.getResult(), dim)];
      points += 2;
      for (unsigned i = 0; i < 2; ++i) {
        auto load =
            skipWidening(dot.getOperand(i)).getDefiningOp<tile::LoadOp>();
        if (auto at = dot.getMap(i).getResultPosition(expr);
            load && at && getUnitDim(load.getMap()) == int64_t(*at))
          points += 1;
      }
    }
  });
  int64_t best = 0;
  for (auto [axis, points] : score)
    if (points > best) {
      best = points;
      laneAxis = axis;
    }
}

int64_t Layout::getLane(Value tile) const {
  RankedTensorType type = getType(tile);
  if (type.getRank() <= 1)
    return type.getRank() - 1;
  if (laneAxis) {
    int64_t found = -1, count = 0;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (axes.get(tile, dim) == *laneAxis) {
        found = dim;
        ++count;
      }
    if (count == 1)
      return found;
  }
  int64_t largest = 0;
  for (int64_t dim = 1; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) >= type.getDimSize(largest))
      largest = dim;
  return largest;
}

Form Layout::getNaturalForm(Value tile) const {
  return {getLane(tile), -1, getStorageType(getType(tile).getElementType())};
}

/// The dimension along which `tile` is best read one scalar after the other.
static int64_t getScalarLane(const Layout &layout, Value tile) {
  if (auto load = skipWidening(tile).getDefiningOp<tile::LoadOp>())
    if (std::optional<int64_t> unit = getUnitDim(load.getMap()))
      return *unit;
  return layout.getLane(tile);
}

/// The dimension of `operand` that `map` sends to `dim` of the iteration space,
/// or -1.
static int64_t getOperandDim(AffineMap map, unsigned dim) {
  auto at = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return at ? int64_t(*at) : -1;
}

/// The dimension of an operand of pairs that runs beside its pairs.
static int64_t getPairLane(AffineMap map, const DotPlan &plan,
                           int64_t pairDim) {
  if (!plan.rows.empty())
    if (int64_t dim = getOperandDim(map, plan.rows.back()); dim >= 0)
      return dim;
  for (int64_t dim = map.getNumResults() - 1; dim >= 0; --dim)
    if (dim != pairDim)
      return dim;
  return -1;
}

void Layout::planDot(tile::DotOp dot) {
  DotPlan plan;
  AffineMap maps[] = {dot.getMap(0), dot.getMap(1), dot.getMap(2)};
  SmallVector<int64_t> extents = dot.getIterationExtents();
  Type f32 = Float32Type::get(dot.getContext());
  Type element = getType(dot.getLhs()).getElementType();
  for (unsigned dim = 0; dim < extents.size(); ++dim)
    if (!maps[2].isFunctionOfDim(dim))
      plan.contracted.push_back(dim);
  int64_t lane = getLane(dot.getResult());
  std::optional<unsigned> laneDim;
  if (lane >= 0)
    laneDim = maps[2].getDimPosition(lane);

  // Along a contracted dimension: where the result is too narrow for vectors,
  // or its vectors would have to be transposed out of memory.
  bool onLaneAxis =
      laneDim && laneAxis && axes.get(dot.getResult(), lane) == *laneAxis;
  bool laneIsContiguous = false;
  for (unsigned i = 0; i < 2 && laneDim; ++i) {
    int64_t dim = getOperandDim(maps[i], *laneDim);
    laneIsContiguous =
        laneIsContiguous ||
        (dim >= 0 && getScalarLane(*this, dot.getOperand(i)) == dim);
  }
  int64_t along = -1;
  for (unsigned dim : plan.contracted) {
    bool contiguous = true;
    for (unsigned i = 0; i < 2; ++i)
      contiguous = contiguous && getOperandDim(maps[i], dim) >= 0 &&
                   getScalarLane(*this, dot.getOperand(i)) ==
                       getOperandDim(maps[i], dim);
    if (contiguous)
      along = dim;
  }
  if (along >= 0 && (!laneDim || (!onLaneAxis && !laneIsContiguous))) {
    plan.kind = DotPlan::Kind::Contraction;
    plan.laneDim = along;
    llvm::erase(plan.contracted, unsigned(along));
    plan.contracted.push_back(along);
    for (AffineExpr expr : maps[2].getResults())
      plan.rows.push_back(cast<AffineDimExpr>(expr).getPosition());
    for (unsigned i = 0; i < 2; ++i)
      plan.forms[i] = {getOperandDim(maps[i], along), -1, element};
  } else {
    plan.laneDim = laneDim.value_or(~0u);
    int64_t rowPoints = 1;
    for (AffineExpr expr : maps[2].getResults()) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      if (dim == plan.laneDim)
        continue;
      plan.rows.push_back(dim);
      rowPoints *= extents[dim];
    }
    unsigned last = plan.contracted.empty() ? ~0u : plan.contracted.back();
    bool pairs = element.isBF16() && machine.pairDot && rowPoints > 4 &&
                 laneDim && !plan.contracted.empty();
    for (unsigned i = 0; i < 2; ++i)
      pairs = pairs && getOperandDim(maps[i], last) >= 0;
    plan.kind = pairs ? DotPlan::Kind::Pairs : DotPlan::Kind::Lanes;
    for (unsigned i = 0; i < 2; ++i) {
      Value operand = dot.getOperand(i);
      int64_t laneOf = laneDim ? getOperandDim(maps[i], *laneDim) : -1;
      int64_t lastOf = getOperandDim(maps[i], last);
      int64_t scalarLane = getScalarLane(*this, operand);
      bool swept = false;
      if (auto sweep = dot->getParentOfType<tile::SweepOp>(); sweep && pairs)
        swept = isSwept(sweep, operand, lastOf);
      if (laneOf >= 0)
        plan.forms[i] = {laneOf, pairs ? lastOf : -1, element};
      else if (!pairs)
        plan.forms[i] = {scalarLane, -1, f32};
      else if (scalarLane == lastOf && extents[last] % 2 == 0 && !swept)
        plan.forms[i] = {lastOf, -1, element};
      else
        plan.forms[i] = {getPairLane(maps[i], plan, lastOf), lastOf, element};
    }
  }
  chooseSources(dot, plan);
  for (unsigned i = 0; i < 2; ++i)
    request(plan.sources[i], plan.forms[i]);
  plans[dot] = plan;
}

/// Elements that few results read are widened for each of these: a whole tile
/// of them would be written and read again.
void Layout::chooseSources(tile::DotOp dot, DotPlan &plan) {
  constexpr int64_t kFewReads = 4;
  for (unsigned i = 0; i < 2; ++i) {
    Value operand = dot.getOperand(i);
    plan.sources[i] = operand;
    Value source = skipWidening(operand);
    int64_t reads = 1;
    for (auto [dim, expr] : llvm::enumerate(dot.getMap(2).getResults()))
      if (getOperandDim(dot.getMap(i),
                        cast<AffineDimExpr>(expr).getPosition()) < 0)
        reads *= getType(dot.getResult()).getDimSize(dim);
    bool isLane = plan.kind == DotPlan::Kind::Lanes &&
                  getOperandDim(dot.getMap(i), plan.laneDim) < 0;
    if (source == operand || plan.kind == DotPlan::Kind::Pairs || isLane ||
        reads > kFewReads)
      continue;
    plan.sources[i] = source;
    plan.forms[i].storage = getStorageType(getType(source).getElementType());
  }
}

void Layout::request(Value tile, Form form) {
  SmallVector<Form> &known = forms[tile];
  if (!llvm::is_contained(known, form))
    known.push_back(form);
}

void Layout::requestLeaves(Value tile, int64_t lane) {
  Operation *op = tile.getDefiningOp();
  if (auto broadcast = dyn_cast_or_null<tile::BroadcastOp>(op)) {
    auto source = dyn_cast<RankedTensorType>(broadcast.getSource().getType());
    if (!source)
      return;
    int64_t sourceLane = -1, from = 0;
    for (int64_t to = 0; to < getType(tile).getRank(); ++to)
      if (!llvm::is_contained(broadcast.getDims(), to)) {
        if (to == lane)
          sourceLane = from;
        ++from;
      }
    requestLeaves(broadcast.getSource(), sourceLane);
  } else if (auto transpose = dyn_cast_or_null<tile::TransposeOp>(op)) {
    requestLeaves(transpose.getTile(),
                  lane < 0 ? lane : transpose.getPermutation()[lane]);
  } else if (isa_and_nonnull<tile::LoadOp>(op)) {
    request(tile, {lane >= 0 ? lane : getScalarLane(*this, tile), -1,
                   getStorageType(getType(tile).getElementType())});
  } else if (op && isPointwise(op) && lane != getLane(tile)) {
    // Such an op may be computed where it is used.
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        requestLeaves(operand, lane);
  }
}

ArrayRef<Form> Layout::getForms(Value tile) const {
  auto it = forms.find(tile);
  return it == forms.end() ? ArrayRef<Form>() : ArrayRef<Form>(it->second);
}

bool Layout::isSwept(tile::SweepOp sweep, Value tile, int64_t dim) const {
  auto it = sweptAxes.find(sweep);
  if (it == sweptAxes.end() || dim < 0)
    return false;
  return llvm::is_contained(it->second, axes.get(tile, dim));
}
