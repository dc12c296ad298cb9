//===- Misuse.h - calls of the C interface that have to be refused --------===//
//
// A case is a call, the status that include/attn-c promises for it, and a word
// that its message has to name. Every case has a name of its own; the program
// counts them, and fails if a whole run has seen too few.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_MISUSE_H
#define ATTN_TEST_UNIT_RUNTIME_MISUSE_H

#include "RowSum.h"
#include "attn-c/Attn.h"

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace attn::test {

/// The kind of every handle, given to calls that have to overwrite it.
constexpr uint64_t poison = 0x5eed5eed5eed5eed;

/// Makes `call` and expects the refusal `expected`, whose message has the form
/// "feature: reason; alternative" and says `about`. The calling thread's last
/// error is another one before, so that an old message is not taken for it.
void refuses(const std::string &name, attn_status expected,
             const std::string &about,
             const std::function<attn_status()> &call);

/// As `refuses`, of a call that makes an object: it has to leave the null
/// handle.
template <typename Handle, typename Call>
void refusesToMake(const std::string &name, attn_status expected,
                   const std::string &about, Call call) {
  Handle made = {poison};
  refuses(name, expected, about, [&] { return call(&made); });
  EXPECT_EQ(made.id, 0u) << name;
}

/// The row-sum kernel with arguments of every kind besides its own, which its
/// code does not look at: p[B] and u[N] (updated) of f32, e[8] of bf16, f[4]
/// of u8, m[M] of i64 where M is at most 16, and scalars of i32, i64 and f64.
Artifact makeWideArtifact();

/// A call of that kernel that works, until a case spoils it. The tensors' own
/// memory ends with their last element.
struct WideCall {
  WideCall();
  ~WideCall();
  WideCall(const WideCall &) = delete;

  attn_argument &get(const std::string &name);
  attn_status prepare(attn_plan *plan,
                      const attn_plan_options *options = nullptr) {
    return attn_plan_prepare(kernel, arguments.data(), arguments.size(),
                             options, plan);
  }
  /// Prepares, runs and compares.
  void expectWorks();
  /// Expects a run of `plan` to give the right sums.
  void expectRuns(attn_plan plan);

  attn_kernel kernel = {};
  FloatTensor x{{2, 3}}, o{{2}}, p{{2}}, u{{3}}, e{{4}}, f{{1}}, m{{6}};
  std::vector<attn_argument> arguments;
};

/// A kernel of a copy of `artifact`.
attn_kernel loadFromMemory(const Artifact &artifact);

/// What `body` returns in a child process, -1 where that ends otherwise or has
/// not ended after 30 s.
int runForked(const std::function<int()> &body);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_MISUSE_H
