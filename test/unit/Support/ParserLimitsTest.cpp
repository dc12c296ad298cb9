//===- ParserLimitsTest.cpp - limits on text given to MLIR's parser -------===//

#include "attn/Support/ParserLimits.h"

#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace attn;

namespace {

std::string repeat(llvm::StringRef part, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += part;
  return text;
}

/// Limits small enough for tests to name.
ParserLimits small() {
  ParserLimits limits;
  limits.depth = 4;
  limits.signs = 3;
  limits.operators = 5;
  limits.dimensions = 3;
  limits.digits = 8;
  limits.resultNumber = 9;
  return limits;
}

bool accepts(llvm::StringRef text) {
  return !findParserLimitExcess(text, small());
}

TEST(ParserLimits, CountsBracketsOfEveryKind) {
  EXPECT_TRUE(accepts("{[(<>)]}"));
  EXPECT_FALSE(accepts("{[(<(>)]}"));
  EXPECT_TRUE(accepts(repeat("{[(<>)]}", 100)));
}

TEST(ParserLimits, ReportsTheOffsetOfTheFirstBracketTooMany) {
  auto excess = findParserLimitExcess("((((\n(", small());
  ASSERT_TRUE(excess);
  EXPECT_EQ(excess->offset, 5u);
  EXPECT_EQ(excess->message, "expects brackets nested at most 4 deep, aliases "
                             "included, but got 5");
}

TEST(ParserLimits, IgnoresBracketsInStringsAndComments) {
  EXPECT_TRUE(accepts("\"" + repeat("(", 9) + "\""));
  EXPECT_TRUE(accepts("\"\\\"" + repeat("(", 9) + "\""));
  EXPECT_TRUE(accepts("// " + repeat("(", 9)));
  EXPECT_FALSE(accepts("// \n" + repeat("(", 9)));
}

TEST(ParserLimits, IsNotMisledByComparisonsAndArrows) {
  EXPECT_TRUE(accepts("{ " + repeat("(a < b) ", 9) + "}"));
  EXPECT_TRUE(accepts(repeat("a <= b -> c >= d ", 9)));
  // An arrow closes no angle bracket.
  EXPECT_FALSE(accepts(repeat("t<()->", 5)));
}

TEST(ParserLimits, AnAliasIsAsDeepAsItsDefinition) {
  EXPECT_TRUE(accepts("#a = [[1]]\nmodule {#a}"));
  EXPECT_FALSE(accepts("#a = [[1]]\n#b = [[#a]]"));
  EXPECT_FALSE(accepts("!a = i1\n!b = t<!a>\n!c = t<!b>\n!d = t<!c>\n"));
  // What follows an alias's definition is not part of it.
  EXPECT_TRUE(accepts("#a = [1]\nmodule {{{}}}\nmodule {{#a}}"));
}

TEST(ParserLimits, CountsSignsAndOperatorsOfOneExpression) {
  EXPECT_TRUE(accepts("---1, ---1"));
  EXPECT_FALSE(accepts("- - - - 1"));
  EXPECT_TRUE(accepts("(a+b+c+d+e+f), (a+b+c+d+e+f)"));
  EXPECT_FALSE(accepts("(a+(b+c)+d mod e floordiv f*g)"));
}

TEST(ParserLimits, CountsDimensionsOfOneShape) {
  EXPECT_TRUE(accepts("t<4x?x8xf32> t<4x?x8xf32> [1, 2, 3, 4, 5]"));
  EXPECT_FALSE(accepts("t<1x2x?x4xf32>"));
  EXPECT_FALSE(accepts("t<1 x 2 x ? x 4 x f32>"));
}

TEST(ParserLimits, BoundsNumbers) {
  EXPECT_TRUE(accepts("12345678 0x12345678 %0#9"));
  EXPECT_FALSE(accepts("123456789"));
  EXPECT_FALSE(accepts("%0#10"));
  EXPECT_FALSE(accepts("%0#" + repeat("9", 40)));
}

TEST(ParserLimits, EveryPrefixAndEveryByteIsScanned) {
  std::string text =
      "#a = dense<\"0x\\22\"> // (\n!t = t<4x?xi1> module {%0#1}";
  for (size_t size = 0; size <= text.size(); ++size)
    EXPECT_TRUE(accepts(llvm::StringRef(text).take_front(size)));
  for (int byte = 0; byte < 256; ++byte)
    EXPECT_TRUE(accepts(std::string(3, static_cast<char>(byte)) + "a"));
}

TEST(ParserLimits, LocatesTheExcessAndCutsChunks) {
  std::string deep = repeat("(", 200);
  std::string text = deep + "\n// -----\n" + deep;
  std::string errors;
  llvm::raw_string_ostream os(errors);
  llvm::MemoryBufferRef buffer(text, "f.mlir");
  EXPECT_TRUE(llvm::succeeded(checkParserLimits(buffer, os, "// -----")));
  EXPECT_TRUE(llvm::failed(checkParserLimits(buffer, os)));
  EXPECT_EQ(errors, "f.mlir:3:57: error: expects brackets nested at most 256 "
                    "deep, aliases included, but got 257\n");
}

TEST(ParserLimits, LeavesBytecodeAlone) {
  std::string text = "ML\xefR" + repeat("(", 1000);
  std::string errors;
  llvm::raw_string_ostream os(errors);
  EXPECT_TRUE(llvm::succeeded(checkParserLimits({text, "f.mlirbc"}, os)));
}

} // namespace
