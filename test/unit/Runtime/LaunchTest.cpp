//===- LaunchTest.cpp - manifests of GPU kernels --------------------------===//

#include "attn/Runtime/LaunchLayout.h"
#include "attn/Runtime/Manifest.h"

#include <gtest/gtest.h>

using namespace attn;

namespace {
const char *const valid = R"({
  "schema": 1, "name": "causal", "attn_version": "0.1.0",
  "llvm_version": "22.1.8",
  "target": {"arch": "sm_90a", "cpu": "", "features": [], "driver": 12040},
  "numerics": {"accumulate": "f32"}, "cache_key": "0f",
  "ranks": [{"name": "B"}, {"name": "P"}, {"name": "E", "extent": 64}],
  "arguments": [
    {"name": "q", "kind": "tensor", "access": "read", "dtype": "bf16",
     "shape": ["B", "P", "E"]},
    {"name": "lens", "kind": "tensor", "access": "read", "dtype": "i32",
     "shape": []},
    {"name": "window", "kind": "scalar", "dtype": "i64"},
    {"name": "scale", "kind": "scalar", "dtype": "f32"},
    {"name": "o", "kind": "tensor", "access": "write", "dtype": "bf16",
     "shape": ["B", "P", "E"]}],
  "workspace_bytes": ["mul", "B", 4096], "state_bytes": 64,
  "launches": [{"symbol": "causal_main",
    "grid": [["min", "B", "device.multiprocessors"], 1, 1], "threads": 384,
    "cluster": [2, 1, 1], "shared_bytes": 213000,
    "parameters": [{"scalar": "scale"},
      {"tensor_map": {"tensor": "q", "box": [1, 128, 64], "swizzle": 128}},
      {"value": ["add", "window", 1], "type": "i32"}, {"pointer": "o"},
      {"stride": ["q", 1]}, {"state": 4}, {"workspace": "B"}]}]})";

/// `valid` with its first `from` replaced by `to`.
std::string edit(const std::string &from, const std::string &to) {
  std::string text = valid;
  size_t position = text.find(from);
  EXPECT_NE(position, std::string::npos) << from;
  return text.replace(position, from.size(), to);
}

TEST(Launch, ParsesEveryField) {
  Result<Manifest> parsed = Manifest::parse(valid);
  ASSERT_TRUE(parsed.isOk()) << parsed.getStatus().message();
  const Manifest &m = *parsed;
  EXPECT_EQ(m.target.driver, 12040);
  EXPECT_EQ(m.stateBytes, Expr(64));
  EXPECT_TRUE(m.phases.empty());
  ASSERT_EQ(m.launches.size(), 1u);
  const Launch &launch = m.launches[0];
  EXPECT_EQ(launch.symbol, "causal_main");
  EXPECT_EQ(launch.grid[0],
            min(Expr::name("B"), Expr::name("device.multiprocessors")));
  EXPECT_EQ(launch.threads, 384);
  EXPECT_EQ(launch.cluster, (std::array<int64_t, 3>{2, 1, 1}));
  EXPECT_EQ(launch.sharedBytes, 213000);
  ASSERT_EQ(launch.parameters.size(), 7u);
  EXPECT_EQ(launch.parameters[1].name, "q");
  EXPECT_EQ(launch.parameters[1].box, (std::vector<int64_t>{1, 128, 64}));
  EXPECT_EQ(launch.parameters[1].swizzleBytes, 128);
  EXPECT_EQ(launch.parameters[2].type, DType::i32);
  EXPECT_EQ(launch.parameters[4].dim, 1);
  EXPECT_EQ(launch.parameters[5].expr, Expr(4));
}

TEST(Launch, PrintsWhatItParses) {
  Result<Manifest> first = Manifest::parse(valid);
  ASSERT_TRUE(first.isOk());
  Result<Manifest> second = Manifest::parse(first->toJson());
  ASSERT_TRUE(second.isOk()) << second.getStatus().message();
  EXPECT_EQ(first->toJson(), second->toJson());
  EXPECT_EQ(second->launches[0].parameters[6].expr, Expr::name("B"));
}

// As a function's declaration lies: each at its own alignment.
TEST(Launch, LaysParametersOut) {
  Result<Manifest> m = Manifest::parse(valid);
  ASSERT_TRUE(m.isOk());
  LaunchLayout layout = layOutParameters(*m, m->launches[0]);
  std::vector<std::pair<int64_t, int64_t>> places;
  for (LaunchLayout::Place place : layout.places)
    places.push_back({place.offset, place.bytes});
  EXPECT_EQ(places, (std::vector<std::pair<int64_t, int64_t>>{{0, 4},
                                                              {64, 128},
                                                              {192, 4},
                                                              {200, 8},
                                                              {208, 8},
                                                              {216, 8},
                                                              {224, 8}}));
  EXPECT_EQ(layout.bytes, 232);
}

struct Case {
  const char *from, *to, *message;
};

class LaunchRefuses : public testing::TestWithParam<Case> {};

TEST_P(LaunchRefuses, WithPlaceAndFacts) {
  Result<Manifest> parsed =
      Manifest::parse(edit(GetParam().from, GetParam().to));
  ASSERT_FALSE(parsed.isOk()) << GetParam().to;
  std::string message = parsed.getStatus().message();
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, LaunchRefuses,
    testing::Values(
        Case{"\"state_bytes\": 64,", "",
             "manifest: expects the field 'state_bytes'"},
        Case{"\"state_bytes\": 64", "\"state_bytes\": -64",
             "manifest.state_bytes: expects at least 0, but got -64"},
        Case{"\"state_bytes\": 64", "\"state_bytes\": 64, \"phases\": []",
             "manifest: does not know the field 'phases'"},
        Case{"\"state_bytes\": 64", "\"state_bytes\": 64, \"parameters\": []",
             "manifest: does not know the field 'parameters'"},
        Case{"12040", "\"12.4\"", "manifest.target.driver: expects a 64-bit"},
        Case{"12040", "-1", "manifest.target.driver: expects a version"},
        Case{"\"features\": []", "\"features\": [\"ptx80\"]",
             "manifest.target.features: expects none beside"},
        Case{"\"causal_main\"", "\"causal main\"",
             "manifest.launches[0].symbol: expects a name of"},
        Case{"\"threads\": 384,", "",
             "manifest.launches[0]: expects the field 'threads'"},
        Case{"\"threads\": 384", "\"threads\": 1025",
             "manifest.launches[0].threads: expects 1 to 1024, but got 1025"},
        Case{"[2, 1, 1]", "[2, 1]",
             "manifest.launches[0].cluster: expects an array of three"},
        Case{"[2, 1, 1]", "[0, 1, 1]",
             "manifest.launches[0].cluster[0]: expects 1 to 8, but got 0"},
        Case{"[2, 1, 1]", "[4, 2, 2]",
             "manifest.launches[0].cluster: expects at most 8 blocks in a "
             "cluster, but got 16"},
        Case{"213000", "-1", "manifest.launches[0].shared_bytes: expects 0 to"},
        Case{"device.multiprocessors", "device.clock",
             "manifest.launches[0].grid[0]: expects the name of a rank"},
        Case{"1, 1], \"threads\"", "-1, 1], \"threads\"",
             "manifest.launches[0].grid[1]: expects at least 0, but got -1"},
        Case{"{\"scalar\": \"scale\"}", "{\"scalar\": \"q\"}",
             "parameters[0].scalar: expects a scalar of"},
        Case{"{\"pointer\": \"o\"}", "{\"pointer\": \"scale\"}",
             "parameters[3].pointer: expects a tensor of"},
        Case{"{\"pointer\": \"o\"}", "{\"rows\": [\"scale\", 4]}",
             "parameters[3].rows[0]: expects a tensor of"},
        Case{"{\"pointer\": \"o\"}", "{\"rows\": [\"o\", 12]}",
             "parameters[3].rows[1]: expects a power of 2, but got 12"},
        Case{"{\"pointer\": \"o\"}", "{\"rows\": \"o\"}",
             "parameters[3].rows: expects [tensor, bytes]"},
        Case{"[\"q\", 1]", "[\"q\", 3]",
             "parameters[4].stride[1]: expects a dimension of 'q', which has "
             "3, but got 3"},
        Case{"[\"q\", 1]", "[\"q\"]",
             "parameters[4].stride: expects [tensor, dimension]"},
        Case{"\"type\": \"i32\"", "\"type\": \"f32\"",
             "parameters[2].type: expects i32 or i64, but got f32"},
        Case{", \"type\": \"i32\"", "",
             "parameters[2]: expects the field 'type'"},
        Case{"{\"state\": 4}", "{\"state\": -4}",
             "parameters[5].state: expects at least 0, but got -4"},
        Case{"{\"workspace\": \"B\"}", "{\"workspace\": \"C\"}",
             "parameters[6].workspace: expects the name of a rank"},
        Case{"{\"workspace\": \"B\"}", "{\"scratch\": 1}",
             "parameters[6]: does not know the parameter 'scratch'"},
        Case{"{\"workspace\": \"B\"}", "7",
             "parameters[6]: expects an object with one field"},
        Case{"\"tensor\": \"q\"", "\"tensor\": \"lens\"",
             "tensor_map.tensor: expects a tensor of 1 to 5 dimensions, but "
             "'lens' has 0"},
        Case{"[1, 128, 64]", "[128, 64]",
             "tensor_map.box: expects 3 extents, one for each dimension of "
             "'q', but got 2"},
        Case{"[1, 128, 64]", "[1, 257, 64]",
             "tensor_map.box[1]: expects an extent of 1 to 256, but got 257"},
        Case{"[1, 128, 64]", "[1, 128, 60]",
             "tensor_map.box: expects rows of a multiple of 16 bytes, but got "
             "120"},
        Case{"\"swizzle\": 128", "\"swizzle\": 128, \"order\": [0, 2, 1]",
             "tensor_map.order: expects each of the 3 dimensions of 'q' once, "
             "the last one last"},
        Case{"\"swizzle\": 128", "\"swizzle\": 128, \"order\": [1, 2]",
             "tensor_map.order: expects each of the 3 dimensions of 'q' once"},
        Case{"\"swizzle\": 128", "\"swizzle\": 128, \"order\": 1",
             "tensor_map.order: expects an array"},
        Case{"\"swizzle\": 128", "\"swizzle\": 128, \"promotion\": 32",
             "tensor_map.promotion: expects 0, 64, 128 or 256 bytes, but got "
             "32"},
        Case{"\"swizzle\": 128", "\"swizzle\": 96",
             "tensor_map.swizzle: expects 0, 32, 64 or 128 bytes, but got 96"},
        Case{"\"swizzle\": 128", "\"swizzle\": 64",
             "tensor_map.swizzle: expects rows of at most the swizzle's 64 "
             "bytes, but got 128"}));

TEST(Launch, KeepsTheOrderOfDimensions) {
  Result<Manifest> m = Manifest::parse(
      edit("\"swizzle\": 128", "\"swizzle\": 128, \"order\": [1, 0, 2]"));
  ASSERT_TRUE(m.isOk()) << m.getStatus().message();
  EXPECT_EQ(m->launches[0].parameters[1].order,
            (std::vector<int64_t>{1, 0, 2}));
  Result<Manifest> again = Manifest::parse(m->toJson());
  ASSERT_TRUE(again.isOk());
  EXPECT_EQ(again->launches[0].parameters[1].order,
            (std::vector<int64_t>{1, 0, 2}));
  Result<Manifest> plain = Manifest::parse(valid);
  ASSERT_TRUE(plain.isOk());
  EXPECT_EQ(plain->toJson().find("order"), std::string::npos);
}

TEST(Launch, KeepsTheBytesThatAMissBrings) {
  Result<Manifest> m = Manifest::parse(
      edit("\"swizzle\": 128", "\"swizzle\": 128, \"promotion\": 64"));
  ASSERT_TRUE(m.isOk()) << m.getStatus().message();
  Result<Manifest> again = Manifest::parse(m->toJson());
  ASSERT_TRUE(again.isOk());
  EXPECT_EQ(again->launches[0].parameters[1].promotionBytes, 64);
  Result<Manifest> plain = Manifest::parse(valid);
  ASSERT_TRUE(plain.isOk());
  EXPECT_EQ(plain->launches[0].parameters[1].promotionBytes, 256);
  EXPECT_EQ(plain->toJson().find("promotion"), std::string::npos);
}

TEST(Launch, RefusesTooManyParameters) {
  Result<Manifest> m = Manifest::parse(valid);
  ASSERT_TRUE(m.isOk());
  m->launches[0].parameters.assign(512, Launch::Parameter::pointer("q"));
  EXPECT_TRUE(m->validate().isOk());
  m->launches[0].parameters.push_back(Launch::Parameter::pointer("q"));
  EXPECT_EQ(m->validate().message(),
            "manifest.launches[0].parameters: expects at most 4096 bytes of "
            "parameters, but got 4104; pass a pointer to them");
}

TEST(Launch, RefusesWhatBelongsToPhases) {
  Result<Manifest> m = Manifest::parse(valid);
  ASSERT_TRUE(m.isOk());
  Manifest both = *m;
  both.phases = {{"cpu", 1}};
  EXPECT_EQ(both.validate().message(),
            "manifest: expects phases or launches, but got 1 and 1; compile "
            "the kernel again");
  Manifest words = *m;
  words.parameters = {Manifest::Parameter::pointer("q")};
  EXPECT_FALSE(words.validate().isOk());
  Manifest phases = *m;
  phases.launches.clear();
  phases.phases = {{"cpu", 1}};
  EXPECT_EQ(phases.validate().message(),
            "manifest.target.driver: expects a driver for launches only, but "
            "got phases; compile the kernel again");
  phases.target.driver.reset();
  EXPECT_EQ(phases.validate().message(),
            "manifest.state_bytes: expects state for launches only, but got "
            "phases; compile the kernel again");
  phases.stateBytes = 0;
  EXPECT_TRUE(phases.validate().isOk());
  // Only a device has multiprocessors.
  phases.phases[0].items = Expr::name("device.multiprocessors");
  EXPECT_FALSE(phases.validate().isOk());
}

// Whatever the cut or the byte, parsing returns.
TEST(Launch, SurvivesTruncationAndAlteredBytes) {
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
