//===- InterpretVariant.h - a variant's kernels, interpreted ----*- C++ -*-===//
//
// A variant is lowered for a GPU and its kernels run by the interpreter of
// pipe, which looks for races on the way. The outputs are compared with the f64
// interpreter of cascades.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_EXECUTION_INTERPRETVARIANT_H
#define ATTN_TEST_UNIT_EXECUTION_INTERPRETVARIANT_H

#include "attn/Analysis/RankLayout.h"
#include "attn/Analysis/Schedule.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/KvOptions.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/Source.h"
#include "attn/Reference/PipeInterpreter.h"

#include "mlir/IR/MLIRContext.h"

#include <map>
#include <memory>
#include <string>

namespace attn::test {

struct InterpretedCase {
  AttentionShape shape;
  DType dtype;
  int64_t tileRows, tileKeys;
  /// With a schedule; else by ordinary threads.
  bool isScheduled = false;
  ScheduleOptions schedule = {};
  /// With one for tensors of any strides, which threads copy.
  bool anyStrides = false;
  std::map<std::string, std::string> parameters = {};
  /// Tensors that are not made up.
  Arrays arrays = {};
  NaNKind nan = NaNKind::none;
  /// Boxes of queries and keys; the kernel is then one for the problem's
  /// lengths.
  std::vector<std::pair<std::string, RankLayout>> layouts = {};
  /// How keys and values lie.
  KvOptions kv = {};
  /// Query heads of a key head whose queries are rows of one tile.
  std::optional<int64_t> pack = {};
  /// Bits of a row depend on that row alone.
  bool isInvariant = false;
  /// The GPU; empty for the usual one.
  std::string target = {};
  /// Shared memory of a block, beyond which arrays lie in the device's.
  std::optional<int64_t> sharedBytes = {};
};

/// The machine whose products a GPU's kernels are run with; a GPU of no name is
/// the usual one.
PipeTarget getPipeTarget(llvm::StringRef target);

/// Loads a variant as a case has it.
Status loadCase(mlir::MLIRContext &context, const std::string &variant,
                const InterpretedCase &c, Source &source);
/// The kernels of a variant that was loaded so, for a problem's parameters.
Result<mlir::OwningOpRef<mlir::ModuleOp>>
lowerCase(Source &source, const Problem &problem, const InterpretedCase &c);
/// Both, for the parameters that a case's shape has.
Result<mlir::OwningOpRef<mlir::ModuleOp>>
lowerVariant(mlir::MLIRContext &context, const std::string &variant,
             const InterpretedCase &c, Source &source);

/// One variant on one problem.
class InterpretedRun {
public:
  InterpretedRun(const std::string &variant, const InterpretedCase &c);
  virtual ~InterpretedRun() = default;

  /// What went wrong, or nothing. `edit` may change the kernels before they are
  /// interpreted.
  std::string run(uint64_t seed, const PipeLaunch &launch,
                  llvm::function_ref<void(mlir::ModuleOp)> edit = {});

protected:
  /// Runs the kernels of `module` on `inputs` and writes `outputs`.
  virtual Status interpret(const PipeLaunch &launch);

  std::unique_ptr<mlir::MLIRContext> context;
  std::string variant;
  InterpretedCase c;
  Source source;
  Problem problem;
  InputOptions inputOptions;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, HostTensor> inputs, outputs;

private:
  Status prepare();
  Status lower();
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_EXECUTION_INTERPRETVARIANT_H
