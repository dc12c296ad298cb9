//===- SharesTest.cpp - products of shares, thread by thread --------------===//
//
// Of keys of 8 bits each warp multiplies its share, and then of values; lanes
// do not meet in banks where rows have 128 bytes.
//
//===----------------------------------------------------------------------===//

#include "Programs.h"
#include "ThreadModel.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
constexpr int64_t kShares = 4;

/// A tile of numbers from -1 to 1, as it lies in slots of e4m3.
struct Bytes {
  int64_t rows, columns;

  int64_t getPanel() const { return columns % 128 == 0 ? 128 : 64; }
  int64_t getNumBytes() const { return rows * columns; }
  std::string getType() const {
    return "!pipe.shared<" + std::to_string(rows) + "x" +
           std::to_string(columns) +
           "xf8E4M3FN, swizzle = " + std::to_string(getPanel()) + ">";
  }
  int get(int64_t row, int64_t column) const {
    return static_cast<int>((row * 5 + column * 3 + row * column) % 3) - 1;
  }
  /// SharedType: of 128 bytes bits 4 to 6 are xor-ed with 7 to 9, of 64 bits 4
  /// and 5 with 7 and 8. 1 is 0x38.
  void write(uint8_t *bytes) const {
    int64_t panel = getPanel();
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        int64_t offset =
            column / panel * rows * panel + row * panel + column % panel;
        offset ^= (offset >> 7 & (panel / 16 - 1)) << 4;
        int number = get(row, column);
        bytes[offset] = number == 0 ? 0 : number > 0 ? 0x38 : 0xb8;
      }
  }
};

/// The queries, as the kernel computes them from coordinates.
int getQuery(int64_t row, int64_t column) {
  return static_cast<int>((row * 7 + column * 5) % 3) - 1;
}
} // namespace

/// Of 8 rows a share, or of 16, of which a lane has two.
static std::string getTile(int64_t rows, int64_t columns, const char *element,
                           bool isShared) {
  auto number = [](int64_t x) { return std::to_string(x); };
  std::string second = rows == 16 ? ", 2 x d0 by 8" : "", registers;
  int64_t panel = columns % 128 == 0 ? 128 : 64,
          ofLane = isShared ? 2 : panel / 4;
  if (isShared)
    registers =
        "2 x d1 by 1" + second + ", " + number(columns / 8) + " x d1 by 8";
  else
    registers = number(ofLane) + " x d1 by 1, " + number(columns / panel) +
                " x d1 by " + number(panel) + second;
  return "tensor<" + number(kShares * rows) + "x" + number(columns) + "x" +
         element + ", #pipe.fragment<registers = [" + registers +
         "], lanes = [4 x d1 by " + number(ofLane) +
         ", 8 x d0 by 1], warps = [4 x d0 by " + number(rows) + "]>>";
}

static std::string writeKernel(const Bytes &keys, const Bytes &values,
                               int64_t rows) {
  std::string q = getTile(rows, keys.columns, "i32", false),
              numbers = getTile(rows, keys.columns, "f32", false),
              left = getTile(rows, keys.columns, "bf16", false);
  int64_t share = keys.rows / kShares;
  std::string scores = getTile(rows, share, "f32", true),
              weights = getTile(rows, share, "bf16", true),
              sums = getTile(rows, values.columns, "f32", false);
  std::string k = keys.getType(), v = values.getType();
  auto constant = [&](const char *name, int number) {
    return std::string("    %") + name + " = arith.constant dense<" +
           std::to_string(number) + "> : " + q + "\n";
  };
  return "pipe.kernel @product(%c: !pipe.global<?x?xf32> {pipe.name = \"c\", "
         "pipe.access = \"write\", pipe.shape = [\"M\", \"N\"]}) {\n"
         "  %zero = arith.constant 0 : i32\n"
         "  %ks = pipe.ring readers(1) : !pipe.ring<1 x " +
         k +
         ">\n"
         "  %vs = pipe.ring readers(1) : !pipe.ring<1 x " +
         v +
         ">\n"
         "  pipe.role \"multiply\" groups(1) warps(4) registers(248) (%g) {\n"
         "    %at = pipe.cursor : !pipe.cursor<1>\n" +
         constant("seven", 7) + constant("five", 5) + constant("three", 3) +
         constant("one", 1) + "    %row = pipe.coord 0 shares(4) : " + q +
         "\n"
         "    %column = pipe.coord 1 : " +
         q +
         "\n"
         "    %a = arith.muli %row, %seven : " +
         q +
         "\n"
         "    %b = arith.muli %column, %five : " +
         q +
         "\n"
         "    %d = arith.addi %a, %b : " +
         q +
         "\n"
         "    %e = arith.remui %d, %three : " +
         q +
         "\n"
         "    %f = arith.subi %e, %one : " +
         q +
         "\n"
         "    %h = arith.sitofp %f : " +
         q + " to " + numbers +
         "\n"
         "    %q = arith.truncf %h : " +
         numbers + " to " + left +
         "\n"
         "    %k = pipe.wait %ks[%at] : !pipe.ring<1 x " +
         k +
         ">\n"
         "    %t = pipe.mma_async %q, %k contract(1, 1) shares(4) : " +
         left + ", " + k + " -> !pipe.token<" + scores +
         ">\n"
         "    %s = pipe.mma_wait %t pending(0) : !pipe.token<" +
         scores +
         ">\n"
         "    %p = arith.truncf %s : " +
         scores + " to " + weights +
         "\n"
         "    %v = pipe.wait %vs[%at] : !pipe.ring<1 x " +
         v +
         ">\n"
         "    %u = pipe.mma_async %p, %v contract(1, 0) shares(4) : " +
         weights + ", " + v + " -> !pipe.token<" + sums +
         ">\n"
         "    %o = pipe.mma_wait %u pending(0) : !pipe.token<" +
         sums +
         ">\n"
         "    pipe.store %o -> %c[%zero, %zero] : " +
         sums + " -> !pipe.global<?x?xf32>\n  }\n}\n";
}

static void checkShares(const Bytes &keys, const Bytes &values,
                        int64_t rows = 8) {
  Context context;
  auto module = context.parse(writeKernel(keys, values, rows));
  ASSERT_TRUE(module) << context.getErrors();
  PassManager passes(&context.get());
  nvidia::buildPipeline(passes, "sm_90a");
  ASSERT_TRUE(succeeded(passes.run(*module))) << context.getErrors();
  auto function = *module->getOps<LLVM::LLVMFuncOp>().begin();
  constexpr int64_t kAddress = 1 << 20;
  std::array<int64_t, 4> arguments = {kAddress, kShares * rows, values.columns,
                                      values.columns};
  Threads threads(function, arguments);
  threads.checksBanks = keys.getPanel() == 128 && values.getPanel() == 128;
  int64_t at = 1024;
  for (const Bytes &tile : {keys, values}) {
    threads.shared.resize(at + tile.getNumBytes());
    tile.write(&threads.shared[at]);
    at += llvm::alignTo(tile.getNumBytes(), 1024);
  }
  std::map<int64_t, float> stored = threads.store();
  ASSERT_EQ(int64_t(stored.size()), kShares * rows * values.columns);
  int64_t ofShare = keys.rows / kShares;
  for (int64_t row = 0; row < kShares * rows; ++row) {
    std::vector<int> weights(ofShare);
    int64_t first = row / rows * ofShare;
    for (int64_t key = 0; key < ofShare; ++key)
      for (int64_t i = 0; i < keys.columns; ++i)
        weights[key] += getQuery(row % rows, i) * keys.get(first + key, i);
    for (int64_t column = 0; column < values.columns; ++column) {
      int expected = 0;
      for (int64_t key = 0; key < ofShare; ++key)
        expected += weights[key] * values.get(first + key, column);
      ASSERT_EQ(stored[kAddress + (row * values.columns + column) * 4],
                static_cast<float>(expected))
          << row << ", " << column;
    }
  }
}

TEST(SharesTest, PanelsOf128Columns) {
  checkShares({64, 128}, {64, 128});
  checkShares({128, 128}, {128, 256});
  checkShares({128, 256}, {128, 128}, /*rows=*/16);
}

TEST(SharesTest, PanelsOf64Columns) {
  checkShares({64, 64}, {64, 64});
  checkShares({128, 192}, {128, 64});
  checkShares({64, 64}, {64, 192}, /*rows=*/16);
}
