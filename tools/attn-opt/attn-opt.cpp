//===- attn-opt.cpp - runs passes on IR of any level ----------------------===//

#include "attn/Registration/Registration.h"
#include "attn/Support/ParserLimits.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

/// Reads `input`, runs what the command line asks for, and writes `output`.
static llvm::LogicalResult run(llvm::StringRef input, llvm::StringRef output,
                               mlir::DialectRegistry &registry,
                               const mlir::MlirOptMainConfig &config) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> file = mlir::openInputFile(input, &error);
  if (!file) {
    llvm::errs() << error << '\n';
    return llvm::failure();
  }
  if (failed(attn::checkParserLimits(*file, llvm::errs(),
                                     config.inputSplitMarker())))
    return llvm::failure();
  auto result = mlir::openOutputFile(output, &error);
  if (!result) {
    llvm::errs() << error << '\n';
    return llvm::failure();
  }
  if (failed(
          mlir::MlirOptMain(result->os(), std::move(file), registry, config)))
    return llvm::failure();
  result->keep();
  return llvm::success();
}

/// Remarks of passes that run in several threads at once are lost now and then:
/// MLIR's engine has no lock. Whoever asks for remarks gets one thread.
static void keepRemarks() {
  auto &options = llvm::cl::getRegisteredOptions();
  auto filter = options.find("remarks-filter");
  auto threading = options.find("mlir-disable-threading");
  if (filter != options.end() && filter->second->getNumOccurrences() > 0 &&
      threading != options.end())
    threading->second->addOccurrence(0, "mlir-disable-threading", "true");
}

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
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv, "attn modular optimizer driver\n", registry);
  keepRemarks();
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldListPasses() || config.shouldShowDialects())
    return mlir::asMainReturnCode(
        mlir::MlirOptMain(argc, argv, input, output, registry));
  llvm::InitLLVM initializer(argc, argv);
  return mlir::asMainReturnCode(run(input, output, registry, config));
}
