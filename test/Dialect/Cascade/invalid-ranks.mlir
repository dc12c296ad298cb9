// Ranks: declared, cut, joined, selected. One case a constraint, named after
// it.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

cascade.func @rank_c1() {
  // expected-error @below {{expects an extent of 1 at least for rank 'E', but got 0}}
  cascade.rank E = 0
  cascade.return
}

// -----

cascade.func @rank_c1_negative() {
  // expected-error @below {{expects an extent of 1 at least for rank 'E', but got -4}}
  cascade.rank E = -4
  cascade.return
}

// -----

cascade.func @rank_c1_ragged(%cu: !cascade.tensor<[B], i32, empty = 0>) {
  // expected-error @below {{expects a static extent for dense ranks only, but rank 'M' is ragged}}
  cascade.rank M = 4 ragged %cu[B] : !cascade.tensor<[B], i32, empty = 0>
  cascade.return
}

// -----

cascade.func @rank_huge() {
  // expected-error @below {{integer value too large}}
  cascade.rank E = 18446744073709551616
  cascade.return
}

// -----

cascade.func @rank_c2(%cu: !cascade.tensor<[B], f32, empty = 0.0>) {
  // expected-error @below {{expects a tensor of integers, but got '!cascade.tensor<[B], f32, empty = 0.0>'}}
  cascade.rank M ragged %cu[B] : !cascade.tensor<[B], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @rank_c2_outer(%cu: !cascade.tensor<[B], i32, empty = 0>) {
  // expected-error @below {{expects the outer ranks of rank 'M' to be those of '!cascade.tensor<[B], i32, empty = 0>', but got ["B", "P"]}}
  cascade.rank M ragged %cu[B, P] : !cascade.tensor<[B], i32, empty = 0>
  cascade.return
}

// -----

cascade.func @rank_c2_list(%idx: !cascade.tensor<[B, T], i32, empty = -1>, %x: !cascade.tensor<[N], f32, empty = 0.0>) {
  // expected-error @below {{expects the outer ranks of rank 'L' to be those of '!cascade.tensor<[B, T], i32, empty = -1>', but got ["B", "T"]}}
  cascade.rank L list %idx[B, T] of N : !cascade.tensor<[B, T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @rank_c2_scalar(%idx: !cascade.tensor<[], i32, empty = -1>, %x: !cascade.tensor<[N], f32, empty = 0.0>) {
  // expected-error @below {{expects a last rank that holds the list, but got '!cascade.tensor<[], i32, empty = -1>'}}
  cascade.rank L list %idx[] of N : !cascade.tensor<[], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @rank_c2_dense() {
  // expected-error @below {{expects no outer ranks of a dense rank, but 'M' has ["B"]}}
  "cascade.rank"() <{name = "M", outer = ["B"]}> : () -> ()
  cascade.return
}

// -----

cascade.func @rank_c2_no_source() {
  // expected-error @below {{expects an index tensor for a ragged or list rank and none for a dense one, but rank 'M' is ragged}}
  "cascade.rank"() <{name = "M", kind = 1 : i32}> : () -> ()
  cascade.return
}

// -----

cascade.func @rank_c3(%cu: !cascade.tensor<[B], i32, empty = 0>) {
  // expected-error @below {{expects 'of' and a rank for a list rank and for no other, but rank 'M' is ragged}}
  "cascade.rank"(%cu) <{name = "M", kind = 1 : i32, outer = ["B"], of = "N"}> : (!cascade.tensor<[B], i32, empty = 0>) -> ()
  cascade.return
}

// -----

cascade.func @rank_c3_itself(%idx: !cascade.tensor<[B, T], i32, empty = -1>) {
  // expected-error @below {{expects a list of coordinates of another rank, but rank 'L' lists itself}}
  cascade.rank L list %idx[B] of L : !cascade.tensor<[B, T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @rank_c3_syntax(%idx: !cascade.tensor<[B, T], i32, empty = -1>) {
  // expected-error @below {{expected 'of'}}
  cascade.rank L list %idx[B] : !cascade.tensor<[B, T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @rank_c4() {
  // expected-error @below {{expects a rank's name of letters, digits, '_', '$' and '.' that starts with a letter or '_', but got 'two words'}}
  "cascade.rank"() <{name = "two words"}> : () -> ()
  cascade.return
}

// -----

cascade.func @rank_kind() {
  // expected-error @below {{Invalid attribute `kind` in property conversion: 7 : i32}}
  "cascade.rank"() <{name = "M", kind = 7 : i32}> : () -> ()
  cascade.return
}

// -----

// expected-error @below {{expects parent op 'cascade.func'}}
cascade.rank M = 4

// -----

cascade.func @extent_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a known rank, but got 'N'}}
  %n = cascade.extent N
  cascade.return
}

// -----

// expected-error @below {{expects to stand in a cascade.func}}
%n = cascade.extent N

// -----

cascade.func @split_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  cascade.rank N0 = 4
  // expected-error @below {{expects a source with rank 'N', but got '!cascade.tensor<[M], f32, empty = 0.0>'}}
  %y = cascade.split %x N into N1, N0 : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[N1, N0], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @split_c1_names(%x: !cascade.tensor<[M, P], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects two new names for the parts of rank 'M', but got 'P' and 'M0'}}
  %y = cascade.split %x M into P, M0 : !cascade.tensor<[M, P], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @split_c1_same(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects two new names for the parts of rank 'M', but got 'M0' and 'M0'}}
  %y = cascade.split %x M into M0, M0 : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M0], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @split_c1_order(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  cascade.rank M0 = 4
  // expected-error @below {{expects a result of type '!cascade.tensor<[M1, M0], f32, empty = 0.0>', but got '!cascade.tensor<[M0, M1], f32, empty = 0.0>'}}
  %y = cascade.split %x M into M1, M0 : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M0, M1], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @split_c2(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  cascade.rank M0
  // expected-error @below {{expects the inner rank to be declared with an extent; add 'cascade.rank M0 = ...'}}
  %y = cascade.split %x M into M1, M0 : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M1, M0], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @merge_c1(%x: !cascade.tensor<[G, H, P], f32, empty = 0.0>) {
  // expected-error @below {{expects a source with rank 'P' right after rank 'G', but got '!cascade.tensor<[G, H, P], f32, empty = 0.0>'}}
  %y = cascade.merge %x G, P into R : !cascade.tensor<[G, H, P], f32, empty = 0.0> -> !cascade.tensor<[R, H], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @merge_c1_order(%x: !cascade.tensor<[G, P], f32, empty = 0.0>) {
  // expected-error @below {{expects a source with rank 'G' right after rank 'P'}}
  %y = cascade.merge %x P, G into R : !cascade.tensor<[G, P], f32, empty = 0.0> -> !cascade.tensor<[R], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @merge_c1_name(%x: !cascade.tensor<[G, P, E], f32, empty = 0.0>) {
  // expected-error @below {{expects a new name for the joint rank, but got 'E', which is a rank of '!cascade.tensor<[G, P, E], f32, empty = 0.0>'}}
  %y = cascade.merge %x G, P into E : !cascade.tensor<[G, P, E], f32, empty = 0.0> -> !cascade.tensor<[E], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @merge_c1_type(%x: !cascade.tensor<[G, P], f32, empty = 0.0>) {
  // expected-error @below {{expects a result of type '!cascade.tensor<[R], f32, empty = 0.0>', but got '!cascade.tensor<[R], f32, empty = -inf>'}}
  %y = cascade.merge %x G, P into R : !cascade.tensor<[G, P], f32, empty = 0.0> -> !cascade.tensor<[R], f32, empty = -inf>
  cascade.return
}

// -----

cascade.func @select_c1(%x: !cascade.tensor<[P, M], f32, empty = -inf>) {
  cascade.rank T = 2
  // expected-error @below {{expects a source with rank 'N', but got '!cascade.tensor<[P, M], f32, empty = -inf>'}}
  %y = cascade.select %x N into T : !cascade.tensor<[P, M], f32, empty = -inf> -> !cascade.tensor<[P, T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @select_c2(%x: !cascade.tensor<[P, M], f32, empty = -inf>) {
  cascade.rank T
  // expected-error @below {{expects the list rank to be declared with an extent; add 'cascade.rank T = ...'}}
  %y = cascade.select %x M into T : !cascade.tensor<[P, M], f32, empty = -inf> -> !cascade.tensor<[P, T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @select_c3(%x: !cascade.tensor<[P, M], f32, empty = -inf>) {
  cascade.rank T = 2
  // expected-error @below {{expects a result of integers with empty = -1 and rank 'T' in the place of 'M', but got '!cascade.tensor<[P, T], i32, empty = 0>'}}
  %y = cascade.select %x M into T : !cascade.tensor<[P, M], f32, empty = -inf> -> !cascade.tensor<[P, T], i32, empty = 0>
  cascade.return
}

// -----

cascade.func @select_c3_float(%x: !cascade.tensor<[P, M], f32, empty = -inf>) {
  cascade.rank T = 2
  // expected-error @below {{expects a result of integers with empty = -1}}
  %y = cascade.select %x M into T : !cascade.tensor<[P, M], f32, empty = -inf> -> !cascade.tensor<[P, T], f32, empty = -1.0>
  cascade.return
}

// -----

cascade.func @split_of_scalar(%x: index) {
  // expected-error @below {{'cascade.split' op operand #0 must be a tensor with named ranks and an empty value, but got 'index'}}
  %y = cascade.split %x M into M1, M0 : index -> !cascade.tensor<[M1, M0], f32, empty = 0.0>
  cascade.return
}
