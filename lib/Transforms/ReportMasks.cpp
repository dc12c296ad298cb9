//===- ReportMasks.cpp - -cascade-mask-report -----------------------------===//

#include "attn/Transforms/Passes.h"

#include "attn/Analysis/Mask/Import.h"
#include "attn/Analysis/Mask/NormalForm.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"

namespace attn {
#define GEN_PASS_DEF_REPORTMASKSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

#define DEBUG_TYPE "cascade-mask-report"

using namespace mlir;
using namespace attn;

namespace {
struct ReportMasks final : attn::impl::ReportMasksPassBase<ReportMasks> {
  using ReportMasksPassBase::ReportMasksPassBase;

  void report(cascade::EinsumOp op) {
    auto say = [&](Location loc, StringRef text) {
      remark::analysis(loc,
                       remark::RemarkOpts::name("Mask").category(DEBUG_TYPE))
          << text.str();
    };
    std::unique_ptr<mask::ImportedMask> mask = mask::importMask(op);
    mask::NormalForm form =
        mask::normalize(mask->pool, mask->predicate, mask->getVariable(swept));
    std::string text;
    llvm::raw_string_ostream os(text);
    mask::print(os, mask->pool, form);
    for (StringRef line : llvm::split(StringRef(text).rtrim(), '\n'))
      say(op.getLoc(), ("over " + swept + ": " + line).str());
    for (const mask::Gap &gap : mask->gaps)
      say(gap.location, "not analysed: " + gap.reason);
  }

  void runOnOperation() override {
    getOperation().walk([&](cascade::EinsumOp op) {
      for (unsigned v = 0, e = op.getNumVariables(); op.hasWhere() && v < e;
           ++v)
        if (op.getVariableRank(v) == swept.getValue())
          return report(op);
    });
    markAllAnalysesPreserved();
  }
};
} // namespace
