//===- CApiMisuseKernelsTest.cpp - loading what is no kernel --------------===//

#include "Misuse.h"
#include "attn-c/Compile.h"

#include <climits>

using namespace attn;
using namespace attn::test;

namespace {
void refusesMemory(const std::string &name, attn_status expected,
                   const std::string &about, const std::string &bytes) {
  refusesToMake<attn_kernel>(
      "load_memory: " + name, expected, about, [&](attn_kernel *kernel) {
        return attn_kernel_load_memory(bytes.data(), bytes.size(), kernel);
      });
}

TEST(CApiMisuseKernels, NullPointers) {
  std::string bytes = *makeRowSumArtifact().serialize();
  refusesToMake<attn_kernel>("load_file: path of NULL", ATTN_INVALID_ARGUMENT,
                             "path", [](attn_kernel *kernel) {
                               return attn_kernel_load_file(nullptr, kernel);
                             });
  refuses("load_file: kernel of NULL", ATTN_INVALID_ARGUMENT, "kernel",
          [] { return attn_kernel_load_file("x", nullptr); });
  refusesToMake<attn_kernel>(
      "load_memory: bytes of NULL", ATTN_INVALID_ARGUMENT, "bytes",
      [](attn_kernel *kernel) {
        return attn_kernel_load_memory(nullptr, 64, kernel);
      });
  refuses("load_memory: kernel of NULL", ATTN_INVALID_ARGUMENT, "kernel", [&] {
    return attn_kernel_load_memory(bytes.data(), bytes.size(), nullptr);
  });
  refuses("pool_create: pool of NULL", ATTN_INVALID_ARGUMENT, "pool",
          [] { return attn_pool_create(1, nullptr); });
  refuses("cancellation_create: cancellation of NULL", ATTN_INVALID_ARGUMENT,
          "cancellation", [] { return attn_cancellation_create(nullptr); });
}

TEST(CApiMisuseKernels, LoadOptions) {
  std::string bytes = *makeRowSumArtifact().serialize();
  auto refusesOptions = [&](const std::string &name, attn_status expected,
                            const std::string &about,
                            attn_load_options options) {
    refusesToMake<attn_kernel>(
        "load_memory_for: " + name, expected, about, [&](attn_kernel *kernel) {
          return attn_kernel_load_memory_for(bytes.data(), bytes.size(),
                                             &options, kernel);
        });
  };
  refusesOptions("no size", ATTN_INVALID_ARGUMENT, "struct_size", {0, "cpu"});
  refusesOptions("a target that is none", ATTN_UNSUPPORTED, "nonsense",
                 {sizeof(attn_load_options), "nonsense"});
  refusesOptions("a target that it has not", ATTN_UNSUPPORTED, "cuda",
                 {sizeof(attn_load_options), "cuda"});
  refusesToMake<attn_kernel>(
      "load_file_for: path of NULL", ATTN_INVALID_ARGUMENT, "path",
      [](attn_kernel *kernel) {
        return attn_kernel_load_file_for(nullptr, nullptr, kernel);
      });
  refuses("load_file_for: kernel of NULL", ATTN_INVALID_ARGUMENT, "kernel",
          [] { return attn_kernel_load_file_for("x", nullptr, nullptr); });
  refusesToMake<attn_kernel>(
      "load_memory_for: bytes of NULL", ATTN_INVALID_ARGUMENT, "bytes",
      [](attn_kernel *kernel) {
        return attn_kernel_load_memory_for(nullptr, 64, nullptr, kernel);
      });
  auto receive = [](void *, const char *, size_t) {
    FAIL() << "what is refused is printed";
  };
  refuses("artifact_print: bytes of NULL", ATTN_INVALID_ARGUMENT, "bytes",
          [&] { return attn_artifact_print(nullptr, 64, receive, nullptr); });
  refuses("artifact_print: function of NULL", ATTN_INVALID_ARGUMENT, "function",
          [&] {
            return attn_artifact_print(bytes.data(), bytes.size(), nullptr,
                                       nullptr);
          });
  refuses("artifact_print: a part", ATTN_CORRUPT, "bytes", [&] {
    return attn_artifact_print(bytes.data(), bytes.size() / 2, receive,
                               nullptr);
  });
}

TEST(CApiMisuseKernels, Files) {
  auto refusesFile = [](const std::string &name, attn_status expected,
                        const std::string &path) {
    refusesToMake<attn_kernel>(
        "load_file: " + name, expected, path, [&](attn_kernel *kernel) {
          return attn_kernel_load_file(path.c_str(), kernel);
        });
  };
  refusesFile("one that is not there", ATTN_IO, "no/such/file.attn");
  refusesFile("no name", ATTN_IO, "");
  refusesFile("a directory", ATTN_IO, "/tmp");
  refusesFile("a device", ATTN_IO, "/dev/zero");
  refusesFile("a program", ATTN_CORRUPT, "/bin/sh");
  refusesFile("a name longer than names are", ATTN_IO,
              std::string(100000, 'n'));
}

TEST(CApiMisuseKernels, Bytes) {
  const std::string whole = *makeRowSumArtifact().serialize();
  refusesMemory("nothing", ATTN_CORRUPT, "header", "");
  refusesMemory("half a header", ATTN_CORRUPT, "header", whole.substr(0, 8));
  refusesMemory("the header alone", ATTN_CORRUPT, "manifest",
                whole.substr(0, 16));
  refusesMemory("half of it", ATTN_CORRUPT, "bytes",
                whole.substr(0, whole.size() / 2));
  refusesMemory("all but the last byte", ATTN_CORRUPT, "payload 0",
                whole.substr(0, whole.size() - 1));
  refusesMemory("one byte more", ATTN_CORRUPT, "more bytes", whole + '\0');
  refusesMemory("it twice", ATTN_CORRUPT, "more bytes", whole + whole);
  refusesMemory("text", ATTN_CORRUPT, "no artifact",
                "#!/bin/sh\necho no artifact at all\n");
  std::string altered = whole;
  altered[100] ^= 1;
  refusesMemory("an altered manifest", ATTN_CORRUPT, "checksum", altered);
  altered = whole;
  altered[whole.size() - 100] ^= 1;
  refusesMemory("altered code", ATTN_CORRUPT, "checksum", altered);
  altered = whole;
  altered[7] = 3;
  refusesMemory("format version 3", ATTN_UNSUPPORTED,
                "version 1 or 2, but got 3", altered);
}

// Artifacts whose checksums are right.
TEST(CApiMisuseKernels, ArtifactsOfOtherMachines) {
  struct {
    const char *name;
    attn_status expected;
    const char *about;
    std::function<void(Artifact &)> edit;
  } cases[] = {
      {"another CPU", ATTN_UNSUPPORTED, "riscv64",
       [](Artifact &a) { a.manifest.target.arch = "riscv64"; }},
      {"an unknown feature", ATTN_UNSUPPORTED, "amx-fp99",
       [](Artifact &a) { a.manifest.target.features = {"amx-fp99"}; }},
      {"a symbol that the code lacks", ATTN_CORRUPT, "rowSumNone",
       [](Artifact &a) { a.manifest.phases[0].symbol = "rowSumNone"; }},
      {"no payload", ATTN_CORRUPT, "0 payloads",
       [](Artifact &a) { a.payloads.clear(); }},
      {"two payloads", ATTN_CORRUPT, "2 payloads",
       [](Artifact &a) { a.payloads.push_back(a.payloads[0]); }},
      {"a cubin for a CPU", ATTN_CORRUPT, "kind 2",
       [](Artifact &a) { a.payloads[0].kind = Artifact::PayloadKind::cubin; }},
      {"PTX for a CPU", ATTN_CORRUPT, "kind 3",
       [](Artifact &a) { a.payloads[0].kind = Artifact::PayloadKind::ptx; }},
      {"a code object for a CPU", ATTN_CORRUPT, "kind 4",
       [](Artifact &a) {
         a.payloads[0].kind = Artifact::PayloadKind::codeObject;
       }},
      {"a payload of a later kind", ATTN_UNSUPPORTED, "kind 5",
       [](Artifact &a) { a.payloads[0].kind = Artifact::PayloadKind(5); }},
      {"a payload of kind 0", ATTN_UNSUPPORTED, "kind 0",
       [](Artifact &a) { a.payloads[0].kind = Artifact::PayloadKind(0); }},
      {"code that is none", ATTN_CORRUPT, "ELF",
       [](Artifact &a) { a.payloads[0].bytes = "#!/bin/sh"; }},
      {"empty code", ATTN_CORRUPT, "ELF",
       [](Artifact &a) { a.payloads[0].bytes.clear(); }},
      {"cut code", ATTN_CORRUPT, "bytes",
       [](Artifact &a) { a.payloads[0].bytes.resize(700); }},
  };
  for (const auto &test : cases) {
    Artifact artifact = makeRowSumArtifact();
    test.edit(artifact);
    refusesMemory(test.name, test.expected, test.about, *artifact.serialize());
  }
}

TEST(CApiMisuseKernels, NumbersOfThreads) {
  for (int threads : {0, -1, 1025, INT_MAX, INT_MIN})
    refusesToMake<attn_pool>(
        "pool_create: " + std::to_string(threads) + " threads",
        ATTN_INVALID_ARGUMENT, "1 to 1024",
        [=](attn_pool *pool) { return attn_pool_create(threads, pool); });
}
} // namespace
