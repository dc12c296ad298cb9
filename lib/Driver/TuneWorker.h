//===- TuneWorker.h - a process that runs what is being tuned ---*- C++ -*-===//
//
// A kernel that fails takes the device's context and all later calls of its
// process with it, and one that hangs never returns. What is tuned runs in a
// child process therefore, which is ended and started anew where that happens.
// The child is forked before a driver is opened and shares what it is to run
// on: inputs, and what the oracle says of a small problem.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_DRIVER_TUNEWORKER_H
#define ATTN_LIB_DRIVER_TUNEWORKER_H

#include "attn/Driver/Check.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/Tuner.h"

#include <memory>
#include <optional>

namespace attn {

/// A problem with its inputs, and what comes out if that is known.
struct TuneProblem {
  Problem problem;
  std::map<std::string, HostTensor> inputs;
  std::optional<ExpectedOutputs> expected;
};

/// What all kernels of a search are run on. `small` is checked by the error
/// rule; on `large`, which is timed, results have to agree with those of the
/// first kernel as two right ones do.
struct TuneWork {
  cascade::FuncOp func;
  TuneProblem large;
  std::optional<TuneProblem> small;
};

class TuneWorker {
public:
  explicit TuneWorker(TuneWork &work) : work(work) {}
  ~TuneWorker();
  TuneWorker(const TuneWorker &) = delete;
  TuneWorker &operator=(const TuneWorker &) = delete;

  /// Starts the process. Returns the device's name; refuses where there is no
  /// device.
  Result<std::string> start();

  /// Loads and checks the artifact `bytes` under `number`. Ends the process
  /// where that fails on the device or takes too long.
  TuneMeasurement load(uint64_t number, const std::string &bytes);
  /// Times what was loaded as `number` by this process.
  TuneMeasurement measure(uint64_t number);
  bool has(uint64_t number) const;

private:
  TuneMeasurement ask(char kind, uint64_t number, const std::string &bytes);
  void end();

  TuneWork &work;
  int socket = -1, process = -1;
  std::vector<uint64_t> loaded;
};

} // namespace attn

#endif // ATTN_LIB_DRIVER_TUNEWORKER_H
