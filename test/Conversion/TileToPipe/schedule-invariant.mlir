// RUN: attn-opt %s --tile-exact-sums=stream=true --schedule-tiles=stream=true --canonicalize --cse | FileCheck %s
// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s --check-prefix=ITEMS

#plane = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x?x64xbf16>
!o = memref<?x?x64xf32>
!lengths = memref<?xi32>

// Sums over keys, of an invariant program: blocks do runs of steps that are cut
// anywhere, as parts whose sums are exact come together in any order, and make floats
// of the whole.
// CHECK-LABEL: pipe.kernel @sums(
//       CHECK:   %[[WORK:.*]] = pipe.work items(%{{.*}}) alike(%{{.*}}) lead({{[0-9]+}}) : <stream> steps {
//       CHECK:   pipe.role "multiply"
//       CHECK:         %[[FIRST:.*]], %[[END:.*]] = pipe.part %[[WORK]]
//       CHECK:         scf.for %{{.*}} = %{{.*}} to %{{.*}}
//       CHECK:         %[[WHOLE:.*]], %{{.*}}:3 = pipe.meet %[[WORK]][%{{.*}}, %{{.*}}] rows(%{{.*}}) ({{.*}} : tensor<64xi32, {{.*}}>, tensor<64x64xi32, {{.*}}>, tensor<64x64xi32, {{.*}}>) : <stream> merge {
//   CHECK-NOT:         f32
//       CHECK:           pipe.yield
//       CHECK:         scf.if %[[WHOLE]] {
//       CHECK:           arith.sitofp
//       CHECK:           pipe.store %{{.*}} : tensor<64x64xf32
//       CHECK:         pipe.next_part %[[WORK]]

// Without a stream a block does all steps of an item in their order.
// ITEMS-LABEL: pipe.kernel @sums(
//       ITEMS:   pipe.work items(%{{.*}}) : <persistent>
//   ITEMS-NOT:   pipe.meet
tile.program @sums(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["B", "P", 64]},
    %w: !x {tile.name = "w", tile.access = "read", tile.shape = ["B", "M", 64]},
    %lengths: !lengths {tile.name = "lengths", tile.access = "read", tile.shape = ["B"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["B", "P", 64]},
    %B: index {tile.extent = "B"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%b = "B" by 1, %p = "P" by 64)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %length = tile.element %lengths[%b] empty 0 : i32 : !lengths
  %end = arith.index_cast %length : i32 to index
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c64 : index
  %r = tile.sweep(%c0 to %end partial) by 64 carry(%zero : tensor<64x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64x64xf32>):
    %x = tile.load %a[#plane](%b, %p, %c0) valid(%rows, %c64) : !x -> tensor<64x64xbf16>
    %y = tile.load %w[#plane](%b, %m, %c0) valid(%count, %c64) : !x -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<64x64xf32>
  } merge {
  ^bb0(%u: tensor<64x64xf32>, %v: tensor<64x64xf32>):
    %s = arith.addf %u, %v : tensor<64x64xf32>
    tile.yield %s : tensor<64x64xf32>
  }
  tile.store %r, %o[#plane](%b, %p, %c0) valid(%rows, %c64) : tensor<64x64xf32>, !o
}
