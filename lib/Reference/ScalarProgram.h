//===- ScalarProgram.h - a region of scalar operations as a list
//------------===//
//
// A straight-line region is compiled once into a list of instructions on
// registers. A register holds the values of `kLanes` neighbouring points, so
// that the cost of an instruction is shared by that many.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REFERENCE_SCALARPROGRAM_H
#define ATTN_LIB_REFERENCE_SCALARPROGRAM_H

#include "attn/Runtime/Status.h"
#include "dialects/Cascade/Cascade.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace attn::reference {

constexpr int64_t kLanes = 128;

/// A float, or an integer: sign-extended, but i1 is 0 or 1.
union Slot {
  double f;
  int64_t i;
};

/// The number nearest to `value` that the float type `semantics` can hold, ties
/// to even.
double roundTo(mlir::FloatType type, double value);

/// `value`, which an element of integer type holds.
int64_t toInteger(double value);

struct Instruction;
/// Computes `lanes` values. `fault` is set to a message on a refusal.
using Kernel = void (*)(const Instruction &instruction,
                        const Slot *const *operands, Slot *result,
                        int64_t lanes, const char *&fault);

struct Instruction {
  Kernel kernel = nullptr;
  /// For a cascade.read: the operation; such an instruction has no kernel.
  cascade::ReadOp read;
  /// For a cascade.member, likewise.
  cascade::MemberOp member;
  llvm::SmallVector<unsigned, 3> operands;
  unsigned result = 0;
  /// Bits of the operands if they are integers, and of the result.
  unsigned operandBits = 0, resultBits = 0;
  /// The type to round a float result to, or null.
  mlir::FloatType rounding;
  /// cmpi's or cmpf's predicate.
  int64_t predicate = 0;
};

/// A compiled region. Registers are numbered from 0; those of the block's
/// arguments come first.
struct ScalarProgram {
  struct Constant {
    unsigned reg;
    Slot value;
  };
  struct Capture {
    unsigned reg;
    mlir::Value value;
  };
  /// A coordinate (variable number) or an extent (rank) at the present point.
  struct Coordinate {
    unsigned reg;
    unsigned variable;
  };
  struct Extent {
    unsigned reg;
    mlir::StringAttr rank;
  };

  unsigned numRegisters = 0;
  unsigned numArguments = 0;
  std::vector<Constant> constants;
  std::vector<Capture> captures;
  std::vector<Coordinate> coordinates;
  std::vector<Extent> extents;
  std::vector<Instruction> instructions;
  unsigned yield = 0;
};

/// The registers of one program.
struct Frame {
  explicit Frame(const ScalarProgram &program)
      : program(program), slots(program.numRegisters * kLanes) {}

  Slot *get(unsigned reg) { return slots.data() + reg * kLanes; }

  void fill(unsigned reg, Slot value) { std::fill_n(get(reg), kLanes, value); }

  const ScalarProgram &program;
  std::vector<Slot> slots;
};

/// Compiles a block that ends in a terminator of one operand. With `unfused`,
/// each result of type f32 is rounded to it. Refuses an operation that the
/// table lacks.
Result<ScalarProgram> compileBlock(mlir::Block &block, bool unfused);

/// The instruction for `op`, without its registers. Refuses an operation that
/// the table lacks.
Result<Instruction> lookupInstruction(mlir::Operation *op, bool unfused);

/// The kernel for the operation called `name`, or null.
Kernel lookupKernel(llvm::StringRef name);

/// The value of a numeric attribute as a slot of its type.
Slot getSlot(mlir::Attribute attribute);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_SCALARPROGRAM_H
