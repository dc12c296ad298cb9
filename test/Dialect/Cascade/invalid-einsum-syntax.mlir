// The syntax of cascade.einsum.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

cascade.func @no_output_index(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected '['}}
  %y = cascade.einsum %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @no_operand(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected SSA operand}}
  %y = cascade.einsum [m] = : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @operand_without_index(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected '['}}
  %y = cascade.einsum [m] = %x : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @unclosed_index(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected ']'}}
  %y = cascade.einsum [m] = %x[m : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @no_coordinate(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a variable, an integer, an index tensor or '(' in an index expression}}
  %y = cascade.einsum [m] = %x[+] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @missing_term(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a variable, an integer, an index tensor or '(' in an index expression}}
  %y = cascade.einsum [m] = %x[m + ] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @unclosed_parenthesis(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected ')'}}
  %y = cascade.einsum [m] = %x[(m + 1] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @product_of_variables(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a product with an integer}}
  %y = cascade.einsum [m] = %x[m * m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @division_by_zero(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a positive integer as divisor}}
  %y = cascade.einsum [m] = %x[m floordiv 0] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @remainder_by_negative(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a positive integer as divisor}}
  %y = cascade.einsum [m] = %x[m mod -2] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @division_by_variable(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a positive integer as divisor}}
  %y = cascade.einsum [m] = %x[4 floordiv m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @huge_integer(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects an integer of 32 bits at most}}
  %y = cascade.einsum [m] = %x[m + 2147483648] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @huger_integer(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects an integer of 32 bits at most}}
  %y = cascade.einsum [m] = %x[m + 99999999999999999999999] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

// Each integer fits, their sum does not.

// -----

cascade.func @huge_sum(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects integers of 32 bits at most in indexing map #0, but got 4294967294}}
  %y = cascade.einsum [m] = %x[m + 2147483647 + 2147483647] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @deep_nesting(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects an index expression nested 64 deep at most}}
  %y = cascade.einsum [m] = %x[((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((m))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @table_in_table(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects no index tensor inside another one's index}}
  %y = cascade.einsum [m] = %x[%t[%t[m]]] : !cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], i32, empty = -1> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @unknown_merge(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected ':'}}
  %y = cascade.einsum [m] = %x[m] ignore : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @no_result_type(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expected '->'}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @few_types(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a type for each of 2 operands and 0 index tensors, but got 1}}
  %y = cascade.einsum [m] = %x[m], %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @no_type_of_table(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects a type for each of 1 operands and 1 index tensors, but got 1}}
  %y = cascade.einsum [m] = %x[%t[m]] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

// expected-note @below {{prior use here}}
cascade.func @wrong_type(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{use of value '%x' expects different type than prior uses}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f64, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @few_map_arguments(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m], %x[m] : !cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    // expected-error @below {{expects a map region of one argument for each of 2 operands, but got 1}}
    map (%a) {
      cascade.yield %a : f32
    }
  cascade.return
}

// -----

cascade.func @plain_tensor(%t: tensor<4xf32>) {
  // expected-error @below {{expects cascade tensors as operands, but got 'tensor<4xf32>'}}
  %y = cascade.einsum [m] = %t[m] : tensor<4xf32> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      cascade.yield %a : f32
    }
  cascade.return
}

// -----

cascade.func @reserved_attribute(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{attribute 'merges' occurs more than once}}
  %y = cascade.einsum [m] = %x[m] {merges = array<i32: 0>} : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}
