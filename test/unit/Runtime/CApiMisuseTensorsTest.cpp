//===- CApiMisuseTensorsTest.cpp - tensors that no kernel may touch -------===//

#include "Misuse.h"

#include <limits>

using namespace attn;
using namespace attn::test;

namespace {
constexpr int64_t most = std::numeric_limits<int64_t>::max();
constexpr int64_t least = std::numeric_limits<int64_t>::min();

/// One way to spoil the tensor `argument` of a call that works.
struct Spoil {
  std::string name, argument;
  std::function<void(WideCall &)> apply;
  attn_status expected = ATTN_INVALID_ARGUMENT;
};

/// Each by attn_plan_prepare, and by attn_plan_rebind, after which the plan is
/// what it was.
void refusesEach(const std::vector<Spoil> &spoils) {
  for (const Spoil &spoil : spoils) {
    SCOPED_TRACE(spoil.name);
    WideCall call;
    attn_plan plan;
    ASSERT_EQ(call.prepare(&plan), ATTN_OK) << attn_last_error_message();
    spoil.apply(call);
    const std::string about = "argument " + spoil.argument;
    refusesToMake<attn_plan>(
        "prepare: " + spoil.name, spoil.expected, about,
        [&](attn_plan *made) { return call.prepare(made); });
    refuses("rebind: " + spoil.name, spoil.expected, about, [&] {
      return attn_plan_rebind(plan, &call.get(spoil.argument), 1);
    });
    call.expectRuns(plan);
    EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  }
}

TEST(CApiMisuseTensors, Dimensions) {
  std::vector<Spoil> spoils;
  // One with fewer dimensions than it has extents, and with more.
  for (int ndim : {-1, 0, 1, 3, 65, std::numeric_limits<int>::max(),
                   std::numeric_limits<int>::min()})
    spoils.push_back({"x of " + std::to_string(ndim) + " dimensions", "x",
                      [=](WideCall &c) { c.x.view.ndim = ndim; }});
  spoils.push_back({"o of no dimension, as a scalar", "o",
                    [](WideCall &c) { c.o.view.ndim = 0; }});
  refusesEach(spoils);
}

TEST(CApiMisuseTensors, Extents) {
  refusesEach({
      {"no extents", "x", [](WideCall &c) { c.x.view.shape = nullptr; }},
      {"no extents of an output", "o",
       [](WideCall &c) { c.o.view.shape = nullptr; }},
      {"extent -1", "x", [](WideCall &c) { c.x.shape[1] = -1; }},
      {"first extent -1", "x", [](WideCall &c) { c.x.shape[0] = -1; }},
      {"extent INT64_MIN", "x", [](WideCall &c) { c.x.shape[1] = least; }},
      {"two negative extents", "x", [](WideCall &c) { c.x.shape = {-2, -3}; }},
      {"output of extent -2", "o", [](WideCall &c) { c.o.shape[0] = -2; }},
      {"extents of x and o disagree", "o",
       [](WideCall &c) { c.o.shape[0] = 1; }},
      {"extents of x and p disagree", "p",
       [](WideCall &c) { c.p.shape[0] = 3; }},
      {"extents of x and u disagree", "u",
       [](WideCall &c) { c.u.shape[0] = 4; }},
      {"an empty tensor beside a full one", "o",
       [](WideCall &c) { c.o.shape[0] = 0; }},
      {"7 where the rank has 8", "e", [](WideCall &c) { c.e.shape[0] = 7; }},
      {"0 where the rank has 8", "e", [](WideCall &c) { c.e.shape[0] = 0; }},
      {"5 where the shape says 4", "f", [](WideCall &c) { c.f.shape[0] = 5; }},
      {"-4 where the shape says 4", "f",
       [](WideCall &c) { c.f.shape[0] = -4; }},
      {"17 where at most 16 are covered", "m",
       [](WideCall &c) {
         c.m.shape[0] = 17;
         c.m.strides[0] = 0;
       }},
      {"INT64_MAX where at most 16 are covered", "m",
       [](WideCall &c) {
         c.m.shape[0] = most;
         c.m.strides[0] = 0;
       }},
  });
}

// A size that overflows, or that no memory has.
TEST(CApiMisuseTensors, ExtentsThatOverflow) {
  for (int64_t extent : {most, int64_t(1) << 62, int64_t(1) << 61})
    for (bool isCompact : {false, true}) {
      WideCall call;
      call.x.shape = {2, extent};
      call.u.shape = {extent};
      if (isCompact)
        call.x.view.strides = call.u.view.strides = nullptr;
      refusesToMake<attn_plan>(
          "prepare: " + std::to_string(extent) + " elements" +
              (isCompact ? ", compact" : ", strided"),
          ATTN_INVALID_ARGUMENT, "argument x",
          [&](attn_plan *made) { return call.prepare(made); });
      call.x.view.strides = call.x.strides.data();
      call.u.view.strides = call.u.strides.data();
      call.x.shape = {2, 3};
      call.u.shape = {3};
      call.expectWorks();
    }
}

TEST(CApiMisuseTensors, Types) {
  std::vector<Spoil> spoils;
  for (int code : {kDLInt, kDLUInt, kDLOpaqueHandle, kDLBfloat, kDLComplex})
    spoils.push_back(
        {"x of type code " + std::to_string(code), "x", [=](WideCall &c) {
           c.x.view.dtype.code = static_cast<uint8_t>(code);
         }});
  for (int code : {99, 255})
    spoils.push_back({"x of the unknown type code " + std::to_string(code), "x",
                      [=](WideCall &c) {
                        c.x.view.dtype.code = static_cast<uint8_t>(code);
                      }});
  for (int bits : {0, 1, 8, 16, 31, 33, 64, 128, 255})
    spoils.push_back(
        {"x of " + std::to_string(bits) + " bits", "x", [=](WideCall &c) {
           c.x.view.dtype.bits = static_cast<uint8_t>(bits);
         }});
  for (int lanes : {0, 2, 4, 65535})
    spoils.push_back(
        {"x of " + std::to_string(lanes) + " lanes", "x", [=](WideCall &c) {
           c.x.view.dtype.lanes = static_cast<uint16_t>(lanes);
         }});
  spoils.push_back(
      {"o of no lanes", "o", [](WideCall &c) { c.o.view.dtype.lanes = 0; }});
  spoils.push_back(
      {"o of f64", "o", [](WideCall &c) { c.o.view.dtype.bits = 64; }});
  spoils.push_back({"f16 for bf16", "e",
                    [](WideCall &c) { c.e.view.dtype.code = kDLFloat; }});
  spoils.push_back(
      {"i8 for u8", "f", [](WideCall &c) { c.f.view.dtype.code = kDLInt; }});
  spoils.push_back(
      {"i32 for i64", "m", [](WideCall &c) { c.m.view.dtype.bits = 32; }});
  refusesEach(spoils);
}

TEST(CApiMisuseTensors, Devices) {
  std::vector<Spoil> spoils;
  for (int type : {0, -1, 999, int(kDLCUDA), int(kDLOpenCL), int(kDLVulkan),
                   int(kDLMetal), int(kDLVPI), int(kDLROCM), int(kDLExtDev)})
    spoils.push_back(
        {"x on device type " + std::to_string(type), "x", [=](WideCall &c) {
           c.x.view.device.device_type = static_cast<DLDeviceType>(type);
         }});
  spoils.push_back({"o on a GPU", "o", [](WideCall &c) {
                      c.o.view.device.device_type = kDLCUDA;
                    }});
  spoils.push_back({"an updated tensor on a GPU", "u", [](WideCall &c) {
                      c.u.view.device.device_type = kDLCUDA;
                    }});
  refusesEach(spoils);
}

TEST(CApiMisuseTensors, Addresses) {
  std::vector<Spoil> spoils;
  for (const char *name : {"x", "o", "u", "e"})
    spoils.push_back(
        {std::string(name) + " without data", name, [=](WideCall &c) {
           const_cast<DLTensor *>(c.get(name).tensor)->data = nullptr;
         }});
  for (int bytes : {1, 2, 3}) {
    spoils.push_back(
        {"x " + std::to_string(bytes) + " bytes off", "x", [=](WideCall &c) {
           c.x.view.data = reinterpret_cast<char *>(c.x.data.data()) + bytes;
         }});
    spoils.push_back({"x with a byte_offset of " + std::to_string(bytes), "x",
                      [=](WideCall &c) {
                        c.x.view.byte_offset = static_cast<uint64_t>(bytes);
                      }});
  }
  spoils.push_back(
      {"o 2 bytes off", "o", [](WideCall &c) { c.o.view.byte_offset = 2; }});
  spoils.push_back({"m 4 bytes off, of elements of 8", "m",
                    [](WideCall &c) { c.m.view.byte_offset = 4; }});
  spoils.push_back({"a byte_offset of 2^64 - 4", "x", [](WideCall &c) {
                      c.x.view.byte_offset = UINT64_MAX - 3;
                    }});
  spoils.push_back(
      {"a byte_offset of 2^64 - 4 of an output", "o",
       [](WideCall &c) { c.o.view.byte_offset = UINT64_MAX - 3; }});
  spoils.push_back({"a byte_offset of 2^63", "x", [](WideCall &c) {
                      c.x.view.byte_offset = uint64_t(1) << 63;
                    }});
  spoils.push_back({"data where no process has any", "x", [](WideCall &c) {
                      c.x.view.data =
                          reinterpret_cast<void *>(uintptr_t(1) << 63);
                    }});
  spoils.push_back(
      {"data that ends beyond the address space", "x", [](WideCall &c) {
         c.x.view.data = reinterpret_cast<void *>(UINTPTR_MAX - 7);
       }});
  spoils.push_back(
      {"strides to before the address space", "x", [](WideCall &c) {
         c.x.view.data = reinterpret_cast<void *>(4096);
         c.x.strides = {-100000, 1};
       }});
  refusesEach(spoils);
}

TEST(CApiMisuseTensors, Strides) {
  std::vector<Spoil> spoils;
  for (int64_t stride : {most, least, least + 1, int64_t(1) << 62,
                         int64_t(1) << 61, -(int64_t(1) << 61)})
    spoils.push_back({"a stride of " + std::to_string(stride), "x",
                      [=](WideCall &c) { c.x.strides[0] = stride; }});
  spoils.push_back({"two strides that overflow together", "x", [](WideCall &c) {
                      c.x.strides = {int64_t(1) << 60, int64_t(1) << 60};
                    }});
  spoils.push_back({"a stride of INT64_MAX of an output", "o",
                    [](WideCall &c) { c.o.strides[0] = most; }});
  refusesEach(spoils);
}

TEST(CApiMisuseTensors, Overlap) {
  refusesEach({
      {"an output onto itself by a stride of 0", "o",
       [](WideCall &c) { c.o.strides[0] = 0; }},
      {"an updated tensor onto itself", "u",
       [](WideCall &c) { c.u.strides[0] = 0; }},
      {"an output in an input", "o",
       [](WideCall &c) { c.o.view.data = &c.x.data[1]; }},
      {"an output at an input's last element", "o",
       [](WideCall &c) { c.o.view.data = &c.x.data[5]; }},
      {"an output before an input, into it", "o",
       [](WideCall &c) {
         c.o.view.data = &c.x.data[0];
         c.o.strides[0] = -1;
       }},
      {"an output in an input by its byte_offset", "o",
       [](WideCall &c) {
         c.o.view.data = c.x.data.data();
         c.o.view.byte_offset = 8;
       }},
      {"an output in another", "o",
       [](WideCall &c) { c.o.view.data = c.p.data.data(); }},
      {"an output in what is updated", "o",
       [](WideCall &c) { c.o.view.data = &c.u.data[1]; }},
      {"what is updated in an input", "u",
       [](WideCall &c) { c.u.view.data = &c.x.data[3]; }},
      {"an output in bytes of another type", "o",
       [](WideCall &c) { c.o.view.data = c.e.data.data(); }},
      {"an output's elements between an input's", "o",
       [](WideCall &c) {
         c.o.view.data = &c.x.data[1];
         c.o.strides[0] = 2;
       }},
  });
}

// What looks like misuse and is none: the same checks let it pass.
TEST(CApiMisuseTensors, AreNotRefusedForStridesThatAreRight) {
  WideCall call;
  // Backwards, and an input that is read twice.
  call.o.view.data = &call.o.data[1];
  call.o.strides[0] = -1;
  call.x.strides = {0, 1};
  attn_plan plan;
  ASSERT_EQ(call.prepare(&plan), ATTN_OK) << attn_last_error_message();
  ASSERT_EQ(attn_plan_run(plan), ATTN_OK);
  EXPECT_EQ(call.o.data, (std::vector<float>{3, 3}));
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  // Strides of a dimension of one element are not looked at.
  call.x.shape = {1, 3};
  call.o.shape = call.p.shape = {1};
  call.x.strides[0] = call.o.strides[0] = call.p.strides[0] = most;
  EXPECT_EQ(call.prepare(&plan), ATTN_OK) << attn_last_error_message();
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  // Nothing is at an address where there are no elements.
  call.x.shape = {0, 3};
  call.o.shape = call.p.shape = {0};
  call.x.view.data = call.o.view.data = call.p.view.data = nullptr;
  EXPECT_EQ(call.prepare(&plan), ATTN_OK) << attn_last_error_message();
  EXPECT_EQ(attn_plan_run(plan), ATTN_OK);
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}
} // namespace
