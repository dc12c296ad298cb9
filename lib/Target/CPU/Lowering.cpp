//===- Lowering.cpp - programs, their blocks and sweeps -------------------===//
//
// A sweep is one loop over the steps of all its segments. Its body exists
// twice: for whole tiles in full segments, without masks and with constant
// bounds; and for all others, with masks and with loops that end at the step's
// count.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "attn/Conversion/ExpandRuns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

Emitter::Emitter(ImplicitLocOpBuilder &builder, const Layout &layout,
                 const Machine &machine, const KernelInterface &interface,
                 tile::ProgramOp program)
    : b(builder), layout(layout), machine(machine), interface(interface),
      program(program), i64(builder.getI64Type()),
      pointerType(LLVM::LLVMPointerType::get(builder.getContext())) {}

LogicalResult Emitter::emitFunction(func::FuncOp function) {
  ::mlir::Block &entry = *function.addEntryBlock();
  b.setInsertionPointToStart(&entry);
  params = entry.getArgument(0);
  scratch = entry.getArgument(3);
  readParameters();
  SmallVector<Value> counts;
  for (auto [rank, tile] :
       llvm::zip(program.getSpaceRanks().getAsRange<StringAttr>(),
                 program.getSpaceTiles())) {
    std::optional<int64_t> known = program.getStaticExtent(rank);
    Value extent =
        known ? constant(*known) : readWord(interface.getExtentWord(rank));
    counts.push_back(
        b.createOrFold<arith::CeilDivSIOp>(extent, constant(tile)));
  }
  bool failed = false;
  loop(entry.getArgument(1), entry.getArgument(2), 1, [&](Value item) {
    // The last coordinate runs fastest: neighbours share what it does not
    // index.
    auto tiles = program.getSpaceTiles();
    for (size_t i = counts.size(); i-- > 0;) {
      Value at =
          i == 0 ? item : b.createOrFold<arith::RemUIOp>(item, counts[i]);
      if (i > 0)
        item = b.createOrFold<arith::DivUIOp>(item, counts[i]);
      scalars.map(program.getCoordinates()[i],
                  toIndex(mul(at, constant(tiles[i]))));
    }
    failed = ::mlir::failed(emitOps(program.getBody().front()));
  });
  func::ReturnOp::create(b);
  return failure(failed || failedEvaluation);
}

bool Emitter::isScalar(Operation &op) {
  auto isTile = [](Type type) { return isa<TensorType>(type); };
  if (isTableOp(&op) || isa<tile::SumOp, tile::LocateOp>(op))
    return true;
  return !isa<tile::TileDialect>(op.getDialect()) && !isTileBranch(&op) &&
         llvm::none_of(op.getOperandTypes(), isTile) &&
         llvm::none_of(op.getResultTypes(), isTile);
}

LogicalResult Emitter::emitScalar(Operation *op) {
  auto load = dyn_cast<memref::LoadOp>(op);
  for (Value operand : op->getOperands())
    if (!isa<MemRefType>(operand.getType()) && !scalars.contains(operand))
      return op->emitOpError("expects operands that are scalars of the "
                             "program");
  if (isTableOp(op))
    return emitTableOp(op, scalars);
  if (isa<tile::SumOp, tile::LocateOp>(op))
    return emitRuns(op);
  if (!load) {
    b.clone(*op, scalars);
    return success();
  }
  SmallVector<Value> indices;
  for (Value index : load.getIndices())
    indices.push_back(scalars.lookup(index));
  Value value = loadElement(load.getMemRef(), indices);
  if (!value)
    return op->emitOpError("expects to load from an argument of the program");
  scalars.map(load.getResult(), value);
  return success();
}

LogicalResult Emitter::emitRuns(Operation *op) {
  auto body = [&](Value run) -> FailureOr<SmallVector<Value>> {
    ::mlir::Block &region = op->getRegion(0).front();
    scalars.map(region.getArgument(0), toIndex(run));
    for (Operation &inner : region.without_terminator())
      if (failed(emitScalar(&inner)))
        return failure();
    SmallVector<Value> numbers;
    for (Value number : region.getTerminator()->getOperands())
      numbers.push_back(toI64(scalars.lookup(number)));
    return numbers;
  };
  auto get = [&](Value value) { return toI64(scalars.lookup(value)); };
  if (auto sum = dyn_cast<tile::SumOp>(op)) {
    auto totals = expandSum(b, get(sum.getBound()), sum.getNumResults(), body);
    if (failed(totals))
      return failure();
    for (auto [result, total] : llvm::zip_equal(sum.getTotals(), *totals))
      scalars.map(result, toIndex(total));
    return success();
  }
  auto locate = cast<tile::LocateOp>(op);
  auto place =
      expandLocate(b, get(locate.getNumber()), get(locate.getBound()), body);
  if (failed(place))
    return failure();
  scalars.map(locate.getRun(), toIndex(place->first));
  scalars.map(locate.getRest(), toIndex(place->second));
  return success();
}

LogicalResult Emitter::emitOps(::mlir::Block &block) {
  std::vector<Nest> nests = planNests(block, layout);
  return emitOps(block, nests);
}

LogicalResult Emitter::emitOps(::mlir::Block &block,
                               MutableArrayRef<Nest> nests) {
  for (Operation &op : block.without_terminator()) {
    if (isScalar(op)) {
      if (failed(emitScalar(&op)))
        return failure();
      continue;
    }
    bool known = isPointwise(&op) || isTileBranch(&op) ||
                 op.hasTrait<OpTrait::ConstantLike>() ||
                 isa<tile::TileDialect>(op.getDialect());
    if (!known)
      return op.emitOpError("has no lowering to vectors: expects ops of arith "
                            "and math on tiles, or of the tile dialect");
  }
  for (Nest &nest : nests) {
    b.setLoc((nest.single ? nest.single : nest.representative.getDefiningOp())
                 ->getLoc());
    LogicalResult result = success();
    // What only masks read is not needed where they hold.
    if (masksHold)
      llvm::erase_if(nest.ops, tile::isOnlyForMasks);
    if (masksHold && !nest.single && !nest.dot && nest.ops.empty())
      continue;
    if (!nest.single)
      result = emitNest(nest);
    else if (auto load = dyn_cast<tile::LoadOp>(nest.single))
      result = emitLoad(load);
    else if (auto store = dyn_cast<tile::StoreOp>(nest.single))
      result = emitStore(store);
    else if (auto dot = dyn_cast<tile::DotOp>(nest.single))
      result = emitContraction(dot);
    else if (auto branch = dyn_cast<scf::IfOp>(nest.single))
      result = emitBranch(branch);
    else
      result = emitSweep(cast<tile::SweepOp>(nest.single));
    if (failed(result))
      return failure();
  }
  return success();
}

LogicalResult Emitter::emitBranch(scf::IfOp op) {
  auto choice = scf::IfOp::create(b, scalars.lookup(op.getCondition()),
                                  !op.getElseRegion().empty());
  OpBuilder::InsertionGuard guard(b);
  for (auto [from, to] : llvm::zip(op->getRegions(), choice->getRegions())) {
    if (from.empty())
      continue;
    b.setInsertionPointToStart(&to.front());
    auto savedBuffers = buffers;
    int64_t savedScratch = scratchUsed;
    if (failed(emitOps(from.front())))
      return failure();
    buffers = std::move(savedBuffers);
    scratchUsed = savedScratch;
  }
  return success();
}

bool Emitter::canUpdateInPlace(ArrayRef<Nest> nests, Value carry,
                               Value next) const {
  Operation *producer = next.getDefiningOp();
  if (!producer || producer->getBlock() != carry.getParentBlock())
    return false;
  std::optional<size_t> at;
  for (auto [i, nest] : llvm::enumerate(nests))
    if (nest.single == producer || nest.contains(producer))
      at = i;
  if (!at || nests[*at].single)
    return false;
  if (isa<tile::ReduceOp>(producer) ||
      layout.getLane(next) != layout.getLane(carry))
    return false;
  // Every read of the carry comes before the write, or is at the same point.
  for (auto [i, nest] : llvm::enumerate(nests)) {
    SmallVector<Operation *> ops(nest.ops);
    if (nest.dot)
      ops.push_back(nest.dot);
    if (nest.single)
      ops.push_back(nest.single);
    for (Operation *op : ops) {
      SmallVector<Leaf> leaves;
      for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
        size_t first = leaves.size();
        collectLeaves(operand, layout, true, leaves);
        if (isa<tile::DotOp>(op) && number < 2)
          for (size_t j = first; j < leaves.size(); ++j)
            leaves[j].samePoint = false;
      }
      bool inRegion = false;
      op->walk([&](Operation *inner) {
        inRegion =
            inRegion ||
            (inner != op && llvm::is_contained(inner->getOperands(), carry));
      });
      for (const Leaf &leaf : leaves)
        if (leaf.tile == carry && (i > *at || (i == *at && !leaf.samePoint)))
          return false;
      if (inRegion && i >= *at)
        return false;
    }
  }
  return true;
}

LogicalResult Emitter::emitStep(tile::SweepOp op, ArrayRef<Access> carries) {
  auto savedBuffers = buffers;
  auto savedDestinations = destinations;
  int64_t savedScratch = scratchUsed;
  ::mlir::Block &step = op.getStep().front();
  std::vector<Nest> nests = planNests(step, layout);
  Operation *yield = step.getTerminator();
  SmallVector<bool> inPlace(carries.size(), false);
  for (auto [i, carry] : llvm::enumerate(carries)) {
    Value argument = step.getArgument(i + 2), next = yield->getOperand(i);
    setBuffer(argument, carry);
    inPlace[i] = llvm::count(yield->getOperands(), next) == 1 &&
                 canUpdateInPlace(nests, argument, next);
    if (inPlace[i])
      destinations[next] = carry;
  }
  LogicalResult result = emitOps(step, nests);
  // What is not updated in place may be another carry: all are read before any
  // is written.
  SmallVector<std::pair<Access, size_t>> copies;
  for (auto [i, carry] : llvm::enumerate(carries)) {
    Value next = yield->getOperand(i);
    if (failed(result) || inPlace[i] || next == step.getArgument(i + 2))
      continue;
    if (llvm::is_contained(step.getArguments(), next)) {
      Access copy = allocate(cast<RankedTensorType>(next.getType()),
                             layout.getNaturalForm(next));
      result = materialise(next, copy);
      copies.push_back({copy, i});
    } else {
      copies.push_back({getBuffer(next, layout.getNaturalForm(next)), i});
    }
  }
  for (auto &[copy, i] : copies) {
    if (failed(result))
      break;
    Value argument = step.getArgument(i + 2);
    buffers[argument] = {copy};
    result = materialise(argument, carries[i]);
  }
  buffers = std::move(savedBuffers);
  destinations = std::move(savedDestinations);
  scratchUsed = savedScratch;
  return result;
}

/// Where each segment's steps begin and end in the sweep's one loop.
Emitter::Segments Emitter::readSegments(tile::SweepOp op) {
  Segments segments;
  Value total = constant(0);
  for (auto [i, lower, upper] :
       llvm::enumerate(op.getLowers(), op.getUppers())) {
    Value lo = toI64(scalars.lookup(lower)), hi = toI64(scalars.lookup(upper));
    segments.lowers.push_back(lo);
    segments.uppers.push_back(hi);
    Value length = b.createOrFold<arith::MaxSIOp>(
        arith::SubIOp::create(b, hi, lo), constant(0));
    total =
        add(total, op.isLocated(i) ? length
                                   : arith::CeilDivSIOp::create(
                                         b, length, constant(op.getTile())));
    segments.ends.push_back(total);
  }
  return segments;
}

/// Base and count of step `within` of a segment.
FailureOr<std::pair<Value, Value>> Emitter::placeStep(tile::SweepOp op,
                                                      const Segments &segments,
                                                      unsigned i,
                                                      Value within) {
  if (!op.isLocated(i)) {
    Value size = constant(op.getTile());
    Value base = add(segments.lowers[i], mul(within, size));
    return std::pair(
        base,
        minimum(arith::SubIOp::create(b, segments.uppers[i], base), size));
  }
  ::mlir::Block &locator = op.getLocators()[i].front();
  scalars.map(locator.getArgument(0), toIndex(add(segments.lowers[i], within)));
  for (Operation &inner : locator.without_terminator())
    if (failed(emitScalar(&inner)))
      return failure();
  ValueRange results = locator.getTerminator()->getOperands();
  return std::pair(toI64(scalars.lookup(results[0])),
                   toI64(scalars.lookup(results[1])));
}

/// The step that is number `at` of all: in the last segment that begins at or
/// before it.
FailureOr<Emitter::SweepStep>
Emitter::locateStep(tile::SweepOp op, const Segments &segments, Value at) {
  auto isFull = [&](size_t i) -> Value {
    return arith::ConstantOp::create(b, b.getBoolAttr(op.getFull()[i]));
  };
  auto isLess = [&](Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y);
  };
  SweepStep step{constant(0), constant(0), isFull(0)};
  Value begin = constant(0);
  for (size_t i = 0; i < segments.ends.size(); begin = segments.ends[i++]) {
    Value within = arith::SubIOp::create(b, at, begin);
    Value reached = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, within,
                                          constant(0));
    // What takes only selects is not worth a branch; a locator divides and
    // reads, by what is there in its own steps only.
    std::pair<Value, Value> place;
    if (!op.isLocated(i)) {
      place = *placeStep(op, segments, i, within);
    } else {
      reached = arith::AndIOp::create(b, reached, isLess(at, segments.ends[i]));
      auto choice = scf::IfOp::create(b, TypeRange{i64, i64}, reached, true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(choice.thenBlock());
      auto located = placeStep(op, segments, i, within);
      if (failed(located))
        return failure();
      scf::YieldOp::create(b, ValueRange{located->first, located->second});
      b.setInsertionPointToStart(choice.elseBlock());
      scf::YieldOp::create(b, ValueRange{step.base, step.count});
      place = {choice.getResult(0), choice.getResult(1)};
    }
    step.base = arith::SelectOp::create(b, reached, place.first, step.base);
    step.count = arith::SelectOp::create(b, reached, place.second, step.count);
    step.isFull = arith::SelectOp::create(b, reached, isFull(i), step.isFull);
  }
  return step;
}

LogicalResult Emitter::emitSweep(tile::SweepOp op) {
  ::mlir::Block &step = op.getStep().front();
  if (sweep)
    return op.emitOpError("expects to be directly in a program, but is in the "
                          "step of another sweep");
  SmallVector<Access> carries;
  for (auto [init, out] : llvm::zip(op.getInits(), op.getOuts())) {
    Access carry = allocate(cast<RankedTensorType>(init.getType()),
                            layout.getNaturalForm(out));
    if (failed(materialise(init, carry)))
      return failure();
    carries.push_back(carry);
    setBuffer(out, carry);
  }
  Segments segments = readSegments(op);
  LogicalResult result = success();
  bool hasMasks = !step.getOps<tile::MaskOp>().empty();
  loop(constant(0), segments.ends.back(), 1, [&](Value at) {
    FailureOr<SweepStep> found = locateStep(op, segments, at);
    if (failed(found)) {
      result = failure();
      return;
    }
    scalars.map(step.getArgument(0), toIndex(found->base));
    scalars.map(step.getArgument(1), toIndex(found->count));
    sweep = op;
    count = found->count;
    auto emitBody = [&](bool isFull) {
      masksHold = isFull;
      if (succeeded(result))
        result = emitStep(op, carries);
      masksHold = false;
    };
    OpBuilder::InsertionGuard guard(b);
    // A located step may have nothing to do.
    if (op.hasLocated()) {
      Value isEmpty = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, count,
                                            constant(0));
      auto choice = scf::IfOp::create(b, isEmpty, /*withElse=*/true);
      b.setInsertionPointToStart(choice.elseBlock());
    }
    if (!hasMasks) {
      emitBody(true);
    } else {
      auto choice = scf::IfOp::create(b, found->isFull, /*withElse=*/true);
      b.setInsertionPointToStart(choice.thenBlock());
      emitBody(true);
      b.setInsertionPointToStart(choice.elseBlock());
      emitBody(false);
    }
    count = {};
    sweep = {};
  });
  return result;
}
