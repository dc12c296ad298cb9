// In invariant programs whose blocks share steps, sums become digits: no step
// needs what those before it gave, and a merge only adds.
// RUN: attn-opt %s --tile-exact-sums | FileCheck %s
// RUN: attn-opt %s --tile-exact-sums=stream=true | FileCheck %s --check-prefix=STREAM

#tile = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#keys = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(p, f, m) -> (p, m)>
#kf = affine_map<(p, f, m) -> (m, f)>
#pf = affine_map<(p, f, m) -> (p, f)>
!line = tensor<64xf32>
!tile = tensor<64x16xf32>
!s = memref<?x?xf32>
!v = memref<?x16xbf16>
!o = memref<?x16xf32>
!z = memref<?xf32>
!l = memref<?xf32>
#point = affine_map<()[s0] -> (s0)>
#row = affine_map<(d0)[s0] -> (d0 + s0)>

// The maximum stays; a sum of lines is a bin a row and three digits, one of tiles
// a bin and two. A step's powers are whole ones of 2, by its own maximum, and what
// it adds starts at nothing. Tiles of digits move only where a row's bin does.
// CHECK-LABEL: tile.program @softmax(
//   CHECK-DAG:   %[[NINF:.*]] = arith.constant dense<0xFF800000> : tensor<64xf32>
//   CHECK-DAG:   %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : tensor<64x16xf32>
//   CHECK-DAG:   %[[NONE:.*]] = arith.constant dense<0> : tensor<64x16xi32>
//       CHECK:   %[[R:.*]]:8 = tile.sweep(%{{.*}} to %{{.*}} partial) by 16 carry(%[[NINF]], %{{.*}}, %[[NONE]], %[[NONE]] :
//  CHECK-SAME:     tensor<64xf32>, tensor<64xi32>, tensor<64xi32>, tensor<64xi32>, tensor<64xi32>, tensor<64xi32>, tensor<64x16xi32>, tensor<64x16xi32>) exact step {
//  CHECK-NEXT:   ^bb0(%{{.*}}, %{{.*}}, %[[M:[^:]*]]: tensor<64xf32>, %[[LBIN:[^:]*]]: {{.*}}, %[[BIN:[^:]*]]: tensor<64xi32>, %[[D0:[^:]*]]: tensor<64x16xi32>, %[[D1:[^:]*]]: tensor<64x16xi32>):
//       CHECK:     %[[X:.*]] = tile.load
//       CHECK:     %[[OWN:.*]] = tile.reduce max %[[X]] dims [1] : tensor<64x16xf32>
//       CHECK:     %[[MAX:.*]] = arith.maximumf %[[M]], %[[OWN]] : tensor<64xf32>
//       CHECK:     %[[LOG:.*]] = arith.constant dense<1.44269502> : tensor<64xf32>
//       CHECK:     %[[BASE2:.*]] = arith.mulf %[[OWN]], %[[LOG]] : tensor<64xf32>
//       CHECK:     %[[WHOLE:.*]] = math.ceil %[[BASE2]] : tensor<64xf32>
//       CHECK:     %[[LN2:.*]] = arith.constant dense<0.693147182> : tensor<64xf32>
//       CHECK:     %[[POWER:.*]] = arith.mulf %[[WHOLE]], %[[LN2]] : tensor<64xf32>
//       CHECK:     %[[ISNONE:.*]] = arith.cmpf oeq, %[[POWER]], %[[NINF]]
//       CHECK:     %[[TO:.*]] = arith.select %[[ISNONE]], %{{.*}}, %[[POWER]]
//       CHECK:     %[[TOS:.*]] = tile.broadcast %[[TO]] dims [1]
//       CHECK:     %[[XD:.*]] = arith.subf %[[X]], %[[TOS]]
//       CHECK:     %[[W:.*]] = math.exp %[[XD]]
//       CHECK:     %[[WS:.*]] = tile.reduce add %[[W]] dims [1]
//       CHECK:     %[[PART:.*]] = tile.dot %{{.*}}, %{{.*}}, %[[ZEROS]] maps
//       CHECK:     arith.maxsi %[[LBIN]], %{{.*}} : tensor<64xi32>
//       CHECK:     %[[ABS:.*]] = math.absf %[[PART]]
//       CHECK:     tile.reduce max %[[ABS]] dims [1] : tensor<64x16xf32>
//       CHECK:     %[[NEWBIN:.*]] = arith.maxsi %[[BIN]], %{{.*}} : tensor<64xi32>
//       CHECK:     %[[MOVED:.*]] = arith.cmpi ne, %[[NEWBIN]], %[[BIN]] : tensor<64xi32>
//       CHECK:     %[[S:.*]]:2 = tile.if_any %[[MOVED]] : tensor<64xi1> else(%[[D0]], %[[D1]] : tensor<64x16xi32>, tensor<64x16xi32>) {
//       CHECK:     %[[N0:.*]] = arith.addi %[[S]]#0, %{{.*}} : tensor<64x16xi32>
//       CHECK:     %[[N1:.*]] = arith.addi %[[S]]#1, %{{.*}} : tensor<64x16xi32>
//  CHECK-NEXT:     tile.yield %[[MAX]], %{{.*}}, %[[NEWBIN]], %[[N0]], %[[N1]] :
//       CHECK:   } merge {
//  CHECK-NEXT:   ^bb0(%[[MA:[^:]*]]: tensor<64xf32>,{{.*}} %[[AD0:[^:]*]]: tensor<64x16xi32>, %[[AD1:[^:]*]]: tensor<64x16xi32>, %[[MB:[^:]*]]: tensor<64xf32>,{{.*}} %[[BD0:[^:]*]]: tensor<64x16xi32>, %[[BD1:[^:]*]]: tensor<64x16xi32>):
//   CHECK-NOT:     {{mulf|addf|math}}
//       CHECK:     arith.maximumf %[[MA]], %[[MB]] : tensor<64xf32>
//   CHECK-NOT:     {{mulf|addf|math}}
//       CHECK:     %[[EITHER:.*]] = arith.ori %{{.*}}, %{{.*}} : tensor<64xi1>
//       CHECK:     %[[M:.*]]:10 = tile.if_any %[[EITHER]] : tensor<64xi1> else({{.*}}, %[[AD0]], %[[AD1]], %[[BD0]], %[[BD1]] :
//   CHECK-NOT:     {{mulf|addf|math}}
//       CHECK:     arith.addi %[[M]]#6, %[[M]]#8 : tensor<64x16xi32>
//  CHECK-NEXT:     arith.addi %[[M]]#7, %[[M]]#9 : tensor<64x16xi32>
//  CHECK-NEXT:     tile.yield

// More steps than digits add up give no number; and sums that were divided by a
// whole power of 2 are those of the maximum's.
//       CHECK:   %[[MOST:.*]] = arith.constant 32767 : index
//       CHECK:   %[[LONG:.*]] = arith.cmpi sgt, %{{.*}}, %[[MOST]] : index
//       CHECK:   %[[LAST:.*]] = math.ceil %{{.*}} : tensor<64xf32>
//       CHECK:   %[[RBIN:.*]] = arith.select %[[LONG]], %{{.*}}, %[[R]]#1 : tensor<64xi32>
//       CHECK:   arith.cmpi ne, %[[RBIN]]
//       CHECK:   arith.constant dense<0x7FC00000>
//       CHECK:   arith.sitofp %[[R]]#4
//       CHECK:   arith.sitofp %[[R]]#3
//       CHECK:   arith.sitofp %[[R]]#2
//       CHECK:   %[[REST:.*]] = arith.subf %[[LAST]], %{{.*}} : tensor<64xf32>
//       CHECK:   math.exp2 %[[REST]] : tensor<64xf32>
//       CHECK:   %[[SUM:.*]] = arith.mulf %{{.*}} : tensor<64xf32>
//       CHECK:   arith.select %[[LONG]], %{{.*}}, %[[R]]#5 : tensor<64xi32>
//       CHECK:   arith.constant dense<0x7FC00000>
//       CHECK:   arith.sitofp %[[R]]#7
//       CHECK:   arith.sitofp %[[R]]#6
//       CHECK:   math.exp2
//       CHECK:   %[[OUT:.*]] = arith.mulf %{{.*}} : tensor<64x16xf32>
//       CHECK:   %[[SUMS:.*]] = tile.broadcast %[[SUM]] dims [1]
//       CHECK:   arith.divf %[[OUT]], %[[SUMS]]

// A schedule says it, whatever the option.
// STREAM-LABEL: tile.program @softmax(
//       STREAM:   exact step {
tile.program @softmax(
    %s: !s {tile.name = "s", tile.access = "read", tile.shape = ["P", "M"]},
    %v: !v {tile.name = "v", tile.access = "read", tile.shape = ["M", 16]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 16]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"})
    space(%p = "P" by 64) attributes {invariant, schedule = #tile.schedule<stream = true>} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  %zeros = arith.constant dense<0.0> : !tile
  %r:3 = tile.sweep(%c0 to %M partial) by 16 carry(%ninf, %zero, %zeros : !line, !line, !tile) step {
  ^bb0(%base: index, %n: index, %m: !line, %l: !line, %acc: !tile):
    %x = tile.load %s[#tile](%p, %base) valid(%c64, %n) pad 0xFF800000 : f32 : !s -> !tile
    %max = tile.reduce max %x dims [1] : !tile
    %m1 = arith.maximumf %m, %max : !line
    %none = arith.cmpf oeq, %m1, %ninf : !line
    %d = arith.subf %m, %m1 : !line
    %e = math.exp %d : !line
    %f = arith.select %none, %zero, %e : tensor<64xi1>, !line
    %to = arith.select %none, %zero, %m1 : tensor<64xi1>, !line
    %tos = tile.broadcast %to dims [1] : !line to !tile
    %xd = arith.subf %x, %tos : !tile
    %w = math.exp %xd : !tile
    %lf = arith.mulf %l, %f : !line
    %ws = tile.reduce add %w dims [1] : !tile
    %l1 = arith.addf %lf, %ws : !line
    %fs = tile.broadcast %f dims [1] : !line to !tile
    %af = arith.mulf %acc, %fs : !tile
    %vt = tile.load %v[#keys](%base) valid(%n, %c16) : !v -> tensor<16x16xbf16>
    %wn = arith.truncf %w : !tile to tensor<64x16xbf16>
    %a1 = tile.dot %wn, %vt, %af maps [#mk, #kf, #pf] : tensor<64x16xbf16>, tensor<16x16xbf16>, !tile
    tile.yield %m1, %l1, %a1 : !line, !line, !tile
  } merge {
  ^bb0(%ma: !line, %la: !line, %aa: !tile, %mb: !line, %lb: !line, %ab: !tile):
    %m = arith.maximumf %ma, %mb : !line
    %da = arith.subf %ma, %m : !line
    %db = arith.subf %mb, %m : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %la1 = arith.mulf %la, %fa : !line
    %lb1 = arith.mulf %lb, %fb : !line
    %l = arith.addf %la1, %lb1 : !line
    %fas = tile.broadcast %fa dims [1] : !line to !tile
    %fbs = tile.broadcast %fb dims [1] : !line to !tile
    %aa1 = arith.mulf %aa, %fas : !tile
    %ab1 = arith.mulf %ab, %fbs : !tile
    %a = arith.addf %aa1, %ab1 : !tile
    tile.yield %m, %l, %a : !line, !line, !tile
  }
  %ls = tile.broadcast %r#1 dims [1] : !line to !tile
  %out = arith.divf %r#2, %ls : !tile
  tile.store %out, %o[#keys](%p) valid(%c64, %c16) : !tile, !o
}

// A sum whose terms are what they are; of a program without a schedule the option
// says whether it is a stream. The step's part is not rounded by any power.
// CHECK-LABEL: tile.program @plain(
//   CHECK-NOT:   exact
//       CHECK:   tile.sweep({{.*}} : tensor<64x16xf32>) step {
// STREAM-LABEL: tile.program @plain(
//       STREAM:   %[[R:.*]]:3 = tile.sweep({{.*}} : tensor<64xi32>, tensor<64x16xi32>, tensor<64x16xi32>) exact step {
//       STREAM:     %[[X:.*]] = tile.load
//       STREAM:     math.absf %[[X]]
//       STREAM:     tile.if_any
//       STREAM:   } merge {
//       STREAM:     arith.maxsi
//   STREAM-NOT:   math.ceil
//   STREAM-NOT:   math.exp2
//       STREAM:   arith.sitofp %[[R]]#1
//   STREAM-NOT:   math.exp2
//       STREAM:   tile.store
tile.program @plain(
    %s: !s {tile.name = "s", tile.access = "read", tile.shape = ["P", "M"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 16]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %zeros = arith.constant dense<0.0> : !tile
  %r = tile.sweep(%c0 to %M partial) by 16 carry(%zeros : !tile) step {
  ^bb0(%base: index, %n: index, %acc: !tile):
    %x = tile.load %s[#tile](%p, %base) valid(%c64, %n) pad 0.0 : f32 : !s -> !tile
    %a1 = arith.addf %acc, %x : !tile
    tile.yield %a1 : !tile
  } merge {
  ^bb0(%aa: !tile, %ab: !tile):
    %a = arith.addf %aa, %ab : !tile
    tile.yield %a : !tile
  }
  tile.store %r, %o[#keys](%p) valid(%c64, %c16) : !tile, !o
}

// Only a stream has parts that meet, and a schedule says whether it is one.
// CHECK-LABEL: tile.program @items(
//   CHECK-NOT:   exact
//       CHECK:   tile.sweep({{.*}} : tensor<64x16xf32>) step {
// STREAM-LABEL: tile.program @items(
//   STREAM-NOT:   exact
//       STREAM:   tile.sweep({{.*}} : tensor<64x16xf32>) step {
tile.program @items(
    %s: !s {tile.name = "s", tile.access = "read", tile.shape = ["P", "M"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 16]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"})
    space(%p = "P" by 64) attributes {invariant, schedule = #tile.schedule<stream = false>} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %zeros = arith.constant dense<0.0> : !tile
  %r = tile.sweep(%c0 to %M partial) by 16 carry(%zeros : !tile) step {
  ^bb0(%base: index, %n: index, %acc: !tile):
    %x = tile.load %s[#tile](%p, %base) valid(%c64, %n) pad 0.0 : f32 : !s -> !tile
    %a1 = arith.addf %acc, %x : !tile
    tile.yield %a1 : !tile
  } merge {
  ^bb0(%aa: !tile, %ab: !tile):
    %a = arith.addf %aa, %ab : !tile
    tile.yield %a : !tile
  }
  tile.store %r, %o[#keys](%p) valid(%c64, %c16) : !tile, !o
}

// Who asks for no invariance gets no digits.
// CHECK-LABEL: tile.program @other(
//   CHECK-NOT:   exact
//       CHECK:   tile.sweep({{.*}} : tensor<64x16xf32>) step {
// STREAM-LABEL: tile.program @other(
//   STREAM-NOT:   exact
//       STREAM:   tile.sweep({{.*}} : tensor<64x16xf32>) step {
tile.program @other(
    %s: !s {tile.name = "s", tile.access = "read", tile.shape = ["P", "M"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 16]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"})
    space(%p = "P" by 64) attributes {schedule = #tile.schedule<stream = true>} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %zeros = arith.constant dense<0.0> : !tile
  %r = tile.sweep(%c0 to %M partial) by 16 carry(%zeros : !tile) step {
  ^bb0(%base: index, %n: index, %acc: !tile):
    %x = tile.load %s[#tile](%p, %base) valid(%c64, %n) pad 0.0 : f32 : !s -> !tile
    %a1 = arith.addf %acc, %x : !tile
    tile.yield %a1 : !tile
  } merge {
  ^bb0(%aa: !tile, %ab: !tile):
    %a = arith.addf %aa, %ab : !tile
    tile.yield %a : !tile
  }
  tile.store %r, %o[#keys](%p) valid(%c64, %c16) : !tile, !o
}

// Powers are those of the larger one of a maximum and a sink: a step has that of
// its own maximum, and the sum that of the whole one.
// CHECK-LABEL: tile.program @sink(
//       CHECK:   tile.sweep({{.*}} : tensor<64xf32>, tensor<64xi32>, tensor<64xi32>, tensor<64xi32>, tensor<64xi32>) exact step {
//  CHECK-NEXT:   ^bb0(%{{.*}}, %{{.*}}, %[[M:[^:]*]]: tensor<64xf32>,
//       CHECK:     %[[OWN:.*]] = tile.reduce max
//       CHECK:     arith.maximumf %[[M]], %[[OWN]] : tensor<64xf32>
//       CHECK:     %[[SINK:.*]] = tile.broadcast
//       CHECK:     %[[TOP:.*]] = arith.maximumf %[[OWN]], %[[SINK]] : tensor<64xf32>
//       CHECK:     %[[BASE2:.*]] = arith.mulf %[[TOP]], %{{.*}} : tensor<64xf32>
//  CHECK-NEXT:     %[[WHOLE:.*]] = math.ceil %[[BASE2]] : tensor<64xf32>
//       CHECK:     %[[POWER:.*]] = arith.mulf %[[WHOLE]], %{{.*}} : tensor<64xf32>
//       CHECK:     tile.broadcast %[[POWER]]
//       CHECK:     math.exp2
//       CHECK:   } merge {
//   CHECK-NOT:     tile.load
//       CHECK:   arith.cmpi sgt
//       CHECK:   %[[S:.*]] = tile.load
//       CHECK:   %[[LAST:.*]] = tile.broadcast %[[S]] dims [0]
//       CHECK:   %[[TOP:.*]] = arith.maximumf %{{.*}}#0, %[[LAST]] : tensor<64xf32>
//       CHECK:   %[[BASE2:.*]] = arith.mulf %[[TOP]], %{{.*}} : tensor<64xf32>
//  CHECK-NEXT:   %[[WHOLE:.*]] = math.ceil %[[BASE2]] : tensor<64xf32>
//       CHECK:   %[[REST:.*]] = arith.subf %[[WHOLE]], %{{.*}} : tensor<64xf32>
//       CHECK:   math.exp2 %[[REST]]
tile.program @sink(
    %s: !s {tile.name = "s", tile.access = "read", tile.shape = ["P", "M"]},
    %z: !z {tile.name = "sink", tile.access = "read", tile.shape = ["H"]},
    %l: !l {tile.name = "l", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"}, %H: index {tile.extent = "H"})
    space(%h = "H" by 1, %p = "P" by 64) attributes {invariant, schedule = #tile.schedule<stream = true>} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  %sink = tile.load %z[#point](%h) : !z -> tensor<f32>
  %r:2 = tile.sweep(%c0 to %M partial) by 16 carry(%ninf, %zero : !line, !line) step {
  ^bb0(%base: index, %n: index, %m: !line, %l0: !line):
    %x = tile.load %s[#tile](%p, %base) valid(%c64, %n) pad 0xFF800000 : f32 : !s -> !tile
    %max = tile.reduce max %x dims [1] : !tile
    %m1 = arith.maximumf %m, %max : !line
    %sinks = tile.broadcast %sink dims [0] : tensor<f32> to !line
    %from = arith.maximumf %m, %sinks : !line
    %to = arith.maximumf %m1, %sinks : !line
    %d = arith.subf %from, %to : !line
    %f = math.exp2 %d : !line
    %tos = tile.broadcast %to dims [1] : !line to !tile
    %xd = arith.subf %x, %tos : !tile
    %w = math.exp2 %xd : !tile
    %lf = arith.mulf %l0, %f : !line
    %ws = tile.reduce add %w dims [1] : !tile
    %l1 = arith.addf %lf, %ws : !line
    tile.yield %m1, %l1 : !line, !line
  } merge {
  ^bb0(%ma: !line, %la: !line, %mb: !line, %lb: !line):
    %m = arith.maximumf %ma, %mb : !line
    %own = tile.load %z[#point](%h) : !z -> tensor<f32>
    %sinks = tile.broadcast %own dims [0] : tensor<f32> to !line
    %to = arith.maximumf %m, %sinks : !line
    %ta = arith.maximumf %ma, %sinks : !line
    %tb = arith.maximumf %mb, %sinks : !line
    %da = arith.subf %ta, %to : !line
    %db = arith.subf %tb, %to : !line
    %fa = math.exp2 %da : !line
    %fb = math.exp2 %db : !line
    %la1 = arith.mulf %la, %fa : !line
    %lb1 = arith.mulf %lb, %fb : !line
    %sum = arith.addf %la1, %lb1 : !line
    tile.yield %m, %sum : !line, !line
  }
  tile.store %r#1, %l[#row](%p) valid(%c64) : !line, !l
}

// Of runs a tile's rows see different ones: the terms of each row are carried.
// CHECK-LABEL: tile.program @runs(
//       CHECK:   %[[R:.*]]:4 = tile.sweep({{.*}} at {
//       CHECK:   }) by 16 carry({{.*}} : tensor<64xi32>, tensor<64x16xi32>, tensor<64x16xi32>, tensor<64xi32>) exact step {
//  CHECK-NEXT:   ^bb0({{.*}}, %[[TERMS:[^:]*]]: tensor<64xi32>):
//       CHECK:     %[[BITS:.*]] = arith.bitcast %{{.*}} : tensor<64xf32> to tensor<64xi32>
//       CHECK:     %[[SOME:.*]] = arith.cmpi ne, %{{.*}}, %{{.*}} : tensor<64xi32>
//       CHECK:     %[[NEXT:.*]] = arith.addi %[[TERMS]], %{{.*}} : tensor<64xi32>
//       CHECK:     %[[COUNT:.*]] = arith.select %{{.*}}, %[[NEXT]], %[[TERMS]] : tensor<64xi1>, tensor<64xi32>
//  CHECK-NEXT:     tile.yield %{{.*}}, %{{.*}}, %{{.*}}, %[[COUNT]] :
//       CHECK:   } merge {
//       CHECK:   ^bb0({{.*}}, %[[AT:[^:]*]]: tensor<64xi32>, %{{.*}}: tensor<64xi32>, %{{.*}}: tensor<64x16xi32>, %{{.*}}: tensor<64x16xi32>, %[[BT:[^:]*]]: tensor<64xi32>):
//       CHECK:     arith.addi %[[AT]], %[[BT]] : tensor<64xi32>
//       CHECK:   %[[MOST:.*]] = arith.constant dense<32767> : tensor<64xi32>
//       CHECK:   %[[LONG:.*]] = arith.cmpi sgt, %[[R]]#3, %[[MOST]] : tensor<64xi32>
//       CHECK:   arith.select %[[LONG]], %{{.*}}, %[[R]]#0 : tensor<64xi1>, tensor<64xi32>
tile.program @runs(
    %s: !s {tile.name = "s", tile.access = "read", tile.shape = ["P", "M"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 16]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"}, %S: index {tile.extent = "S"})
    space(%p = "P" by 64) attributes {invariant, schedule = #tile.schedule<stream = true>} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %zeros = arith.constant dense<0.0> : !tile
  %sum = tile.sum below %S {
  ^bb0(%run: index):
    tile.yield %run : index
  }
  %r = tile.sweep(%c0 to %sum partial at {
  ^bb0(%i: index):
    %run, %rest = tile.locate %i below %S {
    ^bb0(%own: index):
      tile.yield %own : index
    }
    %first = arith.muli %run, %c1024 : index
    %within = arith.muli %rest, %c16 : index
    %base = arith.addi %first, %within : index
    tile.yield %base, %c16 : index, index
  }) by 16 carry(%zeros : !tile) step {
  ^bb0(%base: index, %n: index, %acc: !tile):
    %x = tile.load %s[#tile](%p, %base) valid(%c64, %n) pad 0.0 : f32 : !s -> !tile
    %a1 = arith.addf %acc, %x : !tile
    tile.yield %a1 : !tile
  } merge {
  ^bb0(%aa: !tile, %ab: !tile):
    %a = arith.addf %aa, %ab : !tile
    tile.yield %a : !tile
  }
  tile.store %r, %o[#keys](%p) valid(%c64, %c16) : !tile, !o
}
