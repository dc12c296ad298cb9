// Near misses: what looks like a law and is none keeps its pass, and the remark
// says at which operation and why.
// RUN: attn-opt %s --cascade-reduce-passes --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s

!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!Y = !cascade.tensor<[], f32, empty = 0.0>

// max(x - y, 0) is not max(x, 0) - y: zero is no element that a shift leaves.
// CHECK: kept.mlir:[[#@LINE+7]]:{{.*}}PassKept{{.*}}the operands of 'arith.maximumf' have no common factor
cascade.func @maximum_of_relu(%x: !X) -> (z: !R) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce add : !X -> !D
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] through reduce max : !X, !D -> !R
    map (%a, %b) {
      %zero = arith.constant 0.0 : f32
      %d = arith.subf %a, %b : f32
      %r = arith.maximumf %d, %zero : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !R
}

// sqrt(x * y) is sqrt(x) * sqrt(y) where neither is negative.
// CHECK: PassKept{{.*}}'math.sqrt' takes no parts that may be negative
cascade.func @root_of_product(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce add : !X -> !D
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] through reduce add : !X, !D -> !D
    map (%a, %b) {
      %s = arith.mulf %a, %b : f32
      %r = math.sqrt %s : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
}

// e^(x - y) for a running sum y may overflow where the final y keeps it small.
// CHECK: PassKept{{.*}}only a running maximum or minimum is followed
cascade.func @exp_under_a_sum(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce add : !X -> !D
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] through reduce add : !X, !D -> !D
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %r = math.exp %d : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
}

// A running maximum that crosses zero leaves nothing to correct.
// CHECK: PassKept{{.*}}the late value's part has no inverse in 'mul'
cascade.func @factor_through_zero(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] absorb reduce add : !X, !R -> !D
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %e = math.exp %d : f32
      %r = arith.mulf %e, %b : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
}

// The maximum of the later points only: the first ones have no weight yet.
// CHECK: PassKept{{.*}}its points may count before the late value has any
cascade.func @maximum_under_a_mask(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
    where {
      %m = cascade.index m
      %three = arith.constant 3 : index
      %c = arith.cmpi sge, %m, %three : index
      cascade.yield %c : i1
    }
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] absorb reduce add : !X, !R -> !D
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %r = math.exp %d : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
}

// Another query's late value, and one that the sum takes away.
// CHECK: PassKept{{.*}}it is read at other coordinates than the result's
cascade.func @neighbour(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !D
  %z = cascade.einsum [p] = %x[p, m], %y[p + 1] reduce add : !X, !D -> !D
  cascade.return %z : !D
}
// CHECK: PassKept{{.*}}it is read at other coordinates than the result's
cascade.func @summed_over(%x: !X) -> (z: !Y) attributes {reassoc} {
  cascade.rank P = 4
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !D
  %z = cascade.einsum [] = %x[p, m], %y[p] reduce add : !X, !D -> !Y
  cascade.return %z : !Y
}

// A difference of zero is empty, and no more so without the maximum in it.
// CHECK: PassKept{{.*}}an empty entry of operand #0 is none in 'add' without the late value
cascade.func @unlike_empty(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
  %d = cascade.einsum [p, m] = %x[p, m] through, %y[p] absorb : !X, !R -> !X
    map (%a, %b) {
      %r = arith.subf %a, %b : f32
      cascade.yield %r : f32
    }
  %z = cascade.einsum [p] = %d[p, m] absorb reduce add : !X -> !D
    map (%a) {
      %r = math.exp %a : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
}

// A sum that starts from 0 cannot be carried in a tensor whose entries start
// from -inf.
// CHECK: ScanNotFormed{{.*}}rank M stays whole: the result's empty value is not the identity of 'add'
cascade.func @other_identity(%x: !X) -> (z: !R) attributes {reassoc} {
  %z = cascade.einsum [p] = %x[p, m] reduce add : !X -> !R
  cascade.return %z : !R
}
