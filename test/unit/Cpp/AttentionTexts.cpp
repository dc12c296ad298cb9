//===- AttentionTexts.cpp - prints programs that C++ composes -------------===//
//
// One for each name that test/Python/test_cpp.py asks for.
//
//===----------------------------------------------------------------------===//

#include "attn-cpp/Attention.h"

#include <cstdio>

using namespace attn::api;

static void compose(Attention &a, const std::string &name) {
  auto p = a.query(), m = a.key();
  auto x = a.score();
  if (name == "causal")
    a.setMask(m <= p);
  if (name == "window")
    a.setMask((m <= p) & (p - m < 64));
  if (name == "softcap")
    a.setScore(20.0 * tanh(x / 20));
  if (name == "alibi") {
    auto h = a.head();
    auto slopes = a.table("t0", Element::f32, {"T0_0"});
    a.setMask(m <= p);
    a.setScore(x + (m - p) * slopes[h]);
  }
  if (name == "documents") {
    auto documents = a.table("t0", Element::i32, {"T0_0"});
    a.setMask((m <= p) & (documents[m] == documents[p]));
  }
  if (name == "mixed")
    a.setScore(select(m % 2 == 0, max(x, 0), abs(p - m) * -0.5) + 1e-5);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    bool isGrouped = name.rfind("grouped-", 0) == 0;
    Attention program("attention", isGrouped);
    compose(program, isGrouped ? name.substr(8) : name);
    std::printf("%s%s", program.format().c_str(), i + 1 < argc ? "----\n" : "");
  }
  return argc < 2;
}
