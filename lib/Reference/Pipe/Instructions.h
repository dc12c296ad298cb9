//===- Instructions.h - where a machine's products keep registers -----===//
//
// Transcribed from the manuals, for each kind of machine in a file of its own.
// The program's #pipe.fragment is not consulted.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REFERENCE_PIPE_INSTRUCTIONS_H
#define ATTN_LIB_REFERENCE_PIPE_INSTRUCTIONS_H

#include "attn/Reference/PipeInterpreter.h"

#include "mlir/IR/Types.h"

#include <cstdint>
#include <string>

namespace attn::reference {

/// A product D[rows, columns] of a depth, as `pipe.mma_async` asks for it.
struct ProductShape {
  int64_t rows, columns, depth;
  mlir::Type element, accumulator;
  int64_t numWarps;
  bool lhsInRegisters;
  /// The dimension of `lhs` that is contracted.
  int64_t lhsDim;
  /// Runs of rows that are multiplied each by their own rows of the right side;
  /// whether these are kept, as columns.
  int64_t shares = 1;
  bool keepsRows = false;
};

struct Position {
  int64_t row, column;
};

/// One machine's instructions for products.
class ProductInstructions {
public:
  virtual ~ProductInstructions() = default;

  /// Why there is no instruction for `shape`, or nothing.
  virtual std::string refuse(const ProductShape &shape) const = 0;

  /// Lanes of a warp.
  virtual int64_t getNumLanes() const = 0;

  /// Elements that a lane holds of the accumulator and of a left side in
  /// registers, and which. Pre-condition of all: `refuse` says nothing.
  virtual int64_t getAccumulatorRegisters(const ProductShape &shape) const = 0;
  virtual Position getAccumulator(const ProductShape &shape, int64_t warp,
                                  int64_t lane, int64_t index) const = 0;
  virtual int64_t getLhsRegisters(const ProductShape &shape) const = 0;
  virtual Position getLhs(const ProductShape &shape, int64_t warp, int64_t lane,
                          int64_t index) const = 0;
};

const ProductInstructions &getHopperInstructions();
const ProductInstructions &getAmpereInstructions();
/// Of gfx90a and gfx942, and of gfx1100.
const ProductInstructions &getCdnaInstructions();
const ProductInstructions &getRdnaInstructions();

/// Those of `target`.
const ProductInstructions &getInstructions(PipeTarget target);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_PIPE_INSTRUCTIONS_H
