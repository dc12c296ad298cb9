//===- CascadeRanks.cpp - ranks: declared, cut, joined, selected ----------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::cascade;

//===----------------------------------------------------------------------===//
// cascade.rank, cascade.extent
//===----------------------------------------------------------------------===//

/// Parses a bare name into string attribute `attribute`.
static ParseResult parseName(OpAsmParser &parser, OperationState &state,
                             StringRef attribute) {
  StringRef name;
  if (parser.parseKeyword(&name))
    return failure();
  state.addAttribute(attribute, parser.getBuilder().getStringAttr(name));
  return success();
}

static void addRankKind(OpAsmParser &parser, OperationState &state,
                        RankKind kind) {
  state.addAttribute("kind", RankKindAttr::get(parser.getContext(), kind));
}

ParseResult RankOp::parse(OpAsmParser &parser, OperationState &state) {
  Builder &builder = parser.getBuilder();
  if (parseName(parser, state, "name"))
    return failure();
  if (succeeded(parser.parseOptionalEqual())) {
    int64_t extent;
    if (parser.parseInteger(extent))
      return failure();
    state.addAttribute("extent", builder.getI64IntegerAttr(extent));
  }
  bool ragged = succeeded(parser.parseOptionalKeyword("ragged"));
  bool list = !ragged && succeeded(parser.parseOptionalKeyword("list"));
  if (!ragged && !list)
    return parser.parseOptionalAttrDict(state.attributes);
  addRankKind(parser, state, ragged ? RankKind::Ragged : RankKind::List);
  OpAsmParser::UnresolvedOperand source;
  SmallVector<StringRef> outer;
  Type type;
  auto parseOuter = [&]() {
    return parser.parseKeyword(&outer.emplace_back());
  };
  if (parser.parseOperand(source) ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOuter))
    return failure();
  state.addAttribute("outer", builder.getStrArrayAttr(outer));
  if (list && (parser.parseKeyword("of") || parseName(parser, state, "of")))
    return failure();
  return failure(parser.parseOptionalAttrDict(state.attributes) ||
                 parser.parseColonType(type) ||
                 parser.resolveOperand(source, type, state.operands));
}

void RankOp::print(OpAsmPrinter &printer) {
  printer << " " << getName();
  if (auto extent = getExtent())
    printer << " = " << *extent;
  if (getSource()) {
    printer << " " << stringifyRankKind(getKind()) << " " << getSource() << "[";
    llvm::interleaveComma(getOuter().getAsValueRange<StringAttr>(), printer,
                          [&](StringRef name) { printer << name; });
    printer << "]";
    if (getOf())
      printer << " of " << *getOf();
  }
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"name", "extent", "kind", "outer", "of"});
  if (getSource())
    printer << " : " << getSource().getType();
}

LogicalResult RankOp::verify() {
  // rank_c4
  for (StringRef name : {getName(), getOf().value_or("of")})
    if (!isBareName(name))
      return emitOpError("expects a rank's name of letters, digits, '_', '$' "
                         "and '.' that starts with a letter or '_', but got '")
             << name << "'";
  // rank_c1
  if (IntegerAttr extent = getExtentAttr(); extent && extent.getInt() < 1)
    return emitOpError("expects an extent of 1 at least for rank '")
           << getName() << "', but got " << extent.getInt();
  bool dense = getKind() == RankKind::Dense;
  if (getExtent() && !dense)
    return emitOpError("expects a static extent for dense ranks only, but rank "
                       "'")
           << getName() << "' is " << stringifyRankKind(getKind());
  if (dense != !getSource())
    return emitOpError("expects an index tensor for a ragged or list rank and "
                       "none for a dense one, but rank '")
           << getName() << "' is " << stringifyRankKind(getKind());
  // rank_c3
  if ((getKind() == RankKind::List) != getOf().has_value())
    return emitOpError("expects 'of' and a rank for a list rank and for no "
                       "other, but rank '")
           << getName() << "' is " << stringifyRankKind(getKind());
  if (getOf() == getName())
    return emitOpError("expects a list of coordinates of another rank, but "
                       "rank '")
           << getName() << "' lists itself";
  // rank_c2
  if (dense) {
    if (!getOuter().empty())
      return emitOpError("expects no outer ranks of a dense rank, but '")
             << getName() << "' has " << getOuter();
    return success();
  }
  auto type = cast<NamedTensorType>(getSource().getType());
  if (!isa<IntegerType, IndexType>(type.getElementType()))
    return emitOpError("expects a tensor of integers, but got ") << type;
  ArrayRef<StringAttr> ranks = type.getRanks();
  if (getKind() == RankKind::List) {
    if (ranks.empty())
      return emitOpError("expects a last rank that holds the list, but got ")
             << type;
    ranks = ranks.drop_back();
  }
  auto outer = getOuter().getAsRange<StringAttr>();
  if (!llvm::equal(ranks, outer))
    return emitOpError("expects the outer ranks of rank '")
           << getName() << "' to be those of " << type << ", but got "
           << getOuter();
  return success();
}

ParseResult ExtentOp::parse(OpAsmParser &parser, OperationState &state) {
  state.addTypes(parser.getBuilder().getIndexType());
  return failure(parseName(parser, state, "rank") ||
                 parser.parseOptionalAttrDict(state.attributes));
}

void ExtentOp::print(OpAsmPrinter &printer) {
  printer << " " << getRank();
  printer.printOptionalAttrDict((*this)->getAttrs(), {"rank"});
}

/// True if a type in `func`'s arguments or a declaration names `rank`, an
/// operation makes it, or the caller has it in the place of a packed one.
static bool isKnownRank(FuncOp func, StringRef rank) {
  if (func.getRankDeclaration(rank))
    return true;
  auto isPart = [&](PackingAttr packing) {
    return packing &&
           (packing.getInner() == rank || packing.getOuter() == rank);
  };
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    if (isPart(func.getArgumentPacking(i)))
      return true;
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
    if (isPart(func.getResultPacking(i)))
      return true;
  for (Type type : func.getArgumentTypes())
    if (auto tensor = dyn_cast<NamedTensorType>(type);
        tensor && tensor.getRankPosition(rank))
      return true;
  return func.getBody()
      .walk([&](Operation *op) {
        for (Type type : op->getResultTypes())
          if (auto tensor = dyn_cast<NamedTensorType>(type);
              tensor && tensor.getRankPosition(rank))
            return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult ExtentOp::verify() {
  auto func = (*this)->getParentOfType<FuncOp>();
  if (!func)
    return emitOpError("expects to stand in a cascade.func");
  if (!isKnownRank(func, getRank()))
    return emitOpError("expects a known rank, but got '") << getRank() << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// cascade.split, cascade.merge, cascade.select
//===----------------------------------------------------------------------===//

/// Parses `names` as attributes, separated by commas.
static ParseResult parseNames(OpAsmParser &parser, OperationState &state,
                              ArrayRef<StringRef> names) {
  for (auto [i, name] : llvm::enumerate(names))
    if ((i > 0 && parser.parseComma()) || parseName(parser, state, name))
      return failure();
  return success();
}

/// `%source FROM into INTO attr-dict : type -> type`.
static ParseResult parseRelabelling(OpAsmParser &parser, OperationState &state,
                                    ArrayRef<StringRef> from,
                                    ArrayRef<StringRef> into) {
  keepResultNames(parser, state);
  OpAsmParser::UnresolvedOperand source;
  Type sourceType, resultType;
  if (parser.parseOperand(source) || parseNames(parser, state, from) ||
      parser.parseKeyword("into") || parseNames(parser, state, into) ||
      parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonType(sourceType) || parser.parseArrow() ||
      parser.parseType(resultType) ||
      parser.resolveOperand(source, sourceType, state.operands))
    return failure();
  state.addTypes(resultType);
  return success();
}

static void printRelabelling(OpAsmPrinter &printer, Operation *op,
                             ArrayRef<StringRef> from,
                             ArrayRef<StringRef> into) {
  auto printNames = [&](ArrayRef<StringRef> names) {
    llvm::interleaveComma(names, printer, [&](StringRef name) {
      printer << op->getAttrOfType<StringAttr>(name).getValue();
    });
  };
  printer << " " << op->getOperand(0) << " ";
  printNames(from);
  printer << " into ";
  printNames(into);
  SmallVector<StringRef> names(from);
  llvm::append_range(names, into);
  printer.printOptionalAttrDict(op->getAttrs(), names);
  printer << " : " << op->getOperand(0).getType() << " -> "
          << op->getResult(0).getType();
}

ParseResult SplitOp::parse(OpAsmParser &parser, OperationState &state) {
  return parseRelabelling(parser, state, {"rank"}, {"outer", "inner"});
}

void SplitOp::print(OpAsmPrinter &printer) {
  printRelabelling(printer, *this, {"rank"}, {"outer", "inner"});
}

/// `ranks` with `from` at `position` replaced by `to`.
static SmallVector<StringAttr> replaceRanks(ArrayRef<StringAttr> ranks,
                                            unsigned position, unsigned count,
                                            ArrayRef<StringAttr> to) {
  SmallVector<StringAttr> result(ranks.take_front(position));
  result.append(to.begin(), to.end());
  result.append(ranks.begin() + position + count, ranks.end());
  return result;
}

/// Checks that `result` is `source` with other ranks.
static LogicalResult verifyRelabelled(Operation *op, NamedTensorType source,
                                      Type result, ArrayRef<StringAttr> ranks) {
  NamedTensorType expected = source.withRanks(ranks);
  if (result != expected)
    return op->emitOpError("expects a result of type ")
           << expected << ", but got " << result;
  return success();
}

LogicalResult SplitOp::verify() {
  auto source = cast<NamedTensorType>(getSource().getType());
  std::optional<unsigned> position = source.getRankPosition(getRank());
  // split_c1
  if (!position)
    return emitOpError("expects a source with rank '")
           << getRank() << "', but got " << source;
  if (getOuter() == getInner() || source.getRankPosition(getOuter()) ||
      source.getRankPosition(getInner()))
    return emitOpError("expects two new names for the parts of rank '")
           << getRank() << "', but got '" << getOuter() << "' and '"
           << getInner() << "'";
  if (failed(verifyRelabelled(*this, source, getType(),
                              replaceRanks(source.getRanks(), *position, 1,
                                           {getOuterAttr(), getInnerAttr()}))))
    return failure();
  // split_c2
  auto func = (*this)->getParentOfType<FuncOp>();
  if (!func || !func.getStaticExtent(getInner()))
    return emitOpError("expects the inner rank to be declared with an extent; "
                       "add 'cascade.rank ")
           << getInner() << " = ...'";
  return success();
}

ParseResult MergeOp::parse(OpAsmParser &parser, OperationState &state) {
  return parseRelabelling(parser, state, {"outer", "inner"}, {"rank"});
}

void MergeOp::print(OpAsmPrinter &printer) {
  printRelabelling(printer, *this, {"outer", "inner"}, {"rank"});
}

LogicalResult MergeOp::verify() {
  auto source = cast<NamedTensorType>(getSource().getType());
  std::optional<unsigned> outer = source.getRankPosition(getOuter());
  std::optional<unsigned> inner = source.getRankPosition(getInner());
  // merge_c1
  if (!outer || !inner || *inner != *outer + 1)
    return emitOpError("expects a source with rank '")
           << getInner() << "' right after rank '" << getOuter()
           << "', but got " << source;
  if (source.getRankPosition(getRank()))
    return emitOpError("expects a new name for the joint rank, but got '")
           << getRank() << "', which is a rank of " << source;
  return verifyRelabelled(
      *this, source, getType(),
      replaceRanks(source.getRanks(), *outer, 2, {getRankAttr()}));
}

ParseResult SelectOp::parse(OpAsmParser &parser, OperationState &state) {
  return parseRelabelling(parser, state, {"rank"}, {"list"});
}

void SelectOp::print(OpAsmPrinter &printer) {
  printRelabelling(printer, *this, {"rank"}, {"list"});
}

LogicalResult SelectOp::verify() {
  auto source = cast<NamedTensorType>(getSource().getType());
  auto result = cast<NamedTensorType>(getType());
  std::optional<unsigned> position = source.getRankPosition(getRank());
  // select_c1
  if (!position)
    return emitOpError("expects a source with rank '")
           << getRank() << "', but got " << source;
  SmallVector<StringAttr> ranks =
      replaceRanks(source.getRanks(), *position, 1, {getListAttr()});
  // select_c3
  if (!llvm::equal(result.getRanks(), ranks) ||
      !isa<IntegerType>(result.getElementType()) ||
      getNumericValue(result.getEmpty()) != -1)
    return emitOpError(
               "expects a result of integers with empty = -1 and rank '")
           << getList() << "' in the place of '" << getRank() << "', but got "
           << result;
  // select_c2
  auto func = (*this)->getParentOfType<FuncOp>();
  if (!func || !func.getStaticExtent(getList()))
    return emitOpError("expects the list rank to be declared with an extent; "
                       "add 'cascade.rank ")
           << getList() << " = ...'";
  return success();
}
