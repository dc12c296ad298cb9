//===- SideReader.cpp - a side of a product in shared memory --------------===//

#include "SideReader.h"

#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::gpu;

static constexpr int64_t kElementBytes = 2, kWordBytes = 4, kChunk = 16;

void SideReader::beginRows(const MatrixInstruction &instruction,
                           int64_t columns) {
  int64_t count = instruction.getInstructionsOfRun(columns);
  int64_t run = instruction.getRun(columns), shares = instruction.getShares();
  int64_t neighbours = instruction.neighbours;
  columnsOfRun = run * shares;
  together = isAcross ? count : 1;
  apart = instruction.getNumAccumulators();
  // Row m of A is row m of D, which this share of lanes has by this number.
  Value m = e.bits(values.lane, instruction.rows - 1);
  Value share = e.bits(e.shiftRight(m, llvm::Log2_64(neighbours)), shares - 1);
  Value number = e.add(
      e.mul(e.shiftRight(m, llvm::Log2_64(neighbours * shares)), neighbours),
      e.bits(m, neighbours - 1));
  begin(instruction, instruction.rows,
        e.add(e.mul(share, run), e.mul(number, together)));
}

void SideReader::beginColumns(const MatrixInstruction &instruction) {
  Value own = e.bits(values.lane, instruction.columns - 1);
  Value first = e.mul(values.warpInGroup, instruction.columns);
  begin(instruction, instruction.columns, e.add(first, own));
}

void SideReader::begin(const MatrixInstruction &instruction,
                       int64_t lanesOfSide, Value other) {
  Value term = e.constant(0);
  if (!instruction.isReplicated)
    term =
        e.mul(e.shiftRight(values.lane, llvm::Log2_64(lanesOfSide)), order.run);
  Value row = isAcross ? term : other;
  Value byte = e.mul(isAcross ? other : term, kElementBytes);
  Value moved = e.mul(e.bits(row, kRowBytes / kChunk - 1), kChunk);
  Value within = e.exclusiveOr(e.bits(byte, kRowBytes - 1), moved);
  Value panel = e.shiftRight(byte, llvm::Log2_64(kRowBytes));
  Value place =
      e.add(e.add(e.mul(panel, panelBytes), e.mul(row, kRowBytes)), within);
  // Of the tile's address no bits below 1024 are set, so that changes are of
  // the sum: they take no registers from one product to the next.
  lanePlace = e.add(
      LLVM::PtrToIntOp::create(e.b, e.loc, e.b.getI32Type(), address), place);
}

SmallVector<Value> SideReader::load(int64_t row, int64_t byte, int64_t bytes) {
  SmallVector<Value> &words = known[{row, byte}];
  if (!words.empty())
    return words;
  constexpr int64_t kChunks = kRowBytes / kChunk;
  int64_t change =
      (row % kChunks * kChunk) ^ (byte % kRowBytes / kChunk * kChunk);
  Value &place = places[change];
  if (!place)
    place =
        LLVM::IntToPtrOp::create(e.b, e.loc, address.getType(),
                                 e.exclusiveOr(lanePlace, e.constant(change)));
  Value from = createByteOffset(
      e.b, e.loc, place,
      row * kRowBytes + byte / kRowBytes * panelBytes + byte % kChunk);
  Type i32 = e.b.getI32Type();
  if (bytes <= kWordBytes) {
    Type type = e.b.getIntegerType(bytes * 8);
    words.push_back(LLVM::LoadOp::create(e.b, e.loc, type, from, bytes));
    return words;
  }
  Value vector = LLVM::LoadOp::create(
      e.b, e.loc, VectorType::get(bytes / kWordBytes, i32), from, bytes);
  for (int64_t i = 0; i < bytes / kWordBytes; ++i)
    words.push_back(
        LLVM::ExtractElementOp::create(e.b, e.loc, vector, e.constant(i)));
  return words;
}

/// A lane's terms are neighbours, of which those of two steps may be a chunk.
SmallVector<Value> SideReader::readAlong(int64_t step, int64_t block) {
  const MatrixInstruction &instruction = order.instruction;
  int64_t perRun = columnsOfRun ? columnsOfRun / instruction.rows : 1;
  int64_t row = block / perRun * columnsOfRun + block % perRun * apart;
  int64_t atOnce = std::min<int64_t>(order.run * kElementBytes, kChunk);
  SmallVector<Value> words;
  for (int64_t number = 0; number < instruction.getNumOperands();) {
    int64_t byte = order.getTerm(step, number) * kElementBytes;
    int64_t first = byte / atOnce * atOnce;
    SmallVector<Value> all = load(row, first, atOnce);
    int64_t held = instruction.depth / instruction.getShares();
    int64_t taken = std::min(held * kElementBytes, atOnce) / kWordBytes;
    ArrayRef<Value> own =
        ArrayRef(all).slice((byte - first) / kWordBytes, taken);
    llvm::append_range(words, own);
    number += taken * kWordBytes / kElementBytes;
  }
  return words;
}

SmallVector<Value> SideReader::loadTerm(int64_t step, int64_t block,
                                        int64_t term) {
  int64_t byte = block / together * columnsOfRun * kElementBytes;
  return load(order.getTerm(step, term), byte, together * kElementBytes);
}

/// Of each term a lane has neighbours, one an instruction: those of two terms
/// are a word.
SmallVector<Value> SideReader::readAcross(int64_t step, int64_t block) {
  const MatrixInstruction &instruction = order.instruction;
  int64_t number = block % together;
  auto get = [&](int64_t term) {
    return loadTerm(step, block, term)[number * kElementBytes / kWordBytes];
  };
  Type i32 = e.b.getI32Type();
  SmallVector<Value> words;
  for (int64_t term = 0; term < instruction.getNumOperands(); term += 2) {
    Value low = get(term), high = get(term + 1);
    if (together == 1) {
      auto pair = VectorType::get(2, e.b.getI16Type());
      Value both = LLVM::PoisonOp::create(e.b, e.loc, pair);
      both =
          LLVM::InsertElementOp::create(e.b, e.loc, both, low, e.constant(0));
      both =
          LLVM::InsertElementOp::create(e.b, e.loc, both, high, e.constant(1));
      words.push_back(LLVM::BitcastOp::create(e.b, e.loc, i32, both));
      continue;
    }
    // v_perm_b32: bytes 0 to 3 are those of the second operand.
    Value selector = e.constant(number % 2 == 0 ? 0x05040100 : 0x07060302);
    words.push_back(LLVM::CallIntrinsicOp::create(
                        e.b, e.loc, i32, e.b.getStringAttr("llvm.amdgcn.perm"),
                        ValueRange{high, low, selector})
                        .getResults());
  }
  return words;
}

void SideReader::fetch(int64_t step, int64_t block) {
  if (!isAcross) {
    readAlong(step, block);
    return;
  }
  for (int64_t term = 0; term < order.instruction.getNumOperands(); ++term)
    loadTerm(step, block, term);
}

SmallVector<Value> SideReader::read(int64_t step, int64_t block) {
  return isAcross ? readAcross(step, block) : readAlong(step, block);
}
