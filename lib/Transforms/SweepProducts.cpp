//===- SweepProducts.cpp - a product alone is a sweep of one step ---------===//

#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace attn {
#define GEN_PASS_DEF_SWEEPPRODUCTSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// The product of a program that has one and no sweep.
static tile::DotOp getLoneProduct(tile::ProgramOp program) {
  tile::DotOp lone;
  WalkResult result = program.walk([&](Operation *op) {
    if (isa<tile::SweepOp>(op))
      return WalkResult::interrupt();
    auto dot = dyn_cast<tile::DotOp>(op);
    if (!dot)
      return WalkResult::advance();
    bool isFirst = !lone && dot->getParentOp() == program;
    lone = dot;
    return isFirst ? WalkResult::advance() : WalkResult::interrupt();
  });
  return result.wasInterrupted() ? tile::DotOp() : lone;
}

static void sweep(tile::DotOp dot) {
  ImplicitLocOpBuilder b(dot.getLoc(), dot);
  Value first = arith::ConstantIndexOp::create(b, 0),
        end = arith::ConstantIndexOp::create(b, 1);
  auto sweep = tile::SweepOp::create(b, ValueRange(first), ValueRange(end),
                                     ArrayRef<bool>{true}, /*tile=*/1,
                                     ValueRange(dot.getAccumulator()));
  dot.getResult().replaceAllUsesWith(sweep.getOuts().front());
  Block &step = sweep.getStep().emplaceBlock();
  for (Type type : {Type(b.getIndexType()), Type(b.getIndexType()),
                    Type(dot.getResult().getType())})
    step.addArgument(type, dot.getLoc());
  dot->moveBefore(&step, step.end());
  dot.getAccumulatorMutable().assign(step.getArgument(2));
  b.setInsertionPointToEnd(&step);
  tile::YieldOp::create(b, dot.getResult());
}

namespace {
struct SweepProducts final : attn::impl::SweepProductsPassBase<SweepProducts> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<tile::ProgramOp>())
      if (tile::DotOp dot = getLoneProduct(program))
        sweep(dot);
  }
};
} // namespace
