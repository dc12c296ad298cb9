//===- CompileTargets.cpp - one artifact of several kernels ---------------===//

#include "CompileTargets.h"

#include "CompileGpu.h"
#include "attn/Runtime/ArtifactSet.h"
#include "attn/Runtime/File.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;

/// An option's values, divided by commas.
static std::vector<std::string> split(const std::string &values) {
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(values).split(parts, ',');
  return std::vector<std::string>(parts.begin(), parts.end());
}

bool attn::listsKernels(const CommandLine &line) {
  return split(line.get("target")).size() > 1 ||
         split(line.get("q-len")).size() > 1;
}

/// Refuses what is of one kernel.
static Status checkOptions(const CommandLine &line) {
  std::string targets =
      line.get(split(line.get("target")).size() > 1 ? "target" : "q-len");
  if (std::string kind = line.get("emit", "artifact"); kind != "artifact")
    return Status::error(StatusCode::invalidArgument, "--emit",
                         "'" + kind + "' is of one kernel, and " + targets +
                             " are several",
                         "give --emit=artifact, or one of them");
  for (const char *name :
       {"compile-to", "dump-stages-to", "report", "tune", "header", "symbol"})
    if (line.has(name))
      return Status::error(
          StatusCode::invalidArgument, "--" + std::string(name),
          "it is of one kernel, and " + targets + " are several",
          "leave it out, or give one of them");
  return {};
}

namespace {
/// A kernel that is asked for, and the most queries that are its.
struct Request {
  CommandLine line;
  std::optional<int64_t> mostQueries = std::nullopt;
};
} // namespace

/// Those of the target `name`.
static Result<std::vector<Request>> listRequests(const CommandLine &line,
                                                 const std::string &name) {
  CommandLine own = line.with("o", "-");
  if (line.has("target"))
    own = own.with("target", name);
  std::vector<std::string> lengths = split(line.get("q-len"));
  if (lengths.size() == 1)
    return std::vector<Request>{{own}};
  // A CPU's kernels do not depend on them.
  if (!isGpuTarget(name))
    return std::vector<Request>{{own.without("q-len")}};
  std::vector<Request> requests;
  for (const std::string &length : lengths) {
    if (length == "any") {
      requests.push_back({own.without("q-len")});
      continue;
    }
    CommandLine one = own.with("q-len", length);
    auto number = one.getInteger("q-len", 1);
    if (!number.isOk())
      return number.takeStatus();
    requests.push_back({one, *number});
  }
  return requests;
}

/// Leaves calls of more queries to other kernels.
static Status limitQueries(Manifest &manifest, int64_t most) {
  for (Manifest::Rank &rank : manifest.ranks)
    if (rank.name == "P" && !rank.extent) {
      rank.most = std::min(most, rank.most.value_or(most));
      return {};
    }
  return Status::error(StatusCode::invalidArgument, "--q-len",
                       manifest.name + " has no rank 'P', of queries, that "
                                       "calls decide",
                       "give one number, or leave it out");
}

Status attn::compileForTargets(const CommandLine &line, CompileForOne compile,
                               llvm::raw_ostream &out) {
  if (Status status = checkOptions(line); !status.isOk())
    return status;
  ArtifactSet set;
  for (const std::string &name : split(line.get("target"))) {
    std::string place = "target " + name;
    auto refuse = [&](const Status &status) {
      return Status::error(status.getCode(), place + ", " + status.getFeature(),
                           status.getReason(), status.getAlternative());
    };
    auto requests = listRequests(line, name);
    if (!requests.isOk())
      return refuse(requests.getStatus());
    for (const Request &request : *requests) {
      std::string bytes;
      llvm::raw_string_ostream stream(bytes);
      if (Status status = compile(request.line, stream); !status.isOk())
        return refuse(status);
      auto artifact = Artifact::deserialize(bytes, place);
      if (!artifact.isOk())
        return artifact.takeStatus();
      if (request.mostQueries)
        if (Status status =
                limitQueries(artifact->manifest, *request.mostQueries);
            !status.isOk())
          return refuse(status);
      set.artifacts.push_back(std::move(*artifact));
    }
  }
  auto bytes = set.serialize();
  if (!bytes.isOk())
    return bytes.takeStatus();
  if (std::string file = line.get("o", "-"); file != "-")
    return replaceFile(file, *bytes);
  out << *bytes;
  return {};
}
