//===- RegionReads.cpp - how regions read tensors -------------------------===//

#include "RegionReads.h"

#include <algorithm>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

using cascade::NamedTensorType;

/// The offset at the coordinates that `registers` hold in a lane, one for each
/// of the first ranks of `view`; nothing if they are outside.
static std::optional<int64_t> locate(const TensorView &view, Frame &frame,
                                     ArrayRef<unsigned> registers,
                                     int64_t lane) {
  int64_t offset = 0;
  for (auto [dim, reg] : llvm::enumerate(registers)) {
    int64_t coordinate = frame.get(reg)[lane].i;
    if (coordinate < 0 || coordinate >= view.shape[dim])
      return std::nullopt;
    offset += coordinate * view.strides[dim];
  }
  return offset;
}

void attn::reference::readElements(const Instruction &instruction,
                                   const Environment &environment, Frame &frame,
                                   int64_t lanes) {
  cascade::ReadOp op = instruction.read;
  auto type = cast<NamedTensorType>(op.getSource().getType());
  const TensorView view = environment.tensors.lookup(op.getSource());
  double empty = *cascade::getNumericValue(type.getEmpty());
  bool isInteger = !isa<FloatType>(type.getElementType());
  Slot *result = frame.get(instruction.result);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    auto offset = locate(view, frame, instruction.operands, lane);
    double value = offset ? view.data()[*offset] : empty;
    if (isInteger)
      result[lane].i = toInteger(value);
    else
      result[lane].f = value;
  }
}

void attn::reference::testMembership(const Instruction &instruction,
                                     const Environment &environment,
                                     Frame &frame, int64_t lanes) {
  cascade::MemberOp op = instruction.member;
  const TensorView view = environment.tensors.lookup(op.getSource());
  // The number, the leading coordinates, and the range if there is one.
  ArrayRef<unsigned> registers = instruction.operands;
  ArrayRef<unsigned> leading = registers.slice(1, op.getCoordinates().size());
  ArrayRef<unsigned> range = registers.drop_front(1 + leading.size());
  Slot *result = frame.get(instruction.result);
  auto isSameQuestion = [&](int64_t lane) {
    return llvm::all_of(registers, [&](unsigned reg) {
      return frame.get(reg)[lane].i == frame.get(reg)[lane - 1].i;
    });
  };
  for (int64_t lane = 0; lane < lanes; ++lane) {
    // Neighbouring lanes most often ask for one block.
    if (lane > 0 && isSameQuestion(lane)) {
      result[lane] = result[lane - 1];
      continue;
    }
    int64_t number = frame.get(registers[0])[lane].i;
    int64_t first = 0, last = view.shape.back();
    if (!range.empty()) {
      first = std::max(first, frame.get(range[0])[lane].i);
      last = std::min(last, frame.get(range[1])[lane].i);
    }
    auto offset = locate(view, frame, leading, lane);
    bool isListed = false;
    if (offset && number >= 0)
      for (int64_t n = first; n < last && !isListed; ++n)
        isListed =
            toInteger(view.data()[*offset + n * view.strides.back()]) == number;
    result[lane].i = isListed;
  }
}
