//===- RunPipe.cpp - runs pipe programs of the tests ----------------------===//

#include "RunPipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace attn;
using namespace attn::test;

PipeProgram::PipeProgram(const std::string &text)
    : diagnostics(std::make_unique<std::string>()),
      context(std::make_unique<mlir::MLIRContext>()) {
  context->disableMultithreading();
  context->loadDialect<pipe::PipeDialect, mlir::arith::ArithDialect,
                       mlir::math::MathDialect, mlir::scf::SCFDialect>();
  context->getDiagEngine().registerHandler(
      [text = diagnostics.get()](mlir::Diagnostic &diagnostic) {
        *text += diagnostic.str() + "\n";
      });
  module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
}

PipeProgram PipeProgram::load(const std::string &name) {
  std::string path = std::string(ATTN_PROGRAMS_DIR) + "/" + name + ".mlir";
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return PipeProgram(buffer ? (*buffer)->getBuffer().str() : "no " + path);
}

bool PipeProgram::verify() { return succeeded(mlir::verify(*module)); }

pipe::KernelOp PipeProgram::getKernel() {
  return *module->getOps<pipe::KernelOp>().begin();
}

PipeOutcome PipeProgram::run(const PipeArguments &arguments,
                             const PipeLaunch &launch) {
  Result<PipeOutcome> outcome = interpretPipe(getKernel(), arguments, launch);
  if (outcome.isOk())
    return std::move(*outcome);
  ADD_FAILURE() << outcome.getStatus().message();
  return {};
}

static unsigned getLine(mlir::Location location) {
  auto line = mlir::dyn_cast<mlir::FileLineColLoc>(location);
  return line ? line.getLine() : 0;
}

std::string attn::test::print(const PipeOutcome &outcome) {
  std::string text;
  for (const PipeFinding &finding : outcome.findings) {
    text += std::to_string(getLine(finding.location)) + ": " + finding.message +
            "\n";
    for (const auto &[location, note] : finding.notes)
      text += "  " + std::to_string(getLine(location)) + ": " + note + "\n";
  }
  return text;
}

std::vector<PipeLaunch> attn::test::getLaunches(int64_t multiprocessors,
                                                unsigned numSeeds) {
  PipeLaunch launch;
  launch.multiprocessors = multiprocessors;
  std::vector<PipeLaunch> launches;
  for (PipeSchedule schedule : {PipeSchedule::roundRobin,
                                PipeSchedule::earliest, PipeSchedule::latest}) {
    launch.schedule = schedule;
    launches.push_back(launch);
  }
  launch.schedule = PipeSchedule::random;
  for (launch.seed = 0; launch.seed < numSeeds; ++launch.seed)
    launches.push_back(launch);
  return launches;
}

std::string attn::test::describe(const PipeLaunch &launch) {
  static const char *const names[] = {"round robin", "earliest", "latest",
                                      "random"};
  return std::string(names[static_cast<int>(launch.schedule)]) + ", seed " +
         std::to_string(launch.seed) + ", " +
         std::to_string(launch.multiprocessors) + " multiprocessors";
}

double attn::test::roundToBf16(double value) {
  float narrow = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof bits);
  bits += 0x7FFF + ((bits >> 16) & 1);
  bits &= 0xFFFF0000;
  std::memcpy(&narrow, &bits, sizeof bits);
  return narrow;
}

ReferenceTensor attn::test::makeNormal(std::vector<int64_t> shape,
                                       uint64_t seed) {
  std::mt19937_64 random(seed);
  // Box and Muller's, as std::normal_distribution differs between libraries.
  auto uniform = [&] { return (random() >> 11) * 0x1p-53 + 0x1p-54; };
  ReferenceTensor tensor;
  tensor.shape = std::move(shape);
  int64_t count = tensor.getNumElements();
  for (int64_t i = 0; i < count; ++i)
    tensor.values.push_back(
        roundToBf16(std::sqrt(-2 * std::log(uniform())) *
                    std::cos(2 * std::acos(-1.0) * uniform())));
  return tensor;
}
