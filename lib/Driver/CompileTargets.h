//===- CompileTargets.h - one artifact of several kernels -------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_COMPILETARGETS_H
#define ATTN_LIB_DRIVER_COMPILETARGETS_H

#include "attn/Driver/CommandLine.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// Compiles by a line of one target, and writes what it asks for.
using CompileForOne =
    llvm::function_ref<Status(const CommandLine &, llvm::raw_ostream &)>;

/// Whether the line asks for an artifact of several kernels.
bool listsKernels(const CommandLine &line);

/// Compiles for each of the targets that `line` lists, divided by commas, and
/// for a GPU for each number of queries that it lists, of which `any` sets no
/// limit; writes one artifact to its file or `out`. Refuses other kinds of
/// output, and what a target refuses, by its name.
Status compileForTargets(const CommandLine &line, CompileForOne compile,
                         llvm::raw_ostream &out);

} // namespace attn

#endif // ATTN_LIB_DRIVER_COMPILETARGETS_H
