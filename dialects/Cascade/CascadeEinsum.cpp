//===- CascadeEinsum.cpp - cascade.einsum ---------------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::cascade;

//===----------------------------------------------------------------------===//
// Accessors
//===----------------------------------------------------------------------===//

AffineMap EinsumOp::getInputMap(unsigned input) {
  return cast<AffineMapAttr>(getIndexingMaps()[input]).getValue();
}

AffineMap EinsumOp::getIndexMap(unsigned index) {
  return cast<AffineMapAttr>(getIndexingMaps()[getInputs().size() + index])
      .getValue();
}

AffineMap EinsumOp::getOutputMap() {
  return cast<AffineMapAttr>(getIndexingMaps().getValue().back()).getValue();
}

StringRef EinsumOp::getVariable(unsigned i) {
  return cast<StringAttr>(getVariables()[i]).getValue();
}

std::optional<unsigned> EinsumOp::getVariablePosition(StringRef name) {
  for (unsigned i = 0, e = getNumVariables(); i < e; ++i)
    if (getVariable(i) == name)
      return i;
  return std::nullopt;
}

/// Calls `visit` with each bare use of a variable and the rank it stands for,
/// until it fails. `where` says the place of the use.
static LogicalResult forEachBareUse(
    EinsumOp op,
    function_ref<LogicalResult(unsigned variable, StringAttr rank, Twine where)>
        visit) {
  auto visitMap = [&](AffineMap map, NamedTensorType type,
                      Twine where) -> LogicalResult {
    for (auto [expr, rank] : llvm::zip(map.getResults(), type.getRanks()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (failed(visit(dim.getPosition(), rank, where)))
          return failure();
    return success();
  };
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (failed(visitMap(op.getInputMap(i),
                        cast<NamedTensorType>(input.getType()),
                        "operand #" + Twine(i))))
      return failure();
  for (auto [i, index] : llvm::enumerate(op.getIndices()))
    if (failed(visitMap(op.getIndexMap(i),
                        cast<NamedTensorType>(index.getType()),
                        "index tensor #" + Twine(i))))
      return failure();
  return visitMap(op.getOutputMap(), cast<NamedTensorType>(op.getType()),
                  "the output");
}

StringAttr EinsumOp::getVariableRank(unsigned variable) {
  StringAttr found;
  (void)forEachBareUse(*this, [&](unsigned used, StringAttr rank, Twine) {
    if (used == variable && !found)
      found = rank;
    return success();
  });
  return found;
}

bool EinsumOp::isReduced(unsigned variable) {
  if (!getMonoidAttr())
    return false;
  return llvm::none_of(getOutputMap().getResults(), [&](AffineExpr expr) {
    return expr.isFunctionOfDim(variable);
  });
}

static SmallVector<Merge> deriveEinsumMerges(EinsumOp op) {
  SmallVector<double> empties;
  for (Value input : op.getInputs())
    empties.push_back(
        *getNumericValue(cast<NamedTensorType>(input.getType()).getEmpty()));
  auto type = cast<NamedTensorType>(op.getType());
  double resultEmpty = *getNumericValue(type.getEmpty());
  // A reduction starts from the identity: that is what "nothing" is to it.
  if (MonoidAttr monoid = op.getMonoidAttr())
    resultEmpty =
        *getNumericValue(monoid.getInfo().identity(type.getComputeType()));
  auto *dialect = cast<CascadeDialect>(op->getDialect());
  return deriveMerges(dialect->getAlgebra(), op.getMap(), empties, resultEmpty);
}

Merge EinsumOp::getMerge(unsigned input) {
  auto said = static_cast<Merge>(getMerges()[input]);
  return said == Merge::Derived ? deriveEinsumMerges(*this)[input] : said;
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static LogicalResult verifyMaps(EinsumOp op) {
  size_t numMaps = op.getInputs().size() + op.getIndices().size() + 1;
  if (op.getIndexingMaps().size() != numMaps)
    return op.emitOpError("expects an index expression for each operand and "
                          "the output (")
           << numMaps << "), but got " << op.getIndexingMaps().size();
  if (op.getMerges().size() != op.getInputs().size())
    return op.emitOpError("expects a merge for each of ")
           << op.getInputs().size() << " operands, but got "
           << op.getMerges().size();
  for (int32_t merge : op.getMerges())
    if (!symbolizeMerge(merge))
      return op.emitOpError("expects merges 0 (derived), 1 (absorb) or 2 "
                            "(through), but got ")
             << merge;
  SmallVector<Type> types(op.getInputs().getTypes());
  llvm::append_range(types, op.getIndices().getTypes());
  types.push_back(op.getType());
  for (size_t i = 0; i < numMaps; ++i) {
    Attribute attr = op.getIndexingMaps()[i];
    Type type = types[i];
    AffineMap map = cast<AffineMapAttr>(attr).getValue();
    if (map.getNumDims() != op.getNumVariables() ||
        map.getNumSymbols() != op.getIndices().size())
      return op.emitOpError("expects indexing map #")
             << i << " over " << op.getNumVariables() << " variables and "
             << op.getIndices().size() << " index tensors, but got "
             << AffineMapAttr::get(map);
    // einsum_c1
    size_t numRanks = cast<NamedTensorType>(type).getRanks().size();
    if (map.getNumResults() != numRanks) {
      InFlightDiagnostic diag = op.emitOpError("expects ");
      if (i + 1 == numMaps)
        diag << "the output";
      else if (i < op.getInputs().size())
        diag << "operand #" << i;
      else
        diag << "index tensor #" << i - op.getInputs().size();
      return diag << " of type " << type << " to have " << numRanks
                  << " coordinates, but got " << map.getNumResults();
    }
    bool bad = false;
    std::optional<int64_t> huge;
    for (AffineExpr expr : map.getResults())
      expr.walk([&](AffineExpr e) {
        if (auto constant = dyn_cast<AffineConstantExpr>(e);
            constant && (constant.getValue() > INT32_MAX ||
                         constant.getValue() < -INT32_MAX))
          huge = constant.getValue();
        bad |= e.getKind() == AffineExprKind::CeilDiv;
        if (auto binary = dyn_cast<AffineBinaryOpExpr>(e);
            binary && binary.getKind() != AffineExprKind::Add) {
          auto rhs = dyn_cast<AffineConstantExpr>(binary.getRHS());
          bad |= !rhs || (binary.getKind() != AffineExprKind::Mul &&
                          rhs.getValue() <= 0);
        }
        // Index tensors are not read to find where to read index tensors.
        bad |= i >= op.getInputs().size() && i + 1 < numMaps &&
               isa<AffineSymbolExpr>(e);
      });
    if (bad)
      return op.emitOpError("expects indexing map #")
             << i
             << " of sums, products with integers, and floordiv and mod by "
                "positive integers, but got "
             << AffineMapAttr::get(map);
    if (huge)
      return op.emitOpError("expects integers of 32 bits at most in indexing "
                            "map #")
             << i << ", but got " << *huge;
  }
  return success();
}

static LogicalResult verifyVariables(EinsumOp op) {
  // einsum_c2
  llvm::StringSet<> names;
  for (StringRef name : op.getVariables().getAsValueRange<StringAttr>()) {
    if (!isBareName(name))
      return op.emitOpError("expects variables of letters, digits, '_', '$' "
                            "and '.' that start with a letter or '_', but "
                            "got '")
             << name << "'";
    if (!names.insert(name).second)
      return op.emitOpError("expects variables with different names, but "
                            "got '")
             << name << "' twice";
  }
  struct Binding {
    StringAttr rank;
    std::string where;
  };
  SmallVector<std::optional<Binding>> bindings(op.getNumVariables());
  LogicalResult consistent = forEachBareUse(
      op,
      [&](unsigned variable, StringAttr rank, Twine where) -> LogicalResult {
        auto &binding = bindings[variable];
        if (!binding)
          binding = Binding{rank, where.str()};
        else if (binding->rank != rank)
          return op.emitOpError("expects variable '")
                 << op.getVariable(variable)
                 << "' to range over one rank, but got "
                 << binding->rank.getValue() << " (" << binding->where
                 << ") and " << rank.getValue() << " (" << where.str() << ")";
        return success();
      });
  if (failed(consistent))
    return failure();
  for (auto [i, binding] : llvm::enumerate(bindings))
    if (!binding)
      return op.emitOpError("expects variable '")
             << op.getVariable(i)
             << "' to be a whole coordinate somewhere, so that it has a rank; "
                "it stands in larger expressions only";
  return success();
}

/// Whether the coordinates of entry `symbol` among `coordinates` tell the
/// entry: itself, or its quotient and its remainder by one number.
static bool tellEntry(ArrayRef<AffineExpr> coordinates, AffineExpr symbol) {
  if (llvm::is_contained(coordinates, symbol))
    return true;
  for (AffineExpr expr : coordinates)
    if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
        binary && binary.getKind() == AffineExprKind::Mod &&
        binary.getLHS() == symbol &&
        llvm::is_contained(coordinates, symbol.floorDiv(binary.getRHS())))
      return true;
  return false;
}

/// einsum_c3 of an Einsum without a reduction.
static LogicalResult verifyDistinctPoints(EinsumOp op) {
  ArrayRef<AffineExpr> output = op.getOutputMap().getResults();
  llvm::SmallBitVector named(op.getNumVariables());
  auto isEntry = [](AffineExpr expr) {
    if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
        binary && (binary.getKind() == AffineExprKind::Mod ||
                   binary.getKind() == AffineExprKind::FloorDiv))
      expr = binary.getLHS();
    return isa<AffineSymbolExpr>(expr);
  };
  for (AffineExpr expr : output) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      named.set(dim.getPosition());
    else if (!isEntry(expr) && !isa<AffineConstantExpr>(expr))
      return op.emitOpError(
          "expects a reduction, since the output index is not "
          "a list of variables and of entries of index "
          "tensors, and points may collide");
  }
  for (auto [i, index] : llvm::enumerate(op.getIndices())) {
    AffineExpr symbol = getAffineSymbolExpr(i, op.getContext());
    if (!op.getOutputMap().isFunctionOfSymbol(i))
      continue;
    auto argument = dyn_cast<BlockArgument>(index);
    auto func = argument ? dyn_cast<FuncOp>(argument.getOwner()->getParentOp())
                         : FuncOp();
    if (!func ||
        !func.getArgAttr(argument.getArgNumber(), FuncOp::kDistinctAttr))
      return op.emitOpError("expects a reduction, or index tensor #")
             << i << " to be an argument with '" << FuncOp::kDistinctAttr
             << "', since equal entries make points collide";
    if (!tellEntry(output, symbol))
      return op.emitOpError("expects a reduction, or the entry of index tensor "
                            "#")
             << i
             << " as it is or as its quotient and its remainder by one number "
                "in the output index, since points of different entries may "
                "collide";
    for (AffineExpr expr : op.getIndexMap(i).getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        named.set(dim.getPosition());
  }
  for (unsigned i = 0, e = op.getNumVariables(); i < e; ++i)
    if (!named.test(i))
      return op.emitOpError("expects a reduction, since variable '")
             << op.getVariable(i) << "' is not in the output index";
  return success();
}

LogicalResult EinsumOp::verify() {
  if (getInputs().empty())
    return emitOpError("expects an operand");
  if (failed(verifyMaps(*this)) || failed(verifyVariables(*this)))
    return failure();
  auto type = cast<NamedTensorType>(getType());
  // einsum_c10
  if (getInto() && getInto().getType() != type)
    return emitOpError("expects to go into a tensor of the result's type ")
           << type << ", but got " << getInto().getType();
  // einsum_c3
  if (!getMonoidAttr()) {
    if (failed(verifyDistinctPoints(*this)))
      return failure();
  } else if (!getMonoidAttr().getInfo().identity(type.getComputeType())) {
    // einsum_c6
    return emitOpError("expects a monoid that is defined on ")
           << type.getComputeType() << ", but got '"
           << getMonoidAttr().getName().getValue() << "'";
  }
  // einsum_c8
  for (auto [i, index] : llvm::enumerate(getIndices())) {
    Type element = cast<NamedTensorType>(index.getType()).getElementType();
    if (!isa<IntegerType, IndexType>(element))
      return emitOpError("expects index tensor #")
             << i << " to hold integers, but got " << element;
  }
  return success();
}

/// The region's terminator if it yields one value of `type`.
static LogicalResult verifyYield(EinsumOp op, Region &region, StringRef name,
                                 Type type) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield)
    return op.emitOpError("expects its ")
           << name << " region to end in cascade.yield";
  if (yield.getNumOperands() != 1 || yield.getOperand(0).getType() != type)
    return yield.emitOpError("expects one value of type ")
           << type << " from the " << name << " region, but got ("
           << yield.getOperandTypes() << ")";
  return success();
}

LogicalResult EinsumOp::verifyRegions() {
  auto type = cast<NamedTensorType>(getType());
  // einsum_c5
  if (hasWhere()) {
    if (getWhere().getNumArguments() != 0)
      return emitOpError("expects its where region to have no arguments, but "
                         "got ")
             << getWhere().getNumArguments();
    if (failed(verifyYield(*this, getWhere(), "where",
                           IntegerType::get(getContext(), 1))))
      return failure();
  }
  // einsum_c4
  if (hasMap()) {
    if (getMap().getNumArguments() != getInputs().size())
      return emitOpError("expects its map region to have an argument for each "
                         "of ")
             << getInputs().size() << " operands, but got "
             << getMap().getNumArguments();
    for (auto [i, argument, input] :
         llvm::enumerate(getMap().getArguments(), getInputs())) {
      Type expected = cast<NamedTensorType>(input.getType()).getComputeType();
      if (argument.getType() != expected)
        return emitOpError("expects argument #")
               << i << " of its map region to have type " << expected
               << ", but got " << argument.getType();
    }
    if (failed(verifyYield(*this, getMap(), "map", type.getComputeType())))
      return failure();
  } else {
    for (auto [i, input] : llvm::enumerate(getInputs())) {
      Type compute = cast<NamedTensorType>(input.getType()).getComputeType();
      if (compute != type.getComputeType())
        return emitOpError("expects a map region, since operand #")
               << i << " is computed in " << compute << " and the result in "
               << type.getComputeType();
    }
  }
  // einsum_c9
  for (Region &region : (*this)->getRegions())
    for (Operation &op : region.getOps()) {
      if (op.getNumRegions() != 0)
        return op.emitOpError("expects to stand outside a region of "
                              "cascade.einsum, which is straight-line code");
      if (llvm::any_of(op.getResultTypes(), llvm::IsaPred<NamedTensorType>))
        return op.emitOpError("expects to stand outside a region of "
                              "cascade.einsum, whose values are scalars");
    }
  // einsum_c7
  SmallVector<Merge> derived = deriveEinsumMerges(*this);
  for (auto [i, said, merge] : llvm::enumerate(getMerges(), derived))
    if (static_cast<Merge>(said) == Merge::Derived && merge == Merge::Derived)
      return emitOpError("expects 'absorb' or 'through' on operand #")
             << i
             << ", since the map region does not tell what its empty value "
             << cast<NamedTensorType>(getInputs()[i].getType()).getEmpty()
             << " does to the result";
  return success();
}
