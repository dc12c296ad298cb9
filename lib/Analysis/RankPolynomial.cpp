//===- RankPolynomial.cpp - counts as polynomials in rank extents ---------===//

#include "attn/Analysis/RankPolynomial.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace attn;

RankPolynomial::RankPolynomial(int64_t coefficient,
                               llvm::ArrayRef<llvm::StringRef> ranks) {
  if (coefficient == 0)
    return;
  Term &term = terms.emplace_back();
  term.coefficient = coefficient;
  for (llvm::StringRef rank : ranks)
    term.ranks.push_back(rank.str());
}

RankPolynomial &RankPolynomial::operator+=(const RankPolynomial &other) {
  auto sorted = [](std::vector<std::string> ranks) {
    llvm::sort(ranks);
    return ranks;
  };
  for (const Term &term : other.terms) {
    auto same = llvm::find_if(terms, [&](const Term &mine) {
      return sorted(mine.ranks) == sorted(term.ranks);
    });
    if (same == terms.end())
      terms.push_back(term);
    else
      same->coefficient += term.coefficient;
  }
  return *this;
}

RankPolynomial &RankPolynomial::operator*=(int64_t factor) {
  for (Term &term : terms)
    term.coefficient *= factor;
  if (factor == 0)
    terms.clear();
  return *this;
}

std::optional<int64_t>
RankPolynomial::evaluate(const RankExtents &extents) const {
  int64_t sum = 0;
  for (const Term &term : terms) {
    int64_t product = term.coefficient;
    for (const std::string &rank : term.ranks) {
      auto extent = extents.find(rank);
      if (extent == extents.end() ||
          llvm::MulOverflow(product, extent->second, product))
        return std::nullopt;
    }
    if (llvm::AddOverflow(sum, product, sum))
      return std::nullopt;
  }
  return sum;
}

void RankPolynomial::print(llvm::raw_ostream &os) const {
  if (terms.empty())
    os << "0";
  llvm::interleave(
      terms, os,
      [&](const Term &term) {
        bool needsStar = false;
        if (term.coefficient != 1 || term.ranks.empty()) {
          os << term.coefficient;
          needsStar = true;
        }
        for (const std::string &rank : term.ranks) {
          os << (needsStar ? "*" : "") << rank;
          needsStar = true;
        }
      },
      " + ");
}

std::string RankPolynomial::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os);
  return text;
}

std::optional<std::string>
attn::parseRankExtents(llvm::ArrayRef<std::string> assignments,
                       RankExtents &extents) {
  for (llvm::StringRef assignment : assignments) {
    auto [name, value] = assignment.split('=');
    int64_t extent;
    if (name.empty() || value.getAsInteger(10, extent) || extent < 1)
      return assignment.str();
    extents[name] = extent;
  }
  return std::nullopt;
}
