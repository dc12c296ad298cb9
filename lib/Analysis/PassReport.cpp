//===- PassReport.cpp - pass counts in words ------------------------------===//

#include "attn/Analysis/PassCount.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

RankPolynomial RankPasses::getLiveWords(unsigned pass) const {
  RankPolynomial words;
  for (const LiveTensor &tensor : live)
    if (tensor.from <= pass && pass < tensor.to)
      words += tensor.words;
  return words;
}

RankPolynomial RankPasses::getSpillWords() const {
  RankPolynomial words;
  for (const LiveTensor &tensor : live) {
    RankPolynomial moved = tensor.words;
    moved *= tensor.laterReads + (tensor.isArgument() ? 0 : 1);
    words += moved;
  }
  return words;
}

/// `P*M words`, and their number if it is known.
static std::string describeWords(const RankPolynomial &words,
                                 const RankExtents &extents) {
  std::string text = words.str() + " words";
  if (std::optional<int64_t> value = words.evaluate(extents))
    text += " = " + std::to_string(*value);
  return text;
}

static std::string nameUser(Operation *user) {
  if (user->getNumResults() != 0)
    return getValueName(user->getResult(0));
  return user->getName().getStringRef().str();
}

static void describeRank(FuncOp func, const RankPasses &count,
                         const RankExtents &extents,
                         SmallVectorImpl<ReportLine> &lines) {
  std::string rank = ("rank " + count.rank.getValue()).str();
  std::string head = rank;
  if (count.parts.size() > 1)
    head +=
        " (" + llvm::join(llvm::ArrayRef(count.parts).drop_front(), ", ") + ")";
  head += ": " + std::to_string(count.passes) +
          (count.passes == 1 ? " pass" : " passes");
  if (count.summaryPasses != 0)
    head += ", " + std::to_string(count.summaryPasses) +
            (count.summaryPasses == 1 ? " summary pass" : " summary passes");
  lines.push_back({func.getLoc(), head});

  for (unsigned pass = 1; pass < count.passes; ++pass) {
    SmallVector<std::string> names;
    std::optional<Location> loc;
    for (const LiveTensor &tensor : count.live) {
      if (tensor.from > pass || pass >= tensor.to)
        continue;
      names.push_back(getValueName(tensor.value));
      loc = loc.value_or(tensor.value.getLoc());
    }
    if (!names.empty())
      lines.push_back(
          {*loc, (rank + ": live across pass " + Twine(pass) + "->" +
                  Twine(pass + 1) + ": " + llvm::join(names, ", ") + " (" +
                  describeWords(count.getLiveWords(pass), extents) + ")")
                     .str()});
  }
  if (!count.live.empty())
    lines.push_back(
        {func.getLoc(), rank + ": spilling what is live moves " +
                            describeWords(count.getSpillWords(), extents)});

  for (const ForcingEdge &edge : count.edges) {
    std::string text = rank + ": pass " + std::to_string(edge.pass) +
                       " forced by: " + getValueName(edge.value) + " -> " +
                       nameUser(edge.user) + " (all of " +
                       count.rank.getValue().str();
    if (edge.reduction != edge.value)
      text += ", reduced in " + getValueName(edge.reduction) + ",";
    lines.push_back({edge.user->getLoc(), text + " before any)"});
  }
}

SmallVector<ReportLine> attn::describePasses(FuncOp func,
                                             ArrayRef<RankPasses> counts,
                                             const RankExtents &extents) {
  RankExtents known = extents;
  for (RankOp rank : func.getBody().getOps<RankOp>())
    if (std::optional<int64_t> extent = rank.getExtent())
      known.try_emplace(rank.getName(), *extent);
  SmallVector<ReportLine> lines;
  for (const RankPasses &count : counts)
    describeRank(func, count, known, lines);
  return lines;
}
