//===- PipeTypes.cpp - parses, prints and verifies the types of pipe ------===//

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn::pipe;

static void printShape(AsmPrinter &printer, ArrayRef<int64_t> shape,
                       Type elementType) {
  printer.printDimensionList(shape);
  printer << 'x' << elementType;
}

//===-- !pipe.global ------------------------------------------------------===//

Type GlobalType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  SMLoc loc = parser.getCurrentLocation();
  bool strided = false;
  if (parser.parseLess() || parser.parseDimensionList(shape) ||
      parser.parseType(elementType))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword("strided"))
      return {};
    strided = true;
  }
  if (parser.parseGreater())
    return {};
  if (shape.empty()) {
    parser.emitError(loc, "expects at least one dimension");
    return {};
  }
  return get(parser.getContext(), shape, elementType, strided);
}

void GlobalType::print(AsmPrinter &printer) const {
  printer << '<';
  printShape(printer, getShape(), getElementType());
  printer << (getStrided() ? ", strided>" : ">");
}

//===-- !pipe.array -------------------------------------------------------===//

Type ArrayType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(elementType))
    return {};
  bool global = false;
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword("global"))
      return {};
    global = true;
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    ArrayRef<int64_t>(shape), elementType, global);
}

void ArrayType::print(AsmPrinter &printer) const {
  printer << '<';
  printShape(printer, getShape(), getElementType());
  printer << (getGlobal() ? ", global>" : ">");
}

LogicalResult ArrayType::verify(function_ref<InFlightDiagnostic()> emitError,
                                ArrayRef<int64_t> shape, Type elementType,
                                bool) {
  // array_c1
  if (shape.empty())
    return emitError() << "expects at least one dimension";
  for (int64_t size : shape)
    if (size <= 0)
      return emitError() << "expects positive sizes, but got " << size;
  // array_c2
  if (!elementType.isIntOrFloat() || elementType.getIntOrFloatBitWidth() > 64)
    return emitError() << "expects integers or floats of at most 64 bits, but "
                          "got "
                       << elementType;
  return success();
}

int64_t ArrayType::getNumElements() const {
  return ShapedType::getNumElements(getShape());
}

int64_t ArrayType::getElementBytes() const {
  return llvm::divideCeil(getElementType().getIntOrFloatBitWidth(), 8);
}

Type attn::pipe::getElementType(Type type) {
  return llvm::TypeSwitch<Type, Type>(type)
      .Case<GlobalType, ArrayType, SharedType, RankedTensorType>(
          [](auto typed) { return typed.getElementType(); });
}

//===-- !pipe.shared ------------------------------------------------------===//

Type SharedType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  int64_t swizzle, parts = 1;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(elementType) || parser.parseComma() ||
      parser.parseKeyword("swizzle") || parser.parseEqual() ||
      parser.parseInteger(swizzle))
    return {};
  if (succeeded(parser.parseOptionalComma()))
    if (parser.parseKeyword("parts") || parser.parseEqual() ||
        parser.parseInteger(parts))
      return {};
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    ArrayRef<int64_t>(shape), elementType, swizzle, parts);
}

void SharedType::print(AsmPrinter &printer) const {
  printer << '<';
  printShape(printer, getShape(), getElementType());
  printer << ", swizzle = " << getSwizzle();
  if (getParts() != 1)
    printer << ", parts = " << getParts();
  printer << '>';
}

LogicalResult SharedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, Type elementType,
                                 int64_t swizzle, int64_t parts) {
  // shared_c1
  if (shape.size() != 2)
    return emitError() << "expects 2 dimensions, but got " << shape.size();
  if (shape[0] <= 0 || shape[1] <= 0)
    return emitError() << "expects positive sizes, but got " << shape[0]
                       << " and " << shape[1];
  if (!elementType.isIntOrFloat() ||
      !llvm::is_contained({8u, 16u, 32u}, elementType.getIntOrFloatBitWidth()))
    return emitError() << "expects elements of 1, 2 or 4 bytes, but got "
                       << elementType;
  // shared_c2
  if (!llvm::is_contained({32, 64, 128}, swizzle))
    return emitError() << "expects a swizzle of 32, 64 or 128 bytes, but got "
                       << swizzle;
  int64_t rowBytes = shape[1] * elementType.getIntOrFloatBitWidth() / 8;
  if (rowBytes % swizzle)
    return emitError() << "expects rows that are a multiple of the swizzle's "
                       << swizzle << " bytes, but got rows of " << rowBytes;
  // shared_c3
  if (parts <= 0 || shape[0] % parts || shape[0] / parts % 8)
    return emitError() << "expects parts of a multiple of 8 rows, but got "
                       << shape[0] << " rows in " << parts << " parts";
  return success();
}

int64_t SharedType::getElementBytes() const {
  return getElementType().getIntOrFloatBitWidth() / 8;
}

int64_t SharedType::getNumBytes() const {
  return getNumRows() * getNumColumns() * getElementBytes();
}

int64_t SharedType::getPanelColumns() const {
  return getSwizzle() / getElementBytes();
}

//===-- !pipe.ring --------------------------------------------------------===//

Type RingType::parse(AsmParser &parser) {
  int64_t slots;
  SharedType slot;
  int64_t messages = 0;
  bool cluster = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseInteger(slots) ||
      parser.parseKeyword("x") || parser.parseType(slot))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc flagLoc = parser.getCurrentLocation();
    StringRef flag;
    if (parser.parseKeyword(&flag))
      return {};
    if (flag == "cluster" && !cluster) {
      cluster = true;
    } else if (flag == "message" && messages == 0) {
      messages = 1;
    } else if (flag == "messages" && messages == 0) {
      if (parser.parseEqual() || parser.parseInteger(messages))
        return {};
    } else {
      parser.emitError(flagLoc, "expects message, messages or cluster, each "
                                "kind once, but got ")
          << flag;
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    slots, slot, messages, cluster);
}

void RingType::print(AsmPrinter &printer) const {
  printer << '<' << getSlots() << " x " << getSlot();
  if (getMessages() == 1)
    printer << ", message";
  else if (getMessages() > 1)
    printer << ", messages = " << getMessages();
  if (getCluster())
    printer << ", cluster";
  printer << '>';
}

/// Each two take as much of shared memory as a barrier.
static constexpr int64_t kMostMessages = 4;

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t slots, SharedType slot, int64_t messages,
                               bool) {
  // ring_c1
  if (slots < 1)
    return emitError() << "expects at least 1 slot, but got " << slots;
  // ring_c2
  if (messages < 0 || messages > kMostMessages)
    return emitError() << "expects at most " << kMostMessages
                       << " messages a filling, but got " << messages;
  if (slot.getParts() != 1)
    return emitError() << "expects slots of one part, but got "
                       << slot.getParts();
  return success();
}

LogicalResult PagesType::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t count) {
  // pages_c1
  if (count >= 1)
    return success();
  return emitError() << "expects at least 1 page, but got " << count;
}
