//===- CHeader.cpp - the header of a kernel's C functions -----------------===//

#include "attn/Target/CPU/CInterface.h"
#include "attn/Version.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using namespace attn::cpu;
using llvm::raw_ostream;
using llvm::StringRef;

using Argument = Manifest::Argument;

/// Numbers that C has no type for are their bits.
static StringRef getCType(DType type) {
  switch (type) {
  case DType::f32:
    return "float";
  case DType::f64:
    return "double";
  case DType::bf16:
  case DType::f16:
    return "uint16_t";
  case DType::i64:
    return "int64_t";
  case DType::i32:
    return "int32_t";
  case DType::i8:
    return "int8_t";
  case DType::e4m3:
  case DType::e5m2:
  case DType::u8:
  case DType::i1:
    return "uint8_t";
  }
  llvm_unreachable("all types are listed");
}

/// Text that cannot end a comment.
static std::string quote(std::string text) {
  for (size_t at; (at = text.find("*/")) != std::string::npos;)
    text.replace(at, 2, "* /");
  return text;
}

static std::string formatShape(const CInterface &interface,
                               const Argument &argument) {
  const Manifest &manifest = interface.getManifest();
  std::vector<std::string> extents;
  for (const Manifest::Extent &extent : argument.shape) {
    if (extent.rank.empty()) {
      extents.push_back(std::to_string(extent.size));
      continue;
    }
    size_t rank = *manifest.findRank(extent.rank);
    std::optional<int64_t> fixed = manifest.ranks[rank].extent;
    extents.push_back(fixed ? extent.rank + " = " + std::to_string(*fixed)
                            : interface.getRanks()[rank].name);
  }
  return "[" + llvm::join(extents, ", ") + "]";
}

static StringRef describeAccess(Argument::Access access) {
  switch (access) {
  case Argument::Access::read:
    return "input";
  case Argument::Access::write:
    return "output, every element of which is written";
  case Argument::Access::update:
    return "updated in place";
  }
  llvm_unreachable("all kinds of access are listed");
}

static void printPreamble(const CInterface &interface, raw_ostream &os) {
  const std::string &symbol = interface.getSymbol();
  const Manifest &manifest = interface.getManifest();
  std::string guard = "ATTN_KERNEL_" + StringRef(symbol).upper() + "_H";
  os << "/* " << quote(manifest.name) << ", compiled by attn "
     << manifest.attnVersion << " for " << manifest.target.cpu
     << ".\n * Written by attn-compile with the library: do not edit.\n *\n"
     << " *   " << symbol << "_arguments a = " << symbol
     << "_make_arguments();\n"
     << " *   (set a's extents, tensors and scalars)\n"
     << " *   " << symbol << "_memory_bytes(&a, &bytes);\n"
     << " *   memory = aligned_alloc(" << CInterface::memoryAlignment
     << ", bytes);\n"
     << " *   status = " << symbol << "_run(&a, memory, bytes);\n *\n"
     << " * Numerics: " << quote(manifest.numerics) << "\n"
     << " * The CPU needs " << quote(llvm::join(manifest.target.features, ", "))
     << ".\n"
     << " *\n"
     << " * The functions check extents, addresses, alignment and sizes before "
        "they touch a\n"
     << " * tensor, and answer what does not fit by a status. They allocate "
        "nothing, keep\n"
     << " * nothing, and may run in any number of threads at once, each with "
        "memory and\n"
     << " * outputs of its own. Left to the caller: that data has the elements "
        "that extents\n"
     << " * and strides reach, and that no output overlaps itself or another "
        "tensor. */\n\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include <stdint.h>\n#include <string.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
}

static void printConstants(const CInterface &interface, raw_ostream &os) {
  std::string prefix = StringRef(interface.getSymbol()).upper();
  const Manifest &manifest = interface.getManifest();
  os << "/* Stands for the arguments and their layout. */\n#define " << prefix
     << "_CONTRACT UINT64_C(" << llvm::format_hex(interface.getContract(), 18)
     << ")\n"
     << "#define " << prefix << "_VERSION \"" << manifest.attnVersion << "\"\n"
     << "/* Bytes that memory begins at a multiple of. */\n#define " << prefix
     << "_MEMORY_ALIGNMENT " << CInterface::memoryAlignment << "\n";
  if (manifest.workspaceBytes.isConstant() &&
      manifest.scratchBytes.isConstant())
    os << "/* What " << interface.getSymbol()
       << "_memory_bytes says for all extents. */\n#define " << prefix
       << "_MEMORY_BYTES INT64_C("
       << llvm::alignTo(manifest.workspaceBytes.getConstant(),
                        CInterface::memoryAlignment) +
              manifest.scratchBytes.getConstant()
       << ")\n";
  for (size_t i = 0; i < manifest.ranks.size(); ++i)
    if (manifest.ranks[i].most)
      os << "/* The most that the kernel covers. */\n#define " << prefix
         << "_MOST_" << interface.getRanks()[i].name << " INT64_C("
         << *manifest.ranks[i].most << ")\n";
  os << "\n/* What the functions return. */\nenum {\n";
  const auto &outcomes = interface.getOutcomes();
  for (size_t i = 0; i < outcomes.size(); ++i)
    os << "  " << prefix << "_" << outcomes[i].name << " = " << i
       << (i + 1 < outcomes.size() ? ",\n" : "\n};\n\n");
}

static void printArgument(const CInterface &interface, size_t position,
                          raw_ostream &os) {
  const Argument &argument = interface.getManifest().arguments[position];
  const std::string &name = interface.getArguments()[position].name;
  StringRef type = getCType(argument.dtype);
  if (argument.kind == Argument::Kind::scalar) {
    os << "  /* A scalar, " << getName(argument.dtype) << ". */\n  " << type
       << " " << name << ";\n";
    return;
  }
  os << "  /* " << formatShape(interface, argument) << ", "
     << getName(argument.dtype) << ": " << describeAccess(argument.access)
     << ".\n   * Data begins at a multiple of "
     << getSizeInBytes(argument.dtype)
     << " bytes; strides are in elements, of any sign. */\n"
     << "  struct {\n    "
     << (argument.access == Argument::Access::read ? "const " : "") << type
     << " *data;\n";
  if (!argument.shape.empty())
    os << "    int64_t strides[" << argument.shape.size() << "];\n";
  os << "  } " << name << ";\n";
}

static void printArguments(const CInterface &interface, raw_ostream &os) {
  const std::string &symbol = interface.getSymbol();
  std::string prefix = StringRef(symbol).upper();
  os << "typedef struct " << symbol << "_arguments {\n"
     << "  uint64_t struct_size; /* sizeof(" << symbol << "_arguments) */\n"
     << "  uint64_t contract;    /* " << prefix << "_CONTRACT */\n";
  std::vector<std::string> extents;
  for (const CInterface::Field &rank : interface.getRanks())
    if (!rank.name.empty())
      extents.push_back(rank.name);
  if (!extents.empty())
    os << "  /* The extent of each rank, for all tensors that have it. */\n"
       << "  struct {\n    int64_t " << llvm::join(extents, ", ")
       << ";\n  } extents;\n";
  for (size_t i = 0; i < interface.getArguments().size(); ++i)
    printArgument(interface, i, os);
  os << "} " << symbol << "_arguments;\n\n"
     << "/* Arguments that are all 0 but for size and contract. */\n"
     << "static inline " << symbol << "_arguments " << symbol
     << "_make_arguments(void) {\n  " << symbol << "_arguments arguments;\n"
     << "  memset(&arguments, 0, sizeof(arguments));\n"
     << "  arguments.struct_size = sizeof(arguments);\n"
     << "  arguments.contract = " << prefix << "_CONTRACT;\n"
     << "  return arguments;\n}\n\n";
}

static void printFunctions(const CInterface &interface, raw_ostream &os) {
  const std::string &symbol = interface.getSymbol();
  os << "/* Bytes of memory that a run of these extents and scalars needs. */\n"
     << "int32_t " << symbol << "_memory_bytes(const " << symbol
     << "_arguments *arguments,\n    int64_t *bytes);\n\n"
     << "/* Runs the kernel in the calling thread; its outputs are written "
        "when "
        "it returns\n * 0. A refusal changes nothing. `memory` may be null "
        "where no bytes are needed. */\n"
     << "int32_t " << symbol << "_run(const " << symbol
     << "_arguments *arguments, void *memory,\n    int64_t memory_bytes);\n\n"
     << "/* \"place: what is expected; what to do\" of a status, one line; "
        "null "
        "of a number\n * that is none. */\n"
     << "const char *" << symbol << "_message(int32_t status);\n\n"
     << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

std::string CInterface::formatHeader() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  printPreamble(*this, os);
  printConstants(*this, os);
  printArguments(*this, os);
  printFunctions(*this, os);
  return text;
}
