//===- InvariantTest.cpp - bits of rows in a batch and alone --------------===//
//
// Kernels of invariant functions, run by the interpreter of pipe: random calls
// with several requests, heads, queries, orders of pages and numbers of blocks.
// Each row's bits have to be those that the kernel gives where it is called for
// that row alone, in one block.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>

using namespace attn;
using namespace attn::test;

namespace {
constexpr int64_t kHeads = 2, kGroup = 3, kPage = 16;

/// Keys and values [H, N, D] and queries [H, G, N, D] of a sequence.
struct Sequence {
  int64_t length;
  std::vector<double> q, k, v;
};

/// The first keys of a sequence; queries are those of the positions before
/// `end`.
struct Request {
  size_t sequence;
  int64_t length, end;
};

struct Call {
  std::vector<Request> requests;
  int64_t queries = 1, blocks = 1;
  /// Those from the first on, up to the second, of key heads, and of the query
  /// heads of each.
  std::pair<int64_t, int64_t> heads = {0, kHeads}, group = {0, kGroup};
  /// Of the pages' order; without one they are in order.
  std::optional<uint64_t> seed = {};
};

/// A row: its sequence, heads, position and how many keys there are.
struct Row {
  size_t sequence;
  int64_t head, member, position, length;

  friend bool operator<(const Row &a, const Row &b) {
    auto tie = [](const Row &r) {
      return std::tie(r.sequence, r.head, r.member, r.position, r.length);
    };
    return tie(a) < tie(b);
  }
};
using Rows = std::map<Row, std::vector<double>>;

class InvariantTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    random.seed(seed);
    context = createContext();
    isCausal = StringRef(GetParam()) != "gqa";
    c.isScheduled = c.isInvariant = true;
    c.schedule.isStream = true;
    c.kv.page = kPage;
    c.pack = 4;
    if (hasBytes)
      c.kv.dtype = DType::e4m3;
    // Weights of some sequences are nearly even, of others a few have all.
    for (int64_t length : kLengths)
      sequences.push_back(makeSequence(length, draw(0, 4)));
  }

  static constexpr int64_t kLengths[] = {1, 15, 64, 65, 130, 300, 641};

  int64_t draw(int64_t first, int64_t last) {
    return std::uniform_int_distribution<int64_t>(first, last)(random);
  }
  Sequence makeSequence(int64_t length, double sharpness);
  PipeArguments makeArguments(const Call &call);
  void lower();
  Rows run(const Call &call);
  Call drawCall();
  /// What is wrong with the bits of some rows of a call, or nothing.
  std::string compareAlone(const Call &call);
  void expectAlone(int calls);

  using StringRef = llvm::StringRef;
  /// Of keys of 8 bits the smallest that warps share out.
  bool hasBytes = StringRef(GetParam()).ends_with("-e4m3");
  std::string variant = StringRef(GetParam()).split("-e4m3").first.str();
  bool hasWindow = variant == "sliding-window" || variant == "streaming";
  int64_t dim = hasBytes ? 64 : 16;
  InterpretedCase c = {{1, 1, 1, 1, 1, dim, dim, {}},
                       DType::bf16,
                       hasBytes ? 8 : 64,
                       hasBytes || hasWindow ? 64 : 16};
  uint64_t seed = 0;
  std::mt19937_64 random;
  bool isCausal = false;
  std::unique_ptr<mlir::MLIRContext> context;
  Source source;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Sequence> sequences;
  Rows alone;
};
} // namespace

Sequence InvariantTest::makeSequence(int64_t length, double sharpness) {
  Sequence sequence{length, {}, {}, {}};
  std::normal_distribution<double> normal;
  auto fill = [&](std::vector<double> &x, int64_t rows, double factor) {
    for (int64_t i = 0; i < rows * dim; ++i)
      x.push_back(normal(random) * factor);
  };
  fill(sequence.q, kHeads * kGroup * length, sharpness);
  fill(sequence.k, kHeads * length, 1);
  fill(sequence.v, kHeads * length, 1);
  return sequence;
}

void InvariantTest::lower() {
  auto lowered = lowerVariant(*context, variant, c, source);
  ASSERT_TRUE(lowered.isOk()) << lowered.getStatus().message();
  module = std::move(*lowered);
}

PipeArguments InvariantTest::makeArguments(const Call &call) {
  int64_t heads = call.heads.second - call.heads.first;
  int64_t group = call.group.second - call.group.first;
  int64_t requests = call.requests.size(), width = 1, numPages = 0;
  for (const Request &request : call.requests) {
    int64_t pages = (request.length + kPage - 1) / kPage;
    width = std::max(width, pages);
    numPages += pages;
  }
  std::vector<int64_t> order(numPages);
  std::iota(order.begin(), order.end(), 0);
  if (call.seed)
    std::shuffle(order.begin(), order.end(), std::mt19937_64(*call.seed));
  // What no request has is not a number.
  std::vector<double> pool(numPages * heads * kPage * dim,
                           std::numeric_limits<double>::quiet_NaN());
  PipeArguments arguments;
  arguments.scalars["scale"] = 0.25;
  // Windows have several steps, of several pages, and begin within one.
  if (hasWindow)
    arguments.scalars["window"] = 150;
  if (variant == "streaming")
    arguments.scalars["sinks"] = 5;
  arguments.extents = {{"B", requests},     {"H", heads}, {"G", group},
                       {"P", call.queries}, {"F", dim},   {"E", dim}};
  ReferenceTensor q{{requests, heads, group, call.queries, dim}, {}},
      k{{numPages, heads, kPage, dim}, pool},
      v = k,
      table{{requests, width}, std::vector<double>(requests * width, -1)},
      lengths{{requests}, {}};
  int64_t next = 0;
  for (auto [b, request] : llvm::enumerate(call.requests)) {
    const Sequence &s = sequences[request.sequence];
    lengths.values.push_back(request.length);
    for (int64_t h = call.heads.first; h < call.heads.second; ++h)
      for (int64_t g = call.group.first; g < call.group.second; ++g) {
        int64_t first = (h * kGroup + g) * s.length + request.end;
        auto at = s.q.begin() + first * dim;
        q.values.insert(q.values.end(), at - call.queries * dim, at);
      }
    for (int64_t n = 0; n < request.length; ++n) {
      if (n % kPage == 0)
        table.values[b * width + n / kPage] = order[next++];
      int64_t page = order[next - 1];
      for (int64_t h = 0; h < heads; ++h) {
        int64_t to = ((page * heads + h) * kPage + n % kPage) * dim;
        int64_t from = ((h + call.heads.first) * s.length + n) * dim;
        std::copy_n(s.k.begin() + from, dim, k.values.begin() + to);
        std::copy_n(s.v.begin() + from, dim, v.values.begin() + to);
      }
    }
  }
  arguments.tensors = {
      {"q", q}, {"k", k}, {"v", v}, {"pages", table}, {"lengths", lengths}};
  if (!hasBytes)
    return arguments;
  for (const char *name : {"k_scale", "v_scale"}) {
    ReferenceTensor scales{{heads}, {}};
    for (int64_t h = call.heads.first; h < call.heads.second; ++h)
      scales.values.push_back(1 + static_cast<double>(h) / 4);
    arguments.tensors[name] = scales;
  }
  return arguments;
}

Rows InvariantTest::run(const Call &call) {
  auto kernel = *module->getOps<pipe::KernelOp>().begin();
  PipeLaunch launch;
  launch.multiprocessors = call.blocks;
  launch.schedule = call.seed ? PipeSchedule::random : PipeSchedule::roundRobin;
  launch.seed = call.seed.value_or(0);
  auto outcome = interpretPipe(kernel, makeArguments(call), launch);
  EXPECT_TRUE(outcome.isOk()) << outcome.getStatus().message();
  if (!outcome.isOk())
    return {};
  for (const PipeFinding &finding : outcome->findings)
    ADD_FAILURE() << finding.message;
  for (const auto &[name, count] : outcome->unwritten)
    EXPECT_EQ(count, 0) << name;
  const std::vector<double> &o = outcome->results["o"].values;
  const std::vector<double> &lse = outcome->results["lse"].values;
  Rows rows;
  int64_t number = 0;
  for (const Request &request : call.requests)
    for (int64_t h = call.heads.first; h < call.heads.second; ++h)
      for (int64_t g = call.group.first; g < call.group.second; ++g)
        for (int64_t i = 0; i < call.queries; ++i, ++number) {
          int64_t position = request.end - call.queries + i;
          Row row{request.sequence, h, g, position,
                  isCausal ? position + 1 : request.length};
          std::vector<double> &bits = rows[row];
          bits.assign(o.begin() + number * dim, o.begin() + (number + 1) * dim);
          bits.push_back(lse[number]);
        }
  return rows;
}

Call InvariantTest::drawCall() {
  Call call;
  constexpr int64_t kQueries[] = {1, 1, 2, 5, 16}, kBlocks[] = {1, 2, 3, 7, 40};
  call.queries = kQueries[draw(0, 4)];
  call.blocks = kBlocks[draw(0, 4)];
  call.seed = random();
  for (int64_t n = draw(1, 3); n > 0; --n) {
    size_t number = draw(call.queries == 1 ? 0 : 2, sequences.size() - 1);
    int64_t most = sequences[number].length;
    int64_t length = draw(call.queries, most);
    // Only masks that are causal say where queries are among keys.
    int64_t end = isCausal ? length : draw(call.queries, most);
    call.requests.push_back({number, length, end});
  }
  // One call in two is a shard.
  if (draw(0, 1)) {
    call.heads.first = draw(0, kHeads - 1);
    call.heads.second = call.heads.first + 1;
    call.group.second = draw(1, kGroup);
  }
  return call;
}

std::string InvariantTest::compareAlone(const Call &call) {
  Rows rows = run(call);
  std::vector<Row> some;
  for (const auto &[row, bits] : rows)
    some.push_back(row);
  std::shuffle(some.begin(), some.end(), random);
  for (const Row &row : llvm::ArrayRef(some).take_front(10)) {
    auto [known, isNew] = alone.try_emplace(row);
    if (isNew) {
      Call own;
      own.requests = {{row.sequence, row.length, row.position + 1}};
      own.heads = {row.head, row.head + 1};
      own.group = {row.member, row.member + 1};
      known->second = run(own).begin()->second;
    }
    auto areSame = [](double a, double b) {
      return a == b && std::signbit(a) == std::signbit(b);
    };
    const std::vector<double> &bits = rows[row];
    if (std::equal(bits.begin(), bits.end(), known->second.begin(), areSame))
      continue;
    std::ostringstream text;
    text << "sequence " << row.sequence << ", head " << row.head << "."
         << row.member << ", position " << row.position << " of " << row.length
         << ", in a call of " << call.requests.size() << " requests with "
         << call.queries << " queries on " << call.blocks << " blocks";
    return text.str();
  }
  return "";
}

void InvariantTest::expectAlone(int calls) {
  ASSERT_NO_FATAL_FAILURE(lower());
  for (int i = 0; i < calls && !HasFailure(); ++i)
    EXPECT_EQ(compareAlone(drawCall()), "");
}

TEST_P(InvariantTest, RowsAreThoseOfRowsAlone) { expectAlone(100); }

TEST_P(InvariantTest, RowsAreThoseOfRowsAloneWhereBlocksDoItems) {
  c.schedule.isStream = false;
  expectAlone(40);
}

TEST_P(InvariantTest, RowsAreThoseOfRowsAloneByThreads) {
  c.isScheduled = false;
  c.pack = {};
  c.dtype = DType::f32;
  c.tileRows = 8;
  c.tileKeys = hasWindow ? 64 : 8;
  expectAlone(4);
}

/// The calls show what they are for. Even weights are summed without rounding,
/// and of those that one key has nothing is to be rounded.
TEST_P(InvariantTest, RowsOfOtherKernelsDiffer) {
  c.isInvariant = false;
  sequences.clear();
  for (int64_t length : kLengths)
    sequences.push_back(makeSequence(length, 1));
  ASSERT_NO_FATAL_FAILURE(lower());
  int different = 0;
  for (int i = 0; i < 40; ++i)
    different += !compareAlone(drawCall()).empty();
  EXPECT_GT(different, 0);
}

TEST_P(InvariantTest, AreRight) {
  c.shape = {2, 6, 2, 5, 300, dim, dim, {}};
  c.nan = NaNKind::hidden;
  PipeLaunch launch;
  launch.multiprocessors = 7;
  EXPECT_EQ(InterpretedRun(variant, c).run(seed, launch), "");
}

INSTANTIATE_TEST_SUITE_P(Variants, InvariantTest,
                         testing::Values("gqa", "causal-bottom-right",
                                         "causal-bottom-right-e4m3",
                                         "sliding-window", "streaming"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
