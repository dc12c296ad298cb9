//===- Hopper.cpp - wgmma's registers ---------------------------------===//
//
// From the PTX ISA, "Asynchronous warpgroup level matrix instructions", the
// figures of m64nNk16: a lane's group is `lane / 4`, its place in the group
// `lane mod 4`. Of 32 rows each warp has the eight that are its groups' first,
// and nothing of those eight rows lower. In products of shares warps multiply
// by mma.m16n8k16 ("Matrix fragments for mma.m16n8k16"): of a warp's terms, and
// of what it makes of several of these, the order is its own.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace attn;
using namespace attn::reference;

namespace {
class Hopper final : public ProductInstructions {
public:
  std::string refuse(const ProductShape &shape) const override {
    if (shape.numWarps != 4)
      return "a product takes the 4 warps of a warpgroup, but the role has " +
             std::to_string(shape.numWarps);
    if (shape.shares > 1)
      return refuseShares(shape);
    if (shape.rows != 64 && shape.rows != 32)
      return "a product has 64 or 32 rows, but this one has " +
             std::to_string(shape.rows);
    if (shape.columns % 8 || shape.columns > 256)
      return "a product has a multiple of 8 columns, 256 at most, but this one "
             "has " +
             std::to_string(shape.columns);
    if (!shape.element.isBF16() && !shape.element.isF16())
      return "products of elements other than bf16 and f16 have no table";
    if (!shape.accumulator.isF32())
      return "accumulators of elements other than f32 have no table";
    if (shape.depth % 16)
      return "a product's depth is a multiple of 16, but this one's is " +
             std::to_string(shape.depth);
    if (shape.lhsInRegisters && shape.lhsDim != 1)
      return "a left side in registers cannot be transposed";
    return {};
  }

  static std::string refuseShares(const ProductShape &shape) {
    if (shape.shares != 4 || (shape.rows != 32 && shape.rows != 64) ||
        !shape.lhsInRegisters)
      return "a product of shares has 4, of 8 or 16 rows each, and a left side "
             "in registers";
    if (shape.element.getIntOrFloatBitWidth() != 8)
      return "products of shares widen elements of 8 bits";
    int64_t others = shape.keepsRows ? shape.depth : shape.columns;
    int64_t own = shape.keepsRows ? shape.columns : shape.depth;
    if (others % 64 || own % 16)
      return "a product of shares has a multiple of 16 rows of the right side "
             "in each, of a multiple of 64 elements, but this one has " +
             std::to_string(own) + " of " + std::to_string(others);
    return {};
  }

  int64_t getNumLanes() const override { return 32; }

  // D: element i of N/2 is d_i of the figure for D.
  int64_t getAccumulatorRegisters(const ProductShape &shape) const override {
    return shape.columns / (isLow(shape) ? 4 : 2);
  }
  Position getAccumulator(const ProductShape &shape, int64_t warp, int64_t lane,
                          int64_t index) const override {
    int64_t group = lane / 4, place = lane % 4;
    if (shape.shares > 1 && !shape.keepsRows)
      return getShare(shape, shape.columns, warp, lane, index);
    if (isLow(shape))
      return {8 * warp + group, 8 * (index / 2) + 2 * place + (index & 1)};
    int64_t row = 16 * warp + group + (index % 4 >= 2 ? 8 : 0);
    return {row, 8 * (index / 4) + 2 * place + (index & 1)};
  }

  // A: eight elements a_0 ... a_7 for each 16 of the depth. a_2, a_3, a_6, a_7
  // are eight rows lower; a_4 ... a_7 are eight columns to the right.
  int64_t getLhsRegisters(const ProductShape &shape) const override {
    return shape.depth / (isLow(shape) ? 4 : 2);
  }
  Position getLhs(const ProductShape &shape, int64_t warp, int64_t lane,
                  int64_t index) const override {
    int64_t group = lane / 4, place = lane % 4;
    if (shape.shares > 1 && shape.keepsRows)
      return getShare(shape, shape.depth, warp, lane, index);
    if (isLow(shape))
      return {8 * warp + group, 8 * (index / 2) + 2 * place + (index & 1)};
    int64_t step = index / 8, a = index % 8;
    bool low = a == 2 || a == 3 || a == 6 || a == 7;
    return {16 * warp + group + (low ? 8 : 0),
            16 * step + 2 * place + (a & 1) + (a >= 4 ? 8 : 0)};
  }

private:
  /// Of a row of bytes in runs of 128, or of 64, the four lanes of a place have
  /// a quarter each of every run; of 16 rows then those of the one 8 further.
  static Position getShare(const ProductShape &shape, int64_t columns,
                           int64_t warp, int64_t lane, int64_t index) {
    int64_t rows = shape.rows / shape.shares, ofRow = columns / 4;
    int64_t row = rows * warp + lane / 4 + index / ofRow * 8;
    index %= ofRow;
    int64_t run = columns % 128 == 0 ? 128 : 64, own = run / 4;
    return {row, index / own * run + lane % 4 * own + index % own};
  }
  static bool isLow(const ProductShape &shape) { return shape.rows == 32; }
};
} // namespace

const ProductInstructions &attn::reference::getHopperInstructions() {
  static const Hopper hopper;
  return hopper;
}
