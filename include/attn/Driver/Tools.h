//===- Tools.h - attn-run and attn-compile --------------------------------===//

#ifndef ATTN_DRIVER_TOOLS_H
#define ATTN_DRIVER_TOOLS_H

#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// What a tool's exit status says.
enum ExitStatus { kRight = 0, kWrong = 1, kRefused = 2 };

/// Both run the tool with `arguments`, which do not have the program's name,
/// print results on `out` and refusals, one line each, on `errors`, and return
/// the exit status.
int runTool(llvm::ArrayRef<std::string> arguments, llvm::raw_ostream &out,
            llvm::raw_ostream &errors);
int compileTool(llvm::ArrayRef<std::string> arguments, llvm::raw_ostream &out,
                llvm::raw_ostream &errors);

} // namespace attn

#endif // ATTN_DRIVER_TOOLS_H
