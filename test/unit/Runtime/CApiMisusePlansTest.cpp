//===- CApiMisusePlansTest.cpp - arguments and options of plans -----------===//

#include "Misuse.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace attn;
using namespace attn::test;

namespace {
/// The plan that a call prepares, a case of which is expected to be refused.
void refusesPrepare(const std::string &name, const std::string &about,
                    WideCall &call,
                    attn_status expected = ATTN_INVALID_ARGUMENT,
                    const attn_plan_options *options = nullptr) {
  refusesToMake<attn_plan>(
      "prepare: " + name, expected, about,
      [&](attn_plan *made) { return call.prepare(made, options); });
}

TEST(CApiMisusePlans, NullPointers) {
  WideCall call;
  refusesToMake<attn_plan>("prepare: arguments of NULL", ATTN_INVALID_ARGUMENT,
                           "argument", [&](attn_plan *made) {
                             return attn_plan_prepare(call.kernel, nullptr, 11,
                                                      nullptr, made);
                           });
  refuses("prepare: plan of NULL", ATTN_INVALID_ARGUMENT, "plan",
          [&] { return call.prepare(nullptr); });
  attn_plan plan;
  ASSERT_EQ(call.prepare(&plan), ATTN_OK);
  refuses("rebind: arguments of NULL", ATTN_INVALID_ARGUMENT, "argument",
          [&] { return attn_plan_rebind(plan, nullptr, 1); });
  call.expectRuns(plan);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

TEST(CApiMisusePlans, Addresses) {
  WideCall call;
  attn_plan plan;
  ASSERT_EQ(call.prepare(&plan), ATTN_OK);
  std::vector<const void *> right;
  for (const attn_argument &argument : call.arguments)
    if (argument.kind == ATTN_TENSOR)
      right.push_back(argument.tensor->data);
  auto move = [&](const std::string &name, const std::string &about,
                  const std::vector<const void *> &data, size_t count) {
    refuses("move: " + name, ATTN_INVALID_ARGUMENT, about,
            [&] { return attn_plan_move(plan, data.data(), count); });
    refuses("launch at: " + name, ATTN_INVALID_ARGUMENT, about, [&] {
      return attn_plan_launch_at(plan, data.data(), count, nullptr);
    });
    call.expectRuns(plan);
  };
  refuses("move: addresses of NULL", ATTN_INVALID_ARGUMENT, "addresses",
          [&] { return attn_plan_move(plan, nullptr, right.size()); });
  for (size_t count : {size_t(0), size_t(1), right.size() - 1})
    move(std::to_string(count) + " addresses", "addresses", right, count);
  for (size_t i = 0; i < right.size(); ++i) {
    auto wrong = right;
    wrong[i] = nullptr;
    move("NULL for tensor " + std::to_string(i), "null", wrong, wrong.size());
    wrong[i] = reinterpret_cast<const void *>(UINTPTR_MAX - 7);
    move("the end of memory for tensor " + std::to_string(i), "argument", wrong,
         wrong.size());
  }
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

TEST(CApiMisusePlans, Names) {
  const std::string huge(1 << 20, 'y');
  for (const char *name :
       {"", "X", "x ", "xx", "B", "workspace", "x\n", "\xff\xfe",
        static_cast<const char *>(nullptr), huge.c_str()}) {
    WideCall call;
    attn_plan plan;
    ASSERT_EQ(call.prepare(&plan), ATTN_OK);
    std::string text = !name                   ? "NULL"
                       : std::strlen(name) > 9 ? "huge"
                                               : "'" + std::string(name) + "'";
    call.arguments[0].name = name;
    refusesPrepare("the name " + text, "argument", call);
    refuses("rebind: the name " + text, ATTN_INVALID_ARGUMENT, "argument",
            [&] { return attn_plan_rebind(plan, call.arguments.data(), 1); });
    call.expectRuns(plan);
    EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  }
}

TEST(CApiMisusePlans, MissingAndDoubleArguments) {
  WideCall all;
  for (size_t i = 0; i < all.arguments.size(); ++i) {
    std::string name = all.arguments[i].name;
    WideCall missing;
    missing.arguments.erase(missing.arguments.begin() + i);
    refusesPrepare("without " + name, "argument " + name, missing);
    WideCall twice;
    twice.arguments.push_back(twice.arguments[i]);
    refusesPrepare("with " + name + " twice", "argument " + name, twice);
    WideCall instead;
    instead.arguments[i] = instead.arguments[(i + 1) % 11];
    refusesPrepare("with another one for " + name, "argument", instead);
  }
  WideCall none;
  none.arguments.clear();
  refusesPrepare("without arguments", "argument", none);
  attn_plan plan;
  ASSERT_EQ(all.prepare(&plan), ATTN_OK);
  attn_argument twice[] = {all.arguments[0], all.arguments[0]};
  refuses("rebind: x twice", ATTN_INVALID_ARGUMENT, "argument x",
          [&] { return attn_plan_rebind(plan, twice, 2); });
  all.expectRuns(plan);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

TEST(CApiMisusePlans, Kinds) {
  for (int kind : {3, -1, 256, std::numeric_limits<int32_t>::max(),
                   std::numeric_limits<int32_t>::min()})
    for (const char *name : {"x", "scale"}) {
      WideCall call;
      call.get(name).kind = kind;
      refusesPrepare(std::string(name) + " of kind " + std::to_string(kind),
                     std::string("argument ") + name, call);
    }
  struct {
    const char *name;
    int kind;
  } others[] = {{"x", ATTN_INTEGER},    {"x", ATTN_REAL},   {"o", ATTN_INTEGER},
                {"scale", ATTN_TENSOR}, {"n", ATTN_TENSOR}, {"n", ATTN_REAL},
                {"big", ATTN_REAL}};
  for (const auto &other : others) {
    WideCall call;
    // Where a scalar is said to be a tensor, with one and without.
    call.get(other.name).kind = other.kind;
    refusesPrepare(std::string(other.name) + " as kind " +
                       std::to_string(other.kind),
                   std::string("argument ") + other.name, call);
  }
  WideCall call;
  call.get("scale").kind = ATTN_TENSOR;
  call.get("scale").tensor = &call.x.view;
  refusesPrepare("a tensor for a scalar", "argument scale", call);
  WideCall null;
  null.get("x").tensor = nullptr;
  refusesPrepare("a tensor of NULL", "argument x", null);
  attn_plan plan;
  null.get("x").tensor = &null.x.view;
  ASSERT_EQ(null.prepare(&plan), ATTN_OK);
  attn_argument argument = {"x", ATTN_TENSOR, nullptr, 0, 0.0};
  refuses("rebind: a tensor of NULL", ATTN_INVALID_ARGUMENT, "argument x",
          [&] { return attn_plan_rebind(plan, &argument, 1); });
  argument = {"x", ATTN_INTEGER, nullptr, 1, 0.0};
  refuses("rebind: an integer for a tensor", ATTN_INVALID_ARGUMENT,
          "argument x", [&] { return attn_plan_rebind(plan, &argument, 1); });
  argument = {"scale", ATTN_REAL, nullptr, 0, 0.25};
  refuses("rebind: a scalar", ATTN_INVALID_ARGUMENT, "argument scale",
          [&] { return attn_plan_rebind(plan, &argument, 1); });
  argument = {"x", 17, &null.x.view, 0, 0.0};
  refuses("rebind: kind 17", ATTN_INVALID_ARGUMENT, "argument x",
          [&] { return attn_plan_rebind(plan, &argument, 1); });
  null.expectRuns(plan);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

TEST(CApiMisusePlans, IntegersOutOfRange) {
  for (int64_t value : {int64_t(1) << 31, -(int64_t(1) << 31) - 1,
                        std::numeric_limits<int64_t>::max(),
                        std::numeric_limits<int64_t>::min()}) {
    WideCall call;
    call.get("n").integer = value;
    refusesPrepare("an i32 of " + std::to_string(value), "argument n", call);
  }
}

// Reals have no range: what is not a number is passed on as it is.
TEST(CApiMisusePlans, RealsOfAnyValue) {
  for (double value : {std::numeric_limits<double>::quiet_NaN(),
                       std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::infinity()}) {
    WideCall call;
    call.get("scale").real = value;
    attn_plan plan;
    ASSERT_EQ(call.prepare(&plan), ATTN_OK) << attn_last_error_message();
    EXPECT_EQ(attn_plan_run(plan), ATTN_OK);
    EXPECT_FALSE(std::isfinite(call.o.data[0]));
    EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  }
}

TEST(CApiMisusePlans, Options) {
  WideCall call;
  struct {
    attn_plan_options known;
    unsigned char later[64];
  } options;
  auto refusesSize = [&](size_t size, attn_status expected,
                         const std::string &name) {
    options.known.struct_size = size;
    refusesPrepare("options " + name, "options", call, expected,
                   &options.known);
  };
  std::memset(&options, 0, sizeof(options));
  for (size_t size : {size_t(0), size_t(1), size_t(7)})
    refusesSize(size, ATTN_INVALID_ARGUMENT,
                "of " + std::to_string(size) + " bytes");
  // Of a later version, if they are right; what follows the struct is not read.
  for (size_t size : {SIZE_MAX, SIZE_MAX / 2, size_t(1) << 32})
    refusesSize(size, ATTN_UNSUPPORTED,
                "of " + std::to_string(size) + " bytes");
  // A later member that is used, wherever it stands.
  for (size_t place : {size_t(0), size_t(1), size_t(31), size_t(63)}) {
    std::memset(&options, 0, sizeof(options));
    options.later[place] = 1;
    refusesSize(sizeof(options), ATTN_UNSUPPORTED,
                "with byte " + std::to_string(place) +
                    " of a later version's members");
  }
  call.expectWorks();
}

TEST(CApiMisusePlans, PoolsThatAreNone) {
  WideCall call;
  attn_plan_options options = {sizeof(options), {call.kernel.id}, 0};
  refusesPrepare("a kernel as pool", "pool", call, ATTN_INVALID_ARGUMENT,
                 &options);
  options.pool = {0x1234};
  refusesPrepare("a guessed pool", "pool", call, ATTN_INVALID_ARGUMENT,
                 &options);
  ASSERT_EQ(attn_pool_create(1, &options.pool), ATTN_OK);
  ASSERT_EQ(attn_pool_release(options.pool), ATTN_OK);
  refusesPrepare("a released pool", "pool", call, ATTN_INVALID_ARGUMENT,
                 &options);
  call.expectWorks();
}

TEST(CApiMisusePlans, LaunchOnACpu) {
  WideCall call;
  attn_plan plan;
  ASSERT_EQ(call.prepare(&plan), ATTN_OK);
  int stream = 0;
  refuses("launch: a plan of the CPU", ATTN_UNSUPPORTED, "launch",
          [&] { return attn_plan_launch(plan, nullptr); });
  refuses("launch: a plan of the CPU on a stream", ATTN_UNSUPPORTED, "launch",
          [&] { return attn_plan_launch(plan, &stream); });
  call.expectRuns(plan);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}
} // namespace
