// Updates that no kernel does in place.
// RUN: attn-opt %s --split-input-file --convert-cascade-to-tile --verify-diagnostics

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @sums(%k: !K, %slots: !Slots, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: it reduces into what it updates}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] reduce add into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @masked(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: a predicate tells which points it updates; give those that it leaves out an entry of -1}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
    where {
      %t = cascade.index t
      %c1 = arith.constant 1 : index
      %w = arith.cmpi sge, %t, %c1 : index
      cascade.yield %w : i1
    }
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @copy(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (y: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: it updates a copy; give the result the name of the argument that it updates}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @read_before(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache, y: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: it updates argument 'cache', which something else uses too; return the update only, and read it in another function}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  // expected-note @below {{the other use is here}}
  %y = cascade.einsum [n, e] = %cache[n, e], %cache[n, e] : !Cache, !Cache -> !Cache
  cascade.return %c, %y : !Cache, !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @read_after(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache, y: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: what it updates is read before the program ends; return it, and read it in another function}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  %y = cascade.einsum [n, e] = %c[n, e], %c[n, e] : !Cache, !Cache -> !Cache
  cascade.return %c, %y : !Cache, !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @apart(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (y: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: it reads a rank through an index tensor}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] : !K, !Slots -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, S], f32, empty = 0.0>

cascade.func @places(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{has no lowering to tile: rank 'S' has to have a static extent of at least 8, as its coordinate is a remainder by that}}
  %c = cascade.einsum [%slots[t] floordiv 8, %slots[t] mod 8] = %k[t] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, M, E], f32, empty = 0.0>

cascade.func @shifted(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank E = 16
  // expected-error @below {{has no lowering to tile: index tensor #1 is not read at plain variables}}
  %c = cascade.einsum [%slots[t], %slots[t + 1], e] = %k[t, e] into %cache : !K, !Slots, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, S, E], f32, empty = 0.0>

cascade.func @beyond(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank E = 16
  cascade.rank S = 2
  // expected-error @below {{has no lowering to tile: coordinate 2 of rank 'S' has to be inside of its static extent}}
  %c = cascade.einsum [%slots[t], 2, e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}
