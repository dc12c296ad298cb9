//===- BoundMask.cpp - the mask of an Einsum at a problem's numbers -------===//

#include "BoundMask.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// Longer than any range of keys: each is one step.
static constexpr int64_t kWhole = int64_t(1) << 40;
static constexpr int64_t kMaxElements = int64_t(1) << 28;

static Status refuse(const Twine &reason, const char *alternative) {
  return Status::error(StatusCode::unsupported, "mask report", reason.str(),
                       alternative);
}

int64_t attn::getExtent(FuncOp func, StringRef rank, const Problem &problem) {
  if (std::optional<int64_t> extent = func.getStaticExtent(rank))
    return *extent;
  auto it = problem.extents.find(rank.str());
  return it == problem.extents.end() ? 0 : it->second;
}

std::vector<HeadRank> attn::getHeadRanks(EinsumOp op, const Problem &problem) {
  auto func = op->getParentOfType<FuncOp>();
  std::vector<HeadRank> ranks;
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
    StringRef rank = op.getVariableRank(v);
    if (rank != "P" && rank != "M" && !op.isReduced(v))
      ranks.push_back({rank.str(), getExtent(func, rank, problem), false});
  }
  return ranks;
}

BoundMask::BoundMask(std::unique_ptr<mask::ImportedMask> from,
                     mask::Expr queries, mask::Expr keys,
                     std::vector<mask::Expr> headVariables)
    : imported(std::move(from)), queries(queries),
      heads(std::move(headVariables)),
      rowMask(imported->pool, imported->predicate, keys,
              [&] {
                std::vector<mask::Expr> points = heads;
                points.push_back(queries);
                return points;
              }()),
      tileMask(imported->pool, imported->predicate, keys, heads),
      guardOps(imported->pool), guards(guardOps, imported->pool) {}

Status BoundMask::bindTables(FuncOp func, const Problem &problem,
                             const Arrays &arrays) {
  tableValues.reserve(imported->tables.size());
  for (auto [i, table] : llvm::enumerate(imported->tables)) {
    unsigned number = cast<BlockArgument>(table).getArgNumber();
    auto type = cast<NamedTensorType>(table.getType());
    std::string name = func.getArgumentName(number).str();
    std::vector<int64_t> shape = problem.getShape(type);
    int64_t elements = 1;
    for (int64_t extent : shape)
      elements = guardOps.mul(elements, extent);
    if (elements > kMaxElements)
      return refuse("table '" + name + "' has " + Twine(elements) +
                        " elements, more than " + Twine(kMaxElements),
                    "ask for a smaller problem");
    auto array = arrays.find(name);
    std::vector<double> given =
        array != arrays.end()
            ? getValues(array->second)
            : generateTensor(type, func.getArgAttrDict(number), name, problem,
                             InputKind::normal, /*seed=*/0)
                  .values;
    std::vector<int64_t> &values =
        tableValues.emplace_back(given.begin(), given.end());
    mask::TableData data;
    data.shape.assign(shape.begin(), shape.end());
    data.values = values;
    data.empty =
        static_cast<int64_t>(getNumericValue(type.getEmpty()).value_or(0));
    rowMask.setTable(name, data);
    tileMask.setTable(name, data);
    guardOps.tables[i] = std::move(data);
  }
  return {};
}

Result<std::unique_ptr<BoundMask>>
BoundMask::create(EinsumOp op, const Problem &problem, const Arrays &arrays,
                  std::vector<HeadRank> &ranks) {
  auto func = op->getParentOfType<FuncOp>();
  std::unique_ptr<mask::ImportedMask> imported = mask::importMask(op);
  mask::ImportedMask &mask = *imported;
  // All variables are made before evaluators, which have a place for each.
  mask::Expr queries = mask.getVariable("P"), keys = mask.getVariable("M");
  std::vector<mask::Expr> heads, known = {queries, keys};
  for (HeadRank &rank : ranks) {
    mask::Expr variable = mask.getVariable(rank.name);
    rank.isAsked = mask.pool.dependsOn(mask.predicate, variable);
    known.push_back(variable);
    if (rank.isAsked)
      heads.push_back(variable);
  }
  for (StringRef name : mask.pool.getVariables()) {
    mask::Expr variable = mask.pool.variable(name);
    if (!llvm::is_contained(known, variable) &&
        mask.pool.dependsOn(mask.predicate, variable))
      return refuse("the mask depends on '" + name + "', which is reduced",
                    "write it over queries, keys and heads");
  }
  std::unique_ptr<BoundMask> bound(
      new BoundMask(std::move(imported), queries, keys, std::move(heads)));
  if (Status status = bound->bindTables(func, problem, arrays); !status.isOk())
    return status;
  for (auto [i, symbol] : llvm::enumerate(mask.pool.getSymbols())) {
    StringAttr rank = mask.extents[i];
    int64_t value = rank
                        ? getExtent(func, rank, problem)
                        : static_cast<int64_t>(problem.scalars.at(symbol.name));
    bound->rowMask.setSymbol(symbol.name, value);
    bound->tileMask.setSymbol(symbol.name, value);
    bound->guardOps.symbols[i] = value;
  }
  int64_t extent = getExtent(func, "M", problem);
  bound->rowMask.setExtent(extent);
  bound->tileMask.setExtent(extent);
  return bound;
}

void BoundMask::setHead(ArrayRef<int64_t> coordinates) {
  for (auto [variable, at] : llvm::zip_equal(heads, coordinates)) {
    rowMask.setBox(variable, {at, at});
    tileMask.setBox(variable, {at, at});
    guards.set(variable, {at, at, true});
  }
}

void BoundMask::forEachRange(int64_t p, function_ref<void(mask::Step)> visit) {
  rowMask.setBox(queries, {p, p});
  rowMask.forEachStep(kWhole, visit);
}

TileClass BoundMask::testPoint(int64_t p, int64_t m) {
  rowMask.setBox(queries, {p, p});
  return rowMask.classify({m, m});
}

void BoundMask::forEachVisited(int64_t first, int64_t last,
                               function_ref<void(mask::Step)> visit) {
  tileMask.setBox(queries, {first, last - 1});
  tileMask.forEachStep(kWhole, visit);
}

std::vector<bool> BoundMask::testGuards(std::string &text) {
  const mask::ExprPool &pool = imported->pool;
  std::vector<bool> truths;
  std::vector<mask::Expr> said;
  for (const mask::Term &term : tileMask.getForm().terms)
    for (const mask::Atom &atom : term.atoms) {
      bool asksHead = false, asksMore = false;
      for (StringRef name : pool.getVariables()) {
        mask::Expr variable = imported->pool.variable(name);
        if (pool.dependsOn(atom.predicate, variable))
          (llvm::is_contained(heads, variable) ? asksHead : asksMore) = true;
      }
      if (!asksHead || asksMore)
        continue;
      truths.push_back(guards.test(atom).all);
      if (!truths.back() || llvm::is_contained(said, atom.predicate))
        continue;
      said.push_back(atom.predicate);
      text += (text.empty() ? "" : ", ") + pool.toString(atom.predicate);
    }
  return truths;
}

std::vector<std::string> BoundMask::getReasons() const {
  std::vector<std::string> reasons;
  for (const mask::Gap &gap : imported->gaps)
    reasons.push_back("not understood: " + gap.reason);
  if (reasons.empty())
    for (const std::string &reason : tileMask.getForm().reasons)
      reasons.push_back("tested point by point: " + reason);
  return reasons;
}
