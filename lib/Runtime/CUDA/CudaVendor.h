//===- CudaVendor.h - which artifacts NVIDIA's GPUs run -------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_CUDAVENDOR_H
#define ATTN_LIB_RUNTIME_CUDA_CUDAVENDOR_H

#include "../GPU/Vendor.h"

namespace attn::cuda {

extern const gpu::Vendor vendor;

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_CUDAVENDOR_H
