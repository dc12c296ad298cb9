//===- Barriers.cpp - values that end a pass, and how to do without -------===//

#include "attn/Analysis/Barriers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

bool attn::hasRank(Value value, StringRef rank) {
  auto type = dyn_cast<NamedTensorType>(value.getType());
  return type && type.getRankPosition(rank);
}

std::optional<unsigned> attn::getRankVariable(EinsumOp op, StringRef rank) {
  std::optional<unsigned> found;
  for (unsigned i = 0, e = op.getNumVariables(); i < e; ++i)
    if (op.getVariableRank(i).getValue() == rank) {
      if (found)
        return std::nullopt;
      found = i;
    }
  return found;
}

bool attn::reducesRank(EinsumOp op, StringRef rank) {
  for (unsigned i = 0, e = op.getNumVariables(); i < e; ++i)
    if (op.getVariableRank(i).getValue() == rank && op.isReduced(i))
      return true;
  return false;
}

SmallVector<Value> attn::getRegionReads(EinsumOp op) {
  SmallVector<Value> reads;
  op->walk([&](ReadOp read) { reads.push_back(read.getSource()); });
  op->walk([&](MemberOp member) { reads.push_back(member.getSource()); });
  return reads;
}

llvm::DenseSet<Value> attn::findLateValues(FuncOp func, StringRef rank) {
  llvm::DenseSet<Value> late;
  for (Operation &op : func.getBody().front()) {
    bool depends = llvm::any_of(op.getOperands(),
                                [&](Value v) { return late.contains(v); });
    if (auto einsum = dyn_cast<EinsumOp>(op)) {
      depends |= reducesRank(einsum, rank);
      for (Value read : getRegionReads(einsum))
        depends |= late.contains(read);
    }
    if (auto scan = dyn_cast<ScanOp>(op))
      depends |= scan.getRank() == rank;
    // A tensor over the rank that depends on a late value makes what is reduced
    // from it late, and itself is not one.
    if (!depends)
      continue;
    for (Value result : op.getResults())
      late.insert(result);
  }
  return late;
}

SmallVector<Value> attn::findBarriers(FuncOp func, StringRef rank) {
  llvm::DenseSet<Value> late = findLateValues(func, rank);
  llvm::SetVector<Value> barriers;
  for (auto einsum : func.getBody().getOps<EinsumOp>()) {
    if (!getRankVariable(einsum, rank))
      continue;
    for (Value operand : einsum.getOperands())
      if (late.contains(operand) && !hasRank(operand, rank))
        barriers.insert(operand);
  }
  SmallVector<Value> result = barriers.takeVector();
  llvm::sort(result, [](Value a, Value b) {
    return a.getDefiningOp()->isBeforeInBlock(b.getDefiningOp());
  });
  return result;
}

namespace {
class Planner {
public:
  Planner(FuncOp func, StringRef rank, Value barrier)
      : rank(rank), late(findLateValues(func, rank)),
        algebra(cast<CascadeDialect>(func->getDialect())->getAlgebra()) {
    plan.barrier = barrier;
    // Einsums over the rank downstream of the barrier, in order.
    dependent.insert(barrier);
    for (auto einsum : func.getBody().getOps<EinsumOp>()) {
      bool reads = llvm::any_of(einsum.getOperands(),
                                [&](Value v) { return dependent.contains(v); });
      for (Value read : getRegionReads(einsum))
        regionReads |= dependent.contains(read);
      if (!reads || !getRankVariable(einsum, rank))
        continue;
      chain.push_back(einsum);
      if (hasRank(einsum.getResult(), rank))
        dependent.insert(einsum.getResult());
    }
  }

  BarrierPlan run() {
    if (regionReads)
      return keep(chain.front(),
                  {chain.front(), "a region reads the late value"});
    for (EinsumOp einsum : chain) {
      if (einsum.getInto())
        return keep(einsum,
                    {einsum, "it goes on from the tensor that it updates"});
      if (!reducesRank(einsum, rank)) {
        // A dependent tensor over the rank may only go into the chain.
        for (Operation *user : einsum->getUsers())
          if (!isa<EinsumOp>(user) ||
              !getRankVariable(cast<EinsumOp>(user), rank))
            return keep(einsum,
                        {einsum, "a tensor over the rank that depends on "
                                 "it is used outside the sweep"});
        continue;
      }
      if (!planReduction(einsum))
        return std::move(plan);
    }
    if (plan.reductions.empty())
      return keep(chain.front(),
                  {chain.front(), "no reduction over the rank takes it up"});
    bool mayOverflow = false;
    for (auto &[op, state] : plan.reductions)
      mayOverflow |= state.mayOverflow;
    if (mayOverflow)
      for (EinsumOp einsum : chain)
        if (std::optional<SeparationFailure> why = findUnsafeRescale(einsum))
          return keep(einsum, *why);
    plan.strategy =
        mayOverflow ? BarrierStrategy::Rescale : BarrierStrategy::Defer;
    return std::move(plan);
  }

private:
  /// The one reduction over the rank that the barrier is made of, or null.
  EinsumOp findRoot() {
    llvm::SetVector<Operation *> seen;
    llvm::SetVector<Operation *> roots;
    seen.insert(plan.barrier.getDefiningOp());
    for (unsigned i = 0; i < seen.size(); ++i) {
      auto einsum = dyn_cast_or_null<EinsumOp>(seen[i]);
      if (!einsum)
        return {};
      if (reducesRank(einsum, rank)) {
        roots.insert(einsum);
        continue;
      }
      for (Value operand : einsum.getOperands())
        if (late.contains(operand))
          seen.insert(operand.getDefiningOp());
    }
    return roots.size() == 1 ? cast<EinsumOp>(roots[0]) : EinsumOp();
  }

  /// True if operand `i` of `einsum` is read at the einsum's own coordinate of
  /// the rank.
  bool readsRankPlainly(EinsumOp einsum, unsigned i) {
    auto type = cast<NamedTensorType>(einsum.getInputs()[i].getType());
    std::optional<unsigned> variable = getRankVariable(einsum, rank);
    std::optional<unsigned> position = type.getRankPosition(rank);
    return variable && position &&
           einsum.getInputMap(i).getResult(*position) ==
               getAffineDimExpr(*variable, einsum.getContext());
  }

  /// Why a running value of the barrier would not do in `einsum`, or nothing.
  /// While the running value is the identity it says nothing of the points seen
  /// so far, so those must contribute nothing; that is shown if the barrier is
  /// the maximum (or minimum) of an operand of `einsum` whose identity empties
  /// the point. A sum that is followed may overflow on the way.
  std::optional<SeparationFailure> findUnsafeRescale(EinsumOp einsum) {
    if (auto it = plan.reductions.find(einsum); it != plan.reductions.end()) {
      const FactorState &state = it->second;
      if (!makeRescale(
              algebra, *state.monoid, state.barrier, [](unsigned leaf) {
                return leaf == kBarrierLeaf ? std::optional(kBarrierLeaf + 1)
                                            : std::nullopt;
              }))
        return SeparationFailure{einsum,
                                 "the late value's part has no inverse in '" +
                                     state.monoid->name + "'"};
    }
    if (!llvm::is_contained(einsum.getInputs(), plan.barrier))
      return std::nullopt;
    EinsumOp root = findRoot();
    if (!root || !root.getMonoidAttr().getInfo().idempotent)
      return SeparationFailure{einsum,
                               "only a running maximum or minimum is followed"};
    SeparationFailure unseen = {
        einsum, "its points may count before the late value has any"};
    if (root.getInputs().size() != 1 || !root.getIndices().empty() ||
        root.hasWhere() || root.hasMap() || !readsRankPlainly(root, 0))
      return unseen;
    auto identity = getNumericValue(root.getMonoidAttr().getInfo().identity(
        cast<NamedTensorType>(root.getType()).getComputeType()));
    for (auto [i, input] : llvm::enumerate(einsum.getInputs())) {
      if (input != root.getInputs()[0] || !readsRankPlainly(einsum, i))
        continue;
      if (einsum.getMerge(i) == Merge::Absorb &&
          getNumericValue(cast<NamedTensorType>(input.getType()).getEmpty()) ==
              identity)
        return std::nullopt;
      // An identity that is not the operand's empty value empties the point by
      // arithmetic, once the barrier is out of it.
      SmallVector<double> values(einsum.getInputs().size(), *identity);
      MonoidAttr sum = einsum.getMonoidAttr();
      auto type = cast<NamedTensorType>(einsum.getType());
      double nothing =
          *getNumericValue(sum ? sum.getInfo().identity(type.getComputeType())
                               : type.getEmpty());
      bool absorbed =
          llvm::all_of(llvm::enumerate(einsum.getInputs()), [&](auto entry) {
            return entry.value() != plan.barrier ||
                   einsum.getMerge(entry.index()) == Merge::Absorb;
          });
      if (absorbed && deriveMerges(algebra, einsum.getMap(), values,
                                   nothing)[i] == Merge::Absorb)
        return std::nullopt;
    }
    return unseen;
  }

  /// True if operand `i` is read at the result's own coordinates along each
  /// rank of the barrier.
  bool readsInPlace(EinsumOp einsum, unsigned i) {
    auto type = cast<NamedTensorType>(einsum.getInputs()[i].getType());
    auto result = cast<NamedTensorType>(einsum.getType());
    auto barrier = cast<NamedTensorType>(plan.barrier.getType());
    return llvm::all_of(barrier.getRanks(), [&](StringAttr name) {
      std::optional<unsigned> from = type.getRankPosition(name);
      std::optional<unsigned> to = result.getRankPosition(name);
      return from && to &&
             isa<AffineDimExpr>(einsum.getInputMap(i).getResult(*from)) &&
             einsum.getInputMap(i).getResult(*from) ==
                 einsum.getOutputMap().getResult(*to);
    });
  }

  /// True if an empty entry of operand `i`, made by a dependent Einsum, is the
  /// same with and without the barrier's part: it absorbs in `monoid`, or there
  /// is none.
  bool isEmptinessKept(EinsumOp einsum, unsigned i, const MonoidInfo &monoid) {
    auto producer = einsum.getInputs()[i].getDefiningOp<EinsumOp>();
    double empty =
        *getNumericValue(cast<NamedTensorType>(producer.getType()).getEmpty());
    if (monoid.name == "mul" ? empty == 0 : std::isinf(empty))
      return true;
    return einsum.getMerge(i) == Merge::Through && !producer.hasWhere() &&
           !producer.getMonoidAttr() &&
           llvm::all_of(einsum.getInputMap(i).getResults(),
                        llvm::IsaPred<AffineDimExpr>) &&
           llvm::all_of(llvm::seq<unsigned>(0, producer.getInputs().size()),
                        [&](unsigned j) {
                          return producer.getMerge(j) == Merge::Through;
                        });
  }

  /// What an empty barrier does to `einsum`'s points, or why there is no one
  /// answer.
  std::optional<Merge> getBarrierMerge(EinsumOp einsum,
                                       ArrayRef<const MonoidInfo *> choice,
                                       SeparationFailure &why) {
    std::optional<Merge> merge;
    for (auto [i, input] : llvm::enumerate(einsum.getInputs())) {
      if (input != plan.barrier && !choice[i])
        continue;
      Merge own = einsum.getMerge(i);
      if (!readsInPlace(einsum, i)) {
        why = {einsum, "it is read at other coordinates than the result's"};
        return std::nullopt;
      }
      if (input != plan.barrier) {
        if (!isEmptinessKept(einsum, i, *choice[i])) {
          why = {einsum, "an empty entry of operand #" + std::to_string(i) +
                             " is none in '" + choice[i]->name +
                             "' without the late value"};
          return std::nullopt;
        }
        own = plan.states.at({input.getDefiningOp(), choice[i]}).barrierMerge;
      }
      if (merge && *merge != own) {
        why = {einsum, "an empty late value is nothing in one operand and a "
                       "number in another"};
        return std::nullopt;
      }
      merge = own;
    }
    return merge;
  }

  void setKept(EinsumOp at, SeparationFailure why) {
    plan.strategy = BarrierStrategy::Keep;
    plan.why = std::move(why);
    plan.failedAt = at;
  }

  BarrierPlan keep(EinsumOp at, SeparationFailure why) {
    setKept(at, std::move(why));
    return std::move(plan);
  }

  bool planReduction(EinsumOp einsum) {
    const MonoidInfo &sum = einsum.getMonoidAttr().getInfo();
    SeparationFailure why;
    for (StringRef name : algebra.getMonoidNames()) {
      const MonoidInfo *product = algebra.lookupMonoid(name);
      if (!llvm::is_contained(product->distributesOver, sum.name))
        continue;
      if (auto state = solve(einsum, *product, why)) {
        plan.reductions[einsum] = *state;
        return true;
      }
    }
    if (!why.op)
      why = {einsum, "no operation distributes over '" + sum.name + "'"};
    setKept(failedAt ? failedAt : einsum, why);
    return false;
  }

  /// The value of `einsum` as element * barrier part in `monoid`.
  std::optional<FactorState> solve(EinsumOp einsum, const MonoidInfo &monoid,
                                   SeparationFailure &why) {
    auto key = std::make_pair(einsum.getOperation(), &monoid);
    auto known = plan.states.find(key);
    if (known != plan.states.end())
      return known->second;
    if (!reducesRank(einsum, rank) && einsum.getMonoidAttr() &&
        !llvm::is_contained(monoid.distributesOver,
                            einsum.getMonoidAttr().getName().getValue())) {
      reject(einsum,
             {einsum, "'" + monoid.name + "' does not distribute over '" +
                          einsum.getMonoidAttr().getName().str() + "'"},
             why);
      return std::nullopt;
    }
    // Candidates for the operands: each monoid in which it separates.
    SmallVector<SmallVector<const MonoidInfo *>> choices(1);
    choices[0].assign(einsum.getInputs().size(), nullptr);
    for (auto [i, input] : llvm::enumerate(einsum.getInputs())) {
      if (!dependent.contains(input) || input == plan.barrier)
        continue;
      auto producer = input.getDefiningOp<EinsumOp>();
      SmallVector<SmallVector<const MonoidInfo *>> extended;
      for (StringRef name : algebra.getMonoidNames()) {
        const MonoidInfo *candidate = algebra.lookupMonoid(name);
        if (!candidate->combineInverse || !solve(producer, *candidate, why))
          continue;
        for (auto choice : choices) {
          choice[i] = candidate;
          extended.push_back(choice);
        }
      }
      if (extended.empty())
        return std::nullopt;
      choices = std::move(extended);
    }
    for (auto &choice : choices)
      if (auto state = trySolve(einsum, monoid, choice, why)) {
        plan.states[key] = *state;
        return state;
      }
    return std::nullopt;
  }

  std::optional<FactorState> trySolve(EinsumOp einsum, const MonoidInfo &monoid,
                                      ArrayRef<const MonoidInfo *> choice,
                                      SeparationFailure &why) {
    FailureOr<ScalarExpr> body = buildBody(einsum);
    if (failed(body)) {
      reject(einsum, {einsum, "its map region is not a plain expression"}, why);
      return std::nullopt;
    }
    ScalarExpr expr = substitute(einsum, *body, choice);
    auto roleOf = [&](unsigned leaf) {
      if (leaf == kBarrierLeaf)
        return LeafRole::Barrier;
      if (leaf >= kCapturedLeaf) {
        auto index =
            plan.captured[leaf - kCapturedLeaf].getDefiningOp<IndexOp>();
        return index && isRankCoordinate(index) ? LeafRole::Element
                                                : LeafRole::Invariant;
      }
      return variesWithRank(einsum, leaf) ? LeafRole::Element
                                          : LeafRole::Invariant;
    };
    SeparationFailure local;
    auto separation = separate(algebra, monoid, expr, roleOf, local);
    if (!separation || !separation->element || !separation->barrier) {
      if (local.law.empty())
        local.law = "one side of the separation is trivial";
      if (!local.op)
        local.op = einsum;
      reject(einsum, local, why);
      if (plan.evidence.empty())
        plan.evidence = describeFailure(einsum, monoid, expr, roleOf);
      return std::nullopt;
    }
    std::optional<Merge> merge = getBarrierMerge(einsum, choice, local);
    if (!merge) {
      // Nearer than what other monoids failed for.
      why = {};
      plan.evidence.clear();
      reject(einsum, local, why);
      return std::nullopt;
    }
    FactorState state;
    state.barrierMerge = *merge;
    state.monoid = &monoid;
    state.element = separation->element;
    state.barrier = separation->barrier;
    state.operandMonoids.assign(choice.begin(), choice.end());
    state.mayOverflow = separation->mayOverflow;
    for (auto [i, operandMonoid] : llvm::enumerate(choice))
      if (operandMonoid)
        state.mayOverflow |=
            plan.states
                .at({einsum.getInputs()[i].getDefiningOp(), operandMonoid})
                .mayOverflow;
    // Invariants of the barrier part would have to be carried along; the
    // elements' part can have them all.
    bool hasInvariant = false;
    forEachLeaf(state.barrier, [&](unsigned leaf) {
      if (leaf != kBarrierLeaf)
        hasInvariant |= leaf < kCapturedLeaf || !isScalar(leaf);
    });
    if (hasInvariant) {
      reject(einsum,
             {einsum, "the late value's part depends on another operand"}, why);
      return std::nullopt;
    }
    return state;
  }

  FailureOr<ScalarExpr> buildBody(EinsumOp einsum) {
    unsigned numInputs = einsum.getInputs().size();
    if (!einsum.hasMap()) {
      auto typeOf = [&](unsigned i) {
        return cast<NamedTensorType>(einsum.getInputs()[i].getType())
            .getComputeType();
      };
      const MonoidInfo *mul = algebra.lookupMonoid("mul");
      ScalarExpr product;
      for (unsigned i = 0; i < numInputs; ++i)
        product = i == 0 ? makeLeaf(0, typeOf(0))
                         : makeCombine(*mul, false, product,
                                       makeLeaf(i, typeOf(i)), typeOf(i));
      return product;
    }
    Block &body = einsum.getMap().front();
    return buildScalarExpr(body, [&](Value value) -> std::optional<unsigned> {
      auto argument = dyn_cast<BlockArgument>(value);
      if (argument && argument.getOwner() == &body)
        return argument.getArgNumber();
      bool inside = !argument && value.getDefiningOp()->getBlock() == &body;
      if (inside && !value.getDefiningOp<IndexOp>())
        return std::nullopt;
      auto [it, inserted] = captured.try_emplace(value, plan.captured.size());
      if (inserted)
        plan.captured.push_back(value);
      return kCapturedLeaf + it->second;
    });
  }

  /// Puts element * factor in the place of operands that have a state.
  ScalarExpr substitute(EinsumOp einsum, const ScalarExpr &expr,
                        ArrayRef<const MonoidInfo *> choice) {
    if (expr->kind == ScalarExprNode::Kind::Leaf) {
      unsigned leaf = expr->leaf;
      if (leaf >= einsum.getInputs().size())
        return expr;
      if (einsum.getInputs()[leaf] == plan.barrier)
        return makeLeaf(kBarrierLeaf, expr->type);
      if (!choice[leaf])
        return expr;
      const FactorState &state = plan.states.at(
          {einsum.getInputs()[leaf].getDefiningOp(), choice[leaf]});
      return makeCombine(*choice[leaf], false, expr, state.barrier, expr->type);
    }
    ScalarExprNode node = *expr;
    for (ScalarExpr &operand : node.operands)
      if (operand)
        operand = substitute(einsum, operand, choice);
    return std::make_shared<const ScalarExprNode>(std::move(node));
  }

  /// A scalar from outside the Einsum: neither a coordinate nor a tensor.
  bool isScalar(unsigned leaf) {
    Value value = plan.captured[leaf - kCapturedLeaf];
    return !value.getDefiningOp<IndexOp>() &&
           !isa<NamedTensorType>(value.getType());
  }

  bool isRankCoordinate(IndexOp index) {
    auto einsum = cast<EinsumOp>(index->getParentOp());
    return einsum.getVariablePosition(index.getVariable()) ==
           getRankVariable(einsum, rank);
  }

  bool variesWithRank(EinsumOp einsum, unsigned input) {
    std::optional<unsigned> variable = getRankVariable(einsum, rank);
    AffineMap map = einsum.getInputMap(input);
    return llvm::any_of(map.getResults(), [&](AffineExpr e) {
      return e.isFunctionOfDim(*variable);
    });
  }

  void reject(EinsumOp einsum, const SeparationFailure &failure,
              SeparationFailure &why) {
    if (why.op)
      return;
    why = failure;
    failedAt = einsum;
  }

  std::string describeFailure(EinsumOp einsum, const MonoidInfo &monoid,
                              const ScalarExpr &expr,
                              llvm::function_ref<LeafRole(unsigned)> roleOf) {
    auto nameOf = [&](unsigned leaf) -> std::string {
      if (leaf == ~0u)
        return "1";
      if (leaf >= kCapturedLeaf && leaf != kBarrierLeaf)
        return "c" + std::to_string(leaf - kCapturedLeaf);
      return leaf == kBarrierLeaf ? "y" : "x" + std::to_string(leaf);
    };
    auto polynomial = expandPolynomial(algebra, expr, roleOf);
    if (polynomial && polynomial->size() > 1) {
      std::string form;
      unsigned rankCount = 0;
      for (auto [power, coefficient] : llvm::enumerate(*polynomial)) {
        if (!coefficient)
          continue;
        ++rankCount;
        if (!form.empty())
          form += " + ";
        form += "[" + toString(coefficient, nameOf) + "]";
        if (power > 0)
          form += power == 1 ? " * y" : " * y^" + std::to_string(power);
      }
      return "it has rank " + std::to_string(rankCount) + ": " + form;
    }
    if (auto witness = findSeparationWitness(monoid, expr, roleOf))
      return "it has no rank-1 form: " + *witness;
    return "";
  }

  StringRef rank;
  llvm::DenseSet<Value> late;
  const AlgebraRegistry &algebra;
  BarrierPlan plan;
  SmallVector<EinsumOp> chain;
  llvm::DenseSet<Value> dependent;
  bool regionReads = false;
  EinsumOp failedAt;
  llvm::DenseMap<Value, unsigned> captured;
};
} // namespace

BarrierPlan attn::planBarrier(FuncOp func, StringRef rank, Value barrier) {
  return Planner(func, rank, barrier).run();
}
