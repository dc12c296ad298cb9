//===- CacheTest.cpp - entries kept, damaged, raced for and lost ----------===//

#include "attn/Runtime/Cache.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace attn;
namespace fs = std::filesystem;

namespace {
/// A value for a key that no other key has.
std::string valueOf(const std::string &key) {
  std::string value;
  while (value.size() < 20000)
    value += key + "\n";
  return value;
}

Result<std::string> refuseToBuild() {
  return Status::error(StatusCode::corrupt, "kernel", "cannot be built", "");
}

class CacheTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "attn-cache-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    path = root + "/cache";
  }
  void TearDown() override { fs::remove_all(root); }

  std::unique_ptr<Cache> open() const {
    Result<std::unique_ptr<Cache>> cache = Cache::open(path);
    EXPECT_TRUE(cache.isOk()) << cache.getStatus().message();
    return cache.isOk() ? std::move(*cache) : nullptr;
  }

  /// Asks a new cache for `key`, so that only the directory can know it, and
  /// returns how often it was built.
  int64_t ask(const std::string &key) const {
    std::unique_ptr<Cache> cache = open();
    Result<Cache::Value> value =
        cache->getOrBuild(key, [&] { return valueOf(key); });
    EXPECT_TRUE(value.isOk());
    EXPECT_EQ(**value, valueOf(key));
    return cache->getStatistics().builds;
  }

  /// The one file with an entry.
  std::string getEntryPath() const {
    for (const auto &file : fs::directory_iterator(path))
      if (!file.path().has_extension())
        return file.path();
    return {};
  }

  std::string root, path;
};

TEST_F(CacheTest, BuildsOnceAndKeeps) {
  std::unique_ptr<Cache> cache = open();
  for (int i = 0; i < 3; ++i) {
    Result<Cache::Value> value =
        cache->getOrBuild("key", [] { return std::string("a\0b", 3); });
    ASSERT_TRUE(value.isOk());
    EXPECT_EQ(**value, std::string("a\0b", 3));
  }
  EXPECT_EQ(cache->getStatistics().builds, 1);
  EXPECT_EQ(cache->getStatistics().memoryHits, 2);
  std::unique_ptr<Cache> later = open();
  Result<Cache::Value> value = later->getOrBuild("key", refuseToBuild);
  ASSERT_TRUE(value.isOk());
  EXPECT_EQ(**value, std::string("a\0b", 3));
  EXPECT_EQ(later->getStatistics().diskHits, 1);
  EXPECT_TRUE(cache->getFailure().isOk());
}

TEST_F(CacheTest, KeepsKeysApart) {
  for (std::string key : {"", "a", "b", "ab", "a\nb"})
    EXPECT_EQ(ask(key), 1);
  for (std::string key : {"", "a", "b", "ab", "a\nb"})
    EXPECT_EQ(ask(key), 0);
}

// The name of a file is a hash: what decides is the key within.
TEST_F(CacheTest, ComparesTheWholeKey) {
  EXPECT_EQ(ask("first"), 1);
  std::string name = getEntryPath();
  fs::rename(name, root + "/kept");
  EXPECT_EQ(ask("other"), 1);
  fs::rename(root + "/kept", getEntryPath());
  EXPECT_EQ(ask("other"), 1);
}

TEST_F(CacheTest, DoesNotKeepRefusals) {
  std::unique_ptr<Cache> cache = open();
  Result<Cache::Value> refused = cache->getOrBuild("key", refuseToBuild);
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.getStatus().getReason(), "cannot be built");
  EXPECT_TRUE(cache->getOrBuild("key", [] { return std::string(); }).isOk());
}

TEST_F(CacheTest, TakesTruncationAtEveryLengthAsAMiss) {
  ASSERT_TRUE(
      open()->getOrBuild("key", [] { return std::string(40, 'v'); }).isOk());
  std::string name = getEntryPath();
  for (uintmax_t size = fs::file_size(name); size-- > 0;) {
    fs::resize_file(name, size);
    std::unique_ptr<Cache> cache = open();
    EXPECT_FALSE(cache->getOrBuild("key", refuseToBuild).isOk()) << size;
  }
  EXPECT_EQ(ask("key"), 1);
  EXPECT_EQ(ask("key"), 0);
}

TEST_F(CacheTest, TakesEveryAlteredBitAsAMiss) {
  ASSERT_TRUE(
      open()->getOrBuild("key", [] { return std::string(40, 'v'); }).isOk());
  std::string name = getEntryPath();
  std::ifstream in(name, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (size_t i = 0; i < 8 * bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i / 8] = static_cast<char>(altered[i / 8] ^ (1 << i % 8));
    std::ofstream(name, std::ios::binary) << altered;
    EXPECT_FALSE(open()->getOrBuild("key", refuseToBuild).isOk()) << i;
  }
  std::ofstream(name, std::ios::binary) << bytes + "x";
  EXPECT_EQ(ask("key"), 1);
  EXPECT_EQ(ask("key"), 0);
}

// Whoever can write an entry, or put a link in its place, has code run.
TEST_F(CacheTest, IgnoresEntriesThatOthersCanWrite) {
  EXPECT_EQ(ask("key"), 1);
  std::string name = getEntryPath();
  ASSERT_EQ(chmod(name.c_str(), 0620), 0);
  EXPECT_EQ(ask("key"), 1);
  EXPECT_EQ(ask("key"), 0);
  fs::rename(name, root + "/elsewhere");
  fs::create_symlink(root + "/elsewhere", name);
  EXPECT_EQ(ask("key"), 1);
  EXPECT_FALSE(fs::is_symlink(name));
  fs::remove(name);
  ASSERT_EQ(mkfifo(name.c_str(), 0600), 0);
  EXPECT_EQ(ask("key"), 1);
}

TEST_F(CacheTest, RefusesDirectoriesThatAreNotPrivate) {
  auto messageOf = [&] {
    Result<std::unique_ptr<Cache>> cache = Cache::open(path);
    return cache.isOk() ? "" : cache.getStatus().message();
  };
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  for (unsigned mode : {0750u, 0701u, 0770u, 0777u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_NE(messageOf().find("expects mode 0700, but got 07"),
              std::string::npos);
  }
  ASSERT_EQ(chmod(path.c_str(), 0700), 0);
  EXPECT_EQ(messageOf(), "");
  // Only root can give a directory away.
  if (chown(path.c_str(), 12345, -1) == 0) {
    EXPECT_NE(messageOf().find("but its owner is user 12345; give a directory "
                               "that only its owner can enter"),
              std::string::npos);
  }
  fs::rename(path, root + "/real");
  fs::create_symlink(root + "/real", path);
  EXPECT_NE(messageOf().find("expects a directory that is no symbolic link"),
            std::string::npos);
  fs::remove(path);
  std::ofstream(path) << "file";
  EXPECT_NE(messageOf().find("expects a directory"), std::string::npos);
}

TEST_F(CacheTest, MakesItsDirectoryPrivate) {
  path = root + "/some/where/attn";
  open();
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(CacheTest, FindsItsDirectoryByTheEnvironment) {
  unsetenv("ATTN_CACHE_DIR");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  Result<std::unique_ptr<Cache>> none = Cache::openDefault();
  ASSERT_FALSE(none.isOk());
  EXPECT_NE(none.getStatus().message().find("set ATTN_CACHE_DIR"),
            std::string::npos);
  const std::pair<const char *, std::string> places[] = {
      {"HOME", "/.cache/attn"},
      {"XDG_CACHE_HOME", "/attn"},
      {"ATTN_CACHE_DIR", ""}};
  for (const auto &[variable, rest] : places) {
    std::string value = root + "/" + variable;
    setenv(variable, value.c_str(), 1);
    EXPECT_TRUE(Cache::openDefault().isOk());
    EXPECT_TRUE(fs::is_directory(value + rest)) << variable;
  }
  unsetenv("ATTN_CACHE_DIR");
  unsetenv("XDG_CACHE_HOME");
}

// A full disk, in the form of a limit on this process's files.
TEST_F(CacheTest, KeepsInMemoryWhatCannotBeWritten) {
  std::unique_ptr<Cache> cache = open();
  struct rlimit saved, small;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &saved), 0);
  small = saved;
  small.rlim_cur = 10000;
  auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<Cache::Value> value =
      cache->getOrBuild("key", [] { return valueOf("key"); });
  setrlimit(RLIMIT_FSIZE, &saved);
  signal(SIGXFSZ, handler);
  ASSERT_TRUE(value.isOk());
  EXPECT_EQ(**value, valueOf("key"));
  EXPECT_NE(cache->getFailure().message().find("File too large; make room"),
            std::string::npos);
  EXPECT_EQ(getEntryPath(), "");
  EXPECT_TRUE(cache->getOrBuild("key", refuseToBuild).isOk());
  EXPECT_EQ(ask("key"), 1);
}

// As on a medium that takes no new file: the lock cannot be had.
TEST_F(CacheTest, KeepsInMemoryWhatCannotBeLocked) {
  EXPECT_EQ(ask("key"), 1);
  std::string lock = getEntryPath() + ".lock";
  fs::remove(lock);
  fs::create_directory(lock);
  fs::remove(getEntryPath());
  std::unique_ptr<Cache> cache = open();
  ASSERT_TRUE(cache->getOrBuild("key", [] { return valueOf("key"); }).isOk());
  EXPECT_NE(cache->getFailure().message().find("expects to lock an entry"),
            std::string::npos);
  EXPECT_TRUE(cache->getOrBuild("key", refuseToBuild).isOk());
  EXPECT_EQ(getEntryPath(), "");
}

TEST(Cache, WorksInMemoryAlone) {
  std::unique_ptr<Cache> cache = Cache::createInMemory();
  EXPECT_TRUE(cache->getOrBuild("key", [] { return std::string("v"); }).isOk());
  EXPECT_TRUE(cache->getOrBuild("key", refuseToBuild).isOk());
}

// Threads of one cache and of two that share the directory.
TEST_F(CacheTest, LetsOneThreadBuildAKey) {
  std::unique_ptr<Cache> first = open(), second = open();
  std::atomic<int> builds{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      Cache &cache = i % 2 ? *first : *second;
      for (int k = 0; k < 20; ++k) {
        std::string key = "key " + std::to_string(k);
        Result<Cache::Value> value =
            cache.getOrBuild(key, [&]() -> Result<std::string> {
              ++builds;
              std::this_thread::sleep_for(std::chrono::milliseconds(1));
              return valueOf(key);
            });
        wrong += !value.isOk() || **value != valueOf(key);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(builds, 20);
  EXPECT_EQ(wrong, 0);
}

TEST_F(CacheTest, LetsABuilderAskForOtherKeys) {
  std::unique_ptr<Cache> cache = open();
  Result<Cache::Value> value =
      cache->getOrBuild("outer", [&]() -> Result<std::string> {
        return **cache->getOrBuild("inner", [] { return std::string("i"); }) +
               "o";
      });
  ASSERT_TRUE(value.isOk());
  EXPECT_EQ(**value, "io");
}

/// Runs `body` in a child process, which returns its exit status.
template <typename F> pid_t fork(F body) {
  pid_t child = ::fork();
  if (child == 0)
    _exit(body());
  return child;
}

TEST_F(CacheTest, LetsOneProcessBuildAKey) {
  open();
  std::string builds = root + "/builds";
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i)
    children.push_back(fork([&] {
      Result<std::unique_ptr<Cache>> cache = Cache::open(path);
      if (!cache.isOk())
        return 1;
      for (int k = 0; k < 10; ++k) {
        std::string key = "key " + std::to_string(k);
        Result<Cache::Value> value =
            (*cache)->getOrBuild(key, [&]() -> Result<std::string> {
              std::ofstream(builds, std::ios::app) << 'x';
              usleep(2000);
              return valueOf(key);
            });
        if (!value.isOk() || **value != valueOf(key))
          return 2;
      }
      return 0;
    }));
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(fs::file_size(builds), 10u);
}

// Wherever a writer is killed, each entry is whole or a miss, and the next
// writer is not in the way of what it left.
TEST_F(CacheTest, SurvivesKilledWriters) {
  unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int64_t kept = 0;
  for (int round = 0; round < 1000; ++round) {
    auto keyOf = [&](int k) {
      return std::to_string(round) + "/" + std::to_string(k);
    };
    pid_t child = fork([&] {
      Result<std::unique_ptr<Cache>> cache = Cache::open(path);
      for (int k = 0; cache.isOk(); ++k)
        (void)(*cache)->getOrBuild(keyOf(k), [&] { return valueOf(keyOf(k)); });
      return 1;
    });
    usleep(500 + random() % 5000);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    int64_t built = 0;
    for (int k = 0; built == 0; ++k) {
      built = ask(keyOf(k));
      kept += built == 0;
      EXPECT_EQ(ask(keyOf(k)), 0);
    }
  }
  EXPECT_GT(kept, 0);
}
} // namespace
