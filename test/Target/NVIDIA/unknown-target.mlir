// RUN: not attn-opt %s --nvidia-pipeline=target=sm_13 2>&1 | FileCheck %s
// RUN: not attn-opt %s --nvidia-schedule=target=sm_13 2>&1 | FileCheck %s
// RUN: attn-opt %s --nvidia-schedule='any-strides target=sm_80'

// CHECK: expects a target that is one of sm_90a, sm_80, sm_89, but got 'sm_13'
module {}
