//===- PlanTest.cpp - binding tensors and running -------------------------===//

#include "RowSum.h"

#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <limits>

using namespace attn;
using namespace attn::test;

namespace {
/// One call's arguments, valid until a test edits them.
struct Call {
  FloatTensor x{{3, 4}}, o{{3}};
  std::vector<ArgumentValue> values{ArgumentValue::ofTensor("x", &x.view),
                                    ArgumentValue::ofReal("scale", 2.0),
                                    ArgumentValue::ofTensor("o", &o.view)};

  Call() {
    for (size_t i = 0; i < x.data.size(); ++i)
      x.data[i] = static_cast<float>(i);
  }
  Result<std::unique_ptr<Plan>> prepare() {
    return Plan::prepare(makeRowSumKernel(), values, nullptr);
  }
};

void expectRuns(Call &call, std::vector<float> expected) {
  Result<std::unique_ptr<Plan>> plan = call.prepare();
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(call.o.data, expected);
}

TEST(Plan, Runs) {
  Call call;
  expectRuns(call, {76, 44, 12});
}

TEST(Plan, TakesNullStridesAsCompact) {
  Call call;
  call.x.view.strides = nullptr;
  call.o.view.strides = nullptr;
  expectRuns(call, {76, 44, 12});
}

TEST(Plan, TakesNegativeAndZeroStridesOfInputs) {
  Call call;
  // Rows from last to first, and the row's first element four times.
  call.x.strides = {-4, 0};
  call.x.view.byte_offset = 8 * sizeof(float);
  expectRuns(call, {0, 32, 64});
}

TEST(Plan, TakesIntegersForRealScalars) {
  Call call;
  call.values[1] = ArgumentValue::ofInteger("scale", 3);
  expectRuns(call, {114, 66, 18});
}

TEST(Plan, TakesEmptyTensorsWithoutData) {
  Call call;
  call.x.shape = {3, 0};
  call.x.view.data = nullptr;
  expectRuns(call, {0, 0, 0});
  call.x.shape = {0, 4};
  call.o.shape = {0};
  call.o.view.data = nullptr;
  EXPECT_TRUE(call.prepare().isOk());
}

TEST(Plan, TakesOutputBetweenAnInputsColumns) {
  // Q and O packed in one buffer: neither range nor stride separates them, the
  // column does.
  Call call;
  std::vector<float> packed{0, 1, 2, 3, -1, 4, 5, 6, 7, -1, 8, 9, 10, 11, -1};
  call.x.strides = {5, 1};
  call.x.view.data = packed.data();
  call.o.strides = {5};
  call.o.view.data = packed.data() + 4;
  Result<std::unique_ptr<Plan>> plan = call.prepare();
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(packed, (std::vector<float>{0, 1, 2, 3, 76, 4, 5, 6, 7, 44, 8, 9,
                                        10, 11, 12}));
}

struct Fault {
  const char *name;
  std::function<void(Call &)> make;
  const char *message;
};

std::ostream &operator<<(std::ostream &out, const Fault &fault) {
  return out << fault.name;
}

class PlanRefuses : public testing::TestWithParam<Fault> {};

TEST_P(PlanRefuses, WithBothFacts) {
  Call call;
  GetParam().make(call);
  Result<std::unique_ptr<Plan>> plan = call.prepare();
  ASSERT_FALSE(plan.isOk());
  std::string message = plan.getStatus().message();
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

constexpr int64_t huge = std::numeric_limits<int64_t>::max();

const Fault faults[] = {
    {"MissingArgument", [](Call &c) { c.values.pop_back(); },
     "argument o: expects a value, but got none; kernel rowsum takes x, scale, "
     "o"},
    {"UnknownArgument",
     [](Call &c) { c.values.push_back(ArgumentValue::ofReal("bias", 1)); },
     "kernel rowsum: expects arguments that it has, but got 'bias'"},
    {"TwoValues", [](Call &c) { c.values.push_back(c.values[0]); },
     "argument x: expects one value, but got two"},
    {"ScalarForTensor",
     [](Call &c) { c.values[0] = ArgumentValue::ofReal("x", 1); },
     "argument x: expects a tensor, but got a scalar"},
    {"TensorForScalar",
     [](Call &c) { c.values[1] = ArgumentValue::ofTensor("scale", &c.x.view); },
     "argument scale: expects a scalar, but got a tensor"},
    {"NullTensor", [](Call &c) { c.values[0].tensor = nullptr; },
     "argument x: expects a tensor, but got null"},
    {"ScalarTooLarge", [](Call &c) { c.values[1].real = 1e300; },
     "argument scale: expects a value of f32"},
    {"OtherDevice", [](Call &c) { c.x.view.device.device_type = kDLCUDA; },
     "argument x: expects CPU memory (device type 1), but got device type 2"},
    {"OtherType", [](Call &c) { c.x.view.dtype = {kDLBfloat, 16, 1}; },
     "argument x: expects elements of f32, but got bfloat16"},
    {"OtherCode", [](Call &c) { c.x.view.dtype.code = kDLInt; },
     "expects elements of f32, but got int32"},
    {"UnknownCode", [](Call &c) { c.x.view.dtype.code = 77; },
     "expects elements of f32, but got code 77 32"},
    {"OtherBits", [](Call &c) { c.x.view.dtype.bits = 64; },
     "expects elements of f32, but got float64"},
    {"Lanes", [](Call &c) { c.x.view.dtype.lanes = 4; },
     "expects elements of f32, but got float32x4"},
    {"FewerDimensions", [](Call &c) { c.x.view.ndim = 1; },
     "argument x: expects 2 dimensions, but got 1"},
    {"NegativeDimensions", [](Call &c) { c.x.view.ndim = -2; },
     "argument x: expects 2 dimensions, but got -2"},
    {"NullShape", [](Call &c) { c.x.view.shape = nullptr; },
     "argument x: expects a shape of 2 extents, but got null"},
    {"NegativeExtent", [](Call &c) { c.x.shape[1] = -4; },
     "expects extents of at least 0, but dimension 1 has -4"},
    {"TooManyElements", [](Call &c) { c.x.shape = {huge / 2, 4}; },
     "expects fewer than 2^63 elements"},
    {"TooManyBytes", [](Call &c) { c.x.shape = {huge / 4, 4}; },
     "expects fewer than 2^63 bytes"},
    {"StrideBeyond", [](Call &c) { c.x.strides = {huge / 8, huge / 8}; },
     "expects elements within the address space"},
    {"StrideBelow", [](Call &c) { c.x.strides = {-huge / 16, 1}; },
     "expects elements within the address space"},
    {"OffsetBeyond", [](Call &c) { c.x.view.byte_offset = ~uint64_t(0); },
     "expects a byte offset within the address space"},
    {"NullData", [](Call &c) { c.x.view.data = nullptr; },
     "argument x: expects data for its elements, but got null"},
    {"Misaligned", [](Call &c) { c.x.view.byte_offset = 2; },
     "expects data aligned to its elements of 4 bytes, but its address is 2"},
    {"ExtentsDisagree", [](Call &c) { c.o.shape[0] = 2; },
     "argument o: expects dimension 0 to be 3 (B, as in dimension 0 of x), but "
     "got 2"},
    {"OutputBroadcast", [](Call &c) { c.o.strides[0] = 0; },
     "argument o: expects an output whose elements lie apart"},
    {"OutputIsInput", [](Call &c) { c.o.view.data = c.x.data.data(); },
     "argument o: expects an output apart from all other arguments, but it may "
     "share memory with x"},
    {"OutputAtInputsEnd", [](Call &c) { c.o.view.data = c.x.data.data() + 11; },
     "may share memory with x"}};

INSTANTIATE_TEST_SUITE_P(Table, PlanRefuses, testing::ValuesIn(faults),
                         [](const auto &info) { return info.param.name; });

TEST(Plan, RebindsToOtherMemory) {
  Call call;
  Result<std::unique_ptr<Plan>> plan = call.prepare();
  ASSERT_TRUE(plan.isOk());
  FloatTensor other({3, 4});
  other.data.assign(12, 1.0f);
  other.data[0] = 5.0f;
  ArgumentValue value = ArgumentValue::ofTensor("x", &other.view);
  ASSERT_TRUE((*plan)->rebind(&value, 1).isOk());
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(call.o.data, (std::vector<float>{8, 8, 16}));
}

TEST(Plan, MovesToOtherMemory) {
  Call call;
  Result<std::unique_ptr<Plan>> plan = call.prepare();
  ASSERT_TRUE(plan.isOk());
  FloatTensor x({3, 4}), o({3});
  x.data.assign(12, 1.0f);
  x.data[0] = 5.0f;
  const void *data[] = {x.data.data(), o.data.data()};
  ASSERT_TRUE((*plan)->move(data, 2).isOk());
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(o.data, (std::vector<float>{8, 8, 16}));
  // A refusal changes nothing.
  const void *shared[] = {o.data.data(), o.data.data()};
  EXPECT_NE((*plan)->move(shared, 2).message().find("share memory with x"),
            std::string::npos);
  const void *absent[] = {nullptr, o.data.data()};
  EXPECT_EQ((*plan)->move(absent, 2).message(),
            "argument x: expects data for its elements, but got null; give the "
            "address of the data");
  const void *odd[] = {reinterpret_cast<const char *>(x.data.data()) + 1,
                       o.data.data()};
  EXPECT_NE((*plan)->move(odd, 2).message().find("expects data aligned"),
            std::string::npos);
  const void *beyond[] = {reinterpret_cast<const void *>(UINTPTR_MAX - 3),
                          o.data.data()};
  EXPECT_NE((*plan)->move(beyond, 2).message().find("within the address space"),
            std::string::npos);
  for (size_t count : {size_t(0), size_t(1), size_t(3)})
    EXPECT_EQ(
        (*plan)->move(data, count).message(),
        "kernel rowsum: expects 2 addresses, one for each tensor, but got " +
            std::to_string(count) +
            "; give those of all tensors, in the order of the manifest");
  o.data.assign(3, 0.0f);
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(o.data, (std::vector<float>{8, 8, 16}));
}

/// A kernel whose tiles have room for so many: more would be left out.
TEST(Plan, RefusesMoreThanAKernelCovers) {
  Manifest manifest = makeRowSumManifest();
  manifest.ranks[0].most = 2;
  Result<Manifest> parsed = Manifest::parse(manifest.toJson());
  ASSERT_TRUE(parsed.isOk());
  EXPECT_EQ(parsed->ranks[0].most, 2);
  Call call;
  auto plan = Plan::prepare(makeRowSumKernel(*parsed), call.values, nullptr);
  ASSERT_FALSE(plan.isOk());
  EXPECT_EQ(plan.getStatus().message(),
            "argument x: expects dimension 0 (B) to be 2 at the most, but got "
            "3; compile the kernel for more");
}

// After a refusal the plan runs with what it had.
TEST(Plan, RefusedRebindChangesNothing) {
  Call call;
  Result<std::unique_ptr<Plan>> plan = call.prepare();
  ASSERT_TRUE(plan.isOk());
  FloatTensor wide({3, 5}), narrow({3});
  ArgumentValue shape[] = {ArgumentValue::ofTensor("o", &narrow.view),
                           ArgumentValue::ofTensor("x", &wide.view)};
  EXPECT_EQ((*plan)->rebind(shape, 2).message(),
            "argument x: expects dimension 1 to be 4 as when the plan was "
            "prepared, but got 5; prepare another plan");
  ArgumentValue scalar = ArgumentValue::ofReal("scale", 1);
  EXPECT_NE((*plan)->rebind(&scalar, 1).message().find("expects tensors only"),
            std::string::npos);
  narrow.view.data = call.x.data.data() + 2;
  EXPECT_NE((*plan)->rebind(shape, 1).message().find("share memory with x"),
            std::string::npos);
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(call.o.data, (std::vector<float>{76, 44, 12}));
}

/// A one-phase kernel over x[N] with the given expressions.
Result<std::unique_ptr<Plan>> prepareWith(Expr items, Expr workspace,
                                          Expr scratch, Expr parameter,
                                          std::shared_ptr<ThreadPool> pool) {
  static FloatTensor x({6});
  Manifest m = makeRowSumManifest();
  m.ranks = {{"N", std::nullopt}};
  m.arguments = {Manifest::Argument::tensor(
                     "x", Manifest::Argument::Access::read, DType::f32, {"N"}),
                 Manifest::Argument::scalar("k", DType::i32)};
  m.parameters = {Manifest::Parameter::value(std::move(parameter))};
  m.phases = {{"nothing", std::move(items)}};
  m.workspaceBytes = std::move(workspace);
  m.scratchBytes = std::move(scratch);
  KernelFunction nothing = [](const int64_t *, int64_t, int64_t, uint8_t *) {};
  auto kernel =
      Kernel::create(m, [&](const std::string &) { return nothing; }, nullptr);
  EXPECT_TRUE(kernel.isOk()) << kernel.getStatus().message();
  return Plan::prepare(*kernel,
                       {ArgumentValue::ofTensor("x", &x.view),
                        ArgumentValue::ofInteger("k", -7)},
                       std::move(pool));
}

TEST(Plan, RefusesSizesThatCannotBe) {
  Expr n = Expr::name("N"), k = Expr::name("k");
  auto pool = ThreadPool::create(4);
  ASSERT_TRUE(pool.isOk());
  struct {
    Result<std::unique_ptr<Plan>> plan;
    const char *message;
  } cases[] = {
      {prepareWith(n + k, 0, 0, 0, nullptr),
       "items of phase nothing: expects 0 to 2^62 items, but "
       "[\"add\",\"N\",\"k\"] is -1"},
      {prepareWith(n * huge, 0, 0, 0, nullptr), "overflows for operands 6 and"},
      {prepareWith(1, k, 0, 0, nullptr),
       "workspace: expects a number of bytes that fits in 64 bits, but got -7"},
      {prepareWith(1, huge, 0, 0, nullptr), "workspace: expects a number of"},
      {prepareWith(1, huge / 2, 0, 0, nullptr),
       "workspace: expects 4611686018427387904 bytes of memory, but this "
       "machine"},
      {prepareWith(1, 0, huge / 2, 0, *pool),
       "scratch: expects a number of bytes that fits in 64 bits, but got "
       "4611686018427387904 for each of 4 threads"},
      {prepareWith(1, 0, 0, floorDiv(n, n - 6), nullptr),
       "parameter 0: expects a non-zero divisor"}};
  for (const auto &test : cases) {
    ASSERT_FALSE(test.plan.isOk()) << test.message;
    std::string message = test.plan.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
  }
  auto plan = prepareWith(0, 100, 100, 0, *pool);
  ASSERT_TRUE(plan.isOk());
  EXPECT_EQ((*plan)->getMemoryBytes(), 128 + 4 * 128);
}
} // namespace
