//===- StageDump.cpp - the module after each stage, as files --------------===//

#include "StageDump.h"

#include "attn/Runtime/File.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace attn;

Status StageDump::open() const {
  if (!isOn())
    return {};
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return Status::error(StatusCode::io, "--dump-stages-to",
                         "'" + directory +
                             "' cannot be made: " + error.message(),
                         "give a folder that can be written");
  return {};
}

void StageDump::write(llvm::StringRef stage, llvm::StringRef text) {
  if (!isOn())
    return;
  auto number = llvm::find(stages, stage) - stages.begin();
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path,
                          std::to_string(number) + "-" + stage.str() + ".mlir");
  if (Status written = replaceFile(path.str().str(), text);
      !written.isOk() && status.isOk())
    status = std::move(written);
}
