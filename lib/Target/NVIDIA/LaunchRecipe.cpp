//===- LaunchRecipe.cpp - what a host needs to launch a pipe kernel -------===//

#include "attn/Target/NVIDIA/LaunchRecipe.h"

#include "Lowering.h"
#include "attn/Support/ElementType.h"
#include "attn/Version.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

/// CUDA driver API, cuTensorMapEncodeTiled: at most 256 elements a dimension.
static constexpr int64_t kMaxBox = 256;

FailureOr<SmallVector<TensorMap>>
attn::nvidia::assignTensorMaps(KernelOp kernel) {
  SmallVector<TensorMap> maps;
  Builder builder(kernel.getContext());
  auto assign = [&](Operation *op, Value tensor, int64_t rows,
                    SharedType tile) -> LogicalResult {
    auto argument = dyn_cast<BlockArgument>(tensor);
    if (!argument || argument.getOwner() != &kernel.getBody().front())
      return op->emitOpError("expects a tensor that is an argument of the "
                             "kernel");
    if (rows > kMaxBox)
      return op->emitOpError("expects copies of at most ")
             << kMaxBox << " rows on this target, but got " << rows;
    TensorMap map;
    map.argument = argument.getArgNumber();
    map.box.assign(cast<GlobalType>(tensor.getType()).getRank() - 2, 1);
    map.box.append({rows, tile.getPanelColumns()});
    map.swizzle = tile.getSwizzle();
    auto *found = llvm::find(maps, map);
    int64_t number = found - maps.begin();
    if (found == maps.end())
      maps.push_back(map);
    op->setAttr(kMapAttr, builder.getI64IntegerAttr(number));
    return success();
  };
  WalkResult result = kernel.walk([&](Operation *op) -> WalkResult {
    if (auto load = dyn_cast<LoadOp>(op)) {
      SharedType tile = load.getSlot().getType();
      auto fill = cast<FillOp>(load->getParentOp());
      int64_t blocks =
          fill.getRing().getType().getCluster() ? kernel.getCluster() : 1;
      if (tile.getNumRows() % (8 * blocks))
        return load.emitOpError("expects slots of a multiple of 8 rows for "
                                "each of the cluster's ")
               << blocks << " blocks, but got " << tile;
      return assign(op, load.getSource(), tile.getNumRows() / blocks, tile);
    }
    if (auto store = dyn_cast<BulkStoreOp>(op)) {
      SharedType tile = store.getTile().getType();
      return assign(op, store.getDest(), tile.getRowsOfPart(), tile);
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

/// The number of blocks. Items of a cluster come to its blocks together, so
/// that the grid is a whole number of clusters.
static Expr getNumBlocks(WorkKind kind, Expr items, int64_t cluster) {
  if (kind == WorkKind::Single)
    return items;
  Expr fits = Expr::name(Launch::multiprocessors);
  if (cluster > 1)
    fits = floorDiv(fits, Expr(cluster)) * Expr(cluster);
  return min(items, fits);
}

static void addArgument(KernelOp kernel, unsigned index, Manifest &manifest,
                        Launch &launch) {
  std::string name = kernel.getArgumentName(index).str();
  Type type = kernel.getArgumentTypes()[index];
  auto global = dyn_cast<GlobalType>(type);
  if (!global) {
    manifest.arguments.push_back(
        Manifest::Argument::scalar(name, *getDType(type)));
    launch.parameters.push_back(Launch::Parameter::scalar(name));
    return;
  }
  std::vector<Manifest::Extent> shape;
  for (Attribute entry :
       kernel.getArgAttrOfType<ArrayAttr>(index, kShapeAttr)) {
    if (auto constant = dyn_cast<IntegerAttr>(entry)) {
      shape.push_back(constant.getInt());
      continue;
    }
    std::string rank = cast<StringAttr>(entry).str();
    shape.push_back(rank);
    if (!manifest.findRank(rank))
      manifest.ranks.push_back({rank, std::nullopt});
  }
  bool writes =
      kernel.getArgAttrOfType<StringAttr>(index, kAccessAttr) == "write";
  manifest.arguments.push_back(Manifest::Argument::tensor(
      name,
      writes ? Manifest::Argument::Access::write
             : Manifest::Argument::Access::read,
      *getDType(global.getElementType()), std::move(shape)));
  // As PipeTypeConverter has them.
  launch.parameters.push_back(Launch::Parameter::pointer(name));
  for (unsigned dim = 0; dim < global.getRank(); ++dim)
    launch.parameters.push_back(
        Launch::Parameter::value(getExtent(kernel, index, dim), DType::i32));
  for (unsigned dim = 0; dim < global.getNumStrides(); ++dim)
    launch.parameters.push_back(Launch::Parameter::stride(name, dim));
}

FailureOr<Manifest> attn::nvidia::buildManifest(KernelOp kernel) {
  Manifest manifest;
  manifest.name = kernel.getSymName().str();
  manifest.attnVersion = ATTN_VERSION;
  manifest.llvmVersion = LLVM_VERSION_STRING;
  manifest.target.arch = "sm_90a";
  Launch launch;
  launch.symbol = manifest.name;
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto global = dyn_cast<GlobalType>(type);
    if (!getDType(global ? global.getElementType() : type))
      return kernel.emitOpError("expects arguments of types that a host has, "
                                "but got ")
             << type;
    addArgument(kernel, index, manifest, launch);
  }
  FailureOr<SmallVector<TensorMap>> maps = assignTensorMaps(kernel);
  if (failed(maps))
    return failure();
  for (const TensorMap &map : *maps)
    launch.parameters.push_back(Launch::Parameter::tensorMap(
        kernel.getArgumentName(map.argument).str(),
        std::vector<int64_t>(map.box.begin(), map.box.end()), map.swizzle));
  WorkOp work = kernel.getWork();
  if (!work)
    return kernel.emitOpError("expects a pipe.work, from which the number of "
                              "blocks follows");
  std::optional<Expr> items = getExpr(kernel, work.getItems());
  if (!items)
    return work.emitOpError("expects a number of items that is an expression "
                            "over extents and integer arguments");
  WorkKind kind = work.getWork().getType().getKind();
  launch.grid[0] = getNumBlocks(kind, *items, kernel.getCluster());
  launch.cluster[0] = kernel.getCluster();
  if (kind == WorkKind::Dynamic) {
    constexpr int64_t kCounterBytes = 4;
    launch.parameters.push_back(Launch::Parameter::state(0));
    manifest.stateBytes = kCounterBytes;
  }
  manifest.launches.push_back(std::move(launch));
  return manifest;
}
