// RUN: attn-opt %s --convert-cascade-to-tile --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false
// RUN: not attn-opt %s --convert-cascade-to-tile=tile-rows=-1 --split-input-file 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not attn-opt %s --convert-cascade-to-tile=tile-rows=16777217 --split-input-file 2>&1 | FileCheck %s --check-prefix=LARGE
// NONE: error: expects a tile of 1 to 16777216 rows, but got -1
// LARGE: error: expects a tile of 1 to 16777216 rows, but got 16777217

!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!Y = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @whole_rank(%x: !X) -> (y: !Y) {
  // expected-error @below {{expects rank 'M' to have a static extent of at most 1024, to be swept by a scan, or to be a rank of the result; bind it (cascade-bind) or reduce passes over it (cascade-reduce-passes)}}
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !Y
  cascade.return %y : !Y
}

// -----

!X = !cascade.tensor<[Pg, S], f32, empty = 0.0>
!T = !cascade.tensor<[P], i32, empty = -1>
!Y = !cascade.tensor<[P, S], f32, empty = 0.0>
cascade.func @index_tensor(%x: !X, %t: !T) -> (y: !Y) {
  cascade.rank S = 16
  // expected-error @below {{has no lowering to tile: it reads a rank through an index tensor}}
  %y = cascade.einsum [p, s] = %x[%t[p], s] : !X, !T -> !Y
  cascade.return %y : !Y
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
cascade.func @argument(%x: !X) -> (y: !X) {
  // expected-error @below {{has no lowering to tile: a result is an argument}}
  cascade.return %x : !X
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
!Y = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @outside(%x: !X) -> (y: !Y) {
  cascade.rank E = 16
  // expected-error @below {{expects an index expression of operand #1 that is a variable, or an expression of one variable that stays inside a static rank, at rank 'E'}}
  %y = cascade.einsum [p] = %x[p, e], %x[p, e + 1] reduce add : !X, !X -> !Y
  cascade.return %y : !Y
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
!T = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @read_of_a_computed_table(%x: !X) -> (y: !X) {
  cascade.rank E = 16
  %t = cascade.einsum [p] = %x[p, e] reduce add : !X -> !T
  %y = cascade.einsum [p, e] = %x[p, e] : !X -> !X
    map (%a) {
      %e = cascade.index e
      // expected-error @below {{has no lowering to tile: a map reads tables that are arguments, but this one is computed; make it an operand of the Einsum}}
      %b = cascade.read %t[%e] : !T -> f32
      %r = arith.addf %a, %b : f32
      cascade.yield %r : f32
    }
  cascade.return %y : !X
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
!L = !cascade.tensor<[N], i32, empty = -1>
cascade.func @member_in_a_map(%x: !X, %l: !L) -> (y: !X) {
  cascade.rank E = 16
  %y = cascade.einsum [p, e] = %x[p, e] absorb : !X -> !X
    map (%a) {
      %e = cascade.index e
      %zero = arith.constant 0.0 : f32
      // expected-error @below {{has no lowering to tile in a map region; state it in the 'where' region}}
      %in = cascade.member %e in %l[] : !L
      %r = arith.select %in, %a, %zero : f32
      cascade.yield %r : f32
    }
  cascade.return %y : !X
}

// -----

!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!XC = !cascade.tensor<[P, M0], f32, empty = 0.0>
!T = !cascade.tensor<[M], f32, empty = 0.0>
!TC = !cascade.tensor<[M0], f32, empty = 0.0>
!Y = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @read_of_a_cut_table(%x: !X, %t: !T) -> (y: !Y) {
  cascade.rank M0 = 16
  %start = cascade.empty : !Y
  %y = cascade.scan M by M0 (%x, %t : !X, !T) init (%start : !Y) -> !Y
    step (%base, %xc, %tc, %sum) {
      %part = cascade.einsum [p] = %xc[p, m0] reduce add : !XC -> !Y
        map (%a) {
          %m0 = cascade.index m0
          // expected-error @below {{has no lowering to tile: a map reads tables that are arguments, but a scan cuts this one; make it an operand of the Einsum}}
          %b = cascade.read %tc[%m0] : !TC -> f32
          %r = arith.addf %a, %b : f32
          cascade.yield %r : f32
        }
      %next = cascade.einsum [p] = %sum[p], %part[p] : !Y, !Y -> !Y
        map (%a, %b) {
          %r = arith.addf %a, %b : f32
          cascade.yield %r : f32
        }
      cascade.yield %next : !Y
    }
  cascade.return %y : !Y
}
