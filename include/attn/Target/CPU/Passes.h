//===- Passes.h - passes of the CPU target ----------------------*- C++ -*-===//

#ifndef ATTN_TARGET_CPU_PASSES_H
#define ATTN_TARGET_CPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
namespace arith {
class ArithDialect;
} // namespace arith
namespace func {
class FuncDialect;
} // namespace func
namespace LLVM {
class LLVMDialect;
} // namespace LLVM
namespace math {
class MathDialect;
} // namespace math
namespace scf {
class SCFDialect;
} // namespace scf
namespace vector {
class VectorDialect;
} // namespace vector
class RewritePatternSet;
} // namespace mlir

namespace attn::cpu {

struct Machine;

#define GEN_PASS_DECL
#include "attn/Target/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "attn/Target/CPU/Passes.h.inc"

/// Makes `cpu-pipeline` and its stages known to the command line:
/// `cpu-to-split`, `cpu-to-vector`, `cpu-to-arith` and `cpu-to-llvm`, in this
/// order.
void registerPipelines();

/// Patterns of `cpu-expand-math`.
void populateExpandVectorMathPatterns(mlir::RewritePatternSet &patterns,
                                      const Machine &machine);

} // namespace attn::cpu

#endif // ATTN_TARGET_CPU_PASSES_H
