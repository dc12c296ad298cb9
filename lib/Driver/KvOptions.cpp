//===- KvOptions.cpp - how keys and values lie, of command lines ----------===//

#include "attn/Driver/KvOptions.h"
#include "attn/Driver/PagedInputs.h"
#include "attn/Transforms/QuantizeUpdates.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static Status refuse(std::string feature, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(feature),
                       std::move(reason), std::move(alternative));
}

Result<KvOptions> attn::parseKvOptions(const CommandLine &line) {
  KvOptions options;
  auto page = line.getInteger("page", 1);
  if (!page.isOk())
    return page.takeStatus();
  options.page = *page;
  if (line.has("kv-dtype")) {
    std::string name = line.get("kv-dtype");
    options.dtype = parseDType(name);
    if (options.dtype != DType::e4m3 && options.dtype != DType::e5m2 &&
        options.dtype != DType::i8)
      return refuse("--kv-dtype", "'" + name + "' is no type of 8 bits",
                    "give e4m3, e5m2 or i8, or --dtype for all tensors");
  }
  std::string scales = line.get("kv-scales", "head");
  if (line.has("kv-scales") && !options.dtype)
    return refuse("--kv-scales", "keys and values have no scales",
                  "give --kv-dtype too");
  auto granularity = parseScaleGranularity(scales);
  if (!granularity)
    return refuse("--kv-scales", "'" + scales + "' has no scale of its own",
                  "give head, token or channel");
  options.scales = *granularity;
  return options;
}

static Type getElementType(MLIRContext *context, DType type) {
  return parseNarrowType(context, getName(type));
}

/// Those that are updated, which have their pages already.
static Status quantizeUpdated(FuncOp func, const KvOptions &options) {
  auto isAny = quantizeUpdates(
      func, getElementType(func.getContext(), *options.dtype), options.scales);
  if (failed(isAny))
    return refuse("--kv-dtype",
                  func.getSymName().str() + " has an update without scales",
                  "see the message above");
  return *isAny
             ? Status()
             : refuse("--kv-dtype",
                      func.getSymName().str() + " updates no tensor of floats",
                      "leave the option out");
}

static bool updatesTensors(FuncOp func) {
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
    if (func.getUpdatedArgument(i))
      return true;
  return false;
}

static Status quantize(FuncOp func, const KvOptions &options) {
  QuantizeOptions quantization;
  quantization.elementType = getElementType(func.getContext(), *options.dtype);
  quantization.granularity = options.scales;
  bool isAny = false;
  // From the last one on: scales stand behind their tensors.
  for (unsigned i = func.getNumArguments(); i-- > 0;) {
    auto sequences = getSequences(func.getArgumentTypes()[i]);
    if (!sequences)
      continue;
    isAny = true;
    quantization.sequences = *sequences;
    if (failed(quantizeArgument(func, i, quantization)))
      return refuse("--kv-dtype",
                    "'" + func.getArgumentName(i).str() +
                        "' cannot have scales",
                    "see the message above");
  }
  return isAny ? Status()
               : refuse("--kv-dtype",
                        func.getSymName().str() +
                            " has no tensor of sequences of keys",
                        "leave the option out");
}

Status attn::applyKvOptions(FuncOp func, const KvOptions &options) {
  bool isUpdated = updatesTensors(func);
  if (options.dtype && !isUpdated)
    if (Status status = quantize(func, options); !status.isOk())
      return status;
  if (options.page)
    if (Status status = setPages(func, *options.page); !status.isOk())
      return status;
  return options.dtype && isUpdated ? quantizeUpdated(func, options) : Status();
}
