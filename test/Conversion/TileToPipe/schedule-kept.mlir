// RUN: attn-opt %s --schedule-tiles=keep-others --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: attn-opt %s --schedule-tiles=keep-others | FileCheck %s

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!matrix = memref<?x64xbf16>

// A program without a schedule is left for another pass, which the remark says;
// the others are scheduled.
// REMARK: remark: [Missed] NotScheduled | Category:schedule-tiles | Remark="copy: it has 0 sweeps"
// CHECK-LABEL: tile.program @copy(
//       CHECK:   tile.store
tile.program @copy(
    %a: !matrix {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !matrix {tile.name = "b", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[#box](%p, %c0) : !matrix -> tensor<64x64xbf16>
  tile.store %x, %b[#box](%p, %c0) : tensor<64x64xbf16>, !matrix
}

// One group: there is nobody to take turns with.
// CHECK-LABEL: pipe.kernel @gram(
//   CHECK-NOT:   pipe.turn
//       CHECK:   pipe.role "load" groups(1) warps(1) registers(88)
//       CHECK:   pipe.role "multiply" groups(1) warps(4) registers(256)
tile.program @gram(
    %a: !matrix {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !matrix {tile.name = "b", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %x = tile.load %a[#box](%p, %c0) : !matrix -> tensor<64x64xbf16>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<64x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64x64xf32>):
    %y = tile.load %a[#box](%m, %c0) : !matrix -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    %w = arith.truncf %s : tensor<64x64xf32> to tensor<64x64xbf16>
    %z = tile.load %a[#box](%m, %c0) : !matrix -> tensor<64x64xbf16>
    %next = tile.dot %w, %z, %acc maps [affine_map<(p, f, m) -> (p, m)>,
        affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<64x64xf32>
  }
  %out = arith.truncf %r : tensor<64x64xf32> to tensor<64x64xbf16>
  tile.store %out, %b[#box](%p, %c0) : tensor<64x64xbf16>, !matrix
}
