//===- RunPipe.h - runs pipe programs of the tests ------------------------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_PIPE_RUNPIPE_H
#define ATTN_TEST_UNIT_REFERENCE_PIPE_RUNPIPE_H

#include "attn/Reference/PipeInterpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <string>
#include <vector>

namespace attn::test {

/// A kernel parsed from text.
class PipeProgram {
public:
  explicit PipeProgram(const std::string &text);
  /// `test/Device/programs/<name>.mlir`.
  static PipeProgram load(const std::string &name);

  /// Whether the text parses and verifies; `diagnostics` says why not.
  bool isValid() const { return static_cast<bool>(module); }
  bool verify();
  pipe::KernelOp getKernel();
  const std::string &getDiagnostics() const { return *diagnostics; }

  /// Runs it; a refusal fails the test.
  PipeOutcome run(const PipeArguments &arguments,
                  const PipeLaunch &launch = {});

private:
  std::unique_ptr<std::string> diagnostics;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Findings and notes, one a line: "12: message", "  7: note".
std::string print(const PipeOutcome &outcome);

/// Schedules that each test goes through: the fixed ones, and `numSeeds`
/// random.
std::vector<PipeLaunch> getLaunches(int64_t multiprocessors, unsigned numSeeds);
std::string describe(const PipeLaunch &launch);

/// Normally distributed numbers, rounded to bf16; equal on every machine.
ReferenceTensor makeNormal(std::vector<int64_t> shape, uint64_t seed);
double roundToBf16(double value);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_PIPE_RUNPIPE_H
