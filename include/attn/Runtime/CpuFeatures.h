//===- CpuFeatures.h - does this machine have what a kernel needs? --------===//

#ifndef ATTN_RUNTIME_CPUFEATURES_H
#define ATTN_RUNTIME_CPUFEATURES_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <string>

namespace attn {

/// Refuses a target of another architecture, a feature that this machine (or
/// its operating system) lacks, and a feature that the runtime cannot check.
Status checkHostSupports(const Manifest::Target &target);

/// The architecture, and the features that this machine has of those that the
/// runtime can check.
std::string describeHostFeatures();

} // namespace attn

#endif // ATTN_RUNTIME_CPUFEATURES_H
