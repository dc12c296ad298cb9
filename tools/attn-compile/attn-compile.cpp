//===- attn-compile.cpp - compiles a cascade ahead of time ----------------===//

#include "attn/Driver/Tools.h"

#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

int main(int argc, char **argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  return attn::compileTool(arguments, llvm::outs(), llvm::errs());
}
