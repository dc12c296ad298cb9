//===- PipeDialect.td - the pipe dialect ---------------*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPEDIALECT_TD
#define DIALECTS_PIPE_PIPEDIALECT_TD

include "mlir/IR/OpBase.td"

def PipeDialect : Dialect {
  let name = "pipe";
  let cppNamespace = "::attn::pipe";
  let summary = "When and where work runs: roles, rings, async matrix products";
  let description = [{
    A `pipe.kernel` runs on one block of threads, which it divides into roles.
    Roles meet only through rings of slots in shared memory, turns and work
    items. A group of warps holds tiles in registers: builtin `tensor`s with a
    `#pipe.fragment` encoding that says which lane holds which element, on which
    ops of `arith` and `math` act elementwise. Scalars are uniform over a group.
    Control flow is `scf`.

    Copies into slots and matrix products are asynchronous. A slot is ready when
    its ring says so, and an accumulator is unreachable inside its token until it
    is waited for. Nothing here knows what is computed, and nothing names a
    machine: fragments are stated as data, and a target refuses those that its
    instructions do not have.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

#endif // DIALECTS_PIPE_PIPEDIALECT_TD
