// RUN: attn-opt %s --cascade-quantize-updates --split-input-file --verify-diagnostics

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>
!Sum = !cascade.tensor<[E], f32, empty = 0.0>

cascade.func @reduced(%k: !K, %slots: !Slots, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{expects to update rows, to quantize them: each point has to be stored, without a reduction}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] reduce add into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}


// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N], f32, empty = 0.0>

cascade.func @numbers(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{expects to update rows, to quantize them: the last coordinate has to be a variable}}
  %c = cascade.einsum [%slots[t]] = %k[t] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}


// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

cascade.func @gathered(%k: !K, %slots: !Slots {cascade.distinct}, %from: !Slots, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{expects to update rows, to quantize them: no operand may be read at an index tensor}}
  %c = cascade.einsum [%slots[t], e] = %k[%from[t], e] into %cache : !K, !Slots, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}


// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>
!Sum = !cascade.tensor<[E], f32, empty = 0.0>

cascade.func @read_too(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache, s: !Sum) {
  // expected-error @below {{expects to update rows, to quantize them: nothing else may use what it updates}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  %s = cascade.einsum [e] = %cache[n, e] reduce add : !Cache -> !Sum
  cascade.return %c, %s : !Cache, !Sum
}


// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>

// expected-error @below {{expects no argument 'cache_scale', which scales are to be called; rename it}}
cascade.func @taken(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache, %cache_scale: f32) -> (cache: !Cache) {
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>

// Nothing is updated: nothing changes.
cascade.func @plain(%k: !K) -> (o: !K) {
  %o = cascade.einsum [t, e] = %k[t, e] : !K -> !K
  cascade.return %o : !K
}
