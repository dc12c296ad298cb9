//===- Programs.h - the hand-written pipe programs, for tests -------------===//

#ifndef ATTN_TEST_UNIT_TARGET_NVIDIA_PROGRAMS_H
#define ATTN_TEST_UNIT_TARGET_NVIDIA_PROGRAMS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>

namespace attn::test {

/// A context whose errors are kept as text.
class Context {
public:
  Context();

  mlir::MLIRContext &get() { return *context; }
  const std::string &getErrors() const { return errors; }
  void clearErrors() { errors.clear(); }

  /// Null, with a failed expectation, if `text` is not valid.
  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text);

  /// test/Device/programs/`name`.mlir.
  mlir::OwningOpRef<mlir::ModuleOp> load(const std::string &name);

private:
  std::unique_ptr<mlir::MLIRContext> context;
  std::string errors;
};

/// The text of test/Device/programs/`name`.mlir.
std::string readProgram(const std::string &name);

/// `text` with every `from` exchanged for `to`; expects at least one.
std::string replaceAll(std::string text, const std::string &from,
                       const std::string &to);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_TARGET_NVIDIA_PROGRAMS_H
