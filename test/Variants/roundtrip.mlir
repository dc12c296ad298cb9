// RUN: attn-opt %S/../../lib/Variants/alibi.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/bias.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/causal-bottom-right.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/causal-top-left.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/cross.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/full.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/gqa.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/linear-chunked.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/linear.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/prefix-lm.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/relu-norm.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/rmsnorm-gemm.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/rope.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/scaling.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/sigmoid.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/sink.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/sliding-window.mlir | attn-opt -o /dev/null
// RUN: attn-opt %S/../../lib/Variants/softcap.mlir | attn-opt -o /dev/null

// Every shipped variant parses, verifies and survives a round trip.
