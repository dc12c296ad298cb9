//===- Ampere.cpp - mma.sync's registers ------------------------------===//
//
// From the PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point
// type": a lane's group is `lane / 4`, its place in the group `lane mod 4`. A
// warp has one such product below another, or one, of a group's rows.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace attn;
using namespace attn::reference;

namespace {
class Ampere final : public ProductInstructions {
public:
  std::string refuse(const ProductShape &shape) const override {
    if (shape.numWarps != 4)
      return "a group has 4 warps, but the role has " +
             std::to_string(shape.numWarps);
    if (shape.rows != 64 && shape.rows != 128)
      return "a group's warps have 16 or 32 rows each, but this product has " +
             std::to_string(shape.rows);
    if (shape.columns % 8)
      return "a product has a multiple of 8 columns, but this one has " +
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

  // Of all products of 16 rows that a warp has at the same columns, the upper
  // ones first, c0 to c3 each; c2 and c3 are eight rows lower.
  int64_t getAccumulatorRegisters(const ProductShape &shape) const override {
    return shape.columns / 8 * 4 * getHeight(shape);
  }
  Position getAccumulator(const ProductShape &shape, int64_t warp, int64_t lane,
                          int64_t index) const override {
    int64_t product = index / 4 % getHeight(shape);
    int64_t columns = index / 4 / getHeight(shape), c = index % 4;
    return {getRow(shape, warp, product) + lane / 4 + (c >= 2 ? 8 : 0),
            8 * columns + 2 * (lane % 4) + (c & 1)};
  }

  // A: a0 to a3 of 8 of the depth for each product, a2 and a3 eight rows lower,
  // then those that are a4 to a7, eight columns to the right.
  int64_t getLhsRegisters(const ProductShape &shape) const override {
    return shape.depth / 8 * 4 * getHeight(shape);
  }
  Position getLhs(const ProductShape &shape, int64_t warp, int64_t lane,
                  int64_t index) const override {
    return getAccumulator(shape, warp, lane, index);
  }

private:
  static int64_t getHeight(const ProductShape &shape) {
    return shape.rows / 64;
  }
  static int64_t getRow(const ProductShape &shape, int64_t warp,
                        int64_t product) {
    return 16 * (warp * getHeight(shape) + product);
  }
};
} // namespace

const ProductInstructions &attn::reference::getAmpereInstructions() {
  static const Ampere ampere;
  return ampere;
}
