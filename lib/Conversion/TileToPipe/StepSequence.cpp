//===- StepSequence.cpp - the steps of a sweep, by number -----------------===//

#include "StepSequence.h"

#include "attn/Analysis/Remainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace attn;

static StepSequence::Step makeStep(ValueRange values) {
  return {values[0], values[1], values.size() > 2 ? values[2] : Value()};
}

StepSequence::StepSequence(ImplicitLocOpBuilder &b, ScalarEmitter &scalars,
                           tile::SweepOp sweep)
    : b(b), scalars(scalars), sweep(sweep) {
  Value tile = i32(sweep.getTile());
  // With the numbers of their steps; they are numbered on from what is partial.
  SmallVector<std::pair<Value, Part>> located, wholes;
  Value end = i32(0);
  auto append = [&](SmallVector<Part> &parts, Value steps, Part part) {
    part.first = end;
    part.end = end = arith::AddIOp::create(b, end, steps);
    parts.push_back(part);
  };
  for (auto [i, lower, upper] :
       llvm::enumerate(sweep.getLowers(), sweep.getUppers())) {
    Value lo = scalars.getScalar(lower), hi = scalars.getScalar(upper);
    Value length =
        arith::MaxSIOp::create(b, arith::SubIOp::create(b, hi, lo), i32(0));
    // A merge says that the order of steps is free.
    bool isFull = sweep.getFull()[i] && !sweep.getMerge().empty();
    if (sweep.isLocated(i)) {
      Part part{{}, {}, lo, hi, i};
      if (isFull)
        located.push_back({length, part});
      else
        append(partial, length, part);
      continue;
    }
    if (!isFull) {
      append(partial, arith::CeilDivUIOp::create(b, length, tile),
             {{}, {}, lo, hi, {}});
      continue;
    }
    Value whole = arith::DivUIOp::create(b, length, tile);
    Value rest =
        arith::AddIOp::create(b, lo, arith::MulIOp::create(b, whole, tile));
    Value isRest = arith::MinUIOp::create(
        b, arith::RemUIOp::create(b, length, tile), i32(1));
    append(partial, isRest, {{}, {}, rest, hi, {}});
    wholes.push_back({whole, {{}, {}, lo, hi, {}}});
  }
  numPartial = end;
  for (auto &[steps, part] : located)
    append(clipped, steps, part);
  numClipped = end;
  for (auto &[steps, part] : wholes)
    append(full, steps, part);
  numSteps = arith::MaxUIOp::create(b, end, i32(1));
  // An empty sweep has one step, before all that are full.
  Value isEmpty =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, end, i32(0));
  numPartial = select(isEmpty, i32(1), numPartial);
  numClipped = select(isEmpty, i32(1), numClipped);
}

Value StepSequence::select(Value condition, Value a, Value c) {
  return arith::SelectOp::create(b, condition, a, c);
}

Value StepSequence::getBase(const Part &part, Value number) {
  Value within = arith::SubIOp::create(b, number, part.first);
  return arith::AddIOp::create(
      b, part.lower, arith::MulIOp::create(b, within, i32(sweep.getTile())));
}

/// Whether all locators tell where runs end.
bool StepSequence::hasEnds() {
  return llvm::all_of(sweep.getLocators(), [](Region &locator) {
    return !locator.empty() &&
           locator.front().getTerminator()->getNumOperands() > 2;
  });
}

FailureOr<StepSequence::Step> StepSequence::find(ArrayRef<Part> parts,
                                                 Value number, Step other) {
  Step step = other;
  for (const Part &part : parts) {
    Value isHere = arith::AndIOp::create(
        b,
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, number, part.first),
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, number, part.end));
    if (!part.locator) {
      Value base = getBase(part, number);
      Value count = arith::MinSIOp::create(
          b, arith::SubIOp::create(b, part.upper, base), i32(sweep.getTile()));
      step.base = select(isHere, base, step.base);
      step.count = select(isHere, count, step.count);
      continue;
    }
    // A locator divides by what is not zero in its own steps only.
    SmallVector<Value> values = step.getValues();
    SmallVector<Type> types(values.size(), b.getI32Type());
    auto choice = scf::IfOp::create(b, types, isHere, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    Block &locator = sweep.getLocators()[*part.locator].front();
    Value within = arith::SubIOp::create(b, number, part.first);
    scalars.setScalar(locator.getArgument(0),
                      arith::AddIOp::create(b, part.lower, within));
    auto place = scalars.evaluateRegion(locator);
    if (failed(place))
      return failure();
    scf::YieldOp::create(b, ArrayRef(*place).take_front(values.size()));
    b.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(b, values);
    step = makeStep(choice.getResults());
  }
  return step;
}

tile::LocateOp StepSequence::getSearch(const Part &part) {
  if (!part.locator)
    return {};
  Block &locator = sweep.getLocators()[*part.locator].front();
  auto searches = locator.getOps<tile::LocateOp>();
  BlockArgument number = locator.getArgument(0);
  auto search = dyn_cast<tile::LocateOp>(locator.front());
  bool isAlone = search && llvm::hasSingleElement(searches) &&
                 number.hasOneUse() && search.getNumber() == number;
  return isAlone ? search : tile::LocateOp();
}

FailureOr<StepSequence::Step> StepSequence::findInRuns(ArrayRef<Part> parts,
                                                       Value number) {
  Value within, isAny = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                              number, parts.back().end);
  SmallVector<Value> areHere;
  // A part has the numbers from its first one on, up to the next part's.
  auto choose = [&](size_t i, Value own, Value before) {
    return before ? select(areHere[i], own, before) : own;
  };
  for (auto [i, part] : llvm::enumerate(parts)) {
    areHere.push_back(arith::CmpIOp::create(b, arith::CmpIPredicate::sge,
                                            number, part.first));
    Value own = arith::AddIOp::create(
        b, part.lower, arith::SubIOp::create(b, number, part.first));
    within = choose(i, own, within);
  }
  Value bound = scalars.getScalar(getSearch(parts.front()).getBound());
  SmallVector<Value> none = getNone().getValues();
  SmallVector<Type> types(none.size(), b.getI32Type());
  auto choice = scf::IfOp::create(b, types, isAny, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, none);
  b.setInsertionPointToStart(choice.thenBlock());
  auto place =
      pipe::LocateOp::create(b, b.getI32Type(), b.getI32Type(), within, bound);
  {
    OpBuilder::InsertionGuard inner(b);
    Block *body =
        b.createBlock(&place.getBody(), {}, b.getI32Type(), b.getLoc());
    Value steps;
    for (auto [i, part] : llvm::enumerate(parts)) {
      Block &region = getSearch(part).getBody().front();
      scalars.setScalar(region.getArgument(0), body->getArgument(0));
      auto own = scalars.evaluateRegion(region);
      if (failed(own))
        return failure();
      steps = choose(i, own->front(), steps);
    }
    pipe::YieldOp::create(b, steps);
  }
  SmallVector<Value> found(types.size());
  for (auto [i, part] : llvm::enumerate(parts)) {
    tile::LocateOp search = getSearch(part);
    scalars.setScalar(search.getRun(), place.getRun());
    scalars.setScalar(search.getRest(), place.getRest());
    Block &locator = *search->getBlock();
    for (Operation &op : locator.without_terminator())
      if (&op != search && failed(scalars.emitScalar(&op)))
        return failure();
    for (auto [value, own] : llvm::zip(
             found, scalars.getScalars(locator.getTerminator()->getOperands())))
      value = choose(i, own, value);
  }
  scf::YieldOp::create(b, found);
  return makeStep(choice.getResults());
}

FailureOr<StepSequence::Step> StepSequence::getNext(Step before, Value number) {
  if (!before.end)
    return get(number);
  Value tile = i32(sweep.getTile());
  Value base = arith::AddIOp::create(b, before.base, tile);
  Value isSame =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, base, before.end);
  SmallVector<Type> types(3, b.getI32Type());
  auto choice = scf::IfOp::create(b, types, isSame, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Value count = arith::MinSIOp::create(
      b, arith::SubIOp::create(b, before.end, base), tile);
  scf::YieldOp::create(b, ValueRange{base, count, before.end});
  b.setInsertionPointToStart(choice.elseBlock());
  FailureOr<Step> found = get(number);
  if (failed(found))
    return failure();
  scf::YieldOp::create(b, found->getValues());
  return makeStep(choice.getResults());
}

/// Whether what ends a tile, `max(min(rest, tile), 0)` points on, is a multiple
/// of tiles away, so that it has as many.
static bool isWhole(Value count, int64_t tile) {
  if (auto max = count.getDefiningOp<arith::MaxSIOp>();
      max && getConstantIntValue(max.getRhs()) == 0)
    count = max.getLhs();
  auto min = count.getDefiningOp<arith::MinSIOp>();
  return min && getConstantIntValue(min.getRhs()) == tile &&
         getRemainder(min.getLhs(), tile) == 0;
}

bool StepSequence::areClippedWhole() {
  return llvm::all_of(clipped, [&](const Part &part) {
    Block &locator = sweep.getLocators()[*part.locator].front();
    return isWhole(locator.getTerminator()->getOperand(1), sweep.getTile());
  });
}

StepSequence::Step StepSequence::getFull(Value number) {
  Step step{getBase(full.front(), number), i32(sweep.getTile())};
  for (const Part &part : ArrayRef(full).drop_front()) {
    Value isHere =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, number, part.first);
    step.base = select(isHere, getBase(part, number), step.base);
  }
  return step;
}

FailureOr<StepSequence::Step> StepSequence::get(Value number) {
  SmallVector<Part> located(partial);
  llvm::append_range(located, clipped);
  if (located.size() > 1 && full.empty() &&
      llvm::all_of(located, [&](const Part &part) {
        return getSearch(part) && getSearch(part).getBound() ==
                                      getSearch(located.front()).getBound();
      }))
    return findInRuns(located, number);
  FailureOr<Step> step = getPartial(number);
  if (succeeded(step))
    step = find(clipped, number, *step);
  if (failed(step) || full.empty())
    return step;
  Step whole = getFull(number);
  Value isFull =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, number, numClipped);
  return Step{select(isFull, whole.base, step->base),
              select(isFull, whole.count, step->count)};
}
