//===- ParserLimits.cpp - limits on text given to MLIR's parser -----------===//
//
// One pass over the text's tokens with a stack of open brackets. A `<` may be a
// comparison that nothing closes, so any other closing bracket drops the `<`
// above its partner. An alias counts as deep as its definition, since an
// attribute made of aliases nests without a bracket nest in the text; aliases
// are defined before they are used, so one pass is enough.
//
//===----------------------------------------------------------------------===//

#include "attn/Support/ParserLimits.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;

namespace {

bool isWordStart(char c) { return isAlpha(c) || c == '_'; }
bool isWordBody(char c) {
  return isAlnum(c) || c == '_' || c == '$' || c == '.';
}
/// Unlike a word, the name of an alias may hold a minus sign.
bool isAliasBody(char c) { return isWordBody(c) || c == '-'; }

class Scanner {
public:
  Scanner(StringRef text, const attn::ParserLimits &limits)
      : text(text), limits(limits) {}

  std::optional<attn::ParserLimitExcess> run() {
    while (pos < text.size() && !excess)
      step();
    return std::move(excess);
  }

private:
  void step();
  void space();
  void number();
  void word();
  void aliasOrResult();
  void symbol();
  void open(char bracket);
  void close(char bracket);
  void noteDepth(size_t depth);
  void endShape() { dimensions = 0; }
  void report(size_t offset, const Twine &message) {
    if (!excess)
      excess = {offset, message.str()};
  }
  char peek(size_t ahead = 0) const {
    return pos + ahead < text.size() ? text[pos + ahead] : '\0';
  }
  /// Skips the characters that `accepts` takes and returns them.
  template <typename Predicate> StringRef take(Predicate accepts) {
    StringRef taken = text.substr(pos).take_while(accepts);
    pos += taken.size();
    return taken;
  }
  void string();
  void dimension();

  StringRef text;
  attn::ParserLimits limits;
  size_t pos = 0;
  SmallVector<char> brackets;
  size_t signs = 0, operators = 0, dimensions = 0;
  /// Depth of every alias defined so far, keyed with its '#' or '!'.
  StringMap<size_t> aliasDepths;
  /// The alias whose definition is being scanned, and its depth so far.
  StringRef definedAlias;
  size_t definedDepth = 0;
  bool definitionHasValue = false;
  std::optional<attn::ParserLimitExcess> excess;
};

void Scanner::noteDepth(size_t depth) {
  definedDepth = std::max(definedDepth, depth);
  if (depth > limits.depth)
    report(pos, "expects brackets nested at most " + Twine(limits.depth) +
                    " deep, aliases included, but got " + Twine(depth));
}

void Scanner::open(char bracket) {
  brackets.push_back(bracket);
  noteDepth(brackets.size());
}

void Scanner::close(char bracket) {
  if (bracket == '<') {
    if (!brackets.empty() && brackets.back() == '<')
      brackets.pop_back();
    return;
  }
  size_t partner = brackets.size();
  while (partner > 0 && brackets[partner - 1] == '<')
    --partner;
  if (partner > 0 && brackets[partner - 1] == bracket)
    brackets.truncate(partner - 1);
}

/// White space. A definition of an alias ends with the line that closes its
/// brackets.
void Scanner::space() {
  StringRef blank = take(isSpace);
  if (!definedAlias.empty() && definitionHasValue && brackets.empty() &&
      blank.contains('\n')) {
    aliasDepths[definedAlias] = definedDepth;
    definedAlias = {};
  }
}

void Scanner::string() {
  ++pos;
  while (pos < text.size() && text[pos] != '"' && text[pos] != '\n')
    pos += text[pos] == '\\' ? 2 : 1;
  ++pos;
  pos = std::min(pos, text.size());
  endShape();
}

void Scanner::dimension() {
  if (++dimensions > limits.dimensions)
    report(pos, "expects a shape of at most " + Twine(limits.dimensions) +
                    " dimensions, but got more");
}

void Scanner::number() {
  size_t start = pos;
  StringRef digits = take(isHexDigit);
  if (digits.size() > limits.digits)
    report(start, "expects a number of at most " + Twine(limits.digits) +
                      " digits, but got " + Twine(digits.size()));
  dimension();
  // The x between two dimensions; what follows it is a token of its own.
  if (peek() == 'x')
    ++pos;
}

void Scanner::word() {
  size_t start = pos;
  StringRef word = take(isWordBody);
  // In a shape with blanks, `4 x 8 x f32`, the x stands alone or heads a word.
  if (word.front() == 'x' && (word.size() == 1 || isDigit(word[1]))) {
    pos = start + 1;
    return;
  }
  endShape();
  if (word == "mod" || word == "floordiv" || word == "ceildiv")
    ++operators;
}

/// `#name`, `!name` (an alias or a dialect's attribute or type) or `#N`, the
/// number of a result.
void Scanner::aliasOrResult() {
  size_t start = pos++;
  endShape();
  if (text[start] == '#' && isDigit(peek())) {
    StringRef digits = take(isDigit);
    size_t resultNumber = 0;
    if (digits.getAsInteger(10, resultNumber) ||
        resultNumber > limits.resultNumber)
      report(start, "expects a result number of at most " +
                        Twine(limits.resultNumber) + ", but got #" +
                        digits.take_front(32));
    return;
  }
  if (!isAliasBody(peek()))
    return;
  StringRef name = (take(isAliasBody), text.slice(start, pos));
  StringRef rest = text.substr(pos).ltrim();
  if (brackets.empty() && rest.starts_with("=") && !rest.starts_with("==")) {
    if (!definedAlias.empty())
      aliasDepths[definedAlias] = definedDepth;
    definedAlias = name;
    definedDepth = 0;
    definitionHasValue = false;
    pos = text.size() - rest.size() + 1;
    return;
  }
  definitionHasValue = true;
  if (auto used = aliasDepths.find(name); used != aliasDepths.end())
    noteDepth(brackets.size() + used->second + 1);
}

/// Punctuation, of which only brackets and operators matter.
void Scanner::symbol() {
  char c = peek(), next = peek(1);
  if (c != '?')
    endShape();
  if (next == '=' && StringRef("<>=!").contains(c)) {
    pos += 2;
    return;
  }
  if (c == '-' && next == '>') {
    pos += 2;
    return;
  }
  switch (c) {
  case '(':
  case '[':
  case '{':
  case '<':
    open(c);
    break;
  case ')':
    close('(');
    break;
  case ']':
    close('[');
    break;
  case '}':
    close('{');
    break;
  case '>':
    close('<');
    break;
  case '?':
    dimension();
    break;
  case '-':
    if (++signs > limits.signs)
      report(pos, "expects at most " + Twine(limits.signs) +
                      " minus signs in a row, but got more");
    ++operators;
    break;
  case '+':
  case '*':
    ++operators;
    break;
  default:
    break;
  }
  if (c != '-')
    signs = 0;
  // Parentheses and angle brackets stand inside one affine expression.
  if (StringRef(",;:={}[]").contains(c))
    operators = 0;
  ++pos;
}

void Scanner::step() {
  char c = peek();
  if (isSpace(c))
    return space();
  if (c == '/' && peek(1) == '/') {
    pos = std::min(text.find('\n', pos), text.size());
    return;
  }
  if (c == '#' || (c == '!' && peek(1) != '='))
    return aliasOrResult();
  definitionHasValue = true;
  if (c == '"')
    string();
  else if (isDigit(c))
    number();
  else if (isWordStart(c))
    word();
  else
    return symbol();
  signs = 0;
  if (operators > limits.operators)
    report(pos, "expects an expression of at most " + Twine(limits.operators) +
                    " operators, but got more");
}

} // namespace

std::optional<attn::ParserLimitExcess>
attn::findParserLimitExcess(StringRef text, const ParserLimits &limits) {
  return Scanner(text, limits).run();
}

LogicalResult attn::checkParserLimits(MemoryBufferRef buffer,
                                      raw_ostream &errors,
                                      StringRef splitMarker) {
  StringRef text = buffer.getBuffer();
  if (text.starts_with("ML\xefR"))
    return success();
  StringRef rest = text;
  do {
    StringRef chunk = rest;
    rest = {};
    if (!splitMarker.empty())
      std::tie(chunk, rest) = chunk.split(splitMarker);
    std::optional<ParserLimitExcess> excess = findParserLimitExcess(chunk);
    if (!excess)
      continue;
    SourceMgr sources;
    sources.AddNewSourceBuffer(
        MemoryBuffer::getMemBuffer(buffer, /*RequiresNullTerminator=*/false),
        SMLoc());
    // The line is not shown: one that exceeds a limit is rarely readable.
    auto [line, column] = sources.getLineAndColumn(
        SMLoc::getFromPointer(chunk.data() + excess->offset), 1);
    errors << buffer.getBufferIdentifier() << ':' << line << ':' << column
           << ": error: " << excess->message << '\n';
    return failure();
  } while (!rest.empty());
  return success();
}
