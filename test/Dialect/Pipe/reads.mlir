// Reads of elements are nothing that others see: equal ones are one, and one that nobody
// takes goes, but not around what may write.
// RUN: attn-opt %s --cse | FileCheck %s

!numbers = !pipe.global<?xi32>

// CHECK-LABEL: pipe.kernel @reads
//       CHECK:   pipe.role
//   CHECK-NOT:     pipe.sum
//       CHECK:     %[[X:.*]] = pipe.get %{{.*}}[%[[N:.*]]] : !pipe.global<?xi32>
//   CHECK-NOT:     pipe.get
//       CHECK:     %[[TWICE:.*]] = arith.addi %[[X]], %[[X]]
//       CHECK:     pipe.each
//       CHECK:       pipe.put
//       CHECK:     %[[Y:.*]] = pipe.get %{{.*}}[%[[N]]] : !pipe.global<?xi32>
//       CHECK:     arith.addi %[[TWICE]], %[[Y]]
pipe.kernel @reads(
    %a: !numbers {pipe.name = "a", pipe.access = "read", pipe.shape = ["S"]},
    %o: !numbers {pipe.name = "o", pipe.access = "write", pipe.shape = ["S"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "all" groups(1) warps(4) registers(128) (%group) {
    %nobodys = pipe.sum below %n {
    ^bb0(%run: i32):
      %own = pipe.get %a[%run] : !numbers
      pipe.yield %own : i32
    } : i32
    %x = pipe.get %a[%n] : !numbers
    %again = pipe.get %a[%n] : !numbers
    %twice = arith.addi %x, %again : i32
    pipe.each %i in %n {
      pipe.put %twice -> %o[%i] : !numbers
    }
    %later = pipe.get %a[%n] : !numbers
    %all = arith.addi %twice, %later : i32
    pipe.each %i in %n {
      pipe.put %all -> %o[%i] : !numbers
    }
  }
}
