//===- CascadeNames.cpp - names of values, for people ---------------------===//
//
// The SSA name that the author wrote is kept as a NameLoc around the location.
// It costs the IR nothing, survives rewrites that pass locations on, and
// `--mlir-use-nameloc-as-prefix` prints it again.
//
//===----------------------------------------------------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn::cascade;

bool attn::cascade::isBareName(StringRef name) {
  return !name.empty() && (llvm::isAlpha(name.front()) || name[0] == '_') &&
         llvm::all_of(name, [](char c) {
           return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.';
         });
}

/// False for `0` and `arg3`-like spellings that a printer chose.
static bool isAuthorsName(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front());
}

static Location addName(StringRef name, Location loc) {
  if (!isAuthorsName(name))
    return loc;
  return NameLoc::get(StringAttr::get(loc.getContext(), name), loc);
}

void attn::cascade::keepResultNames(OpAsmParser &parser,
                                    OperationState &state) {
  SmallVector<Location> names;
  for (unsigned i = 0; i < parser.getNumResults(); ++i) {
    auto [name, position] = parser.getResultName(i);
    names.push_back(addName(
        position == 0 ? name.str() : (name + "." + Twine(position)).str(),
        state.location));
  }
  if (names.size() == 1)
    state.location = names.front();
  else if (!names.empty())
    state.location = FusedLoc::get(state.getContext(), names);
}

void attn::cascade::keepArgumentName(OpAsmParser &parser,
                                     OpAsmParser::Argument &argument) {
  argument.sourceLoc =
      addName(argument.ssaName.name.drop_front(),
              parser.getEncodedSourceLoc(argument.ssaName.location));
}

/// The name that `loc` gives to result number `number` of `count`.
static std::optional<StringRef> findName(Location loc, unsigned number = 0,
                                         unsigned count = 1) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return count == 1 ? std::optional(name.getName().getValue()) : std::nullopt;
  auto fused = dyn_cast<FusedLoc>(loc);
  if (!fused)
    return std::nullopt;
  if (count != 1)
    return fused.getLocations().size() == count
               ? findName(fused.getLocations()[number])
               : std::nullopt;
  for (Location part : fused.getLocations())
    if (std::optional<StringRef> name = findName(part))
      return name;
  return std::nullopt;
}

/// The position of `op` among the operations of its name in the function.
static unsigned positionOf(Operation *op) {
  auto func = op->getParentOfType<FuncOp>();
  unsigned position = 0;
  func.getBody().walk<WalkOrder::PreOrder>([&](Operation *other) {
    if (other == op)
      return WalkResult::interrupt();
    position += other->getName() == op->getName();
    return WalkResult::advance();
  });
  return position;
}

std::string attn::cascade::getValueName(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto func = dyn_cast<FuncOp>(parent))
      return func.getArgumentName(argument.getArgNumber()).str();
    if (std::optional<StringRef> name = findName(argument.getLoc()))
      return name->str();
    return ("arg#" + Twine(argument.getArgNumber())).str();
  }
  Operation *op = value.getDefiningOp();
  unsigned number = cast<OpResult>(value).getResultNumber();
  if (std::optional<StringRef> name =
          findName(op->getLoc(), number, op->getNumResults()))
    return name->str();
  std::string name = (op->getName().stripDialect() + "#" +
                      Twine(op->getParentOfType<FuncOp>() ? positionOf(op) : 0))
                         .str();
  if (op->getNumResults() != 1)
    name += ("." + Twine(number)).str();
  return name;
}
