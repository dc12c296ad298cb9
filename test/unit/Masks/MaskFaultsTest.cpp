//===- MaskFaultsTest.cpp - wrong analyses of masks are found -------------===//
//
// Each fault is one wrong part; the checks of VariantMasksTest have to find it
// in some configuration of some variant. Wrong quotients of negative numbers
// and reads outside tables change nothing of these masks: MaskIntervalTest has
// them.
//
//===----------------------------------------------------------------------===//

#include "Configuration.h"
#include "FaultyMask.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::mask;
using namespace attn::test;

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

/// Lower or upper bounds moved: of the swept variable, or of a digit of it.
static Fault moveBounds(AtomKind kind, bool ofDigits, int64_t by) {
  Fault fault;
  fault.name = std::string(kind == AtomKind::Lower ? "lower" : "upper") +
               " bounds of " + (ofDigits ? "digits" : "ranges") +
               (by > 0 ? " one more" : " one less");
  fault.changeForm = [=](ExprPool &pool, NormalForm &form) {
    for (Term &term : form.terms)
      for (Atom &atom : term.atoms)
        if (atom.kind == kind && (atom.axis != form.swept) == ofDigits) {
          atom.bound = pool.plus(atom.bound, by);
          atom.predicate = pool.nonNegative(
              kind == AtomKind::Lower ? pool.sub(atom.axis, atom.bound)
                                      : pool.sub(atom.bound, atom.axis));
        }
  };
  return fault;
}

static Fault loseAtoms(const char *name, AtomKind kind) {
  Fault fault;
  fault.name = name;
  fault.changeForm = [=](ExprPool &, NormalForm &form) {
    for (Term &term : form.terms)
      llvm::erase_if(term.atoms,
                     [&](const Atom &atom) { return atom.kind == kind; });
  };
  return fault;
}

static Fault changeAtoms(const char *name, AtomKind kind,
                         void (*change)(ExprPool &, Atom &)) {
  Fault fault;
  fault.name = name;
  fault.changeForm = [=](ExprPool &pool, NormalForm &form) {
    for (Term &term : form.terms)
      for (Atom &atom : term.atoms)
        if (atom.kind == kind)
          change(pool, atom);
  };
  return fault;
}

static Fault changeTerms(const char *name,
                         void (*change)(std::vector<Term> &)) {
  Fault fault;
  fault.name = name;
  fault.changeForm = [=](ExprPool &, NormalForm &form) {
    if (!form.terms.empty())
      change(form.terms);
  };
  return fault;
}

static Fault changeSegments(const char *name,
                            void (*change)(Segment<HostOps> &)) {
  Fault fault;
  fault.name = name;
  fault.changeSegments = [=](Segments &segments) {
    for (Segment<HostOps> &segment : segments)
      change(segment);
  };
  return fault;
}

static Fault changeAll(const char *name, void (*change)(Segments &)) {
  Fault fault;
  fault.name = name;
  fault.changeSegments = change;
  return fault;
}

static Fault changeBox(const char *name, Span (*change)(Span)) {
  Fault fault;
  fault.name = name;
  fault.changeBox = change;
  return fault;
}

static Fault changeClass(const char *name, TileClass (*classify)(bool, bool)) {
  Fault fault;
  fault.name = name;
  fault.classify = classify;
  return fault;
}

static Fault changeOp(const char *name, OpFault op) {
  Fault fault;
  fault.name = name;
  fault.op = op;
  return fault;
}

static void addFormFaults(std::vector<Fault> &faults) {
  for (AtomKind kind : {AtomKind::Lower, AtomKind::Upper})
    for (bool ofDigits : {false, true})
      for (int64_t by : {-1, 1})
        faults.push_back(moveBounds(kind, ofDigits, by));
  faults.push_back(changeTerms("first term lost", [](std::vector<Term> &terms) {
    terms.erase(terms.begin());
  }));
  faults.push_back(changeTerms(
      "last term lost", [](std::vector<Term> &terms) { terms.pop_back(); }));
  faults.push_back(changeTerms(
      "first atom of the last term lost", [](std::vector<Term> &terms) {
        if (!terms.back().atoms.empty())
          terms.back().atoms.erase(terms.back().atoms.begin());
      }));
  faults.push_back(loseAtoms("guards ignored", AtomKind::Guard));
  faults.push_back(loseAtoms("congruences ignored", AtomKind::Congruence));
  faults.push_back(loseAtoms("lists ignored", AtomKind::Member));
  faults.push_back(loseAtoms("residuals ignored", AtomKind::Residual));
  faults.push_back(changeAtoms("guards negated", AtomKind::Guard,
                               [](ExprPool &pool, Atom &atom) {
                                 atom.predicate = pool.negation(atom.predicate);
                               }));
  faults.push_back(changeAtoms(
      "phase of congruences one more", AtomKind::Congruence,
      [](ExprPool &pool, Atom &atom) { atom.axis = pool.plus(atom.axis, 1); }));
  faults.push_back(changeAtoms("modulus of congruences one more",
                               AtomKind::Congruence,
                               [](ExprPool &pool, Atom &atom) {
                                 atom.bound = pool.plus(atom.bound, 1);
                               }));
  faults.push_back(changeAtoms(
      "lists from one entry later on", AtomKind::Member,
      [](ExprPool &pool, Atom &atom) {
        const ExprNode node = pool[atom.predicate];
        atom.predicate = pool.member(
            node.number, node.operands[0], pool.plus(node.operands[1], 1),
            node.operands[2], llvm::ArrayRef(node.operands).drop_front(3));
      }));
}

static void addSegmentFaults(std::vector<Fault> &faults) {
  using One = Segment<HostOps>;
  auto add = [&](const char *name, void (*change)(One &)) {
    faults.push_back(changeSegments(name, change));
  };
  add("partial segments full", [](One &one) { one.isFull = true; });
  add("segments begin one later", [](One &one) { ++one.lo; });
  add("segments begin one earlier", [](One &one) { --one.lo; });
  add("segments end one earlier", [](One &one) { --one.hi; });
  add("segments end one later", [](One &one) { ++one.hi; });
  add("runs not cut to the range", [](One &one) {
    if (!one.isPlain() && one.lo < one.hi) {
      one.lo = 0;
      one.hi += one.chunk;
    }
  });
  add("runs start one later", [](One &one) { ++one.start; });
  add("runs are one longer", [](One &one) { ++one.chunk; });
  add("runs are one shorter", [](One &one) { --one.chunk; });
  add("weight of the coarse digit one more", [](One &one) {
    if (!one.isPlain())
      ++one.loops.front().stride;
  });
  add("weight of the fine digit one less", [](One &one) {
    if (!one.isPlain())
      --one.loops.back().stride;
  });
  add("one run less", [](One &one) {
    if (!one.isPlain())
      --one.loops.back().count;
  });
  add("first run skipped", [](One &one) {
    if (!one.isPlain())
      ++one.loops.front().first;
  });
  faults.push_back(changeAll("full segments first", [](Segments &segments) {
    std::reverse(segments.begin(), segments.end());
  }));
  faults.push_back(changeAll("first segment lost", [](Segments &segments) {
    if (!segments.empty())
      segments.erase(segments.begin());
  }));
  faults.push_back(changeAll("last segment lost", [](Segments &segments) {
    if (!segments.empty())
      segments.pop_back();
  }));
  faults.push_back(changeAll("a segment twice", [](Segments &segments) {
    if (!segments.empty())
      segments.insert(segments.begin(), segments.front());
  }));
  // Sorted ranges are those that were clipped to each other.
  faults.push_back(
      changeAll("ranges not clipped to each other", [](Segments &segments) {
        for (size_t i = 1; i < segments.size(); ++i)
          if (segments[i].isPlain() && !segments[i].isFull &&
              segments[i].lo < segments[i].hi && segments[i].lo > 0)
            segments[i].lo = 0;
      }));
}

static std::vector<Fault> makeFaults() {
  std::vector<Fault> faults;
  addFormFaults(faults);
  addSegmentFaults(faults);
  faults.emplace_back();
  faults.back().name = "gaps denied";
  faults.back().deniesGaps = true;
  faults.push_back(changeBox("first row for all", [](Span span) {
    return Span{span.first, span.first};
  }));
  faults.push_back(changeBox("last row for all", [](Span span) {
    return Span{span.last, span.last};
  }));
  faults.push_back(changeBox("rows end one earlier", [](Span span) {
    return Span{span.first, std::max(span.first, span.last - 1)};
  }));
  faults.push_back(changeBox("rows begin one later", [](Span span) {
    return Span{std::min(span.first + 1, span.last), span.last};
  }));
  faults.push_back(changeClass("live tiles empty", [](bool any, bool all) {
    return all ? TileClass::full : TileClass::empty;
  }));
  faults.push_back(changeClass("live tiles full", [](bool any, bool all) {
    return any ? TileClass::full : TileClass::empty;
  }));
  faults.push_back(changeClass("no tile is full", [](bool any, bool all) {
    return any ? TileClass::partial : TileClass::empty;
  }));
  faults.push_back(changeClass("no tile is empty", [](bool any, bool all) {
    return all ? TileClass::full : TileClass::partial;
  }));
  for (auto [name, op] :
       {std::pair("a minimum is a maximum", OpFault::minIsMax),
        std::pair("a maximum is a minimum", OpFault::maxIsMin),
        std::pair("quotients rounded up", OpFault::floorIsCeil),
        std::pair("remainders one less", OpFault::modIsOneLess),
        std::pair("products are positive", OpFault::mulIsPositive),
        std::pair("choices swapped", OpFault::selectIsSwapped),
        std::pair("at most is below", OpFault::atMostIsBelow),
        std::pair("all is equal", OpFault::equalIsAlways),
        std::pair("and is or", OpFault::bothIsEither),
        std::pair("or is and", OpFault::eitherIsBoth),
        std::pair("negation ignored", OpFault::negateIsNothing),
        std::pair("one entry of a table read", OpFault::readsOneEntry),
        std::pair("ends of lists ignored", OpFault::memberIgnoresEnds),
        std::pair("listed somewhere is everywhere", OpFault::memberIsFull)})
    faults.push_back(changeOp(name, op));
  Fault repeated;
  repeated.name = "entries of lists repeated";
  repeated.repeatsEntries = true;
  faults.push_back(repeated);
  Fault points;
  points.name = "all is taken for a point";
  points.takesAllForPoints = true;
  faults.push_back(points);
  return faults;
}

//===----------------------------------------------------------------------===//
// The checks
//===----------------------------------------------------------------------===//

namespace {
class MaskFaults : public testing::Test {
protected:
  static constexpr int kRounds = 80;

  /// Checks configuration `number` with the fault in both sweeps.
  std::string run(const Fault &fault, const std::string &variant, int number,
                  int64_t granule = 1, int64_t alignment = 1) {
    Random random(number);
    Configuration configuration = makeConfiguration(variant, random);
    const auto &scalars = configuration.given.scalars;
    bool binds = configuration.bindsStatic;
    std::string key = binds ? getStaticKey(variant, scalars) : variant;
    auto &[imported, forms] = analyses[key];
    if (!imported) {
      imported = importVariant(variant, scalars, binds);
      for (const char *rank : {"P", "M"})
        forms.push_back(normalize(imported->pool, imported->predicate,
                                  imported->getVariable(rank)));
    }
    for (bool byKeys : {true, false}) {
      auto points = getPoints(*imported, configuration.box, byKeys);
      ExprPool &pool = imported->pool;
      auto isPoint = [&, points](Expr expr) {
        return llvm::all_of(pool.getVariables(), [&](llvm::StringRef name) {
          Expr variable = pool.variable(name);
          return !pool.dependsOn(expr, variable) ||
                 llvm::is_contained(points, variable);
        });
      };
      FaultyMask mask(pool, imported->predicate, forms[byKeys], isPoint, fault,
                      granule, alignment);
      if (std::string wrong = check(mask, *imported, configuration, byKeys);
          !wrong.empty())
        return (byKeys ? "keys" : "queries") + (": " + wrong) + " of " +
               configuration.toString();
    }
    return {};
  }

private:
  std::map<std::string,
           std::pair<std::unique_ptr<ImportedMask>, std::vector<NormalForm>>>
      analyses;
};
} // namespace

// Without a fault there is nothing to find, whatever full ranges are cut to and
// wherever segments begin.
TEST_F(MaskFaults, NoneIsNotFound) {
  Fault none;
  for (int number = 0; number < kRounds; ++number)
    for (const std::string &variant : getMaskVariants())
      for (auto [granule, alignment] :
           {std::pair(1, 1), {64, 1}, {16, 16}, {64, 16}, {64, 64}})
        ASSERT_EQ(run(none, variant, number, granule, alignment), "")
            << granule << ", " << alignment;
}

TEST_F(MaskFaults, AllAreFound) {
  std::vector<Fault> faults = makeFaults();
  size_t numFound = 0;
  for (const Fault &fault : faults) {
    std::string found;
    for (int number = 0; number < kRounds && found.empty(); ++number)
      for (const std::string &variant : getMaskVariants())
        if (found = run(fault, variant, number); !found.empty())
          break;
    EXPECT_NE(found, "") << fault.name;
    numFound += !found.empty();
    std::cout << fault.name << ": " << found.substr(0, 100) << "\n";
  }
  std::cout << "killed " << numFound << " of " << faults.size() << "\n";
}
