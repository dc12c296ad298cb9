//===- LowerKernel.cpp - a kernel's parameters and memory -----------------===//
//
// Shared memory: the control blocks of all rings, then their slots and the
// tiles and arrays in the order of the program, tiles aligned to the 1024 bytes
// of a swizzle atom.
//
//===----------------------------------------------------------------------===//

#include "ElementAccess.h"
#include "KernelLowering.h"
#include "Stream.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Of what launches give all kernels, and what each has of its own.
static constexpr StringLiteral kSharedSymbol = "attn_shared_memory";
static constexpr int64_t kTileAlignment = 1024, kArrayAlignment = 16;

/// Entries of a table that come from memory together.
static constexpr int64_t kEntriesOfLine = 32;

KernelLowering::KernelLowering(KernelOp kernel,
                               const Architecture &architecture,
                               IRRewriter &rewriter)
    : kernel(kernel), architecture(architecture), rewriter(rewriter),
      loc(kernel.getLoc()), groupThreads(architecture.getGroupThreads()) {
  values.architecture = &architecture;
  symbol = kSharedSymbol;
  if (architecture.hasFixedShared)
    symbol += ("_" + kernel.getSymName()).str();
}

bool attn::gpu::isFilledByThreads(FillOp op) {
  auto isStrided = [](LoadOp load) {
    return load.getSource().getType().getStrided();
  };
  return llvm::any_of(op.getBody().getOps<LoadOp>(), isStrided) ||
         !op.getBody().getOps<WidenOp>().empty();
}

Value KernelLowering::createShuffled(Value value) {
  // What all lanes take from lane 0 is in uniform registers.
  return architecture.primitives->takeFirst(rewriter, loc, value);
}

Value KernelLowering::createIsFirst() {
  return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                               values.thread, i32(0));
}

void KernelLowering::replaceByCast(Operation *op, ValueRange lowered) {
  auto cast = UnrealizedConversionCastOp::create(rewriter, op->getLoc(),
                                                 op->getResultTypes(), lowered);
  rewriter.replaceOp(op, cast.getResults());
}

LogicalResult KernelLowering::createFunction() {
  MLIRContext *context = rewriter.getContext();
  PipeTypeConverter converter(context);
  SmallVector<Type> types;
  SmallVector<unsigned> numValues;
  for (Type type : kernel.getArgumentTypes()) {
    size_t before = types.size();
    if (failed(converter.convertType(type, types)))
      return kernel.emitOpError("expects arguments that a kernel can take, but "
                                "got ")
             << type;
    numValues.push_back(types.size() - before);
  }
  FailureOr<size_t> numMaps = 0;
  if (architecture.bulk)
    numMaps = architecture.bulk->assignMaps(kernel);
  if (failed(numMaps))
    return failure();
  size_t firstMap = types.size();
  Type pointer = LLVM::LLVMPointerType::get(context);
  types.append(*numMaps, pointer);
  WorkOp work = kernel.getWork();
  // Dynamic work has a counter, a stream counters and a workspace.
  unsigned numPointers = 0;
  if (work && work.getWork().getType().getKind() == WorkKind::Dynamic)
    numPointers = 1;
  if (work && work.getWork().getType().getKind() == WorkKind::Stream)
    numPointers = 2;
  // The memory of arrays that are not in shared memory comes last.
  globalBytes = countGlobalArrayBytes(kernel);
  if (globalBytes != 0)
    ++numPointers;
  types.append(numPointers, LLVM::LLVMPointerType::get(context, kGlobalSpace));

  rewriter.setInsertionPoint(kernel);
  auto function = LLVM::LLVMFuncOp::create(
      rewriter, loc, kernel.getSymName(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
  values.function = function;
  for (size_t i = 0; i < *numMaps; ++i)
    architecture.bulk->setMapAttributes(function, firstMap + i);
  Block *entry = function.addEntryBlock(rewriter);
  for (size_t i = 0; i < *numMaps; ++i)
    values.maps.push_back(entry->getArgument(firstMap + i));
  llvm::append_range(workMemory, entry->getArguments().take_back(numPointers));
  if (globalBytes != 0)
    globalArrays = workMemory.pop_back_val();

  // The kernel's arguments, as casts from the function's.
  rewriter.setInsertionPointToStart(entry);
  SmallVector<Value> replacements;
  unsigned next = 0;
  for (auto [type, count] :
       llvm::zip_equal(kernel.getArgumentTypes(), numValues)) {
    ValueRange lowered = entry->getArguments().slice(next, count);
    next += count;
    if (isa<GlobalType>(type))
      replacements.push_back(
          UnrealizedConversionCastOp::create(rewriter, loc, type, lowered)
              .getResult(0));
    else
      replacements.push_back(lowered.front());
  }
  createEntry();
  prefetchMaps();
  rewriter.eraseOp(kernel.getBody().front().getTerminator());
  rewriter.inlineBlockBefore(&kernel.getBody().front(), entry, entry->end(),
                             replacements);
  prefetchTables();
  return success();
}

/// Copies need them when threads have read how much there is to do: they are on
/// their way while threads wait for that.
void KernelLowering::prefetchMaps() {
  if (values.maps.empty())
    return;
  auto isFirst = scf::IfOp::create(rewriter, loc, createIsFirst(),
                                   /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(isFirst.thenBlock());
  for (Value map : values.maps)
    architecture.bulk->prefetchMap(rewriter, loc, map);
}

void KernelLowering::createEntry() {
  MLIRContext *context = rewriter.getContext();
  Type type = LLVM::LLVMPointerType::get(context, kSharedSpace);
  shared = LLVM::AddressOfOp::create(rewriter, loc, type, symbol);
  values.shared = shared;
  auto bits = [&](Value value, int64_t mask) -> Value {
    return arith::AndIOp::create(rewriter, loc, value, i32(mask));
  };
  values.thread = architecture.primitives->getThread(rewriter, loc);
  values.threadInGroup = bits(values.thread, groupThreads - 1);
  values.lane = bits(values.thread, architecture.warpSize - 1);
  Value warp = createShuffled(arith::ShRUIOp::create(
      rewriter, loc, values.thread, i32(llvm::Log2_64(architecture.warpSize))));
  values.warp = warp;
  values.warpInGroup = bits(warp, kGroupWarps - 1);
  auto isZero = [&](Value value) -> Value {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, value,
                                 i32(0));
  };
  values.isFirstInGroup = isZero(values.threadInGroup);
  values.isFirstInWarp = isZero(values.lane);
  values.cluster = kernel.getCluster();
  values.blocks = kernel.getBlocks();
  if (values.cluster > 1)
    values.rank = architecture.bulk->getRank(rewriter, loc);
}

SmallVector<Value> KernelLowering::createTile(int64_t offset) {
  Value address = createByteOffset(rewriter, loc, shared, offset);
  Value bits =
      LLVM::PtrToIntOp::create(rewriter, loc, rewriter.getI32Type(), address);
  bits = arith::ShRUIOp::create(rewriter, loc, bits, i32(4));
  bits = arith::AndIOp::create(rewriter, loc, bits, i32(0x3fff));
  bits = arith::ExtUIOp::create(rewriter, loc, rewriter.getI64Type(), bits);
  return {address, bits};
}

int64_t KernelLowering::allocate(Operation *op, int64_t bytes,
                                 int64_t alignment) {
  int64_t offset = llvm::alignTo(tileOffset, alignment);
  tileOffset = offset + bytes;
  sharedTiles.push_back({op->getLoc(), bytes});
  return offset;
}

int64_t RingLayout::getReleasesOfGroup() const {
  return type.getMessages() || !architecture.bulk ? kGroupWarps : 1;
}

int64_t RingLayout::getArrivals(FillOp fill) const {
  if (!fill || architecture.bulk || isFilledByThreads(fill))
    return 1;
  return architecture.primitives->getCopyArrivals(
      fill->getParentOfType<RoleOp>().getWarps(),
      /*hasMessages=*/type.getMessages() != 0);
}

/// Calls `visit` for what uses the ring, itself or as one of several of which
/// each group has its own.
static void visitUsers(Value ring,
                       llvm::function_ref<void(Operation *)> visit) {
  for (Operation *user : ring.getUsers()) {
    if (auto own = dyn_cast<arith::SelectOp>(user))
      visitUsers(own.getResult(), visit);
    else
      visit(user);
  }
}

/// Whether warps read the ring's slots each for itself, as sides of products of
/// which they have shares.
static bool isReadInShares(Value ring) {
  bool isRead = false;
  visitUsers(ring, [&](Operation *user) {
    isRead |= isa<WaitOp>(user) &&
              llvm::any_of(user->getUsers(), [](Operation *reader) {
                auto product = dyn_cast<MmaAsyncOp>(reader);
                return product && product.getNumShares() > 1;
              });
  });
  return isRead;
}

void KernelLowering::lowerRing(RingOp ring) {
  RingType type = ring.getRing().getType();
  RingLayout layout(type, architecture);
  FillOp fill;
  visitUsers(ring.getRing(), [&](Operation *user) {
    if (auto found = dyn_cast<FillOp>(user))
      fill = found;
  });
  rewriter.setInsertionPoint(ring);
  Value control = createByteOffset(rewriter, loc, shared, controlOffset);
  SmallVector<Value> lowered{control};
  llvm::append_range(lowered, createTile(allocate(
                                  ring, layout.getSlotBytes() * type.getSlots(),
                                  kTileAlignment)));
  bool isReadByLanes = isReadInShares(ring.getRing());
  bool isByWarps = isReadByLanes || ring.getByWarps();
  int64_t ofGroup = isByWarps ? kGroupWarps : layout.getReleasesOfGroup();
  int64_t releases =
      ring.getReaders() * ofGroup * (type.getCluster() ? values.cluster : 1);
  int64_t arrivals = layout.getArrivals(fill);
  visitUsers(ring.getRing(), [&](Operation *user) {
    if (isa<FillOp>(user))
      user->setAttr(kReleasesAttr, rewriter.getI64IntegerAttr(releases));
    if (isa<ReleaseOp>(user) && isReadByLanes)
      user->setAttr(kByLanesAttr, rewriter.getUnitAttr());
    if (isa<ReleaseOp>(user) && isByWarps)
      user->setAttr(kByWarpsAttr, rewriter.getUnitAttr());
    if (isa<WaitOp>(user))
      user->setAttr(kArrivalsAttr, rewriter.getI64IntegerAttr(arrivals));
  });
  for (int64_t slot = 0; slot < type.getSlots(); ++slot) {
    int64_t base = controlOffset + slot * RingLayout::kBarrierBytes;
    barriers.push_back({base + layout.getFullOffset(), arrivals});
    barriers.push_back({base + layout.getEmptyOffset(), releases});
  }
  controlOffset += layout.getControlBytes();
  replaceByCast(ring, lowered);
}

int64_t attn::gpu::countGlobalArrayBytes(KernelOp kernel) {
  int64_t bytes = 0;
  for (auto array : kernel.getBody().getOps<ArrayOp>())
    if (array.getArray().getType().getGlobal())
      bytes += llvm::alignTo(array.getArray().getType().getNumBytes(),
                             kArrayAlignment);
  return bytes;
}

Value KernelLowering::allocateArray(ArrayOp array) {
  ArrayType type = array.getArray().getType();
  if (!type.getGlobal())
    return createByteOffset(
        rewriter, loc, shared,
        allocate(array, type.getNumBytes(), kArrayAlignment));
  Value block = architecture.primitives->getBlock(rewriter, loc);
  Type wide = rewriter.getI64Type();
  Value offset = arith::MulIOp::create(
      rewriter, loc, arith::ExtUIOp::create(rewriter, loc, wide, block),
      arith::ConstantIntOp::create(rewriter, loc, wide, globalBytes));
  Value own = LLVM::GEPOp::create(rewriter, loc, globalArrays.getType(),
                                  rewriter.getI8Type(), globalArrays,
                                  LLVM::GEPArg(offset));
  Value address = createByteOffset(rewriter, loc, own, globalOffset);
  globalOffset += llvm::alignTo(type.getNumBytes(), kArrayAlignment);
  return address;
}

/// In a stream the first pages are looked up when the line of steps has been
/// cut, after waiting for lengths: by then warps have asked for the beginnings
/// of a table's rows, one each and a line a lane.
void KernelLowering::prefetchTables() {
  const Primitives &primitives = *architecture.primitives;
  auto works = values.function.getBody().front().getOps<WorkOp>();
  bool isStream =
      llvm::any_of(works, [](WorkOp work) { return !work.getSteps().empty(); });
  llvm::SmallSetVector<Value, 1> tables;
  if (isStream && primitives.canPrefetch())
    values.function.walk([&](PagesOp op) { tables.insert(op.getTable()); });
  if (tables.empty())
    return;
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointAfterValue(values.isFirstInWarp);
  auto mul = [&](Value x, Value y) -> Value {
    return arith::MulIOp::create(rewriter, loc, x, y);
  };
  Value entry = mul(values.lane, i32(kEntriesOfLine));
  Value warp = arith::AddIOp::create(
      rewriter, loc, primitives.getBlock(rewriter, loc),
      mul(values.warp, primitives.getNumBlocks(rewriter, loc)));
  for (Value table : tables) {
    ValueRange lowered =
        table.getDefiningOp<UnrealizedConversionCastOp>().getOperands();
    auto type = cast<GlobalType>(table.getType());
    ValueRange extents = lowered.slice(1, type.getRank());
    SmallVector<Value> indices(extents.size());
    indices.back() = entry;
    Value row = warp;
    for (size_t dim = extents.size() - 1; dim-- > 1;) {
      // An empty tensor has nothing to divide by.
      Value extent =
          arith::MaxUIOp::create(rewriter, loc, extents[dim], i32(1));
      Value next = arith::DivUIOp::create(rewriter, loc, row, extent);
      indices[dim] =
          arith::SubIOp::create(rewriter, loc, row, mul(next, extent));
      row = next;
    }
    bool hasRows = extents.size() > 1;
    if (hasRows)
      indices.front() = row;
    SmallVector<ValueRange> ranges(indices.begin(), indices.end());
    ElementAccess access(rewriter, loc, type, lowered, ranges);
    if (!hasRows)
      access.restrict(arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::eq, row, i32(0)));
    access.prefetch(primitives);
  }
}

LogicalResult KernelLowering::lowerDeclarations() {
  Block &entry = values.function.getBody().front();
  int64_t controlBytes = 0;
  for (RingOp ring : entry.getOps<RingOp>())
    controlBytes +=
        RingLayout(ring.getRing().getType(), architecture).getControlBytes();
  int64_t barriersOffset = controlBytes;
  if (!architecture.hasNamedBarriers) {
    controlBytes += kNumNamedBarriers * kBarrierBytes;
    rewriter.setInsertionPointAfterValue(values.isFirstInWarp);
    values.barriers = createByteOffset(rewriter, loc, shared, barriersOffset);
    for (int64_t at = barriersOffset; at < controlBytes; at += kBarrierBytes)
      barriers.push_back({at, 0});
  }
  tileOffset = controlBytes;

  for (Operation &op : llvm::make_early_inc_range(entry)) {
    rewriter.setInsertionPoint(&op);
    if (auto ring = dyn_cast<RingOp>(op)) {
      lowerRing(ring);
    } else if (auto tile = dyn_cast<SharedTileOp>(op)) {
      int64_t bytes = tile.getTile().getType().getNumBytes();
      replaceByCast(tile, createTile(allocate(tile, bytes, kTileAlignment)));
    } else if (auto array = dyn_cast<ArrayOp>(op)) {
      replaceByCast(array, allocateArray(array));
    } else if (auto turn = dyn_cast<TurnOp>(op)) {
      int64_t groups = turn.getTurn().getType().getGroups();
      if (nextNamedBarrier + groups > kNumNamedBarriers)
        return turn.emitOpError("expects at most ")
               << kNumNamedBarriers - 1
               << " groups in all turns, one named barrier each, but got more";
      Value first = i32(nextNamedBarrier);
      nextNamedBarrier += groups;
      replaceByCast(turn, first);
    } else if (auto work = dyn_cast<WorkOp>(op)) {
      SmallVector<Value> lowered{work.getItems()};
      if (!work.getSteps().empty()) {
        lowered = {createByteOffset(
            rewriter, loc, shared, allocate(work, kStreamBytes, kStreamBytes))};
        createStream(rewriter, work, values, numThreads, lowered.front());
      }
      llvm::append_range(lowered, workMemory);
      replaceByCast(work, lowered);
    }
  }
  // One at a time is in use, as all groups meet.
  int64_t groups = 0, offset = -1;
  values.function.walk([&](ClearUnsetOp clear) {
    groups =
        std::max<int64_t>(groups, clear->getParentOfType<RoleOp>().getGroups());
  });
  if (groups > 0)
    offset = allocate(values.function, groups * kExchangeBytesOfGroup,
                      kArrayAlignment);
  values.function.walk([&](ClearUnsetOp clear) {
    clear->setAttr(kExchangeAttr, rewriter.getI64IntegerAttr(offset));
  });
  // So of these, which one group has.
  int64_t bytes = 0;
  values.function.walk(
      [&](SplitOp split) { bytes = std::max(bytes, getSplitBytes(split)); });
  if (bytes > 0)
    offset = allocate(values.function, bytes, kArrayAlignment);
  values.function.walk([&](SplitOp split) {
    split->setAttr(kExchangeAttr, rewriter.getI64IntegerAttr(offset));
  });
  // Without room for it one warp folds alone.
  bytes = 0;
  values.function.walk([&](MeetOp meet) {
    bytes = std::max(bytes, getExchangeBytes(meet, values));
  });
  int64_t most = architecture.getModel(/*anyStrides=*/false)
                     .getSharedBytes(kernel.getBlocks());
  if (bytes > 0 && tileOffset + kArrayAlignment + bytes <= most) {
    offset = allocate(values.function, bytes, kArrayAlignment);
    values.function.walk([&](MeetOp meet) {
      meet->setAttr(kExchangeAttr, rewriter.getI64IntegerAttr(offset));
    });
  }
  if (architecture.getOverread)
    tileOffset += architecture.getOverread(values.function);
  if (tileOffset <= most)
    return success();
  InFlightDiagnostic diag = kernel.emitOpError("expects at most ")
                            << most << " bytes of shared memory, but got "
                            << tileOffset;
  for (auto [where, bytes] : sharedTiles)
    diag.attachNote(where) << bytes << " bytes are here";
  return diag;
}

LogicalResult KernelLowering::initialise() {
  auto ifOp =
      scf::IfOp::create(rewriter, loc, createIsFirst(), /*withElse=*/false);
  {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    for (auto [offset, count] : barriers)
      architecture.primitives->initCounter(
          rewriter, loc, createByteOffset(rewriter, loc, shared, offset),
          count);
    if (architecture.bulk)
      architecture.bulk->fenceCounters(rewriter, loc);
  }
  if (values.cluster > 1)
    architecture.bulk->meetCluster(rewriter, loc);
  else
    architecture.primitives->meetBlock(rewriter, loc);
  return success();
}

FailureOr<KernelValues> KernelLowering::run() {
  // That is what pipe.if_any is there for.
  bool addsDigits = kernel.walk([](IfAnyOp) { return WalkResult::interrupt(); })
                        .wasInterrupted();
  if (failed(createFunction()) || failed(countThreads()) ||
      failed(lowerDeclarations()) || failed(lowerRoles()))
    return failure();
  LLVM::LLVMFuncOp function = values.function;
  rewriter.setInsertionPointToEnd(&function.getBody().front());
  LLVM::ReturnOp::create(rewriter, loc, ValueRange());

  function->setAttr(kBlockThreadsAttr, rewriter.getI64IntegerAttr(numThreads));
  function->setAttr(kSharedBytesAttr, rewriter.getI64IntegerAttr(tileOffset));
  // Of several blocks none has many registers, and steps spill too.
  int64_t spilled = addsDigits && kernel.getBlocks() == 1
                        ? architecture.digitSpilledBytes
                        : architecture.spilledBytes;
  function->setAttr(kSpilledBytesAttr, rewriter.getI64IntegerAttr(spilled));
  // Without it every exp2 is scaled around denormal arguments.
  function.setPassthroughAttr(rewriter.getArrayAttr(rewriter.getStrArrayAttr(
      {"denormal-fp-math-f32", "preserve-sign,preserve-sign"})));
  architecture.primitives->setKernelAttributes(
      function, numThreads, kernel.getBlocks(), values.cluster);

  auto module = function->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(symbol)) {
    bool isFixed = architecture.hasFixedShared;
    rewriter.setInsertionPointToStart(module.getBody());
    auto global = LLVM::GlobalOp::create(
        rewriter, loc,
        LLVM::LLVMArrayType::get(rewriter.getI8Type(),
                                 isFixed ? tileOffset : 0),
        /*isConstant=*/false,
        isFixed ? LLVM::Linkage::Internal : LLVM::Linkage::External, symbol,
        Attribute(), kTileAlignment, kSharedSpace);
    // Nobody initialises shared memory.
    if (isFixed) {
      rewriter.createBlock(&global.getInitializer());
      Value none =
          LLVM::PoisonOp::create(rewriter, loc, global.getGlobalType());
      LLVM::ReturnOp::create(rewriter, loc, none);
    }
  }
  rewriter.eraseOp(kernel);
  return values;
}

FailureOr<KernelValues> attn::gpu::lowerKernel(KernelOp kernel,
                                               const Architecture &arch,
                                               IRRewriter &rewriter) {
  return KernelLowering(kernel, arch, rewriter).run();
}
