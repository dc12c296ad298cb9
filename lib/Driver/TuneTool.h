//===- TuneTool.h - attn-compile --tune -------------------------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_TUNETOOL_H
#define ATTN_LIB_DRIVER_TUNETOOL_H

#include "attn/Driver/CommandLine.h"
#include "attn/Driver/Tuner.h"

namespace attn {

/// The names of the options of `--tune`, which a GPU alone has.
llvm::ArrayRef<llvm::StringRef> getTuneOptionNames();

/// Searches the fastest schedule of the cascade that `line` names on this
/// machine's GPU, and writes its entry to the table or to `out`. Progress goes
/// to `errors`. An interrupt ends the search with the best so far. Refuses a
/// machine without a GPU or ptxas, and a program without schedules.
Status tuneForGpu(const CommandLine &line, llvm::raw_ostream &out,
                  llvm::raw_ostream &errors);

} // namespace attn

#endif // ATTN_LIB_DRIVER_TUNETOOL_H
