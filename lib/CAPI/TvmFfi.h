//===- TvmFfi.h - what TVM-FFI's C interface looks like ---------*- C++ -*-===//
//
// The part of tvm/ffi/c_api.h and extra/c_env_api.h (TVM-FFI 0.1, whose C
// interface is stable) that exported functions need. Its functions are found in
// the process at run time: who calls such exports has them.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_CAPI_TVMFFI_H
#define LIB_CAPI_TVMFFI_H

#include <cstddef>
#include <cstdint>

namespace attn::tvmffi {

/// TVMFFITypeIndex.
enum TypeIndex : int32_t {
  indexNone = 0,
  indexInt = 1,
  indexBool = 2,
  indexFloat = 3,
  indexDLTensor = 7,
  indexRawString = 8,
  indexSmallString = 11,
  indexString = 65,
  indexFunction = 68,
  indexTensor = 70,
};

/// TVMFFIObject: how every object begins.
struct Object {
  uint64_t counts;
  int32_t typeIndex;
  uint32_t padding;
  void (*deleter)(void *self, int flags);
};

/// TVMFFIByteArray, which follows the header of a string.
struct ByteArray {
  const char *data;
  size_t size;
};

/// TVMFFIAny.
struct Any {
  int32_t typeIndex;
  /// Of a small string, whose characters stand in the value; otherwise 0.
  uint32_t smallLength;
  union {
    int64_t integer;
    double real;
    void *pointer;
    const char *text;
    Object *object;
    char characters[8];
  };
};
static_assert(sizeof(Any) == 16 && sizeof(Object) == 24);

/// TVMFFISafeCallType: 0, or -1 with an error that was raised.
using SafeCall = int (*)(void *self, const Any *arguments, int32_t count,
                         Any *result);

/// The functions of TVM-FFI that exports call.
struct Library {
  int (*createFunction)(void *self, SafeCall call, void (*deleter)(void *self),
                        Object **function);
  void (*raise)(const char *kind, const char *message);
  void *(*getStream)(int32_t deviceType, int32_t device);

  /// Null in a process that does not have them.
  static const Library *get();
};

} // namespace attn::tvmffi

#endif // LIB_CAPI_TVMFFI_H
