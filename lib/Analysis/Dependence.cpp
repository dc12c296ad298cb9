//===- Dependence.cpp - how an Einsum reads the coordinates of a family ---===//

#include "Dependence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {

/// Answers for one Einsum and one family.
class UseClassifier {
public:
  UseClassifier(EinsumOp einsum, const RankFamilies &families, StringAttr root)
      : einsum(einsum), families(families), root(root) {}

  Dependence classify(NamedTensorType type, AffineMap map);
  Dependence classify(ReadOp read);
  Dependence classify(MemberOp member);
  /// Of the tensor that the Einsum updates.
  Dependence classifyUpdated();

private:
  /// The variable's rank if it belongs to the family, else null.
  StringAttr getMember(unsigned variable) {
    StringAttr rank =
        families.resolve(einsum, einsum.getVariableRank(variable));
    return families.isMember(rank, root) ? rank : StringAttr();
  }
  Dependence ofVariable(unsigned variable);
  Dependence ofOrder(unsigned variable, unsigned output);
  Dependence ofExpression(AffineExpr expr);
  /// Of the first ranks of `type` at `coordinates`.
  Dependence ofCoordinates(NamedTensorType type, ValueRange coordinates);
  std::optional<unsigned> getVariableOf(Value coordinate);

  EinsumOp einsum;
  const RankFamilies &families;
  StringAttr root;
};

} // namespace

/// A larger need wins; one from each side is all.
static Dependence join(Dependence a, Dependence b) {
  if ((a == Dependence::Prefix && b == Dependence::Suffix) ||
      (a == Dependence::Suffix && b == Dependence::Prefix))
    return Dependence::All;
  return std::max(a, b);
}

std::optional<unsigned> UseClassifier::getVariableOf(Value coordinate) {
  if (auto index = coordinate.getDefiningOp<IndexOp>())
    return einsum.getVariablePosition(index.getVariable());
  return std::nullopt;
}

/// What `where` says of two variables over one rank: `variable <= output` makes
/// a prefix of what is read at `variable`.
Dependence UseClassifier::ofOrder(unsigned variable, unsigned output) {
  if (!einsum.hasWhere())
    return Dependence::All;
  SmallVector<Value> conjuncts = {
      einsum.getWhere().front().getTerminator()->getOperand(0)};
  while (!conjuncts.empty()) {
    Operation *op = conjuncts.pop_back_val().getDefiningOp();
    if (auto both = dyn_cast_or_null<arith::AndIOp>(op)) {
      conjuncts.append({both.getLhs(), both.getRhs()});
      continue;
    }
    auto compare = dyn_cast_or_null<arith::CmpIOp>(op);
    if (!compare)
      continue;
    std::optional<unsigned> lhs = getVariableOf(compare.getLhs());
    std::optional<unsigned> rhs = getVariableOf(compare.getRhs());
    bool forward = lhs == variable && rhs == output;
    if (!forward && !(lhs == output && rhs == variable))
      continue;
    switch (compare.getPredicate()) {
    case arith::CmpIPredicate::sle:
    case arith::CmpIPredicate::slt:
    case arith::CmpIPredicate::ule:
    case arith::CmpIPredicate::ult:
      return forward ? Dependence::Prefix : Dependence::Suffix;
    case arith::CmpIPredicate::sge:
    case arith::CmpIPredicate::sgt:
    case arith::CmpIPredicate::uge:
    case arith::CmpIPredicate::ugt:
      return forward ? Dependence::Suffix : Dependence::Prefix;
    case arith::CmpIPredicate::eq:
      return Dependence::Point;
    case arith::CmpIPredicate::ne:
      continue;
    }
  }
  return Dependence::All;
}

/// Whether points of `variable` go where an index tensor says.
static bool isScattered(EinsumOp einsum, unsigned variable) {
  return !einsum.isReduced(variable) &&
         llvm::none_of(
             einsum.getOutputMap().getResults(),
             [&](AffineExpr expr) { return expr.isFunctionOfDim(variable); });
}

/// A reduced variable beside one of the output that ranges over the same
/// coordinates is a second walk over the fiber, at each of its points.
Dependence UseClassifier::ofVariable(unsigned variable) {
  StringAttr rank = getMember(variable);
  if (rank && isScattered(einsum, variable))
    return Dependence::All;
  if (!rank || !einsum.isReduced(variable))
    return Dependence::Point;
  for (unsigned other = 0; other < einsum.getNumVariables(); ++other) {
    if (einsum.isReduced(other))
      continue;
    StringAttr outputRank = getMember(other);
    if (outputRank && families.overlap(rank, outputRank))
      return rank == outputRank ? ofOrder(variable, other) : Dependence::All;
  }
  return Dependence::Point;
}

/// Of a coordinate of one of the family's ranks. An affine expression of the
/// family's own variables reads a bounded neighbourhood; index tensors and
/// other ranks' variables may read anywhere.
Dependence UseClassifier::ofExpression(AffineExpr expr) {
  Dependence dependence = Dependence::Point;
  bool hasMember = false, elsewhere = false;
  expr.walk([&](AffineExpr part) {
    if (isa<AffineSymbolExpr>(part))
      elsewhere = true;
    auto dim = dyn_cast<AffineDimExpr>(part);
    if (!dim)
      return;
    if (!getMember(dim.getPosition())) {
      elsewhere = true;
      return;
    }
    hasMember = true;
    dependence = join(dependence, ofVariable(dim.getPosition()));
  });
  return hasMember && !elsewhere ? dependence : Dependence::All;
}

Dependence UseClassifier::classify(NamedTensorType type, AffineMap map) {
  Dependence dependence = Dependence::None;
  for (auto [rank, expr] : llvm::zip(type.getRanks(), map.getResults()))
    if (families.isMember(families.resolve(einsum, rank), root))
      dependence = join(dependence, ofExpression(expr));
  return dependence;
}

/// Each point keeps, or goes on from, its own.
Dependence UseClassifier::classifyUpdated() {
  auto type = cast<NamedTensorType>(einsum.getType());
  return llvm::any_of(type.getRanks(),
                      [&](StringAttr rank) {
                        return families.isMember(families.resolve(einsum, rank),
                                                 root);
                      })
             ? Dependence::Point
             : Dependence::None;
}

Dependence UseClassifier::classify(ReadOp read) {
  return ofCoordinates(cast<NamedTensorType>(read.getSource().getType()),
                       read.getCoordinates());
}

Dependence UseClassifier::classify(MemberOp member) {
  auto type = cast<NamedTensorType>(member.getSource().getType());
  // Any entry of the last rank may be the one.
  StringAttr last = families.resolve(einsum, type.getRanks().back());
  if (families.isMember(last, root))
    return Dependence::All;
  return ofCoordinates(type, member.getCoordinates());
}

Dependence UseClassifier::ofCoordinates(NamedTensorType type,
                                        ValueRange coordinates) {
  Dependence dependence = Dependence::None;
  for (auto [rank, coordinate] : llvm::zip(type.getRanks(), coordinates)) {
    StringAttr resolved = families.resolve(einsum, rank);
    if (!families.isMember(resolved, root))
      continue;
    std::optional<unsigned> variable = getVariableOf(coordinate);
    dependence = join(dependence, variable && getMember(*variable) == resolved
                                      ? ofVariable(*variable)
                                      : Dependence::All);
  }
  return dependence;
}

SmallVector<TensorUse> attn::getTensorUses(EinsumOp einsum,
                                           const RankFamilies &families,
                                           StringAttr root) {
  UseClassifier classifier(einsum, families, root);
  SmallVector<TensorUse> uses;
  for (auto [i, input] : llvm::enumerate(einsum.getInputs()))
    uses.push_back(
        {input, classifier.classify(cast<NamedTensorType>(input.getType()),
                                    einsum.getInputMap(i))});
  for (auto [i, index] : llvm::enumerate(einsum.getIndices()))
    uses.push_back(
        {index, classifier.classify(cast<NamedTensorType>(index.getType()),
                                    einsum.getIndexMap(i))});
  if (Value into = einsum.getInto())
    uses.push_back({into, classifier.classifyUpdated()});
  einsum->walk([&](ReadOp read) {
    uses.push_back({read.getSource(), classifier.classify(read)});
  });
  einsum->walk([&](MemberOp member) {
    uses.push_back({member.getSource(), classifier.classify(member)});
  });
  return uses;
}

RankSet attn::getIteratedMembers(EinsumOp einsum, const RankFamilies &families,
                                 StringAttr root) {
  RankSet members = families.getSteppedMembers(einsum, root);
  for (unsigned i = 0; i < einsum.getNumVariables(); ++i) {
    StringAttr rank = families.resolve(einsum, einsum.getVariableRank(i));
    if (families.isMember(rank, root))
      members.insert(rank);
  }
  return members;
}
