// RUN: not attn-opt %s --nvidia-pipeline=target=sm_13 2>&1 | FileCheck %s

// CHECK: error: expects a target that is one of sm_90a, sm_80, sm_89, but got 'sm_13'
module {}
