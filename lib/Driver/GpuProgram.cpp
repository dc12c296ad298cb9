//===- GpuProgram.cpp - a cascade as kernels for a GPU --------------------===//
//
// A schedule that was measured is built first; without one, or where it does
// not build, those that the model finds to fit, the fastest first.
//
//===----------------------------------------------------------------------===//

#include "GpuProgram.h"

#include "GpuCache.h"
#include "GpuLowering.h"

#include "attn/Driver/Execution.h"
#include "attn/Runtime/Cache.h"
#include "attn/Transforms/JoinRanks.h"

#include <thread>

using namespace mlir;
using namespace attn;

/// Tiles of which a few fit a block's shared memory at any head dimension.
static constexpr int64_t kThreadRows = 16, kThreadKeys = 32;

static Status refuse(const std::string &name, const char *what) {
  return Status::error(StatusCode::unsupported, "compile", name + what,
                       "see the message above");
}

StringRef attn::getName(ScheduleOrigin origin) {
  switch (origin) {
  case ScheduleOrigin::ownTable:
    return "--schedule-table";
  case ScheduleOrigin::table:
    return "table";
  case ScheduleOrigin::model:
    return "model";
  case ScheduleOrigin::given:
    return "given";
  }
  llvm_unreachable("unknown origin");
}

/// Whatever registers a schedule leaves.
static constexpr double kAny = -std::numeric_limits<double>::infinity();

namespace {
/// Builds schedules until one works.
class Chooser {
public:
  Chooser(GpuLowering &lowering, const ScheduleFields &given, CodeKind kind,
          GpuProgram &program)
      : lowering(lowering), given(given), kind(kind), program(program) {}

  /// True if the entry for `key` is built.
  bool tryTable(const ScheduleTable &table, ScheduleKey key,
                const std::optional<int64_t> &length, ScheduleOrigin origin);
  /// True if one of those that the model ranks is built. Refuses rows and keys
  /// that are given for a program with schedules and do not build.
  Result<bool> tryModel();
  /// To be called when the lowering makes other programs from now on.
  void forgetFailures() {
    failures.clear();
    second.reset();
  }

private:
  using Built = std::variant<CompiledCode, BuildFailure>;

  bool tryOne(const TileSchedule &schedule, ScheduleOrigin origin);
  const ScheduleCandidate *tryPair(const ScheduleCandidate *first,
                                   const ScheduleCandidate *other);
  bool take(const TileSchedule &schedule, Built built, ScheduleOrigin origin);
  bool isHopeless(const TileSchedule &schedule) const;
  const ScheduleCandidate *
  findRoomy(llvm::ArrayRef<ScheduleCandidate> candidates, double spare) const;
  bool search(llvm::ArrayRef<ScheduleCandidate> candidates);
  const ScheduleCandidate *
  searchNear(llvm::ArrayRef<ScheduleCandidate> candidates);
  const ScheduleCandidate *
  searchInOrder(llvm::ArrayRef<ScheduleCandidate> candidates);

  GpuLowering &lowering;
  /// For another thread; made when it is needed.
  std::unique_ptr<GpuLowering> second;
  ScheduleFields given;
  CodeKind kind;
  GpuProgram &program;
  std::vector<std::pair<TileSchedule, BuildFailure::Kind>> failures;
};
} // namespace

/// What has failed fails again, by ptxas also with more keys, and by the
/// lowering with any other registers.
bool Chooser::isHopeless(const TileSchedule &schedule) const {
  return llvm::any_of(failures, [&](const auto &failure) {
    const auto &[failed, reason] = failure;
    if (failed.rows != schedule.rows || failed.cluster != schedule.cluster ||
        failed.isStream != schedule.isStream)
      return false;
    if (reason != BuildFailure::Kind::assembler)
      return failed.keys == schedule.keys;
    return failed.keys <= schedule.keys && failed.split == schedule.split;
  });
}

/// Takes what was built, or keeps in mind why it was not.
bool Chooser::take(const TileSchedule &schedule, Built built,
                   ScheduleOrigin origin) {
  ++program.numBuilds;
  if (auto *failure = std::get_if<BuildFailure>(&built)) {
    failures.push_back({schedule, failure->kind});
    program.reason = failure->reason;
    return false;
  }
  program.code = std::move(std::get<CompiledCode>(built));
  program.schedule = schedule;
  program.origin = origin;
  program.reason.clear();
  return true;
}

bool Chooser::tryOne(const TileSchedule &schedule, ScheduleOrigin origin) {
  return !isHopeless(schedule) &&
         take(schedule, lowering.build(schedule, kind), origin);
}

/// Builds two of the model's at once; either may be null. Returns the first
/// that works.
const ScheduleCandidate *Chooser::tryPair(const ScheduleCandidate *first,
                                          const ScheduleCandidate *other) {
  if (!first || first == other)
    std::swap(first, other);
  if (!first)
    return nullptr;
  if (first == other)
    other = nullptr;
  std::optional<Built> built;
  std::thread thread;
  if (other && !second)
    second = lowering.clone();
  if (other && second)
    thread = std::thread([&] { built = second->build(other->schedule, kind); });
  Built own = lowering.build(first->schedule, kind);
  if (thread.joinable())
    thread.join();
  else if (other)
    built = lowering.build(other->schedule, kind);
  const ScheduleCandidate *working = nullptr;
  // What is taken last stays.
  if (other && take(other->schedule, std::move(*built), ScheduleOrigin::model))
    working = other;
  if (take(first->schedule, std::move(own), ScheduleOrigin::model))
    working = first;
  return working;
}

bool Chooser::tryTable(const ScheduleTable &table, ScheduleKey key,
                       const std::optional<int64_t> &length,
                       ScheduleOrigin origin) {
  key.length = length;
  const ScheduleEntry *entry = table.lookup(key);
  return entry && given.allow(entry->schedule) &&
         tryOne(entry->schedule, origin);
}

/// The first of `candidates` with so many registers to spare, among those that
/// fit by the model and have not failed.
const ScheduleCandidate *
Chooser::findRoomy(ArrayRef<ScheduleCandidate> candidates, double spare) const {
  for (const ScheduleCandidate &candidate : candidates)
    if (candidate.estimate.refusal.empty() &&
        candidate.estimate.spareRegisters >= spare &&
        !isHopeless(candidate.schedule))
      return &candidate;
  return nullptr;
}

/// Where the first one spills or is likely to, the next is built beside the one
/// with the most registers to spare, which says whether any fits (of those with
/// as many roles, as others spend registers otherwise); then two of those
/// between, by what they have to spare. That finds most of what trying
/// all in their order would, in the time of two builds or three on two cores.
const ScheduleCandidate *
Chooser::searchNear(ArrayRef<ScheduleCandidate> candidates) {
  constexpr int kMostPairs = 2;
  const ScheduleCandidate *best = nullptr, *roomiest = nullptr;
  for (int pair = 0; pair < kMostPairs && !best; ++pair) {
    const ScheduleCandidate *fastest = roomiest = findRoomy(candidates, kAny);
    for (const ScheduleCandidate &candidate : candidates)
      if (roomiest &&
          candidate.estimate.isMerged == fastest->estimate.isMerged &&
          candidate.estimate.spareRegisters > roomiest->estimate.spareRegisters)
        if (const ScheduleCandidate *found = findRoomy(candidate, kAny))
          roomiest = found;
    best = tryPair(fastest, roomiest);
  }
  if (best && best == roomiest) {
    double most = roomiest->estimate.spareRegisters;
    ArrayRef<ScheduleCandidate> faster = candidates.take_until(
        [&](const ScheduleCandidate &candidate) { return &candidate == best; });
    if (const ScheduleCandidate *found = tryPair(
            findRoomy(faster, most / 3), findRoomy(faster, most * 2 / 3)))
      best = found;
  }
  return best;
}

/// Of streams each is much slower than the one before: two after the other.
const ScheduleCandidate *
Chooser::searchInOrder(ArrayRef<ScheduleCandidate> candidates) {
  constexpr int kMostPairs = 8;
  for (int pair = 0; pair < kMostPairs; ++pair) {
    const ScheduleCandidate *first = findRoomy(candidates, kAny);
    if (!first)
      break;
    const ScheduleCandidate *next =
        findRoomy(candidates.drop_front(first - candidates.begin() + 1), kAny);
    if (const ScheduleCandidate *found = tryPair(first, next))
      return found;
  }
  return nullptr;
}

bool Chooser::search(ArrayRef<ScheduleCandidate> candidates) {
  lowering.mute(true);
  const ScheduleCandidate *best =
      given.stream == 1 ? searchInOrder(candidates) : searchNear(candidates);
  lowering.mute(false);
  if (!best)
    return false;
  program.reason.clear();
  // Stages that are shown are those of what was chosen.
  if (lowering.isShown())
    lowering.build(best->schedule, CodeKind::LLVMDialect);
  return true;
}

Result<bool> Chooser::tryModel() {
  int64_t rows = lowering.getMachine().productRows;
  bool isGiven = given.rows && given.keys && *given.rows % rows == 0;
  ScheduleOrigin origin =
      isGiven ? ScheduleOrigin::given : ScheduleOrigin::model;
  auto model = lowering.getModel();
  if (auto *reason = std::get_if<std::string>(&model)) {
    program.reason = *reason;
    return false;
  }
  std::string reason;
  std::vector<ScheduleCandidate> candidates =
      std::get<ScheduleModel>(model).rank(given, /*isSearch=*/false);
  // How many steps a mask leaves depends on boxes more than on anything else.
  if (lowering.hasBoxes())
    llvm::stable_sort(candidates, [&](const auto &a, const auto &b) {
      return lowering.getBoxCost(a.schedule.rows, a.schedule.keys) <
             lowering.getBoxCost(b.schedule.rows, b.schedule.keys);
    });
  // Of schedules with fewer registers to spare half spill, of others one in ten
  // (142 of shipped variants, heads of 32 to 256).
  constexpr double kLeastSpare = 24;
  // Failures of the tables' entries tell nothing of these.
  size_t numBefore = failures.size();
  for (const ScheduleCandidate &candidate : candidates) {
    if (!isGiven && candidate.estimate.refusal.empty() &&
        (failures.size() != numBefore ||
         candidate.estimate.spareRegisters < kLeastSpare)) {
      if (search(candidates))
        return true;
      break;
    }
    // Tiles that a user gives are built, whatever the estimate.
    if (!candidate.estimate.refusal.empty() && !isGiven) {
      if (reason.empty())
        reason = "with " + format(candidate.schedule) + " " +
                 candidate.estimate.refusal;
      continue;
    }
    if (tryOne(candidate.schedule, origin))
      return true;
  }
  if (isGiven)
    return Status::error(StatusCode::unsupported, "schedule " + given.format(),
                         program.reason,
                         "give other fields, or leave them to the table");
  if (program.reason.empty())
    program.reason = "no schedule fits: " + reason;
  return false;
}

/// What the function's text says of its schedule and nobody else does.
static void takeOwnSchedule(cascade::FuncOp func, ScheduleFields &given) {
  cascade::ScheduleAttr own = func.getScheduleAttr();
  auto take = [](std::optional<int64_t> &field, int64_t value) {
    if (!field)
      field = value;
  };
  if (own && own.getRows() != 0)
    take(given.rows, own.getRows());
  if (own && own.getKeys() != 0)
    take(given.keys, own.getKeys());
  cascade::RolesAttr roles = own ? own.getRoles() : cascade::RolesAttr();
  if (!roles)
    return;
  take(given.slots, roles.getSlots());
  take(given.turns, roles.getTurns());
  take(given.split, roles.getSplit());
  take(given.cluster, roles.getCluster());
  take(given.stream, roles.getStream());
}

bool attn::prefersStream(cascade::FuncOp func, const PipelineOptions &options,
                         const GpuOptions &gpu) {
  bool isOpen = !gpu.anyStrides && !gpu.schedule.rows && options.dtype != "f32";
  return isOpen && (gpu.hasFewQueries() || findSummedRanks(func));
}

/// The rows of tiles of which a stream is tried, in this order.
static SmallVector<int64_t> listStreamRows(cascade::FuncOp func,
                                           const PipelineOptions &options,
                                           const GpuOptions &gpu) {
  const MachineModel &machine = getMachineModel(gpu.target);
  const MachineModel *low = machine.low, *sharing = machine.sharing;
  bool isInvariant = func.getInvariant();
  // All queries of a few heads are one tile, and keys are read once.
  int64_t group = machine.productRows, most = 2 * group, few = most;
  if (gpu.hasFewQueries()) {
    few = *gpu.queries * (options.packing ? options.packing->width : 1);
    most = std::clamp<int64_t>(llvm::alignTo(few, group), group, most);
  }
  // A tile of queries of many sequences is not low because each has few, but
  // digits of exact sums cost as much as a tile has rows, whoever sees a step.
  if (findSummedRanks(func) && !isInvariant)
    return {most};
  SmallVector<int64_t> rows;
  // Where nothing has 8 bits an element, warps share out no keys.
  while (sharing && few > sharing->productRows && !isInvariant)
    sharing = sharing->sharing;
  if (sharing && gpu.hasFewQueries() && func.readsByteElements())
    rows.push_back(sharing->productRows);
  // What does not fit with few rows may with more.
  if (low && (!rows.empty() || few <= low->productRows || isInvariant))
    rows.push_back(low->productRows);
  rows.push_back(rows.empty() ? most : group);
  if (isInvariant && rows.back() > group)
    rows.push_back(group);
  return rows;
}

/// Schedules in which blocks share a line of steps, where such are to be and
/// `given` says nothing else of their kind.
static SmallVector<ScheduleFields> listStreams(cascade::FuncOp func,
                                               const PipelineOptions &options,
                                               const GpuOptions &gpu,
                                               ScheduleFields given) {
  SmallVector<ScheduleFields> streams;
  if (gpu.specialize || given.rows || given.stream || given.cluster ||
      !prefersStream(func, options, gpu))
    return streams;
  given.stream = 1;
  for (int64_t rows : listStreamRows(func, options, gpu)) {
    given.rows = rows;
    streams.push_back(given);
  }
  return streams;
}

/// The machine that a schedule of such rows is for.
static const MachineModel &getMachine(const GpuOptions &gpu,
                                      std::optional<int64_t> rows) {
  return getMachineModel(gpu.target, gpu.anyStrides)
      .forFewRows(rows.value_or(0));
}

static Result<GpuProgram> build(cascade::FuncOp func,
                                const PipelineOptions &options,
                                const GpuOptions &gpu, CodeKind kind) {
  std::string name = func.getSymName().str();
  auto shipped = getGpuVendor(gpu.target).readScheduleTable(gpu.target);
  if (!shipped.isOk())
    return shipped.takeStatus();
  ScheduleFields given = gpu.schedule;
  if (options.tileRows)
    given.rows = options.tileRows;
  if (options.tileKeys)
    given.keys = options.tileKeys;
  takeOwnSchedule(func, given);
  GpuProgram program;
  GpuLowering lowering(func, options, getMachine(gpu, given.rows));
  Chooser chooser(lowering, given, kind, program);
  // Entries are for kernels that copy rows as wholes.
  std::optional<ScheduleKey> key =
      gpu.anyStrides ? std::nullopt : lowering.getKey();
  if (key &&
      chooser.tryTable(gpu.table, *key, gpu.length, ScheduleOrigin::ownTable))
    return program;
  SmallVector<ScheduleFields> streams = listStreams(func, options, gpu, given);
  for (const ScheduleFields &stream : streams) {
    GpuLowering own(func, options, getMachine(gpu, stream.rows));
    auto isBuilt = Chooser(own, stream, kind, program).tryModel();
    // Rows were not given: what fails with these may not with others.
    if (!isBuilt.isOk() && &stream == &streams.back())
      return isBuilt.takeStatus();
    if (isBuilt.isOk() && *isBuilt)
      return program;
  }
  if (key &&
      chooser.tryTable(*shipped, *key, gpu.length, ScheduleOrigin::table))
    return program;
  for (bool usesBoxes : {true, false}) {
    if (usesBoxes && !lowering.hasBoxes())
      continue;
    if (!usesBoxes) {
      lowering.useBoxes(false);
      chooser.forgetFailures();
    }
    auto isBuilt = chooser.tryModel();
    if (!isBuilt.isOk())
      return isBuilt.takeStatus();
    if (*isBuilt)
      return program;
  }
  // Rows of whole groups are those of roles, and their steps may be too large
  // for arrays of threads.
  bool isForRoles = !options.tileRows && given.rows &&
                    *given.rows % lowering.getMachine().productRows == 0;
  int64_t usual =
      gpu.hasFewQueries() ? std::max<int64_t>(*gpu.queries, 1) : kThreadRows;
  int64_t rows = isForRoles ? usual : given.rows.value_or(usual);
  int64_t keys = isForRoles ? kThreadKeys : given.keys.value_or(kThreadKeys);
  auto code = lowering.buildForThreads(rows, keys, kind);
  if (failed(code))
    return refuse(name, " has no lowering to threads for this target");
  program.code = std::move(*code);
  return program;
}

Result<GpuProgram> attn::compileGpuProgram(cascade::FuncOp func,
                                           const PipelineOptions &options,
                                           const GpuOptions &gpu,
                                           CodeKind kind) {
  bool isCode = kind == CodeKind::MachineCode || kind == CodeKind::Best;
  if (!gpu.cache || !isCode)
    return build(func, options, gpu, kind);
  // What is built here goes on as it is; only what another call has built is
  // unpacked.
  std::optional<GpuProgram> built;
  auto bytes =
      gpu.cache->getOrBuild(describeCompilation(func, options, gpu, kind),
                            [&]() -> Result<std::string> {
                              auto program = build(func, options, gpu, kind);
                              if (!program.isOk())
                                return program.takeStatus();
                              built = std::move(*program);
                              return pack(*built);
                            });
  if (!bytes.isOk())
    return bytes.takeStatus();
  if (built)
    return std::move(*built);
  return unpack(**bytes);
}

static std::optional<int64_t> findExtent(const Problem &problem,
                                         StringRef rank) {
  auto extent = problem.extents.find(rank.str());
  if (extent == problem.extents.end())
    return std::nullopt;
  return extent->second;
}

std::optional<int64_t> attn::getKeyLength(const Problem &problem) {
  return findExtent(problem, kKeyRank);
}

std::optional<int64_t> attn::getQueryLength(const Problem &problem) {
  return findExtent(problem, kQueryRank);
}

Artifact attn::makeArtifact(const CompiledCode &code) {
  Artifact artifact;
  artifact.manifest = code.manifest;
  const GpuVendor &vendor = getGpuVendor(code.manifest.target.arch);
  artifact.payloads.push_back(
      {*vendor.findForm(code.kind)->payload, code.bytes});
  if (!code.portable.empty())
    artifact.payloads.push_back(
        {*vendor.findForm(CodeKind::Assembly)->payload, code.portable});
  return artifact;
}
