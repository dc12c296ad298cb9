// Updates: one case a constraint, named after it.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

!K = !cascade.tensor<[T, H], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, H], f32, empty = 0.0>

// Quotients alone are the same for several entries.
cascade.func @einsum_c3_quotient(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{expects a reduction, or the entry of index tensor #0 as it is or as its quotient and its remainder by one number in the output index, since points of different entries may collide}}
  %c = cascade.einsum [%slots[t] floordiv 2, h] = %k[t, h] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, S], f32, empty = 0.0>

cascade.func @einsum_c3_two_numbers(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank S = 8
  // expected-error @below {{expects a reduction, or the entry of index tensor #0 as it is or as its quotient}}
  %c = cascade.einsum [%slots[t] floordiv 4, %slots[t] mod 8] = %k[t] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N], f32, empty = 0.0>

cascade.func @einsum_c3_sum(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{expects a reduction, since the output index is not a list of variables and of entries of index tensors, and points may collide}}
  %c = cascade.einsum [%slots[t] + 1] = %k[t] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, H], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N], f32, empty = 0.0>

cascade.func @einsum_c3_variable(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  // expected-error @below {{expects a reduction, since variable 'h' is not in the output index}}
  %c = cascade.einsum [%slots[t]] = %k[t, h] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N], f32, empty = 0.0>

// That entries differ is a fact of arguments.
cascade.func @einsum_c3_computed(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  %other = cascade.einsum [t] = %slots[t] through : !Slots -> !Slots
    map (%x) {
      %c2 = arith.constant 2 : i64
      %y = arith.divsi %x, %c2 : i64
      cascade.yield %y : i64
    }
  // expected-error @below {{expects a reduction, or index tensor #0 to be an argument with 'cascade.distinct', since equal entries make points collide}}
  %c = cascade.einsum [%other[t]] = %k[t] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>

cascade.func @einsum_c10(%k: !K, %cache: !cascade.tensor<[T], bf16, empty = 0.0>) -> (y: !K) {
  // expected-error @below {{expects to go into a tensor of the result's type '!cascade.tensor<[T], f32, empty = 0.0>', but got '!cascade.tensor<[T], bf16, empty = 0.0>'}}
  %c = cascade.einsum [t] = %k[t] into %cache : !K, !cascade.tensor<[T], bf16, empty = 0.0> -> !K
  cascade.return %c : !K
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>

cascade.func @einsum_types(%k: !K, %cache: !K) -> (cache: !K) {
  // expected-error @below {{expects a type for each of 1 operands and 0 index tensors and what it goes into, but got 1}}
  %c = cascade.einsum [t] = %k[t] into %cache : !K -> !K
  cascade.return %c : !K
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>

cascade.func @func_c15(%k: !K, %cache: !K) -> (cache: !K) {
  %c = cascade.einsum [t] = %k[t], %cache[t] : !K, !K -> !K
  // expected-error @below {{expects result 'cache' to be an Einsum into the argument of this name; give it a name of its own, or say 'into %cache'}}
  cascade.return %c : !K
}

// -----

!K = !cascade.tensor<[T], f32, empty = 0.0>

cascade.func @func_c15_other(%k: !K, %a: !K, %b: !K) -> (a: !K) {
  %c = cascade.einsum [t] = %k[t] into %b : !K, !K -> !K
  // expected-error @below {{expects result 'a' to be an Einsum into the argument of this name}}
  cascade.return %c : !K
}

// -----

// expected-error @below {{expects 'cascade.distinct' on tensors of integers, but argument 'x' has type '!cascade.tensor<[T], f32, empty = 0.0>'}}
cascade.func @func_c16(%x: !cascade.tensor<[T], f32, empty = 0.0> {cascade.distinct}) {
  cascade.return
}
