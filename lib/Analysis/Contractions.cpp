//===- Contractions.cpp - matrix products of a cascade --------------------===//

#include "attn/Analysis/Contractions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

bool attn::isSumOfProducts(EinsumOp einsum) {
  if (einsum.getInputs().size() != 2 || !einsum.getMonoidAttr() ||
      einsum.getMonoidAttr().getName() != "add")
    return false;
  if (!einsum.hasMap())
    return true;
  Block &map = einsum.getMap().front();
  auto mul = map.getTerminator()->getOperand(0).getDefiningOp<arith::MulFOp>();
  return mul && isa<BlockArgument>(mul.getLhs()) &&
         isa<BlockArgument>(mul.getRhs()) && mul.getLhs() != mul.getRhs();
}

/// True if `op` gives each element of its operand a place or a new value.
static bool isElementwise(Operation *op) {
  if (isa<SplitOp, MergeOp>(op))
    return true;
  auto einsum = dyn_cast<EinsumOp>(op);
  return einsum && einsum.getInputs().size() == 1 &&
         einsum.getIndices().empty() && !einsum.getMonoid();
}

static bool isOfArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isElementwise(op))
      return false;
    value = op->getOperand(0);
  }
  // A step's slice is a piece of what the scan reads.
  auto argument = cast<BlockArgument>(value);
  auto scan = dyn_cast<ScanOp>(argument.getOwner()->getParentOp());
  if (!scan)
    return true;
  unsigned number = argument.getArgNumber();
  return number >= 1 && number <= scan.getInputs().size() &&
         isOfArgument(scan.getInputs()[number - 1]);
}

/// True if `value` is computed in a scan's step and has no rank that the scan
/// cuts: a carry, or what becomes one.
static bool isState(Value value) {
  auto scan = dyn_cast_or_null<ScanOp>(value.getParentBlock()->getParentOp());
  if (!scan)
    return false;
  auto type = cast<NamedTensorType>(value.getType());
  if (scan.getBy() && type.getRankPosition(*scan.getBy()))
    return false;
  auto argument = dyn_cast<BlockArgument>(value);
  return !argument || argument.getArgNumber() > scan.getInputs().size();
}

/// The variables that `map` reads, or nothing if it does more than name them.
static std::optional<llvm::SmallBitVector> getVariables(AffineMap map) {
  llvm::SmallBitVector variables(map.getNumDims());
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return std::nullopt;
    variables.set(dim.getPosition());
  }
  return variables;
}

/// The rank that variables over `rank` go over in all steps of the scans around
/// `op`; the scans that they account for leave `open`.
static StringAttr getWholeRank(StringAttr rank, SmallVectorImpl<ScanOp> &open) {
  for (ScanOp *scan = open.begin(); scan != open.end(); ++scan)
    if (scan->getByAttr() == rank) {
      rank = scan->getRankAttr();
      open.erase(scan);
      break;
    }
  return rank;
}

static std::optional<MatrixProduct> getMatrixProduct(EinsumOp einsum) {
  if (!isSumOfProducts(einsum))
    return std::nullopt;
  auto lhs = getVariables(einsum.getInputMap(0));
  auto rhs = getVariables(einsum.getInputMap(1));
  auto out = getVariables(einsum.getOutputMap());
  if (!lhs || !rhs || !out)
    return std::nullopt;
  MatrixProduct product;
  product.einsum = einsum;
  SmallVector<ScanOp> open;
  for (auto scan = einsum->getParentOfType<ScanOp>(); scan;
       scan = scan->getParentOfType<ScanOp>())
    open.push_back(scan);
  for (unsigned i = 0; i < einsum.getNumVariables(); ++i) {
    bool inLhs = lhs->test(i), inRhs = rhs->test(i), inOut = out->test(i);
    auto &side = inLhs && inRhs ? (inOut ? product.batch : product.depth)
                 : inLhs        ? product.rows
                                : product.columns;
    // Summed over one operand alone: no product of two matrices.
    if (inLhs != inRhs && !inOut)
      return std::nullopt;
    side.push_back(getWholeRank(einsum.getVariableRank(i), open));
  }
  if (product.depth.empty())
    return std::nullopt;
  for (ScanOp scan : open)
    product.batch.push_back(scan.getRankAttr());
  product.ofArguments = llvm::all_of(einsum.getInputs(), isOfArgument);
  product.readsState = llvm::any_of(einsum.getInputs(), isState);
  return product;
}

std::vector<MatrixProduct> attn::findMatrixProducts(FuncOp func) {
  std::vector<MatrixProduct> products;
  func.getBody().walk<WalkOrder::PreOrder>([&](EinsumOp einsum) {
    auto scan = einsum->getParentOfType<ScanOp>();
    if (scan && !scan.getStep().isAncestor(einsum->getParentRegion()))
      return;
    if (std::optional<MatrixProduct> product = getMatrixProduct(einsum))
      products.push_back(std::move(*product));
  });
  return products;
}

bool attn::isInMatrixProduct(Value value) {
  if (Operation *op = value.getDefiningOp()) {
    if (auto einsum = dyn_cast<EinsumOp>(op); einsum && !einsum.getMonoid())
      return llvm::any_of(einsum.getInputs(), [&](Value input) {
        return input.getType() == value.getType() && isInMatrixProduct(input);
      });
    if (auto einsum = dyn_cast<EinsumOp>(op))
      return getMatrixProduct(einsum).has_value();
    // A scan's accumulators of products.
    auto scan = dyn_cast<ScanOp>(op);
    return scan && llvm::any_of(scan.getStep().getOps<EinsumOp>(),
                                [&](EinsumOp einsum) {
                                  return einsum.getType() == value.getType() &&
                                         getMatrixProduct(einsum);
                                });
  }
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (auto einsum = dyn_cast<EinsumOp>(user))
      return getMatrixProduct(einsum).has_value();
    if (auto scan = dyn_cast<ScanOp>(user))
      for (auto [i, input] : llvm::enumerate(scan.getInputs()))
        if (input == value && isInMatrixProduct(scan.getSlice(i)))
          return true;
    return isa<SplitOp, MergeOp>(user) && isInMatrixProduct(user->getResult(0));
  });
}
