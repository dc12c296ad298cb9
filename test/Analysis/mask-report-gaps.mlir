// RUN: attn-opt %s --split-input-file --cascade-mask-report --remarks-filter=cascade-mask-report 2>&1 >/dev/null | FileCheck %s

// Parts of predicates that have no bounds, each with its reason at its place.

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>

// The rest of the predicate keeps its bounds.
// CHECK: over M: term 0: m <= p; residual: unknown(m, p)
// CHECK: over M: residual because the quotient is by 'block', which is not known to be positive; give the argument a cascade.min of 1
// CHECK: :[[#@LINE+7]]:{{.*}}not analysed: the quotient is by 'block', which is not known to be positive; give the argument a cascade.min of 1
cascade.func @divisor(%q: !Q, %k: !K, %block: index) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %before = arith.cmpi sle, %m, %p : index
      %row = arith.divsi %p, %block : index
      %near = arith.cmpi sle, %row, %m : index
      %visible = arith.andi %before, %near : i1
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}

// -----

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!T = !cascade.tensor<[P], f32, empty = 0.0>

// CHECK: over M: term 0: residual: unknown(m, p)
// CHECK: not analysed: it reads a tensor of f32, not of integers
cascade.func @floats(%q: !Q, %k: !K, %t: !T {cascade.fixed}) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %limit = cascade.read %t[%p] : !T -> f32
      %whole = arith.fptosi %limit : f32 to i32
      %last = arith.index_cast %whole : i32 to index
      %visible = arith.cmpi sle, %m, %last : index
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}

// -----

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>

// A product is understood, but not solved for one of its factors: p may be 0.
// CHECK: over M: term 0: residual: 100 - (p * m) >= 0
// CHECK: over M: residual because 'p * m' is no product with a positive number that 'm' leaves alone
// CHECK-NOT: not analysed
cascade.func @product(%q: !Q, %k: !K) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %hundred = arith.constant 100 : index
      %product = arith.muli %p, %m : index
      %visible = arith.cmpi sle, %product, %hundred : index
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}

// -----

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>

// CHECK: not analysed: the remainder is of 'm - p', which may be negative
cascade.func @remainder(%q: !Q, %k: !K) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %zero = arith.constant 0 : index
      %four = arith.constant 4 : index
      %distance = arith.subi %m, %p : index
      %rest = arith.remsi %distance, %four : index
      %visible = arith.cmpi eq, %rest, %zero : index
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}

// -----

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>

// CHECK: not analysed: the quotient is by zero
cascade.func @zero(%q: !Q, %k: !K) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %zero = arith.constant 0 : index
      %row = arith.floordivsi %p, %zero : index
      %visible = arith.cmpi sle, %m, %row : index
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}

// -----

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>

// CHECK: not analysed: a comparison is unsigned
cascade.func @unsigned(%q: !Q, %k: !K) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %visible = arith.cmpi ule, %m, %p : index
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}

// -----

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!L = !cascade.tensor<[T], i32, empty = -1>

// What a list leaves out, or a residue: no range is without some of them.
// CHECK: over M: term 0: m <= p; residual: not (m in list[]); residual: not ((p - m) mod 4 = 0)
// CHECK: over M: residual because what is not in a list has no bounds
// CHECK: over M: residual because what is not congruent has no bounds
cascade.func @opposites(%q: !Q, %k: !K, %list: !L {cascade.fixed}) -> (s: !S) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %zero = arith.constant 0 : index
      %four = arith.constant 4 : index
      %true = arith.constant true
      %before = arith.cmpi sle, %m, %p : index
      %listed = cascade.member %m in %list[] : !L
      %absent = arith.xori %listed, %true : i1
      %distance = arith.subi %p, %m : index
      %turn = arith.floordivsi %distance, %four : index
      %turns = arith.muli %turn, %four : index
      %rest = arith.subi %distance, %turns : index
      %differs = arith.cmpi ne, %rest, %zero : index
      %kept = arith.andi %absent, %differs : i1
      %visible = arith.andi %before, %kept : i1
      cascade.yield %visible : i1
    }
  cascade.return %s : !S
}
