//===- Registration.h - what attn's tools register ------------------------===//

#ifndef ATTN_REGISTRATION_REGISTRATION_H
#define ATTN_REGISTRATION_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace attn {

/// Adds attn's dialects and the upstream ones that its levels use.
void registerDialects(mlir::DialectRegistry &registry);

/// Makes attn's passes and pipelines, and the upstream passes that its
/// pipelines run, known to the command line.
void registerPasses();

} // namespace attn

#endif // ATTN_REGISTRATION_REGISTRATION_H
