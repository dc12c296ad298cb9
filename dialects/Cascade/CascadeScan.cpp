//===- CascadeScan.cpp - cascade.scan -------------------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::cascade;

/// The slice of a tensor of type `whole` along `rank`: `by` takes the rank's
/// place, or the rank is dropped. Types without the rank stay.
static NamedTensorType sliceType(NamedTensorType whole, StringRef rank,
                                 StringAttr by) {
  SmallVector<StringAttr> ranks;
  for (StringAttr name : whole.getRanks()) {
    if (name.getValue() != rank)
      ranks.push_back(name);
    else if (by)
      ranks.push_back(by);
  }
  return whole.withRanks(ranks);
}

NamedTensorType ScanOp::getSliceType(NamedTensorType whole) {
  return sliceType(whole, getRank(), getByAttr());
}

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

/// Parses `keyword (%a, %b : T, U)`; without a keyword the list is optional
/// too.
static ParseResult
parseTypedList(OpAsmParser &parser,
               SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
               SmallVectorImpl<Type> &types) {
  if (parser.parseLParen())
    return failure();
  if (succeeded(parser.parseOptionalRParen()))
    return success();
  return failure(parser.parseOperandList(operands) ||
                 parser.parseColonTypeList(types) || parser.parseRParen());
}

/// Parses `keyword (%a, %b) { ... }` with arguments of `types`.
static ParseResult parseNamedRegion(OpAsmParser &parser, Region &region,
                                    ArrayRef<Type> types, StringRef what) {
  SmallVector<OpAsmParser::Argument> arguments;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren))
    return failure();
  if (arguments.size() != types.size())
    return parser.emitError(loc)
           << "expects " << types.size() << " arguments of the " << what
           << " region, but got " << arguments.size();
  for (auto [argument, type] : llvm::zip(arguments, types)) {
    argument.type = type;
    keepArgumentName(parser, argument);
  }
  return parser.parseRegion(region, arguments);
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &state) {
  keepResultNames(parser, state);
  Builder &builder = parser.getBuilder();
  StringRef rank, by;
  if (parser.parseKeyword(&rank))
    return failure();
  state.addAttribute("rank", builder.getStringAttr(rank));
  StringAttr byAttr;
  if (succeeded(parser.parseOptionalKeyword("by"))) {
    if (parser.parseKeyword(&by))
      return failure();
    byAttr = builder.getStringAttr(by);
    state.addAttribute("by", byAttr);
  }
  if (succeeded(parser.parseOptionalKeyword("descending")))
    state.addAttribute("order", ScanOrderAttr::get(parser.getContext(),
                                                   ScanOrder::Descending));
  SmallVector<OpAsmParser::UnresolvedOperand> inputs, inits;
  SmallVector<Type> inputTypes, initTypes, resultTypes;
  SMLoc loc = parser.getCurrentLocation();
  if (parseTypedList(parser, inputs, inputTypes) ||
      parser.parseKeyword("init") || parseTypedList(parser, inits, initTypes) ||
      parser.parseOptionalAttrDict(state.attributes))
    return failure();
  if (succeeded(parser.parseOptionalArrow()) &&
      parser.parseTypeList(resultTypes))
    return failure();
  if (parser.resolveOperands(inputs, inputTypes, loc, state.operands) ||
      parser.resolveOperands(inits, initTypes, loc, state.operands))
    return failure();
  state.addTypes(resultTypes);
  state.addAttribute(
      "operandSegmentSizes",
      builder.getDenseI32ArrayAttr({static_cast<int32_t>(inputs.size()),
                                    static_cast<int32_t>(inits.size())}));

  SmallVector<Type> stepTypes = {builder.getIndexType()};
  for (Type type : inputTypes) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    if (!tensor)
      return parser.emitError(loc)
             << "expects cascade tensors as inputs, but got " << type;
    // Its slice would have the rank twice.
    if (byAttr && tensor.getRankPosition(by))
      return parser.emitError(loc)
             << "expects inputs without rank '" << by
             << "', which names the tile, but got " << type;
    stepTypes.push_back(sliceType(tensor, rank, byAttr));
  }
  stepTypes.append(initTypes);
  Region *step = state.addRegion();
  Region *merge = state.addRegion();
  if (parser.parseKeyword("step") ||
      parseNamedRegion(parser, *step, stepTypes, "step"))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("merge"))) {
    SmallVector<Type> mergeTypes(initTypes);
    mergeTypes.append(initTypes);
    return parseNamedRegion(parser, *merge, mergeTypes, "merge");
  }
  return success();
}

static void printNamedRegion(OpAsmPrinter &printer, StringRef keyword,
                             Region &region) {
  printer.printNewline();
  printer << keyword << " (";
  llvm::interleaveComma(region.getArguments(), printer,
                        [&](BlockArgument argument) { printer << argument; });
  printer << ") ";
  printer.printRegion(region, /*printEntryBlockArgs=*/false);
}

void ScanOp::print(OpAsmPrinter &printer) {
  printer << " " << getRank();
  if (getBy())
    printer << " by " << *getBy();
  if (getOrder() == ScanOrder::Descending)
    printer << " descending";
  auto printList = [&](ValueRange values) {
    printer << "(";
    if (!values.empty())
      printer << values << " : " << values.getTypes();
    printer << ")";
  };
  printer << " ";
  printList(getInputs());
  printer << " init ";
  printList(getInits());
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"rank", "by", "order", "operandSegmentSizes"});
  if (getNumResults() != 0)
    printer << " -> " << getResultTypes();
  printer.increaseIndent();
  printNamedRegion(printer, "step", getStep());
  if (hasMerge())
    printNamedRegion(printer, "merge", getMerge());
  printer.decreaseIndent();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

LogicalResult ScanOp::verify() {
  // scan_c1
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    auto type = cast<NamedTensorType>(input.getType());
    if (!type.getRankPosition(getRank()))
      return emitOpError("expects input #")
             << i << " to have rank '" << getRank() << "', but got " << type;
    if (getBy() && type.getRankPosition(*getBy()))
      return emitOpError("expects input #")
             << i << " to be without rank '" << *getBy()
             << "', which names the tile, but got " << type;
  }
  if (getBy()) {
    if (*getBy() == getRank())
      return emitOpError("expects another name for the tile of rank '")
             << getRank() << "', but got the rank's own";
    auto func = (*this)->getParentOfType<FuncOp>();
    if (!func || !func.getStaticExtent(*getBy()))
      return emitOpError("expects the tile's rank to be declared with an "
                         "extent; add 'cascade.rank ")
             << *getBy() << " = ...'";
  }
  // scan_c2
  if (getNumResults() < getInits().size())
    return emitOpError("expects a result for each of ")
           << getInits().size() << " carries, but got " << getNumResults()
           << " results";
  for (auto [i, init, result] : llvm::enumerate(getInits(), getResults()))
    if (init.getType() != result.getType())
      return emitOpError("expects result #")
             << i << " to have the type of its carry, " << init.getType()
             << ", but got " << result.getType();
  // scan_c3
  for (Value result : getResults().drop_front(getNumCarries())) {
    auto type = cast<NamedTensorType>(result.getType());
    std::optional<unsigned> position = type.getRankPosition(getRank());
    if (!position || (!getBy() && *position != 0))
      return emitOpError("expects an emitted result with rank '")
             << getRank() << (getBy() ? "'" : "' first") << ", but got "
             << type;
    if (getBy() && type.getRankPosition(*getBy()))
      return emitOpError("expects an emitted result without rank '")
             << *getBy() << "', which names the tile, but got " << type;
  }
  // scan_c4
  if (hasMerge() && getNumEmits() != 0)
    return emitOpError("expects no merge region, since the scan emits ")
           << getNumEmits() << " results in order";
  return success();
}

static LogicalResult verifyScanRegion(ScanOp op, Region &region, StringRef name,
                                      ArrayRef<Type> arguments,
                                      ArrayRef<Type> yields) {
  // scan_c2
  if (TypeRange(region.getArgumentTypes()) != TypeRange(arguments))
    return op.emitOpError("expects arguments (")
           << arguments << ") of its " << name << " region, but got ("
           << region.getArgumentTypes() << ")";
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield)
    return op.emitOpError("expects its ")
           << name << " region to end in cascade.yield";
  if (TypeRange(yield.getOperandTypes()) != TypeRange(yields))
    return yield.emitOpError("expects values of types (")
           << yields << ") from the " << name << " region, but got ("
           << yield.getOperandTypes() << ")";
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  SmallVector<Type> carries(getInits().getTypes());
  SmallVector<Type> arguments = {IndexType::get(getContext())};
  for (Value input : getInputs())
    arguments.push_back(getSliceType(cast<NamedTensorType>(input.getType())));
  arguments.append(carries);
  SmallVector<Type> yields(carries);
  for (Value result : getResults().drop_front(getNumCarries()))
    yields.push_back(getSliceType(cast<NamedTensorType>(result.getType())));
  if (failed(verifyScanRegion(*this, getStep(), "step", arguments, yields)))
    return failure();
  if (!hasMerge())
    return success();
  SmallVector<Type> pairs(carries);
  pairs.append(carries);
  return verifyScanRegion(*this, getMerge(), "merge", pairs, carries);
}
