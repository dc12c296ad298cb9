//===- QuantizeUpdates.cpp - updated tensors of 8 bits with scales --------===//
//
// What goes into a tensor becomes an Einsum of its own, its rows. Scales are
// computed from them by Einsums like any other, or given; what is stored are
// quotients. Who lowers an update computes in place what it needs of these.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/QuantizeUpdates.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/CascadeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringSwitch.h"

namespace attn {
#define GEN_PASS_DEF_QUANTIZEUPDATESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// Of a row of zeros, whose elements are zeros by any scale.
static constexpr double kLeastScale = 1e-30;

/// The largest number of a type; of i8 the one whose negative it has too.
static double getLargest(Type type) {
  return isa<Float8E4M3FNType>(type) ? 448
         : isa<Float8E5M2Type>(type) ? 57344
                                     : 127;
}

namespace {
/// An update to quantize, and its tensor.
class Update {
public:
  Update(FuncOp func, unsigned result, EinsumOp op)
      : func(func), result(result), op(op),
        argument(*func.getUpdatedArgument(result)), output(op.getOutputMap()),
        builder(op) {}

  LogicalResult check(ScaleGranularity granularity);
  LogicalResult quantize(Type elementType, ScaleGranularity granularity);

private:
  std::string getName(StringRef suffix) {
    return (func.getArgumentName(argument) + suffix).str();
  }
  unsigned getRowVariable() {
    return cast<AffineDimExpr>(output.getResults().back()).getPosition();
  }
  NamedTensorType getTensor(ArrayRef<StringAttr> ranks) {
    Type f32 = builder.getF32Type();
    return NamedTensorType::get(ranks, f32, getNumericAttr(f32, 0));
  }
  /// Of an Einsum with the update's index tensors.
  Attribute getMap(ArrayRef<AffineExpr> results, unsigned numVariables) {
    return AffineMapAttr::get(AffineMap::get(
        numVariables, op.getIndices().size(), results, op.getContext()));
  }
  SmallVector<StringAttr> listRanks(bool isOfRow);
  Value createRows();
  Value createScales(Value rows, double largest);
  FailureOr<Value> insertArgument(StringRef suffix, StringRef doc,
                                  NamedTensorType type, double mean);
  LogicalResult insertScaleUpdate(Value scales);
  void replace(Value rows, Value scales, Type elementType);

  FuncOp func;
  unsigned result;
  EinsumOp op;
  unsigned argument;
  AffineMap output;
  OpBuilder builder;
};
} // namespace

LogicalResult Update::check(ScaleGranularity granularity) {
  auto refuse = [&](const Twine &what) {
    return op.emitOpError("expects to update rows, to quantize them: ") << what;
  };
  for (Operation *user : op.getInto().getUsers())
    if (user != op)
      return refuse("nothing else may use what it updates");
  if (op.getMonoid() || op.hasWhere())
    return refuse("each point has to be stored, without a reduction");
  auto last = dyn_cast<AffineDimExpr>(output.getResults().back());
  if (!last)
    return refuse("the last coordinate has to be a variable");
  for (AffineExpr expr : output.getResults().drop_back())
    if (expr.isFunctionOfDim(last.getPosition()))
      return refuse("the last coordinate's variable stands in another one");
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i)
    for (AffineExpr expr : op.getInputMap(i).getResults())
      for (unsigned index = 0; index < op.getIndices().size(); ++index)
        if (expr.isFunctionOfSymbol(index))
          return refuse("no operand may be read at an index tensor");
  SmallVector<std::string> names = {getName("_scale")};
  if (granularity == ScaleGranularity::Channel)
    names.push_back(getName("_channel_scale"));
  for (const std::string &name : names)
    for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
      if (func.getArgumentName(i) == name)
        return func.emitError("expects no argument '")
               << name << "', which scales are to be called; rename it";
  return success();
}

/// The ranks of the variables that the output has as they are: those of heads,
/// and with `isOfRow` the last one.
SmallVector<StringAttr> Update::listRanks(bool isOfRow) {
  SmallVector<StringAttr> ranks;
  for (AffineExpr expr : output.getResults().drop_back(isOfRow ? 0 : 1))
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      ranks.push_back(op.getVariableRank(dim.getPosition()));
  return ranks;
}

/// What is stored, at the ranks of all variables.
Value Update::createRows() {
  SmallVector<StringAttr> ranks;
  for (unsigned i = 0, e = op.getNumVariables(); i < e; ++i)
    ranks.push_back(op.getVariableRank(i));
  AffineMap identity =
      builder.getMultiDimIdentityMap(static_cast<unsigned>(ranks.size()));
  if (!op.hasMap() && op.getInputs().size() == 1 &&
      op.getInputMap(0).getResults() == identity.getResults())
    return op.getInputs().front();
  SmallVector<Attribute> maps;
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i)
    maps.push_back(AffineMapAttr::get(AffineMap::get(
        ranks.size(), 0, op.getInputMap(i).getResults(), op.getContext())));
  maps.push_back(AffineMapAttr::get(identity));
  auto rows = EinsumOp::create(builder, op.getLoc(), getTensor(ranks),
                               op.getInputs(), ValueRange(), Value(),
                               op.getVariables(), builder.getArrayAttr(maps),
                               op.getMergesAttr(), MonoidAttr());
  IRMapping mapping;
  op.getMap().cloneInto(&rows.getMap(), mapping);
  return rows.getResult();
}

/// A scale for each row: the largest magnitude becomes `largest`.
Value Update::createScales(Value rows, double largest) {
  auto type = cast<NamedTensorType>(rows.getType());
  StringAttr row = op.getVariableRank(getRowVariable());
  SmallVector<StringAttr> ranks = llvm::filter_to_vector(
      type.getRanks(), [&](StringAttr rank) { return rank != row; });
  auto absolute = [](OpBuilder &b, Location loc, ValueRange args) -> Value {
    return math::AbsFOp::create(b, loc, args[0]);
  };
  auto scale = [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
    };
    Value ratio = arith::MulFOp::create(b, loc, args[0], constant(1 / largest));
    return arith::MaximumFOp::create(b, loc, ratio, constant(kLeastScale));
  };
  NamedTensorType result = getTensor(ranks);
  Location loc = op.getLoc();
  Value most = buildEinsum(
      builder, loc, result, rows,
      MonoidAttr::get(op.getContext(), builder.getStringAttr("max")), absolute,
      Merge::Through);
  return buildEinsum(builder, loc, result, most, {}, scale, Merge::Through);
}

/// The new argument behind the tensor, and before those that are there already.
FailureOr<Value> Update::insertArgument(StringRef suffix, StringRef doc,
                                        NamedTensorType type, double mean) {
  NamedAttribute attributes[] = {
      builder.getNamedAttr(FuncOp::kNameAttr,
                           builder.getStringAttr(getName(suffix))),
      builder.getNamedAttr("cascade.doc", builder.getStringAttr(doc)),
      builder.getNamedAttr("cascade.fixed", builder.getUnitAttr()),
      builder.getNamedAttr("cascade.mean", builder.getF64FloatAttr(mean)),
      builder.getNamedAttr("cascade.spread",
                           builder.getF64FloatAttr(mean / 8))};
  if (failed(func.insertArgument(argument + 1, type,
                                 builder.getDictionaryAttr(attributes),
                                 func.getLoc())))
    return failure();
  return Value(func.getArgument(argument + 1));
}

/// Rows' scales go where their rows go.
LogicalResult Update::insertScaleUpdate(Value scales) {
  auto cache = cast<NamedTensorType>(op.getType());
  NamedTensorType type = getTensor(cache.getRanks().drop_back());
  FailureOr<Value> into =
      insertArgument("_scale", "scale of each token's row", type, /*mean=*/1);
  if (failed(into))
    return failure();
  // All variables but the row's.
  unsigned row = getRowVariable();
  SmallVector<AffineExpr> dims;
  SmallVector<Attribute> variables;
  for (auto [i, variable] : llvm::enumerate(op.getVariables())) {
    dims.push_back(builder.getAffineDimExpr(i < row ? i : i - 1));
    if (i != row)
      variables.push_back(variable);
  }
  SmallVector<Attribute> maps = {
      getMap(builder.getMultiDimIdentityMap(variables.size()).getResults(),
             variables.size())};
  auto addMap = [&](ArrayRef<AffineExpr> results) {
    SmallVector<AffineExpr> renumbered;
    for (AffineExpr expr : results)
      renumbered.push_back(expr.replaceDims(dims));
    maps.push_back(getMap(renumbered, variables.size()));
  };
  for (unsigned i = 0, e = op.getIndices().size(); i < e; ++i)
    addMap(op.getIndexMap(i).getResults());
  addMap(output.getResults().drop_back());
  Merge merge = Merge::Through;
  auto update = EinsumOp::create(
      builder, op.getLoc(), type, scales, op.getIndices(), *into,
      builder.getArrayAttr(variables), builder.getArrayAttr(maps),
      builder.getDenseI32ArrayAttr(static_cast<int32_t>(merge)), MonoidAttr());
  Operation *terminator = func.getBody().front().getTerminator();
  terminator->insertOperands(result + 1, update.getResult());
  return func.insertResult(
      result + 1, type,
      builder.getDictionaryAttr(builder.getNamedAttr(
          FuncOp::kNameAttr, builder.getStringAttr(getName("_scale")))));
}

/// Stores quotients in place of the rows.
void Update::replace(Value rows, Value scales, Type elementType) {
  auto type = cast<NamedTensorType>(op.getType()).withElementType(elementType);
  if (elementType.isInteger())
    type = NamedTensorType::get(type.getRanks(), elementType,
                                builder.getIntegerAttr(elementType, 0));
  unsigned numVariables = op.getNumVariables();
  SmallVector<AffineExpr> at;
  for (StringAttr rank : cast<NamedTensorType>(scales.getType()).getRanks())
    for (unsigned i = 0; i < numVariables; ++i)
      if (op.getVariableRank(i) == rank)
        at.push_back(builder.getAffineDimExpr(i));
  SmallVector<Attribute> maps = {
      getMap(builder.getMultiDimIdentityMap(numVariables).getResults(),
             numVariables),
      getMap(at, numVariables)};
  llvm::append_range(
      maps, op.getIndexingMaps().getValue().drop_front(op.getInputs().size()));
  op.getInto().setType(type);
  auto through = static_cast<int32_t>(Merge::Through);
  auto update = EinsumOp::create(
      builder, op.getLoc(), type, ValueRange{rows, scales}, op.getIndices(),
      op.getInto(), op.getVariables(), builder.getArrayAttr(maps),
      builder.getDenseI32ArrayAttr({through, through}), MonoidAttr());
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  Type f32 = builder.getF32Type();
  Block *block =
      builder.createBlock(&update.getMap(), {}, {f32, f32}, {loc, loc});
  double largest = getLargest(elementType);
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getF32FloatAttr(value));
  };
  Value value = arith::DivFOp::create(builder, loc, block->getArgument(0),
                                      block->getArgument(1));
  if (elementType.isInteger()) {
    // A NaN becomes the largest number: there is none for it.
    value = arith::MinNumFOp::create(builder, loc, value, constant(largest));
    value = arith::MaxNumFOp::create(builder, loc, value, constant(-largest));
    value = math::RoundEvenOp::create(builder, loc, value);
    value = arith::FPToSIOp::create(builder, loc, elementType, value);
  } else {
    value = arith::MinimumFOp::create(builder, loc, value, constant(largest));
    value = arith::MaximumFOp::create(builder, loc, value, constant(-largest));
  }
  YieldOp::create(builder, loc, value);
  op.getResult().replaceAllUsesWith(update.getResult());
  op.erase();
}

LogicalResult Update::quantize(Type elementType, ScaleGranularity granularity) {
  func.setArgAttr(argument, "cascade.fixed", builder.getUnitAttr());
  double largest = getLargest(elementType);
  Value rows = createRows(), scales;
  if (granularity == ScaleGranularity::Channel) {
    FailureOr<Value> channels =
        insertArgument("_channel_scale", "scale of each channel of a head",
                       getTensor(listRanks(/*isOfRow=*/true)), /*mean=*/1);
    if (failed(channels))
      return failure();
    auto divide = [](OpBuilder &b, Location loc, ValueRange args) -> Value {
      return arith::DivFOp::create(b, loc, args[0], args[1]);
    };
    rows = buildEinsum(
        builder, op.getLoc(),
        getTensor(cast<NamedTensorType>(rows.getType()).getRanks()),
        {rows, *channels}, {}, divide, {Merge::Through, Merge::Through});
  }
  if (granularity == ScaleGranularity::Head) {
    // Numbers of the tools, about 1, are within the type's range.
    FailureOr<Value> given =
        insertArgument("_scale", "scale of each head",
                       getTensor(listRanks(/*isOfRow=*/false)), 4 / largest);
    if (failed(given))
      return failure();
    scales = *given;
  } else {
    scales = createScales(rows, largest);
    if (failed(insertScaleUpdate(scales)))
      return failure();
  }
  replace(rows, scales, elementType);
  Operation *terminator = func.getBody().front().getTerminator();
  func.setType(FunctionType::get(func.getContext(),
                                 func.getBody().getArgumentTypes(),
                                 terminator->getOperandTypes()));
  return success();
}

FailureOr<bool> attn::quantizeUpdates(FuncOp func, Type elementType,
                                      ScaleGranularity granularity) {
  Operation *terminator = func.getBody().front().getTerminator();
  SmallVector<std::pair<unsigned, EinsumOp>> found;
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    auto op = value.getDefiningOp<EinsumOp>();
    if (op && op.getInto() && func.getUpdatedArgument(i) &&
        cast<NamedTensorType>(op.getType()).getElementType().isF32())
      found.push_back({i, op});
  }
  for (auto [result, op] : found)
    if (failed(Update(func, result, op).check(granularity)))
      return failure();
  // From the last one on: scales stand behind their tensors.
  for (auto [result, op] : llvm::reverse(found))
    if (failed(Update(func, result, op).quantize(elementType, granularity)))
      return failure();
  return !found.empty();
}

namespace {
struct QuantizeUpdates final
    : attn::impl::QuantizeUpdatesPassBase<QuantizeUpdates> {
  using QuantizeUpdatesPassBase::QuantizeUpdatesPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    Type elementType = parseNarrowType(&getContext(), type);
    auto granularity = parseScaleGranularity(scales.getValue());
    if (!elementType || !granularity) {
      func.emitError(
          "expects option 'type' to be e4m3, e5m2 or i8 and 'scales' "
          "to be head, token or channel, but got '")
          << type.getValue() << "' and '" << scales.getValue() << "'";
      return signalPassFailure();
    }
    if (failed(quantizeUpdates(func, elementType, *granularity)))
      signalPassFailure();
  }
};
} // namespace
