//===- WgmmaTest.cpp - fragments and descriptors, bit by bit --------------===//

#include "../../../../lib/Target/NVIDIA/Wgmma.h"
#include "Programs.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;

// PTX ISA, "Register fragments for wgmma": element i of the thread's D is at
// row 16 (warp) + lane / 4 + 8 (i / 2 % 2), column 8 (i / 4) + 2 (lane % 4) + i
// % 2.
TEST(WgmmaTest, AccumulatorFragmentIsTheManuals) {
  test::Context context;
  for (int64_t columns : {8, 64, 176, 256}) {
    FragmentAttr fragment = nvidia::getWgmmaFragment(&context.get(), columns);
    ASSERT_EQ(fragment.getNumRegisters(), columns / 2);
    ASSERT_EQ(fragment.getNumLanes(), 32);
    ASSERT_EQ(fragment.getNumWarps(), 4);
    for (int64_t i = 0; i < columns / 2; ++i) {
      EXPECT_EQ(FragmentAttr::getOffset(fragment.getRegisters(), i, 0),
                8 * (i / 2 % 2));
      EXPECT_EQ(FragmentAttr::getOffset(fragment.getRegisters(), i, 1),
                8 * (i / 4) + i % 2);
    }
    for (int64_t lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(FragmentAttr::getOffset(fragment.getLanes(), lane, 0),
                lane / 4);
      EXPECT_EQ(FragmentAttr::getOffset(fragment.getLanes(), lane, 1),
                2 * (lane % 4));
    }
    for (int64_t warp = 0; warp < 4; ++warp)
      EXPECT_EQ(FragmentAttr::getOffset(fragment.getWarps(), warp, 0),
                16 * warp);
  }
}

// Of a tile of 32 rows a warp has eight: elements that a full one has eight
// rows lower are of nobody, and the others keep their order.
TEST(WgmmaTest, LowFragmentHasTheFirstEightRowsOfAWarp) {
  test::Context context;
  for (int64_t columns : {8, 64, 128}) {
    FragmentAttr full = nvidia::getWgmmaFragment(&context.get(), columns);
    FragmentAttr low = nvidia::getLowFragment(&context.get(), columns);
    ASSERT_EQ(low.getNumRegisters(), columns / 4);
    EXPECT_EQ(low.getLanes(), full.getLanes());
    for (int64_t i = 0, next = 0; i < columns / 2; ++i) {
      if (FragmentAttr::getOffset(full.getRegisters(), i, 0) != 0)
        continue;
      EXPECT_EQ(FragmentAttr::getOffset(low.getRegisters(), next, 0), 0);
      EXPECT_EQ(FragmentAttr::getOffset(low.getRegisters(), next++, 1),
                FragmentAttr::getOffset(full.getRegisters(), i, 1));
    }
    for (int64_t warp = 0; warp < 4; ++warp)
      EXPECT_EQ(FragmentAttr::getOffset(low.getWarps(), warp, 0), 8 * warp);
  }
}

static SharedType getTile(MLIRContext &context, int64_t rows, int64_t columns) {
  return SharedType::get(&context, {rows, columns}, BFloat16Type::get(&context),
                         128, 1);
}

// The constants are those that were run on an H100 (bits 16-29 the leading
// offset / 16, 32-45 the stride offset / 16, 62-63 the swizzle).
TEST(WgmmaTest, RowsAlongKHaveOneStride) {
  test::Context context;
  auto operand = nvidia::getWgmmaOperand(getTile(context.get(), 128, 128),
                                         /*contracted=*/1);
  ASSERT_TRUE(succeeded(operand));
  EXPECT_EQ(operand->descriptor, 0x4000004000010000);
  EXPECT_FALSE(operand->transpose);
  // 32 bytes a step in a panel of 128 bytes; panels of 128 rows.
  EXPECT_EQ(operand->getOffset(0), 0);
  EXPECT_EQ(operand->getOffset(1), 2);
  EXPECT_EQ(operand->getOffset(3), 6);
  EXPECT_EQ(operand->getOffset(4), 128 * 128 / 16);
  EXPECT_EQ(operand->getOffset(7), 128 * 128 / 16 + 6);
}

// Half the stride: the product's rows 16 w on are the tile's 8 w on. As run on
// an H200.
TEST(WgmmaTest, RowsOfALowTileAreEverySecondAtom) {
  test::Context context;
  auto operand = nvidia::getWgmmaOperand(getTile(context.get(), 32, 128),
                                         /*contracted=*/1, /*isLow=*/true);
  ASSERT_TRUE(succeeded(operand));
  EXPECT_EQ(operand->descriptor, 0x4000002000010000);
  EXPECT_EQ(operand->getOffset(3), 6);
  EXPECT_EQ(operand->getOffset(4), 32 * 128 / 16);
  EXPECT_TRUE(failed(nvidia::getWgmmaOperand(getTile(context.get(), 32, 128),
                                             /*contracted=*/0,
                                             /*isLow=*/true)));
}

TEST(WgmmaTest, RowsAcrossKHaveThePitchOfPanels) {
  test::Context context;
  auto narrow = nvidia::getWgmmaOperand(getTile(context.get(), 192, 128),
                                        /*contracted=*/0);
  ASSERT_TRUE(succeeded(narrow));
  EXPECT_EQ(narrow->descriptor, 0x4000004006000000);
  EXPECT_TRUE(narrow->transpose);
  // 16 rows of 128 bytes a step.
  EXPECT_EQ(narrow->getOffset(1), 128);
  EXPECT_EQ(narrow->getOffset(11), 11 * 128);
  auto wide = nvidia::getWgmmaOperand(getTile(context.get(), 176, 128),
                                      /*contracted=*/0);
  ASSERT_TRUE(succeeded(wide));
  EXPECT_EQ(wide->descriptor, 0x4000004005800000);
}

TEST(WgmmaTest, RefusesWhatNoDescriptorSays) {
  test::Context context;
  MLIRContext &mlir = context.get();
  auto narrow =
      SharedType::get(&mlir, {64, 64}, BFloat16Type::get(&mlir), 64, 1);
  EXPECT_TRUE(failed(nvidia::getWgmmaOperand(narrow, 1)));
  auto parts =
      SharedType::get(&mlir, {64, 64}, BFloat16Type::get(&mlir), 128, 4);
  EXPECT_TRUE(failed(nvidia::getWgmmaOperand(parts, 1)));
  auto floats =
      SharedType::get(&mlir, {64, 64}, Float32Type::get(&mlir), 128, 1);
  EXPECT_TRUE(failed(nvidia::getWgmmaOperand(floats, 1)));
}
