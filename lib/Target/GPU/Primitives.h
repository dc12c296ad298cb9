//===- Primitives.h - what vendors' GPUs do by other instructions -*- C++ -*-=//
//
// One lowering serves all GPUs. Where it needs more than arithmetic, loads and
// stores it asks these for the instructions. All are written at the builder's
// insertion point, for each thread that comes there; `predicate` (i1) says
// which threads do something.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_GPU_PRIMITIVES_H
#define ATTN_LIB_TARGET_GPU_PRIMITIVES_H

#include "dialects/Pipe/Pipe.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"

namespace attn::gpu {

struct KernelValues;

/// Types of 8 bits that words hold four of.
enum class ByteType { E4M3, E5M2, Signed };
ByteType getByteType(mlir::Type element);

/// What the lanes of a warp come to together.
enum class WarpReduction { Add, Max };

/// Who waits at a ring: one that has nothing else to do and may leave its place
/// to others, or one on the way to a product.
enum class Waiter { Ahead, Needed };

/// Copies of chunks from global to shared memory by the lanes of a warp.
class LaneCopier {
public:
  virtual ~LaneCopier();

  /// Whether copies may stand in a loop; else all are written out.
  virtual bool mayLoop() const = 0;
  /// Copies the first `bytes` (i32) of 16 from `source` to `dest` and fills the
  /// rest with zeros; of `isWhole` that are 0 or 16.
  virtual void copy(mlir::OpBuilder &b, mlir::Location loc, mlir::Value dest,
                    mlir::Value source, mlir::Value bytes, bool isWhole) = 0;
  /// After the last copy: makes the slot ready whose `full` counter is given,
  /// for which the lane that `isSender` names has stored messages if
  /// `hasMessages`.
  virtual void finish(mlir::OpBuilder &b, mlir::Location loc, mlir::Value full,
                      const KernelValues &values, mlir::Value isSender,
                      bool hasMessages) = 0;
};

class Primitives {
public:
  virtual ~Primitives();

  //===-- Kernels ---------------------------------------------------------===//

  virtual void addLegalDialects(mlir::ConversionTarget &target) const = 0;
  /// Of blocks of so many threads, of which a multiprocessor has `blocks` at
  /// once.
  virtual void setKernelAttributes(mlir::LLVM::LLVMFuncOp function,
                                   int64_t threads, int64_t blocks,
                                   int64_t cluster) const = 0;

  //===-- Threads ---------------------------------------------------------===//

  /// Numbers of type i32.
  virtual mlir::Value getThread(mlir::OpBuilder &b,
                                mlir::Location loc) const = 0;
  virtual mlir::Value getBlock(mlir::OpBuilder &b,
                               mlir::Location loc) const = 0;
  virtual mlir::Value getNumBlocks(mlir::OpBuilder &b,
                                   mlir::Location loc) const = 0;

  /// An i32 of the warp's first lane, known to be the same in all lanes.
  virtual mlir::Value takeFirst(mlir::OpBuilder &b, mlir::Location loc,
                                mlir::Value value) const = 0;
  /// Of 32 bits, the value that lane `lane` has.
  virtual mlir::Value take(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value value, int64_t lane) const = 0;
  /// The same of a lane that all lanes agree about.
  virtual mlir::Value takeFrom(mlir::OpBuilder &b, mlir::Location loc,
                               mlir::Value value, mlir::Value lane) const = 0;
  /// Of 32 bits: of the lane whose number differs in the bits of `mask`, a
  /// power of 2; of the lane `lanes` lower, or anything where there is none.
  virtual mlir::Value shuffleXor(mlir::OpBuilder &b, mlir::Location loc,
                                 mlir::Value value, int64_t mask) const = 0;
  virtual mlir::Value shuffleUp(mlir::OpBuilder &b, mlir::Location loc,
                                mlir::Value value, int64_t lanes) const = 0;
  /// What the i32 of all lanes come to.
  virtual mlir::Value reduce(mlir::OpBuilder &b, mlir::Location loc,
                             WarpReduction kind, mlir::Value value) const = 0;

  //===-- Barriers --------------------------------------------------------===//

  /// All threads of the block meet.
  virtual void meetBlock(mlir::OpBuilder &b, mlir::Location loc) const = 0;
  /// `threads` meet at barrier number `barrier` (i32); or arrive there for
  /// others that wait.
  virtual void meet(mlir::OpBuilder &b, mlir::Location loc,
                    const KernelValues &values, mlir::Value barrier,
                    int64_t threads) const = 0;
  virtual void arrive(mlir::OpBuilder &b, mlir::Location loc,
                      const KernelValues &values, mlir::Value barrier,
                      int64_t threads) const = 0;
  /// As `meet`; whether the group's first thread has a `value` (i32) other than
  /// 0, that of all others being 0. Between two of these the group meets.
  virtual mlir::Value meetAndTake(mlir::OpBuilder &b, mlir::Location loc,
                                  const KernelValues &values,
                                  mlir::Value barrier, int64_t threads,
                                  mlir::Value value) const = 0;

  //===-- Rings -----------------------------------------------------------===//

  /// A slot has two counters of 8 bytes: `full` counts who has filled it, and
  /// `empty` who has released it. Begins with one of which `arrivals` make a
  /// phase.
  virtual void initCounter(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value counter, int64_t arrivals) const = 0;
  /// The phase (i32) after or before `phase`, `one` being 1; the first one is
  /// 0, and the one before it counts as completed.
  virtual mlir::Value getNextPhase(mlir::OpBuilder &b, mlir::Location loc,
                                   mlir::Value phase,
                                   mlir::Value one) const = 0;
  virtual mlir::Value getLastPhase(mlir::OpBuilder &b, mlir::Location loc,
                                   mlir::Value phase,
                                   mlir::Value one) const = 0;
  /// Waits until the slot has been filled in `phase`, by `arrivals` a phase.
  virtual void waitFilled(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value full, mlir::Value phase,
                          int64_t arrivals) const = 0;
  /// Waits until what was in the slot in `phase` has been released, by
  /// `releases` a phase.
  virtual void waitReleased(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value empty, mlir::Value phase,
                            int64_t releases, Waiter waiter) const = 0;
  /// One arrival, after what the thread has read and written.
  virtual void arriveIf(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value counter, mlir::Value predicate) const = 0;
  /// Lets one lane arrive for all of the warp.
  virtual void joinWarp(mlir::OpBuilder &b, mlir::Location loc) const = 0;
  /// The i32 at a shared `address`, known to be the same in all lanes.
  virtual mlir::Value readMessage(mlir::OpBuilder &b, mlir::Location loc,
                                  const KernelValues &values,
                                  mlir::Value address) const = 0;

  /// Arrivals of copies by the lanes of so many warps that make a slot ready.
  virtual int64_t getCopyArrivals(int64_t warps, bool hasMessages) const = 0;
  /// Begins a filling by the lanes of the role's warps. `wait` writes that the
  /// slot may be written.
  virtual std::unique_ptr<LaneCopier>
  createLaneCopier(mlir::OpBuilder &b,
                   llvm::function_ref<void()> wait) const = 0;
  /// Before a role of one warp ends: what its lanes have started is done.
  virtual void finishCopies(mlir::OpBuilder &b, mlir::Location loc) const = 0;

  //===-- Memory ----------------------------------------------------------===//

  /// The element of `bits` (at least 8) at `address` in global memory that
  /// nobody writes where `predicate` holds, else zero; as an integer of 32 or
  /// 64 bits.
  virtual mlir::Value loadGlobalIf(mlir::OpBuilder &b, mlir::Location loc,
                                   mlir::Value address, unsigned bits,
                                   mlir::Value predicate) const = 0;
  virtual bool canPrefetch() const { return false; }
  /// Asks for the bytes around `address` in global memory, which the cache that
  /// blocks share is to have soon; nothing if the GPU cannot.
  virtual void prefetch(mlir::OpBuilder &, mlir::Location,
                        mlir::Value /*address*/) const {}
  /// Registers that one store may have, a vector of them.
  virtual int64_t getStoreRegisters() const = 0;
  /// Stores `value` (f32, i32, i16) `offset` bytes from `address`.
  virtual void storeGlobalIf(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value address, int64_t offset,
                             mlir::Value value,
                             mlir::Value predicate) const = 0;
  /// Four registers (i32) to or from 16 bytes of global memory that blocks
  /// share; zeros where `predicate` does not hold.
  virtual void storeChunkIf(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value address, int64_t offset,
                            mlir::ValueRange registers,
                            mlir::Value predicate) const = 0;
  virtual llvm::SmallVector<mlir::Value>
  loadChunkIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value address,
              int64_t offset, mlir::Value predicate) const = 0;
  /// Adds an i32 in global memory and gives what was there before; orders
  /// nothing.
  virtual mlir::Value count(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value address, mlir::Value value) const = 0;
  /// The same between threads of the device: it releases what threads have
  /// stored that have met this one after `release`, and what they load after
  /// they have met it and `acquire` is what others had released.
  virtual mlir::Value exchange(mlir::OpBuilder &b, mlir::Location loc,
                               mlir::Value address,
                               mlir::Value value) const = 0;
  virtual void release(mlir::OpBuilder &b, mlir::Location loc) const = 0;
  virtual void acquire(mlir::OpBuilder &b, mlir::Location loc) const = 0;

  //===-- Numbers ---------------------------------------------------------===//

  /// Of f32, approximately.
  virtual mlir::Value exp2(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value value) const = 0;
  virtual mlir::Value log2(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value value) const = 0;
  virtual mlir::Value invert(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value value) const = 0;
  /// To about 2^-11 of its value.
  virtual mlir::Value tanh(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value value) const = 0;

  /// Two f32 as elements of 16 bits of an i32, `low` in the lower half.
  virtual mlir::Value pack(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value low, mlir::Value high,
                           bool isBF16) const = 0;
  /// The four numbers of `word` (i32) as two words of two bf16 (f16 unless
  /// `isBF16`), all exact.
  virtual llvm::SmallVector<mlir::Value>
  widenBytes(mlir::OpBuilder &b, mlir::Location loc, mlir::Value word,
             ByteType type, bool isBF16) const = 0;
  /// The nearest number of `type`, a float, to `value` (f32), the largest one
  /// where that is beyond it: the last 8 bits of an integer.
  virtual mlir::Value narrowToByte(mlir::OpBuilder &b, mlir::Location loc,
                                   mlir::Value value, ByteType type) const = 0;

  //===-- Bits ------------------------------------------------------------===//

  /// Whether both predicates hold.
  virtual mlir::Value join(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value lhs, mlir::Value rhs) const = 0;
  /// `width` (i32) bits from the lowest on; all if there are fewer.
  virtual mlir::Value makeMask(mlir::OpBuilder &b, mlir::Location loc,
                               mlir::Value width) const = 0;
  /// Whether bit number `bit` of `word` (i32) is set.
  virtual mlir::Value testBit(mlir::OpBuilder &b, mlir::Location loc,
                              mlir::Value word, unsigned bit) const = 0;
};

/// Engines that copy boxes of tensors, with what comes along: clusters, whose
/// blocks share what is copied, and another proxy by which products and copies
/// see shared memory.
class BulkCopies {
public:
  virtual ~BulkCopies();

  /// Numbers the tensor maps that a kernel takes, and tells how many there are.
  virtual mlir::FailureOr<size_t> assignMaps(pipe::KernelOp kernel) const = 0;
  /// Says of an argument that it is a map.
  virtual void setMapAttributes(mlir::LLVM::LLVMFuncOp function,
                                unsigned argument) const = 0;
  virtual void prefetchMap(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value map) const = 0;
  /// After counters of rings have been initialised.
  virtual void fenceCounters(mlir::OpBuilder &b, mlir::Location loc) const = 0;
  /// What products read of shared memory is what threads wrote before, and what
  /// copies write comes after what threads have read.
  virtual void fenceShared(mlir::OpBuilder &b, mlir::Location loc) const = 0;

  /// The block's number in its cluster (i32), whose threads all meet.
  virtual mlir::Value getRank(mlir::OpBuilder &b, mlir::Location loc) const = 0;
  virtual void meetCluster(mlir::OpBuilder &b, mlir::Location loc) const = 0;
  /// One arrival at the counter of block `rank` that is `counter` in this one.
  virtual void arriveAt(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value counter, mlir::Value rank,
                        mlir::Value predicate) const = 0;

  /// One lane of the warp.
  virtual mlir::Value electLane(mlir::OpBuilder &b,
                                mlir::Location loc) const = 0;
  /// Lets one thread start the copies in the body of `fill`, which are to come
  /// to the address that `createSlot` writes; `full` counts their bytes.
  virtual mlir::LogicalResult
  start(pipe::FillOp fill, mlir::Value full,
        llvm::function_ref<mlir::Value()> createSlot,
        const KernelValues &values,
        mlir::ConversionPatternRewriter &rewriter) const = 0;
  /// Before a role ends that has started stores: they are done.
  virtual void finishStores(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value predicate) const = 0;
  /// Adds the patterns of stores from shared memory.
  virtual void populateStores(const mlir::TypeConverter &converter,
                              const KernelValues &values,
                              mlir::RewritePatternSet &patterns) const = 0;
};

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_PRIMITIVES_H
