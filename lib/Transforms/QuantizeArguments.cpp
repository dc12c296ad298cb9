//===- QuantizeArguments.cpp - tensors of 8 bits with scales --------------===//
//
// Scales are operands like any other: the product of elements and scales is an
// Einsum before what read the tensor. `cascade-move-factors` finds where it
// costs least.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/QuantizeArguments.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/CascadeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSwitch.h"

namespace attn {
#define GEN_PASS_DEF_QUANTIZEARGUMENTSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

std::optional<ScaleGranularity> attn::parseScaleGranularity(StringRef name) {
  return llvm::StringSwitch<std::optional<ScaleGranularity>>(name)
      .Case("head", ScaleGranularity::Head)
      .Case("token", ScaleGranularity::Token)
      .Case("channel", ScaleGranularity::Channel)
      .Default(std::nullopt);
}

Type attn::parseNarrowType(MLIRContext *context, StringRef name) {
  return llvm::StringSwitch<Type>(name)
      .Case("e4m3", Float8E4M3FNType::get(context))
      .Case("e5m2", Float8E5M2Type::get(context))
      .Case("i8", IntegerType::get(context, 8))
      .Default({});
}

namespace {
/// An argument of scales that is to be.
struct Scale {
  std::string name, doc;
  SmallVector<StringAttr> ranks;
};
} // namespace

static LogicalResult checkArgument(FuncOp func, unsigned argument,
                                   const QuantizeOptions &options) {
  auto type = dyn_cast<NamedTensorType>(func.getArgumentTypes()[argument]);
  auto refuse = [&]() {
    return func.emitError("expects a tensor of floats to quantize with the "
                          "rank '")
           << options.tokens << "' before its last, but '"
           << func.getArgumentName(argument) << "' has type "
           << func.getArgumentTypes()[argument];
  };
  if (!type || !type.getComputeType().isF32())
    return refuse();
  std::optional<unsigned> tokens = type.getRankPosition(options.tokens);
  if (!tokens || *tokens + 1 == type.getRanks().size())
    return refuse();
  if (getNumericValue(type.getEmpty()) != 0.0)
    return func.emitError("expects a tensor to quantize with empty value 0, "
                          "but '")
           << func.getArgumentName(argument) << "' has type " << type;
  return success();
}

/// The scales of a tensor called `name` of type `type`.
static SmallVector<Scale> listScales(StringRef name, NamedTensorType type,
                                     const QuantizeOptions &options) {
  SmallVector<StringAttr> rows(type.getRanks().drop_back());
  SmallVector<StringAttr> heads =
      llvm::filter_to_vector(rows, [&](StringAttr rank) {
        return rank != options.tokens && rank != options.sequences;
      });
  if (options.granularity == ScaleGranularity::Head)
    return {{(name + "_scale").str(), "scale of each head", heads}};
  SmallVector<Scale> scales = {
      {(name + "_scale").str(), "scale of each token's row", rows}};
  if (options.granularity == ScaleGranularity::Channel) {
    heads.push_back(type.getRanks().back());
    scales.push_back({(name + "_channel_scale").str(),
                      "scale of each channel of a head", heads});
  }
  return scales;
}

static LogicalResult checkNames(FuncOp func, ArrayRef<Scale> scales) {
  auto refuse = [&](StringRef name) {
    return func.emitError("expects no argument or result '")
           << name << "', which scales are to be called; rename it";
  };
  for (const Scale &scale : scales) {
    for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
      if (func.getArgumentName(i) == scale.name)
        return refuse(scale.name);
    for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
      if (func.getResultName(i) == scale.name)
        return refuse(scale.name);
  }
  return success();
}

static LogicalResult insertScale(FuncOp func, unsigned at, const Scale &scale,
                                 double mean) {
  Builder b(func.getContext());
  Type f32 = b.getF32Type();
  NamedAttribute attributes[] = {
      b.getNamedAttr(FuncOp::kNameAttr, b.getStringAttr(scale.name)),
      b.getNamedAttr("cascade.doc", b.getStringAttr(scale.doc)),
      b.getNamedAttr("cascade.fixed", b.getUnitAttr()),
      b.getNamedAttr("cascade.mean", b.getF64FloatAttr(mean)),
      b.getNamedAttr("cascade.spread", b.getF64FloatAttr(mean / 8))};
  return func.insertArgument(
      at, NamedTensorType::get(scale.ranks, f32, getNumericAttr(f32, 0)),
      b.getDictionaryAttr(attributes), func.getLoc());
}

/// The elements of `input` as f32 times the scales.
static Value buildProduct(FuncOp func, Value input, ValueRange scales,
                          NamedTensorType type) {
  OpBuilder builder = OpBuilder::atBlockBegin(&func.getBody().front());
  SmallVector<Value> inputs = {input};
  llvm::append_range(inputs, scales);
  auto product = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value value = args[0];
    if (value.getType().isInteger())
      value = arith::SIToFPOp::create(b, loc, b.getF32Type(), value);
    for (Value scale : args.drop_front())
      value = arith::MulFOp::create(b, loc, value, scale);
    return value;
  };
  return buildEinsum(builder, func.getLoc(), type, inputs, {}, product)
      .getResult();
}

LogicalResult attn::quantizeArgument(FuncOp func, unsigned argument,
                                     const QuantizeOptions &options) {
  if (failed(checkArgument(func, argument, options)))
    return failure();
  auto type = cast<NamedTensorType>(func.getArgumentTypes()[argument]);
  StringRef name = func.getArgumentName(argument);
  SmallVector<Scale> scales = listScales(name, type, options);
  if (failed(checkNames(func, scales)))
    return failure();
  // Numbers of the tools are spread over the type's range, outliers too where
  // the type has an infinity, and their products with all scales have about
  // variance 1.
  double spread = options.elementType.isInteger()            ? 32
                  : isa<Float8E5M2Type>(options.elementType) ? 256
                                                             : 16;
  Builder b(func.getContext());
  func.setArgAttr(argument, "cascade.fixed", b.getUnitAttr());
  func.setArgAttr(argument, "cascade.spread", b.getF64FloatAttr(spread));
  for (auto [i, scale] : llvm::enumerate(scales))
    if (failed(insertScale(func, argument + 1 + i, scale,
                           i == 0 ? 1 / spread : 1)))
      return failure();
  BlockArgument input = func.getArgument(argument);
  input.setType(type.withElementType(options.elementType));
  func.setType(FunctionType::get(func.getContext(),
                                 func.getBody().getArgumentTypes(),
                                 func.getResultTypes()));
  Value product = buildProduct(
      func, input, func.getArguments().slice(argument + 1, scales.size()),
      type);
  input.replaceAllUsesExcept(product, product.getDefiningOp());
  return success();
}

namespace {
struct QuantizeArguments final
    : attn::impl::QuantizeArgumentsPassBase<QuantizeArguments> {
  using QuantizeArgumentsPassBase::QuantizeArgumentsPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    QuantizeOptions options;
    options.elementType = parseNarrowType(&getContext(), type);
    auto granularity = parseScaleGranularity(scales.getValue());
    if (!options.elementType || !granularity) {
      func.emitError(
          "expects option 'type' to be e4m3, e5m2 or i8 and 'scales' "
          "to be head, token or channel, but got '")
          << type.getValue() << "' and '" << scales.getValue() << "'";
      return signalPassFailure();
    }
    options.granularity = *granularity;
    for (StringRef name : arguments)
      if (failed(quantize(func, name, options)))
        return signalPassFailure();
  }

  static LogicalResult quantize(FuncOp func, StringRef name,
                                const QuantizeOptions &options) {
    for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
      if (func.getArgumentName(i) == name)
        return quantizeArgument(func, i, options);
    return func.emitError("expects an argument of the function to quantize, "
                          "but got '")
           << name << "'";
  }
};
} // namespace
