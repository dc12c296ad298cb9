//===- PipeTokens.h - products in flight are used once --------------------===//

#ifndef DIALECTS_PIPE_PIPETOKENS_H
#define DIALECTS_PIPE_PIPETOKENS_H

#include "dialects/Pipe/Pipe.h"

namespace attn::pipe {

/// Checks that each token in `root` is used once on every path, by an op that
/// hands it on, and that loops bring tokens back to their places.
mlir::LogicalResult verifyTokens(mlir::Operation *root);

} // namespace attn::pipe

#endif // DIALECTS_PIPE_PIPETOKENS_H
