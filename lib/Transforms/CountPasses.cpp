//===- CountPasses.cpp - -cascade-count-passes ----------------------------===//

#include "attn/Transforms/Passes.h"

#include "attn/Analysis/PassCount.h"

#include "mlir/IR/Remarks.h"

namespace attn {
#define GEN_PASS_DEF_COUNTPASSESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

#define DEBUG_TYPE "cascade-count-passes"

using namespace mlir;

namespace {
struct CountPasses final : attn::impl::CountPassesPassBase<CountPasses> {
  using CountPassesPassBase::CountPassesPassBase;

  void runOnOperation() override {
    attn::cascade::FuncOp func = getOperation();
    attn::RankExtents extents;
    if (auto wrong = attn::parseRankExtents(extentOptions, extents)) {
      emitError(func.getLoc(),
                "expects option 'extents' to be a list of RANK=N with N "
                "at least 1, but got '")
          << *wrong << "'";
      return signalPassFailure();
    }
    for (const attn::ReportLine &line :
         attn::describePasses(func, attn::countPasses(func), extents))
      remark::analysis(line.loc, remark::RemarkOpts::name("PassCount")
                                     .category(DEBUG_TYPE)
                                     .function(func.getSymName()))
          << line.text;
    markAllAnalysesPreserved();
  }
};
} // namespace
