//===- Passes.td - passes of the CPU target ------------*- tablegen -*-===//
#ifndef ATTN_TARGET_CPU_PASSES_TD
#define ATTN_TARGET_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def SplitSweepPass : Pass<"tile-split-sweep", "::mlir::ModuleOp"> {
  let summary = "Cut the sweep of a program with few items into chunks";
  let description = [{
    Replaces a program by two: one with a further coordinate, a chunk of
    the swept range, which stores its carries to workspace; and one that combines
    the chunks' carries in order by the sweep's `merge` and does the rest. With
    `few-items` items or more there is one chunk: the first program then does all
    and the second has no items. Left alone, with a remark: several
    sweeps, a sweep without `merge` or with located segments, a step that stores, a swept rank without name, a
    program that leaves few rows to another.
  }];
  let options = [
    Option<"fewItems", "few-items", "int64_t", "64",
           "items from which on nothing is cut">,
    Option<"chunkPoints", "chunk-points", "int64_t", "1024",
           "points of a chunk, rounded up to whole tiles">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect"];
}

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
