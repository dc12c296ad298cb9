//===- Hopper.cpp - wgmma's registers ---------------------------------===//
//
// From the PTX ISA, "Asynchronous warpgroup level matrix instructions", the
// figures of m64nNk16: a lane's group is `lane / 4`, its place in the group
// `lane mod 4`. Of 32 rows each warp has the eight that are its groups' first,
// and nothing of those eight rows lower.
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

  int64_t getNumLanes() const override { return 32; }

  // D: element i of N/2 is d_i of the figure for D.
  int64_t getAccumulatorRegisters(const ProductShape &shape) const override {
    return shape.columns / (isLow(shape) ? 4 : 2);
  }
  Position getAccumulator(const ProductShape &shape, int64_t warp, int64_t lane,
                          int64_t index) const override {
    int64_t group = lane / 4, place = lane % 4;
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
    if (isLow(shape))
      return {8 * warp + group, 8 * (index / 2) + 2 * place + (index & 1)};
    int64_t step = index / 8, a = index % 8;
    bool low = a == 2 || a == 3 || a == 6 || a == 7;
    return {16 * warp + group + (low ? 8 : 0),
            16 * step + 2 * place + (a & 1) + (a >= 4 ? 8 : 0)};
  }

private:
  static bool isLow(const ProductShape &shape) { return shape.rows == 32; }
};
} // namespace

const ProductInstructions &attn::reference::getHopperInstructions() {
  static const Hopper hopper;
  return hopper;
}
