//===- LiveKeys.cpp - the keys that a mask leaves to each row -------------===//

#include "attn/Analysis/LiveKeys.h"

#include "attn/Analysis/Mask/HostMask.h"
#include "attn/Analysis/Mask/Import.h"

#include <algorithm>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

//===----------------------------------------------------------------------===//
// The governing predicate
//===----------------------------------------------------------------------===//

/// True if the value is empty wherever the predicate of `where` is false, for
/// Einsums of one block.
static bool isEmptyOutside(Value value, EinsumOp where) {
  auto op = value.getDefiningOp<EinsumOp>();
  if (!op)
    return false;
  if (op == where)
    return true;
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (op.getMerge(i) == Merge::Absorb && isEmptyOutside(input, where))
      return true;
  return false;
}

EinsumOp
attn::findGoverningWhere(Block &block,
                         llvm::function_ref<bool(EinsumOp, unsigned)> isSwept) {
  EinsumOp governing;
  for (auto op : block.getOps<EinsumOp>()) {
    bool isOver = false;
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
      isOver |= isSwept(op, v);
    if (!isOver || !op.hasWhere())
      continue;
    if (governing)
      return {};
    governing = op;
  }
  if (!governing)
    return {};
  for (auto op : block.getOps<EinsumOp>()) {
    bool reduces = false;
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
      reduces |= op.isReduced(v) && isSwept(op, v);
    if (!reduces)
      continue;
    bool masked = op == governing;
    for (auto [i, input] : llvm::enumerate(op.getInputs()))
      masked |=
          op.getMerge(i) == Merge::Absorb && isEmptyOutside(input, governing);
    if (!masked)
      return {};
  }
  return governing;
}

//===----------------------------------------------------------------------===//
// Its live keys
//===----------------------------------------------------------------------===//

static constexpr int64_t kMostRows = 1 << 22;
/// Products of two such numbers, and of one and a row, fit in 64 bits.
static constexpr int64_t kLargest = int64_t(1) << 31;

/// Gives the mask the numbers that it asks for; false if one is not there or
/// too large.
static bool setNumbers(const mask::ImportedMask &imported, mask::HostMask &mask,
                       const RankExtents &extents,
                       const IntegerScalars &scalars) {
  for (auto [symbol, rank] :
       llvm::zip(imported.pool.getSymbols(), imported.extents)) {
    auto extent = extents.find(rank ? rank.getValue() : StringRef());
    auto scalar = scalars.find(symbol.name);
    if (rank ? extent == extents.end() : scalar == scalars.end())
      return false;
    int64_t value = rank ? extent->second : scalar->second;
    if (value > kLargest || value < -kLargest)
      return false;
    mask.setSymbol(symbol.name, value);
  }
  return true;
}

std::optional<LiveKeys> attn::findLiveKeys(EinsumOp op, StringAttr rows,
                                           StringAttr keys,
                                           const RankExtents &extents,
                                           const IntegerScalars &scalars) {
  int64_t numRows = extents.lookup(rows), numKeys = extents.lookup(keys);
  if (!op.hasWhere() || numRows > kMostRows || numKeys > kLargest)
    return std::nullopt;
  std::unique_ptr<mask::ImportedMask> imported = mask::importMask(op);
  bool hasOthers = llvm::any_of(imported->variables, [&](auto &entry) {
    return entry.first() != rows.getValue() && entry.first() != keys.getValue();
  });
  if (hasOthers || !imported->gaps.empty() || !imported->tables.empty())
    return std::nullopt;
  mask::Expr row = imported->getVariable(rows);
  mask::HostMask mask(imported->pool, imported->predicate,
                      imported->getVariable(keys), {row});
  if (mask.getForm().hasResidual() ||
      !setNumbers(*imported, mask, extents, scalars))
    return std::nullopt;
  mask.setExtent(numKeys);
  LiveKeys live;
  live.ranges.reserve(numRows);
  for (int64_t p = 0; p < numRows; ++p) {
    mask.setBox(row, {p, p});
    KeyRange range;
    mask.forEachStep(std::max<int64_t>(numKeys, 1), [&](mask::Step step) {
      auto first = static_cast<uint64_t>(step.first);
      uint64_t last = first + static_cast<uint64_t>(step.count);
      range = range.first == range.last ? KeyRange{first, last}
                                        : KeyRange{std::min(range.first, first),
                                                   std::max(range.last, last)};
    });
    live.ranges.push_back(range);
    live.points += mask.countLive();
  }
  return live;
}
