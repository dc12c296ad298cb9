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

/// `expr` at tile coordinates `dims`, in i64. Coordinates of valid points are
/// not negative, so divisions are unsigned.
static Value expand(ImplicitLocOpBuilder &b, AffineExpr expr,
                    ArrayRef<Value> dims, ArrayRef<Value> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantOp::create(b,
                                     b.getI64IntegerAttr(constant.getValue()));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = expand(b, binary.getLHS(), dims, symbols);
  Value rhs = expand(b, binary.getRHS(), dims, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return b.createOrFold<arith::AddIOp>(lhs, rhs);
  case AffineExprKind::Mul:
    return b.createOrFold<arith::MulIOp>(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return b.createOrFold<arith::DivUIOp>(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return b.createOrFold<arith::CeilDivUIOp>(lhs, rhs);
  default:
    return b.createOrFold<arith::RemUIOp>(lhs, rhs);
  }
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

Value Emitter::getOffset(const Memory &memory, AffineMap map,
                         ValueRange symbols, const Point &point) {
  SmallVector<Value> dims, values;
  for (const Index &index : point)
    dims.push_back(toValue(index));
  for (Value symbol : symbols)
    values.push_back(toI64(scalars.lookup(symbol)));
  Value offset = constant(0);
  for (auto [expr, stride] : llvm::zip(map.getResults(), memory.strides))
    offset = add(offset, mul(expand(b, expr, dims, values), stride));
  return offset;
}

std::optional<SmallVector<Value>> Emitter::getTileStrides(const Memory &memory,
                                                          AffineMap map,
                                                          ValueRange symbols) {
  SmallVector<Value> strides;
  for (unsigned dim = 0; dim < map.getNumDims(); ++dim) {
    Value stride = constant(0);
    for (auto [expr, step] : llvm::zip(map.getResults(), memory.strides)) {
      if (!expr.isFunctionOfDim(dim))
        continue;
      AffineExpr rest =
          simplifyAffineExpr(expr - getAffineDimExpr(dim, map.getContext()),
                             map.getNumDims(), map.getNumSymbols());
      if (rest.isFunctionOfDim(dim))
        return std::nullopt;
      stride = add(stride, step);
    }
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
  return direct;
}

Access Emitter::loadForm(tile::LoadOp load, Form form) {
  auto type = cast<RankedTensorType>(load.getResult().getType());
  const Memory &memory = memories.at(load.getSource());
  Access target = allocate(type, form);
  std::optional<int64_t> unit = getUnitDim(load.getMap());
  std::optional<SmallVector<Value>> strides =
      getTileStrides(memory, load.getMap(), load.getIndices());
  bool canBeDirect = form.storage == memory.element && form.pairDim < 0 &&
                     unit && *unit == form.lane && strides;
  // A vector that reaches beyond the tile is masked where its index is known.
  if (form.lane >= 0 && hasDynamicBound(load.getResult(), form.lane) &&
      type.getDimSize(form.lane) % machine.lanes != 0)
    canBeDirect = false;
  if (!canBeDirect) {
    copyIn(load, memory, target);
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
    Value offset = getOffset(memory, load.getMap(), load.getIndices(), origin);
    SmallVector<Value> results = {
        advance(memory.pointer, memory.element, Index(offset))};
    llvm::append_range(results, *strides);
    scf::YieldOp::create(b, results);
    b.setInsertionPointToEnd(&choice.getElseRegion().front());
    copyIn(load, memory, target);
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

LogicalResult Emitter::emitLoad(tile::LoadOp load) {
  if (!memories.contains(load.getSource()))
    return load.emitOpError("expects to load from an argument of the program");
  for (Form form : layout.getForms(load.getResult()))
    setBuffer(load.getResult(), loadForm(load, form));
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

void Emitter::copyIn(tile::LoadOp load, const Memory &memory,
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
    TypedAttr pad = load.getPad() ? load.getPadAttr()
                                  : b.getZeroAttr(type.getElementType());
    fill(type, target, pad);
  }
  AffineMap map = load.getMap();
  std::optional<int64_t> unit = getUnitDim(map);
  bool hasPairs = target.form.pairDim >= 0;
  if (!unit || *unit != target.form.lane) {
    copyPoints(memory, map, load.getIndices(), target, bounds, true);
    return;
  }
  Value contiguous =
      arith::CmpIOp::create(b, eq, memory.strides.back(), constant(1));
  auto choice = scf::IfOp::create(b, contiguous, /*withElse=*/true);
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPointToStart(choice.thenBlock());
  if (hasPairs) {
    copyPairs(memory, map, load.getIndices(), target, bounds);
  } else {
    // Whole vectors, then the rest point by point.
    int64_t lane = target.form.lane;
    Value whole =
        mul(arith::DivUIOp::create(b, bounds[lane], constant(machine.lanes)),
            constant(machine.lanes));
    std::function<void(int64_t, Point)> rows = [&](int64_t dim, Point point) {
      if (dim == lane) {
        point.push_back(Index());
        return rows(dim + 1, point);
      }
      if (dim < type.getRank()) {
        loop(constant(0), bounds[dim], 1, [&](Value iv) {
          Point next = point;
          next.push_back(Index(iv));
          rows(dim + 1, next);
        });
        return;
      }
      loop(constant(0), whole, machine.lanes, [&](Value iv) {
        point[lane] = Index(iv);
        Value offset = getOffset(memory, map, load.getIndices(), point);
        Value vector = LLVM::LoadOp::create(
            b, vectorOf(memory.element),
            advance(memory.pointer, memory.element, Index(offset)),
            memory.element.getIntOrFloatBitWidth() / 8);
        storeVector(target, point, lane, vector);
      });
      loop(whole, bounds[lane], 1, [&](Value iv) {
        point[lane] = Index(iv);
        copyElement(memory, getOffset(memory, map, load.getIndices(), point),
                    target, point, true);
      });
    };
    rows(0, {});
  }
  b.setInsertionPointToStart(choice.elseBlock());
  copyPoints(memory, map, load.getIndices(), target, bounds, true);
}

void Emitter::copyElement(const Memory &memory, Value offset,
                          const Access &tile, Point point, bool isLoad) {
  Value address = advance(memory.pointer, memory.element, Index(offset));
  unsigned alignment = memory.element.getIntOrFloatBitWidth() / 8;
  Access at = tile;
  if (int64_t pairDim = tile.form.pairDim; pairDim >= 0) {
    Value row = toValue(point[pairDim]);
    Value within = arith::AndIOp::create(b, row, constant(1));
    point[pairDim] = Index(arith::SubIOp::create(b, row, within));
    at.pointer = advance(tile.pointer, tile.form.storage, Index(within));
  }
  if (isLoad) {
    Value value = LLVM::LoadOp::create(b, memory.element, address, alignment);
    storeScalar(at, point, toStorage(value, tile.form.storage));
    return;
  }
  LLVM::StoreOp::create(b, loadScalar(at, point), address, alignment);
}

void Emitter::copyPoints(const Memory &memory, AffineMap map,
                         ValueRange symbols, const Access &tile,
                         ArrayRef<Value> bounds, bool isLoad) {
  // The memory's contiguous dimension innermost.
  SmallVector<int64_t> order;
  std::optional<int64_t> unit = getUnitDim(map);
  for (int64_t dim = 0, rank = bounds.size(); dim < rank; ++dim)
    if (!unit || dim != *unit)
      order.push_back(dim);
  if (unit)
    order.push_back(*unit);
  std::function<void(size_t, Point)> nest = [&](size_t depth, Point point) {
    if (depth == order.size()) {
      copyElement(memory, getOffset(memory, map, symbols, point), tile, point,
                  isLoad);
      return;
    }
    loop(constant(0), bounds[order[depth]], 1, [&](Value iv) {
      Point next = point;
      next[order[depth]] = Index(iv);
      nest(depth + 1, next);
    });
  };
  nest(0, Point(bounds.size()));
}

void Emitter::copyPairs(const Memory &memory, AffineMap map, ValueRange symbols,
                        const Access &tile, ArrayRef<Value> bounds) {
  // Two rows at a time are interleaved; a last odd row and the points beyond
  // whole vectors go one by one.
  int64_t lane = tile.form.lane, pairDim = tile.form.pairDim;
  unsigned alignment = memory.element.getIntOrFloatBitWidth() / 8;
  Value two = constant(2), width = constant(machine.lanes);
  Value wholePairs = arith::DivUIOp::create(b, bounds[pairDim], two);
  Value wholeLanes = mul(arith::DivUIOp::create(b, bounds[lane], width), width);
  auto element = [&](Point point) {
    copyElement(memory, getOffset(memory, map, symbols, point), tile, point,
                true);
  };
  auto copyRowPair = [&](Point point) {
    Value pair = toValue(point[pairDim]);
    Value row = mul(pair, two);
    loop(constant(0), wholeLanes, machine.lanes, [&](Value iv) {
      point[lane] = Index(iv);
      Value rows[2];
      for (int64_t i = 0; i < 2; ++i) {
        point[pairDim] = Index(row, i);
        Value offset = getOffset(memory, map, symbols, point);
        rows[i] = LLVM::LoadOp::create(
            b, vectorOf(memory.element),
            advance(memory.pointer, memory.element, Index(offset)), alignment);
      }
      point[pairDim] = Index(row);
      Value both = vector::InterleaveOp::create(b, rows[0], rows[1]);
      LLVM::StoreOp::create(b, both, getAddress(tile, point), alignment);
    });
    for (int64_t i = 0; i < 2; ++i)
      loop(wholeLanes, bounds[lane], 1, [&](Value iv) {
        point[lane] = Index(iv);
        point[pairDim] = Index(row, i);
        element(point);
      });
  };
  std::function<void(int64_t, Point)> nest = [&](int64_t dim, Point point) {
    if (dim == int64_t(bounds.size())) {
      loop(constant(0), wholePairs, 1, [&](Value iv) {
        Point next = point;
        next[pairDim] = Index(iv);
        copyRowPair(next);
      });
      loop(mul(wholePairs, two), bounds[pairDim], 1, [&](Value row) {
        loop(constant(0), bounds[lane], 1, [&](Value iv) {
          Point next = point;
          next[pairDim] = Index(row);
          next[lane] = Index(iv);
          element(next);
        });
      });
      return;
    }
    if (dim == lane || dim == pairDim)
      return nest(dim + 1, point);
    loop(constant(0), bounds[dim], 1, [&](Value iv) {
      Point next = point;
      next[dim] = Index(iv);
      nest(dim + 1, next);
    });
  };
  nest(0, Point(bounds.size()));
}

LogicalResult Emitter::emitStore(tile::StoreOp store) {
  if (!memories.contains(store.getTarget()))
    return store.emitOpError("expects to store to an argument of the program");
  const Memory memory = memories.at(store.getTarget());
  auto type = cast<RankedTensorType>(store.getTile().getType());
  Access source =
      getBuffer(store.getTile(), layout.getNaturalForm(store.getTile()));
  SmallVector<Value> bounds = getBounds(type, store.getValid());
  AffineMap map = store.getMap();
  std::optional<int64_t> unit = getUnitDim(map);
  if (!unit || *unit != source.form.lane) {
    copyPoints(memory, map, store.getIndices(), source, bounds, false);
    return success();
  }
  int64_t lane = *unit;
  Value contiguous =
      arith::CmpIOp::create(b, eq, memory.strides.back(), constant(1));
  auto choice = scf::IfOp::create(b, contiguous, /*withElse=*/true);
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Value whole =
      mul(arith::DivUIOp::create(b, bounds[lane], constant(machine.lanes)),
          constant(machine.lanes));
  std::function<void(int64_t, Point)> rows = [&](int64_t dim, Point point) {
    if (dim == lane) {
      point.push_back(Index());
      return rows(dim + 1, point);
    }
    if (dim < type.getRank()) {
      loop(constant(0), bounds[dim], 1, [&](Value iv) {
        Point next = point;
        next.push_back(Index(iv));
        rows(dim + 1, next);
      });
      return;
    }
    loop(constant(0), whole, machine.lanes, [&](Value iv) {
      point[lane] = Index(iv);
      Value offset = getOffset(memory, map, store.getIndices(), point);
      LLVM::StoreOp::create(
          b, loadVector(source, point, lane),
          advance(memory.pointer, memory.element, Index(offset)),
          memory.element.getIntOrFloatBitWidth() / 8);
    });
    loop(whole, bounds[lane], 1, [&](Value iv) {
      point[lane] = Index(iv);
      copyElement(memory, getOffset(memory, map, store.getIndices(), point),
                  source, point, false);
    });
  };
  rows(0, {});
  b.setInsertionPointToStart(choice.elseBlock());
  copyPoints(memory, map, store.getIndices(), source, bounds, false);
  return success();
}
