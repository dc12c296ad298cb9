//===- CApiHandlesTest.cpp - objects that are gone, or never were --------===//

#include "RowSum.h"
#include "attn-c/Compile.h"
#include "attn-c/KvCache.h"
#include "attn-cpp/Attn.h"

#include <atomic>
#include <gtest/gtest.h>
#include <set>
#include <sys/wait.h>
#include <thread>

using namespace attn;
using namespace attn::test;

namespace {
attn_kernel loadRowSum() {
  static const std::string bytes = *makeRowSumArtifact().serialize();
  attn_kernel kernel;
  EXPECT_EQ(attn_kernel_load_memory(bytes.data(), bytes.size(), &kernel),
            ATTN_OK);
  return kernel;
}

/// Arguments of the row-sum kernel, and their memory.
struct RowSumCall {
  FloatTensor x{{2, 3}}, o{{2}};
  attn_argument arguments[3] = {{"x", ATTN_TENSOR, &x.view, 0, 0.0},
                                {"scale", ATTN_REAL, nullptr, 0, 0.5},
                                {"o", ATTN_TENSOR, &o.view, 0, 0.0}};

  attn_plan prepare(int threads) {
    attn_kernel kernel = loadRowSum();
    attn_plan_options options = {sizeof(options), {}, 0};
    EXPECT_EQ(attn_pool_create(threads, &options.pool), ATTN_OK);
    attn_plan plan;
    EXPECT_EQ(attn_plan_prepare(kernel, arguments, 3, &options, &plan),
              ATTN_OK);
    EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
    EXPECT_EQ(attn_pool_release(options.pool), ATTN_OK);
    return plan;
  }
};

TEST(CApiHandles, AreNeverGivenTwice) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    attn_cancellation object;
    ASSERT_EQ(attn_cancellation_create(&object), ATTN_OK);
    EXPECT_TRUE(seen.insert(object.id).second);
    ASSERT_EQ(attn_cancellation_release(object), ATTN_OK);
    EXPECT_EQ(attn_cancellation_release(object), ATTN_INVALID_ARGUMENT);
  }
  EXPECT_STREQ(attn_last_error_message(),
               "cancellation: expects a handle of one that lives, but got one "
               "that was released; release handles after their last use");
}

TEST(CApiHandles, SayWhatTheyAre) {
  attn_kernel kernel = loadRowSum();
  EXPECT_EQ(attn_plan_run({kernel.id}), ATTN_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error_reason(),
               "expects a handle of one that lives, but got one of a kernel");
  EXPECT_EQ(attn_plan_run({0x1234}), ATTN_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error_reason(),
               "expects a handle of one that lives, but got a number that "
               "nobody was given");
  // The null handle is not an object, but may be released.
  EXPECT_EQ(attn_plan_run({0}), ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_plan_release({0}), ATTN_OK);
  EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
  EXPECT_EQ(attn_kernel_manifest(kernel), nullptr);
}

// Of a million numbers near to and far from a live one, only that one is it.
TEST(CApiHandles, CannotBeGuessed) {
  attn_cancellation object;
  ASSERT_EQ(attn_cancellation_create(&object), ATTN_OK);
  for (int bit = 0; bit < 64; ++bit)
    for (int other = 0; other < 64; ++other) {
      uint64_t id = object.id ^ (uint64_t(1) << bit) ^ (uint64_t(1) << other);
      EXPECT_EQ(attn_cancellation_cancel({id}) == ATTN_OK, id == object.id);
    }
  EXPECT_EQ(attn_cancellation_release(object), ATTN_OK);
}

TEST(CApiHandles, LetAThreadFinishWhatAnotherReleases) {
  RowSumCall call;
  std::atomic<attn_plan> shared{call.prepare(1)};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!stop)
        // Right, in use by another, or released: never anything else.
        switch (attn_plan_run(shared.load())) {
        case ATTN_OK:
        case ATTN_INVALID_ARGUMENT:
          break;
        default:
          ADD_FAILURE() << attn_last_error_message();
        }
    });
  for (int i = 0; i < 200; ++i) {
    attn_plan old = shared.load();
    shared = call.prepare(1);
    EXPECT_EQ(attn_plan_release(old), ATTN_OK);
  }
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(attn_plan_release(shared.load()), ATTN_OK);
}

/// The status of a child process that does `body` and then ends.
template <typename Body> int runForked(Body body) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(CApiHandles, OutliveAForkWithoutThreads) {
  RowSumCall call;
  attn_plan alone = call.prepare(1), team = call.prepare(3);
  ASSERT_EQ(attn_plan_run(team), ATTN_OK);
  EXPECT_EQ(runForked([&] {
              if (attn_plan_run(alone) != ATTN_OK)
                return 1;
              if (attn_plan_run(team) != ATTN_UNSUPPORTED)
                return 2;
              if (std::string(attn_last_error_feature()) != "thread pool")
                return 3;
              // A new team works, and the old one can be let go.
              attn_plan own = call.prepare(3);
              if (attn_plan_run(own) != ATTN_OK)
                return 4;
              return attn_plan_release(team) == ATTN_OK &&
                             attn_plan_release(own) == ATTN_OK
                         ? 0
                         : 5;
            }),
            0);
  EXPECT_EQ(attn_plan_run(team), ATTN_OK);
  EXPECT_EQ(attn_plan_release(team), ATTN_OK);
  EXPECT_EQ(attn_plan_release(alone), ATTN_OK);
}

// While other threads hold the handles' lock again and again.
TEST(CApiHandles, CanBeForkedAtAnyTime) {
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) {
      attn_cancellation object;
      (void)attn_cancellation_create(&object);
      (void)attn_cancellation_release(object);
    }
  });
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(runForked([&] {
                attn_cancellation object;
                return attn_cancellation_create(&object) == ATTN_OK ? 0 : 1;
              }),
              0);
  stop = true;
  busy.join();
}

TEST(CApiHandles, TakeOptionsOfOtherVersions) {
  RowSumCall call;
  attn_kernel kernel = loadRowSum();
  attn_plan plan;
  struct {
    attn_plan_options known;
    uint64_t later[2];
  } options = {};
  // An earlier caller knows the first members only, and what follows its
  // struct is not looked at.
  options.known.struct_size = offsetof(attn_plan_options, sm_margin);
  options.known.sm_margin = 77;
  EXPECT_EQ(attn_plan_prepare(kernel, call.arguments, 3, &options.known, &plan),
            ATTN_OK);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  // A later one may have more, if it does not use it.
  options.known.sm_margin = 0;
  options.known.struct_size = sizeof(options);
  EXPECT_EQ(attn_plan_prepare(kernel, call.arguments, 3, &options.known, &plan),
            ATTN_OK);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  options.later[1] = 1;
  EXPECT_EQ(attn_plan_prepare(kernel, call.arguments, 3, &options.known, &plan),
            ATTN_UNSUPPORTED);
  for (size_t size : {size_t(0), size_t(7), SIZE_MAX}) {
    options.known.struct_size = size;
    EXPECT_NE(
        attn_plan_prepare(kernel, call.arguments, 3, &options.known, &plan),
        ATTN_OK);
    EXPECT_EQ(plan.id, 0u);
  }
  EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
}

TEST(CppApi, OwnsHandles) {
  api::Kernel kernel(loadRowSum());
  attn_kernel handle = kernel.get();
  api::Kernel other = std::move(kernel);
  EXPECT_FALSE(kernel);
  EXPECT_NE(attn_kernel_manifest(handle), nullptr);
  other = api::Kernel();
  EXPECT_EQ(attn_kernel_manifest(handle), nullptr);
  EXPECT_EQ(api::getLastError().code, ATTN_INVALID_ARGUMENT);
}
} // namespace
