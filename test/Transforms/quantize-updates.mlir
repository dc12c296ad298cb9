// RUN: attn-opt %s --cascade-quantize-updates="type=e4m3" | FileCheck %s --check-prefix=HEAD
// RUN: attn-opt %s --cascade-quantize-updates="type=i8 scales=token" | FileCheck %s --check-prefix=TOKEN
// RUN: attn-opt %s --cascade-quantize-updates="type=e5m2 scales=channel" | FileCheck %s --check-prefix=CHANNEL
// RUN: attn-opt %s --cascade-page-updates=size=16 --cascade-quantize-updates="scales=token" | FileCheck %s --check-prefix=PAGE

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, H, E], f32, empty = 0.0>

// What a head shares is given, and behind the tensor.
// HEAD-LABEL: cascade.func @append(
// HEAD-SAME:    %k_cache: !NHE_f8E4M3FN {cascade.fixed}, %k_cache_scale: !H_f32 {{{.*}}cascade.fixed
// HEAD-SAME:    -> (k_cache: !NHE_f8E4M3FN)
// HEAD:         cascade.einsum [%slots[t], h, e] = %k[t, h, e] through, %k_cache_scale[h] through into %k_cache
// HEAD:         map (%[[X:.*]], %[[S:.*]]) {
// HEAD:           %[[Q:.*]] = arith.divf %[[X]], %[[S]] : f32
// HEAD:           arith.minimumf %[[Q]], %{{.*}} : f32
// HEAD:           arith.maximumf

// A row's scale is computed, and goes where the row goes.
// TOKEN-LABEL: cascade.func @append(
// TOKEN-SAME:    %k_cache: !NHE_i8 {cascade.fixed}, %k_cache_scale: !NH_f32 {{{.*}}}) -> (k_cache: !NHE_i8, k_cache_scale: !NH_f32)
// TOKEN:         %[[MOST:.*]] = cascade.einsum [t, h] = %k[t, h, e] through reduce max
// TOKEN:           math.absf
// TOKEN:         %[[SCALE:.*]] = cascade.einsum [t, h] = %[[MOST]][t, h] through
// TOKEN:         %[[SCALES:.*]] = cascade.einsum [%slots[t], h] = %[[SCALE]][t, h] through into %k_cache_scale
// TOKEN:         %[[ROWS:.*]] = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through, %[[SCALE]][t, h] through into %k_cache
// TOKEN:           math.roundeven
// TOKEN:           arith.fptosi %{{.*}} : f32 to i8
// TOKEN:         cascade.return %[[ROWS]], %[[SCALES]]

// CHANNEL-LABEL: cascade.func @append(
// CHANNEL-SAME:    %k_cache_scale: !NH_f32 {{{.*}}}, %k_cache_channel_scale: !HE_f32
// CHANNEL:         %[[ROWS:.*]] = cascade.einsum [t, h, e] = %k[t, h, e] through, %k_cache_channel_scale[h, e] through
// CHANNEL:           arith.divf
// CHANNEL:         cascade.einsum [t, h] = %[[ROWS]][t, h, e] through reduce max

// PAGE-LABEL: cascade.func @append(
// PAGE-SAME:    %k_cache_scale: !NHN_place_f32
// PAGE:         cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16] = %{{.*}}[t, h] through into %k_cache_scale
// PAGE:         cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e] = %k[t, h, e] through
cascade.func @append(%k: !K, %slots: !Slots {cascade.distinct}, %k_cache: !Cache) -> (k_cache: !Cache) {
  %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through into %k_cache : !K, !Slots, !Cache -> !Cache
  cascade.return %kc : !Cache
}

// What is computed on the way is an Einsum of its own: rows.
// TOKEN-LABEL: cascade.func @computed(
// TOKEN:         %[[ROWS:.*]] = cascade.einsum [t, h, e] = %k[t, h, e] through
// TOKEN:           arith.mulf
// TOKEN:         cascade.einsum [t, h] = %[[ROWS]][t, h, e] through reduce max
// TOKEN:         cascade.einsum [%slots[t], h, e] = %[[ROWS]][t, h, e] through
cascade.func @computed(%k: !K, %slots: !Slots {cascade.distinct}, %k_cache: !Cache) -> (k_cache: !Cache) {
  %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through into %k_cache : !K, !Slots, !Cache -> !Cache
    map (%x) {
      %two = arith.constant 2.0 : f32
      %y = arith.mulf %x, %two : f32
      cascade.yield %y : f32
    }
  cascade.return %kc : !Cache
}
