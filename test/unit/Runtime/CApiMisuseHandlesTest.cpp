//===- CApiMisuseHandlesTest.cpp - every function, every wrong handle -----===//

#include "Misuse.h"
#include "attn-c/Compile.h"
#include "attn-c/KvCache.h"

using namespace attn;
using namespace attn::test;

namespace {
enum class Kind { kernel, pool, plan, cancellation, cache };

/// One function, as a call of a handle's number.
struct Function {
  const char *name;
  Kind kind;
  std::function<attn_status(uint64_t)> call;
};

/// What calls of functions with handles have besides.
struct Rest {
  attn_sequence sequence = {0, 0};
  attn_page_copy copy = {};
  attn_kv_segment segments[4];
  attn_cache_stats stats = {};
  attn_kernel kernel = {};
  int64_t numbers[4] = {};
  int32_t pages[4] = {}, token = 1;
  size_t count = 0;
  WideCall call;
  attn_compile_options compile = {};
};

std::vector<Function> listFunctions(Rest &r) {
  r.stats.struct_size = sizeof(r.stats);
  r.compile.struct_size = sizeof(r.compile);
  r.compile.compiler = "/no/such/attn-compile";
  r.compile.cache_directory = "";
  return {
      {"kernel_manifest", Kind::kernel,
       [](uint64_t id) {
         // It has no status of its own.
         EXPECT_EQ(attn_kernel_manifest({id}), nullptr);
         return attn_last_error_code();
       }},
      {"plan_prepare", Kind::kernel,
       [&r](uint64_t id) {
         attn_plan plan = {poison};
         attn_status status = attn_plan_prepare({id}, r.call.arguments.data(),
                                                11, nullptr, &plan);
         EXPECT_EQ(plan.id, 0u);
         return status;
       }},
      {"plan_prepare by a pool", Kind::pool,
       [&r](uint64_t id) {
         attn_plan plan = {poison};
         attn_plan_options options = {sizeof(options), {id}, 0};
         attn_status status = r.call.prepare(&plan, &options);
         EXPECT_EQ(plan.id, 0u);
         return status;
       }},
      {"plan_rebind", Kind::plan,
       [&r](uint64_t id) {
         return attn_plan_rebind({id}, r.call.arguments.data(), 1);
       }},
      {"plan_run", Kind::plan, [](uint64_t id) { return attn_plan_run({id}); }},
      {"plan_launch", Kind::plan,
       [](uint64_t id) { return attn_plan_launch({id}, nullptr); }},
      {"plan_move", Kind::plan,
       [](uint64_t id) { return attn_plan_move({id}, nullptr, 0); }},
      {"plan_launch_at", Kind::plan,
       [](uint64_t id) {
         return attn_plan_launch_at({id}, nullptr, 0, nullptr);
       }},
      {"plan_memory_bytes", Kind::plan,
       [](uint64_t id) {
         EXPECT_EQ(attn_plan_memory_bytes({id}), 0);
         return attn_last_error_code();
       }},
      {"cancellation_cancel", Kind::cancellation,
       [](uint64_t id) { return attn_cancellation_cancel({id}); }},
      {"compile", Kind::cancellation,
       [&r](uint64_t id) {
         r.compile.cancellation = {id};
         r.kernel = {poison};
         attn_status status = attn_compile("causal", &r.compile, &r.kernel);
         EXPECT_EQ(r.kernel.id, 0u);
         return status;
       }},
      {"compile_artifact", Kind::cancellation,
       [&r](uint64_t id) {
         r.compile.cancellation = {id};
         return attn_compile_artifact("causal", &r.compile, nullptr, 0,
                                      &r.count);
       }},
      {"sequence_create", Kind::cache,
       [&r](uint64_t id) {
         return attn_sequence_create({id}, &r.token, 1, &r.sequence, r.numbers);
       }},
      {"sequence_append", Kind::cache,
       [&r](uint64_t id) {
         return attn_sequence_append({id}, r.sequence, &r.token, 1, r.numbers,
                                     &r.copy);
       }},
      {"sequence_commit", Kind::cache,
       [&r](uint64_t id) { return attn_sequence_commit({id}, r.sequence); }},
      {"sequence_fork", Kind::cache,
       [&r](uint64_t id) {
         attn_sequence forked;
         return attn_sequence_fork({id}, r.sequence, &forked, &r.copy);
       }},
      {"sequence_truncate", Kind::cache,
       [&r](uint64_t id) {
         return attn_sequence_truncate({id}, r.sequence, 0);
       }},
      {"sequence_free", Kind::cache,
       [&r](uint64_t id) { return attn_sequence_free({id}, r.sequence); }},
      {"sequence_length", Kind::cache,
       [&r](uint64_t id) {
         return attn_sequence_length({id}, r.sequence, r.numbers);
       }},
      {"sequence_table", Kind::cache,
       [&r](uint64_t id) {
         return attn_sequence_table({id}, r.sequence, -1, r.pages, 4);
       }},
      {"sequence_segments", Kind::cache,
       [&r](uint64_t id) {
         return attn_sequence_segments({id}, r.sequence, 0, 1, r.segments, 4,
                                       &r.count);
       }},
      {"streaming_cache_place", Kind::cache,
       [&r](uint64_t id) {
         return attn_streaming_cache_place({id}, 0, 0, r.numbers);
       }},
      {"streaming_cache_rows", Kind::cache,
       [&r](uint64_t id) {
         return attn_streaming_cache_rows({id}, r.numbers);
       }},
      {"cache_get_stats", Kind::cache,
       [&r](uint64_t id) { return attn_cache_get_stats({id}, &r.stats); }},
  };
}

std::vector<Function> listReleases() {
  return {
      {"kernel_release", Kind::kernel,
       [](uint64_t id) { return attn_kernel_release({id}); }},
      {"pool_release", Kind::pool,
       [](uint64_t id) { return attn_pool_release({id}); }},
      {"plan_release", Kind::plan,
       [](uint64_t id) { return attn_plan_release({id}); }},
      {"cancellation_release", Kind::cancellation,
       [](uint64_t id) { return attn_cancellation_release({id}); }},
      {"cache_release", Kind::cache,
       [](uint64_t id) { return attn_cache_release({id}); }},
  };
}

/// An object of each kind.
struct Objects {
  Objects() {
    EXPECT_EQ(attn_pool_create(1, &pool), ATTN_OK);
    EXPECT_EQ(call.prepare(&plan), ATTN_OK);
    EXPECT_EQ(attn_cancellation_create(&cancellation), ATTN_OK);
    EXPECT_EQ(attn_dense_cache_create(2, 8, &cache), ATTN_OK);
    // The call releases the kernel that it has.
    kernel = loadFromMemory(makeWideArtifact());
  }
  std::vector<std::pair<Kind, uint64_t>> list() const {
    return {{Kind::kernel, kernel.id},
            {Kind::pool, pool.id},
            {Kind::plan, plan.id},
            {Kind::cancellation, cancellation.id},
            {Kind::cache, cache.id}};
  }
  void release() {
    for (const Function &release : listReleases())
      for (auto [kind, id] : list())
        if (kind == release.kind) {
          EXPECT_EQ(release.call(id), ATTN_OK) << attn_last_error_message();
        }
  }

  WideCall call;
  attn_kernel kernel;
  attn_pool pool;
  attn_plan plan;
  attn_cancellation cancellation;
  attn_cache cache;
};

const char *getName(Kind kind) {
  const char *names[] = {"kernel", "pool", "plan", "cancellation", "cache"};
  return names[static_cast<int>(kind)];
}

class CApiMisuseHandles : public testing::Test {
protected:
  void refusesHandle(const Function &function, const std::string &what,
                     uint64_t id) {
    refuses(std::string(function.name) + ": " + what, ATTN_INVALID_ARGUMENT,
            getName(function.kind), [&] { return function.call(id); });
  }

  Rest rest;
  std::vector<Function> functions = listFunctions(rest);
};

TEST_F(CApiMisuseHandles, Null) {
  for (const Function &function : functions) {
    // Without a pool or a cancellation these calls are right.
    if (function.kind == Kind::pool ||
        (function.kind == Kind::cancellation && function.name[1] == 'o'))
      continue;
    refusesHandle(function, "the null handle", 0);
  }
  for (const Function &release : listReleases())
    EXPECT_EQ(release.call(0), ATTN_OK) << release.name;
}

TEST_F(CApiMisuseHandles, OfAnotherKind) {
  Objects objects;
  for (const std::vector<Function> &list : {functions, listReleases()})
    for (const Function &function : list)
      for (auto [kind, id] : objects.list())
        if (kind != function.kind)
          refusesHandle(function, std::string("one of a ") + getName(kind), id);
  // None of these calls has touched one of them.
  objects.call.expectRuns(objects.plan);
  objects.release();
}

TEST_F(CApiMisuseHandles, ReleasedAndReleasedTwice) {
  Objects objects;
  objects.release();
  for (const std::vector<Function> &list : {functions, listReleases()})
    for (const Function &function : list)
      for (auto [kind, id] : objects.list())
        if (kind == function.kind)
          refusesHandle(function, "a released one", id);
  // Nor when there are others in the same places.
  Objects others;
  for (const std::vector<Function> &list : {functions, listReleases()})
    for (const Function &function : list)
      for (auto [kind, id] : objects.list())
        if (kind == function.kind)
          refusesHandle(function, "a released one beside a new one", id);
  others.release();
}

TEST_F(CApiMisuseHandles, Guessed) {
  Objects objects;
  for (const std::vector<Function> &list : {functions, listReleases()})
    for (const Function &function : list)
      for (auto [kind, id] : objects.list())
        if (kind == function.kind) {
          refusesHandle(function, "the next number", id + 1);
          refusesHandle(function, "the last number", UINT64_MAX);
          refusesHandle(function, "the next generation",
                        id + (uint64_t(1) << 32));
        }
  objects.call.expectRuns(objects.plan);
  objects.release();
}
} // namespace
