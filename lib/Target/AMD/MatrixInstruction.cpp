//===- MatrixInstruction.cpp - products of one wave -----------------------===//

#include "MatrixInstruction.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::pipe;

const MatrixInstruction amd::kMfma16 = {
    /*lanes=*/64, /*columns=*/16,   /*rows=*/16,
    /*depth=*/16, /*neighbours=*/4, /*isReplicated=*/false,
};

const MatrixInstruction amd::kMfma32 = {
    /*lanes=*/64, /*columns=*/32,   /*rows=*/32,
    /*depth=*/8,  /*neighbours=*/4, /*isReplicated=*/false,
};

const MatrixInstruction amd::kWmma16 = {
    /*lanes=*/32, /*columns=*/16,   /*rows=*/16,
    /*depth=*/16, /*neighbours=*/1, /*isReplicated=*/true,
};

/// Warps of a group.
static constexpr int64_t kGroupWarps = 4;

int64_t MatrixInstruction::getInstructionsOfRun(int64_t tileColumns) const {
  // Of four neighbours of 16 bits a lane reads 8 bytes.
  int64_t count = 4;
  while (count > 1 && tileColumns % (count * rows) != 0)
    count /= 2;
  return count;
}

static FragmentAttr getFragment(MLIRContext *context,
                                const MatrixInstruction &instruction,
                                int64_t columns) {
  auto digit = [&](int64_t size, unsigned dim, int64_t stride) {
    return DigitAttr::get(context, size, dim, stride);
  };
  int64_t run = instruction.getRun(columns), shares = instruction.getShares();
  return FragmentAttr::get(
      context,
      {digit(run, 1, 1), digit(columns / (run * shares), 1, run * shares)},
      {digit(instruction.columns, 0, 1), digit(shares, 1, run)},
      {digit(kGroupWarps, 0, instruction.columns)});
}

FragmentAttr amd::getMfma16Fragment(MLIRContext *context, int64_t columns) {
  return getFragment(context, kMfma16, columns);
}

FragmentAttr amd::getMfma32Fragment(MLIRContext *context, int64_t columns) {
  return getFragment(context, kMfma32, columns);
}

FragmentAttr amd::getWmma16Fragment(MLIRContext *context, int64_t columns) {
  return getFragment(context, kWmma16, columns);
}
