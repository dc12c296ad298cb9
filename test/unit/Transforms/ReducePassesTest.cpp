//===- ReducePassesTest.cpp - reduced cascades give what plain ones do ----===//
//
// A property: whatever the cascade, the shape and the values, the interpreter's
// results before and after pass reduction agree to the rounding of f64, and
// likewise if the scans are run in pieces that their merge regions join.
//
//===----------------------------------------------------------------------===//

#include "SmallCascades.h"

#include "attn/Reference/CascadeInterpreter.h"
#include "attn/Transforms/Bind.h"
#include "attn/Transforms/ReducePasses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

using namespace attn;
using namespace attn::cascade;
using namespace attn::test;

namespace {
/// How values are drawn.
enum class Draw {
  Smooth,   ///< of a normal distribution
  Integers, ///< small integers: sums cancel exactly, zeros abound
  Empty,    ///< many are the tensor's empty value
  Specials, ///< now and then NaN
};

class Case {
public:
  Case(mlir::MLIRContext &context, const std::string &text, uint64_t seed)
      : module(mlir::parseSourceString<mlir::ModuleOp>(text, &context)),
        random(seed) {}

  FuncOp getFunc() { return *module->getOps<FuncOp>().begin(); }

  int64_t pick(std::initializer_list<int64_t> choices) {
    return *(choices.begin() + random() % choices.size());
  }

  int64_t getExtent(llvm::StringRef rank) {
    if (auto extent = getFunc().getStaticExtent(rank))
      return *extent;
    auto [it, inserted] = extents.try_emplace(rank);
    if (inserted)
      it->second = rank == "M" || rank == "P" ? pick({0, 1, 2, 3, 5, 8, 65})
                                              : pick({1, 2, 3});
    return it->second;
  }

  double draw(Draw how, double empty) {
    switch (how) {
    case Draw::Smooth:
      return std::normal_distribution<double>(0, 2)(random);
    case Draw::Integers:
      return pick({-2, -1, 0, 0, 1, 2});
    case Draw::Empty:
      return random() % 2 ? empty : draw(Draw::Smooth, empty);
    case Draw::Specials:
      return random() % 16 ? draw(Draw::Smooth, empty)
                           : std::numeric_limits<double>::quiet_NaN();
    }
    return 0;
  }

  /// A value of integer argument `index`, inside of its bounds.
  int64_t drawInteger(unsigned index) {
    int64_t value = pick({0, 1, 3});
    value = std::max(value, getFunc().getArgumentMin(index).value_or(value));
    return std::min(value, getFunc().getArgumentMax(index).value_or(value));
  }

  CascadeArguments drawArguments(Draw how) {
    CascadeArguments arguments;
    FuncOp func = getFunc();
    for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
      std::string name = func.getArgumentName(i).str();
      auto tensor = llvm::dyn_cast<NamedTensorType>(type);
      if (!tensor) {
        arguments.scalars[name] =
            llvm::isa<mlir::FloatType>(type) ? 0.5 : drawInteger(i);
        continue;
      }
      ReferenceTensor &value = arguments.tensors[name];
      for (mlir::StringAttr rank : tensor.getRanks())
        value.shape.push_back(getExtent(rank));
      double empty = *getNumericValue(tensor.getEmpty());
      for (int64_t n = value.getNumElements(); n > 0; --n)
        value.values.push_back(draw(how, empty));
    }
    return arguments;
  }

  /// Fixes the ranks that scores are contracted over, as a pipeline does.
  void bind() {
    BindOptions options;
    for (llvm::StringRef rank : {"E", "F"})
      if (extents.count(rank))
        options.extents.push_back({rank.str(), extents[rank]});
    ASSERT_TRUE(mlir::succeeded(bindCascade(getFunc(), options)));
  }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::mt19937_64 random;
  llvm::StringMap<int64_t> extents;
};
} // namespace

static void expectSame(const std::map<std::string, ReferenceTensor> &actual,
                       const std::map<std::string, ReferenceTensor> &expected) {
  for (auto &[name, tensor] : expected) {
    const ReferenceTensor &other = actual.at(name);
    ASSERT_EQ(other.shape, tensor.shape) << name;
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      double a = other.values[i], e = tensor.values[i];
      if (std::isnan(e) || std::isinf(e) || std::isnan(a) || std::isinf(a)) {
        // NaN equals NaN, an infinity itself.
        ASSERT_TRUE(a == e || (std::isnan(a) && std::isnan(e)))
            << name << "[" << i << "] is " << a << ", not " << e;
        continue;
      }
      ASSERT_NEAR(a, e, 1e-11 * std::max(1.0, std::fabs(e)))
          << name << "[" << i << "]";
    }
  }
}

static void checkOne(mlir::MLIRContext &context, const std::string &text,
                     uint64_t seed, Draw how) {
  Case plain(context, text, seed);
  ASSERT_TRUE(plain.module);
  CascadeArguments arguments = plain.drawArguments(how);
  auto expected = interpretCascade(plain.getFunc(), arguments);
  ASSERT_TRUE(expected.isOk()) << expected.getStatus().message();
  for (int64_t tile : {0, 1, 3, 256}) {
    Case reduced(context, text, seed);
    reduced.extents = plain.extents;
    ASSERT_NO_FATAL_FAILURE(reduced.bind());
    ReducePassesOptions options;
    options.deferOnly = tile == 0;
    options.tile = tile;
    reducePasses(reduced.getFunc(), options);
    std::string after;
    llvm::raw_string_ostream(after) << *reduced.module;
    SCOPED_TRACE("tile " + std::to_string(tile) + "\n" + after);
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*reduced.module)));
    for (int64_t pieces : {1, 2, 3}) {
      InterpretOptions interpretOptions;
      interpretOptions.scanPieces = pieces;
      auto actual =
          interpretCascade(reduced.getFunc(), arguments, interpretOptions);
      ASSERT_TRUE(actual.isOk()) << actual.getStatus().message();
      SCOPED_TRACE("pieces " + std::to_string(pieces));
      expectSame(*actual, *expected);
      if (testing::Test::HasFatalFailure() || options.deferOnly)
        break;
    }
    if (testing::Test::HasFatalFailure())
      return;
  }
}

static void check(const std::string &name, const std::string &text,
                  int numSeeds, std::initializer_list<Draw> draws) {
  mlir::MLIRContext context;
  context.loadDialect<CascadeDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  for (Draw how : draws)
    for (int seed = 1; seed <= numSeeds; ++seed) {
      SCOPED_TRACE(name + ": seed " + std::to_string(seed) + ", draw " +
                   std::to_string(static_cast<int>(how)));
      checkOne(context, text, seed, how);
      if (testing::Test::HasFatalFailure())
        return;
    }
}

namespace {
class ShippedVariant : public testing::TestWithParam<std::string> {};
class Small : public testing::TestWithParam<SmallCascade> {};
} // namespace

TEST_P(ShippedVariant, EqualsItsReducedForm) {
  std::ifstream file(std::string(ATTN_VARIANTS_DIR) + "/" + GetParam() +
                     ".mlir");
  std::stringstream text;
  text << file.rdbuf();
  check(GetParam(), text.str(), 8,
        {Draw::Smooth, Draw::Integers, Draw::Empty, Draw::Specials});
}

TEST_P(Small, EqualsItsReducedForm) {
  check(GetParam().name, GetParam().text, 12,
        {Draw::Smooth, Draw::Integers, Draw::Empty});
}

static std::vector<std::string> getVariantNames() {
  std::vector<std::string> names;
  for (auto &entry : std::filesystem::directory_iterator(ATTN_VARIANTS_DIR))
    if (entry.path().extension() == ".mlir")
      names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

static std::string nameTest(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(ReducePasses, ShippedVariant,
                         testing::ValuesIn(getVariantNames()),
                         [](auto &info) { return nameTest(info.param); });
INSTANTIATE_TEST_SUITE_P(ReducePasses, Small,
                         testing::ValuesIn(getSmallCascades()),
                         [](auto &info) { return nameTest(info.param.name); });
