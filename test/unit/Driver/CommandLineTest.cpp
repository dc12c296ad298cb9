//===- CommandLineTest.cpp - options of a tool
//-------------------------------===//

#include "attn/Driver/CommandLine.h"

#include "gtest/gtest.h"

using namespace attn;

static const OptionSpec kSpecs[] = {{"json", "", "print JSON"},
                                    {"heads", "N", "heads"},
                                    {"set", "NAME=VALUE", "a parameter"},
                                    {"o", "FILE", "output"}};

static std::string refusal(std::vector<std::string> arguments,
                           bool keepUnknown = false) {
  auto line = CommandLine::parse(arguments, kSpecs, keepUnknown);
  return line.isOk() ? "" : line.getStatus().message();
}

TEST(CommandLine, TakesValuesEitherWay) {
  auto line = CommandLine::parse({"full", "--heads", "3", "--json", "--set=a=1",
                                  "--set", "b=2", "-o", "f.npy", "--heads=4",
                                  "--q", "q.npy"},
                                 kSpecs, /*keepUnknown=*/true);
  ASSERT_TRUE(line.isOk());
  EXPECT_EQ(line->getPositionals(), std::vector<std::string>{"full"});
  EXPECT_TRUE(line->has("json"));
  EXPECT_EQ(line->get("o"), "f.npy");
  EXPECT_EQ(**line->getInteger("heads", 1), 4);
  auto pairs = line->getPairs("set");
  ASSERT_TRUE(pairs.isOk());
  EXPECT_EQ((*pairs)["a"] + (*pairs)["b"], "12");
  EXPECT_EQ(line->getUnknown().at("q"), "q.npy");
}

TEST(CommandLine, Refusals) {
  EXPECT_EQ(refusal({"--nope", "1"}),
            "--nope: there is no such option; see --help");
  EXPECT_EQ(refusal({"--json=1"}),
            "--json: the option takes no value; leave out '=1'");
  EXPECT_EQ(refusal({"-o"}),
            "-o: the option's value is missing; give it after the option");
  EXPECT_EQ(refusal({"--q"}, true),
            "--q: the option's value is missing; give it after the option");
  auto line = CommandLine::parse({"--heads=x", "--set=a"}, kSpecs, false);
  ASSERT_TRUE(line.isOk());
  EXPECT_EQ(line->getInteger("heads", 1).getStatus().message(),
            "--heads: 'x' is not an integer of at least 1; give one");
  line = CommandLine::parse({"--heads=9", "--set=a"}, kSpecs, false);
  ASSERT_TRUE(line.isOk());
  EXPECT_EQ(line->getInteger("heads", 1, 8).getStatus().message(),
            "--heads: '9' is not an integer of at least 1 and at most 8; give "
            "one");
  EXPECT_EQ(line->getPairs("set").getStatus().message(),
            "--set: 'a' is not of the form NAME=VALUE; give a name and a "
            "value");
}
