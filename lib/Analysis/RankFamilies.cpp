//===- RankFamilies.cpp - ranks and their parts ---------------------------===//

#include "attn/Analysis/RankFamilies.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// Parts that no type names. A space cannot stand in a rank's name.
static StringAttr tileOf(ScanOp scan) {
  return StringAttr::get(scan.getContext(),
                         *scan.getBy() + " of " + scan.getRank());
}

static StringAttr tileNumberOf(ScanOp scan) {
  return StringAttr::get(scan.getContext(),
                         scan.getRank() + " by " + *scan.getBy());
}

RankFamilies::RankFamilies(FuncOp func) {
  llvm::SetVector<StringAttr> ranks;
  auto addRanks = [&](Operation *scope, Type type) {
    if (auto tensor = dyn_cast<NamedTensorType>(type))
      for (StringAttr rank : tensor.getRanks())
        ranks.insert(resolve(scope, rank));
  };
  for (Type type : func.getArgumentTypes())
    addRanks(func, type);
  func.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto split = dyn_cast<SplitOp>(op))
      addCut(resolve(op, split.getRankAttr()),
             resolve(op, split.getOuterAttr()),
             resolve(op, split.getInnerAttr()));
    else if (auto merge = dyn_cast<MergeOp>(op))
      addCut(resolve(op, merge.getRankAttr()),
             resolve(op, merge.getOuterAttr()),
             resolve(op, merge.getInnerAttr()));
    else if (auto scan = dyn_cast<ScanOp>(op); scan && scan.getBy())
      addCut(resolve(op, scan.getRankAttr()), tileNumberOf(scan), tileOf(scan));
    else if (auto einsum = dyn_cast<EinsumOp>(op))
      addAffineCuts(einsum);
    for (Type type : op->getResultTypes())
      addRanks(op, type);
  });
  llvm::DenseSet<StringAttr> parts;
  for (auto &[rank, rankCuts] : cuts)
    for (const Cut &cut : rankCuts) {
      parts.insert(cut.outer);
      parts.insert(cut.inner);
    }
  for (StringAttr rank : ranks)
    if (!parts.contains(rank))
      roots.push_back(rank);
}

void RankFamilies::addCut(StringAttr rank, StringAttr outer, StringAttr inner) {
  // A cycle (a rank cut and put together again under its old name) would make
  // every rank on it a part: the later op adds nothing then.
  if (isMember(rank, outer) || isMember(rank, inner))
    return;
  SmallVector<Cut, 1> &rankCuts = cuts[rank];
  if (llvm::none_of(rankCuts, [&](const Cut &cut) {
        return cut.outer == outer && cut.inner == inner;
      }))
    rankCuts.push_back({outer, inner});
}

/// Finds `x[m1 * c + m0]` with `c` coordinates of m0: the affine way to cut.
void RankFamilies::addAffineCuts(EinsumOp einsum) {
  auto func = einsum->getParentOfType<FuncOp>();
  for (auto [i, input] : llvm::enumerate(einsum.getInputs())) {
    auto type = cast<NamedTensorType>(input.getType());
    AffineMap map = einsum.getInputMap(i);
    for (auto [rank, expr] : llvm::zip(type.getRanks(), map.getResults())) {
      auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
      if (!sum || sum.getKind() != AffineExprKind::Add)
        continue;
      auto product = dyn_cast<AffineBinaryOpExpr>(sum.getLHS());
      auto inner = dyn_cast<AffineDimExpr>(sum.getRHS());
      if (!product || !inner || product.getKind() != AffineExprKind::Mul)
        continue;
      auto outer = dyn_cast<AffineDimExpr>(product.getLHS());
      auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
      if (!outer || !factor)
        continue;
      StringAttr innerRank = einsum.getVariableRank(inner.getPosition());
      if (func.getStaticExtent(innerRank) != factor.getValue())
        continue;
      addCut(resolve(einsum, rank),
             resolve(einsum, einsum.getVariableRank(outer.getPosition())),
             resolve(einsum, innerRank));
    }
  }
}

StringAttr RankFamilies::resolve(Operation *op, StringAttr rank) const {
  for (auto scan = op->getParentOfType<ScanOp>(); scan;
       scan = scan->getParentOfType<ScanOp>())
    if (scan.getByAttr() == rank)
      return tileOf(scan);
  return rank;
}

StringAttr RankFamilies::getSteppedPart(ScanOp scan) const {
  return scan.getBy() ? tileNumberOf(scan) : resolve(scan, scan.getRankAttr());
}

RankSet RankFamilies::getSteppedMembers(Operation *op, StringAttr root) const {
  RankSet members;
  for (auto scan = op->getParentOfType<ScanOp>(); scan;
       scan = scan->getParentOfType<ScanOp>())
    if (StringAttr part = getSteppedPart(scan); isMember(part, root))
      members.insert(part);
  return members;
}

RankSet RankFamilies::getMembers(Operation *op, NamedTensorType type,
                                 StringAttr root) const {
  RankSet members = getSteppedMembers(op, root);
  for (StringAttr rank : type.getRanks())
    if (StringAttr resolved = resolve(op, rank); isMember(resolved, root))
      members.insert(resolved);
  return members;
}

bool RankFamilies::isMember(StringAttr rank, StringAttr root) const {
  if (rank == root)
    return true;
  auto rankCuts = cuts.find(root);
  return rankCuts != cuts.end() &&
         llvm::any_of(rankCuts->second, [&](const Cut &cut) {
           return isMember(rank, cut.outer) || isMember(rank, cut.inner);
         });
}

bool RankFamilies::covers(const RankSet &ranks, StringAttr rank) const {
  if (ranks.contains(rank))
    return true;
  auto rankCuts = cuts.find(rank);
  return rankCuts != cuts.end() &&
         llvm::any_of(rankCuts->second, [&](const Cut &cut) {
           return covers(ranks, cut.outer) && covers(ranks, cut.inner);
         });
}

bool RankFamilies::coversOuter(const RankSet &ranks, StringAttr rank) const {
  if (ranks.contains(rank))
    return true;
  auto rankCuts = cuts.find(rank);
  return rankCuts != cuts.end() &&
         llvm::any_of(rankCuts->second, [&](const Cut &cut) {
           return coversOuter(ranks, cut.outer);
         });
}

void RankFamilies::completeExtents(RankExtents &extents) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto &[rank, rankCuts] : cuts)
      for (const Cut &cut : rankCuts) {
        // A scan's tile is known by the name of its rank.
        StringRef innerName = cut.inner.getValue().split(" of ").first;
        auto inner = extents.find(innerName);
        if (inner == extents.end())
          continue;
        int64_t innerExtent = inner->second;
        auto whole = extents.find(rank);
        auto outer = extents.find(cut.outer);
        if (whole != extents.end() && outer == extents.end()) {
          extents[cut.outer] = llvm::divideCeil(whole->second, innerExtent);
          changed = true;
        } else if (whole == extents.end() && outer != extents.end()) {
          int64_t product;
          if (llvm::MulOverflow(outer->second, innerExtent, product))
            continue;
          extents[rank] = product;
          changed = true;
        }
      }
  }
}

SmallVector<StringRef> RankFamilies::getSpellings(StringAttr root) const {
  llvm::SmallSetVector<StringRef, 4> spellings;
  auto add = [&](auto &self, StringAttr rank) -> void {
    StringRef name = rank.getValue();
    // The number of a scan's tile has no name in the source.
    if (!name.contains(" by "))
      spellings.insert(name.split(" of ").first);
    if (auto rankCuts = cuts.find(rank); rankCuts != cuts.end())
      for (const Cut &cut : rankCuts->second) {
        self(self, cut.outer);
        self(self, cut.inner);
      }
  };
  add(add, root);
  return spellings.takeVector();
}
