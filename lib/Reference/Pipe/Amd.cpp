//===- Amd.cpp - the registers of MFMA and WMMA -----------------------===//
//
// From the AMD Instinct MI200 and CDNA 3 ISA, "Matrix arithmetic instructions",
// and the RDNA 3 ISA, "Wave matrix multiply accumulate". An instruction
// computes D = A B; the lanes of a wave number the columns of B and D, modulo
// their count, and a lane holds some rows of D.
//
// A product of `pipe` is taken as D^T = B^T A^T: a row of the tile is a column
// of the instruction. Of rows of A, which come from shared memory by address,
// any may be any: the kernels here let each lane hold runs of neighbouring
// columns of a tile, so that row `m` of an instruction is the column that
// `getColumn` says. Left sides in registers are held as accumulators are.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace attn;
using namespace attn::reference;

namespace {
struct Matrix {
  const char *name;
  /// Lanes of a wave; rows and columns of D; the depth.
  int64_t numLanes, size, depth;
  /// The row of D in register `index` of `lane`.
  int64_t (*getRow)(int64_t lane, int64_t index);

  int64_t getNumRegisters() const { return size * size / numLanes; }
};

// v_mfma_f32_16x16x16: rows 0-3 in lanes 0-15, 4-7 in 16-31, and so on.
const Matrix mfma16 = {
    "v_mfma_f32_16x16x16", 64, 16, 16,
    [](int64_t lane, int64_t index) { return 4 * (lane / 16) + index; }};

// v_mfma_f32_32x32x8: rows by fours to lanes 0-31 and 32-63 in turn.
const Matrix mfma32 = {"v_mfma_f32_32x32x8", 64, 32, 8,
                       [](int64_t lane, int64_t index) {
                         return 8 * (index / 4) + 4 * (lane / 32) + index % 4;
                       }};

// v_wmma_f32_16x16x16 by waves of 32: even rows in lanes 0-15, odd in others.
const Matrix wmma16 = {
    "v_wmma_f32_16x16x16", 32, 16, 16,
    [](int64_t lane, int64_t index) { return 2 * index + lane / 16; }};

class Amd final : public ProductInstructions {
public:
  /// `tall` is for groups of more rows; null where there are none.
  Amd(const Matrix &matrix, const Matrix *tall) : matrix(matrix), tall(tall) {}

  std::string refuse(const ProductShape &shape) const override {
    if (shape.numWarps != numWaves)
      return "a group has 4 waves, but the role has " +
             std::to_string(shape.numWarps);
    if (shape.rows != numWaves * matrix.size &&
        (!tall || shape.rows != numWaves * tall->size))
      return "a wave has the columns of one instruction as rows, but this "
             "product has " +
             std::to_string(shape.rows);
    const Matrix &own = get(shape);
    if (shape.columns % own.size)
      return std::string(own.name) + " takes a multiple of " +
             std::to_string(own.size) + " columns, but this product has " +
             std::to_string(shape.columns);
    if (!shape.element.isBF16() && !shape.element.isF16())
      return "products of elements other than bf16 and f16 have no table";
    if (!shape.accumulator.isF32())
      return "accumulators of elements other than f32 have no table";
    // What a lane holds of a left side are an accumulator's whole registers.
    int64_t unit = shape.lhsInRegisters ? own.size : own.depth;
    if (shape.depth % unit)
      return "a product's depth is a multiple of " + std::to_string(unit) +
             ", but this one's is " + std::to_string(shape.depth);
    if (shape.lhsInRegisters && shape.lhsDim != 1)
      return "a left side in registers cannot be transposed";
    return {};
  }

  int64_t getNumLanes() const override { return matrix.numLanes; }

  int64_t getAccumulatorRegisters(const ProductShape &shape) const override {
    return shape.columns / get(shape).size * get(shape).getNumRegisters();
  }
  Position getAccumulator(const ProductShape &shape, int64_t warp, int64_t lane,
                          int64_t index) const override {
    return getPosition(get(shape), shape.columns, warp, lane, index);
  }
  int64_t getLhsRegisters(const ProductShape &shape) const override {
    return shape.depth / get(shape).size * get(shape).getNumRegisters();
  }
  Position getLhs(const ProductShape &shape, int64_t warp, int64_t lane,
                  int64_t index) const override {
    return getPosition(get(shape), shape.depth, warp, lane, index);
  }

private:
  static constexpr int64_t numWaves = 4;

  const Matrix &get(const ProductShape &shape) const {
    return tall && shape.rows == numWaves * tall->size ? *tall : matrix;
  }

  /// Instructions whose registers alternate in one run: four, two or one, as
  /// many as divide those of all columns.
  static int64_t getPeriod(const Matrix &own, int64_t columns) {
    int64_t count = columns / own.size;
    return count % 4 == 0 ? 4 : count % 2 == 0 ? 2 : 1;
  }

  /// The tile's column that row `row` of instruction `number` is: it lies in
  /// the run of the lanes that hold that row, where that row's register says.
  static int64_t getColumn(const Matrix &own, int64_t columns, int64_t number,
                           int64_t row) {
    int64_t period = getPeriod(own, columns);
    int64_t run = period * own.getNumRegisters();
    for (int64_t lane = 0; lane < own.numLanes; lane += own.size)
      for (int64_t index = 0; index < own.getNumRegisters(); ++index)
        if (own.getRow(lane, index) == row)
          return number / period * period * own.size + lane / own.size * run +
                 index * period + number % period;
    return -1;
  }

  static Position getPosition(const Matrix &own, int64_t columns, int64_t warp,
                              int64_t lane, int64_t index) {
    int64_t period = getPeriod(own, columns);
    int64_t run = period * own.getNumRegisters();
    int64_t number = index / run * period + index % period;
    int64_t row = own.getRow(lane, index % run / period);
    return {own.size * warp + lane % own.size,
            getColumn(own, columns, number, row)};
  }

  const Matrix &matrix;
  const Matrix *tall;
};
} // namespace

const ProductInstructions &attn::reference::getCdnaInstructions() {
  static const Amd cdna(mfma16, &mfma32);
  return cdna;
}

const ProductInstructions &attn::reference::getRdnaInstructions() {
  static const Amd rdna(wmma16, nullptr);
  return rdna;
}
