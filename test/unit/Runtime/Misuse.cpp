//===- Misuse.cpp - calls of the C interface that have to be refused ------===//

#include "Misuse.h"

#include <set>
#include <sys/wait.h>
#include <unistd.h>

using namespace attn;
using namespace attn::test;

namespace {
/// The least that a whole run has to have seen.
constexpr size_t leastCases = 900;

std::set<std::string> &getNames() {
  static std::set<std::string> names;
  return names;
}

/// Counts when all tests are over; some of them, chosen by hand, are not
/// enough and need not be.
class CaseCount : public testing::Environment {
  void TearDown() override {
    size_t count = getNames().size();
    testing::Test::RecordProperty("misuse_cases", static_cast<int>(count));
    std::printf("misuse: %zu distinct cases\n", count);
    if (testing::GTEST_FLAG(filter) == "*") {
      EXPECT_GE(count, leastCases);
    }
  }
};

const testing::Environment *const caseCount =
    testing::AddGlobalTestEnvironment(new CaseCount);
} // namespace

void test::refuses(const std::string &name, attn_status expected,
                   const std::string &about,
                   const std::function<attn_status()> &call) {
  SCOPED_TRACE(name);
  EXPECT_TRUE(getNames().insert(name).second) << "two cases have this name";
  attn_pool none = {poison};
  ASSERT_EQ(attn_pool_create(-4711, &none), ATTN_INVALID_ARGUMENT);
  const std::string before = attn_last_error_message();

  attn_status status = call();
  std::string feature = attn_last_error_feature(),
              reason = attn_last_error_reason(),
              alternative = attn_last_error_alternative(),
              message = attn_last_error_message();
  EXPECT_EQ(status, expected) << message;
  EXPECT_EQ(attn_last_error_code(), status);
  EXPECT_NE(message, before) << "no error was left";
  EXPECT_EQ(message, feature + ": " + reason + "; " + alternative);
  EXPECT_FALSE(feature.empty() || reason.empty() || alternative.empty())
      << message;
  for (unsigned char c : message)
    EXPECT_TRUE(c >= ' ' && c != 0x7f) << message;
  EXPECT_NE(message.find(about), std::string::npos)
      << message << "\n  does not say: " << about;
}

Artifact test::makeWideArtifact() {
  using Argument = Manifest::Argument;
  using Access = Argument::Access;
  Artifact artifact = makeRowSumArtifact();
  Manifest &manifest = artifact.manifest;
  manifest.ranks.push_back({"E", 8});
  manifest.ranks.push_back({"M", std::nullopt, 16});
  for (Argument argument :
       {Argument::tensor("p", Access::write, DType::f32, {"B"}),
        Argument::tensor("u", Access::update, DType::f32, {"N"}),
        Argument::tensor("e", Access::read, DType::bf16, {"E"}),
        Argument::tensor("f", Access::read, DType::u8, {int64_t(4)}),
        Argument::tensor("m", Access::read, DType::i64, {"M"}),
        Argument::scalar("n", DType::i32), Argument::scalar("big", DType::i64),
        Argument::scalar("d", DType::f64)})
    manifest.arguments.push_back(argument);
  return artifact;
}

attn_kernel test::loadFromMemory(const Artifact &artifact) {
  attn_kernel kernel;
  std::string bytes = *artifact.serialize();
  EXPECT_EQ(attn_kernel_load_memory(bytes.data(), bytes.size(), &kernel),
            ATTN_OK)
      << attn_last_error_message();
  return kernel;
}

WideCall::WideCall() : kernel(loadFromMemory(makeWideArtifact())) {
  x.data = {1, 2, 3, 4, 5, 6};
  e.shape = {8};
  e.view.dtype = {kDLBfloat, 16, 1};
  f.shape = {4};
  f.view.dtype = {kDLUInt, 8, 1};
  m.shape = {3};
  m.view.dtype = {kDLInt, 64, 1};
  arguments = {{"x", ATTN_TENSOR, &x.view, 0, 0.0},
               {"scale", ATTN_REAL, nullptr, 0, 0.5},
               {"o", ATTN_TENSOR, &o.view, 0, 0.0},
               {"p", ATTN_TENSOR, &p.view, 0, 0.0},
               {"u", ATTN_TENSOR, &u.view, 0, 0.0},
               {"e", ATTN_TENSOR, &e.view, 0, 0.0},
               {"f", ATTN_TENSOR, &f.view, 0, 0.0},
               {"m", ATTN_TENSOR, &m.view, 0, 0.0},
               {"n", ATTN_INTEGER, nullptr, 7, 0.0},
               {"big", ATTN_INTEGER, nullptr, 8, 0.0},
               {"d", ATTN_REAL, nullptr, 0, 9.0}};
}

WideCall::~WideCall() { EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK); }

attn_argument &WideCall::get(const std::string &name) {
  for (attn_argument &argument : arguments)
    if (name == argument.name)
      return argument;
  ADD_FAILURE() << "no argument " << name;
  return arguments[0];
}

void WideCall::expectRuns(attn_plan plan) {
  o.data = {0, 0};
  EXPECT_EQ(attn_plan_run(plan), ATTN_OK) << attn_last_error_message();
  EXPECT_EQ(o.data, (std::vector<float>{7.5f, 3.0f}));
}

void WideCall::expectWorks() {
  attn_plan plan;
  ASSERT_EQ(prepare(&plan), ATTN_OK) << attn_last_error_message();
  expectRuns(plan);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

int test::runForked(const std::function<int()> &body) {
  pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
