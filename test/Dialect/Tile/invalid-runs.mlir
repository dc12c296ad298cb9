// One case a constraint, named after it: sums over runs, and ends of runs.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

func.func @sum_c1(%n: index) {
  // expected-error @below {{'tile.sum' op expects a region that takes an index and yields 1}}
  %sum = tile.sum below %n {
  ^bb0(%run: index, %other: index):
    tile.yield %run : index
  }
  return
}

// -----

func.func @sum_c1_type(%n: index) {
  // expected-error @below {{expects a region that takes an index and yields 1}}
  %sum = tile.sum below %n {
  ^bb0(%run: i32):
    tile.yield %n : index
  }
  return
}

// -----

func.func @sum_c1_none(%n: index) {
  // expected-error @below {{expects a region that takes an index and yields 1}}
  %sum = tile.sum below %n {
    tile.yield %n : index
  }
  return
}

// -----

func.func @sum_c1_yield_type(%n: index, %i: i32) {
  // expected-error @below {{expects a region that takes an index and yields 2}}
  %sums:2 = tile.sum below %n {
  ^bb0(%run: index):
    tile.yield %run, %i : index, i32
  }
  return
}

// -----

// The custom form counts the results by the yield.
func.func @sum_c1_yields(%n: index) {
  // expected-error @below {{expects a region that takes an index and yields 2}}
  %sums:2 = "tile.sum"(%n) ({
  ^bb0(%run: index):
    tile.yield %run : index
  }) : (index) -> (index, index)
  return
}

// -----

func.func @locate_c1(%n: index) {
  // expected-error @below {{'tile.locate' op expects a region that takes an index and yields 1}}
  %run, %rest = tile.locate %n below %n {
  ^bb0(%i: index, %j: index):
    tile.yield %i : index
  }
  return
}

// -----

func.func @locate_c1_type(%n: index) {
  // expected-error @below {{expects a region that takes an index and yields 1}}
  %run, %rest = tile.locate %n below %n {
  ^bb0(%i: i64):
    tile.yield %n : index
  }
  return
}

// -----

func.func @locate_c1_yields(%n: index) {
  // expected-error @below {{expects a region that takes an index and yields 1}}
  %run, %rest = tile.locate %n below %n {
  ^bb0(%i: index):
    tile.yield %i, %i : index, index
  }
  return
}

// -----

func.func @locate_c1_yield_type(%n: index, %x: i64) {
  // expected-error @below {{expects a region that takes an index and yields 1}}
  %run, %rest = tile.locate %n below %n {
  ^bb0(%i: index):
    tile.yield %x : i64
  }
  return
}

// -----

func.func @sweep_c5_end(%i: index, %x: i32) {
  // expected-error @below {{expects a locator to yield ('index', 'index', 'index'), but got ('index', 'index', 'i32')}}
  tile.sweep(%i to %i full at {
  ^bb0(%t: index):
    tile.yield %t, %t, %x : index, index, i32
  }) by 4 step {
  ^bb0(%b: index, %n: index):
    tile.yield
  }
  return
}

// -----

func.func @sweep_c5_more(%i: index) {
  // expected-error @below {{expects a locator to yield ('index', 'index', 'index'), but got ('index', 'index', 'index', 'index')}}
  tile.sweep(%i to %i full at {
  ^bb0(%t: index):
    tile.yield %t, %t, %t, %t : index, index, index, index
  }) by 4 step {
  ^bb0(%b: index, %n: index):
    tile.yield
  }
  return
}
