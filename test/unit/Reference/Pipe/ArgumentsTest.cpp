//===- ArgumentsTest.cpp - arguments that do not fit are refused ----------===//

#include "SmallPrograms.h"

#include "gtest/gtest.h"

#include <functional>

using namespace attn;
using namespace attn::test;

/// The refusal of attention-full with its arguments changed.
static std::string
refuse(const std::function<void(PipeArguments &, PipeLaunch &)> &change) {
  PipeProgram program = PipeProgram::load("attention-full");
  EXPECT_TRUE(program.isValid()) << program.getDiagnostics();
  PipeArguments arguments;
  arguments.tensors["q"] = makeNormal({2, 3, 128}, 1);
  arguments.tensors["k"] = makeNormal({2, 4, 128}, 2);
  arguments.tensors["v"] = makeNormal({2, 4, 128}, 3);
  arguments.scalars["scale"] = 1;
  PipeLaunch launch;
  change(arguments, launch);
  auto outcome = interpretPipe(program.getKernel(), arguments, launch);
  return outcome.isOk() ? "" : outcome.getStatus().message();
}

#define EXPECT_REFUSED(MESSAGE, CHANGE)                                        \
  EXPECT_EQ(refuse([](PipeArguments &a, PipeLaunch &l) {                       \
              (void)a, (void)l;                                                \
              CHANGE;                                                          \
            }),                                                                \
            MESSAGE)

TEST(ArgumentsTest, AreChecked) {
  EXPECT_REFUSED("", );
  EXPECT_REFUSED("argument 'k': is not bound; give a tensor",
                 a.tensors.erase("k"));
  EXPECT_REFUSED("argument 'scale': is not bound; give a scalar",
                 a.scalars.clear());
  EXPECT_REFUSED("argument 'attention_full': the kernel reads 3 tensors and 1 "
                 "scalars, but 4 and 1 were given; give those only",
                 a.tensors["o"] = {});
  EXPECT_REFUSED("argument 'q': has 2 dimensions instead of 3; give a tensor "
                 "of that many",
                 a.tensors["q"].shape.pop_back());
  EXPECT_REFUSED("argument 'v': has shape 2 x 5 x 128 where an extent is 4; "
                 "give tensors of one extent for each rank",
                 a.tensors["v"].shape[1] = 5);
  EXPECT_REFUSED("argument 'q': has shape 2 x 3 x 64 where an extent is 128; "
                 "give tensors of one extent for each rank",
                 a.tensors["q"].shape[2] = 64);
  EXPECT_REFUSED("argument 'q': has shape 2 x 3 x 128 where an extent is 7; "
                 "give tensors of one extent for each rank",
                 a.extents["P"] = 7);
  EXPECT_REFUSED("argument 'q': has 767 values for shape 2 x 3 x 128; give one "
                 "for each element",
                 a.tensors["q"].values.pop_back());
  EXPECT_REFUSED("argument 'q': has extent 2147483648, which 32 bits do not "
                 "hold; give extents of 0 to 2147483647",
                 a.tensors["q"].shape[1] = 2147483648);
  EXPECT_REFUSED("argument 'q': has extent -1, which 32 bits do not hold; give "
                 "extents of 0 to 2147483647",
                 a.tensors["q"].shape[1] = -1);
  EXPECT_REFUSED("argument 'q': has more than 2147483647 elements; interpret "
                 "smaller shapes",
                 a.tensors["q"].shape[1] = 2147483647);
  EXPECT_REFUSED("argument 'multiprocessors': is 0; give 1 or more",
                 l.multiprocessors = 0);
}

/// A rank that only an output has takes its extent from the caller.
TEST(ArgumentsTest, ExtentsOfOutputs) {
  std::string text = R"(
pipe.kernel @k(
    %o: !pipe.global<?x4xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["N", 4]}) {
  pipe.role "all" groups(1) warps(1) registers(24) (%group) {
    %i = pipe.dim %o, 0 : !pipe.global<?x4xf32>
  }
})";
  PipeProgram program(text);
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  auto refused = interpretPipe(program.getKernel(), {});
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.getStatus().message(),
            "argument 'o': has a rank without an extent; give the extent of "
            "'N'");
  PipeArguments arguments;
  arguments.extents["N"] = 3;
  PipeOutcome outcome = program.run(arguments);
  EXPECT_EQ(outcome.unwritten["o"], 12);
}
