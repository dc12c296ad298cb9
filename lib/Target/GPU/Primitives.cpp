//===- Primitives.cpp - what vendors' GPUs do by other instructions -------===//

#include "Primitives.h"

using namespace attn::gpu;

LaneCopier::~LaneCopier() = default;
Primitives::~Primitives() = default;
BulkCopies::~BulkCopies() = default;
