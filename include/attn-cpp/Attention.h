//===- attn-cpp/Attention.h - attention composed in C++ ---------*- C++ -*-===//
//
// Attention with a mask and a score that a program composes, and a kernel of it
// in one call:
//
//   attn::api::Attention alibi("alibi");
//   auto h = alibi.head(), p = alibi.query(), m = alibi.key();
//   auto slopes = alibi.table("slopes", attn::api::Element::f32, {"SLOPES"});
//   alibi.setMask(m <= p);
//   alibi.setScore(alibi.score() + slopes[h] * (m - p));
//   attn::api::Kernel kernel;
//   attn::api::CompileOptions options;
//   options.words = {"--dtype=bf16", "--head-dim=128"};
//   attn::api::Error error = compile(alibi, options, kernel);
//
// The kernel's arguments are q [B, H, P, E], k [B, H, M, E], v [B, H, M, F],
// the tables and scalars by the names that they were given, `scale`, and the
// results o [B, H, P, F] and lse [B, H, P]; with groups q, o and lse have a
// rank G after H. Header only, C++17, without exceptions of its own.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_CPP_ATTENTION_H
#define ATTN_CPP_ATTENTION_H

#include "attn-c/Compile.h"
#include "attn-cpp/Expression.h"

#include <map>
#include <set>

namespace attn::api {

/// What a table's elements can be.
enum class Element { f32, f16, bf16, i64, i32, i8 };

namespace detail {
inline const char *getName(Element element) {
  static constexpr const char *names[] = {"f32", "f16", "bf16",
                                          "i64", "i32", "i8"};
  return names[static_cast<int>(element)];
}

inline bool isIdentifier(const std::string &name) {
  auto isLetter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && isLetter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return isLetter(c) || (c >= '0' && c <= '9');
         });
}

/// Whether the program's text has a value or a type of that name itself.
inline bool isReserved(const std::string &name) {
  static const std::set<std::string> names = {
      "q",   "k", "v", "o", "lse", "scale", "s", "t", "gm", "n", "d", "a", "x",
      "max", "y", "e", "l", "r",   "Q",     "K", "V", "S",  "R", "W", "D", "O"};
  bool isNumbered = name.size() > 1 && (name[0] == 'w' || name[0] == 's') &&
                    std::all_of(name.begin() + 1, name.end(),
                                [](char c) { return c >= '0' && c <= '9'; });
  bool isExtent =
      name.size() == 2 && name[0] == 'n' && name[1] >= 'A' && name[1] <= 'Z';
  return names.count(name) || isNumbered || isExtent;
}

/// The body of a map or a predicate that is being written.
class Region {
public:
  Region(char prefix, std::string place, std::set<std::string> &extents)
      : prefix(prefix), place(std::move(place)), extents(extents) {}

  /// Writes the operations of a value that are not there, its coordinates
  /// before, and returns its name.
  std::string write(const NodePtr &value) {
    std::vector<NodePtr> coordinates;
    std::set<const Node *> seen;
    listCoordinates(value, coordinates, seen);
    std::sort(coordinates.begin(), coordinates.end(),
              [](const NodePtr &a, const NodePtr &b) {
                return a->number < b->number;
              });
    for (const NodePtr &coordinate : coordinates)
      emit(coordinate, place);
    return emit(value, place);
  }

  /// What `Form::score` stands for.
  void setScore(std::string name) { score = std::move(name); }

  std::string format(const std::string &result) const {
    std::string text;
    for (const std::string &line : lines)
      text += "      " + line + "\n";
    return text + "      cascade.yield " + result + "\n";
  }

private:
  static void listCoordinates(const NodePtr &node,
                              std::vector<NodePtr> &coordinates,
                              std::set<const Node *> &seen) {
    if (!seen.insert(node.get()).second)
      return;
    if (node->form == Node::Form::coordinate)
      coordinates.push_back(node);
    for (const NodePtr &operand : node->operands)
      listCoordinates(operand, coordinates, seen);
  }

  /// What the author wrote comes first, then the numbers beside it, then what
  /// makes both alike.
  std::string emit(const NodePtr &node, std::string where) {
    if (node->form == Node::Form::score)
      return score;
    if (node->form == Node::Form::named) {
      if (!node->rank.empty())
        extents.insert(node->rank);
      return node->begin;
    }
    if (auto known = names.find(node.get()); known != names.end())
      return known->second;
    if (!node->name.empty())
      where += ", " + node->name;
    for (bool isNumber : {false, true})
      for (const NodePtr &operand : node->operands) {
        const NodePtr &core = operand->core ? operand->core : operand;
        if (isNumber == !core->owner)
          emit(core, where);
      }
    std::string text = node->begin;
    for (size_t i = 0; i < node->operands.size(); ++i)
      text += (i ? ", " : "") + emit(node->operands[i], where);
    text += node->end;
    // Operations have no effects.
    auto [it, isNew] = texts.emplace(text, "");
    if (isNew) {
      it->second = "%" + (prefix + std::to_string(lines.size()));
      lines.push_back(it->second + " = " + text + " loc(\"" + where + "\")");
    }
    kept.push_back(node);
    return names[node.get()] = it->second;
  }

  char prefix;
  std::string place, score;
  std::set<std::string> &extents;
  std::vector<std::string> lines;
  /// So that no two nodes have one address.
  std::vector<NodePtr> kept;
  std::map<const Node *, std::string> names;
  std::map<std::string, std::string> texts;
};
} // namespace detail

/// A tensor beside q, k and v: an argument of the kernel, read where it is
/// indexed.
class Table {
public:
  Value operator[](const Value &index) const { return (*this)(index); }

  /// The element at an index for each dimension: a real, or an integer.
  template <typename... Indices>
  Value operator()(const Indices &...given) const {
    std::vector<Value> indices = {Value(given)...};
    bool isReal = element < Element::i64;
    std::string type = isReal ? "f32" : detail::getName(element);
    Value read = detail::makeValue(
        isReal ? ValueKind::real : ValueKind::integer,
        "cascade.read %" + name + "[", indices, "] : !" + name + " -> " + type);
    auto node = std::make_shared<detail::Node>(*read.getNode());
    node->isExact &= !node->isOfKey;
    node->owner = owner;
    node->ownerName = ownerName;
    node->name = name;
    checkIndices(indices, *node);
    Value element(std::move(node));
    return isReal ? element
                  : detail::makeValue(ValueKind::integer, "arith.index_cast ",
                                      {element}, " : " + type + " to index");
  }

  const std::string &getName() const { return name; }

private:
  friend class Attention;

  void checkIndices(const std::vector<Value> &indices,
                    detail::Node &node) const {
    if (node.error)
      return;
    if (error)
      node.error = error;
    else if (indices.size() != numDims)
      node.error = detail::makeError(
          "table " + name,
          "expects an index for each of its " + std::to_string(numDims) +
              " dimensions, but got " + std::to_string(indices.size()),
          "give all of them: rows are not values");
    for (const Value &index : indices)
      if (index.getKind() != ValueKind::integer && !node.error)
        node.error = detail::makeError(
            "table " + name,
            std::string("expects integers as indices, but got a ") +
                api::getName(index.getKind()),
            "index with coordinates");
  }

  std::string name, ownerName;
  Element element = Element::f32;
  size_t numDims = 0;
  const void *owner = nullptr;
  std::optional<Error> error;
};

/// A program: attention whose mask and score are composed. It is where its
/// values point to, and does not move.
class Attention {
public:
  /// `name` is that of the kernel. With `isGrouped` query heads share key
  /// heads, one after the other, and `head()` counts query heads.
  explicit Attention(std::string name = "attention", bool isGrouped = false)
      : name(std::move(name)), isGrouped(isGrouped) {
    if (!detail::isIdentifier(this->name))
      keep(detail::makeError("program '" + this->name + "'",
                             "expects a name of letters, digits and "
                             "underscores, but got another",
                             "call it so"));
  }
  Attention(const Attention &) = delete;
  Attention &operator=(const Attention &) = delete;

  /// Coordinates of a score: its sequence, query head, query and key.
  Value batch() { return makeCoordinate("b"); }
  Value query() { return makeCoordinate("p"); }
  Value key() { return makeCoordinate("m"); }
  Value head() {
    Value head = makeCoordinate("h");
    if (!isGrouped)
      return head;
    Value group = makeCoordinate("g");
    return head * makeExtent("G") + group;
  }

  /// How many of them there are.
  Value numBatches() { return makeExtent("B"); }
  Value numQueries() { return makeExtent("P"); }
  Value numKeys() { return makeExtent("M"); }
  Value numHeads() {
    Value heads = makeExtent("H");
    return isGrouped ? heads * makeExtent("G") : heads;
  }

  /// The product of q and k times `scale`, of which a score is made.
  Value score() {
    auto node = std::make_shared<detail::Node>();
    node->form = detail::Node::Form::score;
    node->kind = ValueKind::real;
    node->isExact = false;
    node->isOfScore = true;
    return own(node);
  }

  /// A tensor argument whose dimensions are these ranks: the program's B, H, P
  /// and M, or others, which get names by it. In a grouped program H counts key
  /// heads.
  Table table(const std::string &tableName, Element element,
              const std::vector<std::string> &ranks) {
    Table table;
    table.name = tableName;
    table.element = element;
    table.numDims = ranks.size();
    table.owner = this;
    table.ownerName = name;
    table.error = declare("table ", tableName);
    std::string shape;
    for (const std::string &rank : ranks) {
      if (!detail::isIdentifier(rank) && !table.error)
        table.error = detail::makeError(
            "table " + tableName,
            "expects ranks by names of letters, digits and underscores, but "
            "got '" +
                rank + "'",
            "call it so");
      shape += (shape.empty() ? "" : ", ") + rank;
      static const std::set<std::string> own = {"B", "H", "G", "P",
                                                "M", "E", "F"};
      if (!own.count(rank) &&
          std::find(newRanks.begin(), newRanks.end(), rank) == newRanks.end())
        newRanks.push_back(rank);
    }
    if (table.error) {
      keep(*table.error);
      return table;
    }
    std::string empty = element < Element::i64 ? "0.0" : "0";
    types += "!" + tableName + " = !cascade.tensor<[" + shape + "], " +
             detail::getName(element) + ", empty = " + empty + ">\n";
    arguments += ", %" + tableName + ": !" + tableName + " {cascade.fixed}";
    return table;
  }

  /// A scalar argument: an integer, or an f32. A run gives any; reports, and
  /// runs by attn-run, have `usual`. The integer is never below `least`: of a
  /// divisor in a mask that has to be 1 or more.
  Value integer(const std::string &scalarName, int64_t usual,
                std::optional<int64_t> least = std::nullopt) {
    std::string bound =
        least ? ", cascade.min = " + std::to_string(*least) + " : index" : "";
    return makeScalar(scalarName, ValueKind::integer,
                      "index {cascade.default = " + std::to_string(usual) +
                          " : index" + bound + "}",
                      least && *least >= 0);
  }
  Value real(const std::string &scalarName, double usual) {
    return makeScalar(scalarName, ValueKind::real,
                      "f32 {cascade.default = " + detail::formatReal(usual) +
                          " : f32}",
                      /*isNatural=*/false);
  }

  /// Which keys a query sees; an integer is true where it is not 0. The last
  /// one counts. The parts of a conjunction that compare coordinates and what
  /// is computed of them say which tiles are computed; the others are asked at
  /// each point of those.
  void setMask(const Value &value) {
    mask = value.getKind() == ValueKind::boolean
               ? value
               : detail::compare("ne", value, 0);
    take(*mask, "mask");
  }

  /// What the softmax is taken of, in place of `score()`.
  void setScore(const Value &value) {
    ownScore = toReal(value);
    take(*ownScore, "score");
  }

  /// The first thing that is wrong with the program, else ATTN_OK.
  const Error &getError() const { return error; }

  /// The program as a cascade's text. Pre-condition: getError() is ATTN_OK.
  std::string format() const;

private:
  Value own(const std::shared_ptr<detail::Node> &node) {
    node->owner = this;
    node->ownerName = name;
    return Value(node);
  }

  Value makeCoordinate(const std::string &rank) {
    auto node =
        detail::makeNode(ValueKind::integer, "cascade.index " + rank, {}, "");
    node->form = detail::Node::Form::coordinate;
    node->isNatural = true;
    node->isOfKey = rank == "m";
    node->number = numCoordinates++;
    return own(node);
  }

  Value makeExtent(const std::string &rank) {
    auto node = detail::makeNode(ValueKind::integer, "%n" + rank, {}, "");
    node->form = detail::Node::Form::named;
    node->rank = rank;
    node->isNatural = true;
    return own(node);
  }

  Value makeScalar(const std::string &scalarName, ValueKind kind,
                   const std::string &type, bool isNatural) {
    auto node = detail::makeNode(kind, "%" + scalarName, {}, "");
    node->isNatural = isNatural;
    node->form = detail::Node::Form::named;
    node->error = declare("scalar ", scalarName);
    if (node->error)
      keep(*node->error);
    else
      arguments += ", %" + scalarName + ": " + type;
    return own(node);
  }

  /// Refuses a name that cannot be the argument's.
  std::optional<Error> declare(const std::string &what,
                               const std::string &argument) {
    if (!detail::isIdentifier(argument))
      return detail::makeError(what + "'" + argument + "'",
                               "expects a name of letters, digits and "
                               "underscores, but got another",
                               "call it so");
    if (detail::isReserved(argument))
      return detail::makeError(what + argument,
                               "expects a name that the program does not have "
                               "itself, but it has '" +
                                   argument + "'",
                               "call it something else");
    if (!declared.insert(argument).second)
      return detail::makeError(what + argument,
                               "expects a name of its own, but two arguments "
                               "of " +
                                   name + " have it",
                               "call one of them something else");
    return std::nullopt;
  }

  void keep(const Error &first) {
    if (error.code == ATTN_OK)
      error = first;
  }

  /// Refuses what is not of this program, or wrong by itself.
  void take(const Value &value, const std::string &what) {
    const detail::Node &node = *value.getNode();
    if (node.error)
      keep(*node.error);
    else if (node.owner && node.owner != this)
      keep(detail::makeError(what + " of " + name,
                             "expects values of this program, but got one of " +
                                 node.ownerName,
                             "make all of them by one program"));
    else if (what == "mask" && node.isOfScore)
      keep(detail::makeError("mask of " + name,
                             "expects what is known before the scores, but got "
                             "one of the score",
                             "put it into the score: -infinity hides a key"));
  }

  /// Whether tiles that the mask leaves out are found by all of its parts;
  /// others are asked at each point.
  bool isSolved() const;
  std::string formatPredicate(std::set<std::string> &extents) const;
  std::string formatScore(std::set<std::string> &extents) const;

  std::string name;
  bool isGrouped;
  int numCoordinates = 0;
  std::string types, arguments;
  std::vector<std::string> newRanks;
  std::set<std::string> declared;
  std::optional<Value> mask, ownScore;
  Error error;
};

inline bool Attention::isSolved() const {
  if (!mask)
    return true;
  const detail::NodePtr &whole = mask->getNode();
  if (whole->parts.empty())
    return whole->isExact;
  return std::all_of(whole->parts.begin(), whole->parts.end(),
                     [](const detail::NodePtr &part) { return part->isExact; });
}

/// The `where` of the scores, or nothing.
inline std::string
Attention::formatPredicate(std::set<std::string> &extents) const {
  if (!mask)
    return "";
  detail::Region region('w', name + ", mask", extents);
  std::string result = region.write(mask->getNode());
  return "    where {\n" + region.format(result + " : i1") + "    } loc(\"" +
         name + ", mask\")\n";
}

inline std::string
Attention::formatScore(std::set<std::string> &extents) const {
  detail::Region region('s', name + ", score", extents);
  auto scaled =
      detail::makeNode(ValueKind::real, "arith.mulf %x, %scale", {}, " : f32");
  region.setScore(region.write(scaled));
  auto before = std::make_shared<detail::Node>();
  before->form = detail::Node::Form::score;
  before->kind = ValueKind::real;
  before->owner = this;
  Value result = ownScore ? *ownScore : Value(before);
  return region.format(region.write(result.getNode()) + " : f32");
}

inline std::string Attention::format() const {
  std::set<std::string> extents;
  std::string predicate = formatPredicate(extents);
  std::string score = formatScore(extents);
  std::string heads = isGrouped ? "B, H, G" : "B, H";
  std::string r = isGrouped ? "b, h, g" : "b, h";
  // A kernel takes tensors of any extents; only reports ask for one.
  std::string some, declarations;
  for (const std::string &rank : newRanks)
    some += (some.empty() ? "" : ", ") + rank + " = 64";
  for (const std::string &rank : extents)
    declarations += "  %n" + rank + " = cascade.extent " + rank + "\n";
  std::string s = "[" + r + ", p, m]", row = "[" + r + ", p]";
  auto type = [](const char *alias, const std::string &shape,
                 const char *empty) {
    return std::string("!") + alias + " = !cascade.tensor<[" + shape +
           "], f32, empty = " + empty + ">\n";
  };
  return type("Q", heads + ", P, E", "0.0") + type("K", "B, H, M, E", "0.0") +
         type("V", "B, H, M, F", "0.0") + type("S", heads + ", P, M", "-inf") +
         type("R", heads + ", P", "-inf") + type("W", heads + ", P, M", "0.0") +
         type("D", heads + ", P", "0.0") + type("O", heads + ", P, F", "0.0") +
         types + "\ncascade.func @" + name + "(%q: !Q, %k: !K, %v: !V" +
         arguments +
         ",\n    %scale: f32 {cascade.positive, cascade.default = "
         "\"rsqrt(E)\"})\n"
         "    -> (o: !O, lse: !R {cascade.fixed}) attributes {" +
         (isSolved() ? "" : "cascade.residual, ") + "reassoc" +
         (some.empty() ? "" : ", cascade.extents = {" + some + "}") + "} {\n" +
         declarations + "  %s = cascade.einsum " + s + " = %q[" + r +
         ", p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S\n" + predicate +
         "  %t = cascade.einsum " + s + " = %s" + s +
         " absorb : !S -> !S\n    map (%x) {\n" + score +
         "    }\n  %gm = cascade.einsum " + row + " = %t" + s +
         " reduce max : !S -> !R\n  %n = cascade.einsum " + s + " = %t" + s +
         ", %gm" + row +
         " absorb : !S, !R -> !W\n"
         "    map (%x, %max) {\n"
         "      %d = arith.subf %x, %max : f32\n"
         "      %e = math.exp %d : f32\n"
         "      cascade.yield %e : f32\n"
         "    }\n  %d = cascade.einsum " +
         row + " = %n" + s + " reduce add : !W -> !D\n  %a = cascade.einsum " +
         s + " = %n" + s + ", %d" + row +
         " : !W, !D -> !W\n"
         "    map (%x, %y) {\n"
         "      %r = arith.divf %x, %y : f32\n"
         "      cascade.yield %r : f32\n"
         "    }\n  %o = cascade.einsum [" +
         r + ", p, f] = %a" + s +
         ", %v[b, h, m, f] reduce add : !W, !V -> !O\n"
         "  %lse = cascade.einsum " +
         row + " = %gm" + row + " absorb, %d" + row +
         " absorb : !R, !D -> !R\n"
         "    map (%max, %y) {\n"
         "      %l = math.log %y : f32\n"
         "      %r = arith.addf %max, %l : f32\n"
         "      cascade.yield %r : f32\n"
         "    }\n  cascade.return %o, %lse : !O, !R\n}\n";
}

/// attn_compile_options, with defaults.
struct CompileOptions {
  /// Options of attn-compile that say which kernel is wanted.
  std::vector<std::string> words;
  int64_t timeLimitMs = 0, memoryLimitBytes = 0;
  attn_cancellation cancellation = {};
};

/// Compiles a program and loads it. What is wrong with it, or why the compiler
/// refuses it, is returned; the feature then has the names that were given:
/// "alibi, mask" and, of a part that has one, its name.
inline Error compile(const Attention &program, const CompileOptions &options,
                     Kernel &kernel) {
  if (program.getError().code != ATTN_OK)
    return program.getError();
  std::vector<const char *> words;
  for (const std::string &word : options.words)
    words.push_back(word.c_str());
  attn_compile_options given = {};
  given.struct_size = sizeof(given);
  given.words = words.data();
  given.num_words = words.size();
  given.time_limit_ms = options.timeLimitMs;
  given.memory_limit_bytes = options.memoryLimitBytes;
  given.cancellation = options.cancellation;
  std::string text = program.format();
  if (attn_compile(text.c_str(), &given, kernel.receive()) != ATTN_OK)
    return getLastError();
  return {};
}

} // namespace attn::api

#endif // ATTN_CPP_ATTENTION_H
