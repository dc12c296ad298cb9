//===- PipeInterpreter.h - runs a pipe kernel, looking for its mistakes ---===//
//
// Runs a `pipe.kernel` on the host: every group of every role of every block is
// an agent, and copies and products in flight are events. A schedule decides
// whose turn it is and when an event completes, anywhere between its start and
// what waits for it. Tiles are held lane by lane; matrix products place
// registers by tables transcribed from the machine's manual, all other
// operations by the program's own `#pipe.fragment`, so that a wrong fragment
// shows as a wrong result.
//
// Values of a float type are rounded to it after each operation. A product sums
// in f32, from the accumulator on, in ascending order of the contracted
// dimension. A reduction of a row sums each lane's registers in ascending
// order, then pairs of lanes (the farthest first), then its initial value.
//
// Swizzles, descriptors and emitted code are not modelled. It shares no code
// with the lowering of `pipe`.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_PIPEINTERPRETER_H
#define ATTN_REFERENCE_PIPEINTERPRETER_H

#include "attn/Reference/CascadeInterpreter.h"
#include "attn/Runtime/Status.h"
#include "dialects/Pipe/Pipe.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace attn {

/// What a caller binds to a kernel, by the names of its arguments.
struct PipeArguments {
  /// The tensors that the kernel reads. Values are rounded to the element type.
  std::map<std::string, ReferenceTensor> tensors;
  /// Of floats and of integers.
  std::map<std::string, double> scalars;
  /// Extents of ranks that no tensor read has; others may be given too.
  std::map<std::string, int64_t> extents;
};

/// The machine whose products a kernel is run with.
enum class PipeTarget { hopper, ampere, cdna, rdna };

enum class PipeSchedule {
  /// Each agent in turn up to one operation that others can see; then the
  /// oldest event completes.
  roundRobin,
  /// Events complete at their start; agents run as far as they can, producers
  /// (the roles written first) before consumers.
  earliest,
  /// Events complete when every agent waits and one of them for the event;
  /// agents run as far as they can, consumers before producers.
  latest,
  /// As `seed` says.
  random,
};

struct PipeLaunch {
  /// Blocks that fit the machine; rounded down to whole clusters, but for one.
  /// Work that is `single` has a block an item instead.
  int64_t multiprocessors = 1;
  PipeTarget target = PipeTarget::hopper;
  PipeSchedule schedule = PipeSchedule::roundRobin;
  uint64_t seed = 0;
  /// A run of more operations is given up with a finding.
  int64_t maxOperations = 100'000'000;
};

/// A mistake of the program, as it showed in one run.
struct PipeFinding {
  mlir::Location location;
  std::string message;
  /// Other parties.
  std::vector<std::pair<mlir::Location, std::string>> notes;
};

struct PipeOutcome {
  /// The tensors written. Elements that were not are NaN (0 if integer).
  std::map<std::string, ReferenceTensor> results;
  /// How many elements of each were not written.
  std::map<std::string, int64_t> unwritten;
  /// Empty for a right program. A run goes on after findings that leave the
  /// machine's state sound and stops at others.
  std::vector<PipeFinding> findings;
  /// Operations that all agents ran.
  int64_t operations = 0;
};

/// Runs `kernel` once.
///
/// Refuses (as a Status) absent, surplus or ill-shaped arguments, two extents
/// for one rank, a rank without an extent, extents beyond 32 bits, and tensors
/// that memory cannot hold. What is wrong with the kernel is a finding.
/// Pre-condition: `kernel` is verified.
Result<PipeOutcome> interpretPipe(pipe::KernelOp kernel,
                                  const PipeArguments &arguments,
                                  const PipeLaunch &launch = {});

/// Reports each finding as an error at its location, with its notes.
void emitFindings(const PipeOutcome &outcome);

} // namespace attn

#endif // ATTN_REFERENCE_PIPEINTERPRETER_H
