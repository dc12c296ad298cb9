// One case a constraint, named after it: items that several blocks do.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

pipe.kernel @work_c1(%n: i32 {pipe.name = "n"}) cluster(2) {
  // expected-error @below {{expects clusters of one block for a stream, whose blocks take different numbers of items, but got clusters of 2}}
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @work_c2_none(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects 'steps' of the items of a stream}}
  %work = pipe.work items(%n) : !pipe.work<stream>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @work_c2_other(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects 'steps' of a stream only}}
  %work = pipe.work items(%n) : !pipe.work<persistent> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @work_c2_type(%n: i32 {pipe.name = "n"}, %m: i64 {pipe.name = "m"}) {
  // expected-error @below {{expects 'steps' to yield an i32 of an i32}}
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %m : i64
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @work_c3(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects 'alike' of a stream only}}
  %work = pipe.work items(%n) alike(%n) : !pipe.work<persistent>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @first_part_c1(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<split>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects the work of a stream, but got '!pipe.work<split>'}}
    %item, %before = pipe.first_part %work : !pipe.work<split>
  }
}

// -----

pipe.kernel @first_item_c1(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects work whose items each one block does, but got '!pipe.work<stream>'; its blocks take parts}}
    %item = pipe.first_item %work : !pipe.work<stream>
  }
}

// -----

pipe.kernel @next_item_c1(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects work whose items each one block does, but got '!pipe.work<stream>'; its blocks take parts}}
    %next = pipe.next_item %work after %n : !pipe.work<stream>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!half = tensor<64x64xbf16, #s>

pipe.kernel @meet_c2(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    %part = arith.constant dense<1.0> : !half
    // expected-error @below {{expects complete values of 32 bits, but got}}
    %whole, %sum = pipe.meet %work[%n, %n] (%part : !half) : !pipe.work<stream> merge {
    ^bb0(%a: !half, %b: !half):
      pipe.yield %a : !half
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!row = tensor<64xf32, #pipe.slice<1, #s, partial>>

pipe.kernel @meet_c2_partial(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    %part = arith.constant dense<1.0> : !row
    // expected-error @below {{expects complete values of 32 bits, but got}}
    %whole, %sum = pipe.meet %work[%n, %n] (%part : !row) : !pipe.work<stream> merge {
    ^bb0(%a: !row, %b: !row):
      pipe.yield %a : !row
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>

pipe.kernel @meet_c3(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    %part = arith.constant dense<1.0> : !tile
    // expected-error @below {{expects 'merge' to take the values of two parts}}
    %whole, %sum = pipe.meet %work[%n, %n] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile):
      pipe.yield %a : !tile
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>

pipe.kernel @meet_c3_results(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    %part = arith.constant dense<1.0> : !tile
    // expected-error @below {{expects 'merge' to yield the values of one part}}
    %whole, %sum = pipe.meet %work[%n, %n] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      pipe.yield %a, %b : !tile, !tile
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>

pipe.kernel @meet_c3_effects(%n: i32 {pipe.name = "n"},
    %o: !pipe.global<?x64xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["B", 64]}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(4) registers(128) (%g) {
    %part = arith.constant dense<1.0> : !tile
    // expected-error @below {{expects 'merge' to do nothing that others can see}}
    %whole, %sum = pipe.meet %work[%n, %n] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      // expected-note @below {{as this does}}
      pipe.store %a -> %o[%n, %n] : !tile -> !pipe.global<?x64xf32>
      pipe.yield %a : !tile
    }
  }
}

// -----

pipe.kernel @work_c2_effects(%n: i32 {pipe.name = "n"}) {
  %array = pipe.array : !pipe.array<4xi32>
  // expected-error @below {{expects 'steps' to do nothing that others can see}}
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    // expected-note @below {{as this does}}
    %steps = pipe.get %array[%item] : !pipe.array<4xi32>
    pipe.yield %steps : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>

pipe.kernel @meet_c4(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(128) (%g) {
    %part = arith.constant dense<1.0> : !tile
    // expected-error @below {{expects to stand in a role of several warps, and in nothing else of pipe but loops over items}}
    %whole, %sum = pipe.meet %work[%n, %n] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      pipe.yield %a : !tile
    }
  }
}

// -----

pipe.kernel @work_c4(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects a 'lead' of 0 to 1024, and of a stream only, but got 4}}
  %work = pipe.work items(%n) lead(4) : !pipe.work<persistent>
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

pipe.kernel @work_c4_negative(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects a 'lead' of 0 to 1024, and of a stream only, but got -1}}
  %work = pipe.work items(%n) lead(-1) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}
