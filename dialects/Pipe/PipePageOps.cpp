//===- PipePageOps.cpp - tables that say where pages are ------------------===//

#include "dialects/Pipe/Pipe.h"

using namespace mlir;
using namespace attn::pipe;

static LogicalResult verifyOutsideFill(Operation *op) {
  auto fill = op->getParentOfType<FillOp>();
  if (!fill)
    return success();
  InFlightDiagnostic diag = op->emitOpError(
      "expects to stand in no pipe.fill, as all lanes of a warp do it; put it "
      "before");
  diag.attachNote(fill.getLoc()) << "the pipe.fill is here";
  return diag;
}

LogicalResult PagesOp::verify() {
  // pages_c3
  if (!(*this)->getParentOfType<RoleOp>())
    return emitOpError("expects to stand in a role, whose lanes ask for pages");
  if (failed(verifyOutsideFill(*this)))
    return failure();
  // pages_c1
  GlobalType table = getTable().getType();
  if (table.getElementType().isInteger(32) &&
      table.getRank() == getIndices().size() + 1)
    return success();
  return emitOpError("expects a table of i32 with an index for each dimension "
                     "but the last, but got ")
         << table << " with " << getIndices().size() << " indices";
}

LogicalResult PageOp::verify() {
  // page_c2
  if (failed(verifyOutsideFill(*this)))
    return failure();
  // page_c1
  int64_t count = getPages().getType().getCount();
  if (int64_t(getNumber()) >= 0 && int64_t(getNumber()) < count)
    return success();
  return emitOpError("expects one of ")
         << count << " pages, counted from 0, but got " << int64_t(getNumber());
}
