//===- EinsumCompiler.cpp - prepares one Einsum for evaluation
//--------------===//

#include "EinsumInterpreter.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

using cascade::EinsumOp;
using cascade::NamedTensorType;

/// Compiles `arguments[0] * arguments[1] * ...` in `monoid`.
static Result<ScalarProgram> compileFold(const cascade::MonoidInfo &monoid,
                                         TypeRange arguments, Location loc,
                                         bool unfused) {
  Block block;
  for (Type type : arguments)
    block.addArgument(type, loc);
  OpBuilder builder(loc.getContext());
  builder.setInsertionPointToEnd(&block);
  Value value = block.getArgument(0);
  for (BlockArgument argument : block.getArguments().drop_front())
    value = monoid.combine(builder, loc, value, argument);
  cascade::YieldOp::create(builder, loc, value);
  return compileBlock(block, unfused);
}

/// A reduced product of several tensors: what a machine runs as a matrix
/// product, whose operands and results stand in memory.
static bool isContraction(Operation *op) {
  auto einsum = dyn_cast<EinsumOp>(op);
  return einsum && einsum.getMonoidAttr() && einsum.getInputs().size() > 1 &&
         einsum.getMonoidAttr().getName().getValue() == "add";
}

static FloatType getRounding(EinsumOp op, FloatType unfusedType) {
  auto type = cast<NamedTensorType>(op.getType());
  if (!unfusedType || !isa<FloatType>(type.getElementType()))
    return {};
  if (isContraction(op) || llvm::any_of(op->getUsers(), isContraction))
    return unfusedType;
  return type.getElementType().isF64() ? FloatType()
                                       : Float32Type::get(op.getContext());
}

Result<CompiledEinsum> attn::reference::compileEinsum(EinsumOp op,
                                                      FloatType unfusedType) {
  CompiledEinsum compiled;
  compiled.op = op;
  compiled.rounding = getRounding(op, unfusedType);
  bool unfused = static_cast<bool>(unfusedType);
  compiled.isUnfused = unfused;
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i)
    compiled.merges.push_back(op.getMerge(i));
  if (op.hasWhere()) {
    Result<ScalarProgram> where = compileBlock(op.getWhere().front(), unfused);
    if (!where.isOk())
      return where.takeStatus();
    compiled.where = std::move(*where);
  }
  Type computeType = cast<NamedTensorType>(op.getType()).getComputeType();
  auto *dialect = cast<cascade::CascadeDialect>(op->getDialect());
  Result<ScalarProgram> map =
      op.hasMap()
          ? compileBlock(op.getMap().front(), unfused)
          : compileFold(*dialect->getAlgebra().lookupMonoid("mul"),
                        SmallVector<Type>(op.getInputs().size(), computeType),
                        op.getLoc(), unfused);
  if (!map.isOk())
    return map.takeStatus();
  compiled.map = std::move(*map);
  if (cascade::MonoidAttr monoid = op.getMonoidAttr()) {
    Result<ScalarProgram> combine = compileFold(
        monoid.getInfo(), {computeType, computeType}, op.getLoc(), unfused);
    if (!combine.isOk())
      return combine.takeStatus();
    compiled.combine = std::move(*combine);
    compiled.identity =
        *cascade::getNumericValue(monoid.getInfo().identity(computeType));
  }
  return compiled;
}
