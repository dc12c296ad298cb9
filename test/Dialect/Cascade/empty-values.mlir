// Empty values print as they parse, at the limits of their types too.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

// CHECK-DAG: f64, empty = -inf>
// CHECK-DAG: f64, empty = -1.7976931348623157E+308>
// CHECK-DAG: f16, empty = 9.997550e-02>
// CHECK-DAG: bf16, empty = inf>
// CHECK-DAG: f32, empty = 1.0>
// CHECK-DAG: i64, empty = -9223372036854775808>
// CHECK-DAG: index, empty = 9223372036854775807>
// CHECK-DAG: i8, empty = -128>
// CHECK-DAG: i1, empty = false>
// CHECK-DAG: i1, empty = true>
// CHECK-LABEL: cascade.func @values
cascade.func @values(
    %a: !cascade.tensor<[A], f64, empty = -inf>,
    %b: !cascade.tensor<[B], f64, empty = -1.7976931348623157e+308>,
    %c: !cascade.tensor<[C], f16, empty = 0.1>,
    %d: !cascade.tensor<[D], bf16, empty = inf>,
    %e: !cascade.tensor<[E], f32, empty = 1>,
    %f: !cascade.tensor<[F], i64, empty = -9223372036854775808>,
    %g: !cascade.tensor<[G], index, empty = 9223372036854775807>,
    %h: !cascade.tensor<[H], i8, empty = -128>,
    %i: !cascade.tensor<[I], i1, empty = 0>,
    %j: !cascade.tensor<[J], i1, empty = 1>,
    %k: !cascade.tensor<[K], i1, empty = true>) {
  cascade.return
}
