//===- LaneModelTest.cpp - the model of lanes, by small kernels -----------===//

#include "Lanes/LaneModel.h"

#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace attn::lanes;

namespace {
constexpr const char *kHeader = R"(
target datalayout = "e-m:e-p:64:64-p1:64:64-p2:32:32-p3:32:32-p4:64:64-p5:32:32-p6:32:32-p7:160:256:256:32-p8:128:128:128:48-p9:192:256:256:32-i64:64-v16:16-v24:32-v32:32-v48:64-v96:128-v192:256-v256:256-v512:512-v1024:1024-v2048:2048-n32:64-S32-A5-G1-ni:7:8:9"
target triple = "amdgcn-amd-amdhsa"
)";

/// Runs kernel "f" of one parameter, an array of i32.
std::string run(const std::string &text, std::vector<uint32_t> &values,
                unsigned threads = 64, unsigned waveLanes = 64,
                uint64_t seed = 0) {
  std::string error;
  auto model = LaneModel::parse(kHeader + text, error);
  if (!model)
    return error;
  model->addMemory(values.data(), values.size() * sizeof(uint32_t));
  LaneLaunch launch;
  launch.kernel = "f";
  launch.threads = threads;
  launch.waveLanes = waveLanes;
  launch.seed = seed;
  launch.mostInstructions = 50'000;
  const void *address = values.data();
  launch.parameters = {
      std::string(reinterpret_cast<const char *>(&address), 8)};
  return model->run(launch);
}

/// A kernel that stores to each lane's place what `body` makes %r of %id.
std::string makeKernel(const std::string &body) {
  return "define amdgpu_kernel void @f(ptr addrspace(1) %x) {\n"
         "  %id = call i32 @llvm.amdgcn.workitem.id.x()\n" +
         body +
         "  %p = getelementptr i32, ptr addrspace(1) %x, i32 %id\n"
         "  store i32 %r, ptr addrspace(1) %p\n"
         "  ret void\n}\n";
}

/// What each lane has, by a formula.
void expectLanes(const std::string &body, unsigned lanes,
                 uint32_t (*formula)(uint32_t lane)) {
  std::vector<uint32_t> values(lanes, 0);
  ASSERT_EQ(run(makeKernel(body), values, lanes, lanes), "");
  for (uint32_t lane = 0; lane < lanes; ++lane)
    EXPECT_EQ(values[lane], formula(lane)) << "lane " << lane;
}
} // namespace

TEST(LaneModelTest, LanesExchangeAsTheManualsSay) {
  expectLanes("  %a = xor i32 %id, 5\n  %b = shl i32 %a, 2\n"
              "  %r = call i32 @llvm.amdgcn.ds.bpermute(i32 %b, i32 %id)\n",
              64, [](uint32_t lane) { return lane ^ 5; });
  // Rows of 16 lanes exchange; lane i of a row takes lane i of the other.
  expectLanes("  %r = call i32 @llvm.amdgcn.permlanex16.i32(i32 0, i32 %id, "
              "i32 u0x76543210, i32 u0xfedcba98, i1 true, i1 false)\n",
              32, [](uint32_t lane) { return lane ^ 16; });
  expectLanes("  %c = icmp ugt i32 %id, 2\n"
              "  %b = call i64 @llvm.amdgcn.ballot.i64(i1 %c)\n"
              "  %h = lshr i64 %b, 1\n  %r = trunc i64 %h to i32\n",
              64, [](uint32_t) { return 0xfffffffcu; });
  expectLanes("  %l = call i32 @llvm.amdgcn.mbcnt.lo(i32 -1, i32 0)\n"
              "  %r = call i32 @llvm.amdgcn.mbcnt.hi(i32 -1, i32 %l)\n",
              64, [](uint32_t lane) { return lane; });
  expectLanes("  %a = add i32 %id, 7\n"
              "  %r = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %a)\n",
              64, [](uint32_t) { return 7u; });
  // row_shr:1 without bounds; row_ror:4; quad_perm:[1,0,3,2].
  expectLanes("  %r = call i32 @llvm.amdgcn.update.dpp.i32(i32 99, i32 %id, "
              "i32 273, i32 15, i32 15, i1 false)\n",
              64, [](uint32_t lane) { return lane % 16 ? lane - 1 : 99; });
  expectLanes(
      "  %r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %id, "
      "i32 292, i32 15, i32 15, i1 false)\n",
      32, [](uint32_t lane) { return lane / 16 * 16 + (lane % 16 + 12) % 16; });
  expectLanes("  %r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %id, "
              "i32 177, i32 15, i32 15, i1 true)\n",
              64, [](uint32_t lane) { return lane ^ 1; });
  expectLanes("  %r = call i32 @llvm.amdgcn.ds.swizzle(i32 %id, i32 16415)\n",
              64, [](uint32_t lane) { return lane ^ 16; });
}

// Lanes that branch apart, with loops of as many turns as their number says,
// meet again: only then do all take part in an exchange.
TEST(LaneModelTest, LanesMeetAfterLoops) {
  std::vector<uint32_t> values(64, 0);
  ASSERT_EQ(run(R"(
define amdgpu_kernel void @f(ptr addrspace(1) %x) {
entry:
  %id = call i32 @llvm.amdgcn.workitem.id.x()
  %odd = and i32 %id, 1
  %c = icmp eq i32 %odd, 0
  br i1 %c, label %after, label %loop
loop:
  %i = phi i32 [ 0, %entry ], [ %next, %latch ]
  %sum = phi i32 [ 0, %entry ], [ %more, %latch ]
  %more = add i32 %sum, %i
  %d = icmp ult i32 %i, %id
  br i1 %d, label %latch, label %after
latch:
  %next = add i32 %i, 1
  br label %loop
after:
  %v = phi i32 [ 1000, %entry ], [ %more, %loop ]
  %b = call i64 @llvm.amdgcn.ballot.i64(i1 true)
  %n = call i64 @llvm.ctpop.i64(i64 %b)
  %m = trunc i64 %n to i32
  %s = shl i32 %m, 16
  %r = add i32 %v, %s
  %p = getelementptr i32, ptr addrspace(1) %x, i32 %id
  store i32 %r, ptr addrspace(1) %p
  ret void
}
)",
                values),
            "");
  for (uint32_t lane = 0; lane < 64; ++lane)
    EXPECT_EQ(values[lane],
              (64u << 16) + (lane % 2 ? lane * (lane + 1) / 2 : 1000));
}

/// A ring of one slot: wave 0 fills it, wave 1 waits for each filling, by
/// counters in shared memory.
constexpr const char *kRing = R"(
@full = internal addrspace(3) global i32 poison
@empty = internal addrspace(3) global i32 poison
@slot = internal addrspace(3) global [64 x i32] poison
define amdgpu_kernel void @f(ptr addrspace(1) %x) {
entry:
  %id = call i32 @llvm.amdgcn.workitem.id.x()
  %first = icmp eq i32 %id, 0
  br i1 %first, label %init, label %begin
init:
  store i32 0, ptr addrspace(3) @full
  store i32 0, ptr addrspace(3) @empty
  br label %begin
begin:
  call void @llvm.amdgcn.s.barrier()
  %lane = and i32 %id, 63
  %place = getelementptr i32, ptr addrspace(3) @slot, i32 %lane
  %loads = icmp ult i32 %id, 64
  %one = icmp eq i32 %lane, 0
  br i1 %loads, label %fill, label %read
fill:
  %i = phi i32 [ 0, %begin ], [ %i1, %filled ]
  br label %wait
wait:
  %e = load atomic i32, ptr addrspace(3) @empty acquire, align 4
  %ready = icmp eq i32 %e, %i
  br i1 %ready, label %put, label %rest
rest:
  call void @llvm.amdgcn.s.sleep(i32 1)
  br label %wait
put:
  %v = mul i32 %i, %lane
  store i32 %v, ptr addrspace(3) %place
  br i1 %one, label %arrive, label %filled
arrive:
  %o = atomicrmw add ptr addrspace(3) @full, i32 1 release
  br label %filled
filled:
  %i1 = add i32 %i, 1
  %more = icmp ult i32 %i1, 10
  br i1 %more, label %fill, label %end
read:
  %j = phi i32 [ 0, %begin ], [ %j1, %taken ]
  %sum = phi i32 [ 0, %begin ], [ %sum1, %taken ]
  %j1 = add i32 %j, 1
  br label %await
await:
  %g = load atomic i32, ptr addrspace(3) @full acquire, align 4
  %there = icmp eq i32 %g, %j1
  br i1 %there, label %take, label %pause
pause:
  call void @llvm.amdgcn.s.sleep(i32 1)
  br label %await
take:
  %got = load i32, ptr addrspace(3) %place
  %sum1 = add i32 %sum, %got
  br i1 %one, label %give, label %taken
give:
  %o1 = atomicrmw add ptr addrspace(3) @empty, i32 1 release
  br label %taken
taken:
  %again = icmp ult i32 %j1, 10
  br i1 %again, label %read, label %store
store:
  %p = getelementptr i32, ptr addrspace(1) %x, i32 %lane
  store i32 %sum1, ptr addrspace(1) %p
  br label %end
end:
  ret void
}
)";

TEST(LaneModelTest, WavesOfARingTakeTurns) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<uint32_t> values(64, 0);
    ASSERT_EQ(run(kRing, values, 128, 64, seed), "") << seed;
    for (uint32_t lane = 0; lane < 64; ++lane)
      EXPECT_EQ(values[lane], 45 * lane) << seed;
  }
}

// A reader that does not wait reads what was there before, or gets ahead of the
// wave that fills, which then waits for ever; so does one that is not let go
// on.
TEST(LaneModelTest, MissingWaitsAreSeen) {
  std::string hasty = kRing;
  hasty.replace(hasty.find("br i1 %there, label %take, label %pause"), 39,
                "br i1 true, label %take, label %pause  ");
  unsigned numWrong = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<uint32_t> values(64, 0);
    numWrong += !run(hasty, values, 128, 64, seed).empty() || values[1] != 45;
  }
  EXPECT_GT(numWrong, 0u);
  std::string stuck = kRing;
  stuck.replace(stuck.find("@empty, i32 1 release"), 13, "@empty, i32 0");
  std::vector<uint32_t> values(64, 0);
  EXPECT_NE(run(stuck, values, 128).find("it does not end"), std::string::npos);
}

/// D = A B with a lane's elements where the manual says: A[16][16] and
/// B[16][16] of f16 as i32 pairs would be awkward, so lanes make small numbers.
static std::string makeMfma(const char *rowShift) {
  return std::string(R"(
define amdgpu_kernel void @f(ptr addrspace(1) %x) {
  %id = call i32 @llvm.amdgcn.workitem.id.x()
  %m = and i32 %id, 15
  %q = lshr i32 %id, )") +
         rowShift + R"(
  %k0 = shl i32 %q, 2
  %k1 = or i32 %k0, 1
  %k2 = or i32 %k0, 2
  %k3 = or i32 %k0, 3
  %ka = insertelement <4 x i32> poison, i32 %k0, i32 0
  %kb = insertelement <4 x i32> %ka, i32 %k1, i32 1
  %kc = insertelement <4 x i32> %kb, i32 %k2, i32 2
  %k = insertelement <4 x i32> %kc, i32 %k3, i32 3
  %ma = insertelement <4 x i32> poison, i32 %m, i32 0
  %mv = shufflevector <4 x i32> %ma, <4 x i32> poison, <4 x i32> zeroinitializer
  %ai = add <4 x i32> %mv, %k
  %a = uitofp <4 x i32> %ai to <4 x half>
  %bi = xor <4 x i32> %mv, %k
  %b = uitofp <4 x i32> %bi to <4 x half>
  %d = call <4 x float> @llvm.amdgcn.mfma.f32.16x16x16f16(<4 x half> %a, <4 x half> %b, <4 x float> <float 1.0, float 1.0, float 1.0, float 1.0>, i32 0, i32 0, i32 0)
  %w = bitcast <4 x float> %d to <4 x i32>
  %p = getelementptr <4 x i32>, ptr addrspace(1) %x, i32 %id
  store <4 x i32> %w, ptr addrspace(1) %p
  ret void
}
)";
}

/// Whether the results are the product of A[m][k] = m + k and B[k][n] = n ^ k.
static bool isProduct(const std::vector<uint32_t> &values) {
  for (unsigned lane = 0; lane < 64; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned m = 4 * (lane / 16) + i, n = lane % 16;
      float sum = 1, got;
      for (unsigned k = 0; k < 16; ++k)
        sum += static_cast<float>((m + k) * (n ^ k));
      std::memcpy(&got, &values[lane * 4 + i], 4);
      if (got != sum)
        return false;
    }
  return true;
}

TEST(LaneModelTest, MatrixInstructionsMultiply) {
  std::vector<uint32_t> values(256, 0);
  ASSERT_EQ(run(makeMfma("4"), values), "");
  EXPECT_TRUE(isProduct(values));
  // A lane index that is another shows.
  ASSERT_EQ(run(makeMfma("3"), values), "");
  EXPECT_FALSE(isProduct(values));
}

TEST(LaneModelTest, MistakesAreFound) {
  std::vector<uint32_t> values(64, 0);
  EXPECT_NE(run(makeKernel("  %r = add i32 %id, 0\n"), values, 128)
                .find("lane 0 is outside of memory 1"),
            std::string::npos);
  // Of a wave of 32 both halves have to hold A and B.
  EXPECT_NE(run(R"(
define amdgpu_kernel void @f(ptr addrspace(1) %x) {
  %id = call i32 @llvm.amdgcn.workitem.id.x()
  %h = uitofp i32 %id to half
  %a = insertelement <16 x half> zeroinitializer, half %h, i32 3
  %d = call <8 x float> @llvm.amdgcn.wmma.f32.16x16x16.f16.v8f32.v16f16(<16 x half> %a, <16 x half> zeroinitializer, <8 x float> zeroinitializer)
  ret void
}
)",
                values, 32, 32)
                .find("element 3 of lane 16 differs"),
            std::string::npos);
  EXPECT_NE(run(R"(
define amdgpu_kernel void @f(ptr addrspace(1) %x) {
  %id = call i32 @llvm.amdgcn.workitem.id.x()
  %c = icmp ult i32 %id, 63
  br i1 %c, label %then, label %end
then:
  %d = call <4 x float> @llvm.amdgcn.mfma.f32.16x16x16f16(<4 x half> zeroinitializer, <4 x half> zeroinitializer, <4 x float> zeroinitializer, i32 0, i32 0, i32 0)
  br label %end
end:
  ret void
}
)",
                values)
                .find("lane 63 is not there"),
            std::string::npos);
  EXPECT_NE(run("define amdgpu_kernel void @f(ptr addrspace(1) %x) {\n"
                "  call void @other()\n  ret void\n}\n"
                "declare void @other()\n",
                values)
                .find("there is no model of the function"),
            std::string::npos);
}

// What is never written reads as NaN, of any float and of any part of a word.
TEST(LaneModelTest, WhatIsNotSetIsNaN) {
  std::vector<uint32_t> values(64, 0);
  ASSERT_EQ(run("@s = internal addrspace(3) global [64 x i32] poison\n" +
                    makeKernel("  %q = getelementptr i32, ptr addrspace(3) @s, "
                               "i32 %id\n"
                               "  %r = load i32, ptr addrspace(3) %q\n"),
                values),
            "");
  float value;
  std::memcpy(&value, &values[3], 4);
  EXPECT_TRUE(std::isnan(value));
}
