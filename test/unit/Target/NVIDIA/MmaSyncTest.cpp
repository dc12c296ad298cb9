//===- MmaSyncTest.cpp - products of warps, thread by thread --------------===//

#include "Programs.h"
#include "ThreadModel.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
/// A matrix of small whole numbers, as it lies in a tile.
struct Tile {
  int64_t rows, columns;

  float get(int64_t row, int64_t column) const {
    return static_cast<float>((row * 7 + column * 3 + row * column) % 5 - 2);
  }
  std::string getType() const {
    return "!pipe.shared<" + std::to_string(rows) + "x" +
           std::to_string(columns) + "xbf16, swizzle = 128>";
  }
  int64_t getNumBytes() const { return rows * columns * 2; }
  /// SharedType: panels of 128 bytes; bits 4 to 6 are xor-ed with 7 to 9.
  void write(uint8_t *bytes) const {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        int64_t offset = column / 64 * rows * 128 + row * 128 + column % 64 * 2;
        offset ^= (offset >> 7 & 7) << 4;
        uint16_t half = narrow(get(row, column));
        std::memcpy(bytes + offset, &half, 2);
      }
  }
};

/// A product from shared memory, or of its narrowed result with another tile.
struct Product {
  Tile lhs, rhs;
  int lhsDim, rhsDim;
  int64_t columns;
  std::optional<Tile> second;
  int64_t rows = 64;
};
} // namespace

static std::string getTensor(const Product &p, int64_t columns,
                             const char *element) {
  bool isTall = p.rows == 128;
  return "tensor<" + std::to_string(p.rows) + "x" + std::to_string(columns) +
         "x" + element +
         ", #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, " +
         (isTall ? "2 x d0 by 16, " : "") + std::to_string(columns / 8) +
         " x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 "
         "by " +
         (isTall ? "32" : "16") + "]>>";
}

static std::string writeKernel(const Product &p) {
  std::vector<Tile> tiles = {p.lhs, p.rhs};
  if (p.second)
    tiles.push_back(*p.second);
  std::string text =
      "pipe.kernel @product(\n"
      "    %a: !pipe.global<?x?xbf16> {pipe.name = \"a\", pipe.access = "
      "\"read\", pipe.shape = [\"M\", \"K\"]},\n"
      "    %c: !pipe.global<?x?xf32> {pipe.name = \"c\", pipe.access = "
      "\"write\", pipe.shape = [\"M\", \"N\"]}) {\n"
      "  %zero = arith.constant 0 : i32\n";
  std::string fills, waits;
  for (auto [i, tile] : llvm::enumerate(tiles)) {
    std::string n = std::to_string(i), type = tile.getType();
    std::string ring = "!pipe.ring<1 x " + type + ">";
    text += "  %ring" + n + " = pipe.ring readers(1) : " + ring + "\n";
    fills += "    pipe.fill %ring" + n + "[%cursor] as %slot : " + ring +
             " {\n      pipe.load %a[%zero, %zero] -> %slot : "
             "!pipe.global<?x?xbf16> -> " +
             type + "\n    }\n";
    waits +=
        "    %x" + n + " = pipe.wait %ring" + n + "[%cursor] : " + ring + "\n";
  }
  const char *cursor = "    %cursor = pipe.cursor : !pipe.cursor<1>\n";
  std::string acc = getTensor(p, p.columns, "f32"), result = acc, last = "%s";
  text += "  pipe.role \"load\" groups(1) warps(1) registers(248) (%g) {\n" +
          std::string(cursor) + fills +
          "  }\n  pipe.role \"multiply\" groups(1) warps(4) registers(248) "
          "(%g) {\n" +
          cursor + waits + "    %t = pipe.mma_async %x0, %x1 contract(" +
          std::to_string(p.lhsDim) + ", " + std::to_string(p.rhsDim) +
          ") : " + p.lhs.getType() + ", " + p.rhs.getType() +
          " -> !pipe.token<" + acc +
          ">\n    %s = pipe.mma_wait %t pending(0) : !pipe.token<" + acc +
          ">\n";
  if (p.second) {
    std::string half = getTensor(p, p.columns, "bf16");
    result = getTensor(p, p.second->columns, "f32");
    last = "%u";
    text += "    %p = arith.truncf %s : " + acc + " to " + half +
            "\n    %v = pipe.mma_async %p, %x2 contract(1, 0) : " + half +
            ", " + p.second->getType() + " -> !pipe.token<" + result +
            ">\n    %u = pipe.mma_wait %v pending(0) : !pipe.token<" + result +
            ">\n";
  }
  return text + "    pipe.store " + last + " -> %c[%zero, %zero] : " + result +
         " -> !pipe.global<?x?xf32>\n  }\n}\n";
}

/// What `lhs` times `rhs` is at a point.
template <typename Left, typename Right>
static float contract(int64_t depth, Left lhs, Right rhs) {
  float sum = 0;
  for (int64_t k = 0; k < depth; ++k)
    sum += lhs(k) * rhs(k);
  return sum;
}

static void checkProduct(const Product &p) {
  test::Context context;
  auto module = context.parse(writeKernel(p));
  ASSERT_TRUE(module) << context.getErrors();
  PassManager passes(&context.get());
  nvidia::buildPipeline(passes, "sm_80");
  ASSERT_TRUE(succeeded(passes.run(*module))) << context.getErrors();
  auto function = *module->getOps<LLVM::LLVMFuncOp>().begin();

  int64_t columns = p.second ? p.second->columns : p.columns;
  // The address of c, its extents and the stride of its rows.
  constexpr int64_t kAddress = 1 << 20;
  std::array<int64_t, 4> arguments = {kAddress, p.rows, columns, columns};
  Threads threads(function, arguments);
  // Barriers, then tiles at multiples of 1024.
  int64_t at = 1024;
  std::vector<Tile> tiles = {p.lhs, p.rhs};
  if (p.second)
    tiles.push_back(*p.second);
  for (const Tile &tile : tiles) {
    threads.shared.resize(at + tile.getNumBytes());
    tile.write(&threads.shared[at]);
    at += llvm::alignTo(tile.getNumBytes(), 1024);
  }
  std::map<int64_t, float> stored = threads.store();
  auto first = [&](int64_t row, int64_t column) {
    int64_t depth = p.lhsDim == 1 ? p.lhs.columns : p.lhs.rows;
    return contract(
        depth,
        [&](int64_t k) {
          return p.lhsDim == 1 ? p.lhs.get(row, k) : p.lhs.get(k, row);
        },
        [&](int64_t k) {
          return p.rhsDim == 1 ? p.rhs.get(column, k) : p.rhs.get(k, column);
        });
  };
  ASSERT_EQ(int64_t(stored.size()), p.rows * columns);
  for (int64_t row = 0; row < p.rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      float expected =
          p.second ? contract(
                         p.columns, [&](int64_t k) { return first(row, k); },
                         [&](int64_t k) { return p.second->get(k, column); })
                   : first(row, column);
      ASSERT_EQ(stored[kAddress + (row * columns + column) * 4], expected)
          << row << ", " << column;
    }
}

// Rows along K on both sides, of one panel and of several.
TEST(MmaSyncTest, RowsAlongK) {
  checkProduct({{64, 64}, {32, 64}, 1, 1, 32, {}});
  checkProduct({{64, 128}, {48, 128}, 1, 1, 48, {}});
}

// Rows across K: ldmatrix transposes.
TEST(MmaSyncTest, RowsAcrossK) {
  checkProduct({{32, 64}, {32, 64}, 0, 0, 64, {}});
  checkProduct({{64, 64}, {64, 128}, 1, 0, 128, {}});
  checkProduct({{64, 64}, {16, 64}, 0, 1, 16, {}});
}

// An odd number of blocks of 8 columns, the last of which comes alone.
TEST(MmaSyncTest, OddBlocks) {
  checkProduct({{64, 64}, {24, 64}, 1, 1, 24, {}});
  checkProduct({{64, 64}, {64, 64}, 1, 0, 40, {}});
}

// What a product gives is, narrowed, a left side in registers.
TEST(MmaSyncTest, LeftSidesInRegisters) {
  checkProduct({{64, 64}, {32, 64}, 1, 1, 32, Tile{32, 64}});
  checkProduct({{64, 64}, {48, 64}, 1, 1, 48, Tile{48, 128}});
}

// Groups of 128 rows, whose warps have two products each.
TEST(MmaSyncTest, TallGroups) {
  checkProduct({{128, 64}, {32, 64}, 1, 1, 32, {}, 128});
  checkProduct({{32, 128}, {32, 64}, 0, 0, 40, {}, 128});
  checkProduct({{128, 64}, {32, 64}, 1, 1, 32, Tile{32, 128}, 128});
}
