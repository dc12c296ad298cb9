//===- Gfx942.cpp - AMD Instinct MI300 -----------------------------------===//

#include "Gfx9.h"
#include "Instructions.h"

using namespace attn;
using namespace attn::amd;

/// AMD Instinct MI300X data sheet: 2048 operations of a product a clock and
/// compute unit; 4 MiB of cache a die.
static const MachineModel &getModel(bool anyStrides) {
  static const MachineModel rows = createGfx9Model(
                                {"gfx942", 64 << 10, 4 << 20, 1}),
                            tall = createTallGfx9Model(rows);
  static const Models models(rows, &tall);
  return models.get(anyStrides);
}

const gpu::Architecture &amd::getGfx942() {
  static const gpu::Architecture architecture = createGfx9("gfx942", getModel);
  return architecture;
}
