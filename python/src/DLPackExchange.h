//===- DLPackExchange.h - how frameworks hand tensors over in C -*- C++ -*-===//
//
// DLPackExchangeAPI of DLPack 1.3, which types of tensors have as the capsule
// `__dlpack_c_exchange_api__`; distributions' dlpack.h is older. Functions
// return 0, or -1 with a Python exception.
//
//===----------------------------------------------------------------------===//

#ifndef PYTHON_SRC_DLPACKEXCHANGE_H
#define PYTHON_SRC_DLPACKEXCHANGE_H

#include <cstdint>
#include <dlpack/dlpack.h>

namespace attn::python {

struct DLPackExchange {
  static constexpr const char *attribute = "__dlpack_c_exchange_api__";
  static constexpr const char *capsule = "dlpack_exchange_api";
  /// Others may have another layout behind the two numbers.
  static constexpr uint32_t knownMajor = 1;

  uint32_t major, minor;
  DLPackExchange *previous;
  void *allocate, *toManaged, *fromManaged;
  /// Fills a view that lives as long as the object, or is null.
  int (*toView)(void *object, DLTensor *view);
  int (*getStream)(DLDeviceType type, int32_t device, void **stream);
};

} // namespace attn::python

#endif // PYTHON_SRC_DLPACKEXCHANGE_H
