//===- KernelInterface.cpp - a kernel's parameter words -------------------===//

#include "KernelInterface.h"
#include "attn/Support/ElementType.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static std::string str(StringRef text) { return text.str(); }

/// The expression that `value` writes: an integer, a rank or an array of an
/// operator and its operands. None if it is none of these.
static std::optional<Expr> parseExpr(tile::ProgramOp program, Attribute value) {
  if (auto constant = dyn_cast<IntegerAttr>(value))
    return Expr(constant.getInt());
  if (auto rank = dyn_cast<StringAttr>(value))
    return KernelInterface::getExtent(program, rank);
  auto call = dyn_cast<ArrayAttr>(value);
  auto name = call && !call.empty() ? dyn_cast<StringAttr>(call[0]) : nullptr;
  std::optional<ExprOp> op = name ? parseExprOp(str(name)) : std::nullopt;
  if (!op || call.size() != getNumOperands(*op) + 1)
    return std::nullopt;
  std::vector<Expr> operands;
  for (Attribute operand : call.getValue().drop_front()) {
    std::optional<Expr> parsed = parseExpr(program, operand);
    if (!parsed)
      return std::nullopt;
    operands.push_back(*parsed);
  }
  return Expr::apply(*op, operands);
}

/// The `tile.value` of an extent, or null.
static Attribute getValueAttr(tile::ProgramOp program, StringRef rank) {
  std::optional<unsigned> number = program.getExtentArgument(rank);
  return number ? program.getArgAttr(*number, tile::kValueAttr) : Attribute();
}

Expr KernelInterface::getExtent(tile::ProgramOp program, StringRef rank) {
  if (std::optional<int64_t> extent = program.getStaticExtent(rank))
    return Expr(*extent);
  if (Attribute value = getValueAttr(program, rank))
    if (std::optional<Expr> expr = parseExpr(program, value))
      return *expr;
  return Expr::name(str(rank));
}

FailureOr<KernelInterface> KernelInterface::create(ModuleOp module) {
  KernelInterface interface;
  interface.addWord("workspace", Manifest::Parameter::workspace());
  for (auto program : module.getOps<tile::ProgramOp>()) {
    if (failed(interface.addProgram(program)))
      return failure();
    interface.manifest.phases.push_back(
        {str(program.getSymName()), getItems(program)});
  }
  if (interface.manifest.phases.empty())
    return module.emitError("expects a module with a tile.program");
  interface.manifest.name = module.getSymName()
                                ? str(*module.getSymName())
                                : interface.manifest.phases.front().symbol;
  return interface;
}

unsigned KernelInterface::addWord(StringRef key,
                                  Manifest::Parameter parameter) {
  auto [it, added] = words.try_emplace(key, manifest.parameters.size());
  if (added)
    manifest.parameters.push_back(std::move(parameter));
  return it->second;
}

void KernelInterface::addRank(tile::ProgramOp program, StringRef rank) {
  if (manifest.findRank(str(rank)) || getValueAttr(program, rank))
    return;
  manifest.ranks.push_back({str(rank), program.getStaticExtent(rank)});
}

LogicalResult KernelInterface::addTensor(tile::ProgramOp program,
                                         unsigned argument) {
  auto type = cast<MemRefType>(program.getArgumentTypes()[argument]);
  StringRef name =
      program.getArgAttrOfType<StringAttr>(argument, tile::kNameAttr);
  StringRef access =
      program.getArgAttrOfType<StringAttr>(argument, tile::kAccessAttr);
  auto shape = program.getArgAttrOfType<ArrayAttr>(argument, tile::kShapeAttr);
  std::optional<DType> dtype = getDType(type.getElementType());
  if (!dtype)
    return program.emitOpError("expects tensor '")
           << name << "' of a type that a manifest has, but got "
           << type.getElementType();
  // Programs may read what others write, so the access is not compared.
  Attribute signature = ArrayAttr::get(
      program.getContext(), {TypeAttr::get(type.getElementType()), shape});
  auto [it, added] = known.try_emplace(name, signature);
  if (!added && it->second != signature)
    return program.emitOpError("expects argument '")
           << name << "' to be the same in all programs, but got " << signature
           << " and " << it->second;
  std::vector<Manifest::Extent> extents;
  std::vector<Expr> sizes;
  for (Attribute entry : shape) {
    if (auto rank = dyn_cast<StringAttr>(entry)) {
      addRank(program, rank);
      extents.emplace_back(str(rank));
      sizes.push_back(getExtent(program, rank));
    } else {
      extents.emplace_back(cast<IntegerAttr>(entry).getInt());
      sizes.emplace_back(cast<IntegerAttr>(entry).getInt());
    }
  }
  if (auto most =
          program.getArgAttrOfType<DictionaryAttr>(argument, tile::kMostAttr))
    for (NamedAttribute bound : most)
      if (auto rank = manifest.findRank(str(bound.getName())))
        manifest.ranks[*rank].most =
            cast<IntegerAttr>(bound.getValue()).getInt();
  std::string pointerKey = ("pointer:" + name).str();
  if (access == "workspace") {
    if (!added)
      return success();
    std::vector<Expr> strides(sizes.size());
    Expr stride = 1;
    for (size_t dim = sizes.size(); dim-- > 0;) {
      strides[dim] = stride;
      stride = stride * sizes[dim];
    }
    addWord(pointerKey, Manifest::Parameter::value(manifest.workspaceBytes));
    for (auto [dim, value] : llvm::enumerate(strides))
      addWord(("stride:" + name + ":" + Twine(dim)).str(),
              Manifest::Parameter::value(value));
    manifest.workspaceBytes =
        manifest.workspaceBytes +
        ceilDiv(stride * Expr(getSizeInBytes(*dtype)), Expr(64)) * Expr(64);
    return success();
  }
  using Access = Manifest::Argument::Access;
  Access manifestAccess = access == "write"    ? Access::write
                          : access == "update" ? Access::update
                                               : Access::read;
  if (std::optional<size_t> at = manifest.findArgument(str(name))) {
    if (manifestAccess != Access::read)
      manifest.arguments[*at].access = manifestAccess;
    return success();
  }
  manifest.arguments.push_back(
      Manifest::Argument::tensor(str(name), manifestAccess, *dtype, extents));
  addWord(pointerKey, Manifest::Parameter::pointer(str(name)));
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    addWord(("stride:" + name + ":" + Twine(dim)).str(),
            Manifest::Parameter::stride(str(name), dim));
  return success();
}

LogicalResult KernelInterface::addScalar(tile::ProgramOp program,
                                         unsigned argument) {
  Type type = program.getArgumentTypes()[argument];
  StringRef name =
      program.getArgAttrOfType<StringAttr>(argument, tile::kNameAttr);
  std::optional<DType> dtype = getDType(type);
  if (!dtype)
    return program.emitOpError("expects scalar '")
           << name << "' of a type that a manifest has, but got " << type;
  Attribute signature = TypeAttr::get(type);
  auto [it, added] = known.try_emplace(name, signature);
  if (!added && it->second != signature)
    return program.emitOpError("expects argument '")
           << name << "' to be the same in all programs, but got " << signature
           << " and " << it->second;
  if (!added)
    return success();
  manifest.arguments.push_back(Manifest::Argument::scalar(str(name), *dtype));
  addWord(("scalar:" + name).str(), Manifest::Parameter::scalar(str(name)));
  return success();
}

LogicalResult KernelInterface::addProgram(tile::ProgramOp program) {
  if (program.getLayoutsAttr())
    return program.emitOpError("expects ranks without layouts on this target; "
                               "leave 'view' out of cascade-set-layout");
  for (auto [number, type] : llvm::enumerate(program.getArgumentTypes())) {
    auto rank = program.getArgAttrOfType<StringAttr>(number, tile::kExtentAttr);
    if (Attribute value = program.getArgAttr(number, tile::kValueAttr);
        rank && value) {
      if (!parseExpr(program, value))
        return program.emitOpError("expects tile.value of extent ")
               << rank << " to be an expression, but got " << value;
      addWord(("extent:" + rank.getValue()).str(),
              Manifest::Parameter::value(getExtent(program, rank)));
    } else if (rank) {
      addRank(program, rank);
      addWord(("extent:" + rank.getValue()).str(),
              Manifest::Parameter::extent(str(rank)));
    } else if (failed(isa<MemRefType>(type) ? addTensor(program, number)
                                            : addScalar(program, number))) {
      return failure();
    }
  }
  return success();
}

Expr KernelInterface::getItems(tile::ProgramOp program) {
  Expr items = 1;
  for (auto [rank, tile] :
       llvm::zip(program.getSpaceRanks().getAsRange<StringAttr>(),
                 program.getSpaceTiles())) {
    Expr extent = getExtent(program, rank);
    items = items * (tile == 1 ? extent : ceilDiv(extent, Expr(tile)));
  }
  if (StringAttr rank = program.getGuardRankAttr()) {
    Expr below =
        lessThan(getExtent(program, rank), Expr(*program.getGuardBound()));
    return program.getGuardBelow() ? select(below, items, Expr(0))
                                   : select(below, Expr(0), items);
  }
  return items;
}

unsigned KernelInterface::getPointerWord(StringRef tensor) const {
  return words.lookup(("pointer:" + tensor).str());
}
unsigned KernelInterface::getStrideWord(StringRef tensor, unsigned dim) const {
  return words.lookup(("stride:" + tensor + ":" + Twine(dim)).str());
}
unsigned KernelInterface::getExtentWord(StringRef rank) const {
  return words.lookup(("extent:" + rank).str());
}
unsigned KernelInterface::getScalarWord(StringRef scalar) const {
  return words.lookup(("scalar:" + scalar).str());
}
unsigned KernelInterface::getWorkspaceWord() const {
  return words.lookup("workspace");
}
bool KernelInterface::isWorkspace(StringRef tensor) const {
  unsigned word = getPointerWord(tensor);
  return manifest.parameters[word].kind == Manifest::Parameter::Kind::expr;
}
