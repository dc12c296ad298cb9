//===- RegisterPressure.h - registers that a role's tiles take --*- C++ -*-===//
//
// An estimate from the text of a pipe program, before any target's: at each
// point the registers of one thread that tiles, lines and products in flight
// hold. What is repeated or made up where it is used (broadcasts, coordinates,
// constants, conditions, elements gathered at coordinates) takes none, and an
// op may write over operands that it uses last. A product's left side in
// registers is held until its token is waited for. Scalars are counted apart,
// addresses are not.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_REGISTERPRESSURE_H
#define ATTN_ANALYSIS_REGISTERPRESSURE_H

#include "dialects/Pipe/Pipe.h"

namespace attn {

struct RegisterPressure {
  /// The most registers of 32 bits of one thread at one point.
  int64_t registers = 0;
  /// Those of scalars that live there too, an estimate from below: addresses
  /// and what instructions need in between are not known yet.
  int64_t scalars = 0;
  /// The op before or after which that is, or null where there are none.
  mlir::Operation *peak = nullptr;
  /// The values that hold them there, the largest first.
  llvm::SmallVector<mlir::Value> values;
};

/// Registers of 32 bits of one thread for a value of `type`; 0 for scalars and
/// conditions.
int64_t countRegisters(mlir::Type type);

RegisterPressure estimateRegisters(pipe::RoleOp role);

} // namespace attn

#endif // ATTN_ANALYSIS_REGISTERPRESSURE_H
