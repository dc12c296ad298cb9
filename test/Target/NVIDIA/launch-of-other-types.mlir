// RUN: not attn-compile %s --target=sm_90a --emit=ptx 2>&1 | FileCheck %s
// CHECK: expects arguments of types that a host has, but got 'i24'
pipe.kernel @k(%n: i32 {pipe.name = "n"}, %x: i24 {pipe.name = "x"}) {
  %w = pipe.work items(%n) : !pipe.work<single>
  pipe.role "r" groups(1) warps(4) registers(128) (%group) {
  }
}
