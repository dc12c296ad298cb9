//===- Passes.cpp - registers passes and pipelines ------------------------===//

#include "attn/Conversion/Passes.h"
#include "attn/Registration/Registration.h"
#include "attn/Target/AMD/AMD.h"
#include "attn/Target/AMD/Passes.h"
#include "attn/Target/CPU/Passes.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "attn/Target/NVIDIA/Passes.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Transforms/Passes.h"

void attn::registerPasses() {
  registerCascadePasses();
  registerConversionPasses();
  mlir::registerTransformsPasses();
  attn::cpu::registerAttnCPUPasses();
  attn::cpu::registerPipelines();
  attn::amd::registerAttnAMDPasses();
  attn::amd::registerPipelines();
  attn::nvidia::registerAttnNVIDIAPasses();
  attn::nvidia::registerPipelines();
}
