//===- KernelInterface.h - a kernel's parameter words -----------*- C++ -*-===//
//
// All programs of a module are phases of one kernel and share one array of
// parameter words. This says which word is what, and fills the manifest.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TARGET_CPU_KERNELINTERFACE_H
#define LIB_TARGET_CPU_KERNELINTERFACE_H

#include "attn/Runtime/Manifest.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace attn::cpu {

class KernelInterface {
public:
  /// Collects the arguments of all programs; fails with a diagnostic when two
  /// programs disagree about an argument or a type has no counterpart in a
  /// manifest.
  static mlir::FailureOr<KernelInterface> create(mlir::ModuleOp module);

  /// The word of a tensor's address (for workspace: its offset in bytes).
  unsigned getPointerWord(llvm::StringRef tensor) const;
  unsigned getStrideWord(llvm::StringRef tensor, unsigned dim) const;
  unsigned getExtentWord(llvm::StringRef rank) const;
  unsigned getScalarWord(llvm::StringRef scalar) const;
  unsigned getWorkspaceWord() const;
  bool isWorkspace(llvm::StringRef tensor) const;

  /// The number of items of a program.
  static Expr getItems(tile::ProgramOp program);
  /// An extent of a program: a constant, the rank's name, or its `tile.value`.
  static Expr getExtent(tile::ProgramOp program, llvm::StringRef rank);

  /// Ranks, arguments, parameters, workspace and phases; the rest of the
  /// manifest, scratch included, is the caller's.
  const Manifest &getManifest() const { return manifest; }

private:
  mlir::LogicalResult addProgram(tile::ProgramOp program);
  mlir::LogicalResult addTensor(tile::ProgramOp program, unsigned argument);
  mlir::LogicalResult addScalar(tile::ProgramOp program, unsigned argument);
  void addRank(tile::ProgramOp program, llvm::StringRef rank);
  unsigned addWord(llvm::StringRef key, Manifest::Parameter parameter);

  Manifest manifest;
  llvm::StringMap<unsigned> words;
  llvm::StringMap<mlir::Attribute> known;
};

} // namespace attn::cpu

#endif // LIB_TARGET_CPU_KERNELINTERFACE_H
