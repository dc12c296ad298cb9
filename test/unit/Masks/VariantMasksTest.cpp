//===- VariantMasksTest.cpp - analyses of the shipped masks ---------------===//
//
// Of each variant's predicate, imported from its file: classes of tiles, steps
// and counts, of both sweeps, against the points of formulas. ATTN_MASK_CASES
// is the number of configurations of each variant, ATTN_MASK_SEED their seed.
//
//===----------------------------------------------------------------------===//

#include "Configuration.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::test;

static int64_t getNumber(const char *variable, int64_t otherwise) {
  const char *text = std::getenv(variable);
  return text ? std::atoll(text) : otherwise;
}

namespace {
/// The predicate for one set of static scalars, and its four analyses.
class Analysis {
public:
  explicit Analysis(std::unique_ptr<mask::ImportedMask> imported)
      : imported(std::move(imported)) {
    for (Box box : {Box::rows, Box::group, Box::row})
      for (bool byKeys : {false, true})
        masks.push_back(std::make_unique<mask::HostMask>(
            this->imported->pool, this->imported->predicate,
            this->imported->getVariable(byKeys ? "M" : "P"),
            getPoints(*this->imported, box, byKeys)));
  }

  std::unique_ptr<mask::ImportedMask> imported;
  mask::HostMask &get(Box box, bool byKeys) {
    return *masks[2 * static_cast<int>(box) + byKeys];
  }

private:
  std::vector<std::unique_ptr<mask::HostMask>> masks;
};

class VariantMasks : public testing::TestWithParam<std::string> {
protected:
  Analysis &getAnalysis(const Configuration &configuration) {
    const auto &[variant, scalars] =
        std::pair(GetParam(), configuration.given.scalars);
    bool binds = configuration.bindsStatic;
    std::string key = binds ? getStaticKey(variant, scalars) : "";
    // Few numbers come again in those of three axes.
    if (analyses.size() > 200)
      analyses.clear();
    std::unique_ptr<Analysis> &analysis = analyses[key];
    if (!analysis)
      analysis =
          std::make_unique<Analysis>(importVariant(variant, scalars, binds));
    return *analysis;
  }

private:
  std::map<std::string, std::unique_ptr<Analysis>> analyses;
};
} // namespace

TEST_P(VariantMasks, AreWhatFormulasSay) {
  int64_t count = getNumber("ATTN_MASK_CASES", 200);
  int64_t seed = getNumber("ATTN_MASK_SEED", 1);
  std::cout << count << " configurations of " << GetParam() << ", seed " << seed
            << "\n";
  for (int64_t i = 0; i < count; ++i) {
    Random random(seed * 1000003 + i);
    Configuration configuration = makeConfiguration(GetParam(), random);
    Analysis &analysis = getAnalysis(configuration);
    ASSERT_TRUE(analysis.imported->gaps.empty());
    for (bool byKeys : {true, false}) {
      std::string wrong = check(analysis.get(configuration.box, byKeys),
                                *analysis.imported, configuration, byKeys);
      ASSERT_EQ(wrong, "") << "configuration " << i << ", swept "
                           << (byKeys ? "keys" : "queries") << ": "
                           << configuration.toString();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, VariantMasks,
                         testing::ValuesIn(getMaskVariants()),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
