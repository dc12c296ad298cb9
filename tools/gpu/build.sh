#!/bin/bash
# Builds, on any machine, what the GPU machine needs: the kernels of
# test/Device/programs and of scheduled variants as artifacts, attn-compile,
# attn-run and the runtime library, all in .carry/. No GPU is needed; ptxas is,
# here, and for tools/gpu/tune.sh there too. With --tools the kernels are left out,
# as for tools/gpu/run.sh target, which compiles its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset default > /dev/null
cmake --build --preset default --target attn-compile attn_runtime \
  attn-launch-overhead AttnForwardingDriver
rm -rf .carry
mkdir -p .carry/kernels
build_tools() {
  for library in libattn_runtime.so libattn-forwarding-driver.so; do
    cp "$(find build -name "$library" -print -quit)" .carry/
    strip ".carry/$library"
  done
  cp build/bin/attn-launch-overhead .carry/
  # One file is both tools, by the name that it is called with.
  strip build/bin/attn-compile -o .carry/attn-compile
  cat > .carry/attn-run << 'EOF'
#!/bin/bash
exec -a attn-run "$(dirname "$0")/attn-compile" "$@"
EOF
  chmod +x .carry/attn-run
  git describe --always --dirty > .carry/version
}
build_tools
if [ "${1:-}" = --tools ]; then
  exit
fi
for program in test/Device/programs/*.mlir test/Device/programs/threads/*.mlir; do
  build/bin/attn-compile "$program" --target=sm_90a --report=resources \
    -o ".carry/kernels/$(basename "$program" .mlir).attn"
done
# Those that schedules.py times; -to-N is for at most N keys.
schedule_as() {
  build/bin/attn-compile "$2" --target=sm_90a --dtype=bf16 --head-dim="$3" \
    --report=resources -o ".carry/kernels/scheduled-$1.attn" "${@:4}"
}
schedule() { schedule_as "$1-$2" "$@"; }
for dim in 64 128 256; do
  schedule full $dim
  schedule causal-bottom-right $dim
done
for keys in 1024 4096 1048576; do
  schedule_as full-128-to-$keys full 128 --kv-len=$keys
done
schedule_as full-128-strided full 128 --any-strides
for variant in alibi documents relative-bias sliding-window softcap; do
  schedule $variant 128
done
schedule neighborhood-2d 128 --specialize --q-len=16384 --kv-len=16384 \
  --set=width=128 --set=window_y=13 --set=window_x=13
schedule neighborhood-3d 128 --specialize --q-len=115200 --kv-len=115200 \
  --set=height=48 --set=width=80 \
  --set=window_z=18 --set=window_y=24 --set=window_x=24
schedule s2 128 --set=block=64 --set=vertical=16
schedule block-sparse 128 --set=block_rows=128 --set=block_cols=128
# Those that decode.py times: of groups of up to four heads, without pages or in some.
decode() {
  build/bin/attn-compile "$2" --target=sm_90a --dtype=bf16 --head-dim=128 --pack=4 \
    --report=resources -o ".carry/kernels/decode-$1.attn" "${@:3}"
}
for keys in 64 128; do
  slots=$((keys == 64 ? 3 : 2))
  schedule=rows=32,keys=$keys,slots=$slots,stream=1
  decode gqa-$keys gqa --schedule=$schedule
  decode causal-$keys causal-bottom-right --schedule=$schedule
  decode varlen-$keys varlen --schedule=$schedule
  # Those of invariant.py.
  decode gqa-$keys-invariant gqa --invariant --schedule=$schedule
  decode gqa-$keys-page64-invariant gqa --invariant --page=64 --schedule=$schedule
  decode sliding-window-$keys-page64-invariant sliding-window --invariant --page=64 \
    --schedule=$schedule
  for option in '' --invariant; do
    decode causal-$keys-page64${option/--/-} causal-bottom-right $option --page=64 \
      --schedule=$schedule
  done
  for page in 16 64 256; do
    decode gqa-$keys-page$page gqa --page=$page --schedule=$schedule
  done
done
# Those of segments.py: of decodes mostly, or of prompts.
for page in 16 64; do
  for rows in 64:128:2 128:128:2; do
    IFS=: read -r height keys slots <<< "$rows"
    build/bin/attn-compile segments --target=sm_90a --dtype=bf16 --head-dim=128 --pack=4 \
      --page=$page --schedule=rows=$height,keys=$keys,slots=$slots,stream=1 \
      --report=resources -o ".carry/kernels/segments-rows$height-page$page.attn"
  done
done
# In steps of 128 keys it does not fit its registers.
decode causal-64-page64-rows64 causal-bottom-right --page=64 --schedule=rows=64,keys=64,slots=6,stream=1
# Keys and values of 8 bits, which warps share out; with scales of channels too. Steps
# and slots depend on the blocks of a multiprocessor: as the compiler takes them.
schedule=rows=8,stream=1
for type in e4m3 i8; do
  for page in '' 16 64; do
    decode gqa-$type${page:+-page$page} gqa --kv-dtype=$type ${page:+--page=$page} \
      --schedule=$schedule
  done
done
# With scales of tokens.
for type in e4m3 i8; do
  decode gqa-$type-token gqa --kv-dtype=$type --kv-scales=token --schedule=$schedule
done
for page in 16 64; do
  decode gqa-e4m3-token-page$page gqa --kv-dtype=e4m3 --kv-scales=token --page=$page \
    --schedule=$schedule
done
for page in '' 16; do
  decode gqa-e4m3-channel${page:+-page$page} gqa --kv-dtype=e4m3 --kv-scales=channel \
    ${page:+--page=$page} --schedule=$schedule
done
decode gqa-e4m3-invariant gqa --kv-dtype=e4m3 --invariant --schedule=$schedule
for option in '' --invariant; do
  decode causal-e4m3-page64${option/--/-} causal-bottom-right --kv-dtype=e4m3 $option \
    --page=64 --schedule=$schedule
done
# Those that append.py checks and times.
cache() {
  build/bin/attn-compile "$2" --target=sm_90a --dtype=bf16 --head-dim=128 --page=16 \
    --report=resources -o ".carry/kernels/cache-$1.attn" "${@:3}"
}
cache append append
cache append-interleaved append --set=interleaved=1
cache append-plain append-plain
for kind in e4m3-head e4m3-token e5m2-channel i8-token; do
  cache append-$kind append --kv-dtype=${kind%-*} --kv-scales=${kind#*-}
done
# Variants in f32 by ordinary threads, and for comparison by the CPU.
for variant in $(build/bin/attn-compile --list | awk '{ print $1 }'); do
  build/bin/attn-compile "$variant" --target=sm_90a \
    -o ".carry/kernels/variant-$variant.attn"
  build/bin/attn-compile "$variant" --target=portable \
    -o ".carry/kernels/variant-$variant.cpu"
done
