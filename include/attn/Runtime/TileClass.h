//===- TileClass.h - how much of a tile a mask lets through ---------------===//

#ifndef ATTN_RUNTIME_TILECLASS_H
#define ATTN_RUNTIME_TILECLASS_H

#include <algorithm>
#include <cstdint>

namespace attn {

/// Of the pairs (query, key) of a tile, clipped to the extents, the mask allows
/// none, some, or all. `partial` may be said of any tile: the kernel tests each
/// pair of such a tile, so it costs time and changes no result.
enum class TileClass : uint8_t { empty, partial, full };

/// The class of a tile under both of two masks. Two partial ones may have no
/// pair in common; `partial` is right all the same.
inline TileClass operator&(TileClass a, TileClass b) { return std::min(a, b); }

} // namespace attn

#endif // ATTN_RUNTIME_TILECLASS_H
