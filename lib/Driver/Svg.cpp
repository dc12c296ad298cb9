//===- Svg.cpp - shapes and text of a picture as SVG ----------------------===//

#include "Svg.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using llvm::StringRef;

/// Escapes the characters that XML gives a meaning, and replaces those that it
/// does not allow: ill-formed UTF-8, controls, U+FFFE and U+FFFF.
static std::string escape(StringRef text) {
  std::string valid = llvm::json::fixUTF8(text), out;
  for (size_t i = 0; i < valid.size(); ++i) {
    StringRef rest = StringRef(valid).drop_front(i);
    if (rest.starts_with("\xef\xbf\xbe") || rest.starts_with("\xef\xbf\xbf")) {
      out += '?';
      i += 2;
      continue;
    }
    switch (char c = valid[i]) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    default:
      out += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
  }
  return out;
}

/// A tenth of a pixel is not seen, and short numbers keep files small.
static std::string toPixels(double length) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.1f", length);
  if (StringRef(text).ends_with(".0"))
    text.resize(text.size() - 2);
  return text;
}

Svg::Svg(llvm::raw_ostream &os, int64_t width, int64_t height, StringRef title)
    : os(os) {
  os << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width
     << "\" height=\"" << height << "\" viewBox=\"0 0 " << width << ' '
     << height << "\" font-family=\"sans-serif\" font-size=\"12\">\n<title>"
     << escape(title) << "</title>\n";
  addRect(0, 0, width, height, "#ffffff");
}

Svg::~Svg() { os << "</svg>\n"; }

void Svg::addRect(double x, double y, double width, double height,
                  StringRef fill) {
  os << "<rect x=\"" << toPixels(x) << "\" y=\"" << toPixels(top + y)
     << "\" width=\"" << toPixels(width) << "\" height=\"" << toPixels(height)
     << "\" fill=\"" << fill << "\"/>\n";
}

void Svg::addLine(double x0, double y0, double x1, double y1, bool isDashed) {
  os << "<line x1=\"" << toPixels(x0) << "\" y1=\"" << toPixels(top + y0)
     << "\" x2=\"" << toPixels(x1) << "\" y2=\"" << toPixels(top + y1)
     << "\" stroke=\"#000000\"" << (isDashed ? " stroke-dasharray=\"6 4\"" : "")
     << "/>\n";
}

void Svg::addText(double x, double y, StringRef anchor,
                  const llvm::Twine &text) {
  os << "<text x=\"" << toPixels(x) << "\" y=\"" << toPixels(top + y)
     << "\" text-anchor=\"" << anchor << "\">" << escape(text.str())
     << "</text>\n";
}

void Svg::addLegend(double x, double y, StringRef fill,
                    const llvm::Twine &text) {
  addRect(x, y - 10, 12, 12, fill);
  addText(x + 18, y, "start", text);
}
