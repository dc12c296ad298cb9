//===- DeferBarrier.cpp - X = (sum of G) * H(y) ---------------------------===//
//
// Walks back from each reduction through the Einsums over the rank and emits
// each one's element part; the barrier's part, which is the same at every point
// of the rank, is applied once to the result.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/ReducePasses.h"

#include "dialects/Cascade/CascadeBuilder.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {
class Deferral {
public:
  explicit Deferral(const BarrierPlan &plan) : plan(plan) {}

  void run() {
    for (auto &[op, state] : plan.reductions) {
      auto einsum = cast<EinsumOp>(op);
      OpBuilder builder(einsum);
      Value core = emitElement(einsum, state);
      Value result = applyBarrier(builder, einsum, core, state);
      einsum.getResult().replaceAllUsesWith(result);
    }
  }

private:
  Value emitOperand(EinsumOp einsum, const FactorState &state, unsigned i) {
    Value input = einsum.getInputs()[i];
    if (!state.operandMonoids[i])
      return input;
    auto producer = input.getDefiningOp<EinsumOp>();
    auto key = std::make_pair(producer.getOperation(), state.operandMonoids[i]);
    Value &known = emitted[key];
    if (!known)
      known = emitElement(producer, plan.states.at(key));
    return known;
  }

  Value emitElement(EinsumOp einsum, const FactorState &state) {
    // The element part may be an operand as it is.
    if (state.element->kind == ScalarExprNode::Kind::Leaf &&
        state.element->leaf < kCapturedLeaf && !einsum.hasWhere() &&
        !einsum.getMonoidAttr()) {
      unsigned i = state.element->leaf;
      if (einsum.getInputs()[i].getType() == einsum.getType() &&
          einsum.getInputMap(i) == einsum.getOutputMap())
        return emitOperand(einsum, state, i);
    }
    llvm::SetVector<unsigned> used;
    forEachLeaf(state.element, [&](unsigned leaf) {
      if (leaf < kCapturedLeaf)
        used.insert(leaf);
    });
    SmallVector<Value> inputs;
    SmallVector<Attribute> maps;
    SmallVector<int32_t> merges;
    SmallVector<Merge> said;
    ArrayRef<Attribute> allMaps = einsum.getIndexingMaps().getValue();
    for (unsigned i : used) {
      inputs.push_back(emitOperand(einsum, state, i));
      maps.push_back(allMaps[i]);
      merges.push_back(einsum.getMerges()[i]);
      said.push_back(einsum.getMerge(i));
    }
    llvm::append_range(maps, allMaps.drop_front(einsum.getInputs().size()));
    OpBuilder builder(einsum);
    auto result = EinsumOp::create(
        builder, einsum.getLoc(), einsum.getType(), inputs, einsum.getIndices(),
        einsum.getInto(), einsum.getVariables(), builder.getArrayAttr(maps),
        builder.getDenseI32ArrayAttr(merges), einsum.getMonoidAttr());
    result->setDiscardableAttrs(einsum->getDiscardableAttrDictionary());
    IRMapping mapping;
    einsum.getWhere().cloneInto(&result.getWhere(), mapping);
    Block *block = builder.createBlock(&result.getMap());
    for (Value input : inputs)
      block->addArgument(
          cast<NamedTensorType>(input.getType()).getComputeType(),
          einsum.getLoc());
    Value value = emitScalarExpr(
        builder, einsum.getLoc(), state.element, [&](unsigned leaf) -> Value {
          if (leaf < kCapturedLeaf)
            return block->getArgument(llvm::find(used, leaf) - used.begin());
          return emitCaptured(builder, leaf);
        });
    YieldOp::create(builder, einsum.getLoc(), value);
    sayMerges(result, said);
    return result;
  }

  Value emitCaptured(OpBuilder &builder, unsigned leaf) {
    Value value = plan.captured[leaf - kCapturedLeaf];
    if (auto index = value.getDefiningOp<IndexOp>())
      return builder.clone(*index)->getResult(0);
    return value;
  }

  Value applyBarrier(OpBuilder &builder, EinsumOp einsum, Value core,
                     const FactorState &state) {
    const ScalarExpr &factor = state.barrier;
    // g * (1 / h) is g / h.
    bool inverse = factor->kind == ScalarExprNode::Kind::Combine &&
                   factor->inverse && factor->monoid == state.monoid &&
                   !factor->operands[0];
    return buildEinsum(
        builder, einsum.getLoc(), cast<NamedTensorType>(einsum.getType()),
        {core, plan.barrier}, {},
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value h = emitScalarExpr(
              b, loc, inverse ? factor->operands[1] : factor,
              [&](unsigned leaf) -> Value {
                return leaf == kBarrierLeaf ? args[1] : emitCaptured(b, leaf);
              });
          return inverse ? state.monoid->combineInverse(b, loc, args[0], h)
                         : state.monoid->combine(b, loc, args[0], h);
        },
        {Merge::Derived, state.barrierMerge});
  }

  const BarrierPlan &plan;
  llvm::DenseMap<std::pair<Operation *, const MonoidInfo *>, Value> emitted;
};
} // namespace

void attn::deferBarrier(FuncOp func, StringRef rank, const BarrierPlan &plan) {
  Deferral(plan).run();
}
