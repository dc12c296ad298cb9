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
for program in test/Device/programs/*.mlir; do
  build/bin/attn-compile "$program" --target=sm_90a --report=resources \
    -o ".carry/kernels/$(basename "$program" .mlir).attn"
done
for library in libattn_runtime.so libattn-forwarding-driver.so; do
  cp "$(find build -name "$library" -print -quit)" .carry/
  strip ".carry/$library"
done
cp build/bin/attn-launch-overhead .carry/
git describe --always --dirty > .carry/version
