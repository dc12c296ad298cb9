// One case a reason why blocks do no parts of items.
// RUN: attn-opt %s --schedule-tiles=stream=true --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @without_merge(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  // expected-error @below {{has no schedule for sm_90a: blocks that do parts of its steps cannot combine them, as it has no merge}}
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @in_clusters(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {schedule = #tile.schedule<cluster = 2, stream = true>} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  // expected-error @below {{has no schedule for sm_90a: blocks of a cluster take one step together, but those of a stream do different ones}}
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%u: tensor<128x64xf32>, %v: tensor<128x64xf32>):
    %s = arith.addf %u, %v : tensor<128x64xf32>
    tile.yield %s : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @not_ordered(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  // expected-error @below {{has no schedule for sm_90a: steps of an invariant program are those of partial segments from multiples of a step on, which tile-order-steps makes, but it has others}}
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%u: tensor<128x64xf32>, %v: tensor<128x64xf32>):
    %s = arith.addf %u, %v : tensor<128x64xf32>
    tile.yield %s : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @not_exact(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  // expected-error @below {{has no schedule for sm_90a: blocks of a stream bring parts of its steps together in an order of their own, but its merge is not exact, which tile-exact-sums makes it}}
  %r = tile.sweep(%c0 to %P partial) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%u: tensor<128x64xf32>, %v: tensor<128x64xf32>):
    %s = arith.addf %u, %v : tensor<128x64xf32>
    tile.yield %s : tensor<128x64xf32>
  }
}
