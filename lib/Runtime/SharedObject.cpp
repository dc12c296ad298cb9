//===- SharedObject.cpp - machine code from memory ------------------------===//

#include "SharedObject.h"

#include "FileDescriptor.h"

#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>

using namespace attn;

static Status refuse(const std::string &name, std::string reason) {
  return Status::error(StatusCode::corrupt, name, std::move(reason),
                       "compile the kernel again");
}

/// The loader maps segments without comparing them with the file's size, so
/// that a cut file would end the process with SIGBUS.
static Status checkImage(std::string_view image, const std::string &name) {
  Elf64_Ehdr header;
  if (image.size() < sizeof(header))
    return refuse(name, "expects an ELF header, but got " +
                            std::to_string(image.size()) + " bytes");
  std::memcpy(&header, image.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN ||
      header.e_machine != EM_X86_64 || header.e_phentsize != sizeof(Elf64_Phdr))
    return refuse(name, "expects an ELF shared object for x86-64, but got "
                        "another kind of file");
  uint64_t tableBytes = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_phoff > image.size() ||
      tableBytes > image.size() - header.e_phoff)
    return refuse(name, "expects a program header table within its " +
                            std::to_string(image.size()) +
                            " bytes, but it ends beyond");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment,
                image.data() + header.e_phoff + i * sizeof(Elf64_Phdr),
                sizeof(segment));
    if (segment.p_offset > image.size() ||
        segment.p_filesz > image.size() - segment.p_offset)
      return refuse(name, "expects segment " + std::to_string(i) +
                              " within its " + std::to_string(image.size()) +
                              " bytes, but it ends beyond");
  }
  return {};
}

/// A path of descriptor `fd` that no earlier call returned. The loader takes
/// two loads by one path for one library, and descriptors are used again, so
/// a counter is written in binary as `/` and `/./` between the components.
static std::string uniquePath(int fd) {
  static std::atomic<uint64_t> counter{0};
  std::string path = "/proc/self/";
  for (uint64_t bits = counter.fetch_add(1) + 1; bits != 0; bits >>= 1)
    path += bits & 1 ? "./" : "/";
  return path + "fd/" + std::to_string(fd);
}

Result<std::shared_ptr<SharedObject>>
SharedObject::load(std::string_view image, const std::string &name) {
  if (Status status = checkImage(image, name); !status.isOk())
    return status;
  FileDescriptor fd(memfd_create("attn-kernel", MFD_CLOEXEC));
  if (!fd.isOpen() || !writeAll(fd.get(), image))
    return Status::error(
        StatusCode::resourceExhausted, name,
        "expects to hold " + std::to_string(image.size()) +
            " bytes of code in memory, but got: " + std::strerror(errno),
        "free memory or file descriptors");
  void *handle = dlopen(uniquePath(fd.get()).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *error = dlerror();
    return refuse(name, std::string("expects code that the system's loader "
                                    "takes, but got: ") +
                            (error ? error : "no reason"));
  }
  return std::shared_ptr<SharedObject>(new SharedObject(handle));
}

SharedObject::~SharedObject() { dlclose(handle); }

void *SharedObject::find(const std::string &symbol) const {
  return dlsym(handle, symbol.c_str());
}
