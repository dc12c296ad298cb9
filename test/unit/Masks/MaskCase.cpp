//===- MaskCase.cpp - random numbers for a variant's mask -----------------===//

#include "MaskCase.h"

using namespace attn::test;

std::string MaskCase::toString() const {
  std::string text = variant;
  for (auto [name, extent] : {std::pair("B", shape.b), std::pair("H", shape.h),
                              std::pair("G", shape.g), std::pair("P", shape.p),
                              std::pair("M", shape.m)})
    text += std::string(" ") + name + "=" + std::to_string(extent);
  for (const auto &[name, value] : scalars)
    text += " " + name + "=" + std::to_string(value);
  for (const auto &[name, table] : tables) {
    text += " " + name + "=[";
    for (int64_t value : table.values)
      text += std::to_string(value) + ",";
    text += "]";
  }
  return text;
}

int64_t attn::test::pickExtent(Random &random) {
  switch (random.pick(0, 9)) {
  case 0:
    return random.pick(0, 1);
  case 1:
  case 2:
    return random.pick(65, 140);
  case 3:
  case 4:
  case 5:
    return random.pick(13, 64);
  default:
    return random.pick(1, 12);
  }
}

int64_t attn::test::pickWindow(Random &random, int64_t extent) {
  return random.oneIn(3) ? random.pickOf({0, 1, 2, 4, 16, extent, extent + 3})
                         : random.pick(0, extent);
}

MaskTable attn::test::makeTable(std::vector<int64_t> shape,
                                const std::function<int64_t()> &next,
                                int64_t empty) {
  MaskTable table{std::move(shape), {}, empty};
  int64_t count = 1;
  for (int64_t extent : table.shape)
    count *= extent;
  for (int64_t i = 0; i < count; ++i)
    table.values.push_back(next());
  return table;
}

//===----------------------------------------------------------------------===//
// Intervals
//===----------------------------------------------------------------------===//

static void makeCausal(MaskCase &mask, Random &) {
  bool isTop = mask.variant == "causal-top-left";
  mask.sees = [shape = mask.shape, isTop](const Point &at) {
    return at.m <= (isTop ? at.p : shape.getPosition(at.p));
  };
  mask.setPieces({mask.sees});
}

static void makeSlidingWindow(MaskCase &mask, Random &random) {
  int64_t window = pickWindow(random, mask.shape.m);
  mask.scalars["window"] = window;
  mask.sees = [shape = mask.shape, window](const Point &at) {
    return seesWindow(shape.getPosition(at.p), at.m, window);
  };
  if (window > 0)
    mask.setPieces({mask.sees});
}

static void makePrefix(MaskCase &mask, Random &random) {
  Shape shape = mask.shape;
  MaskTable table =
      makeTable({shape.b}, [&] { return pickWindow(random, shape.m); });
  if (mask.variant == "prefix-lm") {
    int64_t all = table.values[0];
    std::fill(table.values.begin(), table.values.end(), all);
    mask.scalars["prefix"] = all;
  } else {
    mask.tables["prefix"] = table;
  }
  auto before = [shape](const Point &at) {
    return at.m <= shape.getPosition(at.p);
  };
  auto shared = [values = table.values](const Point &at) {
    return at.m < values[at.b];
  };
  mask.sees = [=](const Point &at) { return before(at) || shared(at); };
  mask.byKeys.pieces = {mask.sees};
  mask.byQueries.pieces = {
      shared, [=](const Point &at) { return before(at) && !shared(at); }};
}

static void makeStreaming(MaskCase &mask, Random &random) {
  Shape shape = mask.shape;
  int64_t sinks = pickWindow(random, shape.m);
  int64_t window = pickWindow(random, shape.m);
  int64_t dense = random.pick(0, shape.p + 1);
  mask.scalars = {{"sinks", sinks}, {"window", window}};
  if (mask.variant == "tri-shape")
    mask.scalars["dense"] = dense;
  else
    dense = 0;
  mask.sees = [=](const Point &at) {
    return dense == 0 ? seesStream(shape.getPosition(at.p), at.m, sinks, window)
                      : seesTriShape(shape, at, sinks, window, dense);
  };
  if (window == 0)
    return;
  auto isDense = [=](const Point &at) { return shape.p - at.p <= dense; };
  auto before = [=](const Point &at) {
    return at.m <= shape.getPosition(at.p);
  };
  auto near = [=](const Point &at) {
    return seesWindow(shape.getPosition(at.p), at.m, window);
  };
  mask.byKeys.pieces = {
      [=](const Point &at) { return isDense(at) && before(at); },
      [=](const Point &at) { return !isDense(at) && near(at); },
      [=](const Point &at) {
        return !isDense(at) &&
               seesFarSinks(shape.getPosition(at.p), at.m, sinks, window);
      }};
  // Of a key that is no sink: its window, and the dense queries beyond.
  mask.byQueries.pieces = {
      [=](const Point &at) { return at.m < sinks && before(at); },
      [=](const Point &at) { return at.m >= sinks && near(at); },
      [=](const Point &at) {
        return at.m >= sinks && isDense(at) && before(at) && !near(at);
      }};
  mask.byQueries.knowsEmpty = mask.byQueries.isTight = sinks == 0;
}

static void makeHeads(MaskCase &mask, Random &random) {
  Shape shape = mask.shape;
  bool isDuo = mask.variant == "duo";
  std::vector<int64_t> heads = {shape.h, shape.g};
  auto pickSpan = [&] { return pickWindow(random, shape.m); };
  MaskTable retrieval =
      makeTable(heads, [&] { return isDuo ? random.pick(0, 1) : 0; });
  MaskTable spans = makeTable(heads, pickSpan);
  MaskTable globals = makeTable(heads, pickSpan);
  if (isDuo) {
    std::fill(spans.values.begin(), spans.values.end(), spans.values[0]);
    std::fill(globals.values.begin(), globals.values.end(), globals.values[0]);
    mask.scalars = {{"recent", spans.values[0]}, {"sinks", globals.values[0]}};
    mask.tables = {{"retrieval", retrieval}};
  } else {
    mask.tables = {{"spans", spans}, {"globals", globals}};
  }
  auto get = [shape](const MaskTable &table, const Point &at) {
    return table.values[shape.getHead(at.h, at.g)];
  };
  mask.sees = [=](const Point &at) {
    return seesAsHead(get(retrieval, at) != 0, shape.getPosition(at.p), at.m,
                      get(globals, at), get(spans, at));
  };
  for (int64_t span : spans.values)
    if (span == 0)
      return;
  auto near = [=](const Point &at) {
    return !get(retrieval, at) &&
           seesWindow(shape.getPosition(at.p), at.m, get(spans, at));
  };
  auto retrieves = [=](const Point &at) {
    return get(retrieval, at) && at.m <= shape.getPosition(at.p);
  };
  mask.byKeys.pieces = {retrieves, near, [=](const Point &at) {
                          return !get(retrieval, at) &&
                                 seesFarSinks(shape.getPosition(at.p), at.m,
                                              get(globals, at), get(spans, at));
                        }};
  mask.byQueries.pieces = {
      [=](const Point &at) {
        return at.m < get(globals, at) && at.m <= shape.getPosition(at.p);
      },
      [=](const Point &at) {
        return at.m >= get(globals, at) && (near(at) || retrieves(at));
      }};
  mask.byQueries.knowsEmpty = mask.byQueries.isTight = false;
}

static void makeVarlen(MaskCase &mask, Random &random) {
  Shape shape = mask.shape;
  bool causal = random.oneIn(2);
  MaskTable queries =
      makeTable({shape.b}, [&] { return random.pick(0, shape.p); });
  MaskTable keys =
      makeTable({shape.b}, [&] { return random.pick(0, shape.m); });
  mask.scalars["causal"] = causal;
  mask.tables = {{"q_lengths", queries}, {"k_lengths", keys}};
  mask.sees = [=](const Point &at) {
    return seesPadded(at.p, at.m, queries.values[at.b], keys.values[at.b],
                      causal);
  };
  mask.setPieces({mask.sees});
}

static void makeDocuments(MaskCase &mask, Random &random) {
  MaskTable doc{{}, {}, -1}, first{{}, {0}, 0};
  for (int64_t n = 0, count = random.pick(1, 6); n < count; ++n) {
    int64_t length = random.oneIn(5) ? 0 : random.pick(1, 30);
    doc.values.insert(doc.values.end(), length, n);
    first.values.push_back(static_cast<int64_t>(doc.values.size()));
  }
  int64_t tokens = doc.values.size();
  doc.shape = {tokens};
  first.shape = {static_cast<int64_t>(first.values.size())};
  mask.shape.p = mask.shape.m = tokens;
  mask.tables = {{"doc", doc}, {"first", first}};
  mask.sees = [values = doc.values](const Point &at) {
    return values[at.p] == values[at.m] && at.m <= at.p;
  };
  mask.byKeys.pieces = {mask.sees};
}

static void makeRelative(MaskCase &mask, Random &random) {
  RelativeBlocks blocks{random.pick(1, 20), random.pick(0, 4),
                        random.pick(1, 4), random.pick(1, 5)};
  mask.scalars = {{"block", blocks.block},
                  {"before", blocks.before},
                  {"after", blocks.after},
                  {"vertical", blocks.vertical}};
  mask.sees = [=](const Point &at) { return blocks.sees(at); };
  // What is not a multiple away lies among what is: whole ranges are swept.
  for (Expectation *sweep : {&mask.byKeys, &mask.byQueries})
    sweep->knowsEmpty = sweep->isTight = false;
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

using Maker = void (*)(MaskCase &, Random &);

static const std::map<std::string, Maker> &getMakers() {
  static const std::map<std::string, Maker> makers = {
      {"block-sparse", makeBlockSparse},
      {"causal-bottom-right", makeCausal},
      {"causal-top-left", makeCausal},
      {"dilated-window", makeDilated},
      {"documents", makeDocuments},
      {"duo", makeHeads},
      {"moa", makeHeads},
      {"neighborhood-1d", makeLine},
      {"neighborhood-2d", makeImage},
      {"neighborhood-3d", makeImage},
      {"prefix-lm", makePrefix},
      {"prefix-lm-batch", makePrefix},
      {"s2", makeLocalVertical},
      {"s2-bidirectional", makeRelative},
      {"selected-blocks", makeSelected},
      {"sliding-window", makeSlidingWindow},
      {"streaming", makeStreaming},
      {"tri-shape", makeStreaming},
      {"varlen", makeVarlen}};
  return makers;
}

const std::vector<std::string> &attn::test::getMaskVariants() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto &[name, maker] : getMakers())
      all.push_back(name);
    return all;
  }();
  return names;
}

MaskCase attn::test::makeCase(const std::string &variant, Shape shape,
                              Random &random) {
  MaskCase mask;
  mask.variant = variant;
  mask.shape = shape;
  getMakers().at(variant)(mask, random);
  return mask;
}
