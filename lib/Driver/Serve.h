//===- Serve.h - many calls of attn-run in one process ----------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_SERVE_H
#define ATTN_LIB_DRIVER_SERVE_H

#include <iosfwd>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// Runs attn-run with the arguments that each line of `in` has, a JSON array of
/// strings, until there are no more, and answers each by a line with a JSON
/// object: the exit status, what was printed (`output`), and refusals
/// (`errors`). A crash ends all.
void serve(std::istream &in, llvm::raw_ostream &out);

} // namespace attn

#endif // ATTN_LIB_DRIVER_SERVE_H
