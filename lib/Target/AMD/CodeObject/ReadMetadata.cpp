//===- ReadMetadata.cpp - what a code object says of its kernels ----------===//

#include "attn/Runtime/LaunchLayout.h"
#include "attn/Target/AMD/CodeObject.h"

#include "llvm/BinaryFormat/MsgPackDocument.h"
#include "llvm/Object/ELF.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

namespace {
/// Reads one kernel's map, and remembers what it lacks.
class KernelReader {
public:
  explicit KernelReader(llvm::msgpack::MapDocNode &map) : map(map) {}

  int64_t getInteger(StringRef key) {
    auto found = map.find(key);
    if (found != map.end()) {
      if (found->second.getKind() == llvm::msgpack::Type::UInt)
        return static_cast<int64_t>(found->second.getUInt());
      if (found->second.getKind() == llvm::msgpack::Type::Int)
        return found->second.getInt();
    }
    fail(key);
    return 0;
  }
  /// Of what only some GPUs have.
  int64_t getOptional(StringRef key) {
    return map.find(key) == map.end() ? 0 : getInteger(key);
  }
  std::string getString(StringRef key) {
    auto found = map.find(key);
    if (found != map.end() && found->second.isString())
      return found->second.getString().str();
    fail(key);
    return {};
  }
  /// The arguments that the host passes.
  std::vector<KernelMetadata::Argument> getArguments() {
    std::vector<KernelMetadata::Argument> arguments;
    auto found = map.find(".args");
    if (found == map.end())
      return arguments;
    if (!found->second.isArray()) {
      fail(".args");
      return arguments;
    }
    for (llvm::msgpack::DocNode &node : found->second.getArray()) {
      if (!node.isMap()) {
        fail(".args");
        break;
      }
      KernelReader reader(node.getMap());
      std::string kind = reader.getString(".value_kind");
      if (!StringRef(kind).starts_with("hidden_"))
        arguments.push_back({reader.getInteger(".offset"),
                             reader.getInteger(".size"), std::move(kind)});
      if (!reader.missing.empty())
        fail(reader.missing);
    }
    return arguments;
  }

  std::string missing;

private:
  void fail(StringRef key) {
    if (missing.empty())
      missing = key.str();
  }

  llvm::msgpack::MapDocNode &map;
};
} // namespace

/// The note of AMD's that holds the metadata; empty if there is none.
static StringRef findNote(StringRef codeObject) {
  using File = llvm::object::ELF64LEFile;
  auto file = File::create(codeObject);
  if (!file) {
    llvm::consumeError(file.takeError());
    return {};
  }
  auto sections = file->sections();
  if (!sections) {
    llvm::consumeError(sections.takeError());
    return {};
  }
  for (const File::Elf_Shdr &section : *sections) {
    if (section.sh_type != llvm::ELF::SHT_NOTE)
      continue;
    llvm::Error error = llvm::Error::success();
    StringRef found;
    for (const auto &note : file->notes(section, error))
      if (note.getName() == "AMDGPU" &&
          note.getType() == llvm::ELF::NT_AMDGPU_METADATA)
        found = note.getDescAsStringRef(section.sh_addralign);
    llvm::consumeError(std::move(error));
    if (!found.empty())
      return found;
  }
  return {};
}

FailureOr<std::vector<KernelMetadata>>
attn::amd::readMetadata(ModuleOp module, StringRef codeObject) {
  auto refuse = [&](const Twine &what) {
    return module.emitError("expects a code object with the metadata of its "
                            "kernels, but ")
           << what;
  };
  StringRef note = findNote(codeObject);
  llvm::msgpack::Document document;
  if (note.empty() || !document.readFromBlob(note, /*Multi=*/false) ||
      !document.getRoot().isMap())
    return refuse("it has none");
  auto &root = document.getRoot().getMap();
  auto list = root.find("amdhsa.kernels");
  if (list == root.end() || !list->second.isArray())
    return refuse("'amdhsa.kernels' is absent");
  std::vector<KernelMetadata> kernels;
  for (llvm::msgpack::DocNode &node : list->second.getArray()) {
    if (!node.isMap())
      return refuse("a kernel's is no map");
    KernelReader reader(node.getMap());
    KernelMetadata kernel;
    kernel.name = reader.getString(".name");
    kernel.arguments = reader.getArguments();
    kernel.sharedBytes = reader.getInteger(".group_segment_fixed_size");
    kernel.scratchBytes = reader.getInteger(".private_segment_fixed_size");
    kernel.waveLanes = reader.getInteger(".wavefront_size");
    kernel.maxThreads = reader.getInteger(".max_flat_workgroup_size");
    kernel.vectorRegisters = reader.getInteger(".vgpr_count");
    kernel.accumulatorRegisters = reader.getOptional(".agpr_count");
    kernel.scalarRegisters = reader.getInteger(".sgpr_count");
    kernel.spilledVectorRegisters = reader.getInteger(".vgpr_spill_count");
    kernel.spilledScalarRegisters = reader.getInteger(".sgpr_spill_count");
    if (!reader.missing.empty())
      return refuse("'" + reader.missing + "' of kernel '" + kernel.name +
                    "' is absent");
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

/// What `kernel` and `launch` say differently, or nothing.
static std::string compare(const KernelMetadata &kernel, const Launch &launch,
                           const Manifest &manifest, int64_t waveLanes) {
  auto differ = [](StringRef what, int64_t wanted, int64_t got) {
    return wanted == got ? std::string()
                         : (what + " of " + Twine(wanted) +
                            ", but the code has " + Twine(got))
                               .str();
  };
  for (std::string text :
       {differ("bytes of shared memory", launch.sharedBytes,
               kernel.sharedBytes),
        differ("a workgroup", launch.threads, kernel.maxThreads),
        differ("waves", waveLanes, kernel.waveLanes),
        differ("a number of parameters",
               static_cast<int64_t>(launch.parameters.size()),
               static_cast<int64_t>(kernel.arguments.size()))})
    if (!text.empty())
      return text;
  LaunchLayout layout = layOutParameters(manifest, launch);
  for (auto [number, argument, place] :
       llvm::enumerate(kernel.arguments, layout.places)) {
    std::string name = "parameter " + std::to_string(number);
    for (std::string text :
         {differ(name + " at an offset", place.offset, argument.offset),
          differ(name + " of a size", place.bytes, argument.size)})
      if (!text.empty())
        return text;
  }
  return {};
}

LogicalResult attn::amd::verifyMetadata(ModuleOp module,
                                        ArrayRef<KernelMetadata> kernels,
                                        const Manifest &manifest,
                                        int64_t waveLanes) {
  for (const Launch &launch : manifest.launches) {
    auto *kernel = llvm::find_if(kernels, [&](const KernelMetadata &own) {
      return own.name == launch.symbol;
    });
    if (kernel == kernels.end())
      return module.emitError("expects metadata of the kernel '")
             << launch.symbol << "', but the code has none";
    std::string difference = compare(*kernel, launch, manifest, waveLanes);
    if (!difference.empty())
      return module.emitError("kernel '")
             << launch.symbol << "' expects " << difference;
    if (kernel->scratchBytes != 0 || kernel->spilledVectorRegisters != 0)
      return module.emitError("kernel '")
             << launch.symbol << "' expects all of a lane in registers, but of "
             << kernel->vectorRegisters << " it spills "
             << kernel->spilledVectorRegisters << " and keeps "
             << kernel->scratchBytes
             << " bytes in memory; use smaller tiles or fewer groups";
  }
  return success();
}
