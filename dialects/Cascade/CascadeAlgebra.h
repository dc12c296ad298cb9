//===- CascadeAlgebra.h - monoids and algebraic facts of operations -------===//
//
// What the analyses and rewrites know of arithmetic. Nothing of it is tied to a
// variant: a fact is a law of one operation. Users add monoids and facts
// through the registry of the loaded dialect, or implement AlgebraOpInterface.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_CASCADE_CASCADEALGEBRA_H
#define DIALECTS_CASCADE_CASCADEALGEBRA_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace attn::cascade {

/// A monoid: an associative operation with an identity.
struct MonoidInfo {
  std::string name;
  bool commutative = true;
  bool idempotent = false;
  /// Names of the monoids over which this operation distributes:
  /// a * (b + c) = a * b + a * c makes "mul" distribute over "add".
  llvm::SmallVector<std::string> distributesOver;
  /// The identity in `type`, or null if the monoid is not defined there.
  std::function<mlir::TypedAttr(mlir::Type type)> identity;
  /// Builds `lhs op rhs`.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value lhs,
                            mlir::Value rhs)>
      combine;
  /// Builds `lhs op inverse(rhs)`; empty if the monoid is not a group.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value lhs,
                            mlir::Value rhs)>
      combineInverse;
};

/// The values that an expression may take: a closed interval.
struct ValueInterval {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
};

/// f(a `from` b) = f(a) `to` f(b), by names of monoids, for a and b in `domain`
/// (absent: all).
struct Homomorphism {
  std::string from, to;
  std::optional<ValueInterval> domain = std::nullopt;
};

enum class Monotone { No, Increasing, Decreasing };

/// Algebraic facts of one operation of a map region.
struct ScalarFacts {
  /// The operation is this monoid's (mulf: "mul").
  std::string monoid;
  /// `a op b = a * inverse(b)` in this monoid (divf: "mul"; subf: "add").
  std::string inverseOf;
  /// Of a unary operation.
  llvm::SmallVector<Homomorphism> homomorphisms;
  /// Of a unary operation.
  Monotone monotone = Monotone::No;
  /// The result if operand number `operand` is the constant `value`, whatever
  /// the others are; nothing if it depends on them.
  std::function<std::optional<double>(unsigned operand, double value)>
      absorbing;
  /// The range of the result from the ranges of the operands.
  std::function<ValueInterval(llvm::ArrayRef<ValueInterval>)> range;
  /// A derivative is registered: the operation may stand in a map region.
  bool differentiable = false;
};

/// The dialect's book of laws.
class AlgebraRegistry {
public:
  /// Starts with the monoids add, mul, max, min, and, or, and the facts of the
  /// operations of arith and math.
  AlgebraRegistry();

  /// Adds a monoid, or replaces the one of that name.
  void addMonoid(MonoidInfo info);
  /// States the facts of an operation by its full name ("math.exp").
  void addFacts(llvm::StringRef operationName, ScalarFacts facts);

  /// The monoid called `name`, or null.
  const MonoidInfo *lookupMonoid(llvm::StringRef name) const;
  /// The names of all monoids, sorted.
  llvm::SmallVector<llvm::StringRef> getMonoidNames() const;
  /// The facts of `op`: its own (AlgebraOpInterface) or the registered ones;
  /// nothing is known of an operation without either.
  std::optional<ScalarFacts> lookupFacts(mlir::Operation *op) const;

private:
  llvm::StringMap<MonoidInfo> monoids;
  llvm::StringMap<ScalarFacts> facts;
};

/// The numeric value of a float, integer or bool attribute.
std::optional<double> getNumericValue(mlir::Attribute attribute);

/// `value` as an attribute of the float or integer type `type`.
mlir::TypedAttr getNumericAttr(mlir::Type type, double value);

} // namespace attn::cascade

#endif // DIALECTS_CASCADE_CASCADEALGEBRA_H
