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
#include "mlir/Dialect/Func/IR/FuncOps.h"
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

func::FuncOp
Emitter::getHelper(StringRef name, ArrayRef<Type> arguments,
                   llvm::function_ref<void(ValueRange)> writeBody) {
  auto module = program->getParentOfType<ModuleOp>();
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPointToStart(module.getBody());
  auto function =
      func::FuncOp::create(b, name, b.getFunctionType(arguments, TypeRange()));
  function.setPrivate();
  function->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  b.setInsertionPointToStart(function.addEntryBlock());
  writeBody(function.getArguments());
  func::ReturnOp::create(b);
  return function;
}

void Emitter::copyElement(const Copy &copy, Point point) {
  Value address = getMemoryAddress(copy, point);
  Type element = copy.memory.element;
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  Access at = copy.tile;
  selectElement(at, point);
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
  Point start(upper.size());
  ArrayRef<int64_t> outer(order);
  ArrayRef<int64_t> inner = outer.take_back(2);
  int64_t pairDim = copy.tile.form.pairDim;
  if (inner.size() == 2 && hasSteps(copy.map) &&
      (pairDim < 0 || llvm::is_contained(inner, pairDim))) {
    for (int64_t dim : inner)
      start[dim] = Index(lower[dim]);
    loopPoints(lower, upper, steps, outer.drop_back(2), start,
               [&](const Point &point) {
                 copyPlane(copy, point, lower, upper, inner);
               });
    return;
  }
  loopPoints(lower, upper, steps, order, start,
             [&](Point point) { copyElement(copy, point); });
}

func::FuncOp Emitter::getPlaneCopier(const Copy &copy) {
  // A function, because a program has many such loops and few of them run.
  Type element = copy.memory.element, storage = copy.tile.form.storage;
  std::string name;
  llvm::raw_string_ostream(name)
      << "copy_" << element << "_" << (copy.isLoad ? "in_" : "out_") << storage;
  return getHelper(
      name, {pointerType, i64, i64, pointerType, i64, i64, i64, i64},
      [&](ValueRange arguments) {
        auto getAddress = [&](unsigned first, Type type, Value i, Value j) {
          Value offset =
              add(mul(i, arguments[first + 1]), mul(j, arguments[first + 2]));
          return advance(arguments[first], type, Index(offset));
        };
        auto getBytes = [](Type type) {
          return type.getIntOrFloatBitWidth() / 8;
        };
        loop(constant(0), arguments[6], 1, [&](Value i) {
          loop(constant(0), arguments[7], 1, [&](Value j) {
            Value outside = getAddress(0, element, i, j);
            Value inside = getAddress(3, storage, i, j);
            if (copy.isLoad) {
              Value value =
                  LLVM::LoadOp::create(b, element, outside, getBytes(element));
              LLVM::StoreOp::create(b, toStorage(value, storage), inside,
                                    getBytes(storage));
              return;
            }
            Value value =
                LLVM::LoadOp::create(b, storage, inside, getBytes(storage));
            LLVM::StoreOp::create(b, value, outside, getBytes(element));
          });
        });
      });
}

void Emitter::copyPlane(const Copy &copy, const Point &point,
                        ArrayRef<Value> lower, ArrayRef<Value> upper,
                        ArrayRef<int64_t> dims) {
  SmallVector<Value> outside =
      *getTileStrides(copy.memory, copy.map, copy.symbols);
  int64_t pairDim = copy.tile.form.pairDim;
  // Even rows of pairs and odd ones are planes of their own.
  for (int64_t parity = 0; parity < (pairDim >= 0 ? 2 : 1); ++parity) {
    Value memory = getMemoryAddress(copy, point);
    Value tile = getAddress(copy.tile, point);
    Values memorySteps, tileSteps, counts;
    for (int64_t dim : dims) {
      const Stride &stride = copy.tile.strides[dim];
      Value step = outside[dim];
      Value count = arith::SubIOp::create(b, upper[dim], lower[dim]);
      if (dim == pairDim) {
        memory = advance(memory, copy.memory.element,
                         Index(mul(step, constant(parity))));
        tile = advance(tile, copy.tile.form.storage, Index(parity));
        step = mul(step, constant(2));
        count = arith::ShRUIOp::create(b, add(count, constant(1 - parity)),
                                       constant(1));
      }
      memorySteps.push_back(step);
      tileSteps.push_back(stride.dynamic ? stride.dynamic
                                         : constant(stride.constant));
      counts.push_back(count);
    }
    func::CallOp::create(b, getPlaneCopier(copy),
                         ValueRange{memory, memorySteps[0], memorySteps[1],
                                    tile, tileSteps[0], tileSteps[1], counts[0],
                                    counts[1]});
  }
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
    APInt bound;
    if (blocks[dim] == 1 ||
        (matchPattern(copy.bounds[dim], m_ConstantInt(&bound)) &&
         bound.urem(blocks[dim]) == 0))
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

func::FuncOp Emitter::getTransposition(const Copy &copy) {
  // A function, because its many shuffles take long to compile.
  bool isPairs = copy.tile.form.pairDim >= 0, isLoad = copy.isLoad;
  unsigned bits = copy.memory.element.getIntOrFloatBitWidth();
  std::string name = (isLoad ? "transpose_in_" : "transpose_out_") +
                     std::to_string(bits) + (isPairs ? "_pairs" : "");
  return getHelper(name, {pointerType, i64, pointerType, i64},
                   [&](ValueRange arguments) {
                     transposeBlock(arguments, bits, isPairs, isLoad);
                   });
}

void Emitter::transposeBlock(ValueRange arguments, unsigned bits, bool isPairs,
                             bool isLoad) {
  Value memory = arguments[0], rowStride = arguments[1];
  Value tile = arguments[2], stride = arguments[3];
  int64_t n = machine.lanes;
  unsigned alignment = bits / 8;
  Type element = b.getIntegerType(bits);
  VectorType words = vectorOf(b.getI32Type());
  // Elements of 16 bits are transposed as words of two: pairs as they are,
  // others with the row after them.
  bool isJoined = bits == 16 && !isPairs;
  auto at = [&](Value base, Value step, int64_t i) {
    return advance(base, element, Index(mul(step, constant(i))));
  };
  auto load = [&](VectorType type, Value address) -> Value {
    return LLVM::LoadOp::create(b, type, address, alignment);
  };
  auto store = [&](Value value, Value address) {
    LLVM::StoreOp::create(b, value, address, alignment);
  };
  Values rows;
  for (int64_t i = 0; i < n; ++i) {
    if (isLoad) {
      rows.push_back(load(words, at(memory, rowStride, i)));
    } else if (!isJoined) {
      rows.push_back(load(words, at(tile, stride, i)));
    } else {
      Value even = load(vectorOf(element), at(tile, stride, 2 * i));
      Value odd = load(vectorOf(element), at(tile, stride, 2 * i + 1));
      Value both = vector::InterleaveOp::create(b, even, odd);
      rows.push_back(LLVM::BitcastOp::create(b, words, both));
    }
  }
  transpose(rows);
  for (int64_t i = 0; i < n; ++i) {
    if (!isLoad) {
      store(rows[i], at(memory, rowStride, i));
    } else if (!isJoined) {
      store(rows[i], at(tile, stride, i));
    } else {
      auto split = vector::DeinterleaveOp::create(
          b, LLVM::BitcastOp::create(b, vectorOf(element, 2), rows[i]));
      store(split.getRes1(), at(tile, stride, 2 * i));
      store(split.getRes2(), at(tile, stride, 2 * i + 1));
    }
  }
}

void Emitter::copyTransposed(const Copy &copy) {
  int64_t unit = *getUnitDim(copy.map), lane = copy.tile.form.lane;
  int64_t inWord = 32 / copy.memory.element.getIntOrFloatBitWidth();
  SmallVector<int64_t> blocks(copy.bounds.size(), 1);
  blocks[lane] = machine.lanes;
  blocks[unit] = machine.lanes * inWord;
  func::FuncOp transposition = getTransposition(copy);
  Value rowStride =
      (*getTileStrides(copy.memory, copy.map, copy.symbols))[lane];
  Value stride = constant(copy.tile.strides[unit].constant);
  copyBlocks(copy, blocks, [&](const Point &point) {
    func::CallOp::create(b, transposition,
                         ValueRange{getMemoryAddress(copy, point), rowStride,
                                    getAddress(copy.tile, point), stride});
  });
}

bool Emitter::canTranspose(const Copy &copy) const {
  const Form &form = copy.tile.form;
  std::optional<int64_t> unit = getUnitDim(copy.map);
  unsigned bits = copy.memory.element.getIntOrFloatBitWidth();
  if (form.storage != copy.memory.element || (bits != 16 && bits != 32) ||
      (form.pairDim >= 0 && (form.pairDim != *unit || !copy.isLoad)) ||
      !hasSteps(copy.map) || copy.tile.strides[*unit].dynamic)
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
