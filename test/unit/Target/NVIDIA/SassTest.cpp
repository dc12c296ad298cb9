//===- SassTest.cpp - the machine code of the device programs -------------===//
//
// ptxas decides what a loop costs in the end. An instruction of sm_90 has 16
// bytes and its opcode in the lowest 12 bits; a branch has its distance, in
// units of 4 bytes from the next instruction, in bits 16 to 23 and 34 to 81.
// Read off cubins, as NVIDIA documents none of it.
//
//===----------------------------------------------------------------------===//

#include "Programs.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/Object/ELF.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

#include <optional>
#include <ostream>

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
struct SassCase {
  const char *program;
  /// Matrix instructions in all, and of one turn of the main loop.
  int64_t products, productsOfTurn;
  /// Instructions of a turn: a few more than there are now.
  int64_t maxInstructions;
};

void PrintTo(const SassCase &c, std::ostream *os) { *os << c.program; }

struct Instruction {
  uint64_t low, high;

  unsigned getOpcode() const { return low & 0xfff; }
  bool isProduct() const { return (getOpcode() & 0xff) == 0xf0; }
  bool isSpill() const {
    return getOpcode() == 0x983 || getOpcode() == 0x387; // LDL, STL
  }
  bool isBranch() const { return getOpcode() == 0x947; }
  /// In instructions, from the next one.
  int64_t getDistance() const {
    uint64_t upper = low >> 34 | (high & 0x3ffff) << 30;
    int64_t value = static_cast<int64_t>(upper << 16) >> 16;
    return (value * 256 + static_cast<int64_t>(low >> 16 & 0xff)) / 4;
  }
};
} // namespace

/// The code of the one kernel in `cubin`.
static std::vector<Instruction> readCode(const std::string &cubin) {
  std::vector<Instruction> code;
  auto file = llvm::object::ELF64LEFile::create(cubin);
  if (!file) {
    ADD_FAILURE() << llvm::toString(file.takeError());
    return code;
  }
  for (const auto &section : llvm::cantFail(file->sections())) {
    StringRef name = llvm::cantFail(file->getSectionName(section));
    if (!name.starts_with(".text."))
      continue;
    ArrayRef<uint8_t> bytes = llvm::cantFail(file->getSectionContents(section));
    for (size_t i = 0; i + 16 <= bytes.size(); i += 16)
      code.push_back({llvm::support::endian::read64le(&bytes[i]),
                      llvm::support::endian::read64le(&bytes[i + 8])});
  }
  return code;
}

static int64_t countProducts(ArrayRef<Instruction> code) {
  return llvm::count_if(code, [](Instruction i) { return i.isProduct(); });
}

/// The instructions of the shortest loop with so many products.
static std::optional<int64_t> findLoop(ArrayRef<Instruction> code,
                                       int64_t products) {
  std::optional<int64_t> shortest;
  for (int64_t end = 0, e = code.size(); end < e; ++end) {
    if (!code[end].isBranch())
      continue;
    int64_t begin = end + 1 + code[end].getDistance();
    if (begin < 0 || begin > end)
      continue;
    int64_t length = end + 1 - begin;
    if (countProducts(code.slice(begin, length)) == products)
      shortest = std::min(shortest.value_or(length), length);
  }
  return shortest;
}

class SassTest : public testing::TestWithParam<SassCase> {};

TEST_P(SassTest, KeepsItsMainLoopShort) {
  if (!std::getenv("ATTN_PTXAS") && !llvm::sys::findProgramByName("ptxas"))
    GTEST_SKIP() << "ptxas is absent";
  Context context;
  auto module = context.parse(readProgram(GetParam().program));
  ASSERT_TRUE(module) << context.getErrors();
  auto compiled = nvidia::compile(*module, nvidia::CodeKind::Cubin);
  ASSERT_TRUE(succeeded(compiled)) << context.getErrors();
  std::vector<Instruction> code = readCode(compiled->bytes);
  EXPECT_EQ(llvm::count_if(code, [](Instruction i) { return i.isSpill(); }), 0);
  EXPECT_EQ(countProducts(code), GetParam().products);
  std::optional<int64_t> length = findLoop(code, GetParam().productsOfTurn);
  ASSERT_TRUE(length);
  EXPECT_LE(*length, GetParam().maxInstructions);
  RecordProperty("instructions", std::to_string(*length));
}

// A product has a depth of 16: S of 128 columns takes 8, O of 128 keys 8 more,
// of 192 keys 12; a turn of the GEMM has a depth of 64.
INSTANTIATE_TEST_SUITE_P(
    Programs, SassTest,
    testing::Values(SassCase{"attention-full", 32, 16, 460},
                    SassCase{"attention-long", 40, 20, 630},
                    SassCase{"attention-causal", 64, 16, 460},
                    SassCase{"gemm", 8, 4, 48},
                    SassCase{"chained-gemms", 12, 8, 68}),
    [](const auto &info) {
      std::string name = info.param.program;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });
