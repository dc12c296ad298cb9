// Generic forms that no parser of cascade.einsum would build.
// RUN: attn-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

cascade.func @few_maps(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects an index expression for each operand and the output (2), but got 1}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @no_maps(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects an index expression for each operand and the output (2), but got 0}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @absent_maps(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{requires attribute 'indexing_maps'}}
  %y = "cascade.einsum"(%x) <{merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @not_maps(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{AffineMap array attribute}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [1 : i32, 2 : i32], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @not_an_array(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{Invalid attribute `indexing_maps` in property conversion}}
  %y = "cascade.einsum"(%x) <{indexing_maps = affine_map<(d0) -> (d0)>, merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @many_merges(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a merge for each of 1 operands, but got 2}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0, 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @unknown_merge(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects merges 0 (derived), 1 (absorb) or 2 (through), but got 7}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 7>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @negative_merge(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects merges 0 (derived), 1 (absorb) or 2 (through), but got -1}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: -1>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @few_segments(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{size mismatch in attribute conversion: 1 vs 3}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @wrong_segments(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{operand count (1) does not match with the total size (2) specified in attribute 'operandSegmentSizes'}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 1, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @negative_segment(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{'operandSegmentSizes' attribute cannot have negative elements}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 2, -1, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @no_operand(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects an operand}}
  %y = "cascade.einsum"() <{indexing_maps = [affine_map<(d0) -> (d0)>], merges = array<i32>, operandSegmentSizes = array<i32: 0, 0, 0>, variables = ["m"]}> ({}, {}) : () -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @few_dimensions(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects indexing map #0 over 1 variables and 0 index tensors, but got affine_map<() -> (0)>}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<() -> (0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @symbol(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects indexing map #0 over 1 variables and 0 index tensors, but got affine_map<(d0)[s0] -> (s0)>}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0)[s0] -> (s0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @ceildiv(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects indexing map #0 of sums, products with integers, and floordiv and mod by positive integers, but got affine_map<(d0) -> (d0 ceildiv 2)>}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0 ceildiv 2)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @semi_affine(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects indexing map #0 of sums, products with integers, and floordiv and mod by positive integers, but got affine_map<(d0)[s0] -> (d0 * s0)>}}
  %y = "cascade.einsum"(%x, %t) <{indexing_maps = [affine_map<(d0)[s0] -> (d0 * s0)>, affine_map<(d0)[s0] -> (d0)>, affine_map<(d0)[s0] -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 1, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], i32, empty = -1>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @table_in_table(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects indexing map #1 of sums, products with integers, and floordiv and mod by positive integers, but got affine_map<(d0)[s0] -> (s0)>}}
  %y = "cascade.einsum"(%x, %t) <{indexing_maps = [affine_map<(d0)[s0] -> (s0)>, affine_map<(d0)[s0] -> (s0)>, affine_map<(d0)[s0] -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 1, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], i32, empty = -1>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @huge_constant(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects integers of 32 bits at most in indexing map #0, but got 2147483648}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0 + 2147483648)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @unused_variable(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects variable 'p' to be a whole coordinate somewhere, so that it has a rank; it stands in larger expressions only}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m", "p"]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @equal_variables(%x: !cascade.tensor<[P, M], f32, empty = 0.0>) {
  // expected-error @below {{expects variables with different names, but got 'm' twice}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m", "m"]}> ({}, {}) : (!cascade.tensor<[P, M], f32, empty = 0.0>) -> !cascade.tensor<[P, M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @unwritable_variable(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects variables of letters, digits, '_', '$' and '.' that start with a letter or '_', but got ''}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = [""]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @not_names(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{string array attribute}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = [1 : i32]}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @not_a_monoid(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{Invalid attribute `monoid` in property conversion}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"], monoid = "add"}> ({}, {}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @not_tensors(%x: index) {
  // expected-error @below {{operand #0 must be variadic of a tensor with named ranks and an empty value, but got 'index'}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {}) : (index) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @one_region(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected 2 regions}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @map_arguments(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects its map region to have an argument for each of 1 operands, but got 2}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {
  ^bb0(%a: f32, %b: f32):
    "cascade.yield"(%a) : (f32) -> ()
  }) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @map_argument_type(%x: !cascade.tensor<[M], bf16, empty = 0.0>) {
  // expected-error @below {{expects argument #0 of its map region to have type 'f32', but got 'bf16'}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {
  ^bb0(%a: bf16):
    "cascade.yield"(%a) : (bf16) -> ()
  }) : (!cascade.tensor<[M], bf16, empty = 0.0>) -> !cascade.tensor<[M], bf16, empty = 0.0>
  cascade.return
}

// -----

cascade.func @terminator(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects its map region to end in cascade.yield}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {
  ^bb0(%a: f32):
    "test.end"(%a) : (f32) -> ()
  }) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @empty_block(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{empty block: expect at least a terminator}}
  %y = "cascade.einsum"(%x) <{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], merges = array<i32: 0>, operandSegmentSizes = array<i32: 1, 0, 0>, variables = ["m"]}> ({}, {
  ^bb0(%a: f32):
  }) : (!cascade.tensor<[M], f32, empty = 0.0>) -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}
