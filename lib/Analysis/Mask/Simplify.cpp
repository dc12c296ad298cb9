//===- Simplify.cpp - terms without what their atoms imply ----------------===//

#include "attn/Analysis/Mask/Proofs.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn::mask;
using llvm::ArrayRef;
using llvm::SmallVector;

/// Whether `others`, of one term with `atom`, make it superfluous.
static bool isSuperfluous(ExprPool &pool, const Atom &atom,
                          ArrayRef<Atom> others) {
  bool isBound = atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper;
  // Of other atoms there are more to try one by one; of a bound the few that
  // count may be provable where all together are too large a question.
  if (!isBound && !isProvedImplied(pool, others, atom.predicate))
    return false;
  if (atom.kind == AtomKind::Residual)
    return true;
  SmallVector<Atom, 4> facts, candidates;
  for (const Atom &other : others) {
    bool isSame = other.kind == atom.kind && other.axis == atom.axis;
    if (other.kind == AtomKind::Guard &&
        !pool.dependsOnVariables(other.predicate))
      facts.push_back(other);
    else if (!isBound || isSame)
      candidates.push_back(other);
  }
  auto implies = [&](const Atom &other) {
    SmallVector<Atom, 4> both = facts;
    both.push_back(other);
    return isProvedImplied(pool, both, atom.predicate);
  };
  return isProvedImplied(pool, facts, atom.predicate) ||
         llvm::any_of(candidates, implies);
}

static void dropSuperfluous(ExprPool &pool, Term &term) {
  // What costs most at run time goes first where two atoms imply each other;
  // bounds, which cost least and say most, go last.
  for (AtomKind kind :
       {AtomKind::Residual, AtomKind::Member, AtomKind::Congruence,
        AtomKind::Guard, AtomKind::Upper, AtomKind::Lower})
    for (size_t i = term.atoms.size(); i-- > 0;) {
      if (term.atoms[i].kind != kind)
        continue;
      SmallVector<Atom, 4> others = term.atoms;
      others.erase(others.begin() + i);
      if (isSuperfluous(pool, term.atoms[i], others))
        term.atoms = std::move(others);
    }
}

void attn::mask::simplify(ExprPool &pool, std::vector<Term> &terms) {
  llvm::erase_if(terms,
                 [&](const Term &term) { return isProvedEmpty(pool, term); });
  for (Term &term : terms)
    dropSuperfluous(pool, term);
}
