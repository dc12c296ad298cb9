//===- CascadeOps.td - operations of the cascade dialect ---*- tablegen -*-===//

#ifndef DIALECTS_CASCADE_CASCADEOPS_TD
#define DIALECTS_CASCADE_CASCADEOPS_TD

include "dialects/Cascade/CascadeAttrs.td"
include "dialects/Cascade/CascadeInterfaces.td"
include "dialects/Cascade/CascadeTypes.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Cascade_Op<string mnemonic, list<Trait> traits = []>
    : Op<CascadeDialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Functions and ranks
//===----------------------------------------------------------------------===//

def Cascade_FuncOp : Cascade_Op<"func", [
    FunctionOpInterface, IsolatedFromAbove,
    OpAsmOpInterface]> {
  let summary = "a function whose body is one cascade";
  let description = [{
    Arguments are tensors and scalars (`index`, `i32`, `i64`, `f32`). The SSA
    names of the arguments and the names of the results are part of the
    function: they are what a caller binds. `reassoc` allows rewrites that are
    equalities over the reals and not over floats. `invariant` asks for results
    whose bits depend on what is computed for them alone: not on which other rows,
    heads or requests are in the call, on where they stand in it, or on how many
    blocks or threads share the work. Where a target cannot promise that, it
    refuses the function.

    Constraints:
    * (C1) Arguments are cascade tensors or scalars; results are cascade tensors.
    * (C2) The names of arguments differ, and those of results; they are of
      letters, digits, `_`, `$` and `.`. A result that has the name of an
      argument (C15) is no tensor of its own.
    * (C3) A rank is declared by one `cascade.rank` at the most.
    * (C4) Every rank of a type in the body is known: it stands in an argument's
      type, is declared, or is made by a `cascade.split`, `cascade.merge` or
      `cascade.select`.
    * (C5) `cascade.return` has the types of the results.
    * (C6) No operations of the body but `cascade.einsum` and `cascade.scan` have
      regions.
    * (C7) `cascade.min` and `cascade.max` are integers, on an argument that is an
      integer scalar; the first is at most the second, and a number that is the
      argument's `cascade.default` is between them.
    * (C8) `cascade.fill` is an affine map of one result, on an argument that is
      a tensor of integers, with a dimension for each rank and at most as many
      symbols.
    * (C9) `cascade.extents` has integers of at least 0 for ranks of arguments
      and results.
    * (C10) `cascade.positive` stands on an argument that is a float scalar.
    * (C11) `cascade.rising` stands on an argument that is a tensor of integers.
    * (C12) `cascade.layouts` gives ranks a `#cascade.layout` of as many points as
      the rank's extent, which is static.
    * (C13) `cascade.pages` stands on a tensor argument and is a `#cascade.pages`
      of one of its ranks by others of them, or of its caller's if it is packed. Table,
      lengths and starts have the names of no argument and no result, but that lengths
      may be an i32 argument of the ranks by which the pages are; tensors that share one
      of them have the same pages.
    * (C14) `cascade.packing` stands on a tensor argument or result, and is a
      `#cascade.packing` whose caller's ranks are the tensor's but for the rank, for
      which its two parts stand. Packings of one rank agree. If the argument lies in
      pages, these are of the inner part by the outer one.
    * (C15) A result that has the name of an argument has its type, and is an
      Einsum `into` it: what the caller gives is updated in place.
    * (C16) `cascade.distinct` stands on an argument that is a tensor of integers.

    `cascade.min` and `cascade.max` are facts: a caller keeps to them, and
    analyses of masks count on them. So is `cascade.positive`: a factor that is
    greater than 0 may be taken out of a maximum; so is `cascade.rising`: no element
    is less than the one before it along the last rank, and the extremes of a
    range are its ends; so is `cascade.distinct`: no number that is at least 0
    stands in it twice; and so is `cascade.reflexive` on the function: each query
    sees the key at its own position, or at its own counted from the ends.
    `cascade.precision` on the function is the type to which a computed factor of
    a product is rounded where the other has elements of 8 bits.
    `cascade.fill` maps coordinates
    (dimensions) and extents (symbols) of a table to the entries that tools make
    up where they are given none, and `cascade.extents` has the extents of such
    tables that they take.

    ```mlir
    cascade.func @rowsum(%x: !cascade.tensor<[P, M], f32, empty = 0.0>)
        -> (y: !cascade.tensor<[P], f32, empty = 0.0>) {
      %y = cascade.einsum [p] = %x[p, m] reduce add
          : !cascade.tensor<[P, M], f32, empty = 0.0>
          -> !cascade.tensor<[P], f32, empty = 0.0>
      cascade.return %y : !cascade.tensor<[P], f32, empty = 0.0>
    }
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    TypeAttrOf<FunctionType>:$function_type,
    OptionalAttr<DictArrayAttr>:$arg_attrs,
    OptionalAttr<DictArrayAttr>:$res_attrs,
    OptionalAttr<StrAttr>:$sym_visibility,
    UnitAttr:$reassoc,
    UnitAttr:$invariant,
    OptionalAttr<Cascade_ScheduleAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }

    /// What a caller calls argument or result number `index`.
    ::llvm::StringRef getArgumentName(unsigned index);
    ::llvm::StringRef getResultName(unsigned index);

    /// Whether arguments have elements of 8 bits, which are widened.
    bool readsByteElements();

    /// The least and the greatest value of scalar argument number `index`, by
    /// `cascade.min` and `cascade.max`, or nothing.
    std::optional<int64_t> getArgumentMin(unsigned index);
    std::optional<int64_t> getArgumentMax(unsigned index);

    /// The `cascade.fill` of argument number `index`, or null.
    ::mlir::AffineMap getArgumentFill(unsigned index);

    /// The number of the argument that result number `index` updates, if it has
    /// the name of one.
    std::optional<unsigned> getUpdatedArgument(unsigned index);

    /// The attributes that describe result number `index`: those of the argument
    /// that it updates, or its own.
    ::mlir::DictionaryAttr getResultDescription(unsigned index);

    /// The declaration of the rank called `name`, or null.
    RankOp getRankDeclaration(::llvm::StringRef name);

    /// The static extent of the rank called `name`, or nothing.
    std::optional<int64_t> getStaticExtent(::llvm::StringRef name);

    // OpAsmOpInterface
    void getAsmBlockArgumentNames(::mlir::Region &region,
                                  ::mlir::OpAsmSetValueNameFn setName);

    static constexpr ::llvm::StringLiteral kNameAttr = "cascade.name";
    static constexpr ::llvm::StringLiteral kMinAttr = "cascade.min";
    static constexpr ::llvm::StringLiteral kPositiveAttr = "cascade.positive";
    static constexpr ::llvm::StringLiteral kRisingAttr = "cascade.rising";
    static constexpr ::llvm::StringLiteral kDistinctAttr = "cascade.distinct";
    static constexpr ::llvm::StringLiteral kMaxAttr = "cascade.max";
    static constexpr ::llvm::StringLiteral kFillAttr = "cascade.fill";
    static constexpr ::llvm::StringLiteral kExtentsAttr = "cascade.extents";
    static constexpr ::llvm::StringLiteral kPrecisionAttr = "cascade.precision";

    static constexpr int64_t kMaxWhole = 1024;
    /// Whether rank `rank` is a dimension of tiles as a whole: its extent is
    /// static and no more than `kMaxWhole`, and it has no layout.
    bool isWhole(::llvm::StringRef rank);
    /// The layout of rank `rank`, if `cascade.layouts` has one.
    LayoutAttr getLayout(::llvm::StringRef rank);
    /// The pages in which argument number `index` lies, or null.
    PagesAttr getPages(unsigned index);
    /// How argument or result number `index` is packed, or null.
    PackingAttr getArgumentPacking(unsigned index);
    PackingAttr getResultPacking(unsigned index);
    /// How rank `rank` of arguments or results is packed, or null.
    PackingAttr getPacking(::llvm::StringRef rank);

  private:
    ::llvm::LogicalResult verifyBounds(unsigned argument);
    ::llvm::LogicalResult verifyFill(unsigned argument);
    ::llvm::LogicalResult verifyExtents();
    ::llvm::LogicalResult verifyLayouts();
    ::llvm::LogicalResult verifyPages();
    ::llvm::LogicalResult verifyPackings();
    ::llvm::LogicalResult verifyUpdates();

  public:
  }];
}

def Cascade_ReturnOp : Cascade_Op<"return", [
    Pure, Terminator, HasParent<"FuncOp">]> {
  let summary = "ends a cascade";
  let arguments = (ins Variadic<Cascade_TensorType>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
}

def Cascade_RankOp : Cascade_Op<"rank", [HasParent<"FuncOp">]> {
  let summary = "declares a rank";
  let description = [{
    ```mlir
    cascade.rank E = 64                // dense, of static extent
    cascade.rank M0 = 256              // likewise: the tile of a split
    cascade.rank S                     // dense; extent bound by its users
    cascade.rank M ragged %cu[B] : !T  // extent cu[b + 1] - cu[b]
    cascade.rank M list %idx[B, P] of N : !T  // coordinates idx[b, p, :] of rank N
    ```
    A ragged rank's coordinates start at 0 for each outer coordinate; `offsets`
    has one entry more than the outer rank has coordinates. A list rank's
    coordinates are the entries of the tensor's last rank, -1 being empty.

    Constraints:
    * (C1) A static extent is at least 1, and of a dense rank.
    * (C2) `offsets` of a ragged rank is an integer tensor with just the ranks
      that `outer` names; that of a list rank has one more, its last.
    * (C3) Only a list rank names the rank `of` which it lists coordinates, and
      that is another one.
    * (C4) Names are of letters, digits, `_`, `$` and `.`.
  }];
  let arguments = (ins
    StrAttr:$name,
    DefaultValuedAttr<Cascade_RankKind, "RankKind::Dense">:$kind,
    OptionalAttr<I64Attr>:$extent,
    Optional<Cascade_TensorType>:$source,
    DefaultValuedAttr<StrArrayAttr, "{}">:$outer,
    OptionalAttr<StrAttr>:$of);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Cascade_ExtentOp : Cascade_Op<"extent", [Pure]> {
  let summary = "the extent of a rank";
  let description = [{
    `cascade.extent M` is the number of coordinates of the rank. In a region of
    an Einsum a ragged rank's extent is that at the present point. Of a packed
    rank the two that the caller has in its place have extents as well.
  }];
  let arguments = (ins StrAttr:$rank);
  let results = (outs Index:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

def Cascade_EinsumOp : Cascade_Op<"einsum", [
    Pure, AttrSizedOperandSegments]> {
  let summary = "an extended Einsum: map, then reduce colliding points";
  let description = [{
    The iteration space is the product of the variables' ranks. At each point
    for which `where` holds, the operands are read at their index expressions,
    the map region combines them, and points that meet at one output coordinate
    are reduced by the monoid. No order is implied.

    ```mlir
    %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e]
        reduce add : !Q, !K -> !S
      where {
        %p = cascade.index p
        %m = cascade.index m
        %visible = arith.cmpi sle, %m, %p : index
        cascade.yield %visible : i1
      }
    %n = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m], %gm[b, h, g, p] absorb
        : !S, !M -> !N
      map (%x, %y) {
        %d = arith.subf %x, %y : f32
        %r = math.exp %d : f32
        cascade.yield %r : f32
      }
    ```

    An index expression is affine in the variables, and may read an index
    tensor: `%k[%table[b, m1], m0, e]`. A coordinate outside its rank, or a
    negative entry of an index tensor, reads as empty; an output coordinate
    outside its rank is dropped. Colliding output points are reduced, which
    makes the adjoint of a gather an Einsum too.

    `into %cache` updates a tensor: an output point that no point reaches, or
    above which `where` holds nowhere, keeps what `%cache` has there, and a
    reduction goes on from it. New rows of a paged cache, whose slots are numbers
    of pages times 16 and places in them (a slot of -1 is dropped):

    ```mlir
    %updated = cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e]
        = %rows[t, h, e] into %cache : !Rows, !Slots, !Cache -> !Cache
    ```

    An absent map region means the product of the operands (the operand itself
    if there is one). An output point is `empty` if `where` holds nowhere above
    it or, without a reduction, if an operand absorbed it; otherwise it is the
    fold of the contributing points, starting from the monoid's identity.

    Constraints:
    * (C1) Each operand has one index expression for each rank of its type, and
      the output likewise.
    * (C2) Variables have different names. All bare uses of a variable bind it
      to one rank, and each variable has a bare use.
    * (C3) Without a reduction no points collide. The output index then is a list
      of variables, integers and entries of index tensors that are arguments with
      `cascade.distinct`; an entry stands in it as it is, or as its quotient and
      its remainder by one number. Each variable is in the list, or a coordinate
      by itself of an entry.
    * (C4) The map region has one argument for each operand, of the operand's
      compute type, and yields the result's compute type.
    * (C5) `where` has no arguments and yields `i1`.
    * (C6) The monoid is defined on the result's element type.
    * (C7) The effect of an empty operand follows from the algebra of the map
      region, or is said with `absorb` or `through`.
    * (C8) Index tensors hold integers.
    * (C9) The regions are straight-line code over scalars.
    * (C10) `into` has the result's type.
  }];
  let arguments = (ins
    Variadic<Cascade_TensorType>:$inputs,
    Variadic<Cascade_TensorType>:$indices,
    Optional<Cascade_TensorType>:$into,
    StrArrayAttr:$variables,
    AffineMapArrayAttr:$indexing_maps,
    DenseI32ArrayAttr:$merges,
    OptionalAttr<Cascade_MonoidAttr>:$monoid);
  let results = (outs Cascade_TensorType:$result);
  let regions = (region MaxSizedRegion<1>:$where, MaxSizedRegion<1>:$map);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    /// Maps from variables (dimensions) and entries of index tensors (symbols)
    /// to coordinates.
    ::mlir::AffineMap getInputMap(unsigned input);
    ::mlir::AffineMap getIndexMap(unsigned index);
    ::mlir::AffineMap getOutputMap();

    unsigned getNumVariables() { return getVariables().size(); }
    ::llvm::StringRef getVariable(unsigned i);
    std::optional<unsigned> getVariablePosition(::llvm::StringRef name);

    /// The rank that variable `i` ranges over.
    ::mlir::StringAttr getVariableRank(unsigned i);

    /// True for each variable that the output index of a reduction does not use:
    /// the reduced ones.
    bool isReduced(unsigned variable);

    /// What an empty value of input `i` does, said or derived. `Derived` is
    /// never returned for a verified operation.
    Merge getMerge(unsigned input);

    bool hasWhere() { return !getWhere().empty(); }
    bool hasMap() { return !getMap().empty(); }
  }];
}

include "dialects/Cascade/CascadeRegionOps.td"

//===----------------------------------------------------------------------===//
// Ranks apart and together, selection
//===----------------------------------------------------------------------===//

def Cascade_EmptyOp : Cascade_Op<"empty", [Pure]> {
  let summary = "a tensor that is empty everywhere";
  let description = [{
    `%m = cascade.empty : !cascade.tensor<[B, P], f32, empty = -inf>`: what a
    reduction holds before its first point.
  }];
  let results = (outs Cascade_TensorType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Cascade_SplitOp : Cascade_Op<"split", [Pure]> {
  let summary = "cuts a rank in two";
  let description = [{
    `cascade.split %k M into M1, M0 : !K -> !BK` views coordinate `m` as
    `m1 * |M0| + m0`. `M0` has a static extent; the points of the last fiber
    beyond `|M|` are empty.

    Constraints:
    * (C1) The source has the rank, the result has both parts in its place and
      is the same otherwise.
    * (C2) The inner rank is declared with a static extent.
  }];
  let arguments = (ins Cascade_TensorType:$source, StrAttr:$rank, StrAttr:$outer,
                       StrAttr:$inner);
  let results = (outs Cascade_TensorType:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cascade_MergeOp : Cascade_Op<"merge", [Pure]> {
  let summary = "joins two neighbouring ranks into one";
  let description = [{
    `cascade.merge %q G, P into R : !Q -> !R` views coordinates `(g, p)` as
    `g * |P| + p`. (C1) The source has both ranks, next to each other; the
    result has the joint rank, a new one, in their place and is the same
    otherwise.
  }];
  let arguments = (ins Cascade_TensorType:$source, StrAttr:$outer, StrAttr:$inner,
                       StrAttr:$rank);
  let results = (outs Cascade_TensorType:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Cascade_SelectOp : Cascade_Op<"select", [Pure]> {
  let summary = "the coordinates of the largest entries of each fiber";
  let description = [{
    `cascade.select %s M into T : !S -> !I` gives, for each fiber of rank `M`,
    the coordinates of its `|T|` largest entries in ascending order of
    coordinate; ties go to the smaller coordinate, and entries beyond the number
    of non-empty ones are -1. It has no derivative.

    Constraints:
    * (C1) The result has the list rank in the place of the source's rank.
    * (C2) The list rank is declared with a static extent.
    * (C3) The result holds integers with `empty = -1`.
  }];
  let arguments = (ins Cascade_TensorType:$source, StrAttr:$rank, StrAttr:$list);
  let results = (outs Cascade_TensorType:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Iteration
//===----------------------------------------------------------------------===//

def Cascade_ScanOp : Cascade_Op<"scan", [
    Pure, AttrSizedOperandSegments]> {
  let summary = "an iterative rank: carries along one rank, tile by tile";
  let description = [{
    Sweeps one rank once. The rank is cut into tiles of the static extent of the
    rank `by` (the last one may be shorter), or into single coordinates when
    `by` is absent. Each step sees the coordinate at which its tile starts, the
    inputs' slices (the rank replaced by `by`, or dropped) and the carries; it
    yields the next carries and its slices of the emitted results.

    ```mlir
    %m, %d = cascade.scan M by M0 (%k : !K) init (%m0, %d0 : !R, !D) -> !R, !D
      step (%base, %kt, %rm, %rd) {
        ...
        cascade.yield %rm1, %rd1 : !R, !D
      }
      merge (%ma, %da, %mb, %db) { ... cascade.yield %m, %d : !R, !D }
    ```

    `merge`, where present, is an associative operation on carries for which
    the scan of two neighbouring ranges is the merge of their scans, each
    started from `init`: it is what lets the rank be split. The coordinate
    variables of the rank `by` are local to the tile: the global coordinate is
    the base plus the variable.

    Constraints:
    * (C1) Each input has the rank; `by`, if present, is another one that none
      of them has, declared with a static extent.
    * (C2) Carries keep their types: `init`, the step's arguments, its yield and
      the first results agree.
    * (C3) An emitted result has the rank where its slice has `by`; without `by`
      the rank is its first.
    * (C4) `merge` takes and yields carries; a scan with emitted results has no
      merge.
  }];
  let arguments = (ins
    StrAttr:$rank,
    OptionalAttr<StrAttr>:$by,
    DefaultValuedAttr<Cascade_ScanOrder, "ScanOrder::Ascending">:$order,
    Variadic<Cascade_TensorType>:$inputs,
    Variadic<Cascade_TensorType>:$inits);
  let results = (outs Variadic<Cascade_TensorType>:$results);
  let regions = (region SizedRegion<1>:$step, MaxSizedRegion<1>:$merge);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    unsigned getNumCarries() { return getInits().size(); }
    unsigned getNumEmits() { return getNumResults() - getNumCarries(); }
    bool hasMerge() { return !getMerge().empty(); }

    /// Arguments of the step region.
    ::mlir::BlockArgument getBase() { return getStep().getArgument(0); }
    ::mlir::BlockArgument getSlice(unsigned input) {
      return getStep().getArgument(1 + input);
    }
    ::mlir::BlockArgument getCarry(unsigned carry) {
      return getStep().getArgument(1 + getInputs().size() + carry);
    }

    /// The type of a step's slice of a tensor of type `whole`.
    NamedTensorType getSliceType(NamedTensorType whole);
  }];
}

#endif // DIALECTS_CASCADE_CASCADEOPS_TD
