// RUN: not attn-compile %s --target=sm_90a --emit=ptx 2>&1 | FileCheck %s
// CHECK: expects a pipe.work, from which the number of blocks follows
pipe.kernel @k(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(4) registers(128) (%group) {
  }
}
