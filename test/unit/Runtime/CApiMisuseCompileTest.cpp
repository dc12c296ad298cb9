//===- CApiMisuseCompileTest.cpp - compilers and requests that are none ---===//

#include "Misuse.h"
#include "attn-c/Compile.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace attn;
using namespace attn::test;
namespace fs = std::filesystem;

namespace {
/// With a compiler that answers with the row-sum artifact. What is refused does
/// not start it.
class CApiMisuseCompile : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "attn-misuse-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    ASSERT_TRUE(makeRowSumArtifact().writeFile(root + "/rowsum.attn").isOk());
    compiler = write("attn-compile", "echo call >> calls; cat rowsum.attn");
    options.struct_size = sizeof(options);
    options.compiler = compiler.c_str();
    options.cache_directory = "";
  }
  void TearDown() override { fs::remove_all(root); }

  std::string write(const std::string &name, const std::string &script) {
    std::string path = root + "/" + name;
    std::ofstream(path) << "#!/bin/sh\ncd " << root << "\n" << script << "\n";
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }

  void refusesCompile(const std::string &name, attn_status expected,
                      const std::string &about,
                      const char *program = "causal") {
    refusesToMake<attn_kernel>("compile: " + name, expected, about,
                               [&](attn_kernel *kernel) {
                                 return attn_compile(program, &options, kernel);
                               });
    size_t size = 77;
    refuses("compile_artifact: " + name, expected, about, [&] {
      return attn_compile_artifact(program, &options, nullptr, 0, &size);
    });
  }

  bool wasCalled() const { return fs::exists(root + "/calls"); }

  std::string root, compiler;
  attn_compile_options options = {};
};

TEST_F(CApiMisuseCompile, NullPointers) {
  refusesCompile("program of NULL", ATTN_INVALID_ARGUMENT, "program", nullptr);
  refuses("compile: kernel of NULL", ATTN_INVALID_ARGUMENT, "kernel",
          [&] { return attn_compile("causal", &options, nullptr); });
  refuses("compile_artifact: size of NULL", ATTN_INVALID_ARGUMENT, "size", [&] {
    return attn_compile_artifact("causal", &options, nullptr, 0, nullptr);
  });
  size_t size;
  refuses(
      "compile_artifact: bytes of NULL", ATTN_INVALID_ARGUMENT, "bytes", [&] {
        return attn_compile_artifact("causal", &options, nullptr, 100, &size);
      });
  options.num_words = 2;
  refusesCompile("words of NULL", ATTN_INVALID_ARGUMENT, "words");
  const char *words[] = {"--dtype=bf16", nullptr};
  options.words = words;
  refusesCompile("a word of NULL", ATTN_INVALID_ARGUMENT, "words");
  EXPECT_FALSE(wasCalled());
}

TEST_F(CApiMisuseCompile, ProgramsThatAreNone) {
  for (const char *program :
       {"", "-", "-o", "--help", "/etc/passwd", "../causal", "causal.mlir",
        "Causal", "cau sal", "causal;ls", "$(ls)", "\t", "\xc3\xa9"})
    refusesCompile("the program '" + std::string(program) + "'",
                   ATTN_INVALID_ARGUMENT, "", program);
  std::string huge(1 << 20, 'a');
  refusesCompile("a name of a MiB", ATTN_INVALID_ARGUMENT, "program",
                 huge.c_str());
  EXPECT_FALSE(wasCalled());
}

TEST_F(CApiMisuseCompile, WordsThatAreNoOptionsOfKernels) {
  for (const char *word :
       {"", "x", "-", "--", "-o", "-O3", "--emit", "--emit=so", "--help",
        "--report=io", "--tune", "--schedule-table=x", "--dump-stages-to=/tmp",
        "--refusal=text"}) {
    const char *words[] = {"--dtype=bf16", word};
    options.words = words;
    options.num_words = 2;
    refusesCompile("the word '" + std::string(word) + "'",
                   ATTN_INVALID_ARGUMENT, "");
  }
  EXPECT_FALSE(wasCalled());
}

TEST_F(CApiMisuseCompile, Limits) {
  for (int64_t limit : {int64_t(-1), INT64_MIN}) {
    options.time_limit_ms = limit;
    refusesCompile("a time limit of " + std::to_string(limit),
                   ATTN_INVALID_ARGUMENT, "ms");
    options.time_limit_ms = 0;
    options.memory_limit_bytes = limit;
    refusesCompile("a memory limit of " + std::to_string(limit),
                   ATTN_INVALID_ARGUMENT, "bytes");
    options.memory_limit_bytes = 0;
  }
  EXPECT_FALSE(wasCalled());
  // The longest time is as good as none.
  options.time_limit_ms = INT64_MAX;
  attn_kernel kernel;
  EXPECT_EQ(attn_compile("causal", &options, &kernel), ATTN_OK)
      << attn_last_error_message();
  EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
}

TEST_F(CApiMisuseCompile, OptionsOfOtherSizes) {
  for (size_t size : {size_t(0), size_t(7), SIZE_MAX}) {
    options.struct_size = size;
    refusesCompile("options of " + std::to_string(size) + " bytes",
                   size == SIZE_MAX ? ATTN_UNSUPPORTED : ATTN_INVALID_ARGUMENT,
                   "options");
  }
  struct {
    attn_compile_options known;
    uint64_t later;
  } later = {options, 1};
  later.known.struct_size = sizeof(later);
  refusesToMake<attn_kernel>(
      "compile: a later version's member", ATTN_UNSUPPORTED, "options",
      [&](attn_kernel *kernel) {
        return attn_compile("causal", &later.known, kernel);
      });
  EXPECT_FALSE(wasCalled());
}

TEST_F(CApiMisuseCompile, Cancellations) {
  ASSERT_EQ(attn_cancellation_create(&options.cancellation), ATTN_OK);
  ASSERT_EQ(attn_cancellation_cancel(options.cancellation), ATTN_OK);
  refusesCompile("taken back before the call", ATTN_CANCELLED, "");
  ASSERT_EQ(attn_cancellation_release(options.cancellation), ATTN_OK);
  refusesCompile("by a released cancellation", ATTN_INVALID_ARGUMENT,
                 "cancellation");
  EXPECT_FALSE(wasCalled());
}

TEST_F(CApiMisuseCompile, CompilersThatAreNone) {
  auto refusesCompiler = [&](const std::string &name, attn_status expected,
                             const std::string &path,
                             const std::string &about) {
    options.compiler = path.c_str();
    refusesCompile(name, expected, about);
  };
  refusesCompiler("no compiler", ATTN_UNSUPPORTED, "/no/such/attn-compile",
                  "/no/such/attn-compile");
  refusesCompiler("a directory as compiler", ATTN_UNSUPPORTED, root, root);
  std::string plain = write("plain", "cat rowsum.attn");
  fs::permissions(plain, fs::perms::owner_read);
  refusesCompiler("a compiler that is not executable", ATTN_UNSUPPORTED, plain,
                  plain);
  std::ofstream(root + "/noise") << "neither a script nor a program";
  fs::permissions(root + "/noise", fs::perms::owner_all);
  refusesCompiler("a compiler of no format", ATTN_IO, root + "/noise", "noise");
}

TEST_F(CApiMisuseCompile, AnswersThatAreNone) {
  int number = 0;
  auto answers = [&](const std::string &name, attn_status expected,
                     const std::string &script, const std::string &about) {
    std::string path = write("answer" + std::to_string(number++), script);
    options.compiler = path.c_str();
    refusesCompile(name, expected, about);
  };
  answers("a compiler that says nothing", ATTN_CORRUPT, "exit 0", "");
  answers("a compiler that says half", ATTN_CORRUPT, "head -c 99 rowsum.attn",
          "");
  answers("a compiler that says too much", ATTN_CORRUPT,
          "cat rowsum.attn rowsum.attn", "");
  answers("a compiler that crashes", ATTN_UNSUPPORTED, "kill -SEGV $$",
          "signal 11");
  answers("a refusal", ATTN_UNSUPPORTED,
          "echo '{\"code\":3,\"feature\":\"f\",\"reason\":\"r\","
          "\"alternative\":\"a\"}' >&2; exit 2",
          "f: r; a");
  options.time_limit_ms = 100;
  answers("a compiler that never ends", ATTN_RESOURCE_EXHAUSTED, "sleep 100",
          "100 ms");
}

TEST_F(CApiMisuseCompile, CacheDirectoriesThatAreNone) {
  std::ofstream(root + "/file") << "x";
  fs::create_directory(root + "/open");
  fs::permissions(root + "/open", fs::perms::all);
  fs::create_directory(root + "/own");
  fs::permissions(root + "/own", fs::perms::owner_all);
  fs::create_directory_symlink(root + "/own", root + "/link");
  for (const char *name : {"file", "open", "link", "file/below"}) {
    std::string path = root + "/" + name;
    options.cache_directory = path.c_str();
    refusesCompile(std::string("the cache directory ") + name, ATTN_IO, path);
  }
  EXPECT_FALSE(wasCalled());
}

// The other thread's compile is nobody's in the child, which has its own.
TEST_F(CApiMisuseCompile, AForkWhileAnotherThreadCompiles) {
  std::string slow = write("slow", "echo call >> calls; sleep 0.5; "
                                   "cat rowsum.attn");
  options.compiler = slow.c_str();
  std::thread other([&] {
    attn_kernel kernel;
    EXPECT_EQ(attn_compile("causal", &options, &kernel), ATTN_OK);
    EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
  });
  for (int i = 0; i < 10000 && !wasCalled(); ++i)
    usleep(1000);
  EXPECT_EQ(runForked([&] {
              attn_kernel kernel;
              return attn_compile("causal", &options, &kernel);
            }),
            int(ATTN_OK));
  other.join();
}

// Too little room is no mistake: how much there has to be is told.
TEST_F(CApiMisuseCompile, TellsWhatRoomTheArtifactNeeds) {
  std::string bytes = *makeRowSumArtifact().serialize();
  std::string room(bytes.size(), 'x');
  size_t size = 0;
  EXPECT_EQ(attn_compile_artifact("causal", &options, room.data(),
                                  bytes.size() - 1, &size),
            ATTN_OK);
  EXPECT_EQ(size, bytes.size());
  EXPECT_EQ(room, std::string(bytes.size(), 'x'));
  EXPECT_EQ(attn_compile_artifact("causal", &options, room.data(), room.size(),
                                  &size),
            ATTN_OK);
  EXPECT_EQ(room, bytes);
}
} // namespace
