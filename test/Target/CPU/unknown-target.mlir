// RUN: not attn-opt %s --convert-tile-to-vector=target=vax 2>&1 | FileCheck %s
// CHECK: error: expects a target that the CPU table has, but got 'vax'
module {
}
