//===- VariantMask.h - the mask of a shipped variant ----------------------===//

#ifndef ATTN_TEST_UNIT_MASKS_VARIANTMASK_H
#define ATTN_TEST_UNIT_MASKS_VARIANTMASK_H

#include "MaskCase.h"

#include "attn/Analysis/Mask/HostMask.h"
#include "attn/Analysis/Mask/Import.h"

namespace attn::test {

/// Imports the predicate of the variant's scores from its file; those of
/// `scalars` that the variant calls static are replaced by their values if
/// `bindsStatic`. Not thread safe.
std::unique_ptr<mask::ImportedMask>
importVariant(const std::string &variant,
              const std::map<std::string, int64_t> &scalars, bool bindsStatic);

/// The values of `scalars` that importVariant would replace.
std::string getStaticKey(const std::string &variant,
                         const std::map<std::string, int64_t> &scalars);

/// Sets all symbols and tables of `mask`, a HostMask or alike. `given` has to
/// outlive it. False if one of the tables is not the mask's.
template <typename Mask> bool setNumbers(Mask &mask, const MaskCase &given) {
  for (const auto &[name, value] : given.scalars)
    mask.setSymbol(name, value);
  const Shape &shape = given.shape;
  mask.setSymbol("|B|", shape.b);
  mask.setSymbol("|H|", shape.h);
  mask.setSymbol("|G|", shape.g);
  mask.setSymbol("|P|", shape.p);
  mask.setSymbol("|M|", shape.m);
  bool isKnown = true;
  for (const auto &[name, table] : given.tables)
    isKnown &= mask.setTable(
        name,
        {{table.shape.begin(), table.shape.end()}, table.values, table.empty});
  return isKnown;
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_MASKS_VARIANTMASK_H
