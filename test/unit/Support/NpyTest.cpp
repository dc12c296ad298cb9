//===- NpyTest.cpp - NumPy files read, written and refused ----------------===//

#include "attn/Support/Npy.h"

#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

using namespace attn;

namespace {
/// A file of version `major`.0 with this header and as many zero bytes.
std::string makeFile(const std::string &header, size_t dataBytes,
                     int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(major), '\0'};
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + std::string(dataBytes, '\0');
}

std::string headerOf(const std::string &descr, const std::string &shape,
                     const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }\n";
}

TEST(Npy, ReadsEveryTypeAndVersion) {
  struct {
    const char *descr;
    DType dtype;
  } types[] = {{"<f4", DType::f32},  {"<f8", DType::f64},  {"<f2", DType::f16},
               {"<V2", DType::bf16}, {"|V2", DType::bf16}, {"<i4", DType::i32},
               {"<i8", DType::i64},  {"|u1", DType::u8},   {"|i1", DType::i8},
               {"|b1", DType::i1}};
  for (const auto &type : types)
    for (int major : {1, 2, 3}) {
      size_t bytes = 6 * getSizeInBytes(type.dtype);
      Result<NpyArray> array = parseNpy(
          makeFile(headerOf(type.descr, "(2, 3)"), bytes, major), "test");
      ASSERT_TRUE(array.isOk()) << array.getStatus().message();
      EXPECT_EQ(array->dtype, type.dtype);
      EXPECT_EQ(array->shape, (std::vector<int64_t>{2, 3}));
      EXPECT_EQ(array->data.size(), bytes);
    }
}

TEST(Npy, ReadsShapesAsPythonWritesThem) {
  struct {
    const char *text;
    std::vector<int64_t> shape;
  } shapes[] = {{"()", {}},
                {"(5,)", {5}},
                {"(0,)", {0}},
                {"(2,3)", {2, 3}},
                {"(2, 3,)", {2, 3}},
                {"(2L, 3L)", {2, 3}},
                {"( 2 , 3 )", {2, 3}},
                {"(7, 0, 2)", {7, 0, 2}}};
  for (const auto &test : shapes) {
    size_t count = 1;
    for (int64_t extent : test.shape)
      count *= extent;
    Result<NpyArray> array =
        parseNpy(makeFile(headerOf("|u1", test.text), count), "test");
    ASSERT_TRUE(array.isOk()) << array.getStatus().message();
    EXPECT_EQ(array->shape, test.shape);
  }
}

TEST(Npy, ReadsWhatItWrites) {
  std::string path =
      testing::TempDir() + "attn-npy-" + std::to_string(getpid()) + ".npy";
  std::mt19937 random(3);
  for (DType dtype : {DType::f32, DType::bf16, DType::i64, DType::u8})
    for (const std::vector<int64_t> &shape : {std::vector<int64_t>{},
                                              {7},
                                              {3, 0},
                                              {2, 3, 5},
                                              std::vector<int64_t>(64, 1)}) {
      NpyArray array{dtype, shape, {}};
      array.data.resize(array.getNumElements() * getSizeInBytes(dtype));
      for (char &byte : array.data)
        byte = static_cast<char>(random());
      ASSERT_TRUE(writeNpy(path, array).isOk());
      Result<NpyArray> read = readNpy(path);
      ASSERT_TRUE(read.isOk()) << read.getStatus().message();
      EXPECT_EQ(read->dtype, dtype);
      EXPECT_EQ(read->shape, shape);
      EXPECT_EQ(read->data, array.data);
      DLTensor view = read->getView();
      EXPECT_EQ(view.ndim, static_cast<int>(shape.size()));
      EXPECT_EQ(view.data, read->data.data());
    }
  std::remove(path.c_str());
}

struct Case {
  std::string file;
  const char *message;
};

TEST(Npy, RefusesWithBothFacts) {
  const Case cases[] = {
      {"", "expects an .npy array, but its first bytes are others"},
      {"\x80\x04\x95", "but got a pickle; save it with numpy.save and"},
      {"PK\x03\x04", "but got an .npz archive"},
      {"\x93NUMPY", "the file ends before it"},
      {std::string("\x93NUMPY\x04\0", 8), "3.0, but got 4.0"},
      {std::string("\x93NUMPY\x01\x01", 8), "3.0, but got 1.1"},
      {std::string("\x93NUMPY\x02\0\x01", 9), "expects a header length"},
      {std::string("\x93NUMPY\x01\0\x40\0{", 11),
       "expects a header of 64 bytes, but only 1 are left"},
      {std::string("\x93NUMPY\x02\0\xff\xff\xff\xff{}", 14),
       "expects a header of 4294967295 bytes, but only 2 are left"},
      {makeFile(headerOf(">f4", "(2,)"), 8),
       "expects little-endian elements, but got big-endian '>f4'; convert it "
       "with array.astype('<f4')"},
      {makeFile(headerOf("<f4", "(2, 2)", "True"), 16),
       "expects C order, but got Fortran order; save numpy.ascontiguousarray"},
      {makeFile(headerOf("|O", "(2,)"), 16),
       "expects numbers, but got Python objects of type '|O'"},
      {makeFile(headerOf("<c8", "(2,)"), 16), "but got '<c8'"},
      {makeFile(headerOf("<u2", "(2,)"), 4),
       "but got '<u2'; convert it, or save bf16 bits as array.view('V2')"},
      {makeFile("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': "
                "(2,), }",
                8),
       "expects a plain type, but got a structured one"},
      {makeFile(headerOf("<f4", "(2,)", "0"), 8),
       "expects fortran_order to be True or False"},
      {makeFile(headerOf("<f4", "(2)"), 8), "expects commas between the"},
      {makeFile(headerOf("<f4", "(2 3)"), 24), "expects commas between the"},
      {makeFile(headerOf("<f4", "2"), 8), "expects a tuple as shape"},
      {makeFile(headerOf("<f4", "(-2,)"), 8), "expects extents from 0 to"},
      {makeFile(headerOf("<f4", "(2.5,)"), 8), "expects commas between the"},
      {makeFile(headerOf("<f4", "(9223372036854775808,)"), 8),
       "expects extents from 0 to 2^63 - 1"},
      {makeFile(headerOf("<f4", "(4294967296, 4294967296)"), 0),
       "expects a shape of fewer than 2^63 bytes, but got (4294967296, "
       "4294967296)"},
      {makeFile(headerOf("<f4", "(4294967296, 4294967296, 0)"), 0),
       "expects a shape of fewer than 2^63 bytes"},
      {makeFile(headerOf("<f4", "(2, 2)"), 15),
       "expects 16 bytes of data for shape (2, 2) of f32, but got 15"},
      {makeFile(headerOf("<f4", "(2, 2)"), 17), "but got 17"},
      {makeFile("['descr']", 0), "expects a header that is a dictionary"},
      {makeFile("{'descr': '<f4', 'shape': (1,), }", 4),
       "expects the keys descr, fortran_order and shape, but one is absent"},
      {makeFile("{'descr': '<f4', 'descr': '<f8', }", 4),
       "expects each key once, but got 'descr' twice"},
      {makeFile("{'offset': 4, }", 4), "and shape, but got 'offset'"},
      {makeFile("{descr: 4, }", 4), "expects a header of quoted keys"},
      {makeFile("{'descr': '<f4' 'shape': (1,)}", 4), "expects a comma or a"},
      {makeFile("{'descr': '<f4", 4), "expects a type name in its header"},
      {makeFile(headerOf("<f4", "(1,)") + "{}", 4), "but more follows"},
      {makeFile(headerOf("|b1", "(1,)"), 0) + "\x07",
       "expects booleans of 0 and 1, but got the byte 7"}};
  for (const Case &test : cases) {
    Result<NpyArray> array = parseNpy(test.file, "q.npy");
    ASSERT_FALSE(array.isOk()) << test.message;
    std::string message = array.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
    EXPECT_EQ(message.rfind("q.npy: ", 0), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  std::string dims = "(";
  for (int i = 0; i < 65; ++i)
    dims += "1, ";
  Result<NpyArray> array =
      parseNpy(makeFile(headerOf("<f4", dims + ")"), 4), "q.npy");
  ASSERT_FALSE(array.isOk());
  EXPECT_NE(array.getStatus().message().find("at most 64 dimensions"),
            std::string::npos);
}

// Whatever the bytes, parsing returns; what it takes is consistent.
TEST(Npy, SurvivesTruncationAndAlteredBytes) {
  std::string file = makeFile(headerOf("<f4", "(2, 3)"), 24);
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(parseNpy(file.substr(0, size), "test").isOk());
  for (size_t i = 0; i < file.size(); ++i)
    for (int byte = 0; byte < 256; ++byte) {
      std::string altered = file;
      altered[i] = static_cast<char>(byte);
      Result<NpyArray> array = parseNpy(altered, "test");
      if (array.isOk()) {
        EXPECT_EQ(array->data.size(), size_t(array->getNumElements() *
                                             getSizeInBytes(array->dtype)));
      } else {
        EXPECT_EQ(array.getStatus().message().find('\n'), std::string::npos);
      }
    }
}

TEST(Npy, RefusesAFileThatIsNotThere) {
  Result<NpyArray> array = readNpy("no/such/file.npy");
  ASSERT_FALSE(array.isOk());
  EXPECT_EQ(array.getStatus().getCode(), StatusCode::io);
}
} // namespace
