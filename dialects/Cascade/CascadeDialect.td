//===- CascadeDialect.td - the cascade dialect -------------*- tablegen -*-===//

#ifndef DIALECTS_CASCADE_CASCADEDIALECT_TD
#define DIALECTS_CASCADE_CASCADEDIALECT_TD

include "mlir/IR/OpBase.td"

def CascadeDialect : Dialect {
  let name = "cascade";
  let cppNamespace = "::attn::cascade";
  let summary = "what is computed: cascades of extended Einsums over named ranks";
  let description = [{
    A cascade is a directed acyclic graph of extended Einsums (EDGE; Odemuyiwa et
    al., arXiv 2404.11591; FuseMax, arXiv 2406.10491). It says what is computed
    and nothing of order, memory or machine.

    **Ranks.** A dimension of a tensor is a *rank* with a name. Equal names mean
    equal extents. A rank is *dense* (its extent is one number, static or bound
    from the arguments' shapes), *ragged* (its extent depends on outer
    coordinates) or a *list* (its coordinates are chosen by an index tensor).

    **Emptiness.** Each tensor type names its `empty` value. A masked-out point
    holds it, and a value equal to it is empty. How an empty operand acts on a
    map is the operand's *merge*: `absorb` (the point contributes nothing) or
    `through` (the map sees the empty value as a value). The default follows
    from the algebra of the map region; where it does not, the verifier asks.

    **Precision.** A region sees operands of floating-point types narrower than
    f32 as f32, and reductions accumulate in that type: narrowing happens where
    the result is stored, once.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 0;
  let extraClassDeclaration = [{
    /// The algebraic facts of operations and monoids. Extensions of the dialect
    /// add to it.
    AlgebraRegistry &getAlgebra() { return *algebra; }
    const AlgebraRegistry &getAlgebra() const { return *algebra; }

  private:
    std::shared_ptr<AlgebraRegistry> algebra;

  public:
  }];
}

#endif // DIALECTS_CASCADE_CASCADEDIALECT_TD
