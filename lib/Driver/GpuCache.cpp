//===- GpuCache.cpp - kernels for a GPU in the disk cache -----------------===//
//
// An entry is a line that says how the kernel was chosen, and the artifact:
//
//   1 rows=128 keys=128 slots=2 turns=1 split=0
//
// begins with the number of the ScheduleOrigin; of what ordinary threads run
// the line is "threads" and why. The line is of
// the driver alone; the artifact is what users get.
//
//===----------------------------------------------------------------------===//

#include "GpuCache.h"

#include "attn/Driver/Execution.h"
#include "attn/Version.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace attn;

/// A file's place, size and time, which change when it is built anew.
static std::string describeFile(const std::string &path) {
  llvm::sys::fs::file_status status;
  if (path.empty() || llvm::sys::fs::status(path, status))
    return "none";
  return path + " " + std::to_string(status.getSize()) + " " +
         std::to_string(
             status.getLastModificationTime().time_since_epoch().count());
}

static std::string describeProgram() {
  // Its address tells which file the passes were loaded from.
  static int anchor;
  return describeFile(llvm::sys::fs::getMainExecutable(nullptr, &anchor));
}

std::string attn::describeCompilation(cascade::FuncOp func,
                                      const PipelineOptions &options,
                                      const GpuOptions &gpu, CodeKind kind) {
  static const std::string program = describeProgram();
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "attn " << ATTN_VERSION << ", LLVM " << LLVM_VERSION_STRING << "\n"
         << program << "\n"
         << getMachineModel(gpu.target).name << " " << static_cast<int>(kind)
         << "\n";
  for (const std::string &file : getGpuVendor(gpu.target).listAssemblers())
    stream << describeFile(file) << "\n";
  stream << "type " << options.dtype;
  for (const auto &[rank, extent] : options.extents)
    stream << " " << rank << "=" << extent;
  for (const auto &[name, value] : options.scalars)
    stream << " " << name << "=" << value;
  ScheduleFields given = gpu.schedule;
  if (options.tileRows)
    given.rows = options.tileRows;
  if (options.tileKeys)
    given.keys = options.tileKeys;
  if (options.packing)
    stream << " pack " << options.packing->width;
  if (gpu.anyStrides)
    stream << " any strides";
  if (gpu.hasFewQueries())
    stream << " queries " << *gpu.queries;
  stream << "\nschedule " << given.format() << "\nlength ";
  if (gpu.length)
    stream << *gpu.length;
  stream << "\n" << gpu.table.print();
  func->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

static constexpr llvm::StringLiteral kThreads = "threads";

Result<std::string> attn::pack(const GpuProgram &program) {
  Result<std::string> artifact = makeArtifact(program.code).serialize();
  if (!artifact.isOk())
    return artifact;
  std::string line;
  if (program.schedule)
    line = std::to_string(static_cast<int>(program.origin)) + " " +
           format(*program.schedule);
  else
    line = kThreads.str() + " " + program.reason;
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line + "\n" + *artifact;
}

Result<GpuProgram> attn::unpack(const std::string &bytes) {
  GpuProgram program;
  auto refuse = [] {
    return Status::error(StatusCode::corrupt, "cache",
                         "an entry is no kernel for a GPU",
                         "delete the cache's directory");
  };
  auto [line, rest] = StringRef(bytes).split('\n');
  auto [first, fields] = line.split(' ');
  if (first == kThreads) {
    program.reason = fields.str();
  } else {
    unsigned origin = 0;
    auto schedule = parseScheduleFields(fields, ' ', "cache");
    if (first.getAsInteger(10, origin) ||
        origin > static_cast<unsigned>(ScheduleOrigin::given) ||
        !schedule.isOk())
      return refuse();
    program.origin = static_cast<ScheduleOrigin>(origin);
    program.schedule = schedule->apply({});
  }
  auto artifact = Artifact::deserialize(
      std::string_view(rest.data(), rest.size()), "cache");
  if (!artifact.isOk())
    return artifact.takeStatus();
  if (artifact->payloads.empty() || artifact->payloads.size() > 2)
    return refuse();
  Artifact::Payload &payload = artifact->payloads.front();
  if (artifact->payloads.size() == 2)
    program.code.portable = std::move(artifact->payloads.back().bytes);
  program.code.manifest = std::move(artifact->manifest);
  const GpuVendor *vendor = findGpuVendor(program.code.manifest.target.arch);
  auto *form = llvm::find_if(
      vendor ? vendor->forms : ArrayRef<GpuVendor::Form>(),
      [&](const GpuVendor::Form &own) { return own.payload == payload.kind; });
  if (!vendor || form == vendor->forms.end())
    return refuse();
  program.code.kind = form->kind;
  program.code.bytes = std::move(payload.bytes);
  program.isCached = true;
  return program;
}
