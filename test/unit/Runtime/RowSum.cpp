//===- RowSum.cpp - the kernel that the runtime's tests run ---------------===//

#include "RowSum.h"

#include <fstream>
#include <iterator>

using namespace attn;
using namespace attn::test;

extern "C" void rowSumSum(const int64_t *, int64_t, int64_t, uint8_t *);
extern "C" void rowSumScale(const int64_t *, int64_t, int64_t, uint8_t *);

Manifest test::makeRowSumManifest() {
  using Argument = Manifest::Argument;
  using Parameter = Manifest::Parameter;
  Manifest m;
  m.name = "rowsum";
  m.attnVersion = "0.1.0";
  m.llvmVersion = "22.1.8";
  m.target = {"x86-64", "x86-64", {"sse2"}};
  m.ranks = {{"B", std::nullopt}, {"N", std::nullopt}};
  m.arguments = {
      Argument::tensor("x", Argument::Access::read, DType::f32, {"B", "N"}),
      Argument::scalar("scale", DType::f32),
      Argument::tensor("o", Argument::Access::write, DType::f32, {"B"})};
  m.parameters = {Parameter::pointer("x"),   Parameter::stride("x", 0),
                  Parameter::stride("x", 1), Parameter::pointer("o"),
                  Parameter::stride("o", 0), Parameter::extent("B"),
                  Parameter::extent("N"),    Parameter::scalar("scale"),
                  Parameter::workspace()};
  m.workspaceBytes = Expr::name("B") * 4;
  m.scratchBytes = 4;
  m.phases = {{"rowSumSum", Expr::name("B")}, {"rowSumScale", Expr::name("B")}};
  return m;
}

Artifact test::makeRowSumArtifact() {
  std::ifstream file(ATTN_TEST_KERNELS, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return {makeRowSumManifest(),
          {{Artifact::PayloadKind::sharedObject, std::move(bytes)}}};
}

Artifact test::makeRowSumGpuArtifact(const std::string &arch) {
  Manifest m = makeRowSumManifest();
  m.target = {arch, "", {}, 12040};
  m.parameters.clear();
  m.phases.clear();
  m.scratchBytes = 0;
  Launch launch;
  launch.symbol = "rowsum";
  launch.grid = {Expr::name("B"), 1, 1};
  launch.threads = 32;
  launch.parameters = {Launch::Parameter::pointer("x"),
                       Launch::Parameter::pointer("o"),
                       Launch::Parameter::scalar("scale")};
  m.launches = {launch};
  return {m, {{Artifact::PayloadKind::cubin, "FAKECUBIN\nrowsum 8 8 4\n"}}};
}

std::shared_ptr<const Kernel> test::makeRowSumKernel(Manifest manifest) {
  auto resolve = [](const std::string &symbol) -> KernelFunction {
    return symbol == "rowSumSum" ? rowSumSum : rowSumScale;
  };
  Result<std::shared_ptr<const Kernel>> kernel =
      Kernel::create(std::move(manifest), resolve, nullptr);
  return kernel.isOk() ? *kernel : nullptr;
}

FloatTensor::FloatTensor(std::vector<int64_t> extents)
    : shape(std::move(extents)), strides(shape.size()) {
  int64_t size = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = size;
    size *= shape[d];
  }
  data.resize(size);
  view.data = data.data();
  view.device = {kDLCPU, 0};
  view.ndim = static_cast<int>(shape.size());
  view.dtype = {kDLFloat, 32, 1};
  view.shape = shape.data();
  view.strides = strides.data();
  view.byte_offset = 0;
}
