//===- FormScans.cpp - reductions over a rank become scans ----------------===//
//
// A pass over rank M is one scan by tiles M0: the step repeats the Einsums over
// M on the tile's slices and adds each reduction's part to its carry. A carry X
// that depends on a growing barrier y, X = sum of G * H(y), is first corrected
// to the new value y' by H(y') / H(y). The merge of two ranges does the same
// with both sides; so the step, split-K, a ring and a tree are one derivation
// (the proof object of DESIGN.md is the pair G, H and the two monoids).
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/ReducePasses.h"

#include "dialects/Cascade/CascadeBuilder.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "cascade-reduce-passes"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {
/// The correction of one reduction for one barrier.
struct Correction {
  const BarrierPlan *plan;
  const FactorState *state;
};

class ScanFormer {
public:
  ScanFormer(FuncOp func, StringRef rank, int64_t tile,
             ArrayRef<BarrierPlan> rescaled)
      : func(func), rank(rank), tile(tile), rescaled(rescaled),
        late(findLateValues(func, rank)) {
    algebra = &cast<CascadeDialect>(func->getDialect())->getAlgebra();
  }

  void run() {
    assignLevels();
    for (auto &[level, reductions] : passes)
      formScan(reductions);
    eraseDead();
  }

private:
  //===--------------------------------------------------------------------===//
  // Passes
  //===--------------------------------------------------------------------===//

  const BarrierPlan *getRescalePlan(Value value) {
    for (const BarrierPlan &plan : rescaled)
      if (plan.barrier == value)
        return &plan;
    return nullptr;
  }

  /// Level of an operation: the number of whole sweeps it has to wait for.
  void assignLevels() {
    llvm::DenseMap<Value, unsigned> levels;
    for (Operation &op : func.getBody().front()) {
      auto einsum = dyn_cast<EinsumOp>(op);
      bool overRank = einsum && getRankVariable(einsum, rank);
      unsigned level = 0;
      for (Value operand : op.getOperands()) {
        unsigned wait = levels.lookup(operand);
        if (overRank && late.contains(operand) && !hasRank(operand, rank) &&
            !getRescalePlan(operand))
          ++wait;
        level = std::max(level, wait);
      }
      for (Value result : op.getResults())
        levels[result] = level;
      if (overRank && reducesRank(einsum, rank) && canScan(einsum))
        passes[level].push_back(einsum);
    }
  }

  /// True if every Einsum that goes into `einsum`'s sweep reads the rank by a
  /// plain variable, so that a tile's slice is all it needs.
  bool canScan(EinsumOp einsum) {
    std::optional<unsigned> variable = getRankVariable(einsum, rank);
    auto stays = [&](const Twine &reason) {
      remark::missed(
          einsum.getLoc(),
          remark::RemarkOpts::name("ScanNotFormed").category(DEBUG_TYPE))
          << ("rank " + rank + " stays whole: " + reason).str();
      return false;
    };
    if (einsum.getInto())
      return stays("it goes on from the tensor that it updates");
    // A carry starts empty, and a sum from the identity.
    auto type = cast<NamedTensorType>(einsum.getType());
    if (reducesRank(einsum, rank) &&
        getNumericValue(einsum.getMonoidAttr().getInfo().identity(
            type.getComputeType())) != getNumericValue(type.getEmpty()))
      return stays("the result's empty value is not the identity of '" +
                   einsum.getMonoidAttr().getName().getValue() + "'");
    auto plain = [&](Value value, AffineMap map) {
      if (!hasRank(value, rank))
        return !llvm::any_of(map.getResults(), [&](AffineExpr e) {
          return e.isFunctionOfDim(*variable);
        });
      unsigned position =
          *cast<NamedTensorType>(value.getType()).getRankPosition(rank);
      return llvm::all_of(llvm::enumerate(map.getResults()), [&](auto it) {
        return it.value().isFunctionOfDim(*variable) ==
                   (it.index() == position) &&
               (it.index() != position || isa<AffineDimExpr>(it.value()));
      });
    };
    // Regions read arguments where they lie, at any coordinate.
    bool ok =
        variable.has_value() &&
        llvm::all_of(getRegionReads(einsum), llvm::IsaPred<BlockArgument>);
    for (auto [i, input] : llvm::enumerate(einsum.getInputs()))
      ok = ok && plain(input, einsum.getInputMap(i));
    for (auto [i, index] : llvm::enumerate(einsum.getIndices()))
      ok = ok && plain(index, einsum.getIndexMap(i));
    if (!ok)
      return stays("it is not read by a plain variable here");
    for (Value input : einsum.getInputs())
      if (auto producer = getChainProducer(input);
          producer && !canScan(producer))
        return false;
    return true;
  }

  /// The Einsum over the rank that makes `value`, if it goes into the sweep.
  EinsumOp getChainProducer(Value value) {
    auto producer = value.getDefiningOp<EinsumOp>();
    return producer && hasRank(value, rank) ? producer : EinsumOp();
  }

  //===--------------------------------------------------------------------===//
  // One scan
  //===--------------------------------------------------------------------===//

  void formScan(MutableArrayRef<EinsumOp> reductions) {
    OpBuilder builder(reductions.back());
    Location loc = reductions.back().getLoc();
    StringAttr tileRank = declareTileRank();
    SmallVector<Value> inputs = collectInputs(reductions);
    SmallVector<Value> inits;
    SmallVector<Type> types;
    for (EinsumOp reduction : reductions) {
      types.push_back(getCarryType(reduction));
      inits.push_back(EmptyOp::create(builder, loc, types.back()));
    }
    auto scan = ScanOp::create(builder, loc, types, builder.getStringAttr(rank),
                               tileRank, ScanOrder::Ascending, inputs, inits);
    buildStep(scan, reductions);
    buildMerge(scan, reductions);
    builder.setInsertionPointAfter(scan);
    for (auto [reduction, result] : llvm::zip(reductions, scan.getResults())) {
      Value value = result;
      auto type = cast<NamedTensorType>(reduction.getType());
      if (type != result.getType())
        value = buildEinsum(builder, reduction.getLoc(), type, result);
      reduction.getResult().replaceAllUsesWith(value);
    }
    for (EinsumOp reduction : reductions)
      reduction.erase();
    // What used the first reductions may stand above the scan.
    sortTopologically(&func.getBody().front());
  }

  /// A carry is f32 where the reduction's result is narrower: it is what is
  /// added to.
  NamedTensorType getCarryType(EinsumOp reduction) {
    auto type = cast<NamedTensorType>(reduction.getType());
    return type.withElementType(type.getComputeType());
  }

  StringAttr declareTileRank() {
    std::string name = rank.str() + "0";
    auto taken = [&] {
      bool found = func.getRankDeclaration(name) != nullptr;
      func.walk([&](Operation *op) {
        for (Type type : op->getOperandTypes())
          if (auto tensor = dyn_cast<NamedTensorType>(type))
            found |= tensor.getRankPosition(name).has_value();
      });
      return found;
    };
    while (taken())
      name += "_";
    OpBuilder builder = OpBuilder::atBlockBegin(&func.getBody().front());
    auto declaration =
        RankOp::create(builder, func.getLoc(), builder.getStringAttr(name),
                       RankKindAttr::get(func.getContext(), RankKind::Dense),
                       builder.getI64IntegerAttr(tile), Value(),
                       builder.getStrArrayAttr({}), StringAttr());
    return declaration.getNameAttr();
  }

  /// Tensors over the rank that come from outside the sweep.
  SmallVector<Value> collectInputs(MutableArrayRef<EinsumOp> reductions) {
    llvm::SetVector<Value> inputs;
    llvm::DenseSet<Operation *> seen;
    std::function<void(EinsumOp)> visit = [&](EinsumOp einsum) {
      if (!seen.insert(einsum).second)
        return;
      for (Value operand : einsum.getOperands()) {
        if (EinsumOp producer = getChainProducer(operand))
          visit(producer);
        else if (hasRank(operand, rank))
          inputs.insert(operand);
      }
    };
    for (EinsumOp reduction : reductions)
      visit(reduction);
    return inputs.takeVector();
  }

  /// Clones into a region, given what stands for the reductions there.
  struct Region {
    Region(OpBuilder builder, Value base) : builder(builder), base(base) {}

    OpBuilder builder;
    IRMapping mapping;
    Value base;
    /// Corrections from this region's barriers, by barrier and factor type.
    llvm::DenseMap<std::pair<Value, Type>, Value> factors;
  };

  /// The value of `value` inside `region`: a slice, a running value, or itself.
  Value localize(Region &region, Value value) {
    if (Value known = region.mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    bool inChain = getChainProducer(value) != nullptr;
    bool running =
        op && !hasRank(value, rank) && dependsOnRegion(region, value);
    if (!inChain && !running)
      return value;
    cloneOp(region, op);
    return region.mapping.lookup(value);
  }

  /// True if a value without the rank is made from what the region has its own
  /// version of (a carry), by operations of the function's body.
  bool dependsOnRegion(Region &region, Value value) {
    if (region.mapping.contains(value))
      return true;
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &func.getBody().front() ||
        !late.contains(value))
      return false;
    if (auto einsum = dyn_cast<EinsumOp>(op);
        einsum && getRankVariable(einsum, rank))
      return false;
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return dependsOnRegion(region, operand);
    });
  }

  void cloneOp(Region &region, Operation *op) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(localize(region, operand));
    auto original = dyn_cast<EinsumOp>(op);
    std::optional<unsigned> variable;
    if (original)
      variable = getRankVariable(original, rank);
    IRMapping local;
    for (auto [from, to] : llvm::zip(op->getOperands(), operands))
      local.map(from, to);
    Operation *clone = region.builder.clone(*op, local);
    if (variable) {
      Value result = clone->getResult(0);
      result.setType(
          sliceType(region, cast<NamedTensorType>(result.getType())));
      shiftCoordinates(region, cast<EinsumOp>(clone),
                       original.getVariable(*variable));
    }
    for (auto [from, to] : llvm::zip(op->getResults(), clone->getResults()))
      region.mapping.map(from, to);
  }

  NamedTensorType sliceType(Region &region, NamedTensorType type) {
    auto scan = cast<ScanOp>(region.base.getParentRegion()->getParentOp());
    return scan.getSliceType(type);
  }

  /// Inside a tile the coordinate is the tile's base plus the variable.
  void shiftCoordinates(Region &region, EinsumOp einsum, StringRef variable) {
    SmallVector<IndexOp> indices;
    einsum.walk([&](IndexOp index) {
      if (index.getVariable() == variable)
        indices.push_back(index);
    });
    for (IndexOp index : indices) {
      OpBuilder builder(index->getContext());
      builder.setInsertionPointAfter(index);
      auto sum = arith::AddIOp::create(builder, index.getLoc(), region.base,
                                       index.getResult());
      index.getResult().replaceAllUsesExcept(sum.getResult(), sum);
    }
  }

  /// The corrections that reduction `op` needs, if any.
  SmallVector<Correction> getCorrections(EinsumOp op) {
    SmallVector<Correction> corrections;
    for (const BarrierPlan &plan : rescaled) {
      auto it = plan.reductions.find(op);
      if (it != plan.reductions.end())
        corrections.push_back({&plan, &it->second});
    }
    return corrections;
  }

  /// `carry`, a reduction's value under the barriers of `before`, under those
  /// of `after`.
  Value correct(OpBuilder &builder, EinsumOp reduction, Value carry,
                Region &before, Region &after) {
    Location loc = reduction.getLoc();
    for (Correction correction : getCorrections(reduction)) {
      const FactorState &state = *correction.state;
      Value oldBarrier = localize(before, correction.plan->barrier);
      Value newBarrier = localize(after, correction.plan->barrier);
      constexpr unsigned kAfter = kBarrierLeaf + 1;
      auto rescale = makeRescale(*algebra, *state.monoid, state.barrier,
                                 [&](unsigned leaf) -> std::optional<unsigned> {
                                   if (leaf == kBarrierLeaf)
                                     return kAfter;
                                   return std::nullopt;
                                 });
      if (!rescale || !*rescale)
        continue;
      // Nothing was summed where the old barrier is empty: the correction is
      // empty there too, which guards exp((-inf) - (-inf)).
      auto barrierType = cast<NamedTensorType>(oldBarrier.getType());
      auto carryType = cast<NamedTensorType>(carry.getType());
      auto factorType = NamedTensorType::get(
          barrierType.getRanks(), carryType.getComputeType(),
          getNumericAttr(carryType.getComputeType(),
                         *getNumericValue(carryType.getEmpty())));
      Value &factor = before.factors[{oldBarrier, factorType}];
      if (!factor)
        factor = buildEinsum(
            builder, loc, factorType, {oldBarrier, newBarrier}, {},
            [&](OpBuilder &b, Location l, ValueRange args) {
              return emitScalarExpr(
                  b, l, *rescale, [&](unsigned leaf) -> Value {
                    if (leaf == kBarrierLeaf)
                      return args[0];
                    if (leaf == kAfter)
                      return args[1];
                    return correction.plan->captured[leaf - kCapturedLeaf];
                  });
            },
            {state.barrierMerge, state.barrierMerge});
      carry =
          buildCombine(builder, loc, carryType, carry, factor, *state.monoid);
    }
    return carry;
  }

  void buildStep(ScanOp scan, MutableArrayRef<EinsumOp> reductions) {
    OpBuilder builder(scan.getContext());
    Block *block = builder.createBlock(&scan.getStep());
    Location loc = scan.getLoc();
    Value base = block->addArgument(builder.getIndexType(), loc);
    Region before(builder, base), after(builder, base);
    for (Value input : scan.getInputs()) {
      Value slice = block->addArgument(
          scan.getSliceType(cast<NamedTensorType>(input.getType())), loc);
      after.mapping.map(input, slice);
    }
    for (EinsumOp reduction : reductions)
      before.mapping.map(reduction.getResult(),
                         block->addArgument(getCarryType(reduction), loc));
    SmallVector<Value> next;
    for (EinsumOp reduction : reductions) {
      // Reductions come in topological order: their barriers are there.
      cloneOp(after, reduction);
      Value part = after.mapping.lookup(reduction.getResult());
      part.setType(getCarryType(reduction));
      Value carry =
          correct(builder, reduction,
                  before.mapping.lookup(reduction.getResult()), before, after);
      Value sum =
          buildCombine(builder, reduction.getLoc(), getCarryType(reduction),
                       carry, part, reduction.getMonoidAttr().getInfo());
      after.mapping.map(reduction.getResult(), sum);
      next.push_back(sum);
    }
    YieldOp::create(builder, loc, next);
  }

  void buildMerge(ScanOp scan, MutableArrayRef<EinsumOp> reductions) {
    OpBuilder builder(scan.getContext());
    Block *block = builder.createBlock(&scan.getMerge());
    Location loc = scan.getLoc();
    Region lhs(builder, {}), rhs(builder, {}), both(builder, {});
    for (Region *side : {&lhs, &rhs})
      for (EinsumOp reduction : reductions)
        side->mapping.map(reduction.getResult(),
                          block->addArgument(getCarryType(reduction), loc));
    SmallVector<Value> merged;
    for (EinsumOp reduction : reductions) {
      Value x = reduction.getResult();
      Value left =
          correct(builder, reduction, lhs.mapping.lookup(x), lhs, both);
      Value right =
          correct(builder, reduction, rhs.mapping.lookup(x), rhs, both);
      Value sum =
          buildCombine(builder, reduction.getLoc(), getCarryType(reduction),
                       left, right, reduction.getMonoidAttr().getInfo());
      both.mapping.map(x, sum);
      merged.push_back(sum);
    }
    YieldOp::create(builder, loc, merged);
  }

  void eraseDead() {
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
      if (isa<EinsumOp, EmptyOp>(op) && op.use_empty())
        op.erase();
  }

  FuncOp func;
  StringRef rank;
  int64_t tile;
  ArrayRef<BarrierPlan> rescaled;
  llvm::DenseSet<Value> late;
  const AlgebraRegistry *algebra;
  llvm::MapVector<unsigned, SmallVector<EinsumOp>> passes;
};
} // namespace

void attn::formScans(FuncOp func, StringRef rank, int64_t tile,
                     ArrayRef<BarrierPlan> rescaled) {
  ScanFormer(func, rank, tile, rescaled).run();
}
