// One case a constraint, named after it: sums over runs.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

pipe.kernel @sum_c1(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{'pipe.sum' op expects a region that takes an i32 and yields 1}}
    %sum = pipe.sum below %n {
    ^bb0(%run: i32, %other: i32):
      pipe.yield %run : i32
    } : i32
  }
}

// -----

pipe.kernel @sum_c1_type(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a region that takes an i32 and yields 1}}
    %sum = pipe.sum below %n {
    ^bb0(%run: index):
      pipe.yield %n : i32
    } : i32
  }
}

// -----

pipe.kernel @sum_c1_yields(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a region that takes an i32 and yields 2}}
    %sum:2 = pipe.sum below %n {
    ^bb0(%run: i32):
      pipe.yield %run : i32
    } : i32, i32
  }
}

// -----

pipe.kernel @sum_c1_yield_type(%n: i32 {pipe.name = "n"}, %m: i64 {pipe.name = "m"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a region that takes an i32 and yields 2}}
    %sum:2 = pipe.sum below %n {
    ^bb0(%run: i32):
      pipe.yield %run, %m : i32, i64
    } : i32, i32
  }
}

// -----

// An array is shared by the block, unlike global memory that nobody writes.
pipe.kernel @sum_c1_effects(%n: i32 {pipe.name = "n"}) {
  %array = pipe.array : !pipe.array<4xi32>
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{'pipe.sum' op expects a region that does nothing others can see}}
    %sum = pipe.sum below %n {
    ^bb0(%run: i32):
      // expected-note @below {{but this op does}}
      %length = pipe.get %array[%run] : !pipe.array<4xi32>
      pipe.yield %length : i32
    } : i32
  }
}

// -----

pipe.kernel @locate_c1(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{'pipe.locate' op expects a region that takes an i32 and yields 1}}
    %run, %rest = pipe.locate %n below %n {
      pipe.yield %n : i32
    }
  }
}

// -----

pipe.kernel @locate_c1_yields(%n: i32 {pipe.name = "n"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a region that takes an i32 and yields 1}}
    %run, %rest = pipe.locate %n below %n {
    ^bb0(%i: i32):
      pipe.yield %i, %i : i32, i32
    }
  }
}

// -----

pipe.kernel @locate_c1_yield_type(%n: i32 {pipe.name = "n"}, %m: i64 {pipe.name = "m"}) {
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a region that takes an i32 and yields 1}}
    %run, %rest = pipe.locate %n below %n {
    ^bb0(%i: i32):
      pipe.yield %m : i64
    }
  }
}

// -----

pipe.kernel @locate_c1_effects(%n: i32 {pipe.name = "n"}) {
  %array = pipe.array : !pipe.array<4xi32>
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{'pipe.locate' op expects a region that does nothing others can see}}
    %run, %rest = pipe.locate %n below %n {
    ^bb0(%i: i32):
      // expected-note @below {{but this op does}}
      %length = pipe.get %array[%i] : !pipe.array<4xi32>
      pipe.yield %length : i32
    }
  }
}

// -----

// What a region in another's does is not hidden in it.
pipe.kernel @work_c2_effects(%n: i32 {pipe.name = "n"}) {
  %array = pipe.array : !pipe.array<4xi32>
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    // expected-error @below {{'pipe.sum' op expects a region that does nothing others can see}}
    %steps = pipe.sum below %n {
    ^bb0(%run: i32):
      // expected-note @below {{but this op does}}
      %length = pipe.get %array[%run] : !pipe.array<4xi32>
      pipe.yield %length : i32
    } : i32
    pipe.yield %steps : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}
