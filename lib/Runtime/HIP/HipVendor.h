//===- HipVendor.h - which artifacts AMD's GPUs run -----------------------===//

#ifndef ATTN_LIB_RUNTIME_HIP_HIPVENDOR_H
#define ATTN_LIB_RUNTIME_HIP_HIPVENDOR_H

#include "../GPU/Vendor.h"

namespace attn::hip {

extern const gpu::Vendor vendor;

} // namespace attn::hip

#endif // ATTN_LIB_RUNTIME_HIP_HIPVENDOR_H
