//===- EmulatedHip.cpp - a libamdhip64 whose launches an emulator runs ----===//
//
// FakeHip as a device of gfx1100 that runs code objects: in a process of its
// own, which the shell command in ATTN_EMULATED_HIP starts, and which has the
// device's memory at the same addresses. tools/amd/emulate.py is such a command
// and names what runs on it. It reads lines and answers each but the first:
//
//   arena FD ADDRESS BYTES          what to map, and where
//   load HEX                        a code object: "functions N", then N lines,
//                                   a name and its parameters' bytes
//   launch NAME GX GY GZ THREADS PARAMETERS MEMORY
//                                   of the last code object that has it, with
//                                   each parameter in hexadecimal and the
//                                   address:bytes of what may be accessed:
//                                   "done", or what is wrong
//
//===----------------------------------------------------------------------===//

#include "FakeHip.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {
/// hipErrorLaunchFailure, which the call after a faulty launch returns.
constexpr int kLaunchFailure = 719;
constexpr uintptr_t kArenaStart = uintptr_t(1) << 45;
/// Pages of it are there once they are written.
constexpr size_t kArenaBytes = size_t(16) << 30;
/// Between allocations, so that accesses beyond one are of none.
constexpr size_t kGapBytes = 4096;

[[noreturn]] void giveUp(const std::string &what) {
  std::fprintf(stderr, "emulated HIP: %s\n", what.c_str());
  std::exit(1);
}

std::string toHex(const void *data, size_t bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes);
  for (size_t i = 0; i < bytes; ++i) {
    unsigned char byte = static_cast<const unsigned char *>(data)[i];
    text += {digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

class Emulator {
public:
  Emulator();
  ~Emulator();

  static void *allocate(size_t bytes);
  static const char *load(void *self, const void *image);
  static void launch(void *self, const char *function, const unsigned *grid,
                     unsigned threads);

private:
  void say(const std::string &line);
  std::string hear();

  FILE *to = nullptr, *from = nullptr;
  pid_t process = -1;
  std::string functions;
};

/// Where the next allocation goes. Memory is not given twice.
uintptr_t nextFree = kArenaStart;
} // namespace

Emulator::Emulator() {
  const char *command = std::getenv("ATTN_EMULATED_HIP");
  if (!command)
    giveUp("ATTN_EMULATED_HIP names no command; run tools/amd/emulate.py");
  int arena = memfd_create("arena", 0);
  if (arena < 0 || ftruncate(arena, kArenaBytes) != 0 ||
      mmap(reinterpret_cast<void *>(kArenaStart), kArenaBytes,
           PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, arena,
           0) == MAP_FAILED)
    giveUp("cannot map memory");
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0 || (process = fork()) < 0)
    giveUp("cannot start a process");
  if (process == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (int end : {in[0], in[1], out[0], out[1]})
      close(end);
    execl("/bin/sh", "sh", "-c", command, nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to = fdopen(in[1], "w");
  from = fdopen(out[0], "r");
  std::ostringstream line;
  line << "arena " << arena << ' ' << kArenaStart << ' ' << kArenaBytes;
  say(line.str());

  fakeHipReset();
  fakeHipSetArch("gfx1100");
  // Enough that work is shared, few enough that most have some.
  fakeHipSetComputeUnits(4);
  fakeHipSetAllocator(allocate, [](void *) {});
  fakeHipSetLoader(load, this);
  fakeHipSetLauncher(launch, this);
}

Emulator::~Emulator() {
  fclose(to); // It ends at the end of its input.
  fclose(from);
  waitpid(process, nullptr, 0);
}

void Emulator::say(const std::string &line) {
  if (std::fputs((line + "\n").c_str(), to) < 0 || std::fflush(to) != 0)
    giveUp("the emulator has ended");
}

std::string Emulator::hear() {
  std::string line;
  for (int c; (c = std::fgetc(from)) != '\n'; line += char(c))
    if (c == EOF)
      giveUp("the emulator has ended");
  return line;
}

void *Emulator::allocate(size_t bytes) {
  uintptr_t start = nextFree;
  if (bytes > kArenaBytes - (start - kArenaStart) - kGapBytes)
    return nullptr;
  nextFree += bytes + kGapBytes;
  return reinterpret_cast<void *>(start);
}

const char *Emulator::load(void *self, const void *image) {
  auto &emulator = *static_cast<Emulator *>(self);
  const auto &header = *static_cast<const Elf64_Ehdr *>(image);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return nullptr;
  // The table of sections is what linkers write last.
  emulator.say("load " + toHex(image, header.e_shoff +
                                          header.e_shnum * header.e_shentsize));
  int count = 0;
  std::string answer = emulator.hear();
  if (std::sscanf(answer.c_str(), "functions %d", &count) != 1)
    giveUp(answer);
  emulator.functions = "FAKEHSACO\n";
  for (int i = 0; i < count; ++i)
    emulator.functions += emulator.hear() + "\n";
  return emulator.functions.c_str();
}

void Emulator::launch(void *self, const char *function, const unsigned *grid,
                      unsigned threads) {
  auto &emulator = *static_cast<Emulator *>(self);
  std::ostringstream line;
  line << "launch " << function << ' ' << grid[0] << ' ' << grid[1] << ' '
       << grid[2] << ' ' << threads << ' ';
  size_t bytes = 0;
  for (int i = 0; const void *parameter = fakeHipParameter(i, &bytes); ++i)
    line << (i ? "," : "") << toHex(parameter, bytes);
  line << ' ';
  fakeHipForEachMemory(
      [](void *out, const void *address, size_t size) {
        *static_cast<std::ostringstream *>(out)
            << reinterpret_cast<uintptr_t>(address) << ':' << size << ',';
      },
      &line);
  emulator.say(line.str());
  if (std::string answer = emulator.hear(); answer != "done") {
    std::fprintf(stderr, "emulated HIP: %s: %s\n", function, answer.c_str());
    fakeHipFail(1, 1, kLaunchFailure);
  }
}

static Emulator emulator;
