//===- AttentionRefusalsTest.cpp - programs of C++ that are none ----------===//

#include "attn-cpp/Attention.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace attn::api;

namespace {
TEST(CppRefusals, PointAtWhatWasNamed) {
  auto refuse = [](const char *message, auto compose) {
    Attention program("mine");
    compose(program);
    EXPECT_EQ(program.getError().message, message);
    Kernel kernel;
    EXPECT_EQ(compile(program, {}, kernel).message, message);
    EXPECT_FALSE(kernel);
  };
  refuse("table slopes: expects an index for each of its 2 dimensions, but got "
         "1; give all of them: rows are not values",
         [](Attention &a) {
           auto slopes = a.table("slopes", Element::f32, {"H", "N"});
           a.setScore(a.score() + slopes[a.head()]);
         });
  refuse(
      "table slopes: expects integers as indices, but got a real; index with "
      "coordinates",
      [](Attention &a) {
        auto slopes = a.table("slopes", Element::f32, {"H"});
        a.setScore(a.score() + slopes[a.score()]);
      });
  refuse("table max: expects a name that the program does not have itself, but "
         "it has 'max'; call it something else",
         [](Attention &a) { a.table("max", Element::f32, {"H"}); });
  refuse(
      "scalar w12: expects a name that the program does not have itself, but "
      "it has 'w12'; call it something else",
      [](Attention &a) { a.integer("w12", 1); });
  refuse("table 'a b': expects a name of letters, digits and underscores, but "
         "got another; call it so",
         [](Attention &a) { a.table("a b", Element::f32, {"H"}); });
  refuse("table slopes: expects ranks by names of letters, digits and "
         "underscores, but got 'a b'; call it so",
         [](Attention &a) { a.table("slopes", Element::f32, {"a b"}); });
  refuse(
      "scalar cap: expects a name of its own, but two arguments of mine have "
      "it; call one of them something else",
      [](Attention &a) {
        a.table("cap", Element::f32, {"H"});
        a.real("cap", 1);
      });
  refuse("operator and: expects booleans or integers, but got a real; compare "
         "it first",
         [](Attention &a) { a.setScore(a.score() & a.key()); });
  refuse(
      "mask of mine: expects what is known before the scores, but got one of "
      "the score; put it into the score: -infinity hides a key",
      [](Attention &a) { a.setMask(a.score() > 0); });
  refuse("mask of mine: expects values of this program, but got one of other; "
         "make all of them by one program",
         [](Attention &a) {
           Attention other("other");
           a.setMask(other.key() <= 3);
         });
  refuse("program mine: expects values of one program, but got one of other; "
         "make all of them by one program",
         [](Attention &a) {
           Attention other("other");
           a.setMask(a.key() <= other.query());
         });
  refuse("program mine: expects operations nested at most 2000 deep, but got "
         "more; compute less",
         [](Attention &a) {
           Value x = a.score();
           for (int i = 0; i < 100000; ++i)
             x = exp(x);
           a.setScore(x);
         });
  Attention program("a-b");
  EXPECT_EQ(program.getError().feature, "program 'a-b'");
}

// Values that are used many times are written once.
TEST(CppRefusals, SharedValuesAreWrittenOnce) {
  Attention program;
  Value x = program.score();
  for (int i = 0; i < 1000; ++i)
    x = x + x;
  program.setScore(x);
  EXPECT_LT(program.format().size(), 100000u);
}

// What the compiler refuses has the names that were given, too.
TEST(CppRefusals, OfTheCompilerPointAtWhatWasNamed) {
  setenv("ATTN_COMPILE", ATTN_COMPILE, 1);
  Attention program("mine");
  auto p = program.query(), m = program.key();
  program.setMask((m <= p) & named("stripe", m % p < 3));
  Kernel kernel;
  Error error = compile(program, {}, kernel);
  EXPECT_EQ(error.code, ATTN_UNSUPPORTED) << error.message;
  EXPECT_EQ(error.feature, "mine, mask, stripe");
  EXPECT_NE(error.reason.find("the remainder is by 'p', which is not known to "
                              "be positive"),
            std::string::npos)
      << error.reason;
  // So is a word of the command.
  Attention causal("causal");
  causal.setMask(causal.key() <= causal.query());
  CompileOptions options;
  options.words = {"--dtype=f8"};
  EXPECT_EQ(compile(causal, options, kernel).feature, "--dtype");
}
} // namespace
