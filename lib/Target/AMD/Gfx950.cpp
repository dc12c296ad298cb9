//===- Gfx950.cpp - AMD Instinct MI350 ------------------------------------===//

#include "Gfx9.h"
#include "Instructions.h"

using namespace attn;
using namespace attn::amd;

/// AMD Instinct MI355X data sheet and CDNA 4 white paper: 160 KiB of shared
/// memory a compute unit, 4 MiB of cache a die. Products of gfx942's depths are
/// taken to be as fast as there; those of twice the depth are not written.
static const MachineModel &getModel(bool anyStrides) {
  static const MachineModel rows = createGfx9Model(
                                {"gfx950", 160 << 10, 4 << 20, 1}),
                            tall = createTallGfx9Model(rows);
  static const Models models(rows, &tall);
  return models.get(anyStrides);
}

const gpu::Architecture &amd::getGfx950() {
  static const gpu::Architecture architecture = createGfx9("gfx950", getModel);
  return architecture;
}
