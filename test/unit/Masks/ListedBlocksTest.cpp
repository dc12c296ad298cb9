//===- ListedBlocksTest.cpp - lists that drive the steps of tiles ---------===//
//
// Where tiles of queries divide the rows of a list, a tile has one row of it:
// who plans the steps may say so. Then steps lead to the listed blocks only.
//
//===----------------------------------------------------------------------===//

#include "Configuration.h"
#include "FaultyMask.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::mask;
using namespace attn::test;

/// Whether `expr` has one value in a tile: `row`, the number of the tile's row
/// of blocks, counts as one.
static bool isUniform(const ExprPool &pool, Expr expr, Expr query, Expr row) {
  if (expr == row)
    return true;
  const ExprNode &node = pool[expr];
  if (node.kind == ExprKind::Variable)
    return expr != query && pool.getVariable(node) != "m";
  return llvm::all_of(node.operands, [&](Expr operand) {
    return isUniform(pool, operand, query, row);
  });
}

/// Checks cases of a variant, the rows of whose lists are `rowsName` queries.
static void checkLists(const char *variant, const char *rowsName,
                       const char *columnsName, bool isTight) {
  const Fault none;
  int numChecked = 0;
  for (int number = 0; number < 600; ++number) {
    Random random(number);
    Configuration configuration = makeConfiguration(variant, random);
    auto &scalars = configuration.given.scalars;
    configuration.box = Box::rows;
    configuration.rows = scalars.at(rowsName);
    configuration.columns = scalars.at(columnsName);
    // As a symbol, `causal` makes two terms: one list drives, not two.
    configuration.given.byKeys.isTight = isTight && configuration.bindsStatic;
    auto imported = importVariant(variant, scalars, configuration.bindsStatic);
    ExprPool &pool = imported->pool;
    Expr query = imported->getVariable("P");
    Expr size = configuration.bindsStatic ? pool.constant(configuration.rows)
                                          : pool.symbol(rowsName, 1);
    Expr row = pool.floorDiv(query, size);
    NormalForm form =
        normalize(pool, imported->predicate, imported->getVariable("M"));
    FaultyMask mask(
        pool, imported->predicate, form,
        [&](Expr expr) { return isUniform(pool, expr, query, row); }, none);
    ASSERT_EQ(check(mask, *imported, configuration, /*byKeys=*/true), "")
        << "configuration " << number << ": " << configuration.toString();
    ++numChecked;
  }
  std::cout << numChecked << " configurations of " << variant << "\n";
}

TEST(ListedBlocks, AreAllThatIsVisited) {
  checkLists("block-sparse", "block_rows", "block_cols", /*isTight=*/true);
}

TEST(ListedBlocks, AreVisitedBesideWindowsAndSinks) {
  checkLists("selected-blocks", "rows", "block", /*isTight=*/false);
}
