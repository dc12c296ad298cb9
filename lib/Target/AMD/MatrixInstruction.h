//===- MatrixInstruction.h - products of one wave ---------------*- C++ -*-===//
//
// A wave's instruction computes D = A B: the lanes number the columns of B and
// D, and each lane holds some rows of D. A product of `pipe` is taken the other
// way round, its rows as the instruction's columns: scores are S^T = K Q^T and
// results O^T = V^T P^T, so that a lane has one query, and what it holds of S
// is, as it stands, what B takes of P.
//
// Which column of the tile an instruction's row is, is free, as A is read from
// shared memory by addresses. A lane of a tile holds runs of neighbouring
// columns, as long as fill four instructions: register `t` of a run is row
// `t / n` that the lane holds of instruction `t % n`. Lane `m` of an A that is
// read across its rows so has `n` neighbours, up to 8 bytes, at a time, and
// results are written in runs.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_AMD_MATRIXINSTRUCTION_H
#define ATTN_LIB_TARGET_AMD_MATRIXINSTRUCTION_H

#include "dialects/Pipe/Pipe.h"

namespace attn::amd {

/// One kind of instruction on elements of 16 bits, with accumulators of f32.
struct MatrixInstruction {
  /// Lanes of a wave, columns of B and D, rows of A and D, and the depth.
  int64_t lanes, columns, rows, depth;
  /// Neighbouring rows that a lane holds of D, before those of the next lane
  /// with the same column.
  int64_t neighbours;
  /// Whether all lanes with the same row of A, or column of B, hold all of the
  /// depth. Else each holds an equal part.
  bool isReplicated;

  /// Lanes that share a column of D.
  int64_t getShares() const { return lanes / columns; }
  /// Elements of a lane: of D, and of A and B.
  int64_t getNumAccumulators() const { return rows / getShares(); }
  int64_t getNumOperands() const {
    return isReplicated ? depth : depth / getShares();
  }

  /// Row `number` of D of those that the lanes numbered `share` of a column
  /// hold.
  int64_t getRow(int64_t share, int64_t number) const {
    return number / neighbours * neighbours * getShares() + share * neighbours +
           number % neighbours;
  }

  /// Instructions that share the runs of a tile of so many columns, a multiple
  /// of `rows`.
  int64_t getInstructionsOfRun(int64_t tileColumns) const;
  /// Neighbouring columns of such a tile that a lane holds.
  int64_t getRun(int64_t tileColumns) const {
    return getInstructionsOfRun(tileColumns) * getNumAccumulators();
  }
};

/// v_mfma_f32_16x16x16 and v_mfma_f32_32x32x8 (CDNA 2 and 3), and
/// v_wmma_f32_16x16x16 by waves of 32 lanes (RDNA 3).
extern const MatrixInstruction kMfma16, kMfma32, kWmma16;

/// Who holds an accumulator of so many columns, and a left side of 16-bit
/// elements in registers: four waves, one above the other.
pipe::FragmentAttr getMfma16Fragment(mlir::MLIRContext *context,
                                     int64_t columns);
pipe::FragmentAttr getMfma32Fragment(mlir::MLIRContext *context,
                                     int64_t columns);
pipe::FragmentAttr getWmma16Fragment(mlir::MLIRContext *context,
                                     int64_t columns);

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_MATRIXINSTRUCTION_H
