//===- CascadeDialect.cpp - the dialect, its types and attributes ---------===//

#include "dialects/Cascade/Cascade.h"

#include "dialects/AttributeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace attn::cascade;

#include "dialects/Cascade/CascadeDialect.cpp.inc"
#include "dialects/Cascade/CascadeEnums.cpp.inc"
#include "dialects/Cascade/CascadeInterfaces.cpp.inc"

/// Names inside `#cascade.monoid<...>`.
static ParseResult parseMonoidName(AsmParser &parser, StringAttr &name) {
  std::string keyword;
  if (parser.parseKeywordOrString(&keyword))
    return failure();
  name = parser.getBuilder().getStringAttr(keyword);
  return success();
}
static void printMonoidName(AsmPrinter &printer, StringAttr name) {
  printer.printKeywordOrString(name);
}

#define GET_ATTRDEF_CLASSES
#include "dialects/Cascade/CascadeAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Cascade/CascadeTypes.cpp.inc"

namespace {
/// Prints tensor types under short names: `!BHME_bf16`.
struct CascadeAsmInterface : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Type type, raw_ostream &os) const override {
    auto tensor = dyn_cast<NamedTensorType>(type);
    if (!tensor)
      return AliasResult::NoAlias;
    for (StringAttr rank : tensor.getRanks())
      os << rank.getValue();
    os << "_" << tensor.getElementType();
    return AliasResult::OverridableAlias;
  }
};
} // namespace

void CascadeDialect::initialize() {
  addInterfaces<CascadeAsmInterface>();
  algebra = std::make_shared<AlgebraRegistry>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Cascade/CascadeAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Cascade/CascadeTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Cascade/CascadeOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Monoids
//===----------------------------------------------------------------------===//

static const AlgebraRegistry &getAlgebra(MLIRContext *context) {
  return context->getLoadedDialect<CascadeDialect>()->getAlgebra();
}

const MonoidInfo &MonoidAttr::getInfo() const {
  return *getAlgebra(getContext()).lookupMonoid(getName());
}

LogicalResult MonoidAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringAttr name) {
  // monoid_c1
  const AlgebraRegistry &algebra = getAlgebra(name.getContext());
  if (!algebra.lookupMonoid(name))
    return emitError() << "expects a registered monoid ("
                       << llvm::join(algebra.getMonoidNames(), ", ")
                       << "), but got '" << name.getValue() << "'";
  return success();
}

LogicalResult FewRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t below, int64_t rows, int64_t keys) {
  // few_rows_c1; zero keys is an absent field.
  if (below < 0 || rows < 1 || keys < 0 || rows > kMaxTile || keys > kMaxTile)
    return emitError() << "expects a bound of at least 0 and tiles of 1 to "
                       << kMaxTile << " coordinates, but got below = " << below
                       << ", rows = " << rows << " and keys = " << keys;
  return success();
}

LogicalResult PagesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t size, StringAttr, ArrayAttr by,
                                StringAttr table, StringAttr lengths,
                                StringAttr starts) {
  // pages_c1
  bool areNamed =
      !table.empty() && !lengths.empty() && table != lengths &&
      (!starts || (!starts.empty() && starts != table && starts != lengths));
  if (size < 1 || !areNamed || !llvm::all_of(by, llvm::IsaPred<StringAttr>))
    return emitError() << "expects pages of at least one coordinate, names of "
                          "ranks and different names for a table, lengths and "
                          "starts, but got "
                       << size << ", " << by << ", " << table << " and "
                       << lengths;
  return success();
}

LogicalResult PackingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t width, StringAttr inner,
                                  StringAttr outer, StringAttr rank,
                                  ArrayAttr ranks) {
  // packing_c1
  if (width < 1 || !llvm::isPowerOf2_64(width))
    return emitError() << "expects a width that is a power of 2, but got "
                       << width;
  // packing_c2
  llvm::SmallPtrSet<Attribute, 8> names(ranks.begin(), ranks.end());
  if (names.size() != ranks.size() ||
      !llvm::all_of(ranks, llvm::IsaPred<StringAttr>) || inner == outer ||
      !names.contains(inner) || !names.contains(outer) || names.contains(rank))
    return emitError() << "expects different names of ranks, " << inner
                       << " and " << outer << " among them and " << rank
                       << " not, but got " << ranks;
  return success();
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> extents,
                                 ArrayRef<int64_t> tiles) {
  // layout_c1
  return attn::checkLayout(emitError, extents, tiles);
}

LogicalResult RolesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t slots, bool, int64_t split,
                                int64_t cluster, bool) {
  return attn::checkRoles(emitError, slots, split, cluster);
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t rows, int64_t keys, FewRowsAttr,
                                   RolesAttr) {
  // Zero is an absent field.
  if (rows < 0 || keys < 0 || rows > kMaxTile || keys > kMaxTile)
    return emitError() << "expects tiles of 1 to " << kMaxTile
                       << " coordinates, but got rows = " << rows
                       << " and keys = " << keys;
  return success();
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// Parses a number with `-` and `inf`, in `type`.
static ParseResult parseEmptyValue(AsmParser &parser, Type type,
                                   TypedAttr &value) {
  SMLoc loc = parser.getCurrentLocation();
  bool negative = succeeded(parser.parseOptionalMinus());
  auto floatType = dyn_cast<FloatType>(type);
  auto refuse = [&](const Twine &got) {
    return parser.emitError(loc) << "expects an empty value that fits in "
                                 << type << ", but got " << got;
  };
  if (succeeded(parser.parseOptionalKeyword("inf"))) {
    if (!floatType)
      return parser.emitError(loc)
             << "expects an integer as the empty value of " << type
             << ", but got inf";
    value = FloatAttr::get(
        type, APFloat::getInf(floatType.getFloatSemantics(), negative));
    return success();
  }
  APInt integer;
  StringRef keyword;
  OptionalParseResult isInteger = parser.parseOptionalInteger(integer);
  if (isInteger.has_value()) {
    if (failed(*isInteger))
      return failure();
    // `true` and `false` come as integers of one bit.
    integer = integer.getBitWidth() == 1
                  ? integer.zext(2)
                  : integer.sext(integer.getBitWidth() + 1);
    if (negative && integer.isNegative())
      return parser.emitError(loc, "expects one sign before an empty value");
    if (negative)
      integer.negate();
    if (floatType) {
      value = getNumericAttr(type, integer.roundToDouble(/*isSigned=*/true));
      if (cast<FloatAttr>(value).getValue().isInfinity())
        return refuse(llvm::toString(integer, 10, /*Signed=*/true));
      return success();
    }
    unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
    if (!integer.isSignedIntN(width) && !(width == 1 && integer.isOne()))
      return refuse(llvm::toString(integer, 10, /*Signed=*/true));
    value = IntegerAttr::get(type, integer.sextOrTrunc(width));
    return success();
  }
  if (succeeded(parser.parseOptionalKeyword(&keyword)))
    return parser.emitError(loc) << "expects a number, inf or -inf as the "
                                    "empty value of "
                                 << type << ", but got '" << keyword << "'";
  double number;
  if (parser.parseFloat(number))
    return failure();
  number = negative ? -number : number;
  if (!floatType)
    return parser.emitError(loc) << "expects an integer as the empty value of "
                                 << type << ", but got " << number;
  value = getNumericAttr(type, number);
  if (cast<FloatAttr>(value).getValue().isInfinity())
    return refuse(llvm::formatv("{0:e6}", number).str());
  return success();
}

static bool isElementType(Type type) {
  if (isa<IntegerType>(type))
    return type.isSignlessInteger() && type.getIntOrFloatBitWidth() <= 64;
  return isa<IndexType, Float8E4M3FNType, Float8E5M2Type, Float16Type,
             BFloat16Type, Float32Type, Float64Type>(type);
}

Type NamedTensorType::parse(AsmParser &parser) {
  SmallVector<StringAttr> ranks;
  auto parseRank = [&]() -> ParseResult {
    StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    ranks.push_back(parser.getBuilder().getStringAttr(name));
    return success();
  };
  Type elementType;
  TypedAttr empty;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank,
                                     " in the list of ranks") ||
      parser.parseComma() || parser.parseType(elementType))
    return {};
  if (!isElementType(elementType)) {
    parser.emitError(loc) << "expects elements of type integer, index, "
                             "f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but "
                             "got "
                          << elementType;
    return {};
  }
  if (parser.parseComma() || parser.parseKeyword("empty") ||
      parser.parseEqual() || parseEmptyValue(parser, elementType, empty) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<NamedTensorType>(loc, parser.getContext(), ranks,
                                            elementType, empty);
}

void NamedTensorType::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getRanks(), printer,
                        [&](StringAttr rank) { printer << rank.getValue(); });
  printer << "], " << getElementType() << ", empty = ";
  auto value = dyn_cast<FloatAttr>(getEmpty());
  double number = value ? value.getValueAsDouble() : 0;
  if (std::isinf(number))
    printer << (number < 0 ? "-inf" : "inf");
  else if (value && number == std::trunc(number) && std::fabs(number) < 1e6)
    printer << llvm::formatv("{0:F1}", number);
  else
    printer.printAttributeWithoutType(getEmpty());
  printer << ">";
}

LogicalResult
NamedTensorType::verify(function_ref<InFlightDiagnostic()> emitError,
                        ArrayRef<StringAttr> ranks, Type elementType,
                        TypedAttr empty) {
  // tensor_c1
  llvm::StringSet<> seen;
  for (StringAttr rank : ranks)
    if (!seen.insert(rank).second)
      return emitError() << "expects ranks with different names, but got '"
                         << rank.getValue() << "' twice";
  // tensor_c2
  if (!isElementType(elementType))
    return emitError() << "expects elements of type integer, index, f8E4M3FN, "
                          "f8E5M2, f16, bf16, f32 or f64, but got "
                       << elementType;
  // tensor_c3
  if (!empty || empty.getType() != elementType)
    return emitError() << "expects an empty value of type " << elementType
                       << ", but got " << empty;
  if (auto value = dyn_cast<FloatAttr>(empty);
      value && value.getValue().isNaN())
    return emitError() << "expects an empty value that equals itself, but got "
                       << empty;
  return success();
}

std::optional<unsigned> NamedTensorType::getRankPosition(StringRef name) const {
  for (auto [i, rank] : llvm::enumerate(getRanks()))
    if (rank.getValue() == name)
      return i;
  return std::nullopt;
}

Type NamedTensorType::getComputeType() const {
  auto type = dyn_cast<FloatType>(getElementType());
  if (type && type.getWidth() < 32)
    return Float32Type::get(getContext());
  return getElementType();
}

NamedTensorType NamedTensorType::withRanks(ArrayRef<StringAttr> ranks) const {
  return NamedTensorType::get(ranks, getElementType(), getEmpty());
}

NamedTensorType NamedTensorType::withElementType(Type elementType) const {
  if (elementType == getElementType())
    return *this;
  return NamedTensorType::get(
      getRanks(), elementType,
      getNumericAttr(elementType, *getNumericValue(getEmpty())));
}

#define GET_OP_CLASSES
#include "dialects/Cascade/CascadeOps.cpp.inc"
