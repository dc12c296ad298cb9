//===- Passes.cpp - registers passes and pipelines ------------------------===//

#include "attn/Transforms/Passes.h"
#include "attn/Registration/Registration.h"

#include "mlir/Transforms/Passes.h"

void attn::registerPasses() {
  registerCascadePasses();
  mlir::registerTransformsPasses();
}
