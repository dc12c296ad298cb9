//===- Passes.cpp - registers passes and pipelines ------------------------===//

#include "attn/Registration/Registration.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Transforms/Passes.h"

void attn::registerPasses() {
  registerCascadePasses();
  mlir::registerTransformsPasses();
}
