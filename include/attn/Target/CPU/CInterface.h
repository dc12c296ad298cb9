//===- CInterface.h - a kernel as plain functions of C ----------*- C++ -*-===//
//
// What a library or an object exports for engines that have nothing of attn:
//
//   int32_t NAME_memory_bytes(const NAME_arguments *arguments, int64_t *bytes);
//   int32_t NAME_run(const NAME_arguments *arguments, void *memory,
//                    int64_t memory_bytes);
//   const char *NAME_message(int32_t status);
//
// All that these know of the kernel is its manifest. NAME_arguments begins with
// its size and with a number that stands for the whole interface, so that a
// header of another kernel is refused; then it has each rank's extent once, so
// that tensors cannot disagree, and of each tensor its data and strides.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_CPU_CINTERFACE_H
#define ATTN_TARGET_CPU_CINTERFACE_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace llvm {
class Module;
} // namespace llvm

namespace attn::cpu {

class CInterface {
public:
  /// A rank whose extent the caller gives, or an argument.
  struct Field {
    /// As C has it.
    std::string name;
    /// In bytes, in NAME_arguments.
    int64_t offset = 0;
    /// Positions of the statuses that refuse it; 0 where nothing can be wrong:
    /// of a rank its extent, of a tensor its data, of a scalar its value.
    int32_t refusal = 0;
    /// Of a tensor, its strides.
    int32_t strideRefusal = 0;
  };

  /// One value that the functions return; its position is the value.
  struct Outcome {
    /// The name of its constant, without the prefix.
    std::string name;
    /// "place: constraint; way out".
    std::string message;
  };

  /// Of the first few outcomes.
  enum Refusal : int32_t {
    right,
    nullArguments,
    otherContract,
    tooLarge,
    smallMemory,
    looseMemory
  };

  /// Both of a run's memory, whole and from one part to the next.
  static constexpr int64_t memoryAlignment = 128;

  /// Refuses what is no identifier of C.
  static Status checkSymbol(const std::string &symbol);

  /// The interface of a kernel under the prefix `symbol`. Refuses what
  /// `checkSymbol` does. Pre-condition: a manifest of a CPU that is valid.
  static Result<CInterface> create(const Manifest &manifest,
                                   const std::string &symbol);

  /// The header's text.
  std::string formatHeader() const;

  /// Adds the three functions to the kernel's module, and hides its phases.
  void addFunctions(llvm::Module &module) const;

  const Manifest &getManifest() const { return manifest; }
  const std::string &getSymbol() const { return symbol; }
  /// In the order of the manifest's ranks; those of fixed extent have no name.
  const std::vector<Field> &getRanks() const { return ranks; }
  /// In the order of the manifest's arguments.
  const std::vector<Field> &getArguments() const { return arguments; }
  const std::vector<Outcome> &getOutcomes() const { return outcomes; }
  int64_t getArgumentsBytes() const { return argumentsBytes; }
  uint64_t getContract() const;

private:
  CInterface(const Manifest &manifest, std::string symbol)
      : manifest(manifest), symbol(std::move(symbol)) {}
  void addCommonOutcomes();
  void addRanks();
  void addArguments();
  void addTensor(const Manifest::Argument &argument, Field &field);
  int32_t addOutcome(std::string name, std::string message);
  int64_t place(int64_t bytes, int64_t alignment);
  std::string makeName(const std::string &name,
                       std::vector<std::string> &taken) const;

  Manifest manifest;
  std::string symbol;
  std::vector<Field> ranks, arguments;
  std::vector<Outcome> outcomes;
  int64_t argumentsBytes = 0;
};

} // namespace attn::cpu

#endif // ATTN_TARGET_CPU_CINTERFACE_H
