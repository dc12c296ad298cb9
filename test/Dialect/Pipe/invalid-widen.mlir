// One case a constraint, named after it: slots that are widened.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

!bytes = !pipe.shared<32x64xi8, swizzle = 64>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @widen_c1_rows(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %b = pipe.wait %x[%c] : !narrow
    pipe.fill %y[%c] as %s : !wide {
      // expected-error @below {{expects a source of as many rows as the slot's and all of its columns, but got}}
      pipe.widen %b -> %s : !bytes -> !slot
    }
  }
}

// -----

!bytes = !pipe.shared<64x64xi8, swizzle = 64>
!slot = !pipe.shared<64x128xbf16, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @widen_c1_columns(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %b = pipe.wait %x[%c] : !narrow
    pipe.fill %y[%c] as %s : !wide {
      // expected-error @below {{expects a source of as many rows as the slot's and all of its columns, but got}}
      pipe.widen %b -> %s : !bytes -> !slot
    }
  }
}

// -----

!bytes = !pipe.shared<64x64xf16, swizzle = 128>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @widen_c2_source(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %b = pipe.wait %x[%c] : !narrow
    pipe.fill %y[%c] as %s : !wide {
      // expected-error @below {{expects to widen f8E4M3FN, f8E5M2 or i8 to bf16 or f16, but got 'f16' and 'bf16'}}
      pipe.widen %b -> %s : !bytes -> !slot
    }
  }
}

// -----

!bytes = !pipe.shared<64x64xi8, swizzle = 64>
!slot = !pipe.shared<64x64xf32, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @widen_c2_slot(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %b = pipe.wait %x[%c] : !narrow
    pipe.fill %y[%c] as %s : !wide {
      // expected-error @below {{expects to widen f8E4M3FN, f8E5M2 or i8 to bf16 or f16, but got 'i8' and 'f32'}}
      pipe.widen %b -> %s : !bytes -> !slot
    }
  }
}

// -----

!bytes = !pipe.shared<64x64xi8, swizzle = 64>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @widen_c3(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %other = pipe.wait %y[%c] : !wide
    %b = pipe.wait %x[%c] : !narrow
    pipe.fill %y[%c] as %s : !wide {
      // expected-error @below {{expects to widen into the slot of the enclosing pipe.fill}}
      pipe.widen %b -> %other : !bytes -> !slot
    }
  }
}

// -----

!bytes = !pipe.shared<64x64xi8, swizzle = 64>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @fill_c3_widen(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  // expected-note @below {{the role is here}}
  pipe.role "widen" groups(1) warps(1) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %b = pipe.wait %x[%c] : !narrow
    // expected-error @below {{expects to stand in a role of several warps, whose threads copy, but got 1}}
    pipe.fill %y[%c] as %s : !wide {
      pipe.widen %b -> %s : !bytes -> !slot
    }
  }
}

// -----

!bytes = !pipe.shared<64x64xi8, swizzle = 64>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!narrow = !pipe.ring<2 x !bytes>
!wide = !pipe.ring<2 x !slot>
pipe.kernel @fill_c4_widen_twice(%n: i32 {pipe.name = "n"}) {
  %x = pipe.ring readers(1) : !narrow
  %y = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %b = pipe.wait %x[%c] : !narrow
    // expected-error @below {{expects one pipe.widen and no other copy into a slot, but got 2 of them and 0 loads}}
    pipe.fill %y[%c] as %s : !wide {
      pipe.widen %b -> %s : !bytes -> !slot
      pipe.widen %b -> %s : !bytes -> !slot
    }
  }
}
