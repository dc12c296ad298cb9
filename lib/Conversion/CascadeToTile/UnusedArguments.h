//===- UnusedArguments.h - what a tile program does not need ----*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_UNUSEDARGUMENTS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_UNUSEDARGUMENTS_H

#include "dialects/Cascade/Cascade.h"
#include "dialects/Tile/Tile.h"

namespace attn {

/// Leaves a program of `func` what it needs. An input that is read stays,
/// whatever comes of it, since it binds extents; lengths and tables of pages go
/// with the keys that are read through them.
void eraseUnusedArguments(cascade::FuncOp func, tile::ProgramOp op);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_UNUSEDARGUMENTS_H
