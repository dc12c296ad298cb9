//===- TvmFfiTest.cpp - kernels as functions of TVM-FFI -------------------===//
//
// The library is loaded as TVM-FFI loads modules, and this program stands for
// libtvm_ffi: values are laid out here by the description of its C interface.
//
//===----------------------------------------------------------------------===//

#include "RowSum.h"

#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>

using namespace attn::test;

namespace {
/// 16 bytes: the type's number, a small string's length, the value.
struct Value {
  int32_t type = 0;
  uint32_t length = 0;
  union {
    int64_t integer = 0;
    double real;
    const void *pointer;
    char characters[8];
  };

  static Value ofInt(int64_t integer) {
    Value value;
    value.type = 1;
    value.integer = integer;
    return value;
  }
  static Value ofFloat(double real) {
    Value value;
    value.type = 3;
    value.real = real;
    return value;
  }
  static Value ofPointer(int32_t type, const void *pointer) {
    Value value;
    value.type = type;
    value.pointer = pointer;
    return value;
  }
};

/// 24 bytes in front of what an object holds.
struct Header {
  uint64_t counts = 1;
  int32_t type;
  uint32_t padding = 0;
  void *deleter = nullptr;
};

struct TensorObject {
  Header header{1, 70};
  DLTensor tensor;
};

struct StringObject {
  Header header{1, 65};
  const char *data;
  size_t size;
};

using Call = int (*)(void *, const Value *, int32_t, Value *);

/// What createFunction was given.
struct Function {
  void *self;
  Call call;
  void (*deleter)(void *);
};

std::string raisedKind, raisedMessage;
bool failsToCreate = false;
} // namespace

extern "C" {
int TVMFFIFunctionCreate(void *self, Call call, void (*deleter)(void *),
                         void **function) {
  if (failsToCreate)
    return -1;
  *function = new Function{self, call, deleter};
  return 0;
}
void TVMFFIErrorSetRaisedFromCStr(const char *kind, const char *message) {
  raisedKind = kind;
  raisedMessage = message;
}
void *TVMFFIEnvGetStream(int32_t, int32_t) { return nullptr; }
}

namespace {
class TvmFfi : public testing::Test {
protected:
  void SetUp() override {
    library = dlopen(ATTN_RUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library) << dlerror();
    std::string bytes = *makeRowSumArtifact().serialize();
    std::ofstream(path, std::ios::binary) << bytes;
  }
  void TearDown() override { std::remove(path.c_str()); }

  Call find(const char *name) {
    return reinterpret_cast<Call>(dlsym(library, name));
  }

  std::unique_ptr<Function> load(std::vector<Value> arguments) {
    Value result;
    int status = find("__tvm_ffi_load_kernel")(
        nullptr, arguments.data(), int32_t(arguments.size()), &result);
    if (status != 0)
      return nullptr;
    EXPECT_EQ(result.type, 68);
    return std::unique_ptr<Function>(
        static_cast<Function *>(const_cast<void *>(result.pointer)));
  }

  Value getPath() const { return Value::ofPointer(8, path.c_str()); }

  std::string path =
      testing::TempDir() + "tvm-ffi-" + std::to_string(getpid()) + ".attn";
  void *library = nullptr;
};

TEST_F(TvmFfi, CallsWithTensorsOfBothKinds) {
  StringObject text{{1, 65}, path.data(), path.size()};
  for (const std::vector<Value> &arguments :
       {std::vector<Value>{getPath()},
        {Value::ofPointer(65, &text), Value::ofInt(3)}}) {
    std::unique_ptr<Function> function = load(arguments);
    ASSERT_TRUE(function) << raisedMessage;
    for (float first : {1.0f, 5.0f}) {
      FloatTensor x({2, 3}), o({2});
      x.data = {first, 2, 3, 4, 5, 6};
      TensorObject object;
      object.tensor = x.view;
      Value given[] = {Value::ofPointer(70, &object), Value::ofFloat(0.5),
                       Value::ofPointer(7, &o.view)};
      Value result = Value::ofInt(3);
      ASSERT_EQ(function->call(function->self, given, 3, &result), 0)
          << raisedMessage;
      EXPECT_EQ(result.type, 0);
      EXPECT_EQ(o.data, (std::vector<float>{7.5f, (first + 5) / 2}));
    }
    function->deleter(function->self);
  }
}

TEST_F(TvmFfi, RaisesWhatTheRuntimeRefuses) {
  std::unique_ptr<Function> function = load({getPath()});
  ASSERT_TRUE(function) << raisedMessage;
  FloatTensor x({2, 3}), o({3});
  Value result;
  auto refuses = [&](std::vector<Value> arguments, const char *kind,
                     const char *message) {
    EXPECT_EQ(function->call(function->self, arguments.data(),
                             int32_t(arguments.size()), &result),
              -1);
    EXPECT_EQ(raisedKind, kind);
    EXPECT_NE(raisedMessage.find(message), std::string::npos) << raisedMessage;
  };
  Value input = Value::ofPointer(7, &x.view),
        output = Value::ofPointer(7, &o.view);
  refuses({input, output}, "ValueError",
          "expects 3 arguments (x, scale, o), but got 2");
  refuses({input, Value::ofPointer(11, nullptr), output}, "ValueError",
          "argument scale: expects a number, but got a value of TVM-FFI's type "
          "11");
  refuses({Value::ofInt(1), Value::ofInt(1), output}, "ValueError",
          "argument x: expects a tensor");
  refuses({Value::ofPointer(7, nullptr), Value::ofInt(1), output}, "ValueError",
          "argument x");
  refuses({input, Value::ofInt(1), output}, "ValueError", "argument o");
  function->deleter(function->self);
}

TEST_F(TvmFfi, RaisesWhatCannotBeLoaded) {
  auto refuses = [&](const std::vector<Value> &arguments, const char *message) {
    raisedMessage.clear();
    EXPECT_FALSE(load(arguments));
    EXPECT_NE(raisedMessage.find(message), std::string::npos) << raisedMessage;
  };
  refuses({}, "expects a path and a number of threads, but got 0");
  refuses({Value::ofInt(3)}, "argument path: expects a string");
  refuses({getPath(), getPath()}, "argument threads: expects a number");
  for (int64_t threads : {int64_t(0), int64_t(-1), int64_t(1) << 40})
    refuses({getPath(), Value::ofInt(threads)}, "threads");
  Value small;
  small.type = 11;
  small.length = 5;
  std::memcpy(small.characters, "/none", 5);
  refuses({small}, "/none: expects to open it");
  failsToCreate = true;
  refuses({getPath()}, "expects it to create a function");
  failsToCreate = false;
  Value result;
  EXPECT_EQ(find("__tvm_ffi_compile")(nullptr, nullptr, 0, &result), -1);
  EXPECT_NE(raisedMessage.find("expects a program and options"),
            std::string::npos);
}
} // namespace
