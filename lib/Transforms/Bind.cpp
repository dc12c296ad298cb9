//===- Bind.cpp - fixes extents and element types -------------------------===//

#include "attn/Transforms/Bind.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSwitch.h"

namespace attn {
#define GEN_PASS_DEF_BINDPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static constexpr StringLiteral kFixedAttr = "cascade.fixed";

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

/// True if a type in `func` has `rank`, or a declaration does.
static bool hasRank(FuncOp func, StringRef rank) {
  auto has = [&](Type type) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    return tensor && tensor.getRankPosition(rank);
  };
  return func.getRankDeclaration(rank) ||
         llvm::any_of(func.getArgumentTypes(), has) ||
         func.getBody()
             .walk([&](Operation *op) {
               return llvm::any_of(op->getResultTypes(), has)
                          ? WalkResult::interrupt()
                          : WalkResult::advance();
             })
             .wasInterrupted();
}

static LogicalResult bindExtent(FuncOp func, StringRef name, int64_t extent) {
  if (extent < 1)
    return func.emitError("expects an extent of 1 at least for rank '")
           << name << "', but got " << extent;
  if (!hasRank(func, name))
    return func.emitError("expects a rank of the function, but got '")
           << name << "'";
  Builder builder(func.getContext());
  if (RankOp rank = func.getRankDeclaration(name)) {
    if (rank.getKind() != RankKind::Dense)
      return rank.emitError("expects a dense rank to bind an extent to, but '")
             << name << "' is " << stringifyRankKind(rank.getKind());
    std::optional<int64_t> declared = rank.getExtent();
    if (declared && *declared != extent)
      return rank.emitError("expects extent ")
             << *declared << " of rank '" << name << "', but got " << extent;
    rank.setExtentAttr(builder.getI64IntegerAttr(extent));
    return success();
  }
  OpBuilder atStart = OpBuilder::atBlockBegin(&func.getBody().front());
  OperationState state(func.getLoc(), RankOp::getOperationName());
  state.addAttribute("name", builder.getStringAttr(name));
  state.addAttribute("extent", builder.getI64IntegerAttr(extent));
  atStart.create(state);
  return success();
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// A copy of `source` in the element type `elementType`.
static Value createCopy(OpBuilder &builder, Location loc, Value source,
                        Type elementType) {
  auto type = cast<NamedTensorType>(source.getType());
  unsigned numRanks = type.getRanks().size();
  SmallVector<Attribute> variables;
  for (StringAttr rank : type.getRanks())
    variables.push_back(
        builder.getStringAttr(StringRef(rank.getValue().lower())));
  // Two ranks may differ in case only.
  for (auto [i, variable] : llvm::enumerate(variables))
    if (llvm::count(variables, variable) > 1)
      variable = builder.getStringAttr("i" + Twine(i));
  auto identity = AffineMapAttr::get(
      AffineMap::getMultiDimIdentityMap(numRanks, builder.getContext()));
  OperationState state(loc, EinsumOp::getOperationName());
  state.addOperands(source);
  state.addTypes(type.withElementType(elementType));
  state.addAttribute("variables", builder.getArrayAttr(variables));
  state.addAttribute("indexing_maps",
                     builder.getArrayAttr({identity, identity}));
  state.addAttribute("merges", builder.getDenseI32ArrayAttr(
                                   {static_cast<int32_t>(Merge::Derived)}));
  state.addAttribute("operandSegmentSizes",
                     builder.getDenseI32ArrayAttr({1, 0, 0}));
  state.addRegion();
  state.addRegion();
  return builder.create(state)->getResult(0);
}

/// Gives `value` the element type `elementType`, and what is a part of it too.
/// Other users that need the type of before get a copy.
static void changeElementType(Value value, Type elementType) {
  auto before = cast<NamedTensorType>(value.getType());
  value.setType(before.withElementType(elementType));
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = use.getOwner();
    if (isa<EinsumOp, ReadOp, SelectOp>(user))
      continue; // They see elements in the compute type.
    if (isa<SplitOp, MergeOp>(user)) {
      changeElementType(user->getResult(0), elementType);
      continue;
    }
    if (auto scan = dyn_cast<ScanOp>(user))
      if (use.getOperandNumber() < scan.getInputs().size()) {
        changeElementType(scan.getSlice(use.getOperandNumber()), elementType);
        continue;
      }
    OpBuilder builder(user);
    use.set(
        createCopy(builder, user->getLoc(), value, before.getElementType()));
  }
}

static bool isFixed(DictionaryAttr attributes) {
  return attributes && attributes.contains(kFixedAttr);
}

static LogicalResult bindTypes(FuncOp func, FloatType elementType) {
  if (!elementType.isF32() && !elementType.isBF16() && !elementType.isF16())
    return func.emitError("expects element type f32, bf16 or f16, but got ")
           << elementType;
  auto isBound = [](Type type, DictionaryAttr attributes) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    return tensor && isa<FloatType>(tensor.getElementType()) &&
           !isFixed(attributes);
  };
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (isBound(type, func.getArgAttrDict(i)) &&
        !cast<NamedTensorType>(type).getComputeType().isF32())
      return func.emitError("expects an argument computed in f32 to bind ")
             << elementType << " to, but '" << func.getArgumentName(i)
             << "' has type " << type;
  for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
    if (isBound(type, func.getResultDescription(i)) &&
        !cast<NamedTensorType>(type).getComputeType().isF32())
      return func.emitError("expects a result computed in f32 to bind ")
             << elementType << " to, but '" << func.getResultName(i)
             << "' has type " << type;
  // Elements of 8 bits do not tell in which type products are computed.
  if (func.readsByteElements())
    func->setAttr(FuncOp::kPrecisionAttr, TypeAttr::get(elementType));
  for (BlockArgument argument : func.getArguments())
    if (isBound(argument.getType(),
                func.getArgAttrDict(argument.getArgNumber())))
      changeElementType(argument, elementType);
  Operation *terminator = func.getBody().front().getTerminator();
  OpBuilder builder(terminator);
  for (auto [i, type] : llvm::enumerate(func.getResultTypes())) {
    auto bound = cast<NamedTensorType>(type);
    if (isBound(type, func.getResultDescription(i)))
      bound = bound.withElementType(elementType);
    Value returned = terminator->getOperand(i);
    if (returned.getType() == bound)
      continue;
    if (returned.getDefiningOp<EinsumOp>() && returned.hasOneUse())
      returned.setType(bound);
    else
      terminator->setOperand(i, createCopy(builder, terminator->getLoc(),
                                           returned, bound.getElementType()));
  }
  func.setType(FunctionType::get(func.getContext(),
                                 func.getBody().getArgumentTypes(),
                                 terminator->getOperandTypes()));
  return success();
}

static LogicalResult bindScalar(FuncOp func, StringRef name, int64_t value) {
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    if (func.getArgumentName(i) != name)
      continue;
    if (!type.isIntOrIndex())
      return func.emitError("expects an integer scalar to bind ")
             << value << " to, but '" << name << "' has type " << type;
    OpBuilder builder = OpBuilder::atBlockBegin(&func.getBody().front());
    BlockArgument argument = func.getBody().getArgument(i);
    argument.replaceAllUsesWith(arith::ConstantOp::create(
        builder, argument.getLoc(), builder.getIntegerAttr(type, value)));
    return success();
  }
  return func.emitError("expects an argument of the function, but got '")
         << name << "'";
}

LogicalResult attn::bindCascade(FuncOp func, const BindOptions &options) {
  for (const auto &[name, value] : options.scalars)
    if (failed(bindScalar(func, name, value)))
      return failure();
  for (const auto &[name, extent] : options.extents)
    if (failed(bindExtent(func, name, extent)))
      return failure();
  return options.elementType ? bindTypes(func, options.elementType) : success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct BindPass final : attn::impl::BindPassBase<BindPass> {
  using BindPassBase::BindPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    BindOptions options;
    auto parse = [&](StringRef what, StringRef entry, auto &list) {
      auto [name, text] = entry.split('=');
      int64_t number;
      if (!name.empty() && !text.getAsInteger(10, number)) {
        list.push_back({name.str(), number});
        return success();
      }
      return LogicalResult(func.emitError("expects ")
                           << what << "=INTEGER, but got '" << entry << "'");
    };
    for (StringRef entry : extents)
      if (failed(parse("extents of the form RANK", entry, options.extents)))
        return signalPassFailure();
    for (StringRef entry : scalars)
      if (failed(parse("scalars of the form NAME", entry, options.scalars)))
        return signalPassFailure();
    if (!dtype.empty()) {
      MLIRContext *context = &getContext();
      options.elementType = llvm::StringSwitch<FloatType>(dtype.getValue())
                                .Case("f32", Float32Type::get(context))
                                .Case("bf16", BFloat16Type::get(context))
                                .Case("f16", Float16Type::get(context))
                                .Default({});
      if (!options.elementType) {
        func.emitError("expects element type f32, bf16 or f16, but got '")
            << dtype.getValue() << "'";
        return signalPassFailure();
      }
    }
    if (failed(bindCascade(func, options)))
      signalPassFailure();
  }
};
} // namespace
