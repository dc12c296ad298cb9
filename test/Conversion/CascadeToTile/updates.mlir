// Einsums that update an argument in place, at the entries of index tensors.
// RUN: attn-opt %s --split-input-file --convert-cascade-to-tile='tile-rows=8 few-rows=0' --canonicalize --cse | FileCheck %s

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!V = !cascade.tensor<[T, H, F], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!KCache = !cascade.tensor<[N, H, S, E], bf16, empty = 0.0>
!VCache = !cascade.tensor<[N, H, S, F], bf16, empty = 0.0>

// Both are stored by one program, which has a token and two heads an item. An entry
// is compared in its 64 bits, a negative one being a large one, with 16 times the
// pages; what does not go inside is not computed. Entries of both are the same, and
// asked for once.
//       CHECK: #[[$PAGE:.*]] = affine_map<(d0, d1)[s0, s1] -> (s0 floordiv 16, d0 + s1, s0 mod 16, d1)>
// CHECK-LABEL: tile.program @append(
//  CHECK-SAME:   %[[SLOTS:[a-z0-9]+]]: memref<?xi64, strided<[?], offset: ?>> {tile.access = "read", tile.name = "slots", tile.shape = ["T"]}
//  CHECK-SAME:   %[[K_CACHE:[a-z0-9]+]]: memref<?x?x16x32xbf16, strided<[?, ?, ?, ?], offset: ?>> {tile.access = "update", tile.name = "k_cache", tile.shape = ["N", "H", 16, 32]}
//  CHECK-SAME:   tile.access = "update", tile.name = "v_cache"
//  CHECK-SAME:   space(%[[T:.*]] = "T" by 1, %[[H:.*]] = "H" by 2)
//       CHECK:   %[[SLOT:.*]] = memref.load %[[SLOTS]][%[[T]]]
//       CHECK:   %[[LIMIT:.*]] = arith.muli %{{.*}}, %c16_i64 : i64
//       CHECK:   %[[INSIDE:.*]] = arith.cmpi ult, %[[SLOT]], %[[LIMIT]] : i64
//       CHECK:   %[[SAFE:.*]] = arith.select %[[INSIDE]], %[[SLOT]], %c0_i64 : i64
//       CHECK:   %[[AT:.*]] = arith.index_cast %[[SAFE]] : i64 to index
//       CHECK:   scf.if %[[INSIDE]] {
//       CHECK:     tile.store %{{.*}}, %[[K_CACHE]][#[[$PAGE]]](%[[AT]], %[[H]]) valid(%{{.*}}, %c32) : tensor<2x32xbf16>
//   CHECK-NOT:   scf.if
//       CHECK:     tile.store %{{.*}}[#[[$PAGE]]](%[[AT]], %[[H]]) valid(%{{.*}}, %c48) : tensor<2x48xbf16>
//   CHECK-NOT: tile.program
cascade.func @append(%k: !K, %v: !V, %slots: !Slots {cascade.distinct}, %k_cache: !KCache, %v_cache: !VCache) -> (k_cache: !KCache, v_cache: !VCache) {
  cascade.rank E = 32
  cascade.rank F = 48
  cascade.rank S = 16
  %kc = cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e] = %k[t, h, e] through into %k_cache : !K, !Slots, !KCache -> !KCache
  %vc = cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, f] = %v[t, h, f] through into %v_cache : !V, !Slots, !VCache -> !VCache
  cascade.return %kc, %vc : !KCache, !VCache
}

// -----

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i32, empty = -1>
!Cache = !cascade.tensor<[N, H, E], f32, empty = 0.0>

// Tokens are items however few they are, heads are rows of a tile where their
// number is known, and features that are many are cut.
//       CHECK: #[[$ROW:.*]] = affine_map<(d0, d1)[s0, s1] -> (s0, d0, d1 + s1)>
// CHECK-LABEL: tile.program @wide(
//  CHECK-SAME:   space(%[[T:.*]] = "T" by 1, %[[E:.*]] = "E" by 8)
//       CHECK:   %[[SLOT:.*]] = memref.load
//       CHECK:   %[[WIDE:.*]] = arith.extsi %[[SLOT]] : i32 to i64
//       CHECK:   arith.cmpi ult, %[[WIDE]]
//       CHECK:   scf.if
//       CHECK:     tile.store %{{.*}}[#[[$ROW]]](%{{.*}}, %[[E]]) valid(%c4, %{{.*}}) : tensor<4x8xf32>
cascade.func @wide(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank T = 2
  cascade.rank H = 4
  %c = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!M = !cascade.tensor<[T, H], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, H, E], f32, empty = 0.0>
!Most = !cascade.tensor<[N, H], f32, empty = 0.0>

// What two updates of one branch take is computed once; that of other slots has a
// branch of its own, though it computes the same.
// CHECK-LABEL: tile.program @most(
//       CHECK:   scf.if
//       CHECK:     %[[MOST:.*]] = tile.reduce max
//   CHECK-NOT:     tile.reduce
//       CHECK:     tile.store %{{.*}} : tensor<2x32xf32>
//       CHECK:     tile.store %[[MOST]], %{{.*}} : tensor<2xf32>
//       CHECK:   memref.load
//       CHECK:   scf.if
//       CHECK:     %[[AGAIN:.*]] = tile.reduce max
//       CHECK:     tile.store %[[AGAIN]], %{{.*}} : tensor<2xf32>
cascade.func @most(%k: !K, %slots: !Slots {cascade.distinct}, %others: !Slots {cascade.distinct}, %cache: !Cache, %most: !Most, %other: !Most)
    -> (cache: !Cache, most: !Most, other: !Most) {
  cascade.rank E = 32
  %m = cascade.einsum [t, h] = %k[t, h, e] through reduce max : !K -> !M
  %c = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through, %m[t, h] through into %cache : !K, !M, !Slots, !Cache -> !Cache
  %n = cascade.einsum [%slots[t], h] = %m[t, h] through into %most : !M, !Slots, !Most -> !Most
  %o = cascade.einsum [%others[t], h] = %m[t, h] through into %other : !M, !Slots, !Most -> !Most
  cascade.return %c, %n, %o : !Cache, !Most, !Most
}
