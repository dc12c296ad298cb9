//===- MmaSyncTest.cpp - products of warps, thread by thread --------------===//
//
// Small kernels are lowered, and what their threads store is computed from the
// LLVM dialect by a model of ldmatrix and mma.sync that is transcribed from the
// PTX ISA and shares nothing with the lowering: "Warp-level matrix load
// instruction: ldmatrix", "Matrix fragments for mma.m16n8k16".
//
//===----------------------------------------------------------------------===//

#include "Programs.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

#include "gtest/gtest.h"

#include <array>

using namespace mlir;
using namespace attn;

namespace {
constexpr int64_t kLanes = 32, kThreads = 128;

/// What a register has: bits, or an f32.
struct Register {
  int64_t bits = 0;
  float number = 0;
};

float widen(uint16_t half) {
  uint32_t bits = uint32_t(half) << 16;
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

uint16_t narrow(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  EXPECT_EQ(bits & 0xffff, 0u) << "the test's numbers are exact in bf16";
  return bits >> 16;
}

/// The threads of one block, of which values are computed when they are asked
/// for. Nothing but what products and stores depend on is.
class Threads {
public:
  /// Of the function's last arguments, from the first of these on.
  explicit Threads(LLVM::LLVMFuncOp function, ArrayRef<int64_t> arguments)
      : function(function), arguments(arguments) {}

  std::vector<uint8_t> shared;

  Register get(Value value, int64_t thread) {
    auto [it, isNew] = known.try_emplace({value, thread});
    if (!isNew)
      return it->second;
    Register result = compute(value, thread);
    return known[{value, thread}] = result;
  }

private:
  using Warp = std::array<std::array<Register, 4>, kLanes>;

  Register compute(Value value, int64_t thread);
  const Warp &getWarp(LLVM::InlineAsmOp op, int64_t warp);
  void loadMatrices(LLVM::InlineAsmOp op, int64_t warp, Warp &results);
  void multiply(LLVM::InlineAsmOp op, int64_t warp, Warp &results);

  LLVM::LLVMFuncOp function;
  ArrayRef<int64_t> arguments;
  std::map<std::pair<void *, int64_t>, Warp> warps;
  struct Less {
    bool operator()(const std::pair<Value, int64_t> &a,
                    const std::pair<Value, int64_t> &b) const {
      return std::pair(a.first.getAsOpaquePointer(), a.second) <
             std::pair(b.first.getAsOpaquePointer(), b.second);
    }
  };
  std::map<std::pair<Value, int64_t>, Register, Less> known;
};
} // namespace

Register Threads::compute(Value value, int64_t thread) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    int64_t fromEnd = function.getNumArguments() - argument.getArgNumber();
    EXPECT_LE(fromEnd, int64_t(arguments.size()));
    return {arguments[arguments.size() - fromEnd], 0};
  }
  Operation *op = value.getDefiningOp();
  auto bits = [&](unsigned i) { return get(op->getOperand(i), thread).bits; };
  auto unsignedBits = [&](unsigned i) {
    unsigned width = op->getOperand(i).getType().getIntOrFloatBitWidth();
    return width == 64 ? bits(i) : bits(i) & ((int64_t(1) << width) - 1);
  };
  if (auto constant = dyn_cast<LLVM::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      return {0, static_cast<float>(number.getValueAsDouble())};
    return {cast<IntegerAttr>(constant.getValue()).getInt(), 0};
  }
  if (isa<LLVM::AddressOfOp>(op))
    return {0, 0};
  if (isa<NVVM::ThreadIdXOp>(op))
    return {thread, 0};
  // Of what a whole warp has alike.
  if (isa<NVVM::ShflOp>(op))
    return {get(op->getOperand(1), thread / kLanes * kLanes).bits, 0};
  if (isa<LLVM::AddOp>(op))
    return {bits(0) + bits(1), 0};
  if (isa<LLVM::MulOp>(op))
    return {bits(0) * bits(1), 0};
  if (isa<LLVM::AndOp>(op))
    return {bits(0) & bits(1), 0};
  if (isa<LLVM::OrOp>(op))
    return {bits(0) | bits(1), 0};
  if (isa<LLVM::XOrOp>(op))
    return {bits(0) ^ bits(1), 0};
  if (isa<LLVM::LShrOp>(op))
    return {unsignedBits(0) >> bits(1), 0};
  if (isa<LLVM::ZExtOp>(op))
    return {unsignedBits(0), 0};
  if (isa<LLVM::PtrToIntOp>(op))
    return {bits(0), 0};
  if (auto compare = dyn_cast<LLVM::ICmpOp>(op)) {
    EXPECT_EQ(compare.getPredicate(), LLVM::ICmpPredicate::ult);
    return {unsignedBits(0) < unsignedBits(1), 0};
  }
  if (auto gep = dyn_cast<LLVM::GEPOp>(op)) {
    int64_t size = gep.getElemType().getIntOrFloatBitWidth() / 8;
    int64_t index = gep.getDynamicIndices().empty()
                        ? gep.getRawConstantIndices()[0]
                        : get(gep.getDynamicIndices()[0], thread).bits;
    return {get(gep.getBase(), thread).bits + index * size, 0};
  }
  if (isa<NVVM::ConvertF32x2ToBF16x2Op>(op)) {
    float high = get(op->getOperand(0), thread).number;
    float low = get(op->getOperand(1), thread).number;
    return {int64_t(narrow(high)) << 16 | narrow(low), 0};
  }
  if (isa<LLVM::BitcastOp>(op))
    return get(op->getOperand(0), thread);
  auto extract = dyn_cast<LLVM::ExtractValueOp>(op);
  auto assembly =
      extract ? extract.getContainer().getDefiningOp<LLVM::InlineAsmOp>()
              : LLVM::InlineAsmOp();
  if (!assembly) {
    ADD_FAILURE() << "the model lacks " << op->getName().getStringRef().str();
    return {};
  }
  return getWarp(assembly,
                 thread / kLanes)[thread % kLanes][extract.getPosition()[0]];
}

const Threads::Warp &Threads::getWarp(LLVM::InlineAsmOp op, int64_t warp) {
  std::pair<void *, int64_t> key(op.getOperation(), warp);
  auto it = warps.find(key);
  if (it != warps.end())
    return it->second;
  Warp results;
  StringRef text = op.getAsmString();
  if (text.starts_with("ldmatrix.sync.aligned.m8n8."))
    loadMatrices(op, warp, results);
  else if (text.starts_with("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16"
                            ".f32 "))
    multiply(op, warp, results);
  else
    ADD_FAILURE() << "the model lacks " << text.str();
  return warps[key] = results;
}

/// "the 8 threads 8 i to 8 i + 7 have the addresses of the rows of matrix i";
/// thread t receives elements 2 (t % 4) and the next of row t / 4; with .trans
/// the matrix is loaded in column-major format.
void Threads::loadMatrices(LLVM::InlineAsmOp op, int64_t warp, Warp &results) {
  StringRef text = op.getAsmString();
  int64_t count = text.contains(".x4.") ? 4 : 2, offset = 0;
  bool isTransposed = text.contains(".trans.");
  text.substr(text.find('+') + 1)
      .take_until([](char c) { return c == ']'; })
      .getAsInteger(10, offset);
  for (int64_t matrix = 0; matrix < count; ++matrix) {
    uint16_t elements[8][8];
    for (int64_t row = 0; row < 8; ++row) {
      int64_t lane = warp * kLanes + matrix * 8 + row;
      int64_t address = get(op.getOperands()[0], lane).bits + offset;
      ASSERT_EQ(address % 16, 0);
      ASSERT_LE(address + 16, int64_t(shared.size()));
      std::memcpy(elements[row], &shared[address], 16);
    }
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      auto at = [&](int64_t element) -> uint32_t {
        int64_t row = lane / 4, column = lane % 4 * 2 + element;
        return isTransposed ? elements[column][row] : elements[row][column];
      };
      results[lane][matrix].bits = at(1) << 16 | at(0);
    }
  }
}

/// With g = lane / 4 and c = lane % 4: A's registers have rows g and g + 8 of
/// columns 2 c and the next, then of those 8 further on; B's have rows 2 c and
/// the next of column g, then 8 further down; C's have row g, then g + 8, of
/// columns 2 c and the next.
void Threads::multiply(LLVM::InlineAsmOp op, int64_t warp, Warp &results) {
  float a[16][16], b[16][8];
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    int64_t thread = warp * kLanes + lane, g = lane / 4, c = lane % 4;
    for (int64_t half = 0; half < 2; ++half) {
      auto read = [&](unsigned operand) {
        return widen(get(op.getOperands()[operand], thread).bits >>
                     (16 * half));
      };
      int64_t at = 2 * c + half;
      a[g][at] = read(4);
      a[g + 8][at] = read(5);
      a[g][at + 8] = read(6);
      a[g + 8][at + 8] = read(7);
      b[at][g] = read(8);
      b[at + 8][g] = read(9);
    }
  }
  for (int64_t lane = 0; lane < kLanes; ++lane)
    for (int64_t i = 0; i < 4; ++i) {
      int64_t row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float sum = get(op.getOperands()[i], warp * kLanes + lane).number;
      for (int64_t k = 0; k < 16; ++k)
        sum += a[row][k] * b[k][column];
      results[lane][i].number = sum;
    }
}

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
  std::map<int64_t, float> stored;
  function.walk([&](LLVM::InlineAsmOp op) {
    StringRef text = op.getAsmString();
    if (!text.contains("st.global.f32"))
      return;
    int64_t offset = 0;
    text.substr(text.find('+') + 1)
        .take_until([](char c) { return c == ']'; })
        .getAsInteger(10, offset);
    for (int64_t thread = 0; thread < kThreads; ++thread) {
      ASSERT_TRUE(threads.get(op.getOperands()[2], thread).bits);
      stored[threads.get(op.getOperands()[0], thread).bits + offset] =
          threads.get(op.getOperands()[1], thread).number;
    }
  });
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
