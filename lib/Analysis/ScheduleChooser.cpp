//===- ScheduleChooser.cpp - the schedule of a function for a machine -----===//

#include "attn/Analysis/ScheduleChooser.h"

#include "attn/Analysis/RankFamilies.h"

#include "mlir/IR/Diagnostics.h"
#include <algorithm>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// Extent of a rank of rows or keys that is not known: the regime of long
/// sequences.
static constexpr int64_t kLong = 1 << 16;

/// Gives every rank an extent: what is known, `kLong` for `rows` and `keys`, 1
/// for the others.
static RankExtents completeExtents(FuncOp func, const RankExtents &known,
                                   StringRef rows, StringRef keys) {
  RankExtents extents = known;
  RankFamilies families(func);
  for (auto rank : func.getBody().getOps<RankOp>())
    if (auto extent = rank.getExtent())
      extents.try_emplace(rank.getName(), *extent);
  families.completeExtents(extents);
  for (StringAttr root : families.getRoots())
    for (StringRef rank : families.getSpellings(root))
      extents.try_emplace(rank, rank == rows || rank == keys ? kLong : 1);
  return extents;
}

/// The model of `func` with its reductions done: what lives across passes is
/// not a matter of tiles.
static FailureOr<IoModel> buildModel(FuncOp func, const ScheduleTarget &target,
                                     const RankExtents &known) {
  IoModelOptions options;
  options.holdPoints = target.holdPoints;
  // A mask thins out products and bytes alike.
  options.useMasks = false;
  options.extents = completeExtents(func, known, "", "");
  FailureOr<IoModel> model = buildIoModel(func, options);
  if (failed(model))
    return failure();
  options.extents =
      completeExtents(func, known, model->rowRank, model->keyRank);
  model = buildIoModel(func, options);
  if (failed(model))
    return failure();
  model->problem.spillBytes = 0;
  // The lowering streams.
  model->problem.canTile = false;
  if (target.copiesKeys)
    model->problem.keyBytes *= 2;
  if (!target.holdPoints)
    model->problem.pointBytes += target.pointBytes;
  return model;
}

/// True if what `choice` moves beyond the compulsory bytes takes no more than
/// kHiddenShare of the time of the products.
static bool isHidden(const IoProblem &problem, const ScheduleTarget &target,
                     const TileChoice &choice) {
  if (target.flopsPerByte == 0)
    return false;
  double time = 0;
  for (const Contraction &contraction : problem.contractions) {
    double rate = target.flopsPerByte;
    if (target.hasNarrowRate &&
        std::min(contraction.lhsBytes, contraction.rhsBytes) <= 2)
      rate *= 2;
    time += 2.0 * contraction.batch * contraction.rows * contraction.columns *
            contraction.depth / rate;
  }
  uint64_t repeated = choice.movedBytes - getCompulsoryBytes(problem);
  return static_cast<double>(repeated) <= kHiddenShare * time;
}

/// False, and why in `refusal`, if no tile of rows stays while keys come by.
static bool isStreamed(FuncOp func, const IoModel &model,
                       std::string &refusal) {
  if (model.rowRank.empty())
    refusal = "no rank of rows stays while '" + model.keyRank + "' is streamed";
  else if (func.getStaticExtent(model.keyRank))
    refusal = "rank '" + model.keyRank + "' is whole in every tile";
  else if (llvm::any_of(func.getResultTypes(), [&](Type type) {
             return cast<NamedTensorType>(type)
                 .getRankPosition(
                     StringAttr::get(type.getContext(), model.keyRank))
                 .has_value();
           }))
    refusal = "rank '" + model.keyRank + "' is in a result";
  return refusal.empty();
}

/// The first rows whose bytes hide, if such a tile fits.
static std::optional<uint64_t> findHiddenRows(const IoProblem &problem,
                                              const ScheduleTarget &target,
                                              uint64_t keys) {
  for (uint64_t rows = target.limits.rowGranule; rows < problem.rows;
       rows += target.limits.rowGranule) {
    TileChoice choice = evaluateStreamed(problem, rows, keys);
    if (choice.heldBytes > target.bufferBytes)
      break;
    if (isHidden(problem, target, choice))
      return rows;
  }
  return std::nullopt;
}

/// The most keys that fit beside `rows`.
static uint64_t fitKeys(const IoProblem &problem, uint64_t bufferBytes,
                        uint64_t rows, uint64_t granule) {
  uint64_t held = evaluateStreamed(problem, rows, 0).heldBytes;
  uint64_t each = problem.keyBytes + rows * problem.pointBytes;
  uint64_t keys = held > bufferBytes || each == 0
                      ? granule
                      : (bufferBytes - held) / each / granule * granule;
  return std::clamp<uint64_t>(keys, granule, std::max(problem.keys, granule));
}

/// Keys of a step of at most `keys` where tensors lie in pages. A step that
/// lies in one page is read there; rows of small pages are gathered, in steps
/// that leave them in a core's cache.
static uint64_t cutToPages(FuncOp func, uint64_t keys) {
  constexpr uint64_t kLeast = 16, kGathered = 256;
  for (unsigned i = 0, e = func.getArgumentTypes().size(); i < e; ++i) {
    PagesAttr pages = func.getPages(i);
    if (!pages)
      continue;
    uint64_t size = pages.getSize(), parts = llvm::divideCeil(size, keys);
    while (size / parts >= kLeast && size % parts != 0)
      ++parts;
    keys = std::min(keys, size / parts >= kLeast ? size / parts : kGathered);
  }
  return keys;
}

bool attn::chooseSchedule(FuncOp func, const ScheduleTarget &target,
                          const RankExtents &extents, std::string &refusal) {
  ScheduleAttr given = func.getScheduleAttr();
  FailureOr<IoModel> model = failure();
  {
    ScopedDiagnosticHandler handler(func.getContext(), [&](Diagnostic &diag) {
      refusal = diag.str();
      return success();
    });
    model = buildModel(func, target, extents);
  }
  if (failed(model))
    return false;
  if (!isStreamed(func, *model, refusal))
    return false;
  TileLimits limits = target.limits;
  uint64_t granule = std::min<uint64_t>(
      std::max(limits.keyGranule, model->keyGranule), kMaxTile);
  limits.keyGranule = granule;
  if (given && given.getRows())
    limits.fixedRows = given.getRows();
  if (given && given.getKeys())
    limits.fixedKeys = given.getKeys();
  if (limits.fixedRows == 0)
    limits.fixedRows =
        findHiddenRows(model->problem, target,
                       limits.fixedKeys ? limits.fixedKeys : granule)
            .value_or(0);
  uint64_t rows = limits.fixedRows, keys = limits.fixedKeys;
  if (rows == 0) {
    auto choice = chooseTiles(model->problem, target.bufferBytes, limits);
    if (!choice) {
      refusal = "no tile fits in " + std::to_string(target.bufferBytes) + " B";
      return false;
    }
    rows = choice->rows;
  }
  if (keys == 0)
    keys = fitKeys(model->problem, target.bufferBytes, rows, granule);
  rows = std::min<uint64_t>(rows, kMaxTile);
  keys = std::min<uint64_t>(keys, kMaxTile);
  if (limits.fixedKeys == 0)
    keys = cutToPages(func, keys);
  FewRowsAttr few = given ? given.getFew() : FewRowsAttr();
  if (!few && target.fewBelow != 0)
    few = FewRowsAttr::get(
        func.getContext(), std::min<uint64_t>(target.fewBelow, kMaxTile), 1,
        cutToPages(func, std::clamp<uint64_t>(
                             target.fewBytes /
                                 std::max<uint64_t>(target.pointBytes, 1),
                             granule, kMaxTile)));
  func.setScheduleAttr(
      ScheduleAttr::get(func.getContext(), rows, keys, few,
                        given ? given.getRoles() : RolesAttr()));
  return true;
}
