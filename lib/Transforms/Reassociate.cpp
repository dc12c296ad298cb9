//===- Reassociate.cpp - the order of matrix products ---------------------===//

#include "attn/Transforms/Reassociate.h"
#include "ProductChain.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/CascadeBuilder.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"

namespace attn {
#define GEN_PASS_DEF_REASSOCIATEPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

#define DEBUG_TYPE "cascade-reassociate"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {

/// Extents as far as they are known, and long ones for the others.
class CostModel {
public:
  CostModel(FuncOp func, const RankExtents &given) : extents(given) {
    for (RankOp rank : func.getBody().getOps<RankOp>())
      if (std::optional<int64_t> extent = rank.getExtent())
        extents.try_emplace(rank.getName(), *extent);
    for (auto &entry : extents)
      unknown = std::max(unknown, 2.0 * entry.second);
  }

  double count(ArrayRef<StringAttr> ranks) const {
    double product = 1;
    for (StringAttr rank : ranks) {
      auto extent = extents.find(rank);
      product *= extent == extents.end() ? unknown : extent->second;
    }
    return product;
  }

private:
  RankExtents extents;
  double unknown = 65536;
};

/// One order of a chain: the product of `first` and `second`, then with `last`.
struct Order {
  Value first, second, last;
  /// Of the product of the first two.
  SmallVector<StringAttr> kept;
  double cost;
  RankPolynomial multiplyAdds;
};

} // namespace

static ArrayRef<StringAttr> getRanks(Value value) {
  return cast<NamedTensorType>(value.getType()).getRanks();
}

static RankPolynomial getTerm(ArrayRef<StringAttr> ranks) {
  SmallVector<StringRef> names;
  for (StringAttr rank : ranks)
    names.push_back(rank.getValue());
  return RankPolynomial(1, names);
}

static Order makeOrder(const CostModel &model, Value first, Value second,
                       Value last, Value result) {
  llvm::SetVector<StringAttr> inner, outer;
  inner.insert_range(getRanks(first));
  inner.insert_range(getRanks(second));
  Order order = {first, second, last, {}, 0, {}};
  for (StringAttr rank : inner)
    if (llvm::is_contained(getRanks(last), rank) ||
        llvm::is_contained(getRanks(result), rank))
      order.kept.push_back(rank);
  outer.insert_range(getRanks(result));
  outer.insert_range(order.kept);
  outer.insert_range(getRanks(last));
  order.cost =
      model.count(inner.getArrayRef()) + model.count(outer.getArrayRef());
  order.multiplyAdds = getTerm(inner.getArrayRef());
  order.multiplyAdds += getTerm(outer.getArrayRef());
  return order;
}

/// The order of `chain` that costs least, the present one first of equals.
static std::pair<Order, Order> compareOrders(const CostModel &model,
                                             ProductChain &chain) {
  Value result = chain.outer.getResult();
  Order present = makeOrder(model, chain.a, chain.b, chain.c, result);
  Order best = present;
  auto [x, y, z] = chain.factors;
  for (const Order &other :
       {makeOrder(model, y, z, x, result), makeOrder(model, x, y, z, result),
        makeOrder(model, x, z, y, result)})
    if (other.cost < best.cost)
      best = other;
  return {present, best};
}

/// Drops the name: the new value is not what the author called so.
static Location withoutName(Location loc) {
  if (auto named = dyn_cast<NameLoc>(loc))
    return named.getChildLoc();
  return loc;
}

static void applyOrder(ProductChain &chain, const Order &order) {
  EinsumOp outer = chain.outer;
  IRRewriter rewriter(outer);
  auto resultType = cast<NamedTensorType>(outer.getType());
  auto innerType = cast<NamedTensorType>(chain.inner.getType());
  // The new intermediate is summed over a sequence: it keeps the precision in
  // which regions compute.
  NamedTensorType type = innerType.withRanks(order.kept)
                             .withElementType(innerType.getComputeType());
  MonoidAttr add = outer.getMonoidAttr();
  Value partial = buildEinsum(rewriter, withoutName(chain.inner.getLoc()), type,
                              {order.first, order.second}, add)
                      .getResult();
  SmallVector<Value, 2> factors = {partial, order.last};
  if (order.last == chain.factors.front())
    std::swap(factors[0], factors[1]);
  Value result = buildEinsum(rewriter, outer.getLoc(), resultType, factors, add)
                     .getResult();
  for (EinsumOp scale : chain.between)
    if (scale.hasMap())
      result = buildEinsum(rewriter, scale.getLoc(), resultType, result, {},
                           [&](OpBuilder &builder, Location, ValueRange args) {
                             IRMapping mapping;
                             Block &map = scale.getMap().front();
                             mapping.map(map.getArgument(0), args[0]);
                             for (Operation &op : map.without_terminator())
                               builder.clone(op, mapping);
                             return mapping.lookupOrDefault(
                                 map.getTerminator()->getOperand(0));
                           })
                   .getResult();
  rewriter.replaceOp(outer, result);
  for (EinsumOp scale : llvm::reverse(chain.between))
    rewriter.eraseOp(scale);
  rewriter.eraseOp(chain.inner);
}

static void remarkKept(FuncOp func, ProductChain &chain, const Order &present,
                       const Order &best) {
  std::string text = "keeps " + present.multiplyAdds.str() +
                     " multiply-adds where " + best.multiplyAdds.str() +
                     " would do: ";
  Location where = chain.where;
  if (chain.obstacle == ChainObstacle::None) {
    text += "the function lacks 'reassoc'";
    where = chain.outer.getLoc();
  }
  remark::missed(where, remark::RemarkOpts::name("ProductsKept")
                            .category(DEBUG_TYPE)
                            .function(func.getSymName()))
      << text + chain.reason;
}

/// Reorders one chain, or says why those that would gain stay. Remarks are for
/// the last call only, when nothing more changes.
static bool reorderOne(FuncOp func, const CostModel &model, bool remarks) {
  SmallVector<EinsumOp> einsums;
  func.getBody().walk([&](EinsumOp einsum) { einsums.push_back(einsum); });
  for (EinsumOp einsum : einsums)
    for (ProductChain &chain : findChains(einsum)) {
      auto [present, best] = compareOrders(model, chain);
      if (best.cost >= present.cost)
        continue;
      if (remarks) {
        remarkKept(func, chain, present, best);
        continue;
      }
      if (chain.obstacle != ChainObstacle::None || !func.getReassoc())
        continue;
      remark::passed(chain.outer.getLoc(),
                     remark::RemarkOpts::name("ProductsReordered")
                         .category(DEBUG_TYPE)
                         .function(func.getSymName()))
          << "takes " + best.multiplyAdds.str() + " multiply-adds, before " +
                 present.multiplyAdds.str();
      applyOrder(chain, best);
      return true;
    }
  return false;
}

void attn::reassociateProducts(FuncOp func, const RankExtents &extents) {
  CostModel model(func, extents);
  while (reorderOne(func, model, /*remarks=*/false))
    ;
  reorderOne(func, model, /*remarks=*/true);
}

namespace {
struct Reassociate final : attn::impl::ReassociatePassBase<Reassociate> {
  using ReassociatePassBase::ReassociatePassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    RankExtents extents;
    if (auto wrong = parseRankExtents(extentOptions, extents)) {
      emitError(func.getLoc(), "expects option 'extents' to be a list of "
                               "RANK=N with N at least 1, but got '")
          << *wrong << "'";
      return signalPassFailure();
    }
    reassociateProducts(func, extents);
  }
};
} // namespace
