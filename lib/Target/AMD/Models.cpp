//===- Models.cpp - what schedules for AMD GPUs are made for --------------===//

#include "Models.h"

using namespace attn;
using namespace attn::amd;

Models::Models(const MachineModel &rows, const MachineModel *tall)
    : rows(rows), strided(rows), tallRows(tall ? *tall : rows),
      tallStrided(tallRows) {
  strided.copies = tallStrided.copies = CopyKind::Elements;
  if (!tall)
    return;
  this->rows.tall = &tallRows;
  strided.tall = &tallStrided;
}
