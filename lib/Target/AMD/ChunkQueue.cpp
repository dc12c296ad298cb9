//===- ChunkQueue.cpp - copies by way of registers ------------------------===//

#include "ChunkQueue.h"

#include "Memory.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::gpu;

/// Chunks that are on their way at most, four registers each, and those of them
/// that are stored at a time.
static constexpr size_t kOnTheirWay = 16, kAtOnce = 8;

/// The first `bytes` (i32) of a chunk, and zeros.
static Value keepFirst(OpBuilder &b, Location loc, Value words, Value bytes) {
  Type i64 = b.getI64Type();
  auto i64Constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(b, loc, i64, value);
  };
  for (int64_t i = 0; i < kChunkBytes / 4; ++i) {
    // Bits of the word that are beyond: 0 to 32.
    Value beyond =
        arith::SubIOp::create(b, loc, createI32(b, loc, 4 * (i + 1)), bytes);
    beyond = arith::MaxSIOp::create(b, loc, beyond, createI32(b, loc, 0));
    beyond = arith::MinSIOp::create(b, loc, beyond, createI32(b, loc, 4));
    beyond = arith::MulIOp::create(b, loc, beyond, createI32(b, loc, 8));
    Value mask =
        arith::ShRUIOp::create(b, loc, i64Constant(0xffffffff),
                               arith::ExtUIOp::create(b, loc, i64, beyond));
    mask = arith::TruncIOp::create(b, loc, b.getI32Type(), mask);
    Value at = createI32(b, loc, i);
    Value word = LLVM::ExtractElementOp::create(b, loc, words, at);
    word = arith::AndIOp::create(b, loc, word, mask);
    words = LLVM::InsertElementOp::create(b, loc, words, word, at);
  }
  return words;
}

void ChunkQueue::copy(OpBuilder &b, Location loc, Value dest, Value source,
                      Value bytes, bool isWhole) {
  Value exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, bytes,
                                       createI32(b, loc, 0));
  Value words = loadChunkIf(b, loc, source, exists);
  if (!isWhole)
    words = keepFirst(b, loc, words, bytes);
  chunks.push_back({dest, words});
  if (chunks.size() == kOnTheirWay)
    store(b, loc, kAtOnce);
}

void ChunkQueue::store(OpBuilder &b, Location loc, size_t count) {
  if (!hasWaited)
    wait();
  hasWaited = true;
  for (const Chunk &chunk : ArrayRef(chunks).take_front(count))
    LLVM::StoreOp::create(b, loc, chunk.words, chunk.dest, kChunkBytes);
  chunks.erase(chunks.begin(), chunks.begin() + count);
}

void ChunkQueue::finish(OpBuilder &b, Location loc, Value full,
                        const KernelValues &values, Value, bool) {
  store(b, loc, chunks.size());
  primitives.arriveIf(b, loc, full, values.isFirstInWarp);
}
