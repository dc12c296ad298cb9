// One case a constraint, named after it: kernels, roles and work.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects argument 0 to have a pipe.name}}
pipe.kernel @kernel_c1(%n: i32) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects arguments of different names, but got two of "n"}}
pipe.kernel @kernel_c1_twice(%n: i32 {pipe.name = "n"}, %m: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects arguments to be !pipe.global, integers or floats, but got 'index'}}
pipe.kernel @kernel_argument(%n: index {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects argument 0 to have a pipe.access of "read", "write", "update" or "workspace"}}
pipe.kernel @kernel_c2_access(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "both", pipe.shape = ["N"]}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects argument 0 to have a pipe.shape of 1 entries}}
pipe.kernel @kernel_c2_rank(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = ["N", "M"]}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects pipe.shape of argument 0 to agree with '!pipe.global<?xf32>', but got [4]}}
pipe.kernel @kernel_c2_shape(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = [4]}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects names or integers in pipe.shape, but got 1.0}}
pipe.kernel @kernel_c2_entry(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = [1.0]}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects pipe.most of argument 0 to bound ranks of its pipe.shape ["N"] by positive integers, but got {G = 8 : i64}}}
pipe.kernel @kernel_c2_most_rank(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = ["N"], pipe.most = {G = 8}}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{by positive integers, but got "N"}}
pipe.kernel @kernel_c2_most(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = ["N"], pipe.most = "N"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{expects at least one pipe.role}}
pipe.kernel @kernel_c3() {
}

// -----

pipe.kernel @kernel_c3_after() {
  // expected-note @below {{which is here}}
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
  // expected-error @below {{expects to stand before the kernel's first role}}
  %c = arith.constant 0 : i32
}

// -----

pipe.kernel @kernel_c4(%n: i32 {pipe.name = "n"}) {
  %v = pipe.work items(%n) : !pipe.work<single>
  // expected-error @below {{expects to be the kernel's only pipe.work}}
  %w = pipe.work items(%n) : !pipe.work<single>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{attribute 'cluster' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
pipe.kernel @kernel_cluster() cluster(0) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{attribute 'blocks' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
pipe.kernel @kernel_blocks() blocks(0) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

// expected-error @below {{attribute 'blocks' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive whose maximum value is 32}}
pipe.kernel @kernel_many_blocks() blocks(33) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @role_c1() {
  // expected-error @below {{attribute 'groups' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  pipe.role "r" groups(0) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @role_c1_warps() {
  // expected-error @below {{attribute 'warps' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  pipe.role "r" groups(1) warps(-1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @role_c1_registers() {
  // expected-error @below {{attribute 'registers' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  pipe.role "r" groups(1) warps(1) registers(0) (%g) {
  }
}

// -----

pipe.kernel @role_c2() {
  // expected-error @below {{expects a body with one argument of type i32}}
  "pipe.role"() <{name = "r", groups = 1 : i64, warps = 1 : i64, registers = 24 : i64}> ({
  ^bb0(%g: i64):
    "pipe.yield"() : () -> ()
  }) : () -> ()
}

// -----

pipe.kernel @next_item_c1(%n: i32 {pipe.name = "n"}) {
  %w = pipe.work items(%n) : !pipe.work<dynamic>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-note @below {{another one is here}}
    %i = pipe.next_item %w after %n : !pipe.work<dynamic>
  }
  pipe.role "s" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects to be the only op that takes items of dynamic work; others learn of them through a ring's messages}}
    %i = pipe.next_item %w after %n : !pipe.work<dynamic>
  }
}

// -----

pipe.kernel @next_item_c1_groups(%n: i32 {pipe.name = "n"}) {
  %w = pipe.work items(%n) : !pipe.work<dynamic>
  // expected-note @below {{the role is here}}
  pipe.role "r" groups(2) warps(4) registers(24) (%g) {
    // expected-error @below {{expects to take items of dynamic work in a role of 1 group, but got 2}}
    %i = pipe.next_item %w after %n : !pipe.work<dynamic>
  }
}

// -----

pipe.kernel @work_c1(%n: i32 {pipe.name = "n"}) cluster(2) {
  // expected-error @below {{expects clusters of one block for split work, whose blocks take different numbers of items, but got clusters of 2}}
  %w = pipe.work items(%n) : !pipe.work<split>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @work_loop_c1(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects the body's arguments to be i32 and the types of the initial values}}
    "pipe.work_loop"(%n) ({
    ^bb0(%i: i64):
      "pipe.yield"(%n) : (i32) -> ()
    }) : (i32) -> ()
  }
}

// -----

pipe.kernel @work_loop_c1_yield(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects the body to yield i32 and the types of the initial values}}
    pipe.work_loop %i = %n {
      pipe.yield %i, %i : i32, i32
    }
  }
}

// -----

pipe.kernel @work_loop_c1_results(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects results of the types of the initial values}}
    %r = "pipe.work_loop"(%n, %n) ({
    ^bb0(%i: i32, %c: i32):
      "pipe.yield"(%n, %n) : (i32, i32) -> ()
    }) : (i32, i32) -> i64
  }
}

// -----

pipe.kernel @dim_c1(%x: !pipe.global<?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = ["N"]}) {
  // expected-error @below {{expects an index less than the rank 1, but got 1}}
  %n = pipe.dim %x, 1 : !pipe.global<?xf32>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

func.func @role_parent() {
  // expected-error @below {{expects parent op 'pipe.kernel'}}
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
  return
}
