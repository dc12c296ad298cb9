//===- Sass.h - machine code, read from a cubin -----------------*- C++ -*-===//
//
// An instruction from sm_70 on has 16 bytes and its opcode in the lowest 12
// bits; a branch has its distance, in units of 4 bytes from the next
// instruction, in bits 16 to 23 and 34 to 81, of sm_80 in those from 34 on
// alone. Read off cubins, as NVIDIA documents none of it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_TARGET_NVIDIA_SASS_H
#define ATTN_TEST_UNIT_TARGET_NVIDIA_SASS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/Endian.h"
#include "gtest/gtest.h"

#include <vector>

namespace attn::test {

struct Instruction {
  uint64_t low, high;

  unsigned getOpcode() const { return low & 0xfff; }
  /// HGMMA, or HMMA.
  bool isProduct() const {
    return (getOpcode() & 0xff) == 0xf0 || getOpcode() == 0x23c;
  }
  bool isSpill() const {
    return getOpcode() == 0x983 || getOpcode() == 0x387; // LDL, STL
  }
  bool isBranch() const { return getOpcode() == 0x947; }
  /// In instructions, from the next one.
  int64_t getDistance(bool isSm80) const {
    uint64_t upper = low >> 34 | (high & 0x3ffff) << 30;
    int64_t value = static_cast<int64_t>(upper << 16) >> 16;
    if (isSm80)
      return value / 4;
    return (value * 256 + static_cast<int64_t>(low >> 16 & 0xff)) / 4;
  }
};

/// The code of the one kernel in `cubin`.
inline std::vector<Instruction> readCode(const std::string &cubin) {
  std::vector<Instruction> code;
  auto file = llvm::object::ELF64LEFile::create(cubin);
  if (!file) {
    ADD_FAILURE() << llvm::toString(file.takeError());
    return code;
  }
  for (const auto &section : llvm::cantFail(file->sections())) {
    llvm::StringRef name = llvm::cantFail(file->getSectionName(section));
    if (!name.starts_with(".text."))
      continue;
    llvm::ArrayRef<uint8_t> bytes =
        llvm::cantFail(file->getSectionContents(section));
    for (size_t i = 0; i + 16 <= bytes.size(); i += 16)
      code.push_back({llvm::support::endian::read64le(&bytes[i]),
                      llvm::support::endian::read64le(&bytes[i + 8])});
  }
  return code;
}

inline int64_t countProducts(llvm::ArrayRef<Instruction> code) {
  return llvm::count_if(code, [](Instruction i) { return i.isProduct(); });
}

inline int64_t countSpills(llvm::ArrayRef<Instruction> code) {
  return llvm::count_if(code, [](Instruction i) { return i.isSpill(); });
}

/// All loops with so many products.
inline std::vector<llvm::ArrayRef<Instruction>>
findLoops(llvm::ArrayRef<Instruction> code, int64_t products,
          bool isSm80 = false) {
  std::vector<llvm::ArrayRef<Instruction>> loops;
  for (int64_t end = 0, e = code.size(); end < e; ++end) {
    if (!code[end].isBranch())
      continue;
    int64_t begin = end + 1 + code[end].getDistance(isSm80);
    if (begin < 0 || begin > end)
      continue;
    llvm::ArrayRef<Instruction> loop = code.slice(begin, end + 1 - begin);
    if (countProducts(loop) == products)
      loops.push_back(loop);
  }
  return loops;
}

/// The shortest of them; empty without one.
inline llvm::ArrayRef<Instruction> findLoop(llvm::ArrayRef<Instruction> code,
                                            int64_t products) {
  llvm::ArrayRef<Instruction> shortest;
  for (llvm::ArrayRef<Instruction> loop : findLoops(code, products))
    if (shortest.empty() || loop.size() < shortest.size())
      shortest = loop;
  return shortest;
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_TARGET_NVIDIA_SASS_H
