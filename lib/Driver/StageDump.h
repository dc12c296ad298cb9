//===- StageDump.h - the module after each stage, as files ------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_STAGEDUMP_H
#define ATTN_LIB_DRIVER_STAGEDUMP_H

#include "attn/Runtime/Status.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace attn {

/// Writes the text of stages to `<directory>/<number>-<stage>.mlir`. A stage
/// that runs again replaces its file. Does nothing without a directory.
class StageDump {
public:
  StageDump() = default;
  StageDump(std::string directory, llvm::ArrayRef<llvm::StringRef> stages)
      : directory(std::move(directory)), stages(stages) {}

  bool isOn() const { return !directory.empty(); }
  /// Makes the directory.
  Status open() const;
  void write(llvm::StringRef stage, llvm::StringRef text);
  /// The first refusal to write.
  const Status &getStatus() const { return status; }

private:
  std::string directory;
  llvm::ArrayRef<llvm::StringRef> stages;
  Status status;
};

} // namespace attn

#endif // ATTN_LIB_DRIVER_STAGEDUMP_H
