//===- Cascade.h - the cascade dialect ------------------------------------===//

#ifndef DIALECTS_CASCADE_CASCADE_H
#define DIALECTS_CASCADE_CASCADE_H

#include "dialects/Cascade/CascadeAlgebra.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Cascade/CascadeDialect.h.inc"
#include "dialects/Cascade/CascadeEnums.h.inc"
#include "dialects/Cascade/CascadeInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Cascade/CascadeAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Cascade/CascadeTypes.h.inc"

namespace attn::cascade {
class RankOp;

/// The effect of an empty value of each operand of `map` (one a block
/// argument), by the algebra of its operations: `Absorb` if the yielded value
/// is then `resultEmpty` whatever the other operands are, `Through` if the
/// operand drops out, `Derived` if neither can be shown. An absent map is the
/// product.
llvm::SmallVector<Merge> deriveMerges(const AlgebraRegistry &algebra,
                                      mlir::Region &map,
                                      llvm::ArrayRef<double> operandEmpties,
                                      double resultEmpty);
} // namespace attn::cascade

#define GET_OP_CLASSES
#include "dialects/Cascade/CascadeOps.h.inc"

#endif // DIALECTS_CASCADE_CASCADE_H
