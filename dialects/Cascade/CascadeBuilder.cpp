//===- CascadeBuilder.cpp - Einsums without writing index expressions -----===//

#include "dialects/Cascade/CascadeBuilder.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::cascade;

/// One variable a rank: the rank's name in lower case, made unique.
static SmallVector<Attribute> nameVariables(MLIRContext *context,
                                            ArrayRef<StringAttr> ranks) {
  llvm::StringSet<> used;
  SmallVector<Attribute> variables;
  for (StringAttr rank : ranks) {
    std::string name = rank.getValue().lower();
    while (!used.insert(name).second)
      name += "_";
    variables.push_back(StringAttr::get(context, name));
  }
  return variables;
}

EinsumOp attn::cascade::buildEinsum(OpBuilder &builder, Location loc,
                                    NamedTensorType resultType,
                                    ValueRange inputs, MonoidAttr monoid,
                                    MapBuilder map, ArrayRef<Merge> said) {
  MLIRContext *context = builder.getContext();
  llvm::SetVector<StringAttr> ranks;
  ranks.insert_range(resultType.getRanks());
  for (Value input : inputs)
    ranks.insert_range(cast<NamedTensorType>(input.getType()).getRanks());
  SmallVector<Attribute> maps;
  auto addMap = [&](NamedTensorType type) {
    SmallVector<AffineExpr> exprs;
    for (StringAttr rank : type.getRanks())
      exprs.push_back(
          getAffineDimExpr(llvm::find(ranks, rank) - ranks.begin(), context));
    maps.push_back(
        AffineMapAttr::get(AffineMap::get(ranks.size(), 0, exprs, context)));
  };
  for (Value input : inputs)
    addMap(cast<NamedTensorType>(input.getType()));
  addMap(resultType);
  SmallVector<int32_t> merges(inputs.size(),
                              static_cast<int32_t>(Merge::Derived));
  auto op = EinsumOp::create(
      builder, loc, resultType, inputs, ValueRange(), Value(),
      builder.getArrayAttr(nameVariables(context, ranks.getArrayRef())),
      builder.getArrayAttr(maps), builder.getDenseI32ArrayAttr(merges), monoid);
  if (map) {
    OpBuilder::InsertionGuard guard(builder);
    Block *block = builder.createBlock(&op.getMap());
    for (Value input : inputs)
      block->addArgument(
          cast<NamedTensorType>(input.getType()).getComputeType(), loc);
    Value result = map(builder, loc, block->getArguments());
    YieldOp::create(builder, loc, result);
  }
  sayMerges(op, said);
  return op;
}

EinsumOp attn::cascade::buildCombine(OpBuilder &builder, Location loc,
                                     NamedTensorType resultType, Value lhs,
                                     Value rhs, const MonoidInfo &monoid) {
  return buildEinsum(builder, loc, resultType, {lhs, rhs}, {},
                     [&](OpBuilder &b, Location l, ValueRange args) {
                       return monoid.combine(b, l, args[0], args[1]);
                     });
}

void attn::cascade::sayMerges(EinsumOp op, ArrayRef<Merge> said) {
  SmallVector<int32_t> merges(op.getMerges());
  for (unsigned i = 0, e = merges.size(); i < e; ++i) {
    Merge own = op.getMerge(i);
    Merge wanted = i < said.size() ? said[i] : Merge::Derived;
    if (wanted == Merge::Derived)
      wanted = own == Merge::Derived ? Merge::Absorb : own;
    if (wanted != own)
      merges[i] = static_cast<int32_t>(wanted);
  }
  op.setMerges(merges);
}
