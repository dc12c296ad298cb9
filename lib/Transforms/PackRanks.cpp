//===- PackRanks.cpp - two ranks of a cascade as one ----------------------===//
//
// What queries of a group of heads share is read once where all of them are
// rows of one tile. So coordinate r of the one rank stands for quotient and
// remainder of a constant power of 2, which masks can be solved for and copies
// have as two dimensions of a box. The remainder may have no coordinate of its
// own: rows are then computed and dropped, so that no row may see another.
//
// A sum over two ranks, as that over segments of keys and the keys of each, is
// one over a rank that stands for both. What has no coordinate is masked there.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/PackRanks.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <array>

#define DEBUG_TYPE "cascade-pack-ranks"

namespace attn {
#define GEN_PASS_DEF_PACKRANKSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {
class Packer {
public:
  Packer(FuncOp func, const PackRanksOptions &options)
      : func(func), builder(func.getContext()),
        outer(builder.getStringAttr(options.outer)),
        inner(builder.getStringAttr(options.inner)), width(options.width),
        areSummed(options.areSummed) {}

  std::optional<PackRefusal> check();
  void run();

private:
  static bool has(Type type, StringAttr rank) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    return tensor && tensor.getRankPosition(rank);
  }
  bool isPacked(Type type) const {
    return has(type, outer) && has(type, inner);
  }
  /// The variables of an Einsum over the two ranks.
  struct Variables {
    SmallVector<unsigned> outer, inner;
    bool areBoth() const { return outer.size() == 1 && inner.size() == 1; }
  };
  Variables findVariables(EinsumOp op) const;

  std::optional<PackRefusal> refuse(Operation *op, const Twine &reason) {
    return PackRefusal{op->getLoc(), reason.str()};
  }
  bool isRead(EinsumOp op, unsigned input, const Variables &variables);
  std::optional<PackRefusal> checkSignature();
  std::optional<PackRefusal> checkEinsum(EinsumOp op);
  std::optional<PackRefusal> checkMap(EinsumOp op, AffineMap map, Type type,
                                      const Variables &variables,
                                      const Twine &what);

  Type packType(Type type) const;
  PackingAttr packAttr(Type type);
  void packSignature();
  void readOperands(EinsumOp op, const Variables &variables);
  void packEinsum(EinsumOp op);
  void maskGaps(EinsumOp op, StringRef variable);
  Value divide(OpBuilder &b, Location loc, Value value, bool takesRemainder);

  FuncOp func;
  Builder builder;
  StringAttr outer, inner, rank;
  int64_t width;
  bool areSummed;
};
} // namespace

Packer::Variables Packer::findVariables(EinsumOp op) const {
  Variables variables;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
    StringAttr own = op.getVariableRank(v);
    if (own == outer)
      variables.outer.push_back(v);
    else if (own == inner)
      variables.inner.push_back(v);
  }
  return variables;
}

//===-- What can be packed ------------------------------------------------===//

/// Whether operand `input` becomes an element that the map reads: it has one of
/// the ranks, or none, and is read at variables alone.
bool Packer::isRead(EinsumOp op, unsigned input, const Variables &variables) {
  AffineMap map = op.getInputMap(input);
  bool hasRow = llvm::any_of(
      std::array{variables.outer.front(), variables.inner.front()},
      [&](unsigned variable) { return map.isFunctionOfDim(variable); });
  return hasRow && !isPacked(op.getInputs()[input].getType()) &&
         isa<BlockArgument>(op.getInputs()[input]) && op.hasMap() &&
         op.getMerges()[input] == static_cast<int32_t>(Merge::Derived) &&
         llvm::all_of(map.getResults(), llvm::IsaPred<AffineDimExpr>);
}

std::optional<PackRefusal> Packer::checkSignature() {
  for (StringAttr part : {outer, inner}) {
    if (func.getLayout(part))
      return refuse(func, "rank '" + part.getValue() + "' has a layout");
    RankOp declared = func.getRankDeclaration(part);
    if (declared && declared.getKind() != RankKind::Dense)
      return refuse(declared, "rank '" + part.getValue() + "' is not dense");
  }
  std::optional<int64_t> extent = func.getStaticExtent(inner);
  if (extent && *extent > width)
    return refuse(func, "rank '" + inner.getValue() + "' has " +
                            Twine(*extent) + " coordinates, more than the " +
                            Twine(width) + " of the width");
  bool isAny = false;
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i) {
    bool packs = isPacked(func.getArgumentTypes()[i]);
    isAny |= packs;
    if (packs && func.getArgumentPacking(i))
      return refuse(func, "argument '" + func.getArgumentName(i) +
                              "' is packed already");
    if (packs && func.getPages(i) && !areSummed)
      return refuse(func,
                    "argument '" + func.getArgumentName(i) + "' lies in pages");
    if (packs && func.getArgumentFill(i))
      return refuse(func, "argument '" + func.getArgumentName(i) +
                              "' is filled by coordinates");
  }
  for (Type type : func.getResultTypes())
    isAny |= isPacked(type);
  if (!isAny)
    return refuse(func, "no argument and no result has both '" +
                            outer.getValue() + "' and '" + inner.getValue() +
                            "'");
  return std::nullopt;
}

/// A tensor with both ranks is read at the two variables themselves; what has
/// one of them, or is read at an expression of a variable, is not the same for
/// all rows of a tile.
std::optional<PackRefusal> Packer::checkMap(EinsumOp op, AffineMap map,
                                            Type type,
                                            const Variables &variables,
                                            const Twine &what) {
  auto tensor = cast<NamedTensorType>(type);
  for (auto [expr, own] : llvm::zip_equal(map.getResults(), tensor.getRanks()))
    for (auto [part, list] : {std::pair(outer, &variables.outer),
                              std::pair(inner, &variables.inner)})
      for (unsigned variable : *list) {
        if (!expr.isFunctionOfDim(variable))
          continue;
        if (!isPacked(type) || own != part || !isa<AffineDimExpr>(expr))
          return refuse(op, what + " is read at '" + op.getVariable(variable) +
                                "' and has not both '" + outer.getValue() +
                                "' and '" + inner.getValue() +
                                "' at variables");
      }
  return std::nullopt;
}

std::optional<PackRefusal> Packer::checkEinsum(EinsumOp op) {
  Variables variables = findVariables(op);
  if (variables.outer.size() > 1 || variables.inner.size() > 1)
    return refuse(op, "two variables are over one of the ranks");
  if (!variables.areBoth()) {
    // It stays as it is, unless it reads what does not.
    bool reads = llvm::any_of(op.getInputs().getTypes(),
                              [&](Type type) { return isPacked(type); });
    return reads ? refuse(op, "it reads a tensor of both ranks at one variable")
                 : std::nullopt;
  }
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    if (isRead(op, i, variables))
      continue;
    if (auto r = checkMap(op, op.getInputMap(i), input.getType(), variables,
                          "operand '" + getValueName(input) + "'"))
      return r;
  }
  for (auto [i, index] : llvm::enumerate(op.getIndices()))
    if (auto r = checkMap(op, op.getIndexMap(i), index.getType(), variables,
                          "index tensor '" + getValueName(index) + "'"))
      return r;
  if (!isPacked(op.getType()) && !areSummed)
    return refuse(op, "its sums are over rows");
  return checkMap(op, op.getOutputMap(), op.getType(), variables, "the result");
}

std::optional<PackRefusal> Packer::check() {
  if (auto r = checkSignature())
    return r;
  std::optional<PackRefusal> found;
  func.getBody().walk([&](Operation *op) {
    if (auto einsum = dyn_cast<EinsumOp>(op)) {
      found = checkEinsum(einsum);
    } else if (!isa<EmptyOp, ReturnOp, YieldOp>(op)) {
      auto packs = [&](Type type) { return isPacked(type); };
      if (llvm::any_of(op->getOperandTypes(), packs) ||
          llvm::any_of(op->getResultTypes(), packs))
        found = refuse(op, "'" + op->getName().getStringRef() +
                               "' op has a tensor of both ranks");
    }
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

//===-- Packing -----------------------------------------------------------===//

Type Packer::packType(Type type) const {
  if (!isPacked(type))
    return type;
  auto tensor = cast<NamedTensorType>(type);
  SmallVector<StringAttr> ranks;
  for (StringAttr own : tensor.getRanks())
    if (own != inner)
      ranks.push_back(own == outer ? rank : own);
  return tensor.withRanks(ranks);
}

PackingAttr Packer::packAttr(Type type) {
  SmallVector<Attribute> ranks;
  llvm::append_range(ranks, cast<NamedTensorType>(type).getRanks());
  return PackingAttr::get(func.getContext(), width, inner, outer, rank,
                          ArrayAttr::get(func.getContext(), ranks));
}

Value Packer::divide(OpBuilder &b, Location loc, Value value,
                     bool takesRemainder) {
  Value by = arith::ConstantIndexOp::create(b, loc, width);
  if (takesRemainder)
    return arith::RemUIOp::create(b, loc, value, by);
  return arith::FloorDivSIOp::create(b, loc, value, by);
}

void Packer::packSignature() {
  SmallVector<Type> arguments, results;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    arguments.push_back(packType(type));
    if (isPacked(type))
      func.setArgAttr(i, kPackingAttr, packAttr(type));
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes())) {
    results.push_back(packType(type));
    if (isPacked(type))
      func.setResultAttr(i, kPackingAttr, packAttr(type));
  }
  func.setType(FunctionType::get(func.getContext(), arguments, results));
  for (BlockArgument argument : func.getBody().getArguments())
    argument.setType(packType(argument.getType()));
}

/// `map` without dimension `inner` and what it is the coordinate of.
static AffineMap dropDim(AffineMap map, unsigned inner) {
  MLIRContext *context = map.getContext();
  SmallVector<AffineExpr> dims;
  unsigned next = 0;
  for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
    dims.push_back(dim == inner ? AffineExpr()
                                : getAffineDimExpr(next++, context));
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : map.getResults())
    if (expr != getAffineDimExpr(inner, context))
      results.push_back(expr.replaceDims(dims));
  return AffineMap::get(map.getNumDims() - 1, map.getNumSymbols(), results,
                        context);
}

/// Makes elements that the map reads of the operands that have one rank alone.
void Packer::readOperands(EinsumOp op, const Variables &variables) {
  SmallVector<Merge> merges;
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i)
    merges.push_back(op.getMerge(i));
  SmallVector<int32_t> said(op.getMerges());
  SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
  for (unsigned i = op.getInputs().size(); i-- > 0;) {
    if (!isRead(op, i, variables))
      continue;
    Value source = op.getInputs()[i];
    OpBuilder b = OpBuilder::atBlockBegin(&op.getMap().front());
    SmallVector<Value> coordinates;
    for (AffineExpr expr : op.getInputMap(i).getResults())
      coordinates.push_back(IndexOp::create(
          b, op.getLoc(), b.getIndexType(),
          op.getVariable(cast<AffineDimExpr>(expr).getPosition())));
    Value element =
        ReadOp::create(b, op.getLoc(), op.getMap().getArgument(i).getType(),
                       source, coordinates);
    op.getMap().getArgument(i).replaceAllUsesWith(element);
    op.getMap().eraseArgument(i);
    op.getInputsMutable().erase(i);
    merges.erase(merges.begin() + i);
    said.erase(said.begin() + i);
    maps.erase(maps.begin() + i);
    op.setIndexingMapsAttr(builder.getArrayAttr(maps));
    op.setMerges(said);
  }
  // What is empty where stays the same.
  for (auto [i, merge] : llvm::enumerate(merges))
    if (op.getMerge(i) != merge)
      said[i] = static_cast<int32_t>(merge);
  op.setMerges(said);
}

void Packer::packEinsum(EinsumOp op) {
  Variables variables = findVariables(op);
  if (!variables.areBoth())
    return;
  readOperands(op, variables);
  unsigned outerAt = variables.outer.front(), innerAt = variables.inner.front();
  std::string name = rank.getValue().lower();
  while (op.getVariablePosition(name))
    name += "_";
  StringRef outerName = op.getVariable(outerAt),
            innerName = op.getVariable(innerAt);
  OpBuilder b(func.getContext());
  for (Region *region : {&op.getWhere(), &op.getMap()})
    for (IndexOp index :
         llvm::make_early_inc_range(region->getOps<IndexOp>())) {
      bool isInner = index.getVariable() == innerName;
      if (!isInner && index.getVariable() != outerName)
        continue;
      b.setInsertionPointAfter(index);
      Value part = divide(b, index.getLoc(), index, isInner);
      index.getResult().replaceAllUsesExcept(part, part.getDefiningOp());
      index.setVariable(name);
    }
  // Elsewhere what is empty makes what is empty.
  if (areSummed && isPacked(op.getType()) &&
      (op.hasWhere() || op.getMonoidAttr()))
    maskGaps(op, name);
  SmallVector<Attribute> names, maps;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
    if (v != innerAt)
      names.push_back(v == outerAt ? Attribute(b.getStringAttr(name))
                                   : op.getVariables()[v]);
  for (Attribute map : op.getIndexingMaps())
    maps.push_back(AffineMapAttr::get(
        dropDim(cast<AffineMapAttr>(map).getValue(), innerAt)));
  op.setVariablesAttr(b.getArrayAttr(names));
  op.setIndexingMapsAttr(b.getArrayAttr(maps));
}

/// Points whose remainder is no coordinate are masked.
void Packer::maskGaps(EinsumOp op, StringRef variable) {
  Location loc = op.getLoc();
  OpBuilder b(func.getContext());
  if (!op.hasWhere()) {
    b.createBlock(&op.getWhere());
    YieldOp::create(b, loc,
                    ValueRange(arith::ConstantIntOp::create(b, loc, 1, 1)));
  }
  Operation *yield = op.getWhere().front().getTerminator();
  b.setInsertionPoint(yield);
  Value index = IndexOp::create(b, loc, b.getIndexType(), variable);
  Value place = divide(b, loc, index, /*takesRemainder=*/true);
  Value extent = ExtentOp::create(b, loc, b.getIndexType(), inner);
  Value exists =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, place, extent);
  yield->setOperand(
      0, arith::AndIOp::create(b, loc, exists, yield->getOperand(0)));
}

void Packer::run() {
  // A name that nothing has.
  std::string name = (outer.getValue() + "_" + inner.getValue()).str();
  auto isTaken = [&] {
    if (llvm::any_of(func.getArgumentTypes(), [&](Type type) {
          return has(type, builder.getStringAttr(name));
        }))
      return true;
    return func.getBody()
        .walk([&](Operation *op) {
          auto hasName = [&](Type type) {
            return has(type, builder.getStringAttr(name));
          };
          auto declared = dyn_cast<RankOp>(op);
          return (declared && declared.getName() == name) ||
                         llvm::any_of(op->getOperandTypes(), hasName) ||
                         llvm::any_of(op->getResultTypes(), hasName)
                     ? WalkResult::interrupt()
                     : WalkResult::advance();
        })
        .wasInterrupted();
  };
  while (isTaken())
    name += "_";
  rank = builder.getStringAttr(name);
  SmallVector<Operation *> ops;
  func.getBody().walk([&](Operation *op) { ops.push_back(op); });
  // Ranks of variables follow from types.
  for (Operation *op : ops)
    if (auto einsum = dyn_cast<EinsumOp>(op))
      packEinsum(einsum);
  packSignature();
  for (Operation *op : ops)
    for (Value result : op->getResults())
      result.setType(packType(result.getType()));
}

std::optional<PackRefusal> attn::checkPacking(FuncOp func,
                                              const PackRanksOptions &options) {
  return Packer(func, options).check();
}

void attn::packRanks(FuncOp func, const PackRanksOptions &options) {
  Packer(func, options).run();
}

namespace {
struct PackRanks final : attn::impl::PackRanksPassBase<PackRanks> {
  using PackRanksPassBase::PackRanksPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    PackRanksOptions options{outer, inner, width};
    if (width < 1 || !llvm::isPowerOf2_64(width) || outer == inner) {
      func.emitError("expects two ranks and a width that is a power of 2, but "
                     "got '")
          << outer.getValue() << "', '" << inner.getValue() << "' and "
          << width.getValue();
      return signalPassFailure();
    }
    if (std::optional<PackRefusal> refusal = checkPacking(func, options)) {
      remark::missed(refusal->loc,
                     remark::RemarkOpts::name("NotPacked").category(DEBUG_TYPE))
          << llvm::formatv("keeps ranks '{0}' and '{1}' apart: {2}",
                           outer.getValue(), inner.getValue(), refusal->reason)
                 .str();
      return markAllAnalysesPreserved();
    }
    packRanks(func, options);
  }
};
} // namespace
