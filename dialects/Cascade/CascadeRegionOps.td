//===- CascadeRegionOps.td - operations of an Einsum's regions -*- tablegen -*-===//

#ifndef DIALECTS_CASCADE_CASCADEREGIONOPS_TD
#define DIALECTS_CASCADE_CASCADEREGIONOPS_TD

def Cascade_IndexOp : Cascade_Op<"index", [Pure, ParentOneOf<["EinsumOp"]>]> {
  let summary = "the coordinate of an Einsum's variable at the present point";
  let description = [{
    `%m = cascade.index m`. (C1) The Einsum has a variable of that name.
  }];
  let arguments = (ins StrAttr:$variable);
  let results = (outs Index:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Cascade_ReadOp : Cascade_Op<"read", [Pure]> {
  let summary = "an element of a tensor inside a region";
  let description = [{
    `%n = cascade.read %lengths[%b] : !T` reads lengths, document numbers and
    tables in predicates and maps. Outside the tensor it reads `empty`.

    Constraints:
    * (C1) There is one coordinate for each rank.
    * (C2) The result has the tensor's compute type.
    * (C3) It stands in a region of an Einsum.
  }];
  let arguments = (ins Cascade_TensorType:$source, Variadic<Index>:$coordinates);
  let results = (outs AnyType:$result);
  let assemblyFormat =
    "$source `[` $coordinates `]` attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Cascade_MemberOp : Cascade_Op<"member", [Pure, AttrSizedOperandSegments]> {
  let summary = "whether a tensor's last rank lists a number";
  let description = [{
    `%in = cascade.member %block in %blocks[%b, %h, %i] : !T` is true if the
    number is an entry of the tensor's last rank at the leading coordinates.
    With a range, only entries `first <= n < last` of that rank count:

    ```mlir
    %first = cascade.read %offsets[%row] : !Offsets -> i32
    ...
    %in = cascade.member %block in %blocks[] from %begin to %end : !Blocks
    ```

    The entries are a set: neither their order nor how often one stands there
    matters. A negative entry is absent, so a negative number is never listed.
    Leading coordinates outside the tensor list nothing, and so does the part of
    a range that is outside it.

    Constraints:
    * (C1) The tensor holds integers and has a rank.
    * (C2) There is one coordinate for each rank but the last.
    * (C3) A range has both ends.
    * (C4) It stands in a region of an Einsum.
  }];
  let arguments = (ins Index:$number, Cascade_TensorType:$source,
                       Variadic<Index>:$coordinates, Optional<Index>:$first,
                       Optional<Index>:$last);
  let results = (outs I1:$result);
  let assemblyFormat = [{
    $number `in` $source `[` $coordinates `]` (`from` $first^)? (`to` $last^)?
    attr-dict `:` type($source)
  }];
  let hasVerifier = 1;
}

def Cascade_YieldOp : Cascade_Op<"yield", [
    Pure, Terminator, ParentOneOf<["EinsumOp", "ScanOp"]>]> {
  let summary = "ends a region of an Einsum or a scan";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
}

#endif // DIALECTS_CASCADE_CASCADEREGIONOPS_TD
