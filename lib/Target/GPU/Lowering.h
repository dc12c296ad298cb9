//===- Lowering.h - from pipe to LLVM's dialects, as its files share it ---===//
//
// The lowering has two steps, for all GPUs alike (Architecture.h).
// `lowerKernel` builds the LLVM function: its parameters, its shared memory,
// barriers, and the branch into roles; what it declares reaches the roles
// through casts from lowered values. A dialect conversion then lowers the
// roles, each tile of registers becoming the registers of one thread.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_GPU_LOWERING_H
#define ATTN_LIB_TARGET_GPU_LOWERING_H

#include "Architecture.h"
#include "dialects/Pipe/Pipe.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"

namespace attn::gpu {

/// Warps of a group.
inline constexpr int64_t kGroupWarps = Architecture::kGroupWarps;

/// On functions: threads of a block, bytes of shared memory that it has, and
/// those that may be spilled of it.
inline constexpr llvm::StringLiteral kBlockThreadsAttr = "attn.block_threads";
inline constexpr llvm::StringLiteral kSharedBytesAttr = "attn.shared_bytes";
inline constexpr llvm::StringLiteral kSpilledBytesAttr = "attn.spilled_bytes";

/// On pipe.each, pipe.clear, pipe.meet, pipe.split, pipe.fill by several warps,
/// and pipe.get of arrays outside of pipe.each: the named barrier at which the
/// threads of the role's first group meet.
inline constexpr llvm::StringLiteral kBarrierAttr = "attn.barrier";
/// With it: the number of that group in the block.
inline constexpr llvm::StringLiteral kFirstGroupAttr = "attn.first_group";

/// On pipe.clear_unset: where in shared memory the groups exchange their bits,
/// and the threads that meet at the op's barrier; on pipe.meet those of its
/// role. On pipe.split and pipe.meet: where a group's warps exchange rows.
inline constexpr llvm::StringLiteral kExchangeAttr = "attn.exchange";
inline constexpr llvm::StringLiteral kThreadsAttr = "attn.threads";
/// Bytes of an exchange: four words a warp.
inline constexpr int64_t kExchangeBytesOfGroup = 64;

/// On pipe.release: the lanes of each warp have read the slot for themselves.
inline constexpr llvm::StringLiteral kByLanesAttr = "attn.by_lanes";
/// On pipe.release: a thread of each warp releases the slot.
inline constexpr llvm::StringLiteral kByWarpsAttr = "attn.by_warps";

/// On fills whose lanes copy: the warps of their role, all of which do.
inline constexpr llvm::StringLiteral kCopyWarpsAttr = "attn.copy_warps";

/// What the roles of a kernel use of its entry.
struct KernelValues {
  const Architecture *architecture = nullptr;
  mlir::LLVM::LLVMFuncOp function;
  int64_t cluster = 1;
  /// Blocks of a multiprocessor at once.
  int64_t blocks = 1;
  /// i32: the thread in the block and in its group of four warps, the lane, and
  /// the warp in the block and in its group, which are uniform over the warp.
  mlir::Value thread, threadInGroup, lane, warp, warpInGroup;
  /// The start of shared memory, and of it where barriers are words of it; null
  /// where they are not.
  mlir::Value shared, barriers;
  /// i1: the first thread of a group of four warps, and the first of a warp.
  mlir::Value isFirstInGroup, isFirstInWarp;
  /// i32: the block's number in its cluster. Null without clusters.
  mlir::Value rank;
  /// The tensor maps, by number.
  llvm::SmallVector<mlir::Value> maps;

  const Primitives &getPrimitives() const { return *architecture->primitives; }
  int64_t getWarpSize() const { return architecture->warpSize; }
  int64_t getGroupThreads() const { return architecture->getGroupThreads(); }
};

/// Address spaces, of all GPUs alike.
inline constexpr unsigned kGlobalSpace = 1, kSharedSpace = 3;

/// A barrier in shared memory: who has come, and what one of them has brought.
inline constexpr int64_t kBarrierBytes = 8;

/// On pipe.fill: the releases of the slot that it waits for.
inline constexpr llvm::StringLiteral kReleasesAttr = "attn.releases";

/// On pipe.wait: the arrivals of a filling.
inline constexpr llvm::StringLiteral kArrivalsAttr = "attn.arrivals";

/// On pipe.fill of a role of one warp that several warps do: the number of its
/// ring among those that the role fills, and by how many one filling of a ring
/// is after the one before; 0 where a ring's fillings are all of one warp.
inline constexpr llvm::StringLiteral kTurnAttr = "attn.turn",
                                     kTurnsAttr = "attn.turns";

/// Writes out the functions of math in `pipe.each`, of which there are no exact
/// instructions.
mlir::LogicalResult expandThreadMath(pipe::KernelOp kernel);

/// Refuses what the GPU cannot run, each at its op.
mlir::LogicalResult verifyKernel(pipe::KernelOp kernel,
                                 const Architecture &architecture);

/// Replaces all kernels of `module` by LLVM functions in which neither ops of
/// `pipe` nor values of its types are left.
mlir::LogicalResult lowerKernels(mlir::ModuleOp module,
                                 const Architecture &architecture);

/// Replaces `kernel` by an LLVM function. Ops of `pipe` remain inside.
mlir::FailureOr<KernelValues> lowerKernel(pipe::KernelOp kernel,
                                          const Architecture &architecture,
                                          mlir::IRRewriter &rewriter);

/// Of roles of one warp whose group's warps may all do what one would: says
/// which fillings each takes. `barrier` is one at which they may meet; whether
/// they do.
bool canShareFillings(pipe::RoleOp role, const Architecture &architecture);
bool shareFillings(pipe::RoleOp role, const KernelValues &values,
                   int64_t barrier, mlir::IRRewriter &rewriter);

/// Where engines copy: gives the rings that a role of one warp fills from pages
/// to a warp each, as starting their many copies holds a warp up, and all
/// others to one more. How many warps do the role.
int64_t splitFillings(pipe::RoleOp role, const Architecture &architecture);

/// Of what a role of one warp does, others see fillings and items that are
/// taken: these are of one lane, all else of all. What lanes copy is of all
/// too.
void leaveToOneLane(pipe::RoleOp role, const KernelValues &values,
                    mlir::IRRewriter &rewriter);

/// What products read of shared memory is what threads wrote before; bulk
/// copies and products that read it by themselves have to be told.
void createSharedFence(mlir::OpBuilder &b, mlir::Location loc,
                       const KernelValues &values);

/// Registers of one thread for a tile or a line.
int64_t getNumRegisters(mlir::RankedTensorType type);

/// The threads of a group meet at the barrier that `op`'s attributes name.
void createGroupBarrier(mlir::OpBuilder &b, mlir::Operation *op,
                        const KernelValues &values);

/// The same; whether the group's first thread has a `value` (i32) other than 0,
/// that of all others being 0. Between two of these the group meets.
mlir::Value meetAndTake(mlir::OpBuilder &b, mlir::Operation *op,
                        mlir::Value value, const KernelValues &values);

/// Computes the numbers of a stream (Stream.h) at the builder's insertion
/// point, by all `threads` of a block, and keeps them at `numbers`, where they
/// are after the block has met.
void createStream(mlir::OpBuilder &b, pipe::WorkOp work,
                  const KernelValues &values, int64_t threads,
                  mlir::Value numbers);

/// Bytes of a block's arrays in global memory.
int64_t countGlobalArrayBytes(pipe::KernelOp kernel);

/// Bytes of shared memory in which the warps of a group exchange rows.
int64_t getSplitBytes(pipe::SplitOp op);

/// Bytes of shared memory in which the warps of a role's groups exchange what
/// each has folded.
int64_t getExchangeBytes(pipe::MeetOp op, const KernelValues &values);

/// Bytes of one part of an item that a group brings to a meeting.
int64_t getMeetingBytes(pipe::MeetOp op, int64_t groupThreads);

/// Bytes of a row that a swizzle moves as one.
inline constexpr int64_t kChunkBytes = 16;

/// The swizzle of slots that threads fill.
inline constexpr int64_t kThreadSwizzle = 128;

/// The threads of a group copy to `slot`. `source` is the tensor's address, its
/// extents and its strides, that of the last dimension too.
void copyByThreads(mlir::OpBuilder &b, pipe::LoadOp load,
                   mlir::ValueRange source, mlir::ValueRange indices,
                   mlir::Value slot, const KernelValues &values);

/// Whether the threads of a group fill a slot with what they have read, and
/// meet; else engines, or lanes that need not wait for others, copy.
bool isFilledByThreads(pipe::FillOp op);

/// The lanes of the role's warps copy to `slot` by `copier`, 16 bytes each at a
/// time.
/// `source` is the tensor's address, its extents and its strides, of which the
/// last dimension has none.
void copyByLanes(mlir::OpBuilder &b, pipe::LoadOp load, mlir::ValueRange source,
                 mlir::ValueRange indices, mlir::Value slot,
                 const KernelValues &values, LaneCopier &copier);

/// The threads of a group write the elements of the slot at `source` to `slot`.
void widenByThreads(mlir::OpBuilder &b, pipe::WidenOp op, mlir::Value source,
                    mlir::Value slot, const KernelValues &values);

/// Elements of a row that a lane gathers at once, as neighbouring registers: a
/// chunk of a tensor whose rows begin at multiples of one, or 1.
int64_t getGatheredTogether(pipe::GatherOp op);

/// The register of a slice along `dim` that register `reg` of the tile is part
/// of.
int64_t getLineRegister(pipe::FragmentAttr fragment, unsigned dim, int64_t reg);

/// What a register of a tile or a line adds to a coordinate along `dim`.
int64_t getRegisterOffset(mlir::RankedTensorType type, unsigned dim,
                          int64_t reg);

/// An integer of type i32.
mlir::Value createI32(mlir::OpBuilder &b, mlir::Location loc, int64_t value);

/// `pointer + offset` bytes, `offset` i32 or a constant.
mlir::Value createByteOffset(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value pointer, mlir::Value offset);
mlir::Value createByteOffset(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value pointer, int64_t offset);

/// A ring in shared memory: its barriers and messages, then its slots.
/// `[full, ...][empty, ...][two messages, ...]...`, 8 bytes each.
struct RingLayout {
  RingLayout(pipe::RingType type, const Architecture &architecture)
      : type(type), architecture(architecture) {}

  static constexpr int64_t kBarrierBytes = 8, kMessageBytes = 4,
                           kMessagesAside = kBarrierBytes / kMessageBytes;

  int64_t getFullOffset() const { return 0; }
  int64_t getEmptyOffset() const { return kBarrierBytes * type.getSlots(); }
  int64_t getMessageOffset(int64_t number) const {
    return (2 + number / kMessagesAside) * getEmptyOffset() +
           number % kMessagesAside * kMessageBytes;
  }
  int64_t getControlBytes() const {
    int64_t asides = llvm::divideCeil(type.getMessages(), kMessagesAside);
    return (2 + asides) * getEmptyOffset();
  }
  int64_t getSlotBytes() const { return type.getSlot().getNumBytes(); }
  /// Arrivals by which a group releases a slot: bulk copies come with products
  /// that are a whole group's, but messages, and sides of products of its own,
  /// each warp reads for itself.
  int64_t getReleasesOfGroup() const;
  /// Arrivals that make a slot ready which `fill` fills.
  int64_t getArrivals(pipe::FillOp fill) const;

  pipe::RingType type;
  const Architecture &architecture;
};

/// What a type of pipe becomes: several values.
class PipeTypeConverter : public mlir::TypeConverter {
public:
  explicit PipeTypeConverter(mlir::MLIRContext *context);
};

void populateClearPatterns(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
void populateCoordPatterns(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
void populateMaskPatterns(const mlir::TypeConverter &converter,
                          const KernelValues &values,
                          mlir::RewritePatternSet &patterns);
void populatePagePatterns(const mlir::TypeConverter &converter,
                          const KernelValues &values,
                          mlir::RewritePatternSet &patterns);
void populateRegisterPatterns(const mlir::TypeConverter &converter,
                              const KernelValues &values,
                              mlir::RewritePatternSet &patterns);
void populateMathPatterns(const mlir::TypeConverter &converter,
                          const KernelValues &values,
                          mlir::RewritePatternSet &patterns);
void populateMeetingPatterns(const mlir::TypeConverter &converter,
                             const KernelValues &values,
                             mlir::RewritePatternSet &patterns);
void populateRingPatterns(const mlir::TypeConverter &converter,
                          const KernelValues &values,
                          mlir::RewritePatternSet &patterns);
void populateSplitPatterns(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
void populateStorePatterns(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
void populateStreamPatterns(const mlir::TypeConverter &converter,
                            const KernelValues &values,
                            mlir::RewritePatternSet &patterns);
void populateSumPatterns(const mlir::TypeConverter &converter,
                         const KernelValues &values,
                         mlir::RewritePatternSet &patterns);
void populateThreadPatterns(const mlir::TypeConverter &converter,
                            const KernelValues &values,
                            mlir::RewritePatternSet &patterns);
void populateWorkPatterns(const mlir::TypeConverter &converter,
                          const KernelValues &values,
                          mlir::RewritePatternSet &patterns);

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_LOWERING_H
