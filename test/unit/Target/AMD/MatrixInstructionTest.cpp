//===- MatrixInstructionTest.cpp - fragments, element by element ----------===//

#include "../../../../lib/Target/AMD/MatrixInstruction.h"

#include "attn/Target/AMD/AMD.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;

namespace {
class MatrixInstructionTest : public testing::Test {
public:
  MatrixInstructionTest() { context.loadDialect<PipeDialect>(); }

  MLIRContext context;
};
} // namespace

// AMD CDNA 3 ISA, "Matrix arithmetic instructions": of v_mfma_f32_16x16x16
// register i of lane l is row 4 (l / 16) + i of D, of v_mfma_f32_32x32x8 row
// 8 (i / 4) + 4 (l / 32) + i % 4. RDNA 3 ISA, "Wave matrix multiply
// accumulate": of v_wmma_f32_16x16x16 row 2 i + l / 16.
TEST_F(MatrixInstructionTest, RowsAreTheManuals) {
  for (int64_t share = 0; share < 4; ++share)
    for (int64_t i = 0; i < 4; ++i)
      EXPECT_EQ(amd::kMfma16.getRow(share, i), 4 * share + i);
  for (int64_t share = 0; share < 2; ++share) {
    for (int64_t i = 0; i < 16; ++i)
      EXPECT_EQ(amd::kMfma32.getRow(share, i), 8 * (i / 4) + 4 * share + i % 4);
    for (int64_t i = 0; i < 8; ++i)
      EXPECT_EQ(amd::kWmma16.getRow(share, i), 2 * i + share);
  }
}

// A lane holds of a tile what it holds of the D of all instructions, at
// different columns, and its lane's number modulo those of D is the row.
TEST_F(MatrixInstructionTest, FragmentsAreRunsOfInstructions) {
  struct {
    const amd::MatrixInstruction &instruction;
    FragmentAttr (*getFragment)(MLIRContext *context, int64_t columns);
  } const all[] = {{amd::kMfma16, amd::getMfma16Fragment},
                   {amd::kMfma32, amd::getMfma32Fragment},
                   {amd::kWmma16, amd::getWmma16Fragment}};
  for (auto [instruction, getFragment] : all)
    for (int64_t columns : {1, 2, 3, 4, 5, 6, 8}) {
      columns *= instruction.rows;
      FragmentAttr fragment = getFragment(&context, columns);
      int64_t rows = 4 * instruction.columns;
      EXPECT_EQ(fragment.getNumLanes(), instruction.lanes);
      EXPECT_EQ(fragment.getNumRegisters(), columns / instruction.getShares());
      EXPECT_TRUE(succeeded(fragment.verifyEncoding(
          {rows, columns}, Float32Type::get(&context),
          [&] { return emitError(UnknownLoc::get(&context)); })));
      for (int64_t lane = 0; lane < instruction.lanes; ++lane)
        EXPECT_EQ(FragmentAttr::getOffset(fragment.getLanes(), lane, 0),
                  lane % instruction.columns);
      // Runs are of whole instructions, up to four.
      int64_t run = instruction.getRun(columns);
      int64_t count = run / instruction.getNumAccumulators();
      EXPECT_EQ(count, instruction.getInstructionsOfRun(columns));
      EXPECT_TRUE(count == 1 || count == 2 || count == 4);
      for (int64_t i = 1; i < run; ++i)
        EXPECT_EQ(FragmentAttr::getOffset(fragment.getRegisters(), i, 1), i);
    }
}

// Lines of one tile are those of any other, whatever its columns.
TEST_F(MatrixInstructionTest, RowsSpreadOverAllColumns) {
  for (StringRef target : amd::getTargetNames()) {
    const MachineModel *model = &amd::getMachineModel(target);
    for (; model; model = model->tall) {
      int64_t granule = model->columnGranule;
      auto row = SliceAttr::get(&context, 1,
                                model->getFragment(&context, granule), false);
      for (int64_t columns : {2 * granule, 4 * granule, 6 * granule})
        EXPECT_TRUE(spreadsAs(row, model->getFragment(&context, columns)));
      auto column = SliceAttr::get(
          &context, 0, model->getFragment(&context, granule), false);
      EXPECT_FALSE(
          spreadsAs(column, model->getFragment(&context, 2 * granule)));
    }
  }
}
