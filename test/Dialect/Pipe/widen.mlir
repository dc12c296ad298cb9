// RUN: attn-opt %s | attn-opt | FileCheck %s

// A role takes slots of 8 bits an element and fills slots of 16.
!e4m3 = !pipe.shared<64x128xf8E4M3FN, swizzle = 128>
!bytes = !pipe.shared<64x64xi8, swizzle = 64>
!wide = !pipe.shared<64x128xbf16, swizzle = 128>
!halves = !pipe.shared<64x64xf16, swizzle = 128>
// CHECK-LABEL: pipe.kernel @widen(
pipe.kernel @widen(%n: i32 {pipe.name = "n"}) {
  %xs = pipe.ring readers(1) : !pipe.ring<3 x !e4m3, message>
  %ys = pipe.ring readers(1) : !pipe.ring<2 x !wide, message>
  %zs = pipe.ring readers(1) : !pipe.ring<3 x !bytes>
  %ws = pipe.ring readers(1) : !pipe.ring<2 x !halves>
  pipe.role "widen" groups(1) warps(4) registers(72) (%g) {
    %c = pipe.cursor : !pipe.cursor<3>
    %d = pipe.cursor : !pipe.cursor<2>
    %x = pipe.wait %xs[%c] : !pipe.ring<3 x !e4m3, message>
    %m = pipe.message %xs[%c] : !pipe.ring<3 x !e4m3, message>
    // CHECK: pipe.fill %{{.*}}[%{{.*}}] as %[[Y:.*]] message(%{{.*}})
    pipe.fill %ys[%d] as %y message(%m) : !pipe.ring<2 x !wide, message> {
      // CHECK-NEXT: pipe.widen %{{.*}} -> %[[Y]] : <64x128xf8E4M3FN, swizzle = 128> -> <64x128xbf16, swizzle = 128>
      pipe.widen %x -> %y : !e4m3 -> !wide
    }
    pipe.release %xs[%c] : !pipe.ring<3 x !e4m3, message>
    %z = pipe.wait %zs[%c] : !pipe.ring<3 x !bytes>
    pipe.fill %ws[%d] as %w : !pipe.ring<2 x !halves> {
      // CHECK: pipe.widen %{{.*}} -> %{{.*}} : <64x64xi8, swizzle = 64> -> <64x64xf16, swizzle = 128>
      pipe.widen %z -> %w : !bytes -> !halves
    }
    pipe.release %zs[%c] : !pipe.ring<3 x !bytes>
  }
}
