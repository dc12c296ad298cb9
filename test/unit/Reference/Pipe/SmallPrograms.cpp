//===- SmallPrograms.cpp - pipe kernels of a few operations ---------------===//

#include "SmallPrograms.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace attn;
using namespace attn::test;

static const char *const kTypes = R"(
#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#row = #pipe.slice<1, #s>
#part = #pipe.slice<1, #s, partial>
#column = #pipe.slice<0, #s>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!ints = tensor<64x64xi32, #s>
!bits = tensor<64x64xi1, #s>
!row = tensor<64xf32, #row>
!part = tensor<64xf32, #part>
!column = tensor<64xf32, #column>
!token = !pipe.token<!tile>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!staging = !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
!in = !pipe.global<?x64xbf16>
!out = !pipe.global<?x64xf32>
!line = !pipe.global<?xf32>
!cursor = !pipe.cursor<2>
)";

std::string SmallProgram::getText() const {
  std::string number = std::to_string(groups);
  return kTypes + aliases + "!ring = !pipe.ring<2 x !slot" + ring + ">\n" + R"(
pipe.kernel @small(
    %x: !in {pipe.name = "x", pipe.access = "read", pipe.shape = ["R", 64]},
    %y: !out {pipe.name = "y", pipe.access = "write", pipe.shape = ["R", 64]},
    %b: !in {pipe.name = "b", pipe.access = "write", pipe.shape = ["R", 64]},
    %z: !line {pipe.name = "z", pipe.access = "write", pipe.shape = ["R"]})
    cluster()" +
         std::to_string(cluster) + R"() {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %f0 = arith.constant 0.0 : f32
  %r = pipe.ring readers()" +
         std::to_string(readers) + R"() : !ring
  %t = pipe.shared_tile : !staging
)" + declare +
         R"(
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !cursor
)" + load +
         R"(
  }
  pipe.role "compute" groups()" +
         number + R"() warps(4) registers(240) (%group) {
    %c = pipe.cursor : !cursor
    %i0 = pipe.coord 0 : !ints
    %i1 = pipe.coord 1 : !ints
    %same = arith.cmpi eq, %i0, %i1 : !ints
    %ones = arith.constant dense<1.0> : !half
    %zeros = arith.constant dense<0.0> : !half
    %eye = arith.select %same, %ones, %zeros : !bits, !half
)" + compute +
         R"(
  }
)" + roles +
         "}\n";
}

std::string attn::test::fill(const std::string &cursor,
                             const std::string &row) {
  return "pipe.fill %r[" + cursor + "] as %slot : !ring {\n  pipe.load %x[" +
         row + ", %c0] -> %slot : !in -> !slot\n}\n";
}

std::string attn::test::read(const std::string &cursor,
                             const std::string &name) {
  return name + "_slot = pipe.wait %r[" + cursor + "] : !ring\n" + name +
         "_token = pipe.mma_async %eye, " + name +
         "_slot contract(1, 0) : !half, !slot -> !token\n" + name +
         " = pipe.mma_wait " + name + "_token pending(0) : !token\n" +
         "pipe.release %r[" + cursor + "] : !ring\n";
}

PipeArguments attn::test::makeRows(int64_t rows) {
  PipeArguments arguments;
  ReferenceTensor &x = arguments.tensors["x"];
  x.shape = {rows, 64};
  for (int64_t i = 0; i < rows * 64; ++i)
    x.values.push_back(static_cast<double>(i % 97) / 4);
  return arguments;
}

PipeOutcome attn::test::runSmall(const SmallProgram &small,
                                 const PipeArguments &arguments,
                                 int64_t multiprocessors) {
  PipeProgram program(small.getText());
  if (!program.isValid()) {
    ADD_FAILURE() << program.getDiagnostics() << small.getText();
    return {};
  }
  PipeOutcome first;
  for (const PipeLaunch &launch : getLaunches(multiprocessors, 10)) {
    SCOPED_TRACE(describe(launch));
    PipeOutcome outcome = program.run(arguments, launch);
    EXPECT_EQ(print(outcome), "");
    if (first.results.empty()) {
      first = std::move(outcome);
      continue;
    }
    EXPECT_EQ(outcome.unwritten, first.unwritten);
    for (const auto &[name, tensor] : first.results)
      for (size_t i = 0; i < tensor.values.size(); ++i) {
        double a = tensor.values[i], b = outcome.results[name].values[i];
        EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b)))
            << name << " at " << i << ": " << a << " and " << b;
      }
  }
  return first;
}
