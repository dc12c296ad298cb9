//===- SharedObject.h - machine code from memory --------------------------===//

#ifndef ATTN_LIB_RUNTIME_SHAREDOBJECT_H
#define ATTN_LIB_RUNTIME_SHAREDOBJECT_H

#include "attn/Runtime/Status.h"

#include <memory>
#include <string>
#include <string_view>

namespace attn {

/// A shared object that the process has loaded; unloaded with the last owner.
class SharedObject {
public:
  /// Loads an ELF image. Refuses what is not a shared object for x86-64 and
  /// what ends before its segments do; what the system's loader refuses is
  /// reported in its words. `name` heads the messages.
  static Result<std::shared_ptr<SharedObject>> load(std::string_view image,
                                                    const std::string &name);
  ~SharedObject();
  SharedObject(const SharedObject &) = delete;
  SharedObject &operator=(const SharedObject &) = delete;

  /// The address of an exported symbol, or null.
  void *find(const std::string &symbol) const;

private:
  explicit SharedObject(void *handle) : handle(handle) {}

  void *handle;
};

} // namespace attn

#endif // ATTN_LIB_RUNTIME_SHAREDOBJECT_H
