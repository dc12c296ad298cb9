//===- CudaKernels.cpp - the GPU kernel that the runtime's tests launch ---===//

#include "CudaKernels.h"

#include <cstdlib>
#include <sstream>

using namespace attn;
using namespace attn::test;

Manifest test::makeCudaManifest() {
  using Argument = Manifest::Argument;
  using Parameter = Launch::Parameter;
  Expr b = Expr::name("B"), p = Expr::name("P");
  Manifest m;
  m.name = "both";
  m.attnVersion = "0.1.0";
  m.llvmVersion = "22.1.8";
  m.target = {"sm_90a", "", {}, 12040};
  m.ranks = {{"B", std::nullopt}, {"P", std::nullopt}, {"E", 64}};
  m.arguments = {
      Argument::tensor("q", Argument::Access::read, DType::bf16,
                       {"B", "P", "E"}),
      Argument::scalar("scale", DType::f32),
      Argument::scalar("repeats", DType::i32),
      Argument::tensor("o", Argument::Access::write, DType::f32, {"B", "P"})};
  Launch first;
  first.symbol = "first";
  first.grid = {
      min(b * ceilDiv(p, 128) * 2, Expr::name(Launch::multiprocessors)), 1, 1};
  first.threads = 384;
  first.cluster = {2, 1, 1};
  first.sharedBytes = 213000;
  first.parameters = {Parameter::scalar("scale"),
                      Parameter::tensorMap("q", {1, 128, 64}, 128),
                      Parameter::value(p + 1, DType::i32),
                      Parameter::pointer("o"),
                      Parameter::stride("q", 1),
                      Parameter::state(16),
                      Parameter::workspace(b * 8)};
  Launch second;
  second.symbol = "second";
  second.grid = {Expr::name("repeats"), b, 1};
  second.threads = 128;
  second.parameters = {Parameter::pointer("o")};
  m.launches = {first, second};
  m.stateBytes = 32;
  m.workspaceBytes = b * 64;
  return m;
}

Artifact test::makeCudaArtifact() {
  return {makeCudaManifest(),
          {{Artifact::PayloadKind::cubin,
            "FAKECUBIN\nfirst 4 128 4 8 8 8 8\nsecond 8\n"}}};
}

DeviceTensor::DeviceTensor(std::vector<int64_t> extents, DLDataType type)
    : shape(std::move(extents)), strides(shape.size()) {
  int64_t size = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = size;
    size *= shape[d];
  }
  // Room for a test's other strides.
  data.resize(3 * size * type.bits / 8 / sizeof(std::max_align_t));
  view.data = data.data();
  view.device = {kDLCUDA, 0};
  view.ndim = static_cast<int>(shape.size());
  view.dtype = type;
  view.shape = shape.data();
  view.strides = strides.data();
  view.byte_offset = 0;
}

CudaCall::CudaCall()
    : q({3, 200, 64}, {kDLBfloat, 16, 1}), o({3, 200}, {kDLFloat, 32, 1}),
      values{ArgumentValue::ofTensor("q", &q.view),
             ArgumentValue::ofReal("scale", 0.5),
             ArgumentValue::ofInteger("repeats", 5),
             ArgumentValue::ofTensor("o", &o.view)} {}

void test::useFakeCuda() {
  setenv("ATTN_CUDA_DRIVER", ATTN_FAKE_CUDA, 1);
  fakeCudaReset();
}

std::string test::describeLeaks() {
  std::string leaks;
  for (const char *kind :
       {"context", "module", "memory", "push", "range", "granule", "mapping"})
    if (int count = fakeCudaNumLive(kind))
      leaks += std::string(kind) + " " + std::to_string(count) + " ";
  return leaks;
}

std::vector<std::string> test::getCudaLog() {
  std::vector<std::string> lines;
  std::istringstream log(fakeCudaLog());
  for (std::string line; std::getline(log, line);)
    if (!line.empty())
      lines.push_back(line);
  return lines;
}
