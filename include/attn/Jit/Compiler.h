//===- Compiler.h - kernels from programs, while a host runs ----*- C++ -*-===//
//
// The compiler is a process of its own, attn-compile: none of LLVM is in the
// host, nothing that goes wrong in it ends the host, and it can be given limits
// and be ended at any time. What it makes is kept by the text that asks for it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_JIT_COMPILER_H
#define ATTN_JIT_COMPILER_H

#include "attn/Runtime/Cache.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// What a compile may take; 0 is any amount.
struct CompileLimits {
  int64_t timeMs = 0, memoryBytes = 0;
  /// Set by whoever takes the call back; may be null.
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

struct CompileRequest {
  /// A shipped variant's name, or, if it has a line break, a cascade's text.
  std::string program;
  /// Options of attn-compile that say what kernel is wanted, `--dtype=bf16`.
  std::vector<std::string> options;
  CompileLimits limits;
};

/// Shared by any number of threads.
class Compiler {
public:
  /// The program's path: `given`, or if that is empty what ATTN_COMPILE names,
  /// else attn-compile beside the file `libraryPath` or in ../bin of it, else
  /// on PATH. Refused if there is none.
  static Result<std::string> find(const std::string &given,
                                  const std::string &libraryPath);

  /// Asks the program at `path`, and keeps kernels in `cache`.
  Compiler(std::string path, std::unique_ptr<Cache> cache);

  /// An artifact's bytes. Of all threads that ask for the same one compiles and
  /// the others wait, each within its own limits; if the one gives up, another
  /// goes on. Refuses what attn-compile refuses: the feature is the place in
  /// the program where one is known.
  Result<Cache::Value> compile(const CompileRequest &request);

  /// What attn-compile prints for the request, which may have any options.
  /// Nothing is kept.
  Result<std::string> ask(const CompileRequest &request);

private:
  /// A compile that threads wait for.
  struct Flight {
    bool isOver = false;
    /// Of a compile that nobody gave up.
    std::optional<Result<Cache::Value>> result;
  };
  struct Landing;

  std::string describe(const CompileRequest &request) const;
  Result<std::string> build(const CompileRequest &request);
  /// The flight of a key; of a new one the caller is the pilot.
  std::shared_ptr<Flight> findFlight(const std::string &key, bool &isMine);

  std::string path, identity;
  std::unique_ptr<Cache> cache;
  std::mutex mutex;
  std::condition_variable landed;
  std::map<std::string, std::shared_ptr<Flight>> flights;
};

} // namespace attn

#endif // ATTN_JIT_COMPILER_H
