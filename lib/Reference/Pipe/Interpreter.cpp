//===- Interpreter.cpp - binds arguments and runs a kernel ------------===//

#include "attn/Reference/PipeInterpreter.h"

#include "Agent.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

static Status refuse(const std::string &name, const std::string &reason,
                     const std::string &alternative) {
  return Status::error(StatusCode::invalidArgument, "argument '" + name + "'",
                       reason, alternative);
}

static std::string describe(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

namespace {
/// Extents of ranks, and the kernel's arguments as the machine has them.
class Binder {
public:
  Binder(KernelOp kernel, const PipeArguments &arguments)
      : kernel(kernel), arguments(arguments), extents(arguments.extents) {}

  Status bind() {
    if (Status status = checkNames(); !status.isOk())
      return status;
    for (bool isWritten : {false, true})
      for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
        if (auto global = dyn_cast<GlobalType>(type);
            global && isOutput(index) == isWritten)
          if (Status status = isWritten ? bindOutput(index, global)
                                        : bindInput(index, global);
              !status.isOk())
            return status;
    // In the order of the arguments, which the machine counts by.
    for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
      std::string name = kernel.getArgumentName(index).str();
      if (isa<GlobalType>(type))
        globals.push_back(std::move(bound[name]));
      else
        scalars.push_back(toScalar(type, arguments.scalars.at(name)));
    }
    return {};
  }

  std::vector<Global> globals;
  std::vector<Scalar> scalars;

private:
  StringRef getAccess(unsigned index) {
    return kernel.getArgAttrOfType<StringAttr>(index, kAccessAttr).getValue();
  }
  bool isOutput(unsigned index) { return getAccess(index) == "write"; }

  Status checkNames() {
    size_t numTensors = 0, numScalars = 0;
    for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
      std::string name = kernel.getArgumentName(index).str();
      bool isTensor = isa<GlobalType>(type);
      if (isTensor && isOutput(index))
        continue;
      ++(isTensor ? numTensors : numScalars);
      if (isTensor ? !arguments.tensors.count(name)
                   : !arguments.scalars.count(name))
        return refuse(name, "is not bound",
                      isTensor ? "give a tensor" : "give a scalar");
    }
    if (numTensors != arguments.tensors.size() ||
        numScalars != arguments.scalars.size())
      return refuse(
          kernel.getSymName().str(),
          "the kernel reads " + std::to_string(numTensors) + " tensors and " +
              std::to_string(numScalars) + " scalars, but " +
              std::to_string(arguments.tensors.size()) + " and " +
              std::to_string(arguments.scalars.size()) + " were given",
          "give those only");
    return {};
  }

  Status bindInput(unsigned index, GlobalType type) {
    std::string name = kernel.getArgumentName(index).str();
    const ReferenceTensor &tensor = arguments.tensors.at(name);
    auto shape = kernel.getArgAttrOfType<ArrayAttr>(index, kShapeAttr);
    if (tensor.shape.size() != shape.size())
      return refuse(name,
                    "has " + std::to_string(tensor.shape.size()) +
                        " dimensions instead of " +
                        std::to_string(shape.size()),
                    "give a tensor of that many");
    for (auto [entry, extent] : llvm::zip_equal(shape, tensor.shape)) {
      int64_t expected = extent;
      if (auto constant = dyn_cast<IntegerAttr>(entry))
        expected = constant.getInt();
      else
        expected = extents.try_emplace(cast<StringAttr>(entry).str(), extent)
                       .first->second;
      if (extent != expected)
        return refuse(name,
                      "has shape " + describe(tensor.shape) +
                          " where an extent is " + std::to_string(expected),
                      "give tensors of one extent for each rank");
    }
    Global global = makeGlobal(name, type, tensor.shape);
    if (Status status = checkSize(global); !status.isOk())
      return status;
    if (tensor.getNumElements() != static_cast<int64_t>(tensor.values.size()))
      return refuse(name,
                    "has " + std::to_string(tensor.values.size()) +
                        " values for shape " + describe(tensor.shape),
                    "give one for each element");
    for (double value : tensor.values)
      global.values.push_back(toScalar(type.getElementType(), value));
    if (getAccess(index) == "update") {
      global.isWritten = true;
      global.writer.assign(global.values.size(), -1);
    }
    bound[name] = std::move(global);
    return {};
  }

  Status bindOutput(unsigned index, GlobalType type) {
    std::string name = kernel.getArgumentName(index).str();
    std::vector<int64_t> shape;
    for (Attribute entry :
         kernel.getArgAttrOfType<ArrayAttr>(index, kShapeAttr)) {
      if (auto constant = dyn_cast<IntegerAttr>(entry)) {
        shape.push_back(constant.getInt());
        continue;
      }
      auto extent = extents.find(cast<StringAttr>(entry).str());
      if (extent == extents.end())
        return refuse(name, "has a rank without an extent",
                      "give the extent of '" + cast<StringAttr>(entry).str() +
                          "'");
      shape.push_back(extent->second);
    }
    Global global = makeGlobal(name, type, shape);
    if (Status status = checkSize(global); !status.isOk())
      return status;
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    global.isWritten = true;
    global.values.assign(count, getUndefined(type.getElementType()));
    global.writer.assign(count, -1);
    bound[name] = std::move(global);
    return {};
  }

  static Global makeGlobal(const std::string &name, GlobalType type,
                           const std::vector<int64_t> &shape) {
    Global global;
    global.name = name;
    global.elementType = type.getElementType();
    global.shape = shape;
    return global;
  }

  static Status checkSize(const Global &global) {
    constexpr int64_t limit = std::numeric_limits<int32_t>::max();
    int64_t count = 1;
    for (int64_t extent : global.shape) {
      if (extent < 0 || extent > limit)
        return refuse(global.name,
                      "has extent " + std::to_string(extent) +
                          ", which 32 bits do not hold",
                      "give extents of 0 to 2147483647");
      if (llvm::MulOverflow(count, extent, count) || count > limit)
        return Status::error(
            StatusCode::resourceExhausted, "argument '" + global.name + "'",
            "has more than 2147483647 elements", "interpret smaller shapes");
    }
    return {};
  }

  KernelOp kernel;
  const PipeArguments &arguments;
  std::map<std::string, int64_t> extents;
  std::map<std::string, Global> bound;
};
} // namespace

Result<PipeOutcome> attn::interpretPipe(KernelOp kernel,
                                        const PipeArguments &arguments,
                                        const PipeLaunch &launch) {
  Binder binder(kernel, arguments);
  if (Status status = binder.bind(); !status.isOk())
    return status;
  if (launch.multiprocessors < 1)
    return refuse("multiprocessors",
                  "is " + std::to_string(launch.multiprocessors),
                  "give 1 or more");
  Machine machine(kernel, launch, std::move(binder.globals),
                  std::move(binder.scalars));
  machine.run();
  PipeOutcome outcome;
  outcome.findings = std::move(machine.findings);
  outcome.operations = machine.operations;
  for (const Global &global : machine.globals) {
    if (!global.isWritten)
      continue;
    ReferenceTensor result;
    result.shape = global.shape;
    for (Scalar value : global.values)
      result.values.push_back(toNumber(global.elementType, value));
    outcome.results[global.name] = std::move(result);
    outcome.unwritten[global.name] = llvm::count(global.writer, -1);
  }
  return outcome;
}

void attn::emitFindings(const PipeOutcome &outcome) {
  for (const PipeFinding &finding : outcome.findings) {
    InFlightDiagnostic diag = emitError(finding.location) << finding.message;
    for (const auto &[location, text] : finding.notes)
      diag.attachNote(location) << text;
  }
}
