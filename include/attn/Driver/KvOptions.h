//===- KvOptions.h - how keys and values lie, of command lines --*- C++ -*-===//

#ifndef ATTN_DRIVER_KVOPTIONS_H
#define ATTN_DRIVER_KVOPTIONS_H

#include "attn/Driver/CommandLine.h"
#include "attn/Runtime/DType.h"
#include "attn/Transforms/QuantizeArguments.h"

namespace attn {

/// `--page`, `--kv-dtype` and `--kv-scales`, which a variant's text does not
/// say.
struct KvOptions {
  /// Keys of a page, if keys and values lie in such.
  std::optional<int64_t> page;
  /// The elements of keys and values, if they have 8 bits.
  std::optional<DType> dtype;
  ScaleGranularity scales = ScaleGranularity::Head;
};

Result<KvOptions> parseKvOptions(const CommandLine &line);

/// Rewrites `func` for `options`. Refuses a function without keys and values:
/// tensors with ranks B and M and without P.
Status applyKvOptions(cascade::FuncOp func, const KvOptions &options);

} // namespace attn

#endif // ATTN_DRIVER_KVOPTIONS_H
