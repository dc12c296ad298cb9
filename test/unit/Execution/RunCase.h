//===- RunCase.h - one problem compiled, run and checked ------------------===//

#ifndef ATTN_TEST_UNIT_EXECUTION_RUNCASE_H
#define ATTN_TEST_UNIT_EXECUTION_RUNCASE_H

#include "attn/Driver/Check.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/KvOptions.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/Source.h"

#include "mlir/IR/MLIRContext.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace attn::test {

/// What is run: a shipped variant on one problem.
struct Case {
  std::string variant;
  AttentionShape shape;
  DType dtype = DType::f32;
  InputOptions inputs;
  /// The types of keys and values; they lie in no pages here.
  KvOptions kv = {};
  std::map<std::string, std::string> scalars;
  /// Tensors that are not made up: tables and lists, or values. Extents may
  /// come from them.
  Arrays arrays;
  std::string target = "host";
  /// Keys of a step; 0: as chosen, which is one step for most lengths here.
  int64_t tileKeys = 256;
  int threads = 1;

  /// One line that names every choice.
  std::string describe() const;
};

/// How it went.
struct Outcome {
  /// Why there is no result; empty if there is one.
  std::string refusal;
  /// The largest ratio of an output's error to what the rule allows.
  double maxRatio = 0;
  /// Bytes between and around the elements of the outputs are as they were.
  bool gapsUntouched = true;
  /// Of results that update an argument: what no point names is as it was.
  bool isRestKept = true;
  /// The outputs' values, by name.
  std::map<std::string, std::vector<double>> outputs;

  bool isRight() const {
    return refusal.empty() && maxRatio <= 1 && gapsUntouched && isRestKept;
  }
};

/// Compiles, runs and checks cases. Kernels are kept: a case that differs in
/// lengths only runs the kernel of the one before.
class CaseRunner {
public:
  CaseRunner();
  ~CaseRunner();

  /// Changes the tile programs before they are compiled; such kernels are not
  /// kept.
  using Mutation = std::function<void(mlir::ModuleOp tiled)>;
  Outcome run(const Case &c, const Mutation &mutate = nullptr,
              bool check = true);

  /// True if an argument of the variant has the rank.
  bool hasRank(const std::string &variant, llvm::StringRef rank);

private:
  /// The variant's source, loaded once for each way in which keys and values
  /// lie; null after a refusal in `refusal`.
  Source *getSource(const std::string &variant, const KvOptions &kv,
                    std::string &refusal);

  std::unique_ptr<mlir::MLIRContext> context;
  std::map<std::string, Source> sources;
  std::map<std::string, CompiledKernel> kernels;
};

/// What is wrong with a case, or nothing. The error rule holds one draw of
/// rounding errors against another and is missed by a little now and then (rows
/// of one element, one key or two): such a case is drawn five times, and is
/// wrong if four draws miss the rule: `scaling` with two keys, right as it is,
/// missed it in one of six. No draw may miss it by much.
std::string findFailure(CaseRunner &runner, Case c);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_EXECUTION_RUNCASE_H
