// Tables of pages in a kernel, in the custom, the generic and the bytecode form.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

!table = !pipe.global<?x?xi32>

// CHECK-LABEL: pipe.kernel @pages
pipe.kernel @pages(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    // CHECK: %[[PAGES:.*]] = pipe.pages %{{.*}}[%{{.*}}] at %{{.*}} every 16 of 32 : <?x?xi32> -> <8>
    %pages = pipe.pages %table[%g] at %n every 16 of 32 : <?x?xi32> -> <8>
    // CHECK: pipe.page %[[PAGES]][7] : <8>
    %last = pipe.page %pages[7] : <8>
    // CHECK: pipe.get %{{.*}} else -1 : i32 : !pipe.global<?x?xi32>
    %one = pipe.get %table[%g, %last] else -1 : i32 : !table
  }
}
