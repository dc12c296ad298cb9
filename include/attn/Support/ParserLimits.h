//===- ParserLimits.h - limits on text given to MLIR's parser -------------===//
//
// Upstream's parser, printer and attribute uniquer recurse over brackets,
// signs, operators and aliases, and take memory or quadratic time for a few
// literals. Hostile or damaged text can so end the process by a signal. These
// limits, checked on the text before it is parsed, keep every such recursion
// within a usual stack of 8 MiB with room to spare; real IR is far below them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_SUPPORT_PARSERLIMITS_H
#define ATTN_SUPPORT_PARSERLIMITS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <cstddef>
#include <optional>
#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// The limits, each a count of what its name says.
struct ParserLimits {
  /// Brackets ( [ { < open at one point, those inside used aliases included.
  size_t depth = 256;
  /// Prefix minus signs in a row.
  size_t signs = 256;
  /// Binary operators of one affine expression.
  size_t operators = 4096;
  /// Dimensions of one shape, as in `4x?x8xf32`.
  size_t dimensions = 1024;
  /// Digits of one number.
  size_t digits = 1024;
  /// The number N of an operation's result in `%name#N`.
  size_t resultNumber = 65535;
};

/// A limit that a text exceeds: `offset` is the first byte beyond it, `message`
/// one sentence in the style of a diagnostic, without a location.
struct ParserLimitExcess {
  size_t offset;
  std::string message;
};

/// The first place where `text`, which is one chunk of MLIR assembly, exceeds
/// `limits`, or nothing. Never fails: text that is not MLIR is scanned too.
std::optional<ParserLimitExcess>
findParserLimitExcess(llvm::StringRef text, const ParserLimits &limits = {});

/// Fails if `buffer` exceeds the default limits, with an error on `errors` that
/// names file, line and column as MLIR's parser does. A non-empty
/// `splitMarker` cuts the buffer into chunks, as --split-input-file does.
/// Bytecode passes: its reader is not recursive in the nesting of operations.
llvm::LogicalResult checkParserLimits(llvm::MemoryBufferRef buffer,
                                      llvm::raw_ostream &errors,
                                      llvm::StringRef splitMarker = "");

} // namespace attn

#endif // ATTN_SUPPORT_PARSERLIMITS_H
