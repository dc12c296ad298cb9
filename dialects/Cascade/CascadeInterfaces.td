//===- CascadeInterfaces.td - algebraic facts of operations -*- tablegen -*-==//

#ifndef DIALECTS_CASCADE_CASCADEINTERFACES_TD
#define DIALECTS_CASCADE_CASCADEINTERFACES_TD

include "mlir/IR/OpBase.td"

def AlgebraOpInterface : OpInterface<"AlgebraOpInterface"> {
  let cppNamespace = "::attn::cascade";
  let description = [{
    An operation of a map region that states its own algebraic facts. Operations
    of dialects that cannot be changed (arith, math) state theirs through the
    dialect's `AlgebraRegistry` instead; the analyses ask both through
    `getScalarFacts`.
  }];
  let methods = [
    InterfaceMethod<"The facts of this operation.",
                    "::attn::cascade::ScalarFacts", "getScalarFacts", (ins)>
  ];
}

#endif // DIALECTS_CASCADE_CASCADEINTERFACES_TD
