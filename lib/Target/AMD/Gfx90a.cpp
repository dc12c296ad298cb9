//===- Gfx90a.cpp - AMD Instinct MI200 -----------------------------------===//

#include "Gfx9.h"
#include "Instructions.h"

using namespace attn;
using namespace attn::amd;

/// AMD Instinct MI250X data sheet: 1024 operations of a product a clock and
/// compute unit; 8 MiB of cache.
static const MachineModel &getModel(bool anyStrides) {
  static const MachineModel rows = createGfx9Model(
                                {"gfx90a", 64 << 10, 8 << 20, 2}),
                            tall = createTallGfx9Model(rows);
  static const Models models(rows, &tall);
  return models.get(anyStrides);
}

const gpu::Architecture &amd::getGfx90a() {
  static const gpu::Architecture architecture = createGfx9("gfx90a", getModel);
  return architecture;
}
