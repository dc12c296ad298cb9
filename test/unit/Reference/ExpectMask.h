//===- ExpectMask.h - a variant's mask against a formula ------------------===//
//
// With queries of zero and values that are the identity, an output is one over
// the number of keys that its query sees where it sees the key, else 0: one run
// of the interpreter gives the whole mask.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_EXPECTMASK_H
#define ATTN_TEST_UNIT_REFERENCE_EXPECTMASK_H

#include "RunCascade.h"
#include "test/unit/Masks/Formulas.h"

#include <cmath>
#include <functional>

namespace attn::test {

using Scalars = std::map<std::string, double>;
using Visible = std::function<bool(const Point &)>;

/// Repeatable whole numbers.
class Numbers {
public:
  explicit Numbers(uint64_t seed) : values(seed) {}

  /// In [least, greatest].
  int64_t get(int64_t least, int64_t greatest) {
    double unit = (values.next() + 1) / 2;
    return least + static_cast<int64_t>(
                       unit * static_cast<double>(greatest - least + 1));
  }

private:
  Values values;
};

/// A table whose elements are what `next` gives, in row-major order.
inline ReferenceTensor makeTable(std::vector<int64_t> shape,
                                 const std::function<int64_t()> &next) {
  ReferenceTensor table;
  table.shape = std::move(shape);
  table.values.resize(table.getNumElements());
  for (double &value : table.values)
    value = static_cast<double>(next());
  return table;
}

/// Expects query p to see key m in the variant called `name` if and only if
/// `visible` holds.
inline void expectMask(const std::string &name, const Shape &shape,
                       const Scalars &scalars, const Tensors &tables,
                       const Visible &visible) {
  auto [nb, nh, ng, np, nm] = shape;
  CascadeArguments arguments{tables, scalars};
  arguments.scalars["scale"] = 1;
  auto zero = [] { return 0; };
  arguments.tensors["q"] = makeTable({nb, nh, ng, np, 1}, zero);
  arguments.tensors["k"] = makeTable({nb, nh, nm, 1}, zero);
  int64_t at = 0;
  arguments.tensors["v"] = makeTable({nb, nh, nm, nm}, [&, nm = nm] {
    int64_t key = at / nm % nm, feature = at % nm;
    ++at;
    return key == feature;
  });
  Outcome outcome = runCascade(readVariant(name), arguments);
  ASSERT_EQ(outcome.message, "") << name;
  std::string said = name;
  for (const auto &[scalar, value] : scalars)
    said += " " + scalar + "=" + std::to_string(static_cast<int64_t>(value));
  int64_t row = 0;
  for (int64_t b = 0; b < nb; ++b)
    for (int64_t h = 0; h < nh; ++h)
      for (int64_t g = 0; g < ng; ++g)
        for (int64_t p = 0; p < np; ++p, ++row) {
          std::vector<bool> expected;
          int64_t count = 0;
          for (int64_t m = 0; m < nm; ++m) {
            expected.push_back(visible({b, h, g, p, m}));
            count += expected.back();
          }
          for (int64_t m = 0; m < nm; ++m)
            ASSERT_EQ(outcome["o"][row * nm + m] > 0, expected[m])
                << said << ": " << np << " queries, " << nm
                << " keys, at b=" << b << " h=" << h << " g=" << g << " p=" << p
                << " m=" << m;
          double lse =
              count == 0 ? -kInf : std::log(static_cast<double>(count));
          if (count == 0)
            ASSERT_EQ(outcome["lse"][row], lse) << said;
          else
            ASSERT_NEAR(outcome["lse"][row], lse, 1e-12) << said;
        }
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_EXPECTMASK_H
