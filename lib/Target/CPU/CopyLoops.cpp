//===- CopyLoops.cpp - the loops that move a tile -------------------------===//
//
// Where the memory is contiguous along a dimension, vectors are moved: as they
// are if the buffer runs along the same dimension, two rows interleaved if it
// holds pairs, and by transposed blocks if it runs along another. What is left
// at the edges of those goes point by point, and so does all of a tile from
// memory that is contiguous nowhere.
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

Value Emitter::getMemoryAddress(const Copy &copy, const Point &point) {
  Value offset = getOffset(copy.memory, copy.map, copy.symbols, point);
  return advance(copy.memory.pointer, copy.memory.element, Index(offset));
}

Value Emitter::roundDown(Value points, int64_t multiple) {
  return mul(b.createOrFold<arith::DivUIOp>(points, constant(multiple)),
             constant(multiple));
}

void Emitter::loopPoints(ArrayRef<Value> lower, ArrayRef<Value> upper,
                         ArrayRef<int64_t> steps, ArrayRef<int64_t> order,
                         Point point, llvm::function_ref<void(Point)> body) {
  if (order.empty())
    return body(point);
  int64_t dim = order.front();
  loop(lower[dim], upper[dim], steps[dim], [&](Value iv) {
    Point next = point;
    next[dim] = Index(iv);
    loopPoints(lower, upper, steps, order.drop_front(), next, body);
  });
}

void Emitter::copyElement(const Copy &copy, Point point) {
  Value address = getMemoryAddress(copy, point);
  Type element = copy.memory.element;
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  Access at = copy.tile;
  if (int64_t pairDim = at.form.pairDim; pairDim >= 0) {
    Value row = toValue(point[pairDim]);
    Value within = arith::AndIOp::create(b, row, constant(1));
    point[pairDim] = Index(arith::SubIOp::create(b, row, within));
    at.pointer = advance(at.pointer, at.form.storage, Index(within));
  }
  if (copy.isLoad) {
    Value value = LLVM::LoadOp::create(b, element, address, alignment);
    storeScalar(at, point, toStorage(value, at.form.storage));
    return;
  }
  LLVM::StoreOp::create(b, loadScalar(at, point), address, alignment);
}

void Emitter::copyPoints(const Copy &copy, ArrayRef<Value> lower,
                         ArrayRef<Value> upper) {
  // The memory's contiguous dimension innermost.
  SmallVector<int64_t> order, steps(upper.size(), 1);
  std::optional<int64_t> unit = getUnitDim(copy.map);
  for (int64_t dim = 0, rank = upper.size(); dim < rank; ++dim)
    if (!unit || dim != *unit)
      order.push_back(dim);
  if (unit)
    order.push_back(*unit);
  loopPoints(lower, upper, steps, order, Point(upper.size()),
             [&](Point point) { copyElement(copy, point); });
}

void Emitter::copyBlocks(const Copy &copy, ArrayRef<int64_t> blocks,
                         llvm::function_ref<void(Point)> copyBlock) {
  size_t rank = copy.bounds.size();
  Values zeros(rank, constant(0)), whole;
  SmallVector<int64_t> order;
  for (size_t dim = 0; dim < rank; ++dim) {
    whole.push_back(blocks[dim] == 1
                        ? copy.bounds[dim]
                        : roundDown(copy.bounds[dim], blocks[dim]));
    order.push_back(dim);
  }
  loopPoints(zeros, whole, blocks, order, Point(rank), copyBlock);
  // What is beyond the whole blocks of one dimension, within those of the
  // dimensions before it.
  Values lower = zeros, upper(copy.bounds);
  for (size_t dim = 0; dim < rank; ++dim) {
    if (blocks[dim] == 1)
      continue;
    lower[dim] = whole[dim];
    copyPoints(copy, lower, upper);
    lower[dim] = zeros[dim];
    upper[dim] = whole[dim];
  }
}

void Emitter::copyRows(const Copy &copy) {
  int64_t lane = copy.tile.form.lane;
  Type element = copy.memory.element;
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  SmallVector<int64_t> blocks(copy.bounds.size(), 1);
  blocks[lane] = machine.lanes;
  copyBlocks(copy, blocks, [&](const Point &point) {
    Value address = getMemoryAddress(copy, point);
    if (!copy.isLoad) {
      LLVM::StoreOp::create(b, loadVector(copy.tile, point, lane), address,
                            alignment);
      return;
    }
    storeVector(copy.tile, point, lane,
                LLVM::LoadOp::create(b, vectorOf(element), address, alignment));
  });
}

void Emitter::copyPairs(const Copy &copy) {
  const Form &form = copy.tile.form;
  Type element = copy.memory.element;
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  // Two vectors at a time where that leaves no rest.
  int64_t n = machine.lanes;
  if (copy.type.getDimSize(form.lane) % (2 * n) == 0)
    n *= 2;
  auto type = VectorType::get({n}, element);
  SmallVector<int64_t> blocks(copy.bounds.size(), 1);
  blocks[form.lane] = n;
  blocks[form.pairDim] = 2;
  copyBlocks(copy, blocks, [&](const Point &point) {
    Value rows[2];
    for (int64_t i = 0; i < 2; ++i) {
      Point at = point;
      at[form.pairDim] = at[form.pairDim] + i;
      rows[i] =
          LLVM::LoadOp::create(b, type, getMemoryAddress(copy, at), alignment);
    }
    Value both = vector::InterleaveOp::create(b, rows[0], rows[1]);
    LLVM::StoreOp::create(b, both, getAddress(copy.tile, point), alignment);
  });
}

void Emitter::transpose(MutableArrayRef<Value> rows) {
  // Each round interleaves row i with row i + n/2; log2(n) rounds exchange the
  // bits of a row's number with those of a lane's.
  int64_t n = rows.size();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n; ++i) {
    low.push_back(i / 2 + i % 2 * n);
    high.push_back(i / 2 + n / 2 + i % 2 * n);
  }
  for (int64_t round = 1; round < n; round *= 2) {
    Values next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (ArrayRef<int64_t> order : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, rows[i], rows[i + n / 2], order));
    llvm::copy(next, rows.begin());
  }
}

void Emitter::copyTransposed(const Copy &copy) {
  const Form &form = copy.tile.form;
  int64_t unit = *getUnitDim(copy.map), n = machine.lanes;
  Type element = copy.memory.element;
  unsigned bits = element.getIntOrFloatBitWidth(), alignment = bits / 8;
  // Elements of 16 bits are transposed as words of two.
  int64_t inWord = 32 / bits;
  VectorType words = vectorOf(b.getI32Type());
  VectorType elements = vectorOf(element, inWord);
  SmallVector<int64_t> blocks(copy.bounds.size(), 1);
  blocks[form.lane] = n;
  blocks[unit] = n * inWord;
  auto getPoint = [&](Point point, int64_t dim, int64_t offset) {
    point[dim] = point[dim] + offset;
    return point;
  };
  // The words at `n` points of the lane.
  auto loadTile = [&](const Point &point) -> Value {
    Value value = loadVector(copy.tile, point, form.lane);
    if (inWord == 2)
      value = vector::InterleaveOp::create(
          b, value, loadVector(copy.tile, getPoint(point, unit, 1), form.lane));
    return LLVM::BitcastOp::create(b, words, value);
  };
  auto storeTile = [&](const Point &point, Value value) {
    if (inWord == 1 || form.pairDim >= 0) {
      LLVM::StoreOp::create(b, value, getAddress(copy.tile, point), alignment);
      return;
    }
    auto split = vector::DeinterleaveOp::create(
        b, LLVM::BitcastOp::create(b, elements, value));
    storeVector(copy.tile, point, form.lane, split.getRes1());
    storeVector(copy.tile, getPoint(point, unit, 1), form.lane,
                split.getRes2());
  };
  copyBlocks(copy, blocks, [&](const Point &point) {
    auto getRow = [&](int64_t i) {
      return getMemoryAddress(copy, getPoint(point, form.lane, i));
    };
    auto getColumn = [&](int64_t i) {
      return getPoint(point, unit, i * inWord);
    };
    Values rows;
    for (int64_t i = 0; i < n; ++i)
      rows.push_back(
          copy.isLoad
              ? LLVM::LoadOp::create(b, words, getRow(i), alignment).getResult()
              : loadTile(getColumn(i)));
    transpose(rows);
    for (int64_t i = 0; i < n; ++i)
      if (copy.isLoad)
        storeTile(getColumn(i), rows[i]);
      else
        LLVM::StoreOp::create(b, rows[i], getRow(i), alignment);
  });
}

bool Emitter::canTranspose(const Copy &copy) const {
  const Form &form = copy.tile.form;
  std::optional<int64_t> unit = getUnitDim(copy.map);
  unsigned bits = copy.memory.element.getIntOrFloatBitWidth();
  if (form.storage != copy.memory.element || (bits != 16 && bits != 32) ||
      (form.pairDim >= 0 && (form.pairDim != *unit || !copy.isLoad)))
    return false;
  return copy.type.getDimSize(form.lane) >= machine.lanes &&
         copy.type.getDimSize(*unit) >= machine.lanes * 32 / bits;
}

void Emitter::copy(const Copy &copy) {
  std::optional<int64_t> unit = getUnitDim(copy.map);
  const Form &form = copy.tile.form;
  Values zeros(copy.bounds.size(), constant(0));
  bool isRows = unit && form.lane == *unit;
  if (!unit || form.lane < 0 || (!isRows && !canTranspose(copy)))
    return copyPoints(copy, zeros, copy.bounds);
  Value contiguous = arith::CmpIOp::create(
      b, arith::CmpIPredicate::eq, copy.memory.strides.back(), constant(1));
  auto choice = scf::IfOp::create(b, contiguous, /*withElse=*/true);
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Memory memory = copy.memory;
  memory.strides.back() = constant(1);
  Copy vectors = {memory,    copy.map,    copy.symbols, copy.tile,
                  copy.type, copy.bounds, copy.isLoad};
  if (!isRows)
    copyTransposed(vectors);
  else if (form.pairDim >= 0)
    copyPairs(vectors);
  else
    copyRows(vectors);
  b.setInsertionPointToStart(choice.elseBlock());
  copyPoints(copy, zeros, copy.bounds);
}
