//===- CascadeEinsumAssembly.cpp - text of cascade.einsum -----------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace attn::cascade;

//===----------------------------------------------------------------------===//
// Index expressions
//===----------------------------------------------------------------------===//

namespace {
/// Parses `[b, m1 * 64 + m0, %table[b, m1]]`. Variables are numbered in the
/// order in which they first appear, index tensors likewise.
class IndexParser {
public:
  explicit IndexParser(OpAsmParser &parser) : parser(parser) {}

  ParseResult parseIndex(SmallVectorImpl<AffineExpr> &coordinates,
                         bool allowTensors = true) {
    return parser.parseCommaSeparatedList(
        AsmParser::Delimiter::Square, [&]() -> ParseResult {
          AffineExpr coordinate;
          if (parseSum(coordinate, allowTensors, /*depth=*/0))
            return failure();
          coordinates.push_back(coordinate);
          return success();
        });
  }

  ParseResult parseOperand(OpAsmParser::UnresolvedOperand &operand,
                           SmallVectorImpl<AffineExpr> &coordinates) {
    return failure(parser.parseOperand(operand) || parseIndex(coordinates));
  }

  SmallVector<StringRef> variables;
  SmallVector<OpAsmParser::UnresolvedOperand> indexTensors;
  SmallVector<SmallVector<AffineExpr>> indexCoordinates;

private:
  static constexpr unsigned kMaxDepth = 64;

  ParseResult parseSum(AffineExpr &result, bool allowTensors, unsigned depth) {
    if (depth > kMaxDepth)
      return parser.emitError(parser.getCurrentLocation())
             << "expects an index expression nested " << kMaxDepth
             << " deep at most";
    if (parseProduct(result, allowTensors, depth))
      return failure();
    while (true) {
      AffineExpr rhs;
      if (succeeded(parser.parseOptionalPlus())) {
        if (parseProduct(rhs, allowTensors, depth))
          return failure();
        result = result + rhs;
      } else if (succeeded(parser.parseOptionalMinus())) {
        if (parseProduct(rhs, allowTensors, depth))
          return failure();
        result = result - rhs;
      } else {
        return success();
      }
    }
  }

  ParseResult parseProduct(AffineExpr &result, bool allowTensors,
                           unsigned depth) {
    if (parseFactor(result, allowTensors, depth))
      return failure();
    while (true) {
      SMLoc loc = parser.getCurrentLocation();
      enum { Mul, FloorDiv, Mod } kind;
      if (succeeded(parser.parseOptionalStar()))
        kind = Mul;
      else if (succeeded(parser.parseOptionalKeyword("floordiv")))
        kind = FloorDiv;
      else if (succeeded(parser.parseOptionalKeyword("mod")))
        kind = Mod;
      else
        return success();
      AffineExpr rhs;
      if (parseFactor(rhs, allowTensors, depth))
        return failure();
      auto constant = dyn_cast<AffineConstantExpr>(rhs);
      if (kind == Mul && !constant && !isa<AffineConstantExpr>(result))
        return parser.emitError(loc, "expects a product with an integer");
      if (kind != Mul && (!constant || constant.getValue() <= 0))
        return parser.emitError(loc, "expects a positive integer as divisor");
      result = kind == Mul        ? result * rhs
               : kind == FloorDiv ? result.floorDiv(rhs)
                                  : result % rhs;
    }
  }

  ParseResult parseFactor(AffineExpr &result, bool allowTensors,
                          unsigned depth) {
    SMLoc loc = parser.getCurrentLocation();
    MLIRContext *context = parser.getContext();
    if (succeeded(parser.parseOptionalLParen()))
      return failure(parseSum(result, allowTensors, depth + 1) ||
                     parser.parseRParen());
    APInt integer;
    OptionalParseResult isInteger = parser.parseOptionalInteger(integer);
    if (isInteger.has_value()) {
      if (failed(*isInteger))
        return failure();
      if (integer.getSignificantBits() > 32)
        return parser.emitError(loc, "expects an integer of 32 bits at most");
      result = getAffineConstantExpr(integer.getSExtValue(), context);
      return success();
    }
    StringRef name;
    if (succeeded(parser.parseOptionalKeyword(&name))) {
      auto it = llvm::find(variables, name);
      unsigned position = it - variables.begin();
      if (it == variables.end())
        variables.push_back(name);
      result = getAffineDimExpr(position, context);
      return success();
    }
    OpAsmParser::UnresolvedOperand tensor;
    OptionalParseResult isTensor = parser.parseOptionalOperand(tensor);
    if (!isTensor.has_value())
      return parser.emitError(loc, "expects a variable, an integer, an index "
                                   "tensor or '(' in an index expression");
    if (failed(*isTensor))
      return failure();
    if (!allowTensors)
      return parser.emitError(
          loc, "expects no index tensor inside another one's index");
    SmallVector<AffineExpr> coordinates;
    if (parseIndex(coordinates, /*allowTensors=*/false))
      return failure();
    result =
        getAffineSymbolExpr(getTensor(tensor, std::move(coordinates)), context);
    return success();
  }

  /// The number of `tensor` read at `coordinates`, which is one wherever it
  /// stands.
  unsigned getTensor(const OpAsmParser::UnresolvedOperand &tensor,
                     SmallVector<AffineExpr> coordinates) {
    for (auto [i, known] : llvm::enumerate(indexTensors))
      if (known.name == tensor.name && known.number == tensor.number &&
          indexCoordinates[i] == coordinates)
        return i;
    indexTensors.push_back(tensor);
    indexCoordinates.push_back(std::move(coordinates));
    return indexTensors.size() - 1;
  }

  OpAsmParser &parser;
};
} // namespace

/// Prints one coordinate; dimensions are variables, symbols index tensors.
static void printCoordinate(OpAsmPrinter &printer, EinsumOp op, AffineExpr expr,
                            unsigned precedence);

static void printIndex(OpAsmPrinter &printer, EinsumOp op, AffineMap map) {
  printer << "[";
  llvm::interleaveComma(map.getResults(), printer, [&](AffineExpr expr) {
    printCoordinate(printer, op, expr, 0);
  });
  printer << "]";
}

static void printCoordinate(OpAsmPrinter &printer, EinsumOp op, AffineExpr expr,
                            unsigned precedence) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    printer << op.getVariable(dim.getPosition());
    return;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    unsigned index = symbol.getPosition();
    printer << op.getIndices()[index];
    printIndex(printer, op, op.getIndexMap(index));
    return;
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    printer << constant.getValue();
    return;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  bool isSum = binary.getKind() == AffineExprKind::Add;
  unsigned own = isSum ? 1 : 2;
  if (own < precedence)
    printer << "(";
  printCoordinate(printer, op, binary.getLHS(), own);
  auto rhs = binary.getRHS();
  auto constant = dyn_cast<AffineConstantExpr>(rhs);
  if (isSum && constant && constant.getValue() < 0) {
    printer << " - " << -constant.getValue();
  } else {
    switch (binary.getKind()) {
    case AffineExprKind::Add:
      printer << " + ";
      break;
    case AffineExprKind::Mul:
      printer << " * ";
      break;
    case AffineExprKind::FloorDiv:
      printer << " floordiv ";
      break;
    case AffineExprKind::Mod:
      printer << " mod ";
      break;
    default:
      printer << " ? "; // Not built by the parser; refused by the verifier.
    }
    printCoordinate(printer, op, rhs, own + 1);
  }
  if (own < precedence)
    printer << ")";
}

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

static ParseResult parseMonoid(OpAsmParser &parser, OperationState &state) {
  if (failed(parser.parseOptionalKeyword("reduce")))
    return success();
  std::string name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeywordOrString(&name))
    return failure();
  auto monoid = parser.getChecked<MonoidAttr>(
      loc, parser.getContext(), parser.getBuilder().getStringAttr(name));
  if (!monoid)
    return failure();
  state.addAttribute("monoid", monoid);
  return success();
}

ParseResult EinsumOp::parse(OpAsmParser &parser, OperationState &state) {
  keepResultNames(parser, state);
  Builder &builder = parser.getBuilder();
  IndexParser index(parser);
  SmallVector<AffineExpr> output;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  SmallVector<SmallVector<AffineExpr>> coordinates;
  SmallVector<int32_t> merges;
  auto parseInput = [&]() -> ParseResult {
    if (index.parseOperand(inputs.emplace_back(), coordinates.emplace_back()))
      return failure();
    merges.push_back(static_cast<int32_t>(
        succeeded(parser.parseOptionalKeyword("absorb"))    ? Merge::Absorb
        : succeeded(parser.parseOptionalKeyword("through")) ? Merge::Through
                                                            : Merge::Derived));
    return success();
  };
  SmallVector<OpAsmParser::UnresolvedOperand, 1> into;
  if (index.parseIndex(output) || parser.parseEqual() ||
      parser.parseCommaSeparatedList(parseInput) || parseMonoid(parser, state))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("into")) &&
      parser.parseOperand(into.emplace_back()))
    return failure();
  if (parser.parseOptionalAttrDict(state.attributes))
    return failure();

  SmallVector<Type> types;
  Type resultType;
  SMLoc typeLoc = parser.getCurrentLocation();
  if (parser.parseColonTypeList(types) || parser.parseArrow() ||
      parser.parseType(resultType))
    return failure();
  state.addTypes(resultType);
  size_t numIndices = index.indexTensors.size();
  if (types.size() != inputs.size() + numIndices + into.size()) {
    InFlightDiagnostic diag = parser.emitError(typeLoc)
                              << "expects a type for each of " << inputs.size()
                              << " operands and " << numIndices
                              << " index tensors";
    if (!into.empty())
      diag << " and what it goes into";
    return diag << ", but got " << types.size();
  }
  ArrayRef<Type> inputTypes = ArrayRef(types).take_front(inputs.size());
  if (parser.resolveOperands(inputs, inputTypes, typeLoc, state.operands) ||
      parser.resolveOperands(index.indexTensors,
                             ArrayRef(types).slice(inputs.size(), numIndices),
                             typeLoc, state.operands) ||
      parser.resolveOperands(into, ArrayRef(types).take_back(into.size()),
                             typeLoc, state.operands))
    return failure();

  Region *where = state.addRegion();
  Region *map = state.addRegion();
  if (succeeded(parser.parseOptionalKeyword("where")) &&
      parser.parseRegion(*where))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("map"))) {
    SmallVector<OpAsmParser::Argument> arguments;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren))
      return failure();
    if (arguments.size() != inputs.size())
      return parser.emitError(loc)
             << "expects a map region of one argument for each of "
             << inputs.size() << " operands, but got " << arguments.size();
    for (auto [argument, type] : llvm::zip(arguments, inputTypes)) {
      auto tensor = dyn_cast<NamedTensorType>(type);
      if (!tensor)
        return parser.emitError(typeLoc)
               << "expects cascade tensors as operands, but got " << type;
      argument.type = tensor.getComputeType();
    }
    if (parser.parseRegion(*map, arguments))
      return failure();
  }

  SmallVector<Attribute> maps;
  auto addMap = [&](ArrayRef<AffineExpr> exprs) {
    maps.push_back(AffineMapAttr::get(
        AffineMap::get(index.variables.size(), index.indexTensors.size(), exprs,
                       parser.getContext())));
  };
  for (auto &exprs : coordinates)
    addMap(exprs);
  for (auto &exprs : index.indexCoordinates)
    addMap(exprs);
  addMap(output);
  state.addAttribute("variables", builder.getStrArrayAttr(index.variables));
  state.addAttribute("indexing_maps", builder.getArrayAttr(maps));
  state.addAttribute("merges", builder.getDenseI32ArrayAttr(merges));
  state.addAttribute(
      "operandSegmentSizes",
      builder.getDenseI32ArrayAttr({static_cast<int32_t>(inputs.size()),
                                    static_cast<int32_t>(numIndices),
                                    static_cast<int32_t>(into.size())}));
  return success();
}

/// The types of the operands, an index tensor having one for each place at
/// which it is read, as the parser has it.
static SmallVector<Type> getTextTypes(EinsumOp op) {
  SmallVector<Type> types(op.getInputs().getTypes());
  llvm::DenseSet<std::pair<Value, AffineMap>> known;
  for (auto [i, index] : llvm::enumerate(op.getIndices()))
    if (known.insert({index, op.getIndexMap(i)}).second)
      types.push_back(index.getType());
  if (op.getInto())
    types.push_back(op.getInto().getType());
  return types;
}

void EinsumOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printIndex(printer, *this, getOutputMap());
  printer << " = ";
  llvm::interleaveComma(llvm::seq<unsigned>(0, getInputs().size()), printer,
                        [&](unsigned i) {
                          printer << getInputs()[i];
                          printIndex(printer, *this, getInputMap(i));
                          auto merge = static_cast<Merge>(getMerges()[i]);
                          if (merge != Merge::Derived)
                            printer << " " << stringifyMerge(merge);
                        });
  if (MonoidAttr monoid = getMonoidAttr())
    printer << " reduce " << monoid.getName().getValue();
  if (Value into = getInto())
    printer << " into " << into;
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"variables", "indexing_maps", "merges",
                                 "monoid", "operandSegmentSizes"});
  printer << " : ";
  llvm::interleaveComma(getTextTypes(*this), printer);
  printer << " -> " << getType();
  auto printClause = [&](StringRef keyword) {
    printer.printNewline();
    printer << keyword << " ";
  };
  printer.increaseIndent();
  if (hasWhere()) {
    printClause("where");
    printer.printRegion(getWhere(), /*printEntryBlockArgs=*/false);
  }
  if (hasMap()) {
    printClause("map");
    printer << "(";
    llvm::interleaveComma(getMap().getArguments(), printer,
                          [&](BlockArgument argument) { printer << argument; });
    printer << ") ";
    printer.printRegion(getMap(), /*printEntryBlockArgs=*/false);
  }
  printer.decreaseIndent();
}
