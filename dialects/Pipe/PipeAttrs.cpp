//===- PipeAttrs.cpp - fragments: which lane holds what -------------------===//
//
// A fragment is a sum of digits times strides for each dimension. That every
// element is held once is checked for each dimension by itself: sorted by
// stride, its digits must be a mixed-radix number system of the dimension's
// size, which holds exactly if each stride is the product of the sizes below.
//
//===----------------------------------------------------------------------===//

#include "dialects/Pipe/Pipe.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn::pipe;

//===-- Digits ------------------------------------------------------------===//

// `4 x d1 by 2`, without the mnemonic where a fragment lists its digits.
static FailureOr<DigitAttr> parseDigit(AsmParser &parser) {
  int64_t size, stride;
  StringRef dimName;
  if (parser.parseInteger(size))
    return failure();
  // The lexer reads `2 x d1` as three tokens only with spaces around `x`.
  SMLoc loc = parser.getCurrentLocation();
  unsigned dim;
  if (parser.parseKeyword("x") || parser.parseKeyword(&dimName))
    return failure();
  if (!dimName.consume_front("d") || dimName.getAsInteger(10, dim)) {
    parser.emitError(loc, "expects a dimension such as d0");
    return failure();
  }
  if (parser.parseKeyword("by") || parser.parseInteger(stride))
    return failure();
  return DigitAttr::get(parser.getContext(), size, dim, stride);
}

static void printDigit(AsmPrinter &printer, DigitAttr digit) {
  printer << digit.getSize() << " x d" << digit.getDim() << " by "
          << digit.getStride();
}

Attribute DigitAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<DigitAttr> digit = parseDigit(parser);
  if (failed(digit) || parser.parseGreater())
    return {};
  return *digit;
}

void DigitAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printDigit(printer, *this);
  printer << '>';
}

//===-- Fragments ---------------------------------------------------------===//

static ParseResult parseDigits(AsmParser &parser, StringRef name,
                               SmallVector<DigitAttr> &digits) {
  if (parser.parseKeyword(name) || parser.parseEqual())
    return failure();
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square, [&]() -> ParseResult {
        FailureOr<DigitAttr> digit = parseDigit(parser);
        if (failed(digit))
          return failure();
        digits.push_back(*digit);
        return success();
      });
}

Attribute FragmentAttr::parse(AsmParser &parser, Type) {
  SmallVector<DigitAttr> registers, lanes, warps;
  if (parser.parseLess() || parseDigits(parser, "registers", registers) ||
      parser.parseComma() || parseDigits(parser, "lanes", lanes) ||
      parser.parseComma() || parseDigits(parser, "warps", warps) ||
      parser.parseGreater())
    return {};
  return get(parser.getContext(), registers, lanes, warps);
}

void FragmentAttr::print(AsmPrinter &printer) const {
  auto list = [&](StringRef name, ArrayRef<DigitAttr> digits) {
    printer << name << " = [";
    llvm::interleaveComma(digits, printer,
                          [&](DigitAttr digit) { printDigit(printer, digit); });
    printer << ']';
  };
  printer << '<';
  list("registers", getRegisters());
  printer << ", ";
  list("lanes", getLanes());
  printer << ", ";
  list("warps", getWarps());
  printer << '>';
}

static int64_t countNumbers(ArrayRef<DigitAttr> digits) {
  int64_t count = 1;
  for (DigitAttr digit : digits)
    count *= digit.getSize();
  return count;
}

int64_t FragmentAttr::getNumRegisters() const {
  return countNumbers(getRegisters());
}
int64_t FragmentAttr::getNumLanes() const { return countNumbers(getLanes()); }
int64_t FragmentAttr::getNumWarps() const { return countNumbers(getWarps()); }

int64_t FragmentAttr::getOffset(ArrayRef<DigitAttr> digits, int64_t number,
                                unsigned dim) {
  int64_t offset = 0;
  for (DigitAttr digit : digits) {
    if (digit.getDim() == dim)
      offset += number % digit.getSize() * digit.getStride();
    number /= digit.getSize();
  }
  return offset;
}

LogicalResult FragmentAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type,
    function_ref<InFlightDiagnostic()> emitError) const {
  SmallVector<SmallVector<DigitAttr>> digits(shape.size());
  for (ArrayRef<DigitAttr> list : {getRegisters(), getLanes(), getWarps()})
    for (DigitAttr digit : list) {
      // fragment_c1
      if (digit.getDim() >= shape.size())
        return emitError() << "expects digits of " << shape.size()
                           << " dimensions, but got one of d" << digit.getDim();
      if (digit.getSize() <= 0 || digit.getStride() <= 0)
        return emitError() << "expects digits of positive size and stride, but "
                              "got size "
                           << digit.getSize() << " and stride "
                           << digit.getStride();
      digits[digit.getDim()].push_back(digit);
    }
  // fragment_c2
  for (auto [dim, list] : llvm::enumerate(digits)) {
    llvm::sort(list, [](DigitAttr a, DigitAttr b) {
      return std::pair(a.getStride(), a.getSize()) <
             std::pair(b.getStride(), b.getSize());
    });
    int64_t covered = 1;
    for (DigitAttr digit : list) {
      if (digit.getSize() == 1)
        continue;
      if (digit.getStride() != covered)
        return emitError() << "expects the digits of d" << dim
                           << " to hold each element once, but got stride "
                           << digit.getStride() << " where " << covered
                           << " elements are covered";
      if (digit.getSize() > shape[dim] / covered)
        return emitError() << "expects the digits of d" << dim << " to cover "
                           << shape[dim] << " elements, but they cover more";
      covered *= digit.getSize();
    }
    if (covered != shape[dim])
      return emitError() << "expects the digits of d" << dim << " to cover "
                         << shape[dim] << " elements, but they cover "
                         << covered;
  }
  return success();
}

//===-- Slices ------------------------------------------------------------===//

Attribute SliceAttr::parse(AsmParser &parser, Type) {
  unsigned dim;
  FragmentAttr parent;
  bool partial = false;
  if (parser.parseLess() || parser.parseInteger(dim) || parser.parseComma() ||
      parser.parseAttribute(parent))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword("partial"))
      return {};
    partial = true;
  }
  if (parser.parseGreater())
    return {};
  return get(parser.getContext(), dim, parent, partial);
}

void SliceAttr::print(AsmPrinter &printer) const {
  printer << '<' << getDim() << ", " << getParent();
  if (getPartial())
    printer << ", partial";
  printer << '>';
}

LogicalResult
SliceAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                          function_ref<InFlightDiagnostic()> emitError) const {
  // slice_c1
  if (shape.size() != 1)
    return emitError() << "expects a slice to have 1 dimension, but got "
                       << shape.size();
  if (getDim() > 1)
    return emitError() << "expects a slice along dimension 0 or 1, but got "
                       << getDim();
  // slice_c2
  unsigned kept = 1 - getDim();
  int64_t size = 1;
  for (ArrayRef<DigitAttr> list :
       {getParent().getRegisters(), getParent().getLanes(),
        getParent().getWarps()})
    for (DigitAttr digit : list)
      if (digit.getDim() == kept)
        size *= digit.getSize();
  if (size != shape[0])
    return emitError() << "expects a slice of its parent's " << size
                       << " elements along d" << kept << ", but got "
                       << shape[0];
  return success();
}

//===-- Algebra -----------------------------------------------------------===//

FragmentAttr attn::pipe::getFragment(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.getEncoding())
    return {};
  if (auto slice = dyn_cast<SliceAttr>(tensor.getEncoding()))
    return slice.getParent();
  return dyn_cast<FragmentAttr>(tensor.getEncoding());
}

bool attn::pipe::spreadsAs(SliceAttr line, FragmentAttr fragment) {
  FragmentAttr parent = line.getParent();
  auto kept = [&](FragmentAttr from) {
    SmallVector<DigitAttr> digits;
    llvm::copy_if(
        from.getRegisters(), std::back_inserter(digits),
        [&](DigitAttr digit) { return digit.getDim() != line.getDim(); });
    return digits;
  };
  // How far lanes are apart along the dimension that the line lacks is nothing
  // to it.
  auto holdsAlike = [&](ArrayRef<DigitAttr> own, ArrayRef<DigitAttr> others) {
    return llvm::equal(own, others, [&](DigitAttr a, DigitAttr b) {
      return a == b ||
             (a.getSize() == b.getSize() && a.getDim() == line.getDim() &&
              b.getDim() == a.getDim());
    });
  };
  return holdsAlike(parent.getLanes(), fragment.getLanes()) &&
         holdsAlike(parent.getWarps(), fragment.getWarps()) &&
         kept(parent) == kept(fragment);
}

RelayoutCost attn::pipe::getRelayoutCost(FragmentAttr from, FragmentAttr to) {
  // The digits of warps, then of lanes, decide whether an element moves: equal
  // lists, up to digits of size 1, hold equal elements.
  auto significant = [](ArrayRef<DigitAttr> digits) {
    SmallVector<DigitAttr> list;
    llvm::copy_if(digits, std::back_inserter(list),
                  [](DigitAttr digit) { return digit.getSize() > 1; });
    return list;
  };
  if (significant(from.getWarps()) != significant(to.getWarps()))
    return RelayoutCost::Memory;
  if (significant(from.getLanes()) != significant(to.getLanes()))
    return RelayoutCost::Shuffle;
  return RelayoutCost::Free;
}
