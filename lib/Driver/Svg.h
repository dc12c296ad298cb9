//===- Svg.h - shapes and text of a picture as SVG ------------------------===//

#ifndef ATTN_LIB_DRIVER_SVG_H
#define ATTN_LIB_DRIVER_SVG_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// One picture: its beginning is printed at once, its end by the destructor.
/// Lengths are in pixels.
class Svg {
public:
  Svg(llvm::raw_ostream &os, int64_t width, int64_t height,
      llvm::StringRef title);
  ~Svg();
  Svg(const Svg &) = delete;
  Svg &operator=(const Svg &) = delete;

  /// Puts the origin of what follows at the height `y` of the picture.
  void setTop(double y) { top = y; }
  void addRect(double x, double y, double width, double height,
               llvm::StringRef fill);
  void addLine(double x0, double y0, double x1, double y1, bool isDashed);
  /// `anchor` is `start`, `middle` or `end`; `y` is that of the base line.
  void addText(double x, double y, llvm::StringRef anchor,
               const llvm::Twine &text);
  /// A square of a colour, and what it stands for.
  void addLegend(double x, double y, llvm::StringRef fill,
                 const llvm::Twine &text);

private:
  llvm::raw_ostream &os;
  double top = 0;
};

/// Colours of Okabe and Ito (2008), told apart with every colour vision.
namespace colour {
constexpr const char *blue = "#0072b2", *orange = "#e69f00", *green = "#009e73",
                     *pink = "#cc79a7", *sky = "#56b4e9", *red = "#d55e00",
                     *grey = "#999999", *pale = "#eeeeee";
} // namespace colour

} // namespace attn

#endif // ATTN_LIB_DRIVER_SVG_H
