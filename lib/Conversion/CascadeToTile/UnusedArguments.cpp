//===- UnusedArguments.cpp - what a tile program does not need ------------===//

#include "UnusedArguments.h"

#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

void attn::eraseUnusedArguments(FuncOp func, tile::ProgramOp op) {
  llvm::StringSet<> inputs;
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    inputs.insert(func.getArgumentName(i));
  llvm::BitVector unused(op.getNumArguments());
  auto mark = [&](auto mayErase) {
    for (unsigned i = 0, e = op.getNumArguments(); i < e; ++i)
      if (op.getBody().getArgument(i).use_empty() && mayErase(i))
        unused.set(i);
  };
  mark([](unsigned) { return true; });
  op.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *inner) {
    if (isOpTriviallyDead(inner))
      inner->erase();
  });
  mark([&](unsigned i) {
    auto name = op.getArgAttrOfType<StringAttr>(i, tile::kNameAttr);
    return !name || !inputs.contains(name);
  });
  llvm::DenseSet<Attribute> needed;
  for (Attribute rank : op.getSpaceRanks())
    needed.insert(rank);
  if (op.getGuardRankAttr())
    needed.insert(op.getGuardRankAttr());
  for (unsigned i = 0, e = op.getNumArguments(); i < e; ++i)
    if (auto shape = op.getArgAttrOfType<ArrayAttr>(i, tile::kShapeAttr);
        shape && !unused[i])
      needed.insert(shape.begin(), shape.end());
  for (unsigned i : llvm::to_vector(unused.set_bits()))
    if (needed.contains(op.getArgAttr(i, tile::kExtentAttr)))
      unused.reset(i);
  (void)op.eraseArguments(unused);
}
