//===- Source.h - the program that a tool works on ------------------------===//

#ifndef ATTN_DRIVER_SOURCE_H
#define ATTN_DRIVER_SOURCE_H

#include "attn/Runtime/Status.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>
#include <string>

namespace attn {

/// The text of a program. Diagnostics of any stage are printed with the line
/// that they are about, and their notes after it. Those about another place are
/// left to the context: no file is opened because a location names it. Lives no
/// longer than the context.
class SourceText : private mlir::SourceMgrDiagnosticHandler {
public:
  SourceText(mlir::MLIRContext &context,
             std::shared_ptr<llvm::SourceMgr> buffers);

  const std::shared_ptr<llvm::SourceMgr> &getBuffers() const { return buffers; }

private:
  std::shared_ptr<llvm::SourceMgr> buffers;
};

/// A module, and the text that it is of.
struct ParsedModule {
  std::unique_ptr<SourceText> text;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// A parsed module and the cascade in it.
struct Source {
  /// The variant's name, or the file's.
  std::string name;
  std::unique_ptr<SourceText> text;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  cascade::FuncOp func;
};

/// A context that has the dialects of all levels and no threads of its own.
std::unique_ptr<mlir::MLIRContext> createContext();

/// The module that `name`, a variant or a file, holds. Refuses text that is not
/// a valid program; the diagnostics are printed.
Result<ParsedModule> loadModule(mlir::MLIRContext &context,
                                const std::string &name);

/// Loads the shipped variant or the file called `name`: a variant's name goes
/// first, `./name` is the file. `function` picks one of several functions; it
/// may be empty. Refuses what cannot be read and a module without one cascade.
/// The parser's diagnostics are printed before the refusal.
Result<Source> loadSource(mlir::MLIRContext &context, const std::string &name,
                          const std::string &function);

/// `--list`: a line for each shipped variant.
std::string describeVariants();

/// `--list VARIANT`: its arguments, parameters and results.
std::string describeSource(Source &source);

} // namespace attn

#endif // ATTN_DRIVER_SOURCE_H
