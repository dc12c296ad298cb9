// RUN: not attn-opt %s --amd-pipeline=target=gfx13 2>&1 | FileCheck %s
// RUN: not attn-opt %s --amd-schedule=target=gfx13 2>&1 | FileCheck %s
// RUN: attn-opt %s --amd-schedule='any-strides target=gfx1100'

// CHECK: expects a target that is one of gfx942, gfx90a, {{.*}}, but got 'gfx13'
module {}
