//===- TileMapSvg.cpp - maps of tiles and work plans as SVG ---------------===//

#include "attn/Driver/TileMap.h"

#include "Svg.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

static constexpr double left = 70, top = 60, lineHeight = 18, margin = 20;

namespace {
/// Draws one map.
class MapDrawing {
public:
  MapDrawing(const TileMap &map, const CellMap &cells);
  void draw(Svg &svg) const;

  double getWidth() const { return left + std::max(width, 330.0) + margin; }
  double getHeight() const { return bottom + 2 * lineHeight; }

private:
  void drawAxes(Svg &svg) const;
  void drawLegend(Svg &svg) const;

  static constexpr const char *colours[] = {colour::pale, colour::orange,
                                            colour::blue};
  const TileMap &map;
  const CellMap &cells;
  double size, width, height, bottom;
};
} // namespace

MapDrawing::MapDrawing(const TileMap &map, const CellMap &cells)
    : map(map), cells(cells) {
  size = std::clamp<int64_t>(
      768 / std::max<int64_t>({cells.rows, cells.keys, 1}), 6, 24);
  width = cells.keys * size;
  height = cells.rows * size;
  bottom = top + height + margin;
}

void MapDrawing::drawAxes(Svg &svg) const {
  constexpr int64_t cellsPerLabel = 16;
  svg.addText(left, 20, "start", map.title);
  svg.addText(left, 38, "start",
              Twine(map.rows) + " rows (down) x " + Twine(map.keys) +
                  " key tiles (across)");
  for (int64_t key = 0; key < cells.keys; key += cellsPerLabel)
    svg.addText(left + key * size, top - 4, "start",
                Twine(key * cells.keysPerCell));
  for (int64_t row = 0; row < cells.rows; row += cellsPerLabel)
    svg.addText(left - 6, top + row * size + 11, "end",
                Twine(row * cells.rowsPerCell));
}

void MapDrawing::drawLegend(Svg &svg) const {
  const char *names[] = {"empty", "partial", "full"};
  for (int i = 0; i < 3; ++i)
    svg.addLegend(left + 80 * i, bottom, colours[i], names[i]);
  svg.addText(left, bottom + lineHeight, "start",
              "one cell is " + Twine(cells.rowsPerCell) + " x " +
                  Twine(cells.keysPerCell) + " tiles");
}

void MapDrawing::draw(Svg &svg) const {
  drawAxes(svg);
  svg.addRect(left, top, width, height, colours[0]);
  for (int64_t row = 0; row < cells.rows; ++row)
    for (int64_t key = 0, end; key < cells.keys; key = end) {
      TileClass tileClass = cells.getClass(row, key);
      for (end = key + 1; end < cells.keys; ++end)
        if (cells.getClass(row, end) != tileClass)
          break;
      if (tileClass != TileClass::empty)
        svg.addRect(left + key * size, top + row * size, (end - key) * size,
                    size, colours[size_t(tileClass)]);
    }
  drawLegend(svg);
}

Status attn::printSvg(const TileMap &map, llvm::raw_ostream &os) {
  Result<CellMap> cells = reduce(map);
  if (!cells.isOk())
    return cells.takeStatus();
  MapDrawing drawing(map, *cells);
  Svg svg(os, drawing.getWidth(), drawing.getHeight(), map.title);
  drawing.draw(svg);
  return {};
}

namespace {
/// Draws bars of at most `maxRects` rectangles in all.
class Schedule {
public:
  static constexpr int64_t maxBars = 256, maxRects = 12000, maxColours = 6;
  static constexpr double width = 960;

  explicit Schedule(const WorkPlan &plan);
  void draw(StringRef title, Svg &svg) const;

  double getWidth() const { return left + width + margin; }
  double getHeight() const {
    return top + numBars * barHeight + 4 * lineHeight;
  }

private:
  double toWidth(int64_t cost) const {
    return width * cost / std::max<int64_t>(plan.makespan, 1);
  }
  const char *getColour(int32_t group) const;
  void drawBars(Svg &svg) const;
  void drawBar(Svg &svg, int64_t worker, double y) const;
  void drawLegend(Svg &svg, double y) const;

  const WorkPlan &plan;
  /// The groups that have items, ascending.
  std::vector<int32_t> groups;
  int64_t workersPerBar, numBars;
  /// Items of less are drawn together until they have as much. Of two
  /// neighbouring rectangles one has at least this.
  int64_t minCost;
  double barHeight;
};
} // namespace

Schedule::Schedule(const WorkPlan &plan) : plan(plan) {
  for (const WorkItem &item : plan.items)
    groups.push_back(item.group);
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  workersPerBar =
      std::max<int64_t>(llvm::divideCeil(plan.countWorkers(), maxBars), 1);
  numBars = llvm::divideCeil(plan.countWorkers(), workersPerBar);
  int64_t rectsPerBar = std::min(maxRects / 2 / std::max<int64_t>(numBars, 1),
                                 int64_t(width) / 2);
  minCost = llvm::divideCeil(plan.makespan, rectsPerBar);
  barHeight = std::clamp<int64_t>(768 / std::max<int64_t>(numBars, 1), 4, 24);
}

const char *Schedule::getColour(int32_t group) const {
  static const char *const colours[maxColours] = {colour::blue,  colour::orange,
                                                  colour::green, colour::pink,
                                                  colour::sky,   colour::red};
  auto it = std::lower_bound(groups.begin(), groups.end(), group);
  return colours[(it - groups.begin()) % maxColours];
}

void Schedule::drawBar(Svg &svg, int64_t worker, double y) const {
  // What is done but not yet drawn, and its group.
  int64_t begun = 0, done = 0;
  int32_t group = 0;
  bool isMixed = false;
  auto draw = [&] {
    if (done == begun)
      return;
    // A gap keeps neighbours of one colour apart, where there is room for it.
    double length = toWidth(done - begun);
    svg.addRect(left + toWidth(begun), y, length > 3 ? length - 0.5 : length,
                barHeight - 1, isMixed ? colour::grey : getColour(group));
    begun = done;
  };
  int64_t end = plan.workerOffsets[worker + 1];
  for (int64_t i = plan.workerOffsets[worker]; i < end; ++i) {
    const WorkItem &item = plan.items[plan.order[i]];
    if (item.cost >= minCost || done - begun >= minCost)
      draw();
    isMixed = done > begun && (isMixed || item.group != group);
    group = item.group;
    done += item.cost;
  }
  draw();
}

void Schedule::drawBars(Svg &svg) const {
  int64_t barsPerLabel =
      llvm::divideCeil(int64_t(lineHeight), int64_t(barHeight));
  for (int64_t bar = 0; bar < numBars; ++bar) {
    auto first = plan.loads.begin() + bar * workersPerBar;
    auto last = plan.loads.begin() +
                std::min((bar + 1) * workersPerBar, plan.countWorkers());
    int64_t worker = std::max_element(first, last) - plan.loads.begin();
    double y = top + bar * barHeight;
    if (bar % barsPerLabel == 0)
      svg.addText(left - 6, y + std::min(barHeight, 14.0) - 2, "end",
                  Twine(worker));
    drawBar(svg, worker, y);
  }
}

void Schedule::drawLegend(Svg &svg, double y) const {
  int64_t numShown = std::min<int64_t>(groups.size(), maxColours);
  for (int64_t i = 0; i < numShown; ++i)
    svg.addLegend(left + 120 * i, y, getColour(groups[i]),
                  "group " + Twine(groups[i]));
  svg.addLegend(left + 120 * numShown, y, colour::grey, "several groups");
  std::string notes;
  llvm::raw_string_ostream os(notes);
  os << "solid: makespan " << plan.makespan << "; dashed: mean "
     << llvm::format("%.1f", double(plan.total) /
                                 std::max<int64_t>(plan.countWorkers(), 1))
     << "; lower bound " << plan.lowerBound;
  if (workersPerBar > 1)
    os << "; a bar is the longest of " << workersPerBar << " workers";
  if (groups.size() > size_t(maxColours))
    os << "; " << groups.size() - maxColours
       << " more groups repeat the colours";
  svg.addText(left, y + lineHeight, "start", notes);
}

void Schedule::draw(StringRef title, Svg &svg) const {
  double bottom = top + numBars * barHeight;
  svg.addText(left, 20, "start", title);
  svg.addText(left, 38, "start",
              Twine(plan.items.size()) + " items for " +
                  Twine(plan.countWorkers()) + " workers, cost to the right");
  drawBars(svg);
  double mean = double(plan.total) / std::max<int64_t>(plan.countWorkers(), 1);
  double meanX = left + width * mean / std::max<int64_t>(plan.makespan, 1);
  svg.addLine(left + toWidth(plan.makespan), top - 8,
              left + toWidth(plan.makespan), bottom + 4, false);
  svg.addLine(meanX, top - 8, meanX, bottom + 4, true);
  svg.addText(left, bottom + 14, "start", "0");
  svg.addText(left + width - 4, bottom + 14, "end", Twine(plan.makespan));
  drawLegend(svg, bottom + 2 * lineHeight);
}

void attn::printSvg(const WorkPlan &plan, StringRef title,
                    llvm::raw_ostream &os) {
  Schedule schedule(plan);
  Svg svg(os, schedule.getWidth(), schedule.getHeight(), title);
  schedule.draw(title, svg);
}

void attn::printSvg(llvm::ArrayRef<MapPicture> maps, const WorkPlan &plan,
                    StringRef title, llvm::raw_ostream &os) {
  Schedule schedule(plan);
  double width = schedule.getWidth(), height = schedule.getHeight();
  std::vector<MapDrawing> drawings;
  for (const MapPicture &picture : maps) {
    drawings.emplace_back(picture.map, picture.cells);
    width = std::max(width, drawings.back().getWidth());
    height += drawings.back().getHeight();
  }
  Svg svg(os, width, height, title);
  double y = 0;
  for (const MapDrawing &drawing : drawings) {
    svg.setTop(y);
    drawing.draw(svg);
    y += drawing.getHeight();
  }
  svg.setTop(y);
  schedule.draw(title, svg);
}
