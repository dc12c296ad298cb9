//===- TileProgram.cpp - tile.program: syntax and checks ------------------===//

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::tile;

void ProgramOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                      TypeRange argumentTypes,
                      ArrayRef<DictionaryAttr> argumentAttrs,
                      ArrayRef<StringRef> spaceRanks,
                      ArrayRef<int64_t> spaceTiles,
                      DictionaryAttr staticExtents, DictionaryAttr layouts) {
  state.addAttribute(getSymNameAttrName(state.name),
                     builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name),
                     TypeAttr::get(builder.getFunctionType(argumentTypes, {})));
  state.addAttribute(getSpaceRanksAttrName(state.name),
                     builder.getStrArrayAttr(spaceRanks));
  state.addAttribute(getSpaceTilesAttrName(state.name),
                     builder.getDenseI64ArrayAttr(spaceTiles));
  if (staticExtents)
    state.addAttribute(getStaticExtentsAttrName(state.name), staticExtents);
  if (layouts)
    state.addAttribute(getLayoutsAttrName(state.name), layouts);
  call_interface_impl::addArgAndResultAttrs(builder, state, argumentAttrs, {},
                                            getArgAttrsAttrName(state.name),
                                            getResAttrsAttrName(state.name));
  Region *body = state.addRegion();
  Block &block = body->emplaceBlock();
  for (Type type : argumentTypes)
    block.addArgument(type, state.location);
  for (size_t i = 0; i < spaceRanks.size(); ++i)
    block.addArgument(builder.getIndexType(), state.location);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&block);
  YieldOp::create(builder, state.location, ValueRange());
  builder.setInsertionPointToStart(&block);
}

ParseResult ProgramOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Type> resultTypes;
  SmallVector<DictionaryAttr> resultAttrs;
  bool isVariadic = false;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name),
                             result.attributes))
    return failure();
  SMLoc signature = parser.getCurrentLocation();
  if (function_interface_impl::parseFunctionSignatureWithArguments(
          parser, /*allowVariadic=*/false, arguments, isVariadic, resultTypes,
          resultAttrs))
    return failure();
  if (!resultTypes.empty())
    return parser.emitError(signature, "expects a program without results, but "
                                       "got ")
           << resultTypes.size();
  SmallVector<Type> argumentTypes;
  for (OpAsmParser::Argument &argument : arguments) {
    if (argument.ssaName.name.empty())
      return parser.emitError(signature, "expects every argument to have a "
                                         "name");
    argumentTypes.push_back(argument.type);
  }
  result.addAttribute(
      getFunctionTypeAttrName(result.name),
      TypeAttr::get(builder.getFunctionType(argumentTypes, {})));
  call_interface_impl::addArgAndResultAttrs(
      builder, result, arguments, resultAttrs, getArgAttrsAttrName(result.name),
      getResAttrsAttrName(result.name));

  SmallVector<Attribute> ranks;
  SmallVector<int64_t> tiles;
  auto parseCoordinate = [&]() -> ParseResult {
    OpAsmParser::Argument &coordinate = arguments.emplace_back();
    std::string rank;
    if (parser.parseArgument(coordinate) || parser.parseEqual() ||
        parser.parseString(&rank) || parser.parseKeyword("by") ||
        parser.parseInteger(tiles.emplace_back()))
      return failure();
    coordinate.type = builder.getIndexType();
    ranks.push_back(builder.getStringAttr(rank));
    return success();
  };
  if (parser.parseKeyword("space") ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren,
                                     parseCoordinate))
    return failure();
  result.addAttribute(getSpaceRanksAttrName(result.name),
                      builder.getArrayAttr(ranks));
  result.addAttribute(getSpaceTilesAttrName(result.name),
                      builder.getDenseI64ArrayAttr(tiles));
  if (succeeded(parser.parseOptionalKeyword("when"))) {
    std::string rank;
    int64_t bound;
    bool below = false;
    if (parser.parseString(&rank))
      return failure();
    if (succeeded(parser.parseOptionalLess()))
      below = true;
    else if (parser.parseGreater() || parser.parseEqual())
      return failure();
    if (parser.parseInteger(bound))
      return failure();
    result.addAttribute(getGuardRankAttrName(result.name),
                        builder.getStringAttr(rank));
    result.addAttribute(getGuardBoundAttrName(result.name),
                        builder.getI64IntegerAttr(bound));
    if (below)
      result.addAttribute(getGuardBelowAttrName(result.name),
                          builder.getUnitAttr());
  }
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  ensureTerminator(*body, builder, result.location);
  return success();
}

void ProgramOp::print(OpAsmPrinter &p) {
  p << ' ';
  p.printSymbolName(getSymName());
  function_interface_impl::printFunctionSignature(p, *this, getArgumentTypes(),
                                                  /*isVariadic=*/false, {});
  p << " space(";
  llvm::interleaveComma(llvm::zip(getCoordinates(),
                                  getSpaceRanks().getAsRange<StringAttr>(),
                                  getSpaceTiles()),
                        p, [&](auto coordinate) {
                          auto [value, rank, tile] = coordinate;
                          p << value << " = " << rank << " by " << tile;
                        });
  p << ')';
  if (getGuardRankAttr())
    p << " when " << getGuardRankAttr() << (getGuardBelow() ? " < " : " >= ")
      << *getGuardBound();
  function_interface_impl::printFunctionAttributes(
      p, *this,
      {getFunctionTypeAttrName(), getSpaceRanksAttrName(),
       getSpaceTilesAttrName(), getArgAttrsAttrName(), getResAttrsAttrName(),
       getGuardRankAttrName(), getGuardBoundAttrName(),
       getGuardBelowAttrName()});
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                /*printBlockTerminators=*/false);
}

std::optional<unsigned> ProgramOp::getExtentArgument(StringRef rank) {
  for (unsigned i = 0, e = getArgumentTypes().size(); i < e; ++i)
    if (auto name = getArgAttrOfType<StringAttr>(i, kExtentAttr))
      if (name.getValue() == rank)
        return i;
  return std::nullopt;
}

std::optional<int64_t> ProgramOp::getStaticExtent(StringRef rank) {
  if (DictionaryAttr extents = getStaticExtentsAttr())
    if (auto extent = extents.getAs<IntegerAttr>(rank))
      return extent.getInt();
  return std::nullopt;
}

LayoutAttr ProgramOp::getLayout(StringRef rank) {
  DictionaryAttr layouts = getLayoutsAttr();
  return layouts ? layouts.getAs<LayoutAttr>(rank) : LayoutAttr();
}

std::optional<int64_t> ProgramOp::getStaticCoordinates(StringRef rank) {
  if (LayoutAttr layout = getLayout(rank))
    return layout.countPositions();
  return getStaticExtent(rank);
}

LogicalResult ProgramOp::verifyType() { return success(); }

LogicalResult ProgramOp::verifyBody() {
  // program_c4
  size_t expected = getArgumentTypes().size() + getSpaceRanks().size();
  if (getBody().getNumArguments() != expected)
    return emitOpError("expects a body of ")
           << expected << " arguments (its own and one a coordinate), but got "
           << getBody().getNumArguments();
  for (auto [argument, type] :
       llvm::zip(getBody().getArguments(), getArgumentTypes()))
    if (argument.getType() != type)
      return emitOpError("expects body argument #")
             << argument.getArgNumber() << " to be of type " << type
             << ", but got " << argument.getType();
  for (BlockArgument coordinate : getCoordinates())
    if (!coordinate.getType().isIndex())
      return emitOpError("expects coordinates of type 'index', but got ")
             << coordinate.getType();
  return success();
}

/// Checks C2 of one memref argument.
static LogicalResult verifyTensor(ProgramOp program, unsigned number,
                                  MemRefType type) {
  auto access = program.getArgAttrOfType<StringAttr>(number, kAccessAttr);
  static constexpr StringLiteral known[] = {"read", "write", "update",
                                            "workspace"};
  if (!access || !llvm::is_contained(known, access.getValue()))
    return program.emitOpError("expects argument #")
           << number
           << " to have tile.access \"read\", \"write\", \"update\" or "
              "\"workspace\", but got "
           << program.getArgAttr(number, kAccessAttr);
  auto shape = program.getArgAttrOfType<ArrayAttr>(number, kShapeAttr);
  if (!shape || static_cast<int64_t>(shape.size()) != type.getRank())
    return program.emitOpError("expects argument #")
           << number << " of type " << type
           << " to have a tile.shape with one entry a dimension, but got "
           << program.getArgAttr(number, kShapeAttr);
  for (Attribute entry : shape) {
    if (auto rank = dyn_cast<StringAttr>(entry)) {
      if (!program.getExtentArgument(rank) && !program.getStaticExtent(rank))
        return program.emitOpError("expects the tile.shape of argument #")
               << number << " to name extents of the program, but got " << rank;
    } else if (!isa<IntegerAttr>(entry)) {
      return program.emitOpError("expects the tile.shape of argument #")
             << number << " to hold names or integers, but got " << entry;
    }
  }
  Attribute most = program.getArgAttr(number, kMostAttr);
  auto bounds = dyn_cast_if_present<DictionaryAttr>(most);
  auto isBound = [&](NamedAttribute entry) {
    auto bound = dyn_cast<IntegerAttr>(entry.getValue());
    return llvm::is_contained(shape, entry.getName()) && bound &&
           bound.getValue().isStrictlyPositive();
  };
  if (most && (!bounds || !llvm::all_of(bounds, isBound)))
    return program.emitOpError("expects the tile.most of argument #")
           << number << " to bound extents of its tile.shape " << shape
           << " by positive integers, but got " << most;
  return success();
}

LogicalResult ProgramOp::verify() {
  llvm::StringSet<> names;
  for (auto [number, type] : llvm::enumerate(getArgumentTypes())) {
    // program_c1
    auto name = getArgAttrOfType<StringAttr>(number, kNameAttr);
    if (!name)
      name = getArgAttrOfType<StringAttr>(number, kExtentAttr);
    if (!name)
      return emitOpError("expects argument #")
             << number << " of type " << type
             << " to have a tile.name or a tile.extent";
    if (!names.insert(name.getValue()).second)
      return emitOpError("expects arguments of distinct names, but got ")
             << name << " twice";
    if (getArgAttr(number, kExtentAttr) && !type.isIndex())
      return emitOpError("expects extent ")
             << name << " to be of type 'index', but got " << type;
    // program_c2
    if (auto memref = dyn_cast<MemRefType>(type)) {
      if (failed(verifyTensor(*this, number, memref)))
        return failure();
    } else if (!type.isIntOrIndexOrFloat()) {
      return emitOpError("expects argument ")
             << name << " to be a memref, an index, an integer or a float, but "
             << "got " << type;
    }
  }
  // program_c5
  if (getGuardRankAttr() &&
      (!getExtentArgument(*getGuardRank()) || getGuardBound().value_or(0) <= 0))
    return emitOpError("expects a guard on an extent of the program by a "
                       "positive bound, but got ")
           << getGuardRankAttr() << " and " << getGuardBoundAttr();
  // program_c6
  if (DictionaryAttr layouts = getLayoutsAttr())
    for (NamedAttribute entry : layouts) {
      auto layout = dyn_cast<LayoutAttr>(entry.getValue());
      std::optional<int64_t> extent = getStaticExtent(entry.getName());
      if (!layout || extent != layout.countPoints())
        return emitOpError("expects a #tile.layout with the points of rank ")
               << entry.getName() << ", whose extent is "
               << (extent ? std::to_string(*extent) : "not static")
               << ", but got " << entry.getValue();
    }
  // program_c3
  if (getSpaceRanks().size() != getSpaceTiles().size())
    return emitOpError("expects one tile a coordinate, but got ")
           << getSpaceTiles().size() << " tiles and " << getSpaceRanks().size()
           << " coordinates";
  for (auto [rank, tile] :
       llvm::zip(getSpaceRanks().getAsRange<StringAttr>(), getSpaceTiles())) {
    if (!getExtentArgument(rank) && !getStaticExtent(rank))
      return emitOpError("expects a coordinate along an extent of the program, "
                         "but got ")
             << rank;
    if (tile <= 0)
      return emitOpError("expects a positive tile of ")
             << rank << ", but got " << tile;
  }
  return success();
}
