//===- CInterface.cpp - what a kernel's C functions take and refuse -------===//

#include "attn/Target/CPU/CInterface.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"

using namespace attn;
using namespace attn::cpu;
using llvm::StringRef;

/// Raised when the functions or the struct change for the same manifest.
static constexpr int interfaceVersion = 1;

/// Words that C or C++ keeps, among the names that a program may have.
static constexpr const char *kKeywords[] = {
    "alignas",   "alignof",  "and",       "asm",      "auto",     "bool",
    "break",     "case",     "catch",     "char",     "class",    "compl",
    "concept",   "const",    "constexpr", "continue", "decltype", "default",
    "delete",    "do",       "double",    "else",     "enum",     "explicit",
    "export",    "extern",   "false",     "float",    "for",      "friend",
    "goto",      "if",       "inline",    "int",      "long",     "mutable",
    "namespace", "new",      "noexcept",  "not",      "nullptr",  "operator",
    "or",        "private",  "protected", "public",   "register", "requires",
    "restrict",  "return",   "short",     "signed",   "sizeof",   "static",
    "struct",    "switch",   "template",  "this",     "throw",    "true",
    "try",       "typedef",  "typeid",    "typename", "typeof",   "union",
    "unsigned",  "using",    "virtual",   "void",     "volatile", "while",
    "xor",       "bitand",   "bitor",     "and_eq",   "or_eq",    "not_eq",
    "xor_eq",    "co_await", "co_return", "co_yield", "linux",    "unix"};

static bool isIdentifier(StringRef name) {
  return !name.empty() && !llvm::isDigit(name[0]) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

Status CInterface::checkSymbol(const std::string &symbol) {
  if (isIdentifier(symbol))
    return {};
  return Status::error(StatusCode::invalidArgument, "--symbol",
                       "expects a name that C functions can begin with, but "
                       "got '" +
                           symbol + "'",
                       "give one of letters, digits and underscores");
}

Result<CInterface> CInterface::create(const Manifest &manifest,
                                      const std::string &symbol) {
  if (Status status = checkSymbol(symbol); !status.isOk())
    return status;
  CInterface interface(manifest, symbol);
  // struct_size and contract.
  interface.place(8, 8);
  interface.place(8, 8);
  interface.addCommonOutcomes();
  interface.addRanks();
  interface.addArguments();
  interface.argumentsBytes = llvm::alignTo(interface.argumentsBytes, 8);
  return interface;
}

int32_t CInterface::addOutcome(std::string name, std::string message) {
  outcomes.push_back({std::move(name), std::move(message)});
  return static_cast<int32_t>(outcomes.size() - 1);
}

/// In the order of `Refusal`.
void CInterface::addCommonOutcomes() {
  addOutcome("OK", "right");
  addOutcome("NULL", "call: expects arguments and a place for the result, but "
                     "got a null pointer; give its address");
  addOutcome("OTHER_CONTRACT",
             "arguments: expects struct_size and contract of this library's "
             "header, but got those of another; make them by the header that "
             "was written with the library");
  addOutcome("TOO_LARGE",
             "extents: expects sizes that fit in 64 bits, but they overflow; "
             "use smaller extents or other scalars");
  addOutcome("SMALL_MEMORY",
             "memory: expects as many bytes as " + symbol +
                 "_memory_bytes says, but got fewer; give so many");
  addOutcome("LOOSE_MEMORY", "memory: expects an address that is a multiple "
                             "of " +
                                 std::to_string(memoryAlignment) +
                                 ", but got another; align it");
}

int64_t CInterface::place(int64_t bytes, int64_t alignment) {
  int64_t offset = llvm::alignTo(argumentsBytes, alignment);
  argumentsBytes = offset + bytes;
  return offset;
}

/// A field's name that none of `taken` has, to which it is added.
std::string CInterface::makeName(const std::string &name,
                                 std::vector<std::string> &taken) const {
  std::string field;
  for (char c : name)
    field += llvm::isAlnum(c) || c == '_' ? c : '_';
  if (field.empty() || llvm::isDigit(field[0]))
    field = "_" + field;
  while (llvm::is_contained(kKeywords, field) ||
         llvm::is_contained(taken, field))
    field += '_';
  taken.push_back(field);
  return field;
}

void CInterface::addRanks() {
  std::vector<std::string> taken;
  for (const Manifest::Rank &rank : manifest.ranks) {
    Field field;
    if (!rank.extent) {
      field.name = makeName(rank.name, taken);
      field.offset = place(8, 8);
      std::string range =
          rank.most ? "of 0 to " + std::to_string(*rank.most) : "of at least 0";
      field.refusal = addOutcome(
          "EXTENT_" + field.name,
          "extents." + field.name + ": expects an extent " + range +
              ", but got another; " +
              (rank.most ? "cut the problem, or compile the kernel for more"
                         : "give the number of elements"));
    }
    ranks.push_back(std::move(field));
  }
}

void CInterface::addTensor(const Manifest::Argument &argument, Field &field) {
  int64_t words = 1 + static_cast<int64_t>(argument.shape.size());
  field.offset = place(8 * words, 8);
  std::string bytes = std::to_string(getSizeInBytes(argument.dtype));
  field.refusal = addOutcome(
      "DATA_" + field.name,
      field.name + ".data: expects an address that is a multiple of " + bytes +
          ", and null only where the tensor has no elements, but got another; "
          "give the address of element 0");
  field.strideRefusal =
      addOutcome("STRIDES_" + field.name,
                 field.name +
                     ".strides: expects all elements within the address space, "
                     "but they reach beyond; give strides in elements, of " +
                     bytes + " bytes");
}

void CInterface::addArguments() {
  std::vector<std::string> taken = {"struct_size", "contract", "extents"};
  for (const Manifest::Argument &argument : manifest.arguments) {
    Field field;
    field.name = makeName(argument.name, taken);
    if (argument.kind == Manifest::Argument::Kind::tensor) {
      addTensor(argument, field);
    } else {
      int64_t bytes = getSizeInBytes(argument.dtype);
      field.offset = place(bytes, bytes);
      if (argument.dtype == DType::i1)
        field.refusal = addOutcome(
            "VALUE_" + field.name,
            field.name + ": expects 0 or 1, but got another; give one of them");
    }
    arguments.push_back(std::move(field));
  }
}

uint64_t CInterface::getContract() const {
  std::string text = std::to_string(interfaceVersion) + " " + symbol;
  for (size_t i = 0; i < ranks.size(); ++i)
    text += " " + manifest.ranks[i].name + " " +
            std::to_string(manifest.ranks[i].extent.value_or(-1)) + " " +
            std::to_string(manifest.ranks[i].most.value_or(-1));
  for (const Manifest::Argument &argument : manifest.arguments) {
    text += " " + argument.name + " " + std::to_string(int(argument.kind)) +
            " " + std::to_string(int(argument.access)) + " " +
            std::string(getName(argument.dtype));
    for (const Manifest::Extent &extent : argument.shape)
      text += " " + extent.rank + ":" + std::to_string(extent.size);
  }
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  uint64_t contract = 0;
  for (size_t i = 0; i < sizeof(contract); ++i)
    contract = contract << 8 | hash[i];
  return contract;
}
