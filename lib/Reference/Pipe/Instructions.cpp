//===- Instructions.cpp - the machines whose products are known -----------===//

#include "Instructions.h"

using namespace attn;
using namespace attn::reference;

const ProductInstructions &attn::reference::getInstructions(PipeTarget target) {
  switch (target) {
  case PipeTarget::hopper:
    return getHopperInstructions();
  case PipeTarget::ampere:
    return getAmpereInstructions();
  case PipeTarget::cdna:
    return getCdnaInstructions();
  case PipeTarget::rdna:
    return getRdnaInstructions();
  }
  return getHopperInstructions();
}
