//===- ManifestTest.cpp - what manifests are taken and refused ------------===//

#include "attn/Runtime/Manifest.h"

#include <gtest/gtest.h>

using namespace attn;

namespace {
const char *const valid = R"({
  "schema": 1, "name": "causal", "attn_version": "0.1.0",
  "llvm_version": "22.1.8",
  "target": {"arch": "x86-64", "cpu": "znver4", "features": ["sse2"]},
  "numerics": {"accumulate": "f32"}, "cache_key": "0f",
  "ranks": [{"name": "B"}, {"name": "P"}, {"name": "E", "extent": 64}],
  "arguments": [
    {"name": "q", "kind": "tensor", "access": "read", "dtype": "bf16",
     "shape": ["B", "P", "E"]},
    {"name": "window", "kind": "scalar", "dtype": "i64"},
    {"name": "scale", "kind": "scalar", "dtype": "f32"},
    {"name": "o", "kind": "tensor", "access": "write", "dtype": "f32",
     "shape": ["B", "P", 3]}],
  "parameters": [{"pointer": "q"}, {"stride": ["q", 2]}, {"extent": "P"},
    {"scalar": "window"}, {"workspace": true},
    {"expr": ["add", "window", 1]}],
  "workspace_bytes": ["mul", "B", 4096], "scratch_bytes": 64,
  "phases": [{"symbol": "causal_main",
              "items": ["mul", "B", ["ceildiv", "P", 64]]}]})";

/// `valid` with its first `from` replaced by `to`.
std::string edit(const std::string &from, const std::string &to) {
  std::string text = valid;
  size_t position = text.find(from);
  EXPECT_NE(position, std::string::npos) << from;
  return text.replace(position, from.size(), to);
}

TEST(Manifest, ParsesEveryField) {
  Result<Manifest> parsed = Manifest::parse(valid);
  ASSERT_TRUE(parsed.isOk()) << parsed.getStatus().message();
  const Manifest &m = *parsed;
  EXPECT_EQ(m.name, "causal");
  EXPECT_EQ(m.target.features, std::vector<std::string>{"sse2"});
  EXPECT_EQ(m.numerics, R"({"accumulate":"f32"})");
  EXPECT_FALSE(m.ranks[0].extent);
  EXPECT_EQ(m.ranks[2].extent, 64);
  EXPECT_EQ(m.arguments[0].dtype, DType::bf16);
  EXPECT_EQ(m.arguments[1].kind, Manifest::Argument::Kind::scalar);
  EXPECT_EQ(m.arguments[3].access, Manifest::Argument::Access::write);
  EXPECT_EQ(m.arguments[3].shape[2].size, 3);
  EXPECT_EQ(m.parameters[1].dim, 2);
  EXPECT_EQ(m.parameters[5].expr, Expr::name("window") + 1);
  EXPECT_EQ(m.phases[0].items, Expr::name("B") * ceilDiv(Expr::name("P"), 64));
}

TEST(Manifest, PrintsWhatItParses) {
  Result<Manifest> first = Manifest::parse(valid);
  ASSERT_TRUE(first.isOk());
  Result<Manifest> second = Manifest::parse(first->toJson());
  ASSERT_TRUE(second.isOk()) << second.getStatus().message();
  EXPECT_EQ(first->toJson(), second->toJson());
}

TEST(Manifest, KeepsThatAnArgumentIsUpdated) {
  Result<Manifest> parsed = Manifest::parse(edit("\"write\"", "\"update\""));
  ASSERT_TRUE(parsed.isOk()) << parsed.getStatus().message();
  EXPECT_EQ(parsed->arguments[3].access, Manifest::Argument::Access::update);
  Result<Manifest> again = Manifest::parse(parsed->toJson());
  ASSERT_TRUE(again.isOk()) << again.getStatus().message();
  EXPECT_EQ(again->arguments[3].access, Manifest::Argument::Access::update);
}

TEST(Manifest, FindsNames) {
  Result<Manifest> parsed = Manifest::parse(valid);
  ASSERT_TRUE(parsed.isOk());
  EXPECT_EQ(parsed->findArgument("o"), 3u);
  EXPECT_EQ(parsed->findArgument("B"), std::nullopt);
  EXPECT_EQ(parsed->findRank("E"), 2u);
}

struct Case {
  const char *from, *to, *message;
};

class ManifestRefuses : public testing::TestWithParam<Case> {};

TEST_P(ManifestRefuses, WithPlaceAndFacts) {
  Result<Manifest> parsed =
      Manifest::parse(edit(GetParam().from, GetParam().to));
  ASSERT_FALSE(parsed.isOk()) << GetParam().to;
  std::string message = parsed.getStatus().message();
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ManifestRefuses,
    testing::Values(
        Case{"\"schema\": 1", "\"schema\": 2",
             "manifest.schema: expects version 1, but got 2"},
        Case{"\"schema\": 1,", "",
             "manifest: expects an object with the field 'schema'"},
        Case{"\"schema\": 1", "\"schema\": 1, \"cluster\": 2",
             "manifest: does not know the field 'cluster'"},
        Case{"\"cache_key\": \"0f\",", "",
             "manifest: expects the field 'cache_key'"},
        Case{"\"causal\"", "7", "manifest.name: expects a string"},
        Case{"\"causal\"", "\"a b\"", "manifest.name: expects a name of"},
        Case{"\"x86-64\"", "\"\"", "manifest.target.arch"},
        Case{"\"sse2\"", "\"+sse2\"",
             "manifest.target.features[0]: expects a feature's name without"},
        Case{"{\"accumulate\": \"f32\"}", "3",
             "manifest.numerics: expects an object, but got the number 3"},
        Case{"{\"name\": \"P\"}", "{\"name\": \"B\"}",
             "manifest.ranks[1].name: expects ranks of different names"},
        Case{"\"extent\": 64", "\"extent\": -1",
             "manifest.ranks[2].extent: expects an extent of at least 0"},
        Case{"\"extent\": 64", "\"extent\": 64, \"most\": 64",
             "manifest.ranks[2].most: expects a bound of at least 0 of a rank "
             "without an extent, but got 64"},
        Case{"{\"name\": \"P\"}", "{\"name\": \"P\", \"most\": -1}",
             "manifest.ranks[1].most: expects a bound of at least 0"},
        Case{"\"extent\": 64", "\"extent\": 6.5",
             "manifest.ranks[2].extent: expects a 64-bit integer"},
        Case{"\"extent\": 64", "\"extent\": 18446744073709551615",
             "manifest.ranks[2].extent: expects a 64-bit integer"},
        Case{"{\"name\": \"B\"}", "{\"name\": \"B\"}, {\"name\": \"Z\"}",
             "manifest.ranks[1]: expects an extent or a tensor with that rank"},
        Case{"\"name\": \"window\"", "\"name\": \"q\"",
             "manifest.arguments[1].name: expects arguments of different"},
        Case{
            "\"name\": \"window\"", "\"name\": \"B\"",
            "manifest.arguments[1].name: expects a scalar's name that no rank"},
        Case{"\"bf16\"", "\"f8\"",
             "manifest.arguments[0].dtype: does not know the element type"},
        Case{"\"dtype\": \"f32\"}", "\"dtype\": \"f16\"}",
             "manifest.arguments[2].dtype: expects a scalar of"},
        Case{"\"scalar\", \"dtype\": \"i64\"",
             "\"scalar\", \"dtype\": \"i64\", \"shape\": []",
             "manifest.arguments[1]: does not know the field 'shape'"},
        Case{"\"tensor\"", "\"list\"",
             "manifest.arguments[0].kind: expects tensor or scalar"},
        Case{"\"read\"", "\"append\"",
             "manifest.arguments[0].access: expects read, write or update"},
        Case{"[\"B\", \"P\", \"E\"]", "[\"B\", \"Z\", \"E\"]",
             "manifest.arguments[0].shape[1]: expects a rank of manifest.ranks,"
             " but got 'Z'"},
        Case{"[\"B\", \"P\", 3]", "[\"B\", \"P\", -3]",
             "manifest.arguments[3].shape[2]: expects an extent of at least 0"},
        Case{"[\"B\", \"P\", 3]", "[\"B\", \"P\", true]",
             "manifest.arguments[3].shape[2]: expects a 64-bit integer"},
        Case{"{\"pointer\": \"q\"}", "{\"pointer\": \"window\"}",
             "manifest.parameters[0].pointer: expects a tensor"},
        Case{"{\"pointer\": \"q\"}", "{\"pointer\": \"q\", \"x\": 1}",
             "manifest.parameters[0]: expects an object with one field"},
        Case{"{\"pointer\": \"q\"}", "{\"grid\": \"q\"}",
             "manifest.parameters[0]: does not know the parameter 'grid'"},
        Case{"[\"q\", 2]", "[\"q\", 3]",
             "manifest.parameters[1].stride[1]: expects a dimension of 'q', "
             "which has 3, but got 3"},
        Case{"[\"q\", 2]", "[\"q\"]",
             "manifest.parameters[1].stride: expects [tensor, dimension]"},
        Case{"{\"extent\": \"P\"}", "{\"extent\": \"q\"}",
             "manifest.parameters[2].extent: expects a rank"},
        Case{"{\"scalar\": \"window\"}", "{\"scalar\": \"q\"}",
             "manifest.parameters[3].scalar: expects a scalar"},
        Case{"\"workspace\": true", "\"workspace\": false",
             "manifest.parameters[4].workspace: expects true"},
        Case{"[\"add\", \"window\", 1]", "[\"add\", \"scale\", 1]",
             "manifest.parameters[5].expr: expects the name of a rank or of an "
             "integer scalar, but got 'scale'"},
        Case{"[\"add\", \"window\", 1]", "[\"pow\", \"window\", 1]",
             "manifest.parameters[5].expr: does not know the operation 'pow'"},
        Case{"[\"add\", \"window\", 1]", "[\"select\", \"window\", 1]",
             "manifest.parameters[5].expr: expects 3 operands of select, but "
             "got 2"},
        Case{"[\"add\", \"window\", 1]", "[]",
             "manifest.parameters[5].expr: expects an integer, a name or"},
        Case{"\"scratch_bytes\": 64", "\"scratch_bytes\": -64",
             "manifest.scratch_bytes: expects at least 0, but got -64"},
        Case{"\"workspace_bytes\": [", "\"workspace_bytes\": [[",
             "manifest: expects JSON, but got"},
        Case{"\"causal_main\"", "\"causal main\"",
             "manifest.phases[0].symbol: expects a name of"},
        Case{"[\"ceildiv\", \"P\", 64]", "[\"ceildiv\", \"Q\", 64]",
             "manifest.phases[0].items: expects the name of a rank"}));

TEST(Manifest, RefusesNoPhase) {
  Result<Manifest> parsed = Manifest::parse(valid);
  ASSERT_TRUE(parsed.isOk());
  parsed->phases.clear();
  EXPECT_EQ(parsed->validate().message(),
            "manifest: expects phases or launches, but got 0 and 0; compile "
            "the kernel again");
}

// Both readers and validators recurse over expressions.
TEST(Manifest, RefusesDeepNesting) {
  for (size_t depth : {size_t(70), size_t(200), size_t(1000000)}) {
    std::string expr = "1";
    std::string open, close;
    for (size_t i = 0; i < depth; ++i) {
      open += "[\"add\",1,";
      close += "]";
    }
    Result<Manifest> parsed =
        Manifest::parse(edit("[\"add\", \"window\", 1]", open + expr + close));
    ASSERT_FALSE(parsed.isOk());
    EXPECT_NE(parsed.getStatus().message().find("levels"), std::string::npos);
  }
}

// A builder's struct passes the same checks as a file.
TEST(Manifest, ValidatesABuiltExpressionsDepth) {
  Result<Manifest> parsed = Manifest::parse(valid);
  ASSERT_TRUE(parsed.isOk());
  Expr deep = 1;
  for (unsigned i = 0; i < Expr::maxDepth; ++i)
    deep = Expr(1) + deep;
  parsed->scratchBytes = deep;
  EXPECT_TRUE(parsed->validate().isOk());
  EXPECT_TRUE(Manifest::parse(parsed->toJson()).isOk());
  parsed->scratchBytes = Expr(1) + deep;
  EXPECT_FALSE(parsed->validate().isOk());
}

// Whatever the cut or the byte, parsing returns.
TEST(Manifest, SurvivesTruncationAndAlteredBytes) {
  std::string text = valid;
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(Manifest::parse(text.substr(0, size)).isOk());
  for (size_t i = 0; i < text.size(); ++i)
    for (char byte : {'\0', '"', '[', '{', '9', '-', '\xff'}) {
      std::string altered = text;
      altered[i] = byte;
      Result<Manifest> parsed = Manifest::parse(altered);
      if (parsed.isOk()) {
        EXPECT_TRUE(parsed->validate().isOk());
      }
    }
}
} // namespace
