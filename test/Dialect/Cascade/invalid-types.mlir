// Tensor types and monoids: one case a constraint, named after it, and the
// syntax of both.
// RUN: attn-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// expected-error @below {{expects ranks with different names, but got 'M' twice}}
cascade.func @tensor_c1(%x: !cascade.tensor<[M, P, M], f32, empty = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{expects elements of type integer, index, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but got 'complex<f32>'}}
cascade.func @tensor_c2(%x: !cascade.tensor<[M], complex<f32>, empty = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{expects elements of type integer, index, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but got 'f8E3M4'}}
cascade.func @tensor_c2_f8(%x: !cascade.tensor<[M], f8E3M4, empty = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{expects elements of type integer, index, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but got 'i65'}}
cascade.func @tensor_c2_wide(%x: !cascade.tensor<[M], i65, empty = 0>) {
  cascade.return
}

// -----

// expected-error @below {{expects elements of type integer, index, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but got 'ui8'}}
cascade.func @tensor_c2_unsigned(%x: !cascade.tensor<[M], ui8, empty = 0>) {
  cascade.return
}

// -----

// expected-error @below {{expects an integer as the empty value of 'i32', but got 5.000000e-01}}
cascade.func @tensor_c3(%x: !cascade.tensor<[M], i32, empty = 0.5>) {
  cascade.return
}

// -----

// expected-error @below {{expects an integer as the empty value of 'index', but got inf}}
cascade.func @tensor_c3_inf(%x: !cascade.tensor<[M], index, empty = -inf>) {
  cascade.return
}

// -----

// expected-error @below {{expects an empty value that fits in 'i8', but got 128}}
cascade.func @tensor_c3_range(%x: !cascade.tensor<[M], i8, empty = 128>) {
  cascade.return
}

// -----

// expected-error @below {{expects an empty value that fits in 'i64', but got 9223372036854775808}}
cascade.func @tensor_c3_huge(%x: !cascade.tensor<[M], i64, empty = 9223372036854775808>) {
  cascade.return
}

// -----

// expected-error @below {{expects an empty value that fits in 'i64', but got -340282366920938463463374607431768211456}}
cascade.func @tensor_c3_huger(%x: !cascade.tensor<[M], i64, empty = -340282366920938463463374607431768211456>) {
  cascade.return
}

// -----

// An overflow to infinity would silently make another empty value.
// expected-error @below {{expects an empty value that fits in 'f16', but got 1.000000e+05}}
cascade.func @tensor_c3_overflow(%x: !cascade.tensor<[M], f16, empty = 1.0e5>) {
  cascade.return
}

// -----

// expected-error @below {{expects an empty value that fits in 'f32', but got -1.000000e+300}}
cascade.func @tensor_c3_overflow_negative(%x: !cascade.tensor<[M], f32, empty = -1.0e300>) {
  cascade.return
}

// -----

// The empty value has no default.
// expected-error @below {{expected ','}}
cascade.func @tensor_without_empty(%x: !cascade.tensor<[M], f32>) {
  cascade.return
}

// -----

// expected-error @below {{expected 'empty'}}
cascade.func @tensor_misspelt_empty(%x: !cascade.tensor<[M], f32, zero = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{expects a number, inf or -inf as the empty value of 'f32'}}
cascade.func @tensor_nan(%x: !cascade.tensor<[M], f32, empty = nan>) {
  cascade.return
}

// -----

// expected-error @below {{expected '['}}
cascade.func @tensor_without_ranks(%x: !cascade.tensor<4xf32, empty = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{expected valid keyword}}
cascade.func @tensor_numbered_rank(%x: !cascade.tensor<[M, 4], f32, empty = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{expects a registered monoid (add, and, max, min, mul, or), but got 'sum'}}
"test.op"() {monoid = #cascade.monoid<sum>} : () -> ()

// -----

cascade.func @monoid_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>)
    -> (y: !cascade.tensor<[], f32, empty = 0.0>) {
  // expected-error @below {{expects a registered monoid (add, and, max, min, mul, or), but got 'sum'}}
  %y = cascade.einsum [] = %x[m] reduce sum : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return %y : !cascade.tensor<[], f32, empty = 0.0>
}
