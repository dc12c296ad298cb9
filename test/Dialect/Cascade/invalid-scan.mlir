// Scans: one case a constraint, named after it; then syntax and the generic
// form.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

cascade.func @scan_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects input #0 to have rank 'P', but got '!cascade.tensor<[M], f32, empty = 0.0>'}}
  %r = cascade.scan P by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c1_by(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  // expected-error @below {{expects the tile's rank to be declared with an extent; add 'cascade.rank M0 = ...'}}
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c1_tile_taken(%x: !cascade.tensor<[M, M0], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects inputs without rank 'M0', which names the tile, but got '!cascade.tensor<[M, M0], f32, empty = 0.0>'}}
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M, M0], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c1_own(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M = 4
  // expected-error @below {{expects another name for the tile of rank 'M', but got the rank's own}}
  %r = cascade.scan M by M () init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c2(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects a result for each of 1 carries, but got 0 results}}
  cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>)
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c2_result(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects result #0 to have the type of its carry, '!cascade.tensor<[], f32, empty = 0.0>', but got '!cascade.tensor<[M], f32, empty = 0.0>'}}
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c2_yield(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      // expected-error @below {{expects values of types ('!cascade.tensor<[], f32, empty = 0.0>') from the step region, but got ('!cascade.tensor<[M0], f32, empty = 0.0>')}}
      cascade.yield %t : !cascade.tensor<[M0], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c2_yield_none(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      // expected-error @below {{expects values of types ('!cascade.tensor<[], f32, empty = 0.0>') from the step region, but got ()}}
      cascade.yield
    }
  cascade.return
}

// -----

cascade.func @scan_c3(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects an emitted result with rank 'M', but got '!cascade.tensor<[], f32, empty = 0.0>'}}
  %r, %e = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a, %a : !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c3_first(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[P], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects an emitted result with rank 'M' first, but got '!cascade.tensor<[P, M], f32, empty = 0.0>'}}
  %r, %e = cascade.scan M (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[P], f32, empty = 0.0>) -> !cascade.tensor<[P], f32, empty = 0.0>, !cascade.tensor<[P, M], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a, %a : !cascade.tensor<[P], f32, empty = 0.0>, !cascade.tensor<[P], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c3_tile_taken(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects an emitted result without rank 'M0', which names the tile, but got '!cascade.tensor<[M, M0], f32, empty = 0.0>'}}
  %r, %e = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[M, M0], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a, %t : !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[M0], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c4(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects no merge region, since the scan emits 1 results in order}}
  %r, %e = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[M], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a, %t : !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[M0], f32, empty = 0.0>
    }
    merge (%u, %v) {
      cascade.yield %u : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @scan_c4_yield(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
    merge (%u, %v) {
      // expected-error @below {{expects values of types ('!cascade.tensor<[], f32, empty = 0.0>') from the merge region, but got ('!cascade.tensor<[], f32, empty = 0.0>', '!cascade.tensor<[], f32, empty = 0.0>')}}
      cascade.yield %u, %v : !cascade.tensor<[], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @merge_arguments(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
    // expected-error @below {{expects 2 arguments of the merge region, but got 1}}
    merge (%u) {
      cascade.yield %u : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @step_arguments(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    // expected-error @below {{expects 3 arguments of the step region, but got 2}}
    step (%base, %t) {
      cascade.yield %c : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @no_step(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    // expected-error @below {{expected 'step'}}
    merge (%u, %v) {
    }
  cascade.return
}

// -----

cascade.func @no_init(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expected 'init'}}
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

// expected-note @below {{prior use here}}
cascade.func @plain_input(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{use of value '%x' expects different type than prior uses: 'tensor<4xf32>'}}
  %r = cascade.scan M by M0 (%x : tensor<4xf32>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @many_results(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{operation defines 1 results but was provided 2 to bind}}
  %r, %s = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @index_in_step(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      // expected-error @below {{expects parent op 'cascade.einsum'}}
      %m = cascade.index m
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @read_in_step(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  %r = cascade.scan M by M0 (%x : !cascade.tensor<[M], f32, empty = 0.0>) init (%c : !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
    step (%base, %t, %a) {
      // expected-error @below {{expects to stand in a region of cascade.einsum}}
      %m = cascade.read %x[%base] : !cascade.tensor<[M], f32, empty = 0.0> -> f32
      cascade.yield %a : !cascade.tensor<[], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @generic_step_type(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects arguments ('index', '!cascade.tensor<[M0], f32, empty = 0.0>', '!cascade.tensor<[], f32, empty = 0.0>') of its step region, but got ('index', '!cascade.tensor<[M], f32, empty = 0.0>', '!cascade.tensor<[], f32, empty = 0.0>')}}
  %r = "cascade.scan"(%x, %c) <{rank = "M", by = "M0", operandSegmentSizes = array<i32: 1, 1>}> ({
  ^bb0(%base: index, %t: !cascade.tensor<[M], f32, empty = 0.0>, %a: !cascade.tensor<[], f32, empty = 0.0>):
    "cascade.yield"(%a) : (!cascade.tensor<[], f32, empty = 0.0>) -> ()
  }, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @generic_step_arguments(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects arguments ('index', '!cascade.tensor<[M0], f32, empty = 0.0>', '!cascade.tensor<[], f32, empty = 0.0>') of its step region, but got ()}}
  %r = "cascade.scan"(%x, %c) <{rank = "M", by = "M0", operandSegmentSizes = array<i32: 1, 1>}> ({
    "cascade.yield"(%c) : (!cascade.tensor<[], f32, empty = 0.0>) -> ()
  }, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @generic_no_step(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{region with 1 blocks}}
  %r = "cascade.scan"(%x, %c) <{rank = "M", by = "M0", operandSegmentSizes = array<i32: 1, 1>}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @generic_order(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{Invalid attribute `order` in property conversion: 2 : i32}}
  %r = "cascade.scan"(%x, %c) <{rank = "M", by = "M0", order = 2 : i32, operandSegmentSizes = array<i32: 1, 1>}> ({
  ^bb0(%base: index, %t: !cascade.tensor<[M0], f32, empty = 0.0>, %a: !cascade.tensor<[], f32, empty = 0.0>):
    "cascade.yield"(%a) : (!cascade.tensor<[], f32, empty = 0.0>) -> ()
  }, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @generic_no_rank(%x: !cascade.tensor<[M], f32, empty = 0.0>, %c: !cascade.tensor<[], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{requires attribute 'rank'}}
  %r = "cascade.scan"(%x, %c) <{operandSegmentSizes = array<i32: 1, 1>}> ({
  ^bb0(%base: index, %t: !cascade.tensor<[M0], f32, empty = 0.0>, %a: !cascade.tensor<[], f32, empty = 0.0>):
    "cascade.yield"(%a) : (!cascade.tensor<[], f32, empty = 0.0>) -> ()
  }, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[], f32, empty = 0.0>) -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}
