//===- ManifestChecks.h - checks that several parts of a manifest share ---===//

#ifndef ATTN_LIB_RUNTIME_MANIFESTCHECKS_H
#define ATTN_LIB_RUNTIME_MANIFESTCHECKS_H

#include "Json.h"
#include "attn/Runtime/Manifest.h"

namespace attn {

/// Refuses what is no name for C, MLIR and JSON alike.
Status checkIdentifier(const std::string &name, const std::string &path);

/// Sets `tensor` to the tensor argument called `name`, or refuses.
Status checkTensor(const Manifest &m, const std::string &name,
                   const std::string &path, const Manifest::Argument *&tensor);

/// Refuses names that have no value and trees that are too deep.
Status checkExpr(const Manifest &m, const Expr &expr, const std::string &path,
                 unsigned depth = 0);

/// As checkExpr; also refuses a negative constant.
Status checkSize(const Manifest &m, const Expr &expr, const std::string &path);

/// Checks the launches and what goes with them. Pre-condition: ranks and
/// arguments have been checked, and there is a launch.
Status checkLaunches(const Manifest &m);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_MANIFESTCHECKS_H
