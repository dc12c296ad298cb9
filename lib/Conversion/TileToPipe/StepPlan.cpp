//===- StepPlan.cpp - what of a step may run beside what ------------------===//

#include "StepPlan.h"

#include "attn/Analysis/Remainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

static RankedTensorType getType(Value tile) {
  return cast<RankedTensorType>(tile.getType());
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The rows of the program's first product, 0 without one.
static int64_t countRows(tile::ProgramOp program) {
  int64_t rows = 0;
  program.walk([&](tile::DotOp dot) {
    auto type = cast<RankedTensorType>(dot.getResult().getType());
    if (type.getRank() == 2)
      rows = type.getDimSize(0);
    return WalkResult::interrupt();
  });
  return rows;
}

StepPlan::StepPlan(tile::ProgramOp program, const MachineModel &machine)
    : machine(machine.forRows(countRows(program))), program(program),
      axes(program) {}

std::optional<BoxLayout> StepPlan::getLayout(Value memref, unsigned dim) const {
  tile::ProgramOp op = program;
  auto shape = op.getArgAttrOfType<ArrayAttr>(
      cast<BlockArgument>(memref).getArgNumber(), tile::kShapeAttr);
  auto rank = dyn_cast<StringAttr>(shape[dim]);
  tile::LayoutAttr layout = rank ? op.getLayout(rank) : tile::LayoutAttr();
  return layout ? std::optional(BoxLayout(layout)) : std::nullopt;
}

Refusal StepPlan::checkPacking(Operation *op, const BoxMap &box,
                               ValueRange indices) const {
  if (!box.packed)
    return {};
  if (machine.productRows % box.packed->width != 0)
    return refuse(op, "packed rows have a width that divides " +
                          Twine(machine.productRows) + ", but this one is " +
                          Twine(box.packed->width));
  auto symbol = dyn_cast<AffineSymbolExpr>(box.firstRow);
  Value start = symbol ? indices[symbol.getPosition()] : Value();
  if (!start || getRemainder(start, box.packed->width) != 0)
    return refuse(op, "its packed rows may begin inside of a width");
  return {};
}

Refusal StepPlan::checkLayouts(Operation *op, Value memref, const BoxMap &box,
                               ValueRange indices, int64_t numRows,
                               int64_t rowDim) const {
  for (int64_t dim = 0, e = box.starts.size(); dim < e; ++dim) {
    std::optional<BoxLayout> layout = getLayout(memref, dim);
    if (!layout)
      continue;
    if (dim != rowDim || numRows != layout->countBoxPoints())
      return refuse(op, "it is no box of " + Twine(layout->countBoxPoints()) +
                            " points of a rank with a layout");
    auto symbol = dyn_cast<AffineSymbolExpr>(box.starts[dim]);
    Value start = symbol ? indices[symbol.getPosition()] : Value();
    if (!start || getRemainder(start, numRows) != 0)
      return refuse(op, "it may begin inside of a box of a rank with a "
                        "layout");
  }
  return {};
}

Refusal StepPlan::refuse(Operation *op, const Twine &reason) {
  return {op, reason.str()};
}

const SlotOperand *StepPlan::getSlot(Value tile) const {
  for (const SlotOperand &slot : slots)
    if (slot.load.getResult() == tile)
      return &slot;
  return nullptr;
}

bool StepPlan::isRow(Value tile, int64_t dim) const {
  if (axes.get(tile, dim) == rowAxis)
    return true;
  // What is made of coordinates may be tied to no product.
  Value base;
  if (auto mask = tile.getDefiningOp<tile::MaskOp>())
    base = mask.getBases()[dim];
  else if (auto generate = tile.getDefiningOp<tile::GenerateOp>())
    base = generate.getBase();
  else if (auto coord = tile.getDefiningOp<tile::CoordOp>())
    base = coord.getBase();
  tile::ProgramOp owner = program;
  return base && base == owner.getCoordinates()[rowCoordinate];
}

/// The rows of the results of products are those of the program.
Refusal StepPlan::findRows() {
  std::optional<unsigned> axis;
  for (auto dot : sweep.getStep().getOps<tile::DotOp>()) {
    if (getType(dot.getResult()).getRank() != 2)
      return refuse(dot, "its result is no matrix");
    unsigned own = axes.get(dot.getResult(), 0);
    if (axis.value_or(own) != own)
      return refuse(dot, "the rows of its result are not those of the others");
    axis = own;
    numRows = getType(dot.getResult()).getDimSize(0);
  }
  if (!axis)
    return refuse(sweep, "its step has no products");
  rowAxis = *axis;
  numGroups = numRows / machine.productRows;
  if (numRows % machine.productRows != 0 || numGroups > machine.maxGroups)
    return refuse(sweep, "its products have " + Twine(numRows) +
                             " rows, but groups multiply " +
                             Twine(machine.productRows) +
                             " each and there are "
                             "at most " +
                             Twine(machine.maxGroups));
  std::optional<unsigned> found;
  for (auto [i, tile] : llvm::enumerate(program.getSpaceTiles()))
    if (tile == numRows && !found)
      found = i;
  if (!found)
    return refuse(program, "no coordinate has tiles of the " + Twine(numRows) +
                               " rows of its products");
  rowCoordinate = *found;
  return {};
}

/// Whether `dim` of a loaded tile is all that the rows of its tensor have, so
/// that zeros follow.
bool StepPlan::hasWholeRows(Value tile, int64_t dim) const {
  const SlotOperand *slot = getSlot(tile);
  auto memref = cast<MemRefType>(slot->load.getSource().getType());
  return slot->box.columnDim == dim &&
         memref.getShape().back() == getType(tile).getDimSize(dim);
}

Refusal StepPlan::planProduct(tile::DotOp dot) {
  PlannedProduct product{dot, dot.getLhs(), dot.getRhs(), 0, 0};
  AffineMap lhsMap = dot.getMap(0), rhsMap = dot.getMap(1),
            resultMap = dot.getMap(2);
  for (AffineMap map : {lhsMap, rhsMap})
    if (map.getNumResults() != 2)
      return refuse(dot, "one of its sides is no matrix");
  // The left side is the one that has the result's rows.
  if (!lhsMap.isFunctionOfDim(resultMap.getDimPosition(0))) {
    std::swap(product.lhs, product.rhs);
    std::swap(lhsMap, rhsMap);
  }
  product.lhsDim = resultMap.isFunctionOfDim(lhsMap.getDimPosition(0)) ? 1 : 0;
  product.rhsDim = resultMap.isFunctionOfDim(rhsMap.getDimPosition(0)) ? 1 : 0;
  int64_t columns = getType(dot.getResult()).getDimSize(1);
  int64_t depth = getType(product.rhs).getDimSize(product.rhsDim);
  if (columns > machine.maxColumns || columns % machine.columnGranule != 0)
    return refuse(dot, "its result has " + Twine(columns) +
                           " columns, but a product has a multiple of " +
                           Twine(machine.columnGranule) + " up to " +
                           Twine(machine.maxColumns));
  auto rhs = product.rhs.getDefiningOp<tile::LoadOp>();
  auto lhs = product.lhs.getDefiningOp<tile::LoadOp>();
  // Warps that share out keys have left sides of an item in registers, and
  // narrow them to what they multiply.
  bool isOfItem =
      machine.shares > 1 && product.lhs.getParentBlock() == sweep->getBlock();
  if (isOfItem && !lhs && !getType(product.lhs).getElementType().isF32())
    return refuse(dot, "its left side is computed, but not of f32");
  if (getType(dot.getLhs()).getElementTypeBitWidth() != 16 && !isOfItem)
    return refuse(dot, "its elements have no 16 bits");
  if (!rhs)
    return refuse(dot, "its right side is computed, not loaded");
  bool isLate = !lhs && !isOfItem;
  if (isLate && (product.lhsDim != 1 || depth % machine.productDepth != 0))
    return refuse(dot, "its left side, which is computed, is not contracted "
                       "along columns that are a multiple of " +
                           Twine(machine.productDepth));
  if (Refusal r = planSlot(product.rhs, dot, isLate); r.op)
    return r;
  // Each warp of those that share out keys has the left side in registers.
  if (lhs && machine.shares == 1)
    if (Refusal r = planSlot(product.lhs, dot, isLate); r.op)
      return r;
  bool isWhole = depth % machine.productDepth == 0;
  if (!isWhole && machine.shares > 1)
    return refuse(dot, "its sums have " + Twine(depth) +
                           " terms, of which warps that share out keys take " +
                           Twine(machine.productDepth) + " at a time");
  if (!isWhole && !(hasWholeRows(product.lhs, product.lhsDim) &&
                    hasWholeRows(product.rhs, product.rhsDim)))
    return refuse(dot, "its sums have " + Twine(depth) +
                           " terms, which are no multiple of " +
                           Twine(machine.productDepth) +
                           " and no whole rows of its tensors");
  products[dot] = product;
  (isLate ? lateProducts : earlyProducts).push_back(dot);
  return {};
}

/// The mask of the step of which `load` takes the rows of columns that are set,
/// or the line of rows, if there is one; beyond the step's count none are.
static Value matchSeen(tile::LoadOp load, tile::SweepOp sweep) {
  Block &step = sweep.getStep().front();
  auto line = load.getWhere().getDefiningOp<tile::GenerateOp>();
  if (line && line->getBlock() == &step &&
      matchPattern(line.getBase(), m_Zero()))
    return line;
  auto reduce = load.getWhere().getDefiningOp<tile::ReduceOp>();
  auto mask =
      reduce ? reduce.getTile().getDefiningOp<tile::MaskOp>() : tile::MaskOp();
  if (!mask || mask->getBlock() != &step ||
      reduce.getKind() != tile::ReduceKind::Or ||
      reduce.getDims() != ArrayRef<int64_t>{0} ||
      !matchPattern(mask.getTile(), m_One()))
    return {};
  Value count = step.getArgument(1);
  bool ends = mask.getValid().size() == 2 && mask.getValid()[1] == count;
  return ends || !llvm::is_contained(load.getValid(), count) ? mask.getResult()
                                                             : Value();
}

/// Whether `value` is the extent of a tensor along one of its dimensions.
bool StepPlan::isExtent(Value value, Value memref, unsigned dim) const {
  tile::ProgramOp op = program;
  auto shape = op.getArgAttrOfType<ArrayAttr>(
      cast<BlockArgument>(memref).getArgNumber(), tile::kShapeAttr);
  auto rank = dyn_cast<StringAttr>(shape[dim]);
  std::optional<int64_t> extent = rank ? op.getStaticCoordinates(rank)
                                       : cast<IntegerAttr>(shape[dim]).getInt();
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return extent && number.getSExtValue() == *extent;
  auto argument = dyn_cast<BlockArgument>(value);
  return rank && argument &&
         argument.getOwner()->getParentOp() == op.getOperation() &&
         argument.getArgNumber() < op.getNumArguments() &&
         op.getArgAttr(argument.getArgNumber(), tile::kExtentAttr) == rank;
}

/// Whether `value` is the extent of rows that are packed in two dimensions of a
/// tensor.
bool StepPlan::isPackedExtent(Value value, Value memref,
                              const PackedRows &packed) const {
  tile::ProgramOp op = program;
  auto shape = op.getArgAttrOfType<ArrayAttr>(
      cast<BlockArgument>(memref).getArgNumber(), tile::kShapeAttr);
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner()->getParentOp() != op.getOperation() ||
      argument.getArgNumber() >= op.getNumArguments())
    return false;
  Builder b(op.getContext());
  Attribute known = op.getArgAttr(argument.getArgNumber(), tile::kValueAttr);
  if (auto extent = dyn_cast<IntegerAttr>(shape[packed.outer]))
    return known == b.getI64IntegerAttr(extent.getInt() * packed.width);
  return known == b.getArrayAttr({b.getStringAttr("mul"), shape[packed.outer],
                                  b.getI64IntegerAttr(packed.width)});
}

/// Whether the valid points of a tile end where it ends or its tensor does, as
/// what copies take does.
bool StepPlan::endWithTensor(Value memref, AffineMap map, ValueRange indices,
                             unsigned dim, int64_t size, Value valid) const {
  auto isWhole = [&](Value value) {
    APInt number;
    return matchPattern(value, m_ConstantInt(&number)) &&
           number.getSExtValue() >= size;
  };
  if (isWhole(valid))
    return true;
  unsigned place = 0;
  while (!map.getResult(place).isFunctionOfDim(dim))
    ++place;
  AffineExpr start = simplifyAffineExpr(
      map.getResult(place) - getAffineDimExpr(dim, map.getContext()),
      map.getNumDims(), map.getNumSymbols());
  std::optional<BoxMap> box = matchBox(map);
  bool isPacked = box && box->packed && box->rowDim == dim;
  if (isPacked)
    start = box->firstRow;
  // Rows that are packed one by one run along one dimension.
  PackedRows packed = isPacked ? *box->packed : PackedRows{1, 0, place};
  auto isEnd = [&](Value value) {
    return (!isPacked && isExtent(value, memref, place)) ||
           isPackedExtent(value, memref, packed);
  };
  auto isStart = [&](Value value) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(start))
      return indices[symbol.getPosition()] == value;
    return false;
  };
  bool isFirst = start == getAffineConstantExpr(0, map.getContext());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(start))
    isFirst = matchPattern(indices[symbol.getPosition()], m_Zero());
  if (isFirst && isEnd(valid))
    return true;
  auto min = valid.getDefiningOp<arith::MinSIOp>();
  if (!min)
    return false;
  for (auto [limit, rest] : {std::pair(min.getLhs(), min.getRhs()),
                             std::pair(min.getRhs(), min.getLhs())}) {
    auto sub = rest.getDefiningOp<arith::SubIOp>();
    if (isWhole(limit) && sub && isStart(sub.getRhs()) && isEnd(sub.getLhs()))
      return true;
  }
  return false;
}

Refusal StepPlan::planRuns(SlotOperand &slot) const {
  tile::LoadOp load = slot.load;
  int64_t along = load.getPages()->getAlong();
  if (along != slot.box.rowDim || slot.hasRows)
    return refuse(load, "pages are not along the rows of a tile that the sweep "
                        "moves");
  auto table = cast<MemRefType>(load.getTable().getType());
  if (!isa<BlockArgument>(load.getTable()) ||
      !table.getElementType().isInteger(32))
    return refuse(load, "its table is no argument of numbers of 32 bits");
  slot.run = std::gcd(getType(load.getResult()).getDimSize(along),
                      load.getPages()->getSize());
  if (slot.run % kCopyRows != 0)
    return refuse(load, "copies of rows of a page have a multiple of " +
                            Twine(kCopyRows) + " rows, but these have " +
                            Twine(slot.run));
  if (getRemainder(load.getFrom(), slot.run) != 0)
    return refuse(load, "its rows may begin inside of those of a page");
  return {};
}

Refusal StepPlan::planSlot(Value tile, tile::DotOp dot, bool isLate) {
  auto load = tile.getDefiningOp<tile::LoadOp>();
  for (Operation *user : tile.getUsers())
    if (!isa<tile::DotOp>(user) || user->getBlock() != dot->getBlock())
      return refuse(load, "its tile is read by products and by other ops");
  auto memref = cast<MemRefType>(load.getSource().getType());
  AffineMap map = load.isPaged() ? load.getRunMap() : load.getMap();
  std::optional<BoxMap> box = matchBox(map);
  if (!box || memref.getRank() > int64_t(machine.maxTensorRank))
    return refuse(load, "it is no box of the last two dimensions of a tensor "
                        "of at most " +
                            Twine(machine.maxTensorRank));
  if (load.getPad())
    return refuse(load, "bulk copies give zero beyond the extents");
  if (getType(tile).getDimSize(box->rowDim) > machine.maxBoxRows ||
      getType(tile).getDimSize(box->rowDim) % kCopyRows != 0)
    return refuse(load, "its tile has no multiple of " + Twine(kCopyRows) +
                            " rows up to " + Twine(machine.maxBoxRows));
  if (Refusal r = checkPacking(load, *box, load.getIndices()); r.op)
    return r;
  int64_t rowDim = memref.getRank() - 2;
  if (Refusal r = checkLayouts(load, load.getSource(), *box, load.getIndices(),
                               getType(tile).getDimSize(box->rowDim), rowDim);
      r.op)
    return r;
  SlotOperand slot;
  slot.layout = getLayout(load.getSource(), rowDim);
  if (slot.layout && slot.layout->getRun() % kCopyRows != 0)
    return refuse(load, "copies of runs of a box have a multiple of " +
                            Twine(kCopyRows) + " points, but these have " +
                            Twine(slot.layout->getRun()));
  slot.load = load;
  slot.box = *box;
  slot.isMoving = load->getBlock() == &sweep.getStep().front();
  for (int64_t dim : {0, 1})
    if (isRow(tile, dim)) {
      if (dim != box->rowDim)
        return refuse(load, "the program's rows run along the tensor's last "
                            "dimension");
      slot.hasRows = true;
    }
  if (box->packed && !slot.hasRows)
    return refuse(load, "packed rows are those of the program");
  if (load.widens() && (!slot.isMoving || slot.hasRows))
    return refuse(load,
                  "elements of 8 bits are widened in tiles that the sweep "
                  "moves and all groups read");
  slot.isNarrow = load.widens() && machine.shares > 1;
  slot.isWidened = load.widens() && !slot.isNarrow;
  if (machine.shares > 1 && !slot.isNarrow)
    return refuse(load, "warps that share out keys multiply elements of 8 "
                        "bits");
  if (load.widens() && machine.copies == CopyKind::Elements)
    return refuse(load, "threads that copy do not widen elements of 8 bits");
  // A slot of the program's rows has those of one product.
  if (slot.layout && slot.hasRows &&
      machine.productRows % slot.layout->getRun() != 0)
    return refuse(
        load, "runs of a box have a divisor of " + Twine(machine.productRows) +
                  " rows, but these have " + Twine(slot.layout->getRun()));
  Value count = sweep.getStep().getArgument(1);
  slot.isLate = isLate;
  if (Refusal r = load.isPaged() ? planRuns(slot) : Refusal(); r.op)
    return r;
  for (auto [dim, valid] : llvm::enumerate(load.getValid())) {
    if (valid != count) {
      bool isOfPages = load.isPaged() && int64_t(dim) == box->rowDim;
      if (isOfPages ||
          !endWithTensor(load.getSource(), map, load.getIndices(), dim,
                         getType(tile).getDimSize(dim), valid))
        return refuse(load, "it leaves out points inside of its tensor, which "
                            "bulk copies do not");
      continue;
    }
    if (int64_t(dim) != box->rowDim)
      return refuse(load, "the swept rank runs along the tensor's last "
                          "dimension");
    const AffineMap map = dot.getLhs() == tile ? dot.getMap(0) : dot.getMap(1);
    auto kept = dot.getMap(2).getResultPosition(map.getResult(dim));
    slot.isCleared = !kept || !isMaskedBeyondCount(dot.getResult(), *kept);
  }
  if (load.getWhere()) {
    slot.seen = matchSeen(load, sweep);
    if (!slot.seen || int64_t(*load.getAlong()) != box->rowDim)
      return refuse(load, "groups find the rows of a slot that are there by a "
                          "mask of the step only");
    if (!isLate || slot.hasRows)
      return refuse(load, "its mask is not there before products read its "
                          "tile");
  }
  for (SlotOperand &known : slots)
    if (known.load == load) {
      if (known.isLate != isLate)
        return refuse(load, "products of two turns of the loop read its tile");
      known.isCleared |= slot.isCleared;
      return {};
    }
  slots.push_back(slot);
  return {};
}

bool StepPlan::isMaskedBeyondCount(Value tile, int64_t dim) const {
  Value count = sweep.getStep().getArgument(1);
  return llvm::all_of(tile.getUsers(), [&](Operation *user) {
    if (auto mask = dyn_cast<tile::MaskOp>(user))
      return !mask.getValid().empty() && mask.getValid()[dim] == count;
    return isPointwise(user) && isMaskedBeyondCount(user->getResult(0), dim);
  });
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

Refusal StepPlan::analyze() {
  auto sweeps = llvm::to_vector(program.getBody().getOps<tile::SweepOp>());
  if (sweeps.size() != 1)
    return refuse(program, "it has " + Twine(sweeps.size()) + " sweeps");
  sweep = sweeps.front();
  if (Refusal r = findRows(); r.op)
    return r;
  for (auto dot : sweep.getStep().getOps<tile::DotOp>())
    if (Refusal r = planProduct(dot); r.op)
      return r;
  if (Refusal r = classify(); r.op)
    return r;
  if (Refusal r = checkOps(); r.op)
    return r;
  findPartialCarries();
  findRunLines();
  return machine.shares > 1 ? planShares() : Refusal();
}
