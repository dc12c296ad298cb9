// One case a constraint, named after it: tables of pages.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects at least 1 page, but got 0}}
func.func private @pages_type_c1(!pipe.pages<0>)

// -----

!table = !pipe.global<?x?xi32>
pipe.kernel @pages_c1(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a table of i32 with an index for each dimension but the last, but got '!pipe.global<?x?xi32>' with 2 indices}}
    %pages = pipe.pages %table[%g, %g] at %n every 16 of 16 : <?x?xi32> -> <8>
  }
}

// -----

!table = !pipe.global<?x?xi64>
pipe.kernel @pages_c1_type(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects a table of i32 with an index for each dimension but the last, but got '!pipe.global<?x?xi64>' with 1 indices}}
    %pages = pipe.pages %table[%g] at %n every 16 of 16 : <?x?xi64> -> <8>
  }
}

// -----

!table = !pipe.global<?x?xi32>
pipe.kernel @pages_c2(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{attribute 'run' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
    %pages = pipe.pages %table[%g] at %n every 0 of 16 : <?x?xi32> -> <8>
  }
}

// -----

!table = !pipe.global<?x?xi32>
pipe.kernel @page_c1(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %pages = pipe.pages %table[%g] at %n every 16 of 16 : <?x?xi32> -> <8>
    // expected-error @below {{expects one of 8 pages, counted from 0, but got 8}}
    %page = pipe.page %pages[8] : <8>
  }
}

// -----

!table = !pipe.global<?x?xi32>
pipe.kernel @get_c2(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects an 'else' of the element's type, 'i32', but got -1 : i64}}
    %page = pipe.get %table[%g, %g] else -1 : i64 : !table
  }
}

// -----

pipe.kernel @get_c2_array() {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{expects a tensor to have points beyond its extents, but got an array; leave out the 'else'}}
    %e = pipe.get %a[%g, %g] else 0.0 : f32 : !pipe.array<4x4xf32>
  }
}

// -----

!table = !pipe.global<?x?xi32>
pipe.kernel @pages_c3(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects to stand in a role, whose lanes ask for pages}}
  %pages = pipe.pages %table[%n] at %n every 16 of 16 : <?x?xi32> -> <8>
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

!slot = !pipe.shared<16x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!pool = !pipe.global<?x16x64xbf16>
!table = !pipe.global<?x?xi32>
pipe.kernel @page_c2(
    %k: !pool {pipe.name = "k", pipe.access = "read", pipe.shape = ["N", 16, 64]},
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  %c0 = arith.constant 0 : i32
  %keys = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : <2>
    %pages = pipe.pages %table[%g] at %n every 16 of 16 : <?x?xi32> -> <1>
    // expected-note @below {{the pipe.fill is here}}
    pipe.fill %keys[%c] as %slot : !ring {
      // expected-error @below {{expects to stand in no pipe.fill, as all lanes of a warp do it; put it before}}
      %page = pipe.page %pages[0] : <1>
      pipe.load %k[%page, %c0, %c0] -> %slot : !pool -> !slot
    }
  }
}
