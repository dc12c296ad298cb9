//===- TileToPipe.cpp - tile programs as kernels of ordinary threads ------===//

#include "attn/Conversion/Passes.h"

#include "KernelFrame.h"
#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attn {
#define GEN_PASS_DEF_CONVERTTILETOPIPEPASS
#include "attn/Conversion/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// Threads hold scalars only: no budget is missed.
static constexpr int64_t kRegisters = 128;

/// A product that the next step alone reads comes last, after all that reads
/// what it is added to: it needs no array beside that one.
static void sinkProducts(tile::ProgramOp program) {
  program.walk([](tile::SweepOp sweep) {
    Operation *yield = sweep.getStep().front().getTerminator();
    for (auto dot :
         llvm::to_vector(sweep.getStep().front().getOps<tile::DotOp>()))
      if (dot->hasOneUse() && *dot->user_begin() == yield)
        dot->moveBefore(yield);
  });
}

static LogicalResult writeKernel(tile::ProgramOp program, OpBuilder &builder) {
  if (program.getLayoutsAttr())
    return program.emitOpError(
        "expects ranks without layouts: ordinary threads "
        "read tensors in the order of coordinates; leave "
        "'view' out of cascade-set-layout");
  ImplicitLocOpBuilder b(program.getLoc(), builder);
  b.setInsertionPoint(program);
  KernelFrame frame(b, program);
  if (failed(frame.createKernel()))
    return failure();
  FailureOr<SmallVector<Value>> counts = frame.getCounts();
  FailureOr<Value> guard = frame.getGuard();
  if (failed(counts) || failed(guard))
    return failure();
  auto i32 = [&](int64_t value) {
    return arith::ConstantIntOp::create(b, b.getI32Type(), value);
  };
  Value items = i32(1);
  for (Value count : *counts)
    items = arith::MulIOp::create(b, items, count);
  if (*guard)
    items = arith::MulIOp::create(b, items, *guard);
  auto workType = pipe::WorkType::get(b.getContext(), pipe::WorkKind::Single);
  Value work = pipe::WorkOp::create(b, workType, items);
  auto role =
      pipe::RoleOp::create(b, "threads", /*groups=*/1, /*warps=*/4, kRegisters);
  pipe::YieldOp::create(b);
  b.createBlock(&role.getBody(), {}, b.getI32Type(), b.getLoc());
  auto end = pipe::YieldOp::create(b);
  b.setInsertionPoint(end);

  sinkProducts(program);
  ThreadEmitter emitter(b, role);
  if (failed(frame.bindArguments(emitter)))
    return failure();
  Value rest = pipe::FirstItemOp::create(b, b.getI32Type(), work);
  SmallVector<Value> coordinates(counts->size());
  for (size_t i = counts->size(); i-- > 0;) {
    coordinates[i] =
        i == 0 ? rest
               : arith::RemUIOp::create(b, rest, (*counts)[i]).getResult();
    if (i != 0)
      rest = arith::DivUIOp::create(b, rest, (*counts)[i]);
    if (int64_t size = program.getSpaceTiles()[i]; size != 1)
      coordinates[i] = arith::MulIOp::create(b, coordinates[i], i32(size));
  }
  for (auto [original, coordinate] :
       llvm::zip_equal(program.getCoordinates(), coordinates))
    emitter.setScalar(original, coordinate);
  if (failed(emitter.emitBlock(program.getBody().front())))
    return failure();
  program.erase();
  return success();
}

namespace {
struct ConvertTileToPipe final
    : attn::impl::ConvertTileToPipePassBase<ConvertTileToPipe> {
  void runOnOperation() override {
    OpBuilder builder(&getContext());
    for (tile::ProgramOp program :
         llvm::make_early_inc_range(getOperation().getOps<tile::ProgramOp>()))
      if (failed(writeKernel(program, builder)))
        return signalPassFailure();
  }
};
} // namespace
