//===- Passes.td - passes of the CPU target ------------*- tablegen -*-===//
#ifndef ATTN_TARGET_CPU_PASSES_TD
#define ATTN_TARGET_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertTileToVectorPass
    : Pass<"convert-tile-to-vector", "::mlir::ModuleOp"> {
  let summary = "Write the loops of tile programs on vectors";
  let description = [{
    Replaces every `tile.program` by a function with the kernel ABI
    `(params: !llvm.ptr, begin: i64, end: i64, scratch: !llvm.ptr)` that runs the
    items `[begin, end)`. Tile values become vectors inside loop nests and buffers
    in `scratch` between them; contractions become register-blocked loops.

    Pre-condition: programs that verify, all ops on tiles of `arith`, `math` and
    `tile`. Other functions of the module are left alone. Each function gets
    `attn.scratch_bytes`, the bytes of scratch that it needs.

    `target` is a machine's name: `host`, `x86-64-v4-bf16`, `x86-64-v4`,
    `x86-64-v3` or `portable`.
  }];
  let options = [Option<"target", "target", "std::string", "\"host\"",
                        "machine to write for">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

def ExpandVectorMathPass : Pass<"cpu-expand-math"> {
  let summary = "Replace math functions on vectors by arithmetic";
  let description = [{
    `math.exp`, `math.exp2` and `math.tanh` of f32 vectors become polynomials
    within 2 ulp that keep NaN, give 0 for -inf and inf for inf; other functions
    of `math` become upstream's approximations. What is left has an instruction.

    `target` is as for `convert-tile-to-vector`.
  }];
  let options = [Option<"target", "target", "std::string", "\"host\"",
                        "machine to write for">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

#endif // ATTN_TARGET_CPU_PASSES_TD
