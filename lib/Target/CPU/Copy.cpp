//===- Copy.cpp - moves tiles between the caller's memory and scratch -----===//
//
// A load gives each form that is wanted of it. Where the memory already has the
// form (unit stride along the lane, all points valid) the form is the memory
// itself, which is decided at run time once a load; else the tile is copied to
// scratch, its points beyond the valid counts filled with the pad.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static constexpr auto eq = arith::CmpIPredicate::eq;

TypedAttr attn::cpu::getPad(tile::LoadOp load) {
  if (load.getPad())
    return *load.getPad();
  Type element = load.getResult().getType().getElementType();
  return Builder(load.getContext()).getZeroAttr(element);
}

Value Emitter::readWord(unsigned word) {
  return LLVM::LoadOp::create(b, i64, advance(params, i64, Index(word)), 8);
}

void Emitter::readParameters() {
  Value workspace;
  for (auto [number, type] : llvm::enumerate(program.getArgumentTypes())) {
    Value argument = program.getBody().getArgument(number);
    auto rank = program.getArgAttrOfType<StringAttr>(number, tile::kExtentAttr);
    if (rank) {
      scalars.map(argument, toIndex(readWord(interface.getExtentWord(rank))));
      continue;
    }
    StringRef name =
        program.getArgAttrOfType<StringAttr>(number, tile::kNameAttr);
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref) {
      Value word = readWord(interface.getScalarWord(name));
      if (type.isIndex()) {
        word = toIndex(word);
      } else if (unsigned width = type.getIntOrFloatBitWidth(); width < 64) {
        word = arith::TruncIOp::create(b, b.getIntegerType(width), word);
      }
      if (isa<FloatType>(type))
        word = arith::BitcastOp::create(b, type, word);
      scalars.map(argument, word);
      continue;
    }
    Memory memory;
    memory.element = getStorageType(memref.getElementType());
    Value word = readWord(interface.getPointerWord(name));
    if (interface.isWorkspace(name)) {
      if (!workspace)
        workspace = readWord(interface.getWorkspaceWord());
      word = add(workspace, word);
    }
    memory.pointer = LLVM::IntToPtrOp::create(b, pointerType, word);
    for (int64_t dim = 0; dim < memref.getRank(); ++dim)
      memory.strides.push_back(readWord(interface.getStrideWord(name, dim)));
    memories[argument] = memory;
  }
}

std::optional<SmallVector<Value>> Emitter::getTileStrides(const Memory &memory,
                                                          AffineMap map,
                                                          ValueRange symbols) {
  if (!hasSteps(map))
    return std::nullopt;
  SmallVector<Value> strides;
  for (unsigned dim = 0; dim < map.getNumDims(); ++dim) {
    Value stride = constant(0);
    for (auto [expr, step] : llvm::zip(map.getResults(), memory.strides))
      if (expr.isFunctionOfDim(dim))
        stride = add(stride, step);
    strides.push_back(stride);
  }
  return strides;
}

SmallVector<Value> Emitter::getBounds(RankedTensorType type, ValueRange valid) {
  SmallVector<Value> bounds;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    Value extent = constant(type.getDimSize(dim));
    if (!valid.empty()) {
      Value points = toI64(scalars.lookup(valid[dim]));
      points = b.createOrFold<arith::MaxSIOp>(points, constant(0));
      extent = minimum(points, extent);
    }
    bounds.push_back(extent);
  }
  return bounds;
}

Value Emitter::isDirect(tile::LoadOp load, const Memory &memory, Form form) {
  auto type = cast<RankedTensorType>(load.getResult().getType());
  Value direct =
      arith::CmpIOp::create(b, eq, memory.strides.back(), constant(1));
  SmallVector<Value> bounds = getBounds(type, load.getValid());
  for (auto [dim, bound] : llvm::enumerate(bounds)) {
    // Loops over swept rows end at the count; vectors may run over it.
    if (hasDynamicBound(load.getResult(), dim) && int64_t(dim) != form.lane)
      continue;
    if (load.getValid().empty())
      continue;
    Value whole =
        arith::CmpIOp::create(b, eq, bound, constant(type.getDimSize(dim)));
    direct = arith::AndIOp::create(b, direct, whole);
  }
  if (hasWhere(load))
    direct = arith::AndIOp::create(
        b, direct, holdsEverywhere(load, bounds[*load.getAlong()]));
  return direct;
}

bool Emitter::hasWhere(tile::LoadOp load) {
  return load.getWhere() && !(masksHold && load->getParentOp() == sweep);
}

Value Emitter::isThere(tile::LoadOp load, Value at) {
  Access where =
      getBuffer(load.getWhere(), layout.getNaturalForm(load.getWhere()));
  return fromStorage(loadScalar(where, {Index(at)}), b.getI1Type());
}

Value Emitter::holdsEverywhere(tile::LoadOp load, Value bound) {
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  auto all = reductionLoop(
      constant(0), bound, 1, yes, [&](Value at, ValueRange all) -> Values {
        return {arith::AndIOp::create(b, all.front(), isThere(load, at))};
      });
  return all.getResult(0);
}

void Emitter::padWhere(tile::LoadOp load, const Access &target,
                       ArrayRef<Value> bounds) {
  int64_t along = *load.getAlong();
  loop(constant(0), bounds[along], 1, [&](Value at) {
    auto choice =
        scf::IfOp::create(b, TypeRange(), isThere(load, at), /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.elseBlock());
    SmallVector<Value> lower, upper(bounds);
    SmallVector<int64_t> order;
    for (int64_t dim = 0, rank = bounds.size(); dim < rank; ++dim) {
      lower.push_back(constant(0));
      if (dim != along)
        order.push_back(dim);
    }
    Point point(bounds.size());
    point[along] = Index(at);
    loopPoints(lower, upper, SmallVector<int64_t>(bounds.size(), 1), order,
               point, [&](Point point) {
                 Access element = target;
                 selectElement(element, point);
                 Value pad = arith::ConstantOp::create(b, getPad(load));
                 storeScalar(element, point,
                             toStorage(pad, target.form.storage));
               });
  });
}

Access Emitter::loadForm(tile::LoadOp load, const Source &source, Form form) {
  auto type = cast<RankedTensorType>(load.getResult().getType());
  const Memory &memory = source.memory;
  Access target = allocate(type, form);
  std::optional<int64_t> unit = getUnitDim(source.map);
  std::optional<SmallVector<Value>> strides =
      getTileStrides(memory, source.map, source.symbols);
  bool canBeDirect = form.storage == memory.element && form.pairDim < 0 &&
                     unit && *unit == form.lane && strides;
  // A vector that reaches beyond the tile is masked where its index is known.
  if (form.lane >= 0 && hasDynamicBound(load.getResult(), form.lane) &&
      type.getDimSize(form.lane) % machine.lanes != 0)
    canBeDirect = false;
  if (!canBeDirect) {
    copyIn(load, source, target);
    return target;
  }
  SmallVector<Type> types(type.getRank() + 1, i64);
  types[0] = pointerType;
  Value direct = isDirect(load, memory, form);
  auto choice = scf::IfOp::create(b, types, direct, /*withElse=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(&choice.getThenRegion().front());
    Point origin(type.getRank());
    Value offset = getOffset(memory, source.map, source.symbols, origin);
    SmallVector<Value> results = {
        advance(memory.pointer, memory.element, Index(offset))};
    llvm::append_range(results, *strides);
    scf::YieldOp::create(b, results);
    b.setInsertionPointToEnd(&choice.getElseRegion().front());
    copyIn(load, source, target);
    results = {target.pointer};
    for (const Stride &stride : target.strides)
      results.push_back(constant(stride.constant));
    scf::YieldOp::create(b, results);
  }
  Access access;
  access.pointer = choice.getResult(0);
  access.form = form;
  access.strides.resize(type.getRank());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (dim == form.lane)
      access.strides[dim].constant = 1;
    else
      access.strides[dim].dynamic = choice.getResult(dim + 1);
  access.laneLimit = type.getDimSize(form.lane);
  return access;
}

/// Copies on a CPU touch all points below the valid counts.
static LogicalResult refuseClips(Operation *op) {
  return op->emitOpError("expects points inside of its tensor on a CPU, but "
                         "packed rows have more; bind the inner rank's extent "
                         "to the width, or leave the ranks apart");
}

LogicalResult Emitter::emitLoad(tile::LoadOp load) {
  if (!memories.contains(load.getSource()))
    return load.emitOpError("expects to load from an argument of the program");
  if (load.getClips())
    return refuseClips(load);
  Source source{memories.at(load.getSource()), load.getMap(),
                SmallVector<Value>(load.getIndices())};
  if (load.isPaged()) {
    FailureOr<Source> gathered = gatherPages(load);
    if (failed(gathered))
      return failure();
    source = *gathered;
  }
  for (Form form : layout.getForms(load.getResult()))
    setBuffer(load.getResult(), loadForm(load, source, form));
  return success();
}

void Emitter::fill(RankedTensorType type, const Access &target,
                   TypedAttr value) {
  Value vector = splat(arith::ConstantOp::create(b, value));
  vector = toStorage(vector, target.form.storage);
  int64_t points = 1;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    int64_t extent = type.getDimSize(dim);
    if (dim == target.form.pairDim)
      points *= llvm::alignTo(extent, 2);
    else if (dim == target.form.lane)
      points *= llvm::alignTo(extent, machine.lanes);
    else
      points *= extent;
  }
  loop(constant(0), constant(llvm::alignTo(points, machine.lanes)),
       machine.lanes, [&](Value iv) {
         LLVM::StoreOp::create(
             b, vector, advance(target.pointer, target.form.storage, Index(iv)),
             target.form.storage.getIntOrFloatBitWidth() / 8);
       });
}

void Emitter::copyIn(tile::LoadOp load, const Source &source,
                     const Access &target) {
  auto type = cast<RankedTensorType>(load.getResult().getType());
  SmallVector<Value> bounds = getBounds(type, load.getValid());
  Value partial = arith::ConstantOp::create(
      b, b.getBoolAttr(target.form.pairDim >= 0 &&
                       type.getDimSize(target.form.pairDim) % 2));
  for (auto [dim, bound] : llvm::enumerate(bounds))
    partial = b.createOrFold<arith::OrIOp>(
        partial, b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, bound,
                                               constant(type.getDimSize(dim))));
  auto guard = scf::IfOp::create(b, partial, /*withElse=*/false);
  {
    OpBuilder::InsertionGuard insertion(b);
    b.setInsertionPointToStart(guard.thenBlock());
    fill(type, target, getPad(load));
  }
  copy({source.memory, source.map, source.symbols, target, type, bounds,
        /*isLoad=*/true});
  if (hasWhere(load))
    padWhere(load, target, bounds);
}

LogicalResult Emitter::emitStore(tile::StoreOp store) {
  if (!memories.contains(store.getTarget()))
    return store.emitOpError("expects to store to an argument of the program");
  if (store.getClips())
    return refuseClips(store);
  auto type = cast<RankedTensorType>(store.getTile().getType());
  Access source =
      getBuffer(store.getTile(), layout.getNaturalForm(store.getTile()));
  copy({memories.at(store.getTarget()), store.getMap(), store.getIndices(),
        source, type, getBounds(type, store.getValid()), /*isLoad=*/false});
  return success();
}
