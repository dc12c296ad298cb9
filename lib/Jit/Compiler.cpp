//===- Compiler.cpp - kernels from programs, while a host runs -----------===//

#include "attn/Jit/Compiler.h"

#include "ChildProcess.h"
#include "Refusal.h"
#include "Watch.h"

#include "attn/Runtime/ArtifactSet.h"
#include "attn/Runtime/CpuFeatures.h"

#include <algorithm>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace attn;

static constexpr const char *kProgram = "attn-compile";

static bool isProgram(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

Result<std::string> Compiler::find(const std::string &given,
                                   const std::string &libraryPath) {
  std::vector<std::string> places;
  const char *named = std::getenv("ATTN_COMPILE");
  if (!given.empty()) {
    places.push_back(given);
  } else if (named && *named) {
    places.push_back(named);
  } else {
    size_t slash = libraryPath.rfind('/');
    if (slash != std::string::npos)
      for (const char *folder : {"", "../bin/"})
        places.push_back(libraryPath.substr(0, slash + 1) + folder + kProgram);
    const char *path = std::getenv("PATH");
    std::string folders = path ? path : "";
    for (size_t begin = 0; begin < folders.size();) {
      size_t end = std::min(folders.find(':', begin), folders.size());
      if (end > begin)
        places.push_back(folders.substr(begin, end - begin) + "/" + kProgram);
      begin = end + 1;
    }
  }
  for (const std::string &place : places)
    if (isProgram(place)) {
      // Compilers run in another directory.
      std::unique_ptr<char, decltype(&std::free)> whole(
          realpath(place.c_str(), nullptr), &std::free);
      return whole ? std::string(whole.get()) : place;
    }
  bool isNamed = !given.empty() || (named && *named);
  return Status::error(StatusCode::unsupported, kProgram,
                       "expects the compiler, but it is " +
                           (isNamed ? "not at " + places.front()
                                    : std::string("neither beside the library "
                                                  "nor on PATH")),
                       "install it, or set ATTN_COMPILE to its path");
}

/// A file's place, size and time, which change when it is built anew.
static std::string describeFile(const std::string &path) {
  struct stat status = {};
  stat(path.c_str(), &status);
  return path + " " + std::to_string(status.st_size) + " " +
         std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec);
}

Compiler::Compiler(std::string path, std::unique_ptr<Cache> cache)
    : path(std::move(path)),
      identity(describeFile(this->path) + "\nhost " + describeHostFeatures()),
      cache(std::move(cache)) {}

namespace attn {
/// Ends a flight.
struct Compiler::Landing {
  Landing(Compiler &compiler, const std::string &key, Flight &flight)
      : compiler(compiler), key(key), flight(flight) {}
  ~Landing() {
    std::lock_guard<std::mutex> lock(compiler.mutex);
    flight.result = std::move(result);
    flight.isOver = true;
    compiler.flights.erase(key);
    compiler.landed.notify_all();
  }

  std::optional<Result<Cache::Value>> result;

private:
  Compiler &compiler;
  const std::string &key;
  Flight &flight;
};
} // namespace attn

/// Options that say what becomes of the kernel, and those that read what the
/// key of the cache does not say.
static Status checkOptions(const std::vector<std::string> &options) {
  static constexpr const char *others[] = {
      "--help",        "--list",           "--emit",        "--compile-to",
      "--report",      "--tune",           "--tune-budget", "--dump-stages-to",
      "--workers",     "--buffer",         "--io-model",    "--tune-table",
      "--tune-length", "--schedule-table", "--refusal",     "--header",
      "--symbol"};
  for (const std::string &option : options) {
    std::string name = option.substr(0, option.find('='));
    bool isOther = option.size() < 3 || option.compare(0, 2, "--") != 0 ||
                   std::find(std::begin(others), std::end(others), name) !=
                       std::end(others);
    if (isOther)
      return Status::error(
          StatusCode::invalidArgument, "option " + option,
          "expects one that says which kernel is wanted, as --name=value",
          "leave it out");
  }
  return {};
}

static bool isText(const std::string &program) {
  return program.find('\n') != std::string::npos;
}

/// Refuses what attn-compile would take for a file.
static Status checkProgram(const std::string &program) {
  auto isOfName = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  // Longer than any file's name, and short enough for a program's argument.
  constexpr size_t longestName = 255;
  bool isName = !program.empty() && program.size() <= longestName &&
                program[0] != '-' &&
                std::all_of(program.begin(), program.end(), isOfName);
  if (isText(program) || isName)
    return {};
  return Status::error(StatusCode::invalidArgument, "program",
                       "expects a variant's name or a cascade's text, but got "
                       "'" +
                           program.substr(0, 80) + "'",
                       "give the text of a file, not its path");
}

std::string Compiler::describe(const CompileRequest &request) const {
  std::string key = "jit 1\n" + identity + "\n";
  for (const std::string &option : request.options)
    key += std::to_string(option.size()) + ":" + option + "\n";
  return key + "\n" + request.program;
}

Result<std::string> Compiler::ask(const CompileRequest &request) {
  if (Status status = checkProgram(request.program); !status.isOk())
    return status;
  std::vector<std::string> arguments;
  arguments.push_back(isText(request.program) ? "-" : request.program);
  arguments.insert(arguments.end(), request.options.begin(),
                   request.options.end());
  arguments.push_back("--refusal=json");
  Result<ChildOutcome> outcome =
      runChild(path, arguments, isText(request.program) ? request.program : "",
               request.limits);
  if (!outcome.isOk())
    return outcome.takeStatus();
  // Where nobody knows how it ended, what it has said tells.
  bool isRight = outcome->status ? WIFEXITED(*outcome->status) &&
                                       WEXITSTATUS(*outcome->status) == 0
                                 : !outcome->output.empty();
  if (isRight)
    return std::move(outcome->output);
  Status refusal = readRefusal(outcome->errors);
  if (!refusal.isOk())
    return refusal;
  bool isSignal = outcome->status && WIFSIGNALED(*outcome->status);
  std::string ended =
      isSignal ? "signal " + std::to_string(WTERMSIG(*outcome->status))
               : "status " + std::to_string(outcome->status
                                                ? WEXITSTATUS(*outcome->status)
                                                : -1);
  bool isLimited = request.limits.memoryBytes > 0;
  return Status::error(
      isLimited ? StatusCode::resourceExhausted : StatusCode::unsupported,
      kProgram, "expects to compile, but ended by " + ended,
      isLimited ? "give it more memory" : "report it with the program");
}

Result<std::string> Compiler::build(const CompileRequest &request) {
  CompileRequest emitting = request;
  emitting.options.insert(emitting.options.end(),
                          {"--emit=artifact", "-o", "-"});
  Result<std::string> bytes = ask(emitting);
  if (!bytes.isOk())
    return bytes;
  // What is kept is whole, however the process ended.
  Result<ArtifactSet> artifacts = ArtifactSet::deserialize(*bytes, kProgram);
  if (!artifacts.isOk())
    return artifacts.takeStatus();
  return bytes;
}

/// Whether a compile ended by its caller's wish rather than by its program.
static bool wasGivenUp(const Status &status) {
  return status.getCode() == StatusCode::cancelled ||
         status.getCode() == StatusCode::resourceExhausted;
}

std::shared_ptr<Compiler::Flight> Compiler::findFlight(const std::string &key,
                                                       bool &isMine) {
  std::shared_ptr<Flight> &place = flights[key];
  isMine = !place;
  if (isMine)
    place = std::make_shared<Flight>();
  return place;
}

Result<Cache::Value> Compiler::compile(const CompileRequest &request) {
  if (Status status = checkOptions(request.options); !status.isOk())
    return status;
  std::string key = describe(request);
  Watch watch(request.limits);
  // What was taken back before it began starts nothing.
  if (Status status = watch.check(); !status.isOk())
    return status;
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    bool isMine;
    std::shared_ptr<Flight> flight = findFlight(key, isMine);
    if (isMine) {
      lock.unlock();
      // Lands also where memory runs out on the way.
      Landing landing(*this, key, *flight);
      Result<Cache::Value> result =
          cache->getOrBuild(key, [&] { return build(request); });
      if (result.isOk() || !wasGivenUp(result.getStatus()))
        landing.result = result;
      return result;
    }
    while (!flight->isOver) {
      landed.wait_for(lock, Watch::interval);
      if (Status status = watch.check(); !status.isOk())
        return status;
    }
    if (flight->result)
      return *flight->result;
  }
}
