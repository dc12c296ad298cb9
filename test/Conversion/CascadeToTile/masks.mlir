// The segments of sweeps from the normal forms of masks: plain ranges, located
// steps, and tables.
// RUN: attn-opt %s --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --canonicalize --cse | FileCheck %s

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// A window and what is before it: two ranges, the second from where the first
// ended; what is partial first.
// CHECK-LABEL: tile.program @sinks
//       CHECK:   tile.sweep(%{{[^ ]*}} to %{{[^ ]*}} partial, %{{[^ ]*}} to %{{[^ ]*}} partial, %{{[^ ]*}} to %{{[^ ]*}} partial, %{{[^ ]*}} to %{{[^ ]*}} full, %{{[^ ]*}} to %{{[^ ]*}} full) by
// Some row sees each key of them: no value has to be kept out.
//   CHECK-NOT:   where(
cascade.func @sinks(%q: !Q, %k: !K, %v: !V, %w: index, %sinks: index) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %first = arith.subi %p, %w : index
      %before = arith.cmpi sle, %m, %p : index
      %near = arith.cmpi sgt, %m, %first : index
      %sink = arith.cmpi slt, %m, %sinks : index
      %kept = arith.ori %near, %sink : i1
      %r = arith.andi %before, %kept : i1
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// Every eighth block of 16 keys: runs of 16, 128 apart. All keys of a run are
// seen, so they are full but for those that the diagonal cuts.
// CHECK-LABEL: tile.program @strided
//       CHECK:   tile.sweep(%c0 to %{{[^ ]*}} partial at {
//       CHECK:     ^bb0(%[[I:.*]]: index):
//       CHECK:       arith.muli %[[I]], %c128 : index
//       CHECK:       tile.yield
//       CHECK:   }, %c0{{[^ ]*}} to %{{[^ ]*}} full at {
cascade.func @strided(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c16 = arith.constant 16 : index
      %c8 = arith.constant 8 : index
      %c3 = arith.constant 3 : index
      %before = arith.cmpi sle, %m, %p : index
      %block = arith.floordivsi %m, %c16 : index
      %phase = arith.remui %block, %c8 : index
      %kept = arith.cmpi eq, %phase, %c3 : index
      %r = arith.andi %before, %kept : i1
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// A box of an image, of rows of 32 keys: the steps are its rows. Around the inner
// box, where all is seen, lie slabs: above, below, left and right.
// CHECK-LABEL: tile.program @box
//       CHECK:   tile.sweep(
// CHECK-COUNT-4: partial at {
//       CHECK:   full at {
cascade.func @box(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c32 = arith.constant 32 : index
      %c3 = arith.constant 3 : index
      %y = arith.divui %p, %c32 : index
      %x = arith.remui %p, %c32 : index
      %ky = arith.divui %m, %c32 : index
      %kx = arith.remui %m, %c32 : index
      %top = arith.subi %y, %c3 : index
      %left = arith.subi %x, %c3 : index
      %a = arith.cmpi sge, %ky, %top : index
      %b = arith.cmpi sle, %ky, %y : index
      %c = arith.cmpi sge, %kx, %left : index
      %d = arith.cmpi sle, %kx, %x : index
      %ab = arith.andi %a, %b : i1
      %cd = arith.andi %c, %d : i1
      %r = arith.andi %ab, %cd : i1
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// A list of blocks a head: a step for each entry that is a block for the first
// time.
// CHECK-LABEL: tile.program @list
//       CHECK:   tile.sweep(%c0{{[^ ]*}} to %{{[^ ]*}} full at {
//       CHECK:     ^bb0(%[[I:.*]]: index):
//       CHECK:       %[[B:.*]] = tile.entry %{{.*}}[%{{.*}}] from %c0{{[^ ]*}} at %[[I]] : memref<?x8xi32
//       CHECK:       %[[ONE:.*]] = arith.cmpi sge, %[[B]], %c0
//       CHECK:       %[[N:.*]] = arith.select %[[ONE]]
//       CHECK:       tile.yield %{{.*}}, %[[N]] : index, index
cascade.func @list(%q: !Q, %k: !K, %v: !V,
    %list: !cascade.tensor<[H, T], i32, empty = -1>) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  cascade.rank T = 8
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c64 = arith.constant 64 : index
      %block = arith.divui %m, %c64 : index
      %r = cascade.member %block in %list[%h] : !cascade.tensor<[H, T], i32, empty = -1>
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// Documents of a packed batch: over the rows of a tile the least first and the
// greatest last token, read from the tables. A row's document is there, but the
// table of first tokens may not have it.
// CHECK-LABEL: tile.program @documents
//       CHECK:   %[[LO:.*]], %[[HI:.*]] = tile.extrema %{{.*}}[%[[P:.*]] to %{{.*}}] empty 0 : memref<?xi32
//       CHECK:   %{{.*}}, %{{.*}} = tile.extrema %{{.*}}[%[[LO]] to %[[HI]]] empty 0 : memref<?xi32
//       CHECK:   tile.sweep(%{{[^ ]*}} to %{{[^ ]*}} partial, %{{[^ ]*}} to %{{[^ ]*}} partial, %{{[^ ]*}} to %{{[^ ]*}} full) by
//       CHECK:     %[[NUMBER:.*]] = memref.load
//       CHECK:     %[[AT:.*]] = arith.index_cast %[[NUMBER]]
//       CHECK:     tile.element %{{.*}}[%[[AT]]] empty 0 : i32 : memref<?xi32
cascade.func @documents(%q: !Q, %k: !K, %v: !V,
    %doc: !cascade.tensor<[P], i32, empty = 0>,
    %first: !cascade.tensor<[N], i32, empty = 0>) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %number = cascade.read %doc[%p] : !cascade.tensor<[P], i32, empty = 0> -> i32
      %at = arith.index_cast %number : i32 to index
      %start = cascade.read %first[%at] : !cascade.tensor<[N], i32, empty = 0> -> i32
      %from = arith.index_cast %start : i32 to index
      %after = arith.cmpi sge, %m, %from : index
      %before = arith.cmpi sle, %m, %p : index
      %r = arith.andi %after, %before : i1
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// What cannot be solved for the key is computed at every point where the function
// allows it: one partial range. It has keys that no row sees, whose values are not
// loaded: zero times infinity would be NaN. Rows beyond the last see nothing.
// CHECK-LABEL: tile.program @residual
//       CHECK:   %[[ROWS:.*]] = arith.minsi %{{.*}}, %c64
//       CHECK:   tile.sweep(%c0{{[^ ]*}} to %{{[^ ]*}} partial) by
//       CHECK:     ^bb0(%{{.*}}: index, %[[KEYS:[^:]*]]: index,
//       CHECK:     %[[POINTS:.*]] = tile.mask %{{.*}} empty false at(%{{.*}}, %c0) valid(%[[ROWS]], %[[KEYS]]) {
//       CHECK:     %[[SEEN:.*]] = tile.reduce or %[[POINTS]] dims [0]
//       CHECK:     tile.load %{{.*}} where(%[[SEEN]] along 0 : tensor<{{.*}}xi1>)
cascade.func @residual(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc, cascade.residual} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %area = arith.muli %p, %m : index
      %c100 = arith.constant 100 : index
      %r = arith.cmpi sle, %area, %c100 : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}
