//===- NpyHeader.cpp - the dictionary at the head of an .npy file ---------===//
//
// The header is a Python literal. This reads the literals that numpy writes and
// nothing more: a reader that evaluated Python would be the hole that pickles
// are.
//
//===----------------------------------------------------------------------===//

#include "NpyHeader.h"

#include <iterator>
#include <optional>

using namespace attn;

/// As many as a kernel's argument may have.
static constexpr size_t maxDims = 64;

namespace {
struct TypeName {
  std::string_view descr;
  DType dtype;
};

/// The first of each type is the one to write.
constexpr TypeName typeNames[] = {{"<f4", DType::f32},  {"<f8", DType::f64},
                                  {"<V2", DType::bf16}, {"|V2", DType::bf16},
                                  {"<f2", DType::f16},  {"<i8", DType::i64},
                                  {"<i4", DType::i32},  {"|u1", DType::u8},
                                  {"|i1", DType::i8},   {"|b1", DType::i1}};

/// Reads one header. Each function skips blanks, and fails by returning false
/// or nothing; the first failure's message is kept.
class Parser {
public:
  Parser(std::string_view text, const std::string &name)
      : text(text), name(name) {}

  Result<NpyHeader> parse();

private:
  bool fail(std::string reason, std::string alternative = "save it again");
  void skipBlanks();
  bool consumeIf(char c);
  bool consumeWord(std::string_view word);
  std::optional<std::string_view> string();
  std::optional<int64_t> integer();
  bool field();
  bool descr();
  bool fortranOrder();
  bool shape();

  std::string_view text;
  const std::string &name;
  size_t position = 0;
  Status status;
  NpyHeader header;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};

bool Parser::fail(std::string reason, std::string alternative) {
  if (status.isOk())
    status = Status::error(StatusCode::corrupt, name, std::move(reason),
                           std::move(alternative));
  return false;
}

void Parser::skipBlanks() {
  while (position < text.size() &&
         (text[position] == ' ' || text[position] == '\n'))
    ++position;
}

bool Parser::consumeIf(char c) {
  skipBlanks();
  if (position >= text.size() || text[position] != c)
    return false;
  ++position;
  return true;
}

bool Parser::consumeWord(std::string_view word) {
  skipBlanks();
  if (text.substr(position, word.size()) != word)
    return false;
  position += word.size();
  return true;
}

std::optional<std::string_view> Parser::string() {
  if (!consumeIf('\''))
    return std::nullopt;
  size_t end = text.find('\'', position);
  if (end == std::string_view::npos)
    return std::nullopt;
  std::string_view content = text.substr(position, end - position);
  position = end + 1;
  return content;
}

std::optional<int64_t> Parser::integer() {
  skipBlanks();
  size_t begin = position;
  int64_t value = 0;
  for (;
       position < text.size() && text[position] >= '0' && text[position] <= '9';
       ++position)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, text[position] - '0', &value))
      return std::nullopt;
  if (position == begin)
    return std::nullopt;
  // Python 2 wrote long integers so.
  consumeIf('L');
  return value;
}

bool Parser::descr() {
  if (consumeIf('['))
    return fail("expects a plain type, but got a structured one",
                "save one field of it");
  std::optional<std::string_view> type = string();
  if (!type)
    return fail("expects a type name in its header, but got none");
  for (const TypeName &entry : typeNames)
    if (entry.descr == *type) {
      header.dtype = entry.dtype;
      return true;
    }
  std::string got = "'" + std::string(type->substr(0, 16)) + "'";
  if (!type->empty() && (*type)[0] == '>')
    return fail("expects little-endian elements, but got big-endian " + got,
                "convert it with array.astype('<" +
                    std::string(type->substr(1, 15)) + "')");
  if (*type == "|O")
    return fail("expects numbers, but got Python objects of type " + got,
                "convert it with array.astype('<f4')");
  return fail("expects a type of f4, f8, f2, i4, i8, u1, i1, b1 or V2 (bf16), "
              "but got " +
                  got,
              *type == "<u2" ? "convert it, or save bf16 bits as "
                               "array.view('V2')"
                             : "convert it with array.astype('<f4')");
}

bool Parser::fortranOrder() {
  if (consumeWord("False"))
    return true;
  if (consumeWord("True"))
    return fail("expects C order, but got Fortran order",
                "save numpy.ascontiguousarray(array)");
  return fail("expects fortran_order to be True or False, but got neither");
}

bool Parser::shape() {
  if (!consumeIf('('))
    return fail("expects a tuple as shape, but got none");
  while (!consumeIf(')')) {
    std::optional<int64_t> extent = integer();
    if (!extent)
      return fail("expects extents from 0 to 2^63 - 1 in its shape, but got "
                  "something else");
    if (header.shape.size() == maxDims)
      return fail("expects at most " + std::to_string(maxDims) +
                      " dimensions, but got more",
                  "reshape it");
    header.shape.push_back(*extent);
    // One extent without comma would be a number in parentheses.
    bool comma = consumeIf(',');
    if (!comma && header.shape.size() > 1 && consumeIf(')'))
      return true;
    if (!comma)
      return fail("expects commas between the extents of its shape, but got "
                  "none");
  }
  return true;
}

bool Parser::field() {
  std::optional<std::string_view> key = string();
  if (!key || !consumeIf(':'))
    return fail("expects a header of quoted keys and values, but got something "
                "else");
  bool *seen = *key == "descr"           ? &hasDescr
               : *key == "fortran_order" ? &hasOrder
               : *key == "shape"         ? &hasShape
                                         : nullptr;
  if (!seen)
    return fail("expects the keys descr, fortran_order and shape, but got '" +
                std::string(key->substr(0, 32)) + "'");
  if (*seen)
    return fail("expects each key once, but got '" + std::string(*key) +
                "' twice");
  *seen = true;
  return seen == &hasDescr   ? descr()
         : seen == &hasOrder ? fortranOrder()
                             : shape();
}

Result<NpyHeader> Parser::parse() {
  if (!consumeIf('{'))
    fail("expects a header that is a dictionary, but got something else");
  while (status.isOk() && !consumeIf('}')) {
    if (field() && !consumeIf(',')) {
      if (!consumeIf('}'))
        fail("expects a comma or a brace after each value of its header, but "
             "got something else");
      break;
    }
  }
  skipBlanks();
  if (status.isOk() && position != text.size())
    fail("expects its header to end with the dictionary, but more follows");
  if (status.isOk() && !(hasDescr && hasOrder && hasShape))
    fail("expects the keys descr, fortran_order and shape, but one is absent");
  if (!status.isOk())
    return status;
  return header;
}
} // namespace

Result<NpyHeader> attn::parseNpyHeader(std::string_view text,
                                       const std::string &name) {
  return Parser(text, name).parse();
}

std::string attn::printShape(const std::vector<int64_t> &shape) {
  std::string text = "(";
  for (size_t d = 0; d < shape.size(); ++d)
    text += (d == 0 ? "" : ", ") + std::to_string(shape[d]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string attn::printNpyHeader(const NpyHeader &header) {
  std::string text = "{'descr': '";
  for (const TypeName &entry : typeNames)
    if (entry.dtype == header.dtype) {
      text += entry.descr;
      break;
    }
  text +=
      "', 'fortran_order': False, 'shape': " + printShape(header.shape) + ", }";
  // Ten bytes stand before the dictionary, one line feed after it.
  constexpr size_t before = 10, alignment = 64;
  size_t unpadded = before + text.size() + 1;
  text.append((alignment - unpadded % alignment) % alignment, ' ');
  return text + "\n";
}
