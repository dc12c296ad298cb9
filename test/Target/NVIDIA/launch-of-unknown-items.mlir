// RUN: not attn-compile %s --target=sm_90a --emit=ptx 2>&1 | FileCheck %s
// CHECK: expects a number of items that is an expression over extents and integer arguments
pipe.kernel @k(%n: i32 {pipe.name = "n"}) {
  %m = arith.shli %n, %n : i32
  %w = pipe.work items(%m) : !pipe.work<single>
  pipe.role "r" groups(1) warps(4) registers(128) (%group) {
  }
}
