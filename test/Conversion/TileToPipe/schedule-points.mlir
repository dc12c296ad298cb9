// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!t = memref<?x64xbf16>
!bias = memref<?x?xbf16>
!table = memref<?xi32>

// What products do not read, groups read point by point: a bias in bf16 as f32,
// at the rows of the group and the columns of the step, and the table of a
// predicate at the columns alone. Of the rows of `v` that no row sees nothing is
// left: groups meet, and tell each other which there are.
// CHECK-LABEL: pipe.kernel @points(
//  CHECK-SAME:   %[[B:[a-z0-9]+]]: !pipe.global<?x?xbf16>
//  CHECK-SAME:   %[[ENDS:[a-z0-9]+]]: !pipe.global<?xi32>
//       CHECK:   pipe.ring readers(2)
//       CHECK:   %[[VS:.*]] = pipe.ring readers(2)

// Neither is copied to shared memory.
//       CHECK:   pipe.role "load"
//   CHECK-NOT:     pipe.load %[[B]]
//   CHECK-NOT:     pipe.load %[[ENDS]]
//       CHECK:   pipe.role "multiply" groups(2) {{.*}} (%[[GROUP:.*]]) {
//       CHECK:     %[[FIRST:.*]] = arith.muli %[[GROUP]], %c64
//       CHECK:     %[[OFFSET:.*]] = pipe.splat %[[FIRST]]
//       CHECK:     %[[OWN:.*]] = arith.addi %{{.*}}, %[[OFFSET]]
//       CHECK:     %[[ROWS:.*]] = arith.addi %[[OWN]]
//       CHECK:     scf.for
//       CHECK:       %[[S:.*]] = pipe.mma_wait %{{.*}} pending(1)
//       CHECK:       %[[COLUMNS:.*]] = arith.addi
//  CHECK-NEXT:       %[[BIAS:.*]] = pipe.gather %[[B]][%[[ROWS]], %[[COLUMNS]]] : {{.*}} -> tensor<64x64xf32,
//  CHECK-NEXT:       arith.addf %[[S]], %[[BIAS]]

// Beyond its end a table has the value -1, not zero.
//       CHECK:       %[[READ:.*]] = pipe.gather %[[ENDS]][%[[COLUMNS]]]
//       CHECK:       %[[INSIDE:.*]] = arith.cmpi ult, %[[COLUMNS]]
//       CHECK:       %[[END:.*]] = arith.select %[[INSIDE]], %[[READ]]
//       CHECK:       arith.cmpi sle, %{{.*}}, %[[END]]
//       CHECK:       %[[IS_ROW:.*]] = arith.andi
//       CHECK:       %[[SEEN:.*]] = arith.andi %[[IS_ROW]]
//   CHECK-NOT:       pipe.clear
//       CHECK:       pipe.release %[[VS]]
//       CHECK:       %[[NEXT:.*]] = pipe.advance
//       CHECK:       %[[V:.*]] = pipe.wait %[[VS]][%[[NEXT]]]
//  CHECK-NEXT:       pipe.clear_unset %[[V]] by %[[SEEN]]
tile.program @points(
    %q: !t {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %v: !t {tile.name = "v", tile.access = "read", tile.shape = ["M", 64]},
    %b: !bias {tile.name = "b", tile.access = "read", tile.shape = ["P", "M"]},
    %ends: !table {tile.name = "ends", tile.access = "read", tile.shape = ["M"]},
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %c128 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %all = arith.constant dense<true> : tensor<128x64xi1>
  %qt = tile.load %q[#box](%p, %c0) valid(%rows, %c64) : !t -> tensor<128x64xbf16>
  %sum = tile.sweep(%c0 to %M partial) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %kt = tile.load %k[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %s = tile.dot %qt, %kt, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %bt = tile.load %b[#box](%p, %m) valid(%rows, %count) : !bias -> tensor<128x64xbf16>
    %bf = arith.extf %bt : tensor<128x64xbf16> to tensor<128x64xf32>
    %sb = arith.addf %s, %bf : tensor<128x64xf32>
    %seen = tile.mask %all empty false at(%p, %m) valid(%rows, %count) {
    ^bb0(%i: index, %j: index):
      %e = tile.element %ends[%j] empty -1 : i32 : !table
      %f = arith.index_cast %e : i32 to index
      %c = arith.cmpi sle, %i, %f : index
      tile.yield %c : i1
    } : tensor<128x64xi1>
    %any = tile.reduce or %seen dims [0] : tensor<128x64xi1>
    %masked = tile.mask %sb empty 0.0 : f32 at(%p, %m) valid(%rows, %count) {
    ^bb0(%i: index, %j: index):
      %e = tile.element %ends[%j] empty -1 : i32 : !table
      %f = arith.index_cast %e : i32 to index
      %c = arith.cmpi sle, %i, %f : index
      tile.yield %c : i1
    } : tensor<128x64xf32>
    %w = arith.truncf %masked : tensor<128x64xf32> to tensor<128x64xbf16>
    %vt = tile.load %v[#box](%m, %c0) valid(%count, %c64) where(%any along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
    %next = tile.dot %w, %vt, %acc maps [affine_map<(p, f, m) -> (p, m)>,
        affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  %out = arith.truncf %sum : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%p, %c0) valid(%rows, %c64) : tensor<128x64xbf16>, !t
}

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>

// A line that a mask takes is there for it, unlike the marks of rows of a slot.
// CHECK-LABEL: pipe.kernel @mask_by_rows(
//       CHECK:     scf.for
//       CHECK:       %[[S:.*]] = pipe.mma_wait %{{.*}} pending(1)
//       CHECK:       %[[TOP:.*]] = pipe.row_reduce maximum %[[S]]
//       CHECK:       %[[IS_POSITIVE:.*]] = arith.cmpf ogt, %[[TOP]]
//       CHECK:       %[[POINTS:.*]] = pipe.broadcast %[[IS_POSITIVE]]
//       CHECK:       arith.select %[[POINTS]], %[[S]]
tile.program @mask_by_rows(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P partial) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %g = tile.reduce max %s dims [1] : tensor<128x64xf32>
    %k = tile.mask %s empty 0.0 : f32 at(%p, %m) with(%g along [0] : tensor<128xf32>) {
    ^bb0(%i: index, %j: index, %most: f32):
      %none = arith.constant 0.0 : f32
      %c = arith.cmpf ogt, %most, %none : f32
      tile.yield %c : i1
    } : tensor<128x64xf32>
    %w = arith.truncf %k : tensor<128x64xf32> to tensor<128x64xbf16>
    %v = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  %out = arith.truncf %r : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%p, %c0) : tensor<128x64xbf16>, !t
}

// Elements of a table at the differences of rows and columns: the coordinates are
// those of each thread's own points. Beyond the table there is zero as it is; of
// another value, a line, each row is compared with the extents.
// CHECK-LABEL: pipe.kernel @table(
//  CHECK-SAME:   %[[T:[a-z0-9]+]]: !pipe.global<?x?xf32>
//  CHECK-SAME:   %[[N:[a-z0-9]+]]: !pipe.global<?xbf16>
//       CHECK:     %[[LINE:.*]] = pipe.gather %[[N]][%[[ROW:.*]]] : {{.*}} -> tensor<64xf32,
//       CHECK:     %[[INSIDE:.*]] = arith.cmpi ult, %[[ROW]]
//       CHECK:     arith.select %[[INSIDE]], %[[LINE]], %{{.*}} : tensor<64xi1, {{.*}}>, tensor<64xf32,
//       CHECK:     scf.for
//       CHECK:       %[[AT:.*]] = arith.subi
//  CHECK-NEXT:       %[[B:.*]] = pipe.gather %[[T]][%{{.*}}, %[[AT]]] : <?x?xf32>[i32, tensor<64x64xi32, {{.*}}>] -> tensor<64x64xf32,
//   CHECK-NOT:       arith.select
//       CHECK:       arith.addf %{{.*}}, %[[B]]
tile.program @table(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %table: memref<?x?xf32> {tile.name = "table", tile.access = "read", tile.shape = ["H", "N"]},
    %lines: memref<?xbf16> {tile.name = "lines", tile.access = "read", tile.shape = ["N"]},
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %h: index {tile.name = "h"},
    %P: index {tile.extent = "P"},
    %H: index {tile.extent = "H"},
    %N: index {tile.extent = "N"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %i = tile.coord %p : tensor<128xindex>
  %narrow = tile.gather %lines[%i] empty 1.0 : bf16 : memref<?xbf16>[tensor<128xindex>] -> tensor<128xbf16>
  %line = arith.extf %narrow : tensor<128xbf16> to tensor<128xf32>
  %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %j = tile.coord %m : tensor<64xindex>
    %is = tile.broadcast %i dims [1] : tensor<128xindex> to tensor<128x64xindex>
    %js = tile.broadcast %j dims [0] : tensor<64xindex> to tensor<128x64xindex>
    %at = arith.subi %is, %js : tensor<128x64xindex>
    %b = tile.gather %table[%h, %at] empty 0.0 : f32
        : memref<?x?xf32>[index, tensor<128x64xindex>] -> tensor<128x64xf32>
    %sb = arith.addf %s, %b : tensor<128x64xf32>
    %w = arith.truncf %sb : tensor<128x64xf32> to tensor<128x64xbf16>
    %v = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  %ls = tile.broadcast %line dims [1] : tensor<128xf32> to tensor<128x64xf32>
  %scaled = arith.mulf %r, %ls : tensor<128x64xf32>
  %out = arith.truncf %scaled : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%p, %c0) : tensor<128x64xbf16>, !t
}
