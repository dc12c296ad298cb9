//===- ArtifactTest.cpp - artifacts whole, cut and altered ----------------===//

#include "RowSum.h"

#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn;
using namespace attn::test;

namespace {
std::string serialize(const Artifact &artifact) {
  Result<std::string> bytes = artifact.serialize();
  EXPECT_TRUE(bytes.isOk());
  return bytes.isOk() ? *bytes : std::string();
}

/// A directory of its own for each test.
class ArtifactFile : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "attn-artifact-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory = name;
    path = directory + "/rowsum.attn";
  }
  void TearDown() override {
    for (const std::string &entry : list())
      std::remove((directory + "/" + entry).c_str());
    rmdir(directory.c_str());
  }
  std::vector<std::string> list() const {
    std::vector<std::string> entries;
    DIR *dir = opendir(directory.c_str());
    while (const dirent *entry = readdir(dir))
      if (entry->d_name[0] != '.')
        entries.push_back(entry->d_name);
    closedir(dir);
    return entries;
  }

  std::string directory, path;
};

TEST(Artifact, ReadsWhatItWrites) {
  Artifact artifact = makeRowSumArtifact();
  artifact.payloads.push_back({Artifact::PayloadKind::sharedObject, ""});
  std::string bytes = serialize(artifact);
  Result<Artifact> read = Artifact::deserialize(bytes, "test");
  ASSERT_TRUE(read.isOk()) << read.getStatus().message();
  EXPECT_EQ(read->manifest.toJson(), artifact.manifest.toJson());
  ASSERT_EQ(read->payloads.size(), 2u);
  EXPECT_EQ(read->payloads[0].bytes, artifact.payloads[0].bytes);
  EXPECT_EQ(serialize(*read), bytes);
}

// The checksums cover every byte.
TEST(Artifact, RefusesEveryAlteredByte) {
  Artifact artifact{makeRowSumManifest(),
                    {{Artifact::PayloadKind::sharedObject, "machine code"}}};
  std::string bytes = serialize(artifact);
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int flip : {0x01, 0x80, 0xff}) {
      std::string altered = bytes;
      altered[i] = static_cast<char>(altered[i] ^ flip);
      Result<Artifact> read = Artifact::deserialize(altered, "test");
      ASSERT_FALSE(read.isOk()) << "byte " << i;
      EXPECT_FALSE(read.getStatus().getReason().empty());
    }
}

TEST(Artifact, RefusesEveryTruncationAndExtension) {
  Artifact artifact{makeRowSumManifest(),
                    {{Artifact::PayloadKind::sharedObject, "machine code"}}};
  std::string bytes = serialize(artifact);
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(
        Artifact::deserialize(std::string_view(bytes).substr(0, size), "test")
            .isOk())
        << size;
  Result<Artifact> longer = Artifact::deserialize(bytes + "x", "test");
  ASSERT_FALSE(longer.isOk());
  EXPECT_NE(longer.getStatus().message().find("1 more bytes follow"),
            std::string::npos);
}

TEST(Artifact, NamesWhatIsWrong) {
  std::string bytes = serialize(
      {makeRowSumManifest(), {{Artifact::PayloadKind(7), "machine code"}}});
  auto messageOf = [](const std::string &text) {
    Result<Artifact> read = Artifact::deserialize(text, "f.attn");
    return read.isOk() ? "" : read.getStatus().message();
  };
  EXPECT_EQ(messageOf("ATT"), "f.attn: expects 16 bytes of the header, but "
                              "only 3 are left; compile the kernel again");
  EXPECT_NE(messageOf("#!/bin/sh\necho hello").find("this is no artifact"),
            std::string::npos);
  std::string later = bytes;
  later[7] = 2;
  EXPECT_NE(messageOf(later).find("expects format version 1, but got 2"),
            std::string::npos);
  std::string altered = bytes;
  altered[30] ^= 1;
  EXPECT_NE(messageOf(altered).find("expects the checksum of the manifest"),
            std::string::npos);
  EXPECT_NE(messageOf(bytes).find("payload 0 is of kind 7"), std::string::npos);
}

TEST(Artifact, RefusesToWriteAnInvalidManifest) {
  Artifact artifact = makeRowSumArtifact();
  artifact.manifest.phases.clear();
  EXPECT_FALSE(artifact.serialize().isOk());
}

TEST_F(ArtifactFile, IsWrittenWholeOrNotAtAll) {
  Artifact artifact = makeRowSumArtifact();
  ASSERT_TRUE(artifact.writeFile(path).isOk());
  // A second write replaces, and neither leaves another file.
  ASSERT_TRUE(artifact.writeFile(path).isOk());
  EXPECT_EQ(list(), std::vector<std::string>{"rowsum.attn"});
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_NE(info.st_mode & S_IRUSR, 0u);
  Result<Artifact> read = Artifact::readFile(path);
  ASSERT_TRUE(read.isOk()) << read.getStatus().message();
  EXPECT_EQ(serialize(*read), serialize(artifact));
}

TEST_F(ArtifactFile, RefusesWhatCannotBeOpened) {
  Result<Artifact> absent = Artifact::readFile(path);
  ASSERT_FALSE(absent.isOk());
  EXPECT_EQ(absent.getStatus().getCode(), StatusCode::io);
  EXPECT_NE(absent.getStatus().message().find("No such file"),
            std::string::npos);
  Result<Artifact> folder = Artifact::readFile(directory);
  ASSERT_FALSE(folder.isOk());
  EXPECT_NE(folder.getStatus().message().find("expects a regular file"),
            std::string::npos);
  // Reading a pipe without a writer would wait for ever.
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(Artifact::readFile(path).isOk());
  Status status = makeRowSumArtifact().writeFile(directory + "/no/such.attn");
  EXPECT_EQ(status.getCode(), StatusCode::io);
  // The target is a directory: the rename fails, and takes its file away.
  EXPECT_FALSE(makeRowSumArtifact().writeFile(directory + "/.").isOk());
}

// A full disk, in the form of a limit on this process's files.
TEST_F(ArtifactFile, KeepsTheOldFileWhenAWriteFails) {
  Artifact artifact = makeRowSumArtifact();
  ASSERT_TRUE(artifact.writeFile(path).isOk());
  Artifact larger = artifact;
  larger.payloads[0].bytes.append(100000, 'x');
  struct rlimit saved, small;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &saved), 0);
  small = saved;
  small.rlim_cur = 50000;
  auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = larger.writeFile(path);
  setrlimit(RLIMIT_FSIZE, &saved);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(status.getCode(), StatusCode::io);
  EXPECT_NE(status.message().find("File too large"), std::string::npos);
  EXPECT_EQ(list(), std::vector<std::string>{"rowsum.attn"});
  Result<Artifact> read = Artifact::readFile(path);
  ASSERT_TRUE(read.isOk()) << read.getStatus().message();
  EXPECT_EQ(serialize(*read), serialize(artifact));
}

TEST(KernelLoad, RunsSharedObjectsApart) {
  // Two loads at once, and one after their release, are three libraries.
  auto first = Kernel::load(makeRowSumArtifact());
  ASSERT_TRUE(first.isOk()) << first.getStatus().message();
  {
    auto second = Kernel::load(makeRowSumArtifact());
    ASSERT_TRUE(second.isOk()) << second.getStatus().message();
    EXPECT_NE((*first)->getFunctions()[0], (*second)->getFunctions()[0]);
  }
  FloatTensor x({2, 2}), o({2});
  x.data = {1, 2, 3, 4};
  auto plan = Plan::prepare(*first,
                            {ArgumentValue::ofTensor("x", &x.view),
                             ArgumentValue::ofReal("scale", 10),
                             ArgumentValue::ofTensor("o", &o.view)},
                            nullptr);
  ASSERT_TRUE(plan.isOk());
  // The plan keeps the code.
  *first = nullptr;
  ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(o.data, (std::vector<float>{70, 30}));
}

TEST(KernelLoad, RefusesWithReason) {
  struct {
    void (*edit)(Artifact &);
    const char *message;
  } cases[] = {
      {[](Artifact &a) { a.manifest.target.arch = "riscv64"; },
       "target.arch: expects a machine of architecture riscv64, but this one"},
      {[](Artifact &a) { a.manifest.target.features = {"amx-fp99"}; },
       "expects a CPU feature that the runtime can check, but got amx-fp99"},
      {[](Artifact &a) { a.manifest.phases[1].symbol = "rowSumNone"; },
       "expects the symbol 'rowSumNone', but the code does not define it"},
      {[](Artifact &a) { a.payloads.clear(); },
       "expects one shared object, but got 0 payloads"},
      {[](Artifact &a) { a.payloads[0].kind = Artifact::PayloadKind::cubin; },
       "expects one shared object, but got 1 payloads, the first of kind 2"},
      {[](Artifact &a) {
         a.manifest.phases.clear();
         a.manifest.parameters.clear();
         a.manifest.scratchBytes = 0;
         a.manifest.target.features.clear();
         a.manifest.launches.resize(1);
         a.manifest.launches[0].symbol = "rowSumSum";
       },
       "expects phases for a CPU, but got launches"},
      {[](Artifact &a) { a.payloads[0].bytes = "#!/bin/sh"; },
       "expects an ELF header, but got 9 bytes"},
      {[](Artifact &a) { a.payloads[0].bytes[4] = 1; },
       "expects an ELF shared object for x86-64"},
      {[](Artifact &a) { a.payloads[0].bytes[18] = 0x28; },
       "expects an ELF shared object for x86-64"},
      {[](Artifact &a) { a.payloads[0].bytes.resize(100); },
       "expects a program header table within its 100 bytes"},
      {[](Artifact &a) { a.payloads[0].bytes.resize(1000); },
       "within its 1000 bytes, but it ends beyond"}};
  for (const auto &test : cases) {
    Artifact artifact = makeRowSumArtifact();
    test.edit(artifact);
    auto kernel = Kernel::load(artifact);
    ASSERT_FALSE(kernel.isOk()) << test.message;
    std::string message = kernel.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
  }
}
} // namespace
