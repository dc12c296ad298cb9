//===- FileTest.cpp - files that are no files stay what they are ----------===//

#include "attn/Runtime/File.h"

#include "gtest/gtest.h"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn;

// As root, `attn-compile -o /dev/null` once left a file in the device's place.
TEST(File, LeavesADeviceInItsPlace) {
  std::string path =
      ::testing::TempDir() + "attn-pipe" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_TRUE(replaceFile(path, "bytes").isOk());
  char bytes[8] = {};
  EXPECT_EQ(read(reader, bytes, sizeof(bytes)), 5);
  EXPECT_STREQ(bytes, "bytes");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  close(reader);
  std::filesystem::remove(path);
}

TEST(File, SaysWhatADeviceRefuses) {
  if (!std::filesystem::is_character_file("/dev/full"))
    GTEST_SKIP() << "no /dev/full";
  Status status = replaceFile("/dev/full", "bytes");
  EXPECT_EQ(status.getCode(), StatusCode::io);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

// A header without its library would be worse than neither.
TEST(File, WritesFilesThatBelongTogetherOrNone) {
  std::string folder =
      ::testing::TempDir() + "attn-files" + std::to_string(getpid());
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  std::string first = folder + "/x.so", second = folder + "/x.h";
  EXPECT_FALSE(replaceFiles({{first, "code"}, {folder, "header"}}).isOk());
  EXPECT_FALSE(
      replaceFiles({{folder + "/no/x.so", "code"}, {second, "header"}}).isOk());
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_TRUE(replaceFiles({{first, "code"}, {second, "header"}}).isOk());
  EXPECT_EQ(*readFile(first), "code");
  EXPECT_EQ(*readFile(second), "header");
  std::filesystem::remove_all(folder);
}
