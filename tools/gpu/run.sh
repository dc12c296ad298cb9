#!/bin/bash
# On a machine with a GPU and PyTorch, after tools/gpu/build.sh (here, or
# elsewhere with .carry/ copied):
#   tools/gpu/run.sh check [PROGRAM...]    correctness, a child process a case
#   tools/gpu/run.sh bench [PROGRAM...]    speed beside peers, JSON rows
#   tools/gpu/run.sh schedules VARIANT:D[:LENGTHS[:NAME=VALUE...]]...
#                                          the same of variants with schedules
#   tools/gpu/run.sh decode [--kernels NAME,...] [ROW...]
#                                          speed of decoding beside cuDNN and a sum
#   tools/gpu/run.sh append [TOKENS:HEADS...]
#                                          kernels that write to caches: right, captured
#                                          and timed
#   tools/gpu/run.sh segments [--kernels NAME,...] [--cases N] [ROW...]
#                                          prompts, decodes and shared prefixes in one
#                                          launch: right, and timed
#   tools/gpu/run.sh steps [KERNEL=ROW...] equal bits of decoding steps, launched
#                                          1000 times beside a load, and captured
#   tools/gpu/run.sh invariant [--bits|--times] [ROW...]
#                                          bits of rows in random calls and alone, and
#                                          the time that this takes
#   tools/gpu/run.sh repeat VARIANT:D[:LENGTHS[:NAME=VALUE...]]...
#                                          equal bits of 1000 launches beside a load
#   tools/gpu/run.sh sweep VARIANT...|--all
#                                          random cases of variants against f64
#   tools/gpu/run.sh target --target=NAME  code for another GPU on this one: right, and
#                                          timed beside FlashAttention-2
#   tools/gpu/run.sh large                  more heads and larger offsets than 16 and 31
#                                          bits hold
#   tools/gpu/run.sh torch_check           the operator of PyTorch, and a model of
#                                          transformers: right, and the host's time
#   tools/gpu/run.sh calls_check           calls of FlexAttention, FlashAttention and
#                                          FlashInfer: right; compilers in one process
#   tools/gpu/run.sh cycles [PROGRAM...]   in-kernel cycles beside peers, by ncu
#   tools/gpu/run.sh launch                a launch beside a bare one of the driver
#   tools/gpu/run.sh sanitize [NAME...]    compute-sanitizer on small cases
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=$PWD/python:$PWD/tools/gpu
export ATTN_RUN=${ATTN_RUN:-$PWD/.carry/attn-run}
export ATTN_COMPILE=${ATTN_COMPILE:-$PWD/.carry/attn-compile}
export ATTN_RUNTIME_LIBRARY=$PWD/.carry/libattn_runtime.so
command=${1:-check}
shift || true
if ! python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
  echo "skipped: there is no GPU that PyTorch can use"
  exit 0
fi
case $command in
  check | bench | schedules | decode | append | segments | steps | invariant | repeat | sweep | target | large | calls_check | torch_check | cycles | sanitize)
    exec python3 "tools/gpu/$command.py" "$@"
    ;;
  launch)
    export LD_LIBRARY_PATH=$PWD/.carry${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    exec .carry/attn-launch-overhead .carry/kernels/attention-full.attn \
      "$PWD/.carry/libattn-forwarding-driver.so"
    ;;
  *)
    echo "expects check, bench, schedules, decode, append, segments, steps, invariant, repeat, sweep, target, large, calls_check, torch_check, cycles, launch or sanitize, but got '$command'" >&2
    exit 2
    ;;
esac
