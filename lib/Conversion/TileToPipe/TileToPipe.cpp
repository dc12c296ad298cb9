//===- TileToPipe.cpp - tile programs as kernels of ordinary threads ------===//

#include "attn/Conversion/Passes.h"

#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

namespace attn {
#define GEN_PASS_DEF_CONVERTTILETOPIPEPASS
#include "attn/Conversion/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// Threads hold scalars only: no budget is missed.
static constexpr int64_t kRegisters = 128;

namespace {
/// Writes the kernel of one program.
class KernelBuilder {
public:
  KernelBuilder(tile::ProgramOp program, OpBuilder &builder)
      : program(program), b(program.getLoc(), builder) {}

  LogicalResult run();

private:
  LogicalResult createKernel();
  FailureOr<Type> getArgumentType(unsigned index);
  FailureOr<Value> getExtent(StringRef rank);
  FailureOr<Value> getNumItems();
  LogicalResult bindArguments(ThreadEmitter &emitter);

  Value i32(int64_t value) {
    return arith::ConstantIntOp::create(b, b.getI32Type(), value);
  }
  Type getIndexType() { return b.getI64Type(); }
  StringAttr getString(unsigned index, StringRef name) {
    return program.getArgAttrOfType<StringAttr>(index, name);
  }

  tile::ProgramOp program;
  ImplicitLocOpBuilder b;
  pipe::KernelOp kernel;
  /// For each argument of the program, the kernel's, or null for extents.
  SmallVector<Value> arguments;
  /// Tiles along each coordinate of the program.
  SmallVector<Value> counts;
};
} // namespace

FailureOr<Type> KernelBuilder::getArgumentType(unsigned index) {
  Type type = program.getArgumentTypes()[index];
  if (type.isIndex())
    return getIndexType();
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref)
    return type;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(memref.getStridesAndOffset(strides, offset)) ||
      memref.getRank() == 0)
    return program.emitOpError("expects tensors with dimensions and strides in "
                               "a program for threads, but got ")
           << memref;
  return Type(pipe::GlobalType::get(b.getContext(), memref.getShape(),
                                    memref.getElementType(),
                                    /*strided=*/strides.back() != 1));
}

LogicalResult KernelBuilder::createKernel() {
  SmallVector<Type> types;
  SmallVector<Attribute> attrs;
  SmallVector<std::optional<unsigned>> numbers;
  for (auto [index, type] : llvm::enumerate(program.getArgumentTypes())) {
    if (getString(index, tile::kExtentAttr)) {
      numbers.push_back(std::nullopt);
      continue;
    }
    FailureOr<Type> lowered = getArgumentType(index);
    if (failed(lowered))
      return failure();
    numbers.push_back(types.size());
    types.push_back(*lowered);
    NamedAttrList list;
    list.append(pipe::kNameAttr, getString(index, tile::kNameAttr));
    if (isa<MemRefType>(type)) {
      list.append(pipe::kAccessAttr, getString(index, tile::kAccessAttr));
      list.append(pipe::kShapeAttr,
                  program.getArgAttrOfType<ArrayAttr>(index, tile::kShapeAttr));
    }
    attrs.push_back(list.getDictionary(b.getContext()));
  }
  kernel = pipe::KernelOp::create(
      b, program.getSymNameAttr(),
      TypeAttr::get(b.getFunctionType(types, {})), /*cluster=*/
      b.getI64IntegerAttr(1), b.getArrayAttr(attrs), /*res_attrs=*/ArrayAttr());
  Block *body = b.createBlock(&kernel.getBody());
  for (Type type : types)
    body->addArgument(type, b.getLoc());
  for (std::optional<unsigned> number : numbers)
    arguments.push_back(number ? body->getArgument(*number) : Value());
  return success();
}

FailureOr<Value> KernelBuilder::getExtent(StringRef rank) {
  if (std::optional<int64_t> extent = program.getStaticExtent(rank))
    return i32(*extent);
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    auto shape = program.getArgAttrOfType<ArrayAttr>(index, tile::kShapeAttr);
    if (!shape)
      continue;
    for (auto [dim, entry] : llvm::enumerate(shape))
      if (auto name = dyn_cast<StringAttr>(entry); name && name == rank)
        return pipe::DimOp::create(b, b.getI32Type(), argument, dim)
            .getResult();
  }
  return program.emitOpError("expects a tensor with rank '")
         << rank << "', whose extent a program for threads needs";
}

FailureOr<Value> KernelBuilder::getNumItems() {
  Value items = i32(1);
  for (auto [rank, size] :
       llvm::zip_equal(program.getSpaceRanks().getAsValueRange<StringAttr>(),
                       program.getSpaceTiles())) {
    FailureOr<Value> extent = getExtent(rank);
    if (failed(extent))
      return failure();
    counts.push_back(*extent);
    if (size != 1)
      counts.back() = arith::CeilDivUIOp::create(b, *extent, i32(size));
    items = arith::MulIOp::create(b, items, counts.back());
  }
  if (!program.getGuardRank())
    return items;
  // 1 from the bound on, else 0.
  FailureOr<Value> extent = getExtent(*program.getGuardRank());
  if (failed(extent))
    return failure();
  Value reached = arith::MinUIOp::create(
      b,
      arith::DivUIOp::create(b, *extent,
                             i32(program.getGuardBound().value_or(1))),
      i32(1));
  if (program.getGuardBelow())
    reached = arith::SubIOp::create(b, i32(1), reached);
  return arith::MulIOp::create(b, items, reached).getResult();
}

LogicalResult KernelBuilder::bindArguments(ThreadEmitter &emitter) {
  for (auto [index, type] : llvm::enumerate(program.getArgumentTypes())) {
    Value original = program.getBody().getArgument(index);
    if (isa<MemRefType>(type)) {
      emitter.setTensor(original, arguments[index]);
      bool isTable = llvm::any_of(original.getUsers(), [](Operation *user) {
        return isa<tile::ExtremaOp, tile::EntryOp, tile::MemberOp>(user);
      });
      if (!isTable)
        continue;
      SmallVector<Value> extents;
      auto shape = program.getArgAttrOfType<ArrayAttr>(index, tile::kShapeAttr);
      for (Attribute entry : shape) {
        if (auto known = dyn_cast<IntegerAttr>(entry)) {
          extents.push_back(i32(known.getInt()));
          continue;
        }
        FailureOr<Value> extent = getExtent(cast<StringAttr>(entry));
        if (failed(extent))
          return failure();
        extents.push_back(*extent);
      }
      emitter.setTable(original, extents);
    } else if (StringAttr rank = getString(index, tile::kExtentAttr)) {
      FailureOr<Value> extent = getExtent(rank);
      if (failed(extent))
        return failure();
      emitter.setScalar(original, *extent);
    } else if (type.isIndex()) {
      // What no 32 bits hold is further than any coordinate.
      Type wide = getIndexType();
      auto limit = [&](int64_t value) {
        return arith::ConstantIntOp::create(b, wide, value);
      };
      Value value = arith::MinSIOp::create(
          b,
          arith::MaxSIOp::create(b, arguments[index],
                                 limit(std::numeric_limits<int32_t>::min())),
          limit(std::numeric_limits<int32_t>::max()));
      emitter.setScalar(original,
                        arith::TruncIOp::create(b, b.getI32Type(), value));
    } else {
      emitter.setScalar(original, arguments[index]);
    }
  }
  return success();
}

LogicalResult KernelBuilder::run() {
  b.setInsertionPoint(program);
  if (failed(createKernel()))
    return failure();
  FailureOr<Value> items = getNumItems();
  if (failed(items))
    return failure();
  auto workType = pipe::WorkType::get(b.getContext(), pipe::WorkKind::Single);
  Value work = pipe::WorkOp::create(b, workType, *items);
  auto role =
      pipe::RoleOp::create(b, "threads", /*groups=*/1, /*warps=*/4, kRegisters);
  pipe::YieldOp::create(b);
  b.createBlock(&role.getBody(), {}, b.getI32Type(), b.getLoc());
  auto end = pipe::YieldOp::create(b);
  b.setInsertionPoint(end);

  ThreadEmitter emitter(b, role);
  if (failed(bindArguments(emitter)))
    return failure();
  Value rest = pipe::FirstItemOp::create(b, b.getI32Type(), work);
  SmallVector<Value> coordinates(counts.size());
  for (size_t i = counts.size(); i-- > 0;) {
    coordinates[i] =
        i == 0 ? rest : arith::RemUIOp::create(b, rest, counts[i]).getResult();
    if (i != 0)
      rest = arith::DivUIOp::create(b, rest, counts[i]);
    if (int64_t size = program.getSpaceTiles()[i]; size != 1)
      coordinates[i] = arith::MulIOp::create(b, coordinates[i], i32(size));
  }
  for (auto [original, coordinate] :
       llvm::zip_equal(program.getCoordinates(), coordinates))
    emitter.setScalar(original, coordinate);
  if (failed(emitter.emitBlock(program.getBody().front())))
    return failure();
  program.erase();
  return success();
}

namespace {
struct ConvertTileToPipe final
    : attn::impl::ConvertTileToPipePassBase<ConvertTileToPipe> {
  void runOnOperation() override {
    OpBuilder builder(&getContext());
    for (tile::ProgramOp program :
         llvm::make_early_inc_range(getOperation().getOps<tile::ProgramOp>()))
      if (failed(KernelBuilder(program, builder).run()))
        return signalPassFailure();
  }
};
} // namespace
