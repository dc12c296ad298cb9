//===- LinearSystem.cpp - linear constraints over integers ----------------===//

#include "LinearSystem.h"

#include "mlir/Analysis/Presburger/IntegerRelation.h"
#include "mlir/Analysis/Presburger/Simplex.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace attn::mask;
using namespace mlir::presburger;

// A search takes about a millisecond, by MaskProofsTest.
static constexpr size_t kMostSearched = 12;
// Sums of a few such numbers have 64 bits.
static constexpr int64_t kMostNumber = int64_t(1) << 60;

static bool isTooLarge(int64_t number) {
  return number > kMostNumber || number < -kMostNumber;
}

void LinearSystem::add(Row row) {
  if (isTooLarge(row.number) || llvm::any_of(row.coefficients, isTooLarge))
    return;
  int64_t divisor = 0;
  for (int64_t coefficient : row.coefficients)
    divisor = std::gcd(divisor, coefficient);
  if (divisor == 0) {
    isContradiction |= row.isEquality ? row.number != 0 : row.number < 0;
    return;
  }
  isContradiction |= row.isEquality && row.number % divisor != 0;
  for (int64_t &coefficient : row.coefficients)
    coefficient /= divisor;
  // Over the integers a row may be moved up to the next point.
  row.number = llvm::divideFloorSigned(row.number, divisor);
  rows.push_back(std::move(row));
}

/// All columns are dimensions: to emptiness the kinds of variables are one.
static IntegerPolyhedron getPolyhedron(const std::vector<Row> &rows) {
  size_t numColumns = 0;
  for (const Row &row : rows)
    numColumns = std::max(numColumns, row.coefficients.size());
  IntegerPolyhedron polyhedron(PresburgerSpace::getSetSpace(numColumns));
  for (const Row &row : rows) {
    auto numbers = row.coefficients;
    numbers.resize(numColumns);
    numbers.push_back(row.number);
    if (row.isEquality)
      polyhedron.addEquality(numbers);
    else
      polyhedron.addInequality(numbers);
  }
  return polyhedron;
}

Emptiness LinearSystem::classify() const {
  if (isContradiction)
    return Emptiness::Empty;
  Simplex simplex(getPolyhedron(rows));
  if (simplex.isEmpty())
    return Emptiness::Empty;
  return simplex.getSamplePointIfIntegral() ? Emptiness::Inhabited
                                            : Emptiness::Open;
}

/// Takes `column` out of `row`; `equality` has it with `unit`, 1 or -1. False
/// if numbers get too large: the row is then to be left out.
static bool eliminate(Row &row, const Row &equality, size_t column,
                      int64_t unit) {
  if (row.coefficients.size() <= column || row.coefficients[column] == 0)
    return true;
  int64_t factor = -row.coefficients[column] * unit;
  auto add = [&](int64_t &number, int64_t other) {
    int64_t product;
    return !llvm::MulOverflow(factor, other, product) &&
           !llvm::AddOverflow(number, product, number);
  };
  if (row.coefficients.size() < equality.coefficients.size())
    row.coefficients.resize(equality.coefficients.size());
  bool fits = add(row.number, equality.number);
  for (size_t i = 0; i < equality.coefficients.size(); ++i)
    fits &= add(row.coefficients[i], equality.coefficients[i]);
  return fits;
}

/// Uses equalities up that give a column by the others.
void LinearSystem::eliminateColumns() {
  auto findUnit = [](const Row &row) {
    return llvm::find_if(row.coefficients,
                         [](int64_t c) { return c == 1 || c == -1; });
  };
  while (true) {
    auto it = llvm::find_if(rows, [&](const Row &row) {
      return row.isEquality && findUnit(row) != row.coefficients.end();
    });
    if (it == rows.end())
      return;
    const Row equality = std::move(*it);
    rows.erase(it);
    const int64_t *unit = findUnit(equality);
    std::vector<Row> others = std::move(rows);
    rows.clear();
    for (Row &row : others)
      if (eliminate(row, equality, unit - equality.coefficients.begin(), *unit))
        add(std::move(row));
  }
}

/// Takes out the columns that no row has; returns how many are left.
size_t LinearSystem::packColumns() {
  std::vector<bool> isUsed;
  for (const Row &row : rows)
    for (auto [column, coefficient] : llvm::enumerate(row.coefficients)) {
      isUsed.resize(std::max(isUsed.size(), column + 1));
      if (coefficient != 0)
        isUsed[column] = true;
    }
  for (Row &row : rows) {
    size_t numKept = 0;
    for (auto [column, coefficient] : llvm::enumerate(row.coefficients))
      if (isUsed[column])
        row.coefficients[numKept++] = coefficient;
    row.coefficients.resize(numKept);
  }
  return llvm::count(isUsed, true);
}

bool LinearSystem::isEmptyOverIntegers() const {
  LinearSystem reduced = *this;
  reduced.eliminateColumns();
  if (reduced.isContradiction)
    return true;
  size_t numColumns = reduced.packColumns();
  return numColumns <= kMostSearched &&
         getPolyhedron(reduced.rows).isIntegerEmpty();
}
