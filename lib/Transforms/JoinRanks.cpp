//===- JoinRanks.cpp - one rank for two that a sum is over ----------------===//
//
// A sum over segments of keys and the keys of each is one over all keys: in one
// scan, whose steps each lie in one segment.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/JoinRanks.h"
#include "attn/Transforms/PackRanks.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "cascade-join-ranks"

namespace attn {
#define GEN_PASS_DEF_JOINRANKSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// Whether `op` reduces `rank`.
static bool isReduced(EinsumOp op, StringAttr rank) {
  if (!op.getMonoidAttr())
    return false;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
    if (op.getVariableRank(v) == rank && !op.getOutputMap().isFunctionOfDim(v))
      return true;
  return false;
}

std::optional<std::pair<StringAttr, StringAttr>>
attn::findSummedRanks(FuncOp func) {
  for (Type type : func.getArgumentTypes()) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    if (!tensor)
      continue;
    std::optional<std::pair<StringAttr, StringAttr>> found;
    func.getBody().walk([&](EinsumOp op) {
      SmallVector<StringAttr> reduced;
      for (StringAttr rank : tensor.getRanks())
        if (!func.getStaticExtent(rank) && isReduced(op, rank))
          reduced.push_back(rank);
      if (reduced.size() < 2)
        return WalkResult::advance();
      found = {reduced[reduced.size() - 2], reduced.back()};
      return WalkResult::interrupt();
    });
    if (found)
      return found;
  }
  return std::nullopt;
}

namespace {
struct JoinRanks final : attn::impl::JoinRanksPassBase<JoinRanks> {
  using JoinRanksPassBase::JoinRanksPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    if (width < 1 || !llvm::isPowerOf2_64(width)) {
      func.emitError("expects a width that is a power of 2, but got ")
          << width.getValue();
      return signalPassFailure();
    }
    auto ranks = findSummedRanks(func);
    if (!ranks)
      return markAllAnalysesPreserved();
    PackRanksOptions options;
    options.outer = ranks->first.str();
    options.inner = ranks->second.str();
    options.width = width;
    options.areSummed = true;
    if (std::optional<PackRefusal> refusal = checkPacking(func, options)) {
      remark::missed(refusal->loc,
                     remark::RemarkOpts::name("NotJoined").category(DEBUG_TYPE))
          << llvm::formatv("keeps ranks '{0}' and '{1}' apart: {2}",
                           options.outer, options.inner, refusal->reason)
                 .str();
      return markAllAnalysesPreserved();
    }
    packRanks(func, options);
  }
};
} // namespace
