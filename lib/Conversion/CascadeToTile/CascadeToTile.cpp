//===- CascadeToTile.cpp - cascades cut into tile programs ----------------===//
//
// The frames of programs: their arguments, work space and extents, in which the
// emitter writes what is computed.
//
//===----------------------------------------------------------------------===//

#include "attn/Conversion/CascadeToTile.h"
#include "attn/Conversion/Passes.h"

#include "PackedRows.h"
#include "ProgramEmitter.h"
#include "ProgramPlanner.h"
#include "SumPatterns.h"
#include "UnusedArguments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace attn {
#define GEN_PASS_DEF_CONVERTCASCADETOTILEPASS
#include "attn/Conversion/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// Rows of a tile that is stored at one entry of an index tensor, at the most:
/// they wait for memory one after the other, those of other tiles beside them.
static constexpr int64_t kRowsOfEntry = 2;

namespace {
class Converter {
public:
  Converter(FuncOp func, ModuleOp module, const CascadeToTileOptions &options)
      : func(func), module(module), options(options), planner(func) {}

  LogicalResult run() {
    if (failed(planner.plan()))
      return failure();
    for (auto [i, program] : llvm::enumerate(planner.getPlans())) {
      std::string name = func.getSymName().str();
      if (planner.getPlans().size() > 1)
        name += "_" + std::to_string(i);
      StringAttr rows =
          options.fewRows > 0 ? findGuardedRank(program) : nullptr;
      if (failed(emit(program, name, options.tileRows, rows, false)) ||
          (rows && failed(emit(program, name + "_few", options.fewTileRows,
                               rows, true))))
        return failure();
    }
    return success();
  }

private:
  //===--------------------------------------------------------------------===//
  // Frames
  //===--------------------------------------------------------------------===//

  /// The extents of a tensor: names of ranks, or numbers.
  ArrayAttr getShape(ArrayRef<StringAttr> ranks) {
    Builder b(func.getContext());
    SmallVector<Attribute> shape;
    for (StringAttr rank : ranks) {
      auto extent = func.getStaticExtent(rank);
      if (extent && !func.getLayout(rank))
        shape.push_back(b.getI64IntegerAttr(*extent));
      else
        shape.push_back(rank);
    }
    return b.getArrayAttr(shape);
  }

  MemRefType getMemRefType(ArrayRef<StringAttr> ranks, Type element) {
    SmallVector<int64_t> shape;
    for (StringAttr rank : ranks)
      shape.push_back(
          func.getStaticExtent(rank).value_or(ShapedType::kDynamic));
    return getStridedType(shape, element);
  }

  static MemRefType getStridedType(ArrayRef<int64_t> shape, Type element) {
    SmallVector<int64_t> strides(shape.size(), ShapedType::kDynamic);
    return MemRefType::get(shape, element,
                           StridedLayoutAttr::get(element.getContext(),
                                                  ShapedType::kDynamic,
                                                  strides));
  }

  /// The shape and the type of what a caller has of a tensor in pages.
  std::pair<ArrayAttr, MemRefType> getPagedMemory(ArrayRef<StringAttr> ranks,
                                                  Type element, StringRef name,
                                                  PagesAttr pages) {
    Builder b(func.getContext());
    SmallVector<Attribute> shape = {getPagesRank(name)};
    SmallVector<int64_t> sizes = {ShapedType::kDynamic};
    for (StringAttr rank : ranks) {
      if (llvm::is_contained(pages.getBy(), rank))
        continue;
      std::optional<int64_t> size = func.getStaticExtent(rank);
      if (rank == pages.getRank())
        size = pages.getSize();
      shape.push_back(size ? Attribute(b.getI64IntegerAttr(*size)) : rank);
      sizes.push_back(size.value_or(ShapedType::kDynamic));
    }
    return {b.getArrayAttr(shape), getStridedType(sizes, element)};
  }

  /// The rank of a tensor's pages.
  StringAttr getPagesRank(StringRef name) {
    return StringAttr::get(func.getContext(), name + "_pages");
  }

  /// What ranks of `shape` have at the most where `packing` stands for two:
  /// `inner`, of which each has `size` coordinates of the inner part, and where
  /// a sum is over both the outer part, as a coordinate of both has 31 bits.
  /// Null if that is nothing.
  DictionaryAttr getMost(PackingAttr packing, StringAttr inner, int64_t size,
                         ArrayRef<Attribute> shape) {
    if (!packing)
      return {};
    Builder b(func.getContext());
    SmallVector<NamedAttribute> most;
    if (!func.getStaticExtent(packing.getInner()) &&
        llvm::is_contained(shape, inner))
      most.push_back(b.getNamedAttr(
          inner, b.getI64IntegerAttr(packing.getWidth() / size)));
    bool isOfRows = llvm::any_of(func.getResultTypes(), [&](Type type) {
      auto tensor = dyn_cast<NamedTensorType>(type);
      return tensor && tensor.getRankPosition(packing.getRank());
    });
    constexpr int64_t kMostCoordinates = (int64_t(1) << 31) - 1;
    if (!isOfRows && !func.getStaticExtent(packing.getOuter()) &&
        llvm::is_contained(shape, packing.getOuter()))
      most.push_back(b.getNamedAttr(
          packing.getOuter(),
          b.getI64IntegerAttr(kMostCoordinates / packing.getWidth())));
    return most.empty() ? DictionaryAttr() : b.getDictionaryAttr(most);
  }

  /// The name and access of the memory of a materialized value.
  std::pair<std::string, StringRef> getMemory(Value value) {
    for (auto [i, result] :
         llvm::enumerate(planner.getTerminator().getOperands()))
      if (result == value)
        return {func.getResultName(i).str(),
                ProgramPlanner::getUpdate(value) ? "update" : "write"};
    unsigned number = llvm::find(workspace, value) - workspace.begin();
    if (number == workspace.size())
      workspace.push_back(value);
    return {"workspace" + std::to_string(number), "workspace"};
  }

  /// The rank whose extent decides between tiles of rows and single rows: the
  /// one tiled rank of a program that sweeps.
  StringAttr findGuardedRank(const ProgramPlan &program) {
    if (options.tileRows == options.fewTileRows && options.fewTileKeys == 0)
      return {};
    llvm::SetVector<Operation *> scans;
    for (Value root : program.roots)
      if (!planner.isMaterialized(root))
        planner.collectScans(root, scans);
    llvm::DenseSet<StringAttr> tiled = planner.findTiledRanks(program);
    if (scans.empty() || tiled.size() != 1 ||
        func.getStaticExtent(*tiled.begin()))
      return {};
    return *tiled.begin();
  }

  /// Emits `program` as `name`, with tiles of `tileRows`; with `guard`, for few
  /// or for many coordinates of that rank.
  LogicalResult emit(const ProgramPlan &program, StringRef name,
                     int64_t tileRows, StringAttr guard, bool few) {
    MLIRContext *context = func.getContext();
    Builder b(context);
    SmallVector<Type> types;
    SmallVector<DictionaryAttr> attrs;
    auto addArgument = [&](Type type, ArrayRef<NamedAttribute> list) {
      types.push_back(type);
      attrs.push_back(b.getDictionaryAttr(list));
    };
    auto named = [&](StringRef name) {
      return b.getNamedAttr("tile.name", b.getStringAttr(name));
    };
    auto addMemory = [&](NamedTensorType type, StringRef name, StringRef access,
                         PackingAttr packing) {
      SmallVector<StringAttr> ranks = getMemoryRanks(type, packing);
      SmallVector<NamedAttribute> list = {
          named(name), b.getNamedAttr("tile.access", b.getStringAttr(access)),
          b.getNamedAttr("tile.shape", getShape(ranks))};
      if (packing)
        if (DictionaryAttr most = getMost(packing, packing.getInner(), 1,
                                          packing.getRanks().getValue()))
          list.push_back(b.getNamedAttr(tile::kMostAttr, most));
      addArgument(getMemRefType(ranks, type.getElementType()), list);
    };
    // Tables of pages come after the function's own arguments.
    llvm::MapVector<StringAttr, PagesAttr> tables;
    for (auto [i, argument] : llvm::enumerate(func.getBody().getArguments())) {
      auto type = dyn_cast<NamedTensorType>(argument.getType());
      if (PagesAttr pages = func.getPages(i)) {
        tables.insert({pages.getTable(), pages});
        auto [shape, memory] = getPagedMemory(
            getMemoryRanks(type, func.getArgumentPacking(i)),
            type.getElementType(), func.getArgumentName(i), pages);
        addArgument(memory,
                    {named(func.getArgumentName(i)),
                     b.getNamedAttr("tile.access", b.getStringAttr("read")),
                     b.getNamedAttr("tile.shape", shape)});
      } else if (type)
        addMemory(type, func.getArgumentName(i), "read",
                  func.getArgumentPacking(i));
      else if (func.getArgAttr(i, FuncOp::kPositiveAttr))
        addArgument(argument.getType(),
                    {named(func.getArgumentName(i)),
                     b.getNamedAttr(tile::kPositiveAttr, b.getUnitAttr())});
      else
        addArgument(argument.getType(), {named(func.getArgumentName(i))});
    }
    auto addTable = [&](StringAttr name, ArrayRef<Attribute> shape,
                        DictionaryAttr most = {}) {
      SmallVector<int64_t> sizes(shape.size(), ShapedType::kDynamic);
      SmallVector<NamedAttribute> list = {
          named(name), b.getNamedAttr("tile.access", b.getStringAttr("read")),
          b.getNamedAttr("tile.shape", b.getArrayAttr(shape))};
      if (most)
        list.push_back(b.getNamedAttr(tile::kMostAttr, most));
      addArgument(getStridedType(sizes, b.getI32Type()), list);
    };
    for (auto &entry : tables) {
      PagesAttr pages = entry.second;
      PackingAttr packing = getPackingWith(
          func, cast<StringAttr>(pages.getBy().getValue().front()));
      if (packing && packing.getInner() != pages.getRank())
        packing = {};
      auto add = [&](StringAttr name, ArrayRef<Attribute> shape) {
        addTable(
            name, shape,
            getMost(packing, getTableWidth(pages), pages.getSize(), shape));
      };
      SmallVector<Attribute> shape(pages.getBy().getValue());
      if (!findArgument(pages.getLengths()))
        add(pages.getLengths(), shape);
      if (pages.getStarts()) {
        add(pages.getStarts(), shape);
        // A list of all is as long as all of them.
        addTable(entry.first, getTableWidth(pages));
        continue;
      }
      shape.push_back(getTableWidth(pages));
      add(entry.first, shape);
    }
    SmallVector<Value> stored(planner.getMaterialized());
    for (Value root : program.roots)
      if (!planner.isMaterialized(root))
        stored.push_back(root);
    for (Value value : stored) {
      auto [name, access] = getMemory(value);
      bool written = llvm::is_contained(program.roots, value);
      addMemory(cast<NamedTensorType>(value.getType()), name,
                access == "write" && !written ? StringRef("read") : access,
                getResultPacking(value));
    }
    SmallVector<StringAttr> extents = collectExtents(stored);
    for (StringAttr rank : extents) {
      SmallVector<NamedAttribute> list = {b.getNamedAttr("tile.extent", rank)};
      if (PackingAttr packing = func.getPacking(rank))
        list.push_back(
            b.getNamedAttr(tile::kValueAttr, getPackedExtent(packing)));
      addArgument(b.getIndexType(), list);
    }

    llvm::DenseSet<StringAttr> tiled = planner.findTiledRanks(program);
    if (llvm::any_of(program.roots, [&](Value root) {
          auto type = cast<NamedTensorType>(root.getType());
          return ProgramPlanner::getUpdate(root) &&
                 type.getRanks().back() != program.space.back();
        }))
      tileRows = std::min(tileRows, kRowsOfEntry);
    SmallVector<StringRef> spaceRanks;
    SmallVector<int64_t> spaceTiles;
    SmallVector<NamedAttribute> staticExtents;
    for (StringAttr rank : program.space) {
      spaceRanks.push_back(rank);
      spaceTiles.push_back(tiled.contains(rank) ? tileRows : 1);
      if (std::optional<int64_t> extent = func.getStaticExtent(rank))
        staticExtents.push_back(
            b.getNamedAttr(rank, b.getI64IntegerAttr(*extent)));
    }
    SmallVector<NamedAttribute> layouts = getLayouts();
    for (NamedAttribute layout : layouts)
      if (!llvm::is_contained(spaceRanks, layout.getName().getValue()))
        staticExtents.push_back(b.getNamedAttr(
            layout.getName(), b.getI64IntegerAttr(*func.getStaticExtent(
                                  layout.getName().getValue()))));
    auto toDictionary = [&](ArrayRef<NamedAttribute> list) {
      return list.empty() ? DictionaryAttr() : b.getDictionaryAttr(list);
    };
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto op = tile::ProgramOp::create(
        builder, func.getLoc(), name, types, attrs, spaceRanks, spaceTiles,
        toDictionary(staticExtents), toDictionary(layouts));
    auto schedule = func.getScheduleAttr();
    if (RolesAttr roles = schedule ? schedule.getRoles() : RolesAttr())
      op.setScheduleAttr(tile::ScheduleAttr::get(
          func.getContext(), roles.getSlots(), roles.getTurns(),
          roles.getSplit(), roles.getCluster(), roles.getStream()));
    op.setInvariant(func.getInvariant());
    if (guard) {
      op.setGuardRankAttr(guard);
      op.setGuardBound(options.fewRows);
      op.setGuardBelow(few);
    }
    Block *body = &op.getBody().front();
    builder.setInsertionPointToStart(body);
    if (body->mightHaveTerminator() && body->getTerminator())
      builder.setInsertionPoint(body->getTerminator());

    ProgramEmitter emitter(func, builder);
    emitter.sweepTile = few ? options.fewTileKeys : 0;
    emitter.fullMultiple = options.fullMultiple;
    unsigned position = 0;
    for (BlockArgument argument : func.getBody().getArguments()) {
      Value value = body->getArgument(position++);
      if (auto type = dyn_cast<NamedTensorType>(argument.getType())) {
        MemoryTensor tensor{value, type};
        tensor.packing = func.getArgumentPacking(argument.getArgNumber());
        emitter.memory[argument] = tensor;
      } else {
        emitter.scalars.map(argument, value);
      }
    }
    for (auto &[table, ofTable] : tables) {
      std::optional<unsigned> own = findArgument(ofTable.getLengths());
      Value lengths = body->getArgument(own ? *own : position++), starts;
      if (ofTable.getStarts())
        starts = body->getArgument(position++);
      emitter.sequences.push_back({ofTable, lengths, starts});
      Value value = body->getArgument(position++);
      for (BlockArgument argument : func.getBody().getArguments()) {
        PagesAttr pages = func.getPages(argument.getArgNumber());
        if (!pages || pages.getTable() != table)
          continue;
        emitter.memory[argument].pages = pages;
        emitter.memory[argument].table = value;
      }
    }
    llvm::DenseMap<Value, MemoryTensor> targets;
    for (Value value : stored) {
      MemoryTensor tensor{body->getArgument(position++),
                          cast<NamedTensorType>(value.getType())};
      tensor.packing = getResultPacking(value);
      if (llvm::is_contained(program.roots, value))
        targets[value] = tensor;
      else
        emitter.memory[value] = tensor;
    }
    for (StringAttr rank : extents)
      emitter.extents[rank] = body->getArgument(position++);
    if (failed(setPlaces(emitter, op, program, builder)) ||
        failed(emitter.setSequences()) ||
        failed(emitRoots(emitter, program, targets)))
      return failure();
    eraseUnusedArguments(func, op);
    return success();
  }

  /// The number of the argument of that name, if there is one.
  std::optional<unsigned> findArgument(StringAttr name) {
    for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
      if (func.getArgumentName(i) == name)
        return i;
    return std::nullopt;
  }

  /// The layouts of ranks, as programs have them.
  SmallVector<NamedAttribute> getLayouts() {
    SmallVector<NamedAttribute> layouts;
    auto known = func->getAttrOfType<DictionaryAttr>(kLayoutsAttr);
    if (!known)
      return layouts;
    for (NamedAttribute entry : known) {
      auto layout = cast<LayoutAttr>(entry.getValue());
      layouts.push_back(
          {entry.getName(),
           tile::LayoutAttr::get(func.getContext(), layout.getExtents(),
                                 layout.getTiles())});
    }
    return layouts;
  }

  /// How what is stored as `value` is packed, if it is a result.
  PackingAttr getResultPacking(Value value) {
    for (auto [i, result] :
         llvm::enumerate(planner.getTerminator().getOperands()))
      if (result == value)
        return func.getResultPacking(i);
    return {};
  }

  /// The extent of a packed rank, as a manifest writes expressions.
  Attribute getPackedExtent(PackingAttr packing) {
    Builder b(func.getContext());
    if (std::optional<int64_t> extent =
            func.getStaticExtent(packing.getOuter()))
      return b.getI64IntegerAttr(*extent * packing.getWidth());
    return b.getArrayAttr({b.getStringAttr("mul"), packing.getOuter(),
                           b.getI64IntegerAttr(packing.getWidth())});
  }

  /// The ranks whose extents a program may need, each once. Those of which a
  /// packed one is made are ranks of memory.
  SmallVector<StringAttr> collectExtents(ArrayRef<Value> stored) {
    llvm::SetVector<StringAttr> ranks;
    auto add = [&](Type type) {
      auto tensor = dyn_cast<NamedTensorType>(type);
      if (!tensor)
        return;
      for (StringAttr rank : tensor.getRanks()) {
        if (PackingAttr packing = func.getPacking(rank))
          for (StringAttr part : {packing.getInner(), packing.getOuter()})
            if (!func.getStaticExtent(part))
              ranks.insert(part);
        if (!func.getStaticExtent(rank))
          ranks.insert(rank);
      }
    };
    for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
      PagesAttr pages = func.getPages(i);
      if (!pages) {
        add(type);
        continue;
      }
      for (StringAttr rank : getMemoryRanks(cast<NamedTensorType>(type),
                                            func.getArgumentPacking(i)))
        if (rank != pages.getRank() && !func.getStaticExtent(rank))
          ranks.insert(rank);
      ranks.insert(getTableWidth(pages));
      ranks.insert(getPagesRank(func.getArgumentName(i)));
    }
    for (Value value : stored)
      add(value.getType());
    return ranks.takeVector();
  }

  LogicalResult setPlaces(ProgramEmitter &emitter, tile::ProgramOp op,
                          const ProgramPlan &program, OpBuilder &builder) {
    // Whole ranks: all static ones that a tensor of the function has.
    func.walk([&](Operation *inner) {
      auto add = [&](Type type) {
        if (auto tensor = dyn_cast<NamedTensorType>(type))
          for (StringAttr rank : tensor.getRanks())
            if (func.isWhole(rank))
              emitter.places[rank] = {*func.getStaticExtent(rank), {}, {}};
      };
      for (Type type : inner->getResultTypes())
        add(type);
      for (Type type : inner->getOperandTypes())
        add(type);
    });
    for (auto [i, rank] : llvm::enumerate(program.space)) {
      int64_t tile = op.getSpaceTiles()[i];
      Value base = op.getCoordinates()[i];
      RankPlace place{tile == 1 ? 0 : tile, base, {}};
      std::optional<int64_t> known = countCoordinates(func, rank);
      if (tile != 1 && (!known || *known % tile != 0)) {
        Value extent = emitter.extents.lookup(rank);
        if (!extent)
          extent = arith::ConstantIndexOp::create(
              builder, func.getLoc(), *countCoordinates(func, rank));
        Value rest =
            arith::SubIOp::create(builder, func.getLoc(), extent, base);
        Value size =
            arith::ConstantIndexOp::create(builder, func.getLoc(), tile);
        place.valid =
            arith::MinSIOp::create(builder, func.getLoc(), rest, size);
      }
      emitter.places[rank] = place;
    }
    return success();
  }

  LogicalResult emitRoots(ProgramEmitter &emitter, const ProgramPlan &program,
                          llvm::DenseMap<Value, MemoryTensor> &targets) {
    ScanOp scan = program.emitter;
    auto isEmitted = [&](Value root) {
      return scan && root.getDefiningOp() == scan &&
             cast<OpResult>(root).getResultNumber() >= scan.getNumCarries();
    };
    if (scan) {
      for (Value root : program.roots)
        if (isEmitted(root))
          emitter.emitTargets[root] = targets[root];
      if (failed(emitter.emitScan(scan)))
        return failure();
    }
    SmallVector<StoredUpdate> updates;
    for (Value root : program.roots) {
      if (isEmitted(root))
        continue;
      if (EinsumOp update = ProgramPlanner::getUpdate(root))
        updates.push_back({update, &targets.find(root)->second});
      else if (failed(emitter.store(root, targets[root])))
        return failure();
    }
    return emitter.storeUpdates(updates);
  }

  FuncOp func;
  ModuleOp module;
  const CascadeToTileOptions &options;
  ProgramPlanner planner;
  SmallVector<Value> workspace;
};
} // namespace

LogicalResult attn::convertCascadeToTile(FuncOp func, ModuleOp module,
                                         const CascadeToTileOptions &options) {
  CascadeToTileOptions scheduled = options;
  if (ScheduleAttr schedule = func.getScheduleAttr(); schedule) {
    if (schedule.getRows())
      scheduled.tileRows = schedule.getRows();
    if (FewRowsAttr few = schedule.getFew()) {
      scheduled.fewRows = few.getBelow();
      scheduled.fewTileRows = few.getRows();
      scheduled.fewTileKeys = few.getKeys();
    }
  }
  // How many rows are in a call must not choose how they are computed.
  if (func.getInvariant())
    scheduled.fewRows = 0;
  return Converter(func, module, scheduled).run();
}

namespace {
struct ConvertCascadeToTile
    : attn::impl::ConvertCascadeToTilePassBase<ConvertCascadeToTile> {
  using ConvertCascadeToTilePassBase::ConvertCascadeToTilePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (tileRows < 1 || tileRows > cascade::kMaxTile) {
      module.emitError("expects a tile of 1 to ")
          << cascade::kMaxTile << " rows, but got " << tileRows.getValue();
      return signalPassFailure();
    }
    if (fullMultiple < 1 || fullMultiple > cascade::kMaxTile) {
      module.emitError("expects full ranges of a multiple of 1 to ")
          << cascade::kMaxTile << " keys, but got " << fullMultiple.getValue();
      return signalPassFailure();
    }
    CascadeToTileOptions options;
    options.tileRows = tileRows;
    options.fewRows = fewRows;
    options.fullMultiple = fullMultiple;
    SmallVector<FuncOp> funcs(module.getOps<FuncOp>());
    for (FuncOp func : funcs) {
      if (failed(convertCascadeToTile(func, module, options)))
        return signalPassFailure();
      func.erase();
    }
    RewritePatternSet patterns(&getContext());
    populateSumPatterns(patterns);
    if (failed(applyPatternsGreedily(module, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
