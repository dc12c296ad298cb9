//===- CascadeFunc.cpp - cascade.func -------------------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::cascade;

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

static DictionaryAttr withName(Builder &builder, DictionaryAttr attrs,
                               StringRef name) {
  NamedAttrList list(attrs);
  list.set(FuncOp::kNameAttr, builder.getStringAttr(name));
  return list.getDictionary(builder.getContext());
}

ParseResult FuncOp::parse(OpAsmParser &parser, OperationState &state) {
  Builder &builder = parser.getBuilder();
  StringAttr symbol;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Type> argumentTypes, resultTypes;
  SmallVector<Attribute> argumentAttrs, resultAttrs;
  if (parser.parseSymbolName(symbol, "sym_name", state.attributes) ||
      parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren,
                               /*allowType=*/true, /*allowAttrs=*/true))
    return failure();
  for (OpAsmParser::Argument &argument : arguments) {
    argumentTypes.push_back(argument.type);
    DictionaryAttr attrs =
        argument.attrs ? argument.attrs : builder.getDictionaryAttr({});
    // The spelling of the SSA name is the argument's name.
    if (!attrs.get(kNameAttr))
      attrs = withName(builder, attrs, argument.ssaName.name.drop_front());
    argumentAttrs.push_back(attrs);
    argument.attrs = {};
  }
  auto parseResult = [&]() -> ParseResult {
    StringRef name;
    Type type;
    NamedAttrList attrs;
    if (parser.parseKeyword(&name) || parser.parseColonType(type) ||
        parser.parseOptionalAttrDict(attrs))
      return failure();
    resultTypes.push_back(type);
    resultAttrs.push_back(
        withName(builder, attrs.getDictionary(builder.getContext()), name));
    return success();
  };
  if (succeeded(parser.parseOptionalArrow()) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseResult))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  state.addAttribute("function_type", TypeAttr::get(builder.getFunctionType(
                                          argumentTypes, resultTypes)));
  state.addAttribute("arg_attrs", builder.getArrayAttr(argumentAttrs));
  state.addAttribute("res_attrs", builder.getArrayAttr(resultAttrs));
  Region *body = state.addRegion();
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty())
    return parser.emitError(loc, "expects a body that ends in cascade.return");
  return success();
}

/// The attributes of one argument or result out of `all`, which may be absent.
static ArrayRef<NamedAttribute> attributesAt(ArrayAttr all, unsigned index) {
  if (!all || index >= all.size())
    return {};
  return cast<DictionaryAttr>(all[index]).getValue();
}

void FuncOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printer.printSymbolName(getSymName());
  printer << "(";
  llvm::interleaveComma(
      getBody().getArguments(), printer, [&](BlockArgument argument) {
        printer << argument << ": " << argument.getType();
        printer.printOptionalAttrDict(
            attributesAt(getArgAttrsAttr(), argument.getArgNumber()),
            {kNameAttr});
      });
  printer << ")";
  if (!getResultTypes().empty()) {
    printer << " -> (";
    llvm::interleaveComma(
        llvm::seq<unsigned>(0, getNumResults()), printer, [&](unsigned i) {
          printer << getResultName(i) << ": " << getResultTypes()[i];
          printer.printOptionalAttrDict(attributesAt(getResAttrsAttr(), i),
                                        {kNameAttr});
        });
    printer << ")";
  }
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {"sym_name", "function_type", "arg_attrs", "res_attrs"});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

void FuncOp::getAsmBlockArgumentNames(Region &region,
                                      OpAsmSetValueNameFn setName) {
  if (!getArgAttrsAttr() ||
      getArgAttrsAttr().size() != region.getNumArguments())
    return;
  for (BlockArgument argument : region.getArguments())
    if (auto name =
            getArgAttrOfType<StringAttr>(argument.getArgNumber(), kNameAttr))
      setName(argument, name);
}

//===----------------------------------------------------------------------===//
// Accessors
//===----------------------------------------------------------------------===//

StringRef FuncOp::getArgumentName(unsigned index) {
  return getArgAttrOfType<StringAttr>(index, kNameAttr).getValue();
}

StringRef FuncOp::getResultName(unsigned index) {
  return getResultAttrOfType<StringAttr>(index, kNameAttr).getValue();
}

bool FuncOp::readsByteElements() {
  return llvm::any_of(getArgumentTypes(), [](Type type) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    return tensor && tensor.hasByteElements();
  });
}

/// The integer that argument `index` of `func` has as attribute `name`.
static std::optional<int64_t> getInteger(FuncOp func, unsigned index,
                                         StringRef name) {
  auto value = func.getArgAttrOfType<IntegerAttr>(index, name);
  return value ? std::optional(value.getValue().getSExtValue()) : std::nullopt;
}

std::optional<int64_t> FuncOp::getArgumentMin(unsigned index) {
  return getInteger(*this, index, kMinAttr);
}

std::optional<int64_t> FuncOp::getArgumentMax(unsigned index) {
  return getInteger(*this, index, kMaxAttr);
}

AffineMap FuncOp::getArgumentFill(unsigned index) {
  auto map = getArgAttrOfType<AffineMapAttr>(index, kFillAttr);
  return map ? map.getValue() : AffineMap();
}

std::optional<unsigned> FuncOp::getUpdatedArgument(unsigned index) {
  for (unsigned i = 0, e = getNumArguments(); i < e; ++i)
    if (getArgumentName(i) == getResultName(index))
      return i;
  return std::nullopt;
}

DictionaryAttr FuncOp::getResultDescription(unsigned index) {
  std::optional<unsigned> updated = getUpdatedArgument(index);
  return updated ? getArgAttrDict(*updated) : getResultAttrDict(index);
}

RankOp FuncOp::getRankDeclaration(StringRef name) {
  for (RankOp rank : getBody().getOps<RankOp>())
    if (rank.getName() == name)
      return rank;
  return {};
}

std::optional<int64_t> FuncOp::getStaticExtent(StringRef name) {
  RankOp rank = getRankDeclaration(name);
  return rank ? rank.getExtent() : std::nullopt;
}

bool FuncOp::isWhole(StringRef rank) {
  std::optional<int64_t> extent = getStaticExtent(rank);
  return extent && *extent <= kMaxWhole && !getLayout(rank);
}

LayoutAttr FuncOp::getLayout(StringRef rank) {
  auto layouts = (*this)->getAttrOfType<DictionaryAttr>(kLayoutsAttr);
  return layouts ? layouts.getAs<LayoutAttr>(rank) : LayoutAttr();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

// func_c7, func_c10, func_c11, func_c16
LogicalResult FuncOp::verifyBounds(unsigned argument) {
  std::string name = getArgumentName(argument).str();
  Type type = getArgumentTypes()[argument];
  for (StringRef attribute : {kMinAttr, kMaxAttr}) {
    Attribute bound = getArgAttr(argument, attribute);
    if (!bound)
      continue;
    auto value = dyn_cast<IntegerAttr>(bound);
    if (!value || !value.getValue().isSignedIntN(64))
      return emitOpError("expects an integer of 64 bits as '")
             << attribute << "' of argument '" << name << "', but got "
             << bound;
    if (!isa<IndexType, IntegerType>(type))
      return emitOpError("expects '")
             << attribute << "' on integer scalars, but argument '" << name
             << "' has type " << type;
  }
  if (getArgAttr(argument, kPositiveAttr) && !isa<FloatType>(type))
    return emitOpError("expects 'cascade.positive' on float scalars, but "
                       "argument '")
           << name << "' has type " << type;
  // func_c11, func_c16
  auto table = dyn_cast<NamedTensorType>(type);
  for (StringRef attribute : {kRisingAttr, kDistinctAttr})
    if (getArgAttr(argument, attribute) &&
        (!table || !isa<IntegerType, IndexType>(table.getElementType())))
      return emitOpError("expects '")
             << attribute << "' on tensors of integers, but argument '" << name
             << "' has type " << type;
  std::optional<int64_t> least = getArgumentMin(argument);
  std::optional<int64_t> greatest = getArgumentMax(argument);
  if (least && greatest && *least > *greatest)
    return emitOpError("expects 'cascade.min' to be at most 'cascade.max', but "
                       "argument '")
           << name << "' has " << *least << " and " << *greatest;
  auto value = getArgAttrOfType<IntegerAttr>(argument, "cascade.default");
  if (!value || !value.getValue().isSignedIntN(64))
    return success();
  int64_t number = value.getValue().getSExtValue();
  if (number < least.value_or(number) || number > greatest.value_or(number))
    return emitOpError("expects a default inside of its bounds, but argument '")
           << name << "' has " << number;
  return success();
}

// func_c8
LogicalResult FuncOp::verifyFill(unsigned argument) {
  Attribute attribute = getArgAttr(argument, kFillAttr);
  if (!attribute)
    return success();
  std::string name = getArgumentName(argument).str();
  Type type = getArgumentTypes()[argument];
  auto tensor = dyn_cast<NamedTensorType>(type);
  if (!tensor || !isa<IntegerType, IndexType>(tensor.getElementType()))
    return emitOpError("expects '")
           << kFillAttr << "' on tensors of integers, but argument '" << name
           << "' has type " << type;
  unsigned ranks = tensor.getRanks().size();
  auto fill = dyn_cast<AffineMapAttr>(attribute);
  AffineMap map = fill ? fill.getValue() : AffineMap();
  if (!map || map.getNumDims() != ranks || map.getNumSymbols() > ranks ||
      map.getNumResults() != 1)
    return emitOpError("expects an affine map of ")
           << ranks
           << " dimensions, at most as many symbols and one result as '"
           << kFillAttr << "' of argument '" << name << "', but got "
           << attribute;
  return success();
}

// func_c9
LogicalResult FuncOp::verifyExtents() {
  Attribute attribute = (*this)->getAttr(kExtentsAttr);
  if (!attribute)
    return success();
  auto extents = dyn_cast<DictionaryAttr>(attribute);
  if (!extents)
    return emitOpError("expects a dictionary as '")
           << kExtentsAttr << "', but got " << attribute;
  for (NamedAttribute entry : extents) {
    auto extent = dyn_cast<IntegerAttr>(entry.getValue());
    if (!extent || extent.getValue().isNegative() ||
        !extent.getValue().isSignedIntN(64))
      return emitOpError("expects integers of 64 bits and at least 0 in '")
             << kExtentsAttr << "', but got " << entry.getValue()
             << " for rank '" << entry.getName().getValue() << "'";
    auto has = [&](Type type) {
      auto tensor = dyn_cast<NamedTensorType>(type);
      return tensor && tensor.getRankPosition(entry.getName());
    };
    if (llvm::none_of(getArgumentTypes(), has) &&
        llvm::none_of(getResultTypes(), has))
      return emitOpError("expects ranks of arguments and results in '")
             << kExtentsAttr << "', but got '" << entry.getName().getValue()
             << "'";
  }
  return success();
}

// func_c12
LogicalResult FuncOp::verifyLayouts() {
  Attribute attribute = (*this)->getAttr(kLayoutsAttr);
  if (!attribute)
    return success();
  auto layouts = dyn_cast<DictionaryAttr>(attribute);
  if (!layouts)
    return emitOpError("expects a dictionary as '")
           << kLayoutsAttr << "', but got " << attribute;
  for (NamedAttribute entry : layouts) {
    auto layout = dyn_cast<LayoutAttr>(entry.getValue());
    if (!layout)
      return emitOpError("expects layouts in '")
             << kLayoutsAttr << "', but got " << entry.getValue()
             << " for rank '" << entry.getName().getValue() << "'";
    std::optional<int64_t> extent = getStaticExtent(entry.getName());
    if (extent != int64_t(llvm::product_of(layout.getExtents(), uint64_t(1))))
      return emitOpError("expects rank '")
             << entry.getName().getValue()
             << "' to have a static extent, the points of " << layout;
  }
  return success();
}

PagesAttr FuncOp::getPages(unsigned index) {
  return getArgAttrOfType<PagesAttr>(index, kPagesAttr);
}

// func_c13
LogicalResult FuncOp::verifyPages() {
  llvm::StringMap<std::pair<unsigned, PagesAttr>> tables;
  for (unsigned i = 0, e = getNumArguments(); i < e; ++i) {
    Attribute attribute = getArgAttr(i, kPagesAttr);
    if (!attribute)
      continue;
    auto fail = [&] {
      return emitOpError("expects '") << kPagesAttr << "' of argument '"
                                      << getArgumentName(i) << "' to ";
    };
    auto pages = dyn_cast<PagesAttr>(attribute);
    auto tensor = dyn_cast<NamedTensorType>(getArgumentTypes()[i]);
    if (!pages || !tensor)
      return fail() << "be pages of a tensor, but got " << attribute << " and "
                    << getArgumentTypes()[i];
    PackingAttr packing = getArgumentPacking(i);
    auto hasRank = [&](Attribute rank) {
      return packing
                 ? llvm::is_contained(packing.getRanks(), rank)
                 : tensor.getRankPosition(cast<StringAttr>(rank)).has_value();
    };
    llvm::SetVector<Attribute> own;
    own.insert(pages.getRank());
    for (Attribute rank : pages.getBy())
      if (!own.insert(rank))
        return fail() << "name ranks once, but got " << pages;
    for (Attribute rank : own)
      if (!hasRank(rank))
        return fail() << "name ranks of " << tensor << ", but got " << rank;
    auto isOwn = [&](StringRef name) {
      return llvm::is_contained(pages.getArguments(), name);
    };
    // Lengths may be an argument that regions read, too.
    auto areLengths = [&](unsigned j) {
      auto type = dyn_cast<NamedTensorType>(getArgumentTypes()[j]);
      return getArgumentName(j) == pages.getLengths() && type &&
             type.getElementType().isInteger(32) &&
             llvm::equal(type.getRanks(),
                         pages.getBy().getAsRange<StringAttr>());
    };
    bool isTaken = false;
    for (unsigned j = 0; j < e; ++j)
      isTaken |= isOwn(getArgumentName(j)) && !areLengths(j);
    for (unsigned j = 0, n = getNumResults(); j < n; ++j)
      isTaken |= isOwn(getResultName(j));
    if (isTaken)
      return fail() << "have a table and lengths of names that no argument and "
                       "no result has, or an argument of lengths (i32) of "
                    << pages.getBy() << ", but got " << pages;
    for (StringAttr name : pages.getArguments()) {
      auto [known, isNew] = tables.try_emplace(name.getValue(), i, pages);
      if (!isNew && known->second.second != pages)
        return fail() << "be those of '" << getArgumentName(known->second.first)
                      << "', with which it shares '" << name.getValue()
                      << "', but got " << pages << " and "
                      << known->second.second;
    }
  }
  return success();
}

PackingAttr FuncOp::getArgumentPacking(unsigned index) {
  return getArgAttrOfType<PackingAttr>(index, kPackingAttr);
}

PackingAttr FuncOp::getResultPacking(unsigned index) {
  return getResultAttrOfType<PackingAttr>(index, kPackingAttr);
}

PackingAttr FuncOp::getPacking(StringRef rank) {
  for (unsigned i = 0, e = getNumArguments(); i < e; ++i)
    if (PackingAttr packing = getArgumentPacking(i);
        packing && packing.getRank() == rank)
      return packing;
  for (unsigned i = 0, e = getNumResults(); i < e; ++i)
    if (PackingAttr packing = getResultPacking(i);
        packing && packing.getRank() == rank)
      return packing;
  return {};
}

// func_c14
LogicalResult FuncOp::verifyPackings() {
  SmallVector<PackingAttr> known;
  auto check = [&](StringRef name, Type type, Attribute attribute,
                   PagesAttr pages) -> LogicalResult {
    if (!attribute)
      return success();
    auto fail = [&] {
      return emitOpError("expects '")
             << kPackingAttr << "' of '" << name << "' to ";
    };
    auto packing = dyn_cast<PackingAttr>(attribute);
    auto tensor = dyn_cast<NamedTensorType>(type);
    if (!packing || !tensor)
      return fail() << "be a packing of a tensor, but got " << attribute
                    << " of " << type;
    if (pages &&
        (pages.getRank() != packing.getInner() ||
         pages.getBy().getValue() != ArrayRef<Attribute>(packing.getOuter())))
      return fail()
             << "have the ranks of its pages, the one in another, but got "
             << packing << " and " << pages;
    auto isPart = [&](Attribute rank) {
      return rank == packing.getInner() || rank == packing.getOuter();
    };
    SmallVector<Attribute> own, callers;
    for (StringAttr rank : tensor.getRanks())
      if (rank != packing.getRank())
        own.push_back(rank);
    llvm::copy_if(packing.getRanks(), std::back_inserter(callers),
                  [&](Attribute rank) { return !isPart(rank); });
    if (own != callers || own.size() == tensor.getRanks().size())
      return fail() << "have the ranks of " << tensor << ", "
                    << packing.getInner() << " and " << packing.getOuter()
                    << " for " << packing.getRank() << ", but got "
                    << packing.getRanks();
    for (PackingAttr other : known)
      if (!other.agreesWith(packing))
        return fail() << "agree with another one of " << packing.getRank()
                      << ", but got " << packing << " and " << other;
    known.push_back(packing);
    return success();
  };
  for (unsigned i = 0, e = getNumArguments(); i < e; ++i)
    if (failed(check(getArgumentName(i), getArgumentTypes()[i],
                     getArgAttr(i, kPackingAttr), getPages(i))))
      return failure();
  for (unsigned i = 0, e = getNumResults(); i < e; ++i)
    if (failed(check(getResultName(i), getResultTypes()[i],
                     getResultAttr(i, kPackingAttr), PagesAttr())))
      return failure();
  return success();
}

LogicalResult FuncOp::verify() {
  // func_c2
  llvm::StringSet<> arguments, results;
  auto checkName = [&](llvm::StringSet<> &names, StringAttr name,
                       StringRef what, unsigned index) -> LogicalResult {
    if (!name || name.getValue().empty())
      return emitOpError("expects a name (attribute '")
             << kNameAttr << "') for " << what << " #" << index;
    if (!isBareName(name.getValue()))
      return emitOpError("expects a name of letters, digits, '_', '$' and '.' "
                         "that starts with a letter or '_' for ")
             << what << " #" << index << ", but got '" << name.getValue()
             << "'";
    if (!names.insert(name.getValue()).second)
      return emitOpError("expects ")
             << what << "s of different names, but got '" << name.getValue()
             << "' twice";
    return success();
  };
  for (unsigned i = 0, e = getNumArguments(); i < e; ++i)
    if (failed(checkName(arguments, getArgAttrOfType<StringAttr>(i, kNameAttr),
                         "argument", i)))
      return failure();
  for (unsigned i = 0, e = getNumResults(); i < e; ++i)
    if (failed(checkName(results, getResultAttrOfType<StringAttr>(i, kNameAttr),
                         "result", i)))
      return failure();
  // func_c1
  for (auto [i, type] : llvm::enumerate(getArgumentTypes()))
    if (!isa<NamedTensorType>(type) && !type.isIndex() && !type.isInteger(32) &&
        !type.isInteger(64) && !type.isF32())
      return emitOpError("expects arguments that are cascade tensors, index, "
                         "i32, i64 or f32, but argument '")
             << getArgumentName(i) << "' has type " << type;
  for (auto [i, type] : llvm::enumerate(getResultTypes()))
    if (!isa<NamedTensorType>(type))
      return emitOpError(
                 "expects results that are cascade tensors, but result '")
             << getResultName(i) << "' has type " << type;
  for (unsigned i = 0, e = getNumArguments(); i < e; ++i)
    if (failed(verifyBounds(i)) || failed(verifyFill(i)))
      return failure();
  return failure(failed(verifyExtents()) || failed(verifyLayouts()) ||
                 failed(verifyPages()) || failed(verifyPackings()));
}

// func_c15
LogicalResult FuncOp::verifyUpdates() {
  Operation *terminator = getBody().front().getTerminator();
  for (unsigned i = 0, e = getNumResults(); i < e; ++i) {
    std::optional<unsigned> argument = getUpdatedArgument(i);
    if (!argument)
      continue;
    auto einsum = terminator->getOperand(i).getDefiningOp<EinsumOp>();
    if (einsum && einsum.getInto() == getArgument(*argument))
      continue;
    return terminator->emitOpError("expects result '")
           << getResultName(i)
           << "' to be an Einsum into the argument of this name; give it a "
              "name "
              "of its own, or say 'into %"
           << getResultName(i) << "'";
  }
  return success();
}

LogicalResult FuncOp::verifyRegions() {
  // func_c5
  auto terminator = dyn_cast<ReturnOp>(getBody().front().getTerminator());
  if (!terminator)
    return emitOpError("expects its body to end in cascade.return");
  if (TypeRange(terminator.getOperandTypes()) != TypeRange(getResultTypes()))
    return terminator.emitOpError("expects values of types (")
           << getResultTypes()
           << ") as the function's signature says, but got ("
           << terminator.getOperandTypes() << ")";
  if (failed(verifyUpdates()))
    return failure();
  // func_c3
  llvm::StringMap<Operation *> known;
  for (RankOp rank : getBody().getOps<RankOp>()) {
    auto [it, inserted] = known.try_emplace(rank.getName(), rank);
    if (!inserted) {
      InFlightDiagnostic diag = rank.emitOpError("expects rank '")
                                << rank.getName() << "' to be declared once";
      diag.attachNote(it->second->getLoc()) << "the other declaration is here";
      return diag;
    }
  }
  for (Type type : getArgumentTypes())
    if (auto tensor = dyn_cast<NamedTensorType>(type))
      for (StringAttr rank : tensor.getRanks())
        known.try_emplace(rank, nullptr);
  // func_c4
  auto refuse = [](Operation *op, StringRef rank, const Twine &where) {
    return op->emitOpError("expects known ranks, but got '")
           << rank << "'" << where
           << "; declare it with cascade.rank or check its spelling";
  };
  WalkResult result = getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    // func_c6
    if (op->getNumRegions() != 0 && !isa<EinsumOp, ScanOp>(op)) {
      op->emitOpError("expects to stand outside a cascade, whose operations "
                      "with regions are cascade.einsum and cascade.scan");
      return WalkResult::interrupt();
    }
    if (auto rank = dyn_cast<RankOp>(op);
        rank && rank.getOf() && !known.contains(*rank.getOf())) {
      refuse(op, *rank.getOf(), "");
      return WalkResult::interrupt();
    }
    if (auto scan = dyn_cast<ScanOp>(op);
        scan && !known.contains(scan.getRank())) {
      refuse(op, scan.getRank(), "");
      return WalkResult::interrupt();
    }
    if (auto split = dyn_cast<SplitOp>(op))
      known.try_emplace(split.getOuter(), op);
    if (auto merge = dyn_cast<MergeOp>(op))
      known.try_emplace(merge.getRank(), op);
    auto check = [&](Type type) {
      if (auto tensor = dyn_cast<NamedTensorType>(type))
        for (StringAttr rank : tensor.getRanks())
          if (!known.contains(rank)) {
            std::string text;
            llvm::raw_string_ostream(text) << " in '" << type << "'";
            refuse(op, rank, text);
            return failure();
          }
      return success();
    };
    for (Type type : op->getResultTypes())
      if (failed(check(type)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
