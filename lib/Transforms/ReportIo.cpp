//===- ReportIo.cpp - -cascade-io-report ----------------------------------===//

#include "attn/Transforms/Passes.h"

#include "attn/Analysis/IoModel.h"

#include "mlir/IR/Remarks.h"

namespace attn {
#define GEN_PASS_DEF_REPORTIOPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

#define DEBUG_TYPE "cascade-io-report"

using namespace mlir;
using namespace attn;

static remark::RemarkOpts remarkOpts(cascade::FuncOp func) {
  return remark::RemarkOpts::name("IoReport")
      .category(DEBUG_TYPE)
      .function(func.getSymName());
}

namespace {
struct ReportIo final : attn::impl::ReportIoPassBase<ReportIo> {
  using ReportIoPassBase::ReportIoPassBase;

  void runOnOperation() override {
    if (failed(report(getOperation())))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  LogicalResult report(cascade::FuncOp func);
};
} // namespace

LogicalResult ReportIo::report(cascade::FuncOp func) {
  IoModelOptions options;
  options.rowRank = rowRank;
  options.keyRank = keyRank;
  options.holdPoints = holdPoints;
  for (StringRef text : scalarOptions) {
    auto [name, value] = text.split('=');
    if (name.empty() || value.getAsInteger(10, options.scalars[name]))
      return emitError(func.getLoc(),
                       "expects option 'scalars' to be a list of "
                       "NAME=INTEGER, but got '")
             << text << "'";
  }
  if (auto wrong = parseRankExtents(extentOptions, options.extents))
    return emitError(func.getLoc(),
                     "expects option 'extents' to be a list of RANK=N "
                     "with N at least 1, but got '")
           << *wrong << "'";
  FailureOr<IoModel> model = buildIoModel(func, options);
  if (failed(model))
    return failure();
  TileLimits limits;
  limits.rowGranule = std::max<uint64_t>(rowGranule, 1);
  limits.keyGranule = model->keyGranule;
  limits.rowsDivide = rowsDivide;
  limits.fixedRows = rowTile;
  limits.fixedKeys = keyTile;
  for (StringRef text : levels) {
    auto [name, bytes] = text.split('=');
    MemoryLevel level = {name.str(), 0};
    if (name.empty() || bytes.getAsInteger(10, level.bytes) || level.bytes == 0)
      return emitError(func.getLoc(), "expects option 'levels' to be a list of "
                                      "NAME=BYTES, but got '")
             << text << "'";
    std::optional<TileChoice> choice =
        unfused ? evaluateUnfused(model->problem)
                : chooseTiles(model->problem, level.bytes, limits);
    if (!choice) {
      remark::missed(func.getLoc(), remarkOpts(func))
          << "level " + level.name + ": no tile fits in " +
                 std::to_string(level.bytes) + " B";
      continue;
    }
    remark::analysis(func.getLoc(), remarkOpts(func))
        << describeTraffic(*model, level, *choice);
    remark::analysis(func.getLoc(), remarkOpts(func))
        << describeSchedule(*model, level, *choice);
  }
  return success();
}
