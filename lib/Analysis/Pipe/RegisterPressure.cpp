//===- RegisterPressure.cpp - registers that a role's tiles take ----------===//
//
// Walks blocks from their ends: what is used later is live. A loop's body holds
// what lives after the loop and what any iteration reads from outside.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/RegisterPressure.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;

int64_t attn::countRegisters(Type type) {
  if (auto token = dyn_cast<TokenType>(type))
    type = token.getAccumulator();
  FragmentAttr fragment = getFragment(type);
  if (!fragment)
    return 0;
  auto tensor = cast<RankedTensorType>(type);
  unsigned bits = tensor.getElementTypeBitWidth();
  if (bits == 1)
    return 0;
  auto slice = dyn_cast<SliceAttr>(tensor.getEncoding());
  int64_t count = 1;
  for (DigitAttr digit : fragment.getRegisters())
    if (!slice || digit.getDim() != slice.getDim())
      count *= digit.getSize();
  return llvm::divideCeil(count * bits, 32);
}

/// Registers of a scalar that is no constant and no parameter of the kernel,
/// which instructions read from where they are.
static int64_t countScalar(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && isa<KernelOp>(argument.getOwner()->getParentOp()))
    return 0;
  Type type = value.getType();
  if (isa<CursorType>(type))
    return 2;
  if (!type.isIntOrIndexOrFloat() || matchPattern(value, m_Constant()))
    return 0;
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  return bits == 1 ? 0 : llvm::divideCeil(bits, 32);
}

namespace {
using LiveSet = llvm::SmallSetVector<Value, 16>;

class Estimator {
public:
  /// Goes through `block`, after which `live` is; leaves in `live` what is live
  /// before it.
  void visit(Block &block, LiveSet &live);

  RegisterPressure result;

private:
  void visit(Operation &op, LiveSet &live);
  void visitRegions(Operation &op, LiveSet &live);
  static void add(Value value, LiveSet &live);
  void measure(Operation &op, const LiveSet &live);
};
} // namespace

/// Whether all that `op` gives is used by ops behind it with nothing but
/// elementwise ones between: then each element goes its way alone.
static bool isPassedOn(Operation *op) {
  if (!op->hasTrait<OpTrait::Elementwise>() || op->use_empty())
    return false;
  size_t left = llvm::range_size(op->getUses());
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode()) {
    bool isElementwise = next->hasTrait<OpTrait::Elementwise>();
    if (!isElementwise && !isa<BroadcastOp, SplatOp>(next) &&
        !matchPattern(next, m_Constant()))
      return false;
    left -= llvm::count_if(next->getOpOperands(), [&](OpOperand &operand) {
      return isElementwise && operand.get().getDefiningOp() == op;
    });
    if (left == 0)
      return true;
  }
  return false;
}

void Estimator::add(Value value, LiveSet &live) {
  Operation *op = value.getDefiningOp();
  if (op && isa<BroadcastOp>(op)) {
    add(cast<BroadcastOp>(op).getLine(), live);
    return;
  }
  if (op && (isa<CoordOp, SplatOp>(op) || matchPattern(op, m_Constant())))
    return;
  // Conditions are made where they are used, of what they compare; so are
  // coordinates, and what is read at them, and what goes from one elementwise
  // op to the next.
  auto type = dyn_cast<RankedTensorType>(value.getType());
  bool isMade = op && type &&
                (type.getElementType().isInteger(1) || isa<GatherOp>(op) ||
                 (type.getRank() == 2 && isPassedOn(op)) ||
                 (type.getElementType().isInteger() &&
                  OpTrait::hasElementwiseMappableTraits(op)));
  if (isMade) {
    for (Value operand : op->getOperands())
      add(operand, live);
    return;
  }
  bool takesAny = countRegisters(value.getType()) != 0 || countScalar(value);
  if (!takesAny || !live.insert(value))
    return;
  // While a product is in flight its left side is too.
  if (auto product = dyn_cast_or_null<MmaAsyncOp>(op))
    add(product.getLhs(), live);
}

void Estimator::measure(Operation &op, const LiveSet &live) {
  int64_t registers = 0, scalars = 0;
  for (Value value : live) {
    registers += countRegisters(value.getType());
    scalars += countScalar(value);
  }
  // Of several points the first.
  bool isMore = registers > result.registers ||
                (registers == result.registers && scalars >= result.scalars);
  if (registers + scalars == 0 || !isMore)
    return;
  result.registers = registers;
  result.scalars = scalars;
  result.peak = &op;
  result.values.clear();
  llvm::copy_if(live, std::back_inserter(result.values), [](Value value) {
    return countRegisters(value.getType()) != 0;
  });
  llvm::stable_sort(result.values, [](Value a, Value b) {
    return countRegisters(a.getType()) > countRegisters(b.getType());
  });
}

void Estimator::visitRegions(Operation &op, LiveSet &live) {
  LiveSet before = live;
  bool repeats = !op.hasTrait<OpTrait::NoRegionArguments>();
  if (repeats)
    for (Region &region : op.getRegions())
      visitUsedValuesDefinedAbove(
          region, [&](OpOperand *use) { add(use->get(), before); });
  for (Region &region : op.getRegions())
    for (Block &block : llvm::reverse(region)) {
      LiveSet inside = repeats ? before : live;
      visit(block, inside);
      for (BlockArgument argument : block.getArguments())
        inside.remove(argument);
      before.insert_range(inside);
    }
  live = std::move(before);
}

void Estimator::visit(Operation &op, LiveSet &live) {
  measure(op, live);
  for (Value value : op.getResults())
    live.remove(value);
  if (op.getNumRegions() != 0)
    visitRegions(op, live);
  // An accumulator goes on in the token.
  for (Value operand : op.getOperands())
    add(operand, live);
  measure(op, live);
}

void Estimator::visit(Block &block, LiveSet &live) {
  for (Operation &op : llvm::reverse(block))
    visit(op, live);
}

RegisterPressure attn::estimateRegisters(RoleOp role) {
  Estimator estimator;
  LiveSet live;
  estimator.visit(role.getBody().front(), live);
  return std::move(estimator.result);
}
