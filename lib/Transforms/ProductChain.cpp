//===- ProductChain.cpp - two matrix products, one feeding the other ------===//
//
// (a b) c = a (b c) is the distributive law, used twice. What stands between
// the products must then distribute over the sum of the inner one too: be
// linear. The law's failure is looked for in the map regions, operation by
// operation, and told by the algebra registry.
//
//===----------------------------------------------------------------------===//

#include "ProductChain.h"
#include "attn/Analysis/Contractions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static NamedTensorType getType(Value value) {
  return cast<NamedTensorType>(value.getType());
}

bool attn::isPlain(EinsumOp einsum) {
  if (!einsum.getIndices().empty())
    return false;
  llvm::SmallDenseSet<StringAttr, 8> ranks;
  for (unsigned i = 0; i < einsum.getNumVariables(); ++i)
    if (!ranks.insert(einsum.getVariableRank(i)).second)
      return false;
  return llvm::all_of(
      einsum.getIndexingMaps().getAsValueRange<AffineMapAttr>(),
      [](AffineMap map) { return map.isProjectedPermutation(); });
}

static bool hasZeroEmpty(Value value) {
  return getNumericValue(getType(value).getEmpty()) == 0.0;
}

/// An argument of the map, or the float of an integer one.
static bool isElement(Value value, Block &map) {
  if (auto convert = value.getDefiningOp<arith::SIToFPOp>())
    value = convert.getIn();
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &map && argument.hasOneUse();
}

bool attn::isElementProduct(EinsumOp einsum) {
  if (!isPlain(einsum) || !llvm::all_of(einsum.getInputs(), hasZeroEmpty))
    return false;
  if (!einsum.hasMap())
    return true;
  Block &map = einsum.getMap().front();
  SmallVector<Value> values = {map.getTerminator()->getOperand(0)};
  size_t numElements = 0;
  while (!values.empty()) {
    Value value = values.pop_back_val();
    auto product = value.getDefiningOp<arith::MulFOp>();
    if (product && value.hasOneUse()) {
      llvm::append_range(values, product.getOperands());
      continue;
    }
    if (!isElement(value, map))
      return false;
    ++numElements;
  }
  return numElements == einsum.getInputs().size();
}

static bool isProduct(EinsumOp einsum) {
  return isSumOfProducts(einsum) && isPlain(einsum);
}

static bool isElementwise(EinsumOp einsum) {
  return !einsum.getMonoidAttr() && isPlain(einsum);
}

namespace {
/// What a map region does with one of its arguments.
struct MapLaw {
  /// The operation that is not linear in the argument, or null.
  Operation *failing = nullptr;
  /// The map multiplies by other arguments.
  bool readsOthers = false;
};
} // namespace

/// Follows `argument` through its map region.
static MapLaw findLaw(EinsumOp einsum, unsigned argument) {
  MapLaw law;
  if (!einsum.hasMap()) {
    law.readsOthers = einsum.getInputs().size() != 1;
    return law;
  }
  Block &map = einsum.getMap().front();
  llvm::DenseSet<Value> dependent = {map.getArgument(argument)};
  for (Operation &op : map.without_terminator()) {
    llvm::SmallBitVector reads(op.getNumOperands());
    for (auto [i, operand] : llvm::enumerate(op.getOperands()))
      if (dependent.contains(operand))
        reads.set(i);
    if (reads.none())
      continue;
    bool scales = (isa<arith::MulFOp>(op) && reads.count() == 1) ||
                  (isa<arith::DivFOp>(op) && reads.count() == 1 && reads[0]) ||
                  isa<arith::NegFOp>(op);
    if (!scales && isa<arith::AddFOp, arith::SubFOp>(op)) {
      // A shift alone fails too, but what follows may fail harder.
      if (!law.failing)
        law.failing = &op;
    } else if (!scales) {
      law.failing = &op;
      return law;
    }
    dependent.insert(op.getResult(0));
  }
  if (!law.failing && !dependent.contains(map.getTerminator()->getOperand(0)))
    law.failing = map.getTerminator();
  for (auto [i, other] : llvm::enumerate(map.getArguments()))
    law.readsOthers |= i != argument && !other.use_empty();
  return law;
}

static std::string quote(Value value) {
  return "'" + getValueName(value) + "'";
}

static void obstruct(ProductChain &chain, ChainObstacle obstacle,
                     Location where, const Twine &reason) {
  if (chain.obstacle != ChainObstacle::None && chain.obstacle <= obstacle)
    return;
  chain.obstacle = obstacle;
  chain.where = where;
  chain.reason = reason.str();
}

static void checkEinsum(ProductChain &chain, EinsumOp einsum) {
  Value value = einsum.getResult();
  auto func = einsum->getParentOfType<FuncOp>();
  for (unsigned i = 0; i < einsum.getNumVariables(); ++i)
    if (RankOp rank = func.getRankDeclaration(einsum.getVariableRank(i));
        rank && rank.getKind() != RankKind::Dense)
      obstruct(chain, ChainObstacle::Predicate, einsum.getLoc(),
               "the coordinates of rank '" + rank.getName() + "' of " +
                   quote(value) +
                   " depend on other ranks, which another order may not have");
  if (einsum.hasWhere())
    obstruct(chain, ChainObstacle::Predicate, einsum.getLoc(),
             quote(value) + " has a predicate, and a choice of points is no "
                            "factor of the product");
  if (einsum == chain.outer)
    return;
  if (!hasZeroEmpty(value))
    obstruct(chain, ChainObstacle::Empty, einsum.getLoc(),
             "the empty value of " + quote(value) +
                 " is not 0, which the product needs to absorb");
  if (!value.hasOneUse())
    obstruct(chain, ChainObstacle::Uses, einsum.getLoc(),
             quote(value) + " has other uses, so it has to be computed anyway");
}

static void checkBetween(ProductChain &chain, EinsumOp einsum,
                         unsigned operand) {
  checkEinsum(chain, einsum);
  MapLaw law = findLaw(einsum, operand);
  if (law.failing) {
    std::string name = law.failing->getName().getStringRef().str();
    std::string text = "'" + name + "' of " + quote(einsum.getResult()) +
                       " stands between the products and is not additive: "
                       "f(x + y) = f(x) + f(y) fails";
    const AlgebraRegistry &algebra =
        einsum->getContext()->getLoadedDialect<CascadeDialect>()->getAlgebra();
    if (auto facts = algebra.lookupFacts(law.failing))
      for (const Homomorphism &fact : facts->homomorphisms)
        text += ", it takes '" + fact.from + "' to '" + fact.to + "'";
    obstruct(chain, ChainObstacle::Law, law.failing->getLoc(), text);
  } else if (law.readsOthers) {
    obstruct(chain, ChainObstacle::Factor, einsum.getLoc(),
             quote(einsum.getResult()) +
                 " multiplies by a tensor between the products, and only "
                 "scalars can move behind them");
  }
}

/// The operand through which the ranks of `einsum` come: the first that has all
/// of them.
static std::optional<unsigned> getMainOperand(EinsumOp einsum) {
  ArrayRef<StringAttr> ranks = getType(einsum.getResult()).getRanks();
  for (unsigned i = 0; i < einsum.getInputs().size(); ++i) {
    NamedTensorType type = getType(einsum.getInputs()[i]);
    if (llvm::all_of(ranks, [&](StringAttr rank) {
          return type.getRankPosition(rank).has_value();
        }))
      return i;
  }
  return std::nullopt;
}

static std::optional<ProductChain> findChain(EinsumOp outer, unsigned operand) {
  ProductChain chain{{},
                     outer,
                     {},
                     {},
                     outer.getInputs()[1 - operand],
                     {},
                     {},
                     ChainObstacle::None,
                     outer.getLoc(),
                     {}};
  checkEinsum(chain, outer);
  Value value = outer.getInputs()[operand];
  while (auto einsum = value.getDefiningOp<EinsumOp>()) {
    if (einsum->getBlock() != outer->getBlock())
      return std::nullopt;
    if (isProduct(einsum)) {
      checkEinsum(chain, einsum);
      chain.inner = einsum;
      chain.a = einsum.getInputs()[0];
      chain.b = einsum.getInputs()[1];
      if (operand == 0)
        chain.factors = {chain.a, chain.b, chain.c};
      else
        chain.factors = {chain.c, chain.a, chain.b};
      std::reverse(chain.between.begin(), chain.between.end());
      for (Value factor : {chain.a, chain.b, chain.c})
        if (!hasZeroEmpty(factor))
          obstruct(chain, ChainObstacle::Empty, einsum.getLoc(),
                   "the empty value of " + quote(factor) +
                       " is not 0, which the product needs to absorb");
      return chain;
    }
    std::optional<unsigned> main = getMainOperand(einsum);
    if (!isElementwise(einsum) || !main)
      return std::nullopt;
    checkBetween(chain, einsum, *main);
    chain.between.push_back(einsum);
    value = einsum.getInputs()[*main];
  }
  return std::nullopt;
}

SmallVector<ProductChain, 2> attn::findChains(EinsumOp outer) {
  SmallVector<ProductChain, 2> chains;
  if (!isProduct(outer))
    return chains;
  for (unsigned operand : {0u, 1u})
    if (std::optional<ProductChain> chain = findChain(outer, operand))
      chains.push_back(std::move(*chain));
  return chains;
}
