//===- CascadeEinsum.cpp - cascade.einsum ---------------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringExtras.h"

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
    result = getAffineSymbolExpr(indexTensors.size(), context);
    indexTensors.push_back(tensor);
    indexCoordinates.push_back(std::move(coordinates));
    return success();
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
  if (index.parseIndex(output) || parser.parseEqual() ||
      parser.parseCommaSeparatedList(parseInput) ||
      parseMonoid(parser, state) ||
      parser.parseOptionalAttrDict(state.attributes))
    return failure();

  SmallVector<Type> types;
  Type resultType;
  SMLoc typeLoc = parser.getCurrentLocation();
  if (parser.parseColonTypeList(types) || parser.parseArrow() ||
      parser.parseType(resultType))
    return failure();
  state.addTypes(resultType);
  size_t numOperands = inputs.size() + index.indexTensors.size();
  if (types.size() != numOperands)
    return parser.emitError(typeLoc)
           << "expects a type for each of " << inputs.size() << " operands and "
           << index.indexTensors.size() << " index tensors, but got "
           << types.size();
  ArrayRef<Type> inputTypes = ArrayRef(types).take_front(inputs.size());
  if (parser.resolveOperands(inputs, inputTypes, typeLoc, state.operands) ||
      parser.resolveOperands(index.indexTensors,
                             ArrayRef(types).drop_front(inputs.size()), typeLoc,
                             state.operands))
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
  state.addAttribute("operandSegmentSizes",
                     builder.getDenseI32ArrayAttr(
                         {static_cast<int32_t>(inputs.size()),
                          static_cast<int32_t>(index.indexTensors.size())}));
  return success();
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
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"variables", "indexing_maps", "merges",
                                 "monoid", "operandSegmentSizes"});
  printer << " : " << getOperandTypes() << " -> " << getType();
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

//===----------------------------------------------------------------------===//
// Accessors
//===----------------------------------------------------------------------===//

AffineMap EinsumOp::getInputMap(unsigned input) {
  return cast<AffineMapAttr>(getIndexingMaps()[input]).getValue();
}

AffineMap EinsumOp::getIndexMap(unsigned index) {
  return cast<AffineMapAttr>(getIndexingMaps()[getInputs().size() + index])
      .getValue();
}

AffineMap EinsumOp::getOutputMap() {
  return cast<AffineMapAttr>(getIndexingMaps().getValue().back()).getValue();
}

StringRef EinsumOp::getVariable(unsigned i) {
  return cast<StringAttr>(getVariables()[i]).getValue();
}

std::optional<unsigned> EinsumOp::getVariablePosition(StringRef name) {
  for (unsigned i = 0, e = getNumVariables(); i < e; ++i)
    if (getVariable(i) == name)
      return i;
  return std::nullopt;
}

/// Calls `visit` with each bare use of a variable and the rank it stands for,
/// until it fails. `where` says the place of the use.
static LogicalResult forEachBareUse(
    EinsumOp op,
    function_ref<LogicalResult(unsigned variable, StringAttr rank, Twine where)>
        visit) {
  auto visitMap = [&](AffineMap map, NamedTensorType type,
                      Twine where) -> LogicalResult {
    for (auto [expr, rank] : llvm::zip(map.getResults(), type.getRanks()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (failed(visit(dim.getPosition(), rank, where)))
          return failure();
    return success();
  };
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (failed(visitMap(op.getInputMap(i),
                        cast<NamedTensorType>(input.getType()),
                        "operand #" + Twine(i))))
      return failure();
  for (auto [i, index] : llvm::enumerate(op.getIndices()))
    if (failed(visitMap(op.getIndexMap(i),
                        cast<NamedTensorType>(index.getType()),
                        "index tensor #" + Twine(i))))
      return failure();
  return visitMap(op.getOutputMap(), cast<NamedTensorType>(op.getType()),
                  "the output");
}

StringAttr EinsumOp::getVariableRank(unsigned variable) {
  StringAttr found;
  (void)forEachBareUse(*this, [&](unsigned used, StringAttr rank, Twine) {
    if (used == variable && !found)
      found = rank;
    return success();
  });
  return found;
}

bool EinsumOp::isReduced(unsigned variable) {
  return llvm::none_of(getOutputMap().getResults(), [&](AffineExpr expr) {
    return expr.isFunctionOfDim(variable);
  });
}

static SmallVector<Merge> deriveEinsumMerges(EinsumOp op) {
  SmallVector<double> empties;
  for (Value input : op.getInputs())
    empties.push_back(
        *getNumericValue(cast<NamedTensorType>(input.getType()).getEmpty()));
  auto type = cast<NamedTensorType>(op.getType());
  double resultEmpty = *getNumericValue(type.getEmpty());
  // A reduction starts from the identity: that is what "nothing" is to it.
  if (MonoidAttr monoid = op.getMonoidAttr())
    resultEmpty =
        *getNumericValue(monoid.getInfo().identity(type.getComputeType()));
  auto *dialect = cast<CascadeDialect>(op->getDialect());
  return deriveMerges(dialect->getAlgebra(), op.getMap(), empties, resultEmpty);
}

Merge EinsumOp::getMerge(unsigned input) {
  auto said = static_cast<Merge>(getMerges()[input]);
  return said == Merge::Derived ? deriveEinsumMerges(*this)[input] : said;
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static LogicalResult verifyMaps(EinsumOp op) {
  size_t numMaps = op.getNumOperands() + 1;
  if (op.getIndexingMaps().size() != numMaps)
    return op.emitOpError("expects an index expression for each operand and "
                          "the output (")
           << numMaps << "), but got " << op.getIndexingMaps().size();
  if (op.getMerges().size() != op.getInputs().size())
    return op.emitOpError("expects a merge for each of ")
           << op.getInputs().size() << " operands, but got "
           << op.getMerges().size();
  for (int32_t merge : op.getMerges())
    if (!symbolizeMerge(merge))
      return op.emitOpError("expects merges 0 (derived), 1 (absorb) or 2 "
                            "(through), but got ")
             << merge;
  SmallVector<Type> types(op.getOperandTypes());
  types.push_back(op.getType());
  for (size_t i = 0; i < numMaps; ++i) {
    Attribute attr = op.getIndexingMaps()[i];
    Type type = types[i];
    AffineMap map = cast<AffineMapAttr>(attr).getValue();
    if (map.getNumDims() != op.getNumVariables() ||
        map.getNumSymbols() != op.getIndices().size())
      return op.emitOpError("expects indexing map #")
             << i << " over " << op.getNumVariables() << " variables and "
             << op.getIndices().size() << " index tensors, but got "
             << AffineMapAttr::get(map);
    // einsum_c1
    size_t numRanks = cast<NamedTensorType>(type).getRanks().size();
    if (map.getNumResults() != numRanks) {
      InFlightDiagnostic diag = op.emitOpError("expects ");
      if (i + 1 == numMaps)
        diag << "the output";
      else if (i < op.getInputs().size())
        diag << "operand #" << i;
      else
        diag << "index tensor #" << i - op.getInputs().size();
      return diag << " of type " << type << " to have " << numRanks
                  << " coordinates, but got " << map.getNumResults();
    }
    bool bad = false;
    for (AffineExpr expr : map.getResults())
      expr.walk([&](AffineExpr e) {
        bad |= e.getKind() == AffineExprKind::CeilDiv;
        if (auto binary = dyn_cast<AffineBinaryOpExpr>(e);
            binary && binary.getKind() != AffineExprKind::Add) {
          auto rhs = dyn_cast<AffineConstantExpr>(binary.getRHS());
          bad |= !rhs || (binary.getKind() != AffineExprKind::Mul &&
                          rhs.getValue() <= 0);
        }
        // Index tensors are not read to find where to read index tensors.
        bad |= i >= op.getInputs().size() && i + 1 < numMaps &&
               isa<AffineSymbolExpr>(e);
      });
    if (bad)
      return op.emitOpError("expects indexing map #")
             << i
             << " of sums, products with integers, and floordiv and mod by "
                "positive integers, but got "
             << AffineMapAttr::get(map);
  }
  return success();
}

static LogicalResult verifyVariables(EinsumOp op) {
  struct Binding {
    StringAttr rank;
    std::string where;
  };
  SmallVector<std::optional<Binding>> bindings(op.getNumVariables());
  // einsum_c2
  LogicalResult consistent = forEachBareUse(
      op,
      [&](unsigned variable, StringAttr rank, Twine where) -> LogicalResult {
        auto &binding = bindings[variable];
        if (!binding)
          binding = Binding{rank, where.str()};
        else if (binding->rank != rank)
          return op.emitOpError("expects variable '")
                 << op.getVariable(variable)
                 << "' to range over one rank, but got "
                 << binding->rank.getValue() << " (" << binding->where
                 << ") and " << rank.getValue() << " (" << where.str() << ")";
        return success();
      });
  if (failed(consistent))
    return failure();
  for (auto [i, binding] : llvm::enumerate(bindings))
    if (!binding)
      return op.emitOpError("expects variable '")
             << op.getVariable(i)
             << "' to be a whole coordinate somewhere, so that it has a rank; "
                "it stands in larger expressions only";
  return success();
}

LogicalResult EinsumOp::verify() {
  if (getInputs().empty())
    return emitOpError("expects an operand");
  if (failed(verifyMaps(*this)) || failed(verifyVariables(*this)))
    return failure();
  auto type = cast<NamedTensorType>(getType());
  // einsum_c3
  if (!getMonoidAttr()) {
    for (unsigned i = 0, e = getNumVariables(); i < e; ++i)
      if (isReduced(i))
        return emitOpError("expects a reduction, since variable '")
               << getVariable(i) << "' is not in the output index";
    llvm::SmallBitVector seen(getNumVariables());
    for (AffineExpr expr : getOutputMap().getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        return emitOpError("expects a reduction, since the output index is not "
                           "a list of variables and points may collide");
      if (seen.test(dim.getPosition()))
        return emitOpError("expects different variables in the output index, "
                           "but got '")
               << getVariable(dim.getPosition()) << "' twice";
      seen.set(dim.getPosition());
    }
  } else if (!getMonoidAttr().getInfo().identity(type.getComputeType())) {
    // einsum_c6
    return emitOpError("expects a monoid that is defined on ")
           << type.getComputeType() << ", but got '"
           << getMonoidAttr().getName().getValue() << "'";
  }
  // einsum_c8
  for (auto [i, index] : llvm::enumerate(getIndices())) {
    Type element = cast<NamedTensorType>(index.getType()).getElementType();
    if (!isa<IntegerType, IndexType>(element))
      return emitOpError("expects index tensor #")
             << i << " to hold integers, but got " << element;
  }
  return success();
}

/// The region's terminator if it yields one value of `type`.
static LogicalResult verifyYield(EinsumOp op, Region &region, StringRef name,
                                 Type type) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield)
    return op.emitOpError("expects its ")
           << name << " region to end in cascade.yield";
  if (yield.getNumOperands() != 1 || yield.getOperand(0).getType() != type)
    return yield.emitOpError("expects one value of type ")
           << type << " from the " << name << " region, but got ("
           << yield.getOperandTypes() << ")";
  return success();
}

LogicalResult EinsumOp::verifyRegions() {
  auto type = cast<NamedTensorType>(getType());
  // einsum_c5
  if (hasWhere()) {
    if (getWhere().getNumArguments() != 0)
      return emitOpError("expects its where region to have no arguments, but "
                         "got ")
             << getWhere().getNumArguments();
    if (failed(verifyYield(*this, getWhere(), "where",
                           IntegerType::get(getContext(), 1))))
      return failure();
  }
  // einsum_c4
  if (hasMap()) {
    if (getMap().getNumArguments() != getInputs().size())
      return emitOpError("expects its map region to have an argument for each "
                         "of ")
             << getInputs().size() << " operands, but got "
             << getMap().getNumArguments();
    for (auto [i, argument, input] :
         llvm::enumerate(getMap().getArguments(), getInputs())) {
      Type expected = cast<NamedTensorType>(input.getType()).getComputeType();
      if (argument.getType() != expected)
        return emitOpError("expects argument #")
               << i << " of its map region to have type " << expected
               << ", but got " << argument.getType();
    }
    if (failed(verifyYield(*this, getMap(), "map", type.getComputeType())))
      return failure();
    for (Operation &op : getMap().front())
      if (!isa<YieldOp>(op) && op.getNumRegions() != 0)
        return op.emitOpError("expects to stand outside a map region, which is "
                              "straight-line code");
  } else {
    for (auto [i, input] : llvm::enumerate(getInputs())) {
      Type compute = cast<NamedTensorType>(input.getType()).getComputeType();
      if (compute != type.getComputeType())
        return emitOpError("expects a map region, since operand #")
               << i << " is computed in " << compute << " and the result in "
               << type.getComputeType();
    }
  }
  // einsum_c7
  SmallVector<Merge> derived = deriveEinsumMerges(*this);
  for (auto [i, said, merge] : llvm::enumerate(getMerges(), derived))
    if (static_cast<Merge>(said) == Merge::Derived && merge == Merge::Derived)
      return emitOpError("expects 'absorb' or 'through' on operand #")
             << i
             << ", since the map region does not tell what its empty value "
             << cast<NamedTensorType>(getInputs()[i].getType()).getEmpty()
             << " does to the result";
  return success();
}

//===----------------------------------------------------------------------===//
// Operations of the regions
//===----------------------------------------------------------------------===//

ParseResult IndexOp::parse(OpAsmParser &parser, OperationState &state) {
  StringRef name;
  if (parser.parseKeyword(&name) ||
      parser.parseOptionalAttrDict(state.attributes))
    return failure();
  state.addAttribute("variable", parser.getBuilder().getStringAttr(name));
  state.addTypes(parser.getBuilder().getIndexType());
  return success();
}

void IndexOp::print(OpAsmPrinter &printer) {
  printer << " " << getVariable();
  printer.printOptionalAttrDict((*this)->getAttrs(), {"variable"});
}

LogicalResult IndexOp::verify() {
  auto einsum = cast<EinsumOp>((*this)->getParentOp());
  // index_c1
  if (!einsum.getVariablePosition(getVariable())) {
    auto variables = einsum.getVariables().getAsValueRange<StringAttr>();
    return emitOpError("expects one of the variables ")
           << llvm::join(variables, ", ") << ", but got '" << getVariable()
           << "'";
  }
  return success();
}

LogicalResult ReadOp::verify() {
  auto type = cast<NamedTensorType>(getSource().getType());
  // read_c1
  if (getCoordinates().size() != type.getRanks().size())
    return emitOpError("expects ")
           << type.getRanks().size() << " coordinates for " << type
           << ", but got " << getCoordinates().size();
  // read_c2
  if (getType() != type.getComputeType())
    return emitOpError("expects a result of type ")
           << type.getComputeType() << ", but got " << getType();
  // read_c3
  if (!(*this)->getParentOfType<EinsumOp>())
    return emitOpError("expects to stand in a region of cascade.einsum");
  return success();
}
