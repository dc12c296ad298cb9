//===- ConvertTileToVector.cpp - tile programs to kernel functions --------===//

#include "Emitter.h"
#include "attn/Target/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

namespace attn::cpu {
#define GEN_PASS_DEF_CONVERTTILETOVECTORPASS
#include "attn/Target/CPU/Passes.h.inc"
} // namespace attn::cpu

/// Writes the function of one program after it and erases the program.
static LogicalResult convertProgram(tile::ProgramOp program,
                                    const Machine &machine,
                                    const KernelInterface &interface) {
  ImplicitLocOpBuilder builder(program.getLoc(), program.getContext());
  builder.setInsertionPointAfter(program);
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type i64 = builder.getI64Type();
  auto function = func::FuncOp::create(
      builder, program.getSymName(),
      builder.getFunctionType({pointer, i64, i64, pointer}, {}));
  Layout layout(program, machine);
  Emitter emitter(builder, layout, machine, interface, program);
  if (failed(emitter.emitFunction(function)))
    return failure();
  function->setAttr("attn.scratch_bytes",
                    builder.getI64IntegerAttr(emitter.getScratchBytes()));
  program.erase();
  return success();
}

namespace {
struct ConvertTileToVector
    : attn::cpu::impl::ConvertTileToVectorPassBase<ConvertTileToVector> {
  using ConvertTileToVectorPassBase::ConvertTileToVectorPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Machine> machine = getMachine(target);
    if (!machine) {
      module.emitError("expects a target that the CPU table has, but got '")
          << target << "'";
      return signalPassFailure();
    }
    auto programs = llvm::to_vector(module.getOps<tile::ProgramOp>());
    if (programs.empty())
      return;
    FailureOr<KernelInterface> interface = KernelInterface::create(module);
    if (failed(interface))
      return signalPassFailure();
    for (tile::ProgramOp program : programs)
      if (failed(convertProgram(program, *machine, *interface)))
        return signalPassFailure();
  }
};
} // namespace
