//===- CompileTargets.cpp - one artifact for several targets --------------===//

#include "CompileTargets.h"

#include "attn/Runtime/ArtifactSet.h"
#include "attn/Runtime/File.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;

/// Refuses what is of one target.
static Status checkOptions(const CommandLine &line) {
  std::string targets = line.get("target");
  if (std::string kind = line.get("emit", "artifact"); kind != "artifact")
    return Status::error(StatusCode::invalidArgument, "--emit",
                         "'" + kind + "' is of one target, and " + targets +
                             " are several",
                         "give --emit=artifact, or one target");
  for (const char *name :
       {"compile-to", "dump-stages-to", "report", "tune", "header", "symbol"})
    if (line.has(name))
      return Status::error(
          StatusCode::invalidArgument, "--" + std::string(name),
          "it is of one target, and " + targets + " are several",
          "leave it out, or give one target");
  return {};
}

Status attn::compileForTargets(const CommandLine &line, CompileForOne compile,
                               llvm::raw_ostream &out) {
  if (Status status = checkOptions(line); !status.isOk())
    return status;
  std::string targets = line.get("target");
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(targets).split(names, ',');
  ArtifactSet set;
  for (llvm::StringRef name : names) {
    std::string bytes;
    llvm::raw_string_ostream stream(bytes);
    Status status =
        compile(line.with("target", name.str()).with("o", "-"), stream);
    if (!status.isOk())
      return Status::error(status.getCode(),
                           "target " + name.str() + ", " + status.getFeature(),
                           status.getReason(), status.getAlternative());
    auto artifact = Artifact::deserialize(bytes, "target " + name.str());
    if (!artifact.isOk())
      return artifact.takeStatus();
    set.artifacts.push_back(std::move(*artifact));
  }
  auto bytes = set.serialize();
  if (!bytes.isOk())
    return bytes.takeStatus();
  if (std::string file = line.get("o", "-"); file != "-")
    return replaceFile(file, *bytes);
  out << *bytes;
  return {};
}
