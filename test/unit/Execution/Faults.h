//===- Faults.h - wrong tile programs, on purpose -------------------------===//

#ifndef ATTN_TEST_UNIT_EXECUTION_FAULTS_H
#define ATTN_TEST_UNIT_EXECUTION_FAULTS_H

#include "mlir/IR/BuiltinOps.h"

#include <ostream>
#include <string>
#include <vector>

namespace attn::test {

/// A mistake that a lowering could make.
struct Fault {
  std::string name;
  /// A shipped variant in which it shows.
  std::string variant;
  /// Fewer keys than queries, so that rows are empty.
  bool emptyRows = false;
  /// Makes the mistake in every program; false if there is no place for it.
  bool (*apply)(mlir::ModuleOp tiled);
  /// Shows with scores that grow along the keys.
  bool rising = false;
};

const std::vector<Fault> &getFaults();

/// How GoogleTest prints one.
inline void PrintTo(const Fault &fault, std::ostream *os) { *os << fault.name; }

} // namespace attn::test

#endif // ATTN_TEST_UNIT_EXECUTION_FAULTS_H
