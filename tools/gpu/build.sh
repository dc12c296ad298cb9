#!/bin/bash
# Builds, on any machine, what the GPU machine needs: the kernels of
# test/Device/programs as artifacts, the runtime library and the Python package,
# all in .carry/. No GPU is needed; ptxas is.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset default > /dev/null
cmake --build --preset default --target attn-compile attn_runtime \
  attn-launch-overhead AttnForwardingDriver
rm -rf .carry
mkdir -p .carry/kernels
for program in test/Device/programs/*.mlir test/Device/programs/threads/*.mlir; do
  build/bin/attn-compile "$program" --target=sm_90a --report=resources \
    -o ".carry/kernels/$(basename "$program" .mlir).attn"
done
# Variants by ordinary threads, and for comparison by the CPU.
for variant in $(build/bin/attn-compile --list | awk '{ print $1 }'); do
  build/bin/attn-compile "$variant" --target=sm_90a \
    -o ".carry/kernels/variant-$variant.attn"
  build/bin/attn-compile "$variant" --target=portable \
    -o ".carry/kernels/variant-$variant.cpu"
done
for library in libattn_runtime.so libattn-forwarding-driver.so; do
  cp "$(find build -name "$library" -print -quit)" .carry/
  strip ".carry/$library"
done
cp build/bin/attn-launch-overhead .carry/
git describe --always --dirty > .carry/version
