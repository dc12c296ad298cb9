//===- attn-compile.cpp - compiles a cascade ahead of time ----------------===//
//
// Called attn-run it is that tool: where both have to be carried to another
// machine (tools/gpu/build.sh) one file of 60 MB does for both.
//
//===----------------------------------------------------------------------===//

#include "attn/Driver/Tools.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

int main(int argc, char **argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  bool isRun = llvm::sys::path::stem(argv[0]) == "attn-run";
  return (isRun ? attn::runTool : attn::compileTool)(arguments, llvm::outs(),
                                                     llvm::errs());
}
