//===- HostTensorTest.cpp - tensors of any type and layout
//-------------------===//

#include "attn/Driver/HostTensor.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace attn;

static const double kNaN = std::numeric_limits<double>::quiet_NaN();
static const double kInf = std::numeric_limits<double>::infinity();
static const Layout kLayouts[] = {Layout::contiguous, Layout::transposed,
                                  Layout::strided, Layout::misaligned,
                                  Layout::reversed};

TEST(HostTensor, KeepsValuesInEveryTypeAndLayout) {
  std::vector<double> values = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
  for (Layout layout : kLayouts)
    for (DType type : {DType::f32, DType::f64, DType::bf16, DType::f16,
                       DType::i64, DType::i32, DType::u8, DType::i8}) {
      auto tensor = HostTensor::create(type, {2, 3, 4}, layout);
      ASSERT_TRUE(tensor.isOk());
      tensor->setValues(values);
      EXPECT_EQ(tensor->getValues(), values);
      EXPECT_TRUE(tensor->areGapsUntouched());
      // The view says where the elements are.
      DLTensor view = tensor->getView();
      ASSERT_EQ(view.ndim, 3);
      if (type != DType::f32)
        continue;
      for (int64_t i = 0; i < 24; ++i) {
        int64_t offset = i / 12 * view.strides[0] +
                         i / 4 % 3 * view.strides[1] + i % 4 * view.strides[2];
        EXPECT_EQ(static_cast<float *>(view.data)[offset], values[i]);
      }
    }
}

TEST(HostTensor, SpecialValues) {
  for (DType type : {DType::f32, DType::bf16, DType::f16}) {
    auto tensor = HostTensor::create(type, {5}, Layout::contiguous);
    ASSERT_TRUE(tensor.isOk());
    tensor->setValues({kNaN, kInf, -kInf, -0.0, 0x1p-24});
    std::vector<double> back = tensor->getValues();
    EXPECT_TRUE(std::isnan(back[0]));
    EXPECT_EQ(back[1], kInf);
    EXPECT_EQ(back[2], -kInf);
    EXPECT_TRUE(std::signbit(back[3]));
    EXPECT_EQ(back[4], 0x1p-24);
  }
}

// Against the compiler's own conversion where it has one.
TEST(HostTensor, RoundsLikeTheHardware) {
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double value = std::ldexp(static_cast<double>(static_cast<int64_t>(state)),
                              -60 - static_cast<int>(state >> 20 & 31));
    EXPECT_EQ(roundToType(value, DType::f32), static_cast<float>(value));
    EXPECT_EQ(roundToType(value, DType::f16),
              static_cast<double>(static_cast<_Float16>(value)));
    // bf16 by adding half of its last bit to the bits of f32, ties to even.
    auto single = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &single, 4);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    std::memcpy(&single, &bits, 4);
    EXPECT_EQ(roundToType(static_cast<float>(value), DType::bf16), single);
  }
  EXPECT_EQ(roundToType(65520, DType::f16), kInf);
  EXPECT_EQ(roundToType(1e39, DType::bf16), kInf);
  EXPECT_EQ(roundToType(300, DType::u8), 255);
  EXPECT_EQ(roundToType(-1.5, DType::i32), -2);
}

TEST(HostTensor, SeesWritesOutsideTheElements) {
  for (Layout layout : {Layout::strided, Layout::misaligned}) {
    auto tensor = HostTensor::create(DType::f32, {2, 4}, layout);
    ASSERT_TRUE(tensor.isOk());
    tensor->setValues(std::vector<double>(8, 1));
    DLTensor view = tensor->getView();
    auto *data = static_cast<float *>(view.data);
    data[view.strides[0]] = 5; // An element.
    EXPECT_TRUE(tensor->areGapsUntouched());
    data[view.strides[0] + 4 * view.strides[1]] = 5; // After the last one.
    EXPECT_FALSE(tensor->areGapsUntouched());
  }
}

TEST(HostTensor, RefusesHugeAndTakesEmpty) {
  auto huge = HostTensor::create(DType::f32, {1ll << 31, 1ll << 31},
                                 Layout::contiguous);
  ASSERT_FALSE(huge.isOk());
  EXPECT_EQ(huge.getStatus().message(),
            "tensor: a tensor of more than 2^38 bytes is asked for; use "
            "smaller extents");
  for (Layout layout : kLayouts) {
    auto none = HostTensor::create(DType::f32, {2, 0, 3}, layout);
    ASSERT_TRUE(none.isOk());
    none->setValues({});
    EXPECT_EQ(none->getNumElements(), 0);
    EXPECT_TRUE(none->areGapsUntouched());
  }
}
