//===- attn-opt.cpp - runs passes on IR of any level ----------------------===//

#include "attn/Registration/Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/Debug.h"

int main(int argc, char **argv) {
#ifndef NDEBUG
  // Debian's LLVM has no --debug-only.
  if (const char *type = std::getenv("ATTN_DEBUG")) {
    llvm::DebugFlag = true;
    llvm::setCurrentDebugType(type);
  }
#endif
  mlir::DialectRegistry registry;
  attn::registerDialects(registry);
  attn::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "attn modular optimizer driver\n", registry));
}
