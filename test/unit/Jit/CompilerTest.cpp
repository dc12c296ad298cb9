//===- CompilerTest.cpp - a compiler that others may end -----------------===//

#include "attn/Jit/Compiler.h"
#include "RowSum.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>

using namespace attn;
using namespace attn::test;
namespace fs = std::filesystem;

namespace {
class CompilerTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "attn-jit-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    ASSERT_TRUE(makeRowSumArtifact().writeFile(root + "/rowsum.attn").isOk());
    bytes = *makeRowSumArtifact().serialize();
  }
  void TearDown() override { fs::remove_all(root); }

  /// A program that adds a line to `calls` and goes on as `script` says.
  std::unique_ptr<Compiler> create(const std::string &script,
                                   std::unique_ptr<Cache> cache = nullptr) {
    std::string path = root + "/attn-compile";
    std::ofstream(path) << "#!/bin/sh\ncd " << root
                        << "\necho \"$@\" >> calls\n"
                        << script << "\n";
    fs::permissions(path, fs::perms::owner_all);
    return std::make_unique<Compiler>(path, cache ? std::move(cache)
                                                  : Cache::createInMemory());
  }

  size_t countCalls() const {
    std::ifstream file(root + "/calls");
    std::string line;
    size_t count = 0;
    while (std::getline(file, line))
      ++count;
    return count;
  }

  std::string root, bytes;
};

/// A request with limits of its own.
CompileRequest makeRequest(std::string program = "causal") {
  CompileRequest request;
  request.program = std::move(program);
  request.options = {"--dtype=bf16"};
  return request;
}

TEST_F(CompilerTest, GivesTheProgramAndKeepsTheKernel) {
  auto compiler = create("cat > input; cat rowsum.attn");
  std::string text = "cascade\n" + std::string(1 << 20, 'x') + "\n";
  for (int i = 0; i < 2; ++i) {
    auto kernel = compiler->compile(makeRequest(text));
    ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
    EXPECT_EQ(**kernel, bytes);
  }
  EXPECT_EQ(countCalls(), 1u);
  std::ifstream file(root + "/input");
  std::string given{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(given, text);
  std::ifstream calls(root + "/calls");
  std::string words;
  std::getline(calls, words);
  EXPECT_EQ(words, "- --dtype=bf16 --emit=artifact -o - --refusal=json");
}

TEST_F(CompilerTest, OutlivesAProgramThatDoesNotRead) {
  // Far more than a socket holds: writing to it would raise SIGPIPE.
  auto compiler = create("exec < /dev/null; cat rowsum.attn");
  auto kernel = compiler->compile(makeRequest(std::string(8 << 20, '\n')));
  ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
}

TEST_F(CompilerTest, GivesRefusalsAsData) {
  auto compiler = create(
      "echo 'noise' >&2\n"
      "echo 'loc(\"s\"(\"my.py\":7:3)): error: expects so, but got such' >&2\n"
      "echo '{\"code\":3,\"feature\":\"compile\",\"reason\":\"no\","
      "\"alternative\":\"see the message above\"}' >&2\nexit 2");
  Status status = compiler->compile(makeRequest()).takeStatus();
  EXPECT_EQ(status.getCode(), StatusCode::unsupported);
  EXPECT_EQ(status.getFeature(), "my.py:7:3");
  EXPECT_EQ(status.getReason(), "expects so, but got such");
  // Not kept: the next call asks again.
  compiler =
      create("echo '{\"code\":1,\"feature\":\"--dtype\",\"reason\":\"r\","
             "\"alternative\":\"a\"}' >&2; exit 2");
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(compiler->compile(makeRequest()).getStatus().message(),
              "--dtype: r; a");
  EXPECT_EQ(countCalls(), 3u);
}

TEST_F(CompilerTest, OutlivesACrash) {
  for (const char *script :
       {"kill -SEGV $$", "kill -ABRT $$", "exit 0", "head -c 100 rowsum.attn",
        "head -c 100 rowsum.attn; kill -KILL $$", "exit 77",
        "echo '{\"code\":99}' >&2; exit 2", "echo '{' >&2; exit 2"}) {
    auto kernel = create(script)->compile(makeRequest());
    EXPECT_FALSE(kernel.isOk()) << script;
  }
  EXPECT_EQ(
      create("kill -SEGV $$")->compile(makeRequest()).getStatus().message(),
      "attn-compile: expects to compile, but ended by signal 11; report "
      "it with the program");
}

TEST_F(CompilerTest, EndsWhenItsTimeIsOver) {
  // With a process of its own that has to end as well.
  auto compiler = create("sleep 100 & echo $! > sleeper; wait");
  CompileRequest request = makeRequest();
  request.limits.timeMs = 300;
  Status status = compiler->compile(request).takeStatus();
  EXPECT_EQ(status.getCode(), StatusCode::resourceExhausted);
  EXPECT_EQ(status.getReason(), "expects to end within 300 ms, but has not");
  pid_t sleeper = 0;
  std::ifstream(root + "/sleeper") >> sleeper;
  ASSERT_GT(sleeper, 0);
  for (int i = 0; i < 500 && kill(sleeper, 0) == 0; ++i) {
    // A zombie until whoever adopted it looks.
    std::ifstream stat("/proc/" + std::to_string(sleeper) + "/stat");
    std::string word, name, state;
    if (stat >> word >> name >> state && state == "Z")
      return;
    usleep(10000);
  }
  EXPECT_NE(kill(sleeper, 0), 0);
}

TEST_F(CompilerTest, EndsWhenItIsTakenBack) {
  auto compiler = create("sleep 100");
  CompileRequest request = makeRequest();
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  request.limits.cancelled = cancelled;
  std::thread canceller([&] {
    usleep(100000);
    *cancelled = true;
  });
  EXPECT_EQ(compiler->compile(request).getStatus().getCode(),
            StatusCode::cancelled);
  canceller.join();
}

TEST_F(CompilerTest, KeepsToItsMemory) {
  auto compiler = create("x=$(head -c 300000000 /dev/zero | tr '\\0' x) || "
                         "kill -ABRT $$\ncat rowsum.attn");
  CompileRequest request = makeRequest();
  ASSERT_TRUE(compiler->compile(makeRequest("full")).isOk());
  request.limits.memoryBytes = 64 << 20;
  EXPECT_EQ(compiler->compile(request).getStatus().getCode(),
            StatusCode::resourceExhausted);
}

TEST_F(CompilerTest, LetsOneOfManyThreadsCompile) {
  auto compiler = create("sleep 0.2; cat rowsum.attn");
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 64; ++i)
    threads.emplace_back([&] {
      auto kernel = compiler->compile(makeRequest());
      right += kernel.isOk() && **kernel == bytes;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(right, 64);
  EXPECT_EQ(countCalls(), 1u);
}

TEST_F(CompilerTest, LetsAnotherGoOnWhereOneGivesUp) {
  auto compiler = create("sleep 0.5; cat rowsum.attn");
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  std::thread first([&] {
    CompileRequest request = makeRequest();
    request.limits.cancelled = cancelled;
    EXPECT_EQ(compiler->compile(request).getStatus().getCode(),
              StatusCode::cancelled);
  });
  while (countCalls() == 0)
    usleep(1000);
  std::thread second(
      [&] { EXPECT_TRUE(compiler->compile(makeRequest()).isOk()); });
  // One that waits has limits of its own.
  CompileRequest request = makeRequest();
  request.limits.timeMs = 50;
  EXPECT_EQ(compiler->compile(request).getStatus().getCode(),
            StatusCode::resourceExhausted);
  *cancelled = true;
  first.join();
  second.join();
  EXPECT_EQ(countCalls(), 2u);
}

TEST_F(CompilerTest, RefusesWhatIsNoRequestForAKernel) {
  auto compiler = create("cat rowsum.attn");
  for (const char *program :
       {"", "-", "--help", "/etc/passwd", "../causal", "causal.mlir", "Causal"})
    EXPECT_EQ(compiler->compile(makeRequest(program)).getStatus().getCode(),
              StatusCode::invalidArgument)
        << program;
  for (const char *option :
       {"-o", "x", "", "--", "--emit=so", "--emit", "--report=io", "--help",
        "--tune", "--schedule-table=x", "--dump-stages-to=/tmp",
        "--refusal=text"}) {
    CompileRequest request = makeRequest();
    request.options = {option};
    EXPECT_EQ(compiler->compile(request).getStatus().getCode(),
              StatusCode::invalidArgument)
        << option;
  }
  EXPECT_EQ(countCalls(), 0u);
}

TEST_F(CompilerTest, KeepsKernelsApartByAllThatIsAskedFor) {
  auto compiler = create("cat rowsum.attn");
  CompileRequest request = makeRequest();
  ASSERT_TRUE(compiler->compile(request).isOk());
  request.program = "full";
  ASSERT_TRUE(compiler->compile(request).isOk());
  request.options.push_back("--page=16");
  ASSERT_TRUE(compiler->compile(request).isOk());
  // Neither options nor a text can be taken for the other.
  request.program = "--page=16\n\nfull";
  request.options.pop_back();
  ASSERT_TRUE(compiler->compile(request).isOk());
  EXPECT_EQ(countCalls(), 4u);
}

TEST_F(CompilerTest, FindsAnotherProcessesKernelsOnDisk) {
  create("cat rowsum.attn");
  for (int i = 0; i < 2; ++i) {
    auto cache = Cache::open(root + "/cache");
    ASSERT_TRUE(cache.isOk());
    Compiler compiler(root + "/attn-compile", std::move(*cache));
    ASSERT_TRUE(compiler.compile(makeRequest()).isOk());
  }
  EXPECT_EQ(countCalls(), 1u);
  // Another compiler may make other kernels.
  auto cache = Cache::open(root + "/cache");
  ASSERT_TRUE(cache.isOk());
  ASSERT_TRUE(create("cat rowsum.attn # now", std::move(*cache))
                  ->compile(makeRequest())
                  .isOk());
  EXPECT_EQ(countCalls(), 2u);
}

TEST_F(CompilerTest, FindsTheCompiler) {
  create("");
  std::string path = fs::canonical(root + "/attn-compile");
  const char *before = getenv("ATTN_COMPILE");
  std::string saved = before ? before : "";
  unsetenv("ATTN_COMPILE");
  auto beside = Compiler::find("", root + "/libattn_runtime.so");
  setenv("ATTN_COMPILE", path.c_str(), 1);
  auto named = Compiler::find("", "");
  setenv("ATTN_COMPILE", "/no/such", 1);
  auto absent = Compiler::find("", root + "/libattn_runtime.so");
  auto given = Compiler::find(root + "/attn-compile", "");
  before ? setenv("ATTN_COMPILE", saved.c_str(), 1) : unsetenv("ATTN_COMPILE");
  for (auto *found : {&beside, &named, &given}) {
    ASSERT_TRUE(found->isOk()) << found->getStatus().message();
    EXPECT_EQ(**found, path);
  }
  ASSERT_FALSE(absent.isOk());
  EXPECT_EQ(absent.getStatus().message(),
            "attn-compile: expects the compiler, but it is not at /no/such; "
            "install it, or set ATTN_COMPILE to its path");
}

// Hosts that do not wait for their children, or for all of them.
TEST_F(CompilerTest, WorksWhereTheHostIgnoresChildren) {
  auto compiler = create("echo 'a note' >&2; cat rowsum.attn");
  auto before = signal(SIGCHLD, SIG_IGN);
  auto kernel = compiler->compile(makeRequest());
  auto none = create("echo 'a note' >&2; exit 2")->compile(makeRequest());
  signal(SIGCHLD, before);
  EXPECT_TRUE(kernel.isOk()) << kernel.getStatus().message();
  EXPECT_FALSE(none.isOk());
}
} // namespace
