//===- PipePageOps.cpp - tables that say where pages are ------------------===//

#include "dialects/Pipe/Pipe.h"

using namespace mlir;
using namespace attn::pipe;

LogicalResult PagesOp::verify() {
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
  // page_c1
  int64_t count = getPages().getType().getCount();
  if (int64_t(getNumber()) >= 0 && int64_t(getNumber()) < count)
    return success();
  return emitOpError("expects one of ")
         << count << " pages, counted from 0, but got " << int64_t(getNumber());
}
