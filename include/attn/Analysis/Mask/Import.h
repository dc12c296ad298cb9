//===- Import.h - the predicate of an Einsum as a mask ----------*- C++ -*-===//
//
// Reads the `where` region of an Einsum into the terms of Expr.h. Variables are
// named after their ranks in lower case; in the step of a scan the variable of
// the scanned rank is the scan's base plus the coordinate in the step.
//
// Understood: index arithmetic by `arith` (sums, products, floordivsi, and
// quotients and remainders of what is known not to be negative, by what is
// known to be positive; minsi, maxsi, select), comparisons, and/or/not, and
// `cascade.read` and `cascade.member` of integer tensors. What is known:
// variables and extents are not negative; `cascade.min` of an argument.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_IMPORT_H
#define ATTN_ANALYSIS_MASK_IMPORT_H

#include "attn/Analysis/Mask/Expr.h"
#include "dialects/Cascade/Cascade.h"

namespace attn::mask {

/// What a part of the predicate has that is not understood.
struct Gap {
  mlir::Location location;
  std::string reason;
  /// It is wrong for every input: no residual can stand for it.
  bool isError;
};

struct ImportedMask {
  ExprPool pool;
  Expr predicate;
  /// The variables by rank, as far as the predicate has them.
  llvm::StringMap<Expr> variables;
  /// By number of the symbol or table: the extent of a rank (an op's result is
  /// not needed) or an argument of the function.
  std::vector<mlir::StringAttr> extents;
  std::vector<mlir::Value> symbols, tables;
  std::vector<Gap> gaps;

  Expr getVariable(llvm::StringRef rank) { return pool.variable(rank.lower()); }
};

/// The predicate of `op`, which has one. Parts that are not understood are
/// unknown and listed as gaps. The rank of `packing`, if there is one, is not a
/// variable: its parts are.
std::unique_ptr<ImportedMask> importMask(cascade::EinsumOp op,
                                         cascade::PackingAttr packing = {});

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_IMPORT_H
