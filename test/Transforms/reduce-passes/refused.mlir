// RUN: attn-opt %s --cascade-reduce-passes --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s

!X = !cascade.tensor<[M], f32, empty = 0.0>
!Y = !cascade.tensor<[], f32, empty = 0.0>

// Each function sums F(x, y) over M where y is itself a sum over M. What has no
// rank-1 form keeps its second pass; the remark stands at the operation whose
// law fails.

// A square of a difference: three sums would do (a variance).
// CHECK: refused.mlir:[[#@LINE+5]]:{{.*}}PassKept{{.*}}rank M keeps a pass: {{.*}}; it has rank 3: [(x0 * x0)] + [((x0 * -1) + (-1 * x0))] * y + [(-1 * -1)] * y^2
cascade.func @square(%x: !X) -> (z: !Y) attributes {reassoc} {
  %y = cascade.einsum [] = %x[m] reduce add : !X -> !Y
  %z = cascade.einsum [] = %x[m] through, %y[] through reduce add : !X, !Y -> !Y
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %r = arith.mulf %d, %d : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !Y
}

// CHECK: refused.mlir:[[#@LINE+8]]:{{.*}}PassKept{{.*}}rank M keeps a pass: {{.*}}; it has no rank-1 form: F({{.*}}) * F({{.*}}) =
cascade.func @sigmoid(%x: !X) -> (z: !Y) attributes {reassoc} {
  %y = cascade.einsum [] = %x[m] reduce add : !X -> !Y
  %z = cascade.einsum [] = %x[m] through, %y[] through reduce add : !X, !Y -> !Y
    map (%a, %b) {
      %one = arith.constant 1.0 : f32
      %d = arith.subf %b, %a : f32
      %e = math.exp %d : f32
      %s = arith.addf %one, %e : f32
      %r = arith.divf %one, %s : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !Y
}

// CHECK: refused.mlir:[[#@LINE+6]]:{{.*}}PassKept{{.*}}rank M keeps a pass: 'arith.subf' is no homomorphism into 'mul'; it has no rank-1 form
cascade.func @relu(%x: !X) -> (z: !Y) attributes {reassoc} {
  %y = cascade.einsum [] = %x[m] reduce add : !X -> !Y
  %z = cascade.einsum [] = %x[m] through, %y[] through reduce add : !X, !Y -> !Y
    map (%a, %b) {
      %zero = arith.constant 0.0 : f32
      %d = arith.subf %a, %b : f32
      %r = arith.maximumf %d, %zero : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !Y
}

// CHECK: refused.mlir:[[#@LINE+6]]:{{.*}}PassKept{{.*}}rank M keeps a pass: {{.*}}'math.roundeven'{{.*}}; it has no rank-1 form
cascade.func @round(%x: !X) -> (z: !Y) attributes {reassoc} {
  %y = cascade.einsum [] = %x[m] reduce add : !X -> !Y
  %z = cascade.einsum [] = %x[m] through, %y[] through reduce add : !X, !Y -> !Y
    map (%a, %b) {
      %d = arith.divf %a, %b : f32
      %r = math.roundeven %d : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !Y
}

// Sums are not taken in another order without leave.
// CHECK: NotReassociable{{.*}}needs the attribute 'reassoc' on @strict
cascade.func @strict(%x: !X) -> (z: !Y) {
  %z = cascade.einsum [] = %x[m] reduce add : !X -> !Y
  cascade.return %z : !Y
}
