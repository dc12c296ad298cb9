//===- LaunchRecipe.cpp - what a host needs to launch pipe kernels --------===//

#include "attn/Target/GPU/LaunchRecipe.h"

#include "Lowering.h"
#include "attn/Support/ElementType.h"
#include "attn/Version.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// CUDA driver API, cuTensorMapEncodeTiled: at most 256 elements a dimension.
static constexpr int64_t kMaxBox = 256;

SmallVector<int64_t> attn::gpu::getMapOrder(unsigned rank,
                                            PackingAttr packing) {
  SmallVector<int64_t> order;
  for (unsigned dim = 0; dim + 1 < rank; ++dim)
    if (!packing || (dim != packing.getInner() && dim != packing.getOuter()))
      order.push_back(dim);
  if (packing)
    order.append({packing.getOuter(), packing.getInner()});
  order.push_back(rank - 1);
  return order;
}

FailureOr<SmallVector<TensorMap>> attn::gpu::assignTensorMaps(KernelOp kernel) {
  SmallVector<TensorMap> maps;
  Builder builder(kernel.getContext());
  auto assign = [&](Operation *op, Value tensor, int64_t rows, SharedType tile,
                    PackingAttr packing) -> LogicalResult {
    auto argument = dyn_cast<BlockArgument>(tensor);
    if (!argument || argument.getOwner() != &kernel.getBody().front())
      return op->emitOpError("expects a tensor that is an argument of the "
                             "kernel");
    if (rows > kMaxBox)
      return op->emitOpError("expects copies of at most ")
             << kMaxBox << " rows on this target, but got " << rows;
    TensorMap map;
    map.argument = argument.getArgNumber();
    unsigned rank = cast<GlobalType>(tensor.getType()).getRank();
    map.order = getMapOrder(rank, packing);
    map.box.assign(rank, 1);
    map.box.back() = tile.getPanelColumns();
    int64_t inner = packing ? std::min(packing.getWidth(), rows) : rows;
    map.box[map.order[rank - 2]] = inner;
    if (packing)
      map.box[packing.getOuter()] = rows / inner;
    map.swizzle = tile.getSwizzle();
    auto *found = llvm::find(maps, map);
    int64_t number = found - maps.begin();
    if (found == maps.end())
      maps.push_back(map);
    op->setAttr(kMapAttr, builder.getI64IntegerAttr(number));
    return success();
  };
  WalkResult result = kernel.walk([&](Operation *op) -> WalkResult {
    auto load = dyn_cast<LoadOp>(op);
    if (load && !load.getSource().getType().getStrided()) {
      SharedType tile = load.getSlot().getType();
      auto fill = cast<FillOp>(load->getParentOp());
      int64_t blocks =
          fill.getRing().getType().getCluster() ? kernel.getCluster() : 1;
      // Rows of a swizzled panel repeat their pattern after 8.
      if (load.getNumRows() % (8 * blocks) || load.getFirstRow() % 8)
        return load.emitOpError("expects copies of a multiple of 8 rows from a "
                                "multiple of 8 on for each of the cluster's ")
               << blocks << " blocks, but got " << load.getNumRows() << " from "
               << load.getFirstRow() << " on";
      return assign(op, load.getSource(), load.getNumRows() / blocks, tile,
                    load.getPackingAttr());
    }
    if (auto store = dyn_cast<BulkStoreOp>(op)) {
      SharedType tile = store.getTile().getType();
      return assign(op, store.getDest(), tile.getRowsOfPart(), tile,
                    store.getPackingAttr());
    }
    return success();
  });
  if (result.wasInterrupted())
    return failure();
  return maps;
}

//===-- Manifest ----------------------------------------------------------===//

/// Entry `dim` of the shape that the host knows an argument by.
static Expr getExtent(KernelOp kernel, unsigned argument, unsigned dim) {
  Attribute entry =
      kernel.getArgAttrOfType<ArrayAttr>(argument, kShapeAttr)[dim];
  if (auto name = dyn_cast<StringAttr>(entry))
    return Expr::name(name.str());
  return Expr(cast<IntegerAttr>(entry).getInt());
}

/// The expression that computes `value` from extents and integer arguments. The
/// kernel computes in i32 what the host computes in i64.
static std::optional<Expr> getExpr(KernelOp kernel, Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Expr(constant.getSExtValue());
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (!argument.getType().isInteger() ||
        argument.getOwner() != &kernel.getBody().front())
      return std::nullopt;
    return Expr::name(kernel.getArgumentName(argument.getArgNumber()).str());
  }
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast<DimOp>(op))
    if (auto argument = dyn_cast<BlockArgument>(dim.getSource()))
      return getExtent(kernel, argument.getArgNumber(), dim.getIndex());
  std::optional<ExprOp> kind =
      llvm::TypeSwitch<Operation *, std::optional<ExprOp>>(op)
          .Case<arith::AddIOp>([](auto) { return ExprOp::add; })
          .Case<arith::SubIOp>([](auto) { return ExprOp::sub; })
          .Case<arith::MulIOp>([](auto) { return ExprOp::mul; })
          .Case<arith::DivUIOp, arith::FloorDivSIOp>(
              [](auto) { return ExprOp::floordiv; })
          .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>(
              [](auto) { return ExprOp::ceildiv; })
          .Case<arith::RemUIOp>([](auto) { return ExprOp::mod; })
          .Case<arith::MinUIOp, arith::MinSIOp>(
              [](auto) { return ExprOp::min; })
          .Case<arith::MaxUIOp, arith::MaxSIOp>(
              [](auto) { return ExprOp::max; })
          .Default([](Operation *) { return std::nullopt; });
  if (!kind)
    return std::nullopt;
  std::vector<Expr> operands;
  for (Value operand : op->getOperands()) {
    std::optional<Expr> expr = getExpr(kernel, operand);
    if (!expr)
      return std::nullopt;
    operands.push_back(std::move(*expr));
  }
  return Expr::apply(*kind, std::move(operands));
}

/// How many blocks of a kernel there are at once.
static Expr countFitting(KernelOp kernel) {
  Expr fits = Expr::name(Launch::multiprocessors);
  auto blocks = static_cast<int64_t>(kernel.getBlocks());
  return blocks > 1 ? std::move(fits) * Expr(blocks) : fits;
}

/// The number of blocks. Items of a cluster come to its blocks together, so
/// that the grid is a whole number of clusters.
static Expr getNumBlocks(WorkKind kind, Expr items, KernelOp kernel) {
  if (kind == WorkKind::Single)
    return items;
  Expr fits = countFitting(kernel);
  if (int64_t cluster = kernel.getCluster(); cluster > 1)
    fits = floorDiv(fits, Expr(cluster)) * Expr(cluster);
  // How many steps a stream has is known on the device alone.
  if (kind == WorkKind::Stream)
    return min(std::move(items), Expr(1)) * std::move(fits);
  return min(items, fits);
}

/// The extents of a tensor argument as the host knows them.
static SmallVector<Expr> getExtents(KernelOp kernel, unsigned argument) {
  SmallVector<Expr> extents;
  auto type = cast<GlobalType>(kernel.getArgumentTypes()[argument]);
  for (unsigned dim = 0; dim < type.getRank(); ++dim)
    extents.push_back(getExtent(kernel, argument, dim));
  return extents;
}

static constexpr int64_t kCounterBytes = 4;
/// As the runtime aligns the workspace itself.
static constexpr int64_t kWorkspaceAlignment = 256;

namespace {
/// Collects the launches of a module's kernels, in their order, and what they
/// take from the host.
class ManifestBuilder {
public:
  explicit ManifestBuilder(const Architecture &architecture)
      : architecture(architecture) {}

  LogicalResult add(KernelOp kernel);

  Manifest manifest;

private:
  LogicalResult addScalar(KernelOp kernel, unsigned index);
  LogicalResult addTensor(KernelOp kernel, unsigned index);
  void addTensorParameters(KernelOp kernel, unsigned index);
  LogicalResult addOnce(KernelOp kernel, Manifest::Argument argument,
                        Attribute signature);
  Expr getWorkspaceOffset(KernelOp kernel, unsigned index);
  LogicalResult addWork(KernelOp kernel);
  void addMeetings(KernelOp kernel);
  void addArrays(KernelOp kernel);
  /// A parameter that points to so many bytes, 0 before the first launch.
  void addState(Expr bytes);

  const Architecture &architecture;
  Launch launch;
  /// The type and shape that an argument's first kernel gives it.
  llvm::StringMap<Attribute> signatures;
  llvm::StringMap<Expr> workspaceOffsets;
};
} // namespace

LogicalResult ManifestBuilder::addOnce(KernelOp kernel,
                                       Manifest::Argument argument,
                                       Attribute signature) {
  auto [it, added] = signatures.try_emplace(argument.name, signature);
  if (added) {
    manifest.arguments.push_back(std::move(argument));
    return success();
  }
  if (it->second != signature)
    return kernel.emitOpError("expects argument '")
           << argument.name << "' to be the same in all kernels, but got "
           << signature << " and " << it->second;
  // A kernel may read what one before it wrote.
  Manifest::Argument &known =
      manifest.arguments[*manifest.findArgument(argument.name)];
  if (argument.access != Manifest::Argument::Access::read)
    known.access = argument.access;
  return success();
}

LogicalResult ManifestBuilder::addScalar(KernelOp kernel, unsigned index) {
  std::string name = kernel.getArgumentName(index).str();
  Type type = kernel.getArgumentTypes()[index];
  std::optional<DType> dtype = getDType(type);
  if (!dtype)
    return kernel.emitOpError("expects arguments of types that a host has, but "
                              "got ")
           << type;
  launch.parameters.push_back(Launch::Parameter::scalar(name));
  return addOnce(kernel, Manifest::Argument::scalar(name, *dtype),
                 TypeAttr::get(type));
}

Expr ManifestBuilder::getWorkspaceOffset(KernelOp kernel, unsigned index) {
  StringRef name = kernel.getArgumentName(index);
  auto [it, added] =
      workspaceOffsets.try_emplace(name, manifest.workspaceBytes);
  if (added) {
    auto type = cast<GlobalType>(kernel.getArgumentTypes()[index]);
    Expr bytes =
        llvm::divideCeil(getElementType(type).getIntOrFloatBitWidth(), 8);
    for (const Expr &extent : getExtents(kernel, index))
      bytes = std::move(bytes) * extent;
    manifest.workspaceBytes =
        std::move(manifest.workspaceBytes) +
        ceilDiv(std::move(bytes), Expr(kWorkspaceAlignment)) *
            Expr(kWorkspaceAlignment);
  }
  return it->second;
}

/// What the rows of a tensor have to begin at multiples of: stores of tiles
/// write a register at a time, which holds two elements of 16 bits, and lanes
/// copy chunks. 0 for tensors of any strides.
static int64_t getRowBytes(KernelOp kernel, unsigned index,
                           const Architecture &architecture) {
  auto type = cast<GlobalType>(kernel.getArgumentTypes()[index]);
  if (type.getStrided())
    return 0;
  int64_t bytes =
      llvm::divideCeil(getElementType(type).getIntOrFloatBitWidth(), 8);
  kernel.walk([&](StoreOp op) {
    if (op.getDest() == kernel.getBody().getArgument(index) &&
        cast<RankedTensorType>(op.getValue().getType()).getRank() == 2)
      bytes = std::max<int64_t>(bytes, 4);
  });
  kernel.walk([&](GatherOp op) {
    if (op.getSource() == kernel.getBody().getArgument(index) &&
        getGatheredTogether(op) > 1)
      bytes = kChunkBytes;
  });
  if (!architecture.bulk)
    kernel.walk([&](LoadOp op) {
      if (op.getSource() == kernel.getBody().getArgument(index))
        bytes = kChunkBytes;
    });
  return bytes;
}

/// As PipeTypeConverter has them.
void ManifestBuilder::addTensorParameters(KernelOp kernel, unsigned index) {
  using Parameter = Launch::Parameter;
  std::string name = kernel.getArgumentName(index).str();
  auto type = cast<GlobalType>(kernel.getArgumentTypes()[index]);
  bool isWorkspace =
      kernel.getArgAttrOfType<StringAttr>(index, kAccessAttr) == "workspace";
  SmallVector<Expr> extents = getExtents(kernel, index);
  launch.parameters.push_back(
      isWorkspace
          ? Parameter::workspace(getWorkspaceOffset(kernel, index))
          : Parameter::rows(name, getRowBytes(kernel, index, architecture)));
  for (const Expr &extent : extents)
    launch.parameters.push_back(Parameter::value(extent, DType::i32));
  for (unsigned dim = 0; dim < type.getNumStrides(); ++dim) {
    if (!isWorkspace) {
      launch.parameters.push_back(Parameter::stride(name, dim));
      continue;
    }
    // Rows one after another.
    Expr stride = 1;
    for (const Expr &extent : ArrayRef(extents).drop_front(dim + 1))
      stride = std::move(stride) * extent;
    launch.parameters.push_back(
        Parameter::value(std::move(stride), DType::i64));
  }
}

LogicalResult ManifestBuilder::addTensor(KernelOp kernel, unsigned index) {
  std::string name = kernel.getArgumentName(index).str();
  auto type = cast<GlobalType>(kernel.getArgumentTypes()[index]);
  std::optional<DType> dtype = getDType(type.getElementType());
  if (!dtype)
    return kernel.emitOpError("expects arguments of types that a host has, but "
                              "got ")
           << type;
  auto entries = kernel.getArgAttrOfType<ArrayAttr>(index, kShapeAttr);
  std::vector<Manifest::Extent> shape;
  for (Attribute entry : entries) {
    if (auto constant = dyn_cast<IntegerAttr>(entry)) {
      shape.push_back(constant.getInt());
      continue;
    }
    std::string rank = cast<StringAttr>(entry).str();
    shape.push_back(rank);
    if (!manifest.findRank(rank))
      manifest.ranks.push_back({rank, std::nullopt});
  }
  if (auto most =
          kernel.getArgAttrOfType<DictionaryAttr>(index, pipe::kMostAttr))
    for (NamedAttribute bound : most)
      if (auto rank = manifest.findRank(bound.getName().str()))
        manifest.ranks[*rank].most =
            cast<IntegerAttr>(bound.getValue()).getInt();
  addTensorParameters(kernel, index);
  StringRef access =
      kernel.getArgAttrOfType<StringAttr>(index, kAccessAttr).getValue();
  if (access == "workspace")
    return success();
  using Access = Manifest::Argument::Access;
  return addOnce(
      kernel,
      Manifest::Argument::tensor(name,
                                 access == "write"    ? Access::write
                                 : access == "update" ? Access::update
                                                      : Access::read,
                                 *dtype, std::move(shape)),
      ArrayAttr::get(kernel.getContext(),
                     {TypeAttr::get(type.getElementType()), entries}));
}

void ManifestBuilder::addState(Expr bytes) {
  launch.parameters.push_back(Launch::Parameter::state(manifest.stateBytes));
  manifest.stateBytes = manifest.stateBytes == Expr(0)
                            ? std::move(bytes)
                            : manifest.stateBytes + std::move(bytes);
}

/// A counter a block and group, and a block's places for parts of two items.
void ManifestBuilder::addMeetings(KernelOp kernel) {
  Expr blocks = countFitting(kernel);
  int64_t groups = 1, bytes = 0;
  // There is one at the most (verifyKernel).
  kernel.walk([&](MeetOp op) {
    groups = op->getParentOfType<RoleOp>().getGroups();
    bytes = getMeetingBytes(op, architecture.getGroupThreads()) * groups;
  });
  addState(blocks * Expr(kCounterBytes * groups));
  launch.parameters.push_back(
      Launch::Parameter::workspace(manifest.workspaceBytes));
  manifest.workspaceBytes =
      std::move(manifest.workspaceBytes) + std::move(blocks) * Expr(2 * bytes);
}

LogicalResult ManifestBuilder::addWork(KernelOp kernel) {
  WorkOp work = kernel.getWork();
  if (!work)
    return kernel.emitOpError("expects a pipe.work, from which the number of "
                              "blocks follows");
  std::optional<Expr> items = getExpr(kernel, work.getItems());
  if (!items)
    return work.emitOpError("expects a number of items that is an expression "
                            "over extents and integer arguments");
  WorkKind kind = work.getWork().getType().getKind();
  launch.grid[0] = getNumBlocks(kind, *items, kernel);
  launch.cluster[0] = kernel.getCluster();
  if (kind == WorkKind::Dynamic) {
    addState(Expr(kCounterBytes));
  }
  if (kind == WorkKind::Stream)
    addMeetings(kernel);
  return success();
}

/// Those in global memory: each block has its own.
void ManifestBuilder::addArrays(KernelOp kernel) {
  int64_t bytes = attn::gpu::countGlobalArrayBytes(kernel);
  if (bytes == 0)
    return;
  launch.parameters.push_back(
      Launch::Parameter::workspace(manifest.workspaceBytes));
  Expr needed = launch.grid[0] * Expr(bytes);
  manifest.workspaceBytes =
      std::move(manifest.workspaceBytes) +
      ceilDiv(std::move(needed), Expr(kWorkspaceAlignment)) *
          Expr(kWorkspaceAlignment);
}

LogicalResult ManifestBuilder::add(KernelOp kernel) {
  launch = Launch();
  launch.symbol = kernel.getSymName().str();
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (failed(isa<GlobalType>(type) ? addTensor(kernel, index)
                                     : addScalar(kernel, index)))
      return failure();
  FailureOr<SmallVector<TensorMap>> maps = SmallVector<TensorMap>();
  if (architecture.bulk)
    maps = assignTensorMaps(kernel);
  if (failed(maps))
    return failure();
  // Of what is read once, bringing more than the 128 bytes that a panel's row
  // has costs 6 % of an H200's rate; of what other blocks read again it is 1 %
  // faster.
  WorkOp work = kernel.getWork();
  int64_t promotion =
      work && work.getWork().getType().getKind() == WorkKind::Stream ? 128
                                                                     : 256;
  for (const TensorMap &map : *maps) {
    if (kernel.getArgAttrOfType<StringAttr>(map.argument, kAccessAttr) ==
        "workspace")
      return kernel.emitOpError("expects bulk copies of the caller's tensors "
                                "only, but got one of workspace '")
             << kernel.getArgumentName(map.argument) << "'";
    std::vector<int64_t> order;
    if (!llvm::is_sorted(map.order))
      order.assign(map.order.begin(), map.order.end());
    launch.parameters.push_back(Launch::Parameter::tensorMap(
        kernel.getArgumentName(map.argument).str(),
        std::vector<int64_t>(map.box.begin(), map.box.end()), map.swizzle,
        std::move(order), promotion));
  }
  if (failed(addWork(kernel)))
    return failure();
  addArrays(kernel);
  manifest.launches.push_back(std::move(launch));
  return success();
}

FailureOr<Manifest> attn::gpu::buildManifest(ModuleOp module,
                                             const Architecture &architecture) {
  ManifestBuilder builder(architecture);
  for (KernelOp kernel : module.getOps<KernelOp>())
    if (failed(builder.add(kernel)))
      return failure();
  Manifest &manifest = builder.manifest;
  if (manifest.launches.empty())
    return module.emitError("expects a module with a pipe.kernel");
  manifest.name = module.getSymName() ? module.getSymName()->str()
                                      : manifest.launches.front().symbol;
  manifest.attnVersion = ATTN_VERSION;
  manifest.llvmVersion = LLVM_VERSION_STRING;
  manifest.target.arch = architecture.name.str();
  manifest.target.driver = architecture.driver;
  return std::move(manifest);
}
