//===- CascadePasses.td - passes over cascades -------------*- tablegen -*-===//

#ifndef ATTN_TRANSFORMS_CASCADEPASSES_TD
#define ATTN_TRANSFORMS_CASCADEPASSES_TD

include "mlir/Pass/PassBase.td"

def BindPass : Pass<"cascade-bind", "::attn::cascade::FuncOp"> {
  let summary = "Fix extents of ranks and the type of the tensors";
  let description = [{
    Declares the extents that `extents` gives (`extents=E=64,F=64`), replaces the
    scalars of `scalars` by their values (`scalars=stride=4`; the arguments stay,
    without uses), and sets the
    element type of the float tensors that a function takes and returns to
    `dtype`: `f32`, `bf16` or `f16`. Tensors whose attributes have
    `cascade.fixed` keep their type, as the logarithm of a softmax's sum and
    tables of angles do. Values in between stay f32: an output is narrowed once,
    where it is stored.

    ```mlir
    // before: !Q = !cascade.tensor<[P, E], f32, empty = 0.0>
    cascade.func @f(%q: !Q) -> (o: !Q) { ... }
    // after --cascade-bind="extents=E=64 dtype=bf16"
    !Q = !cascade.tensor<[P, E], bf16, empty = 0.0>
    cascade.func @f(%q: !Q) -> (o: !Q) { cascade.rank E = 64 ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let options = [
    ListOption<"extents", "extents", "std::string",
               "Extents of ranks, each RANK=INTEGER">,
    ListOption<"scalars", "scalars", "std::string",
               "Values of integer scalars, each NAME=INTEGER">,
    Option<"dtype", "dtype", "std::string", "\"\"",
           "Element type of the arguments and results">
  ];
}

def PageUpdatesPass : Pass<"cascade-page-updates", "::attn::cascade::FuncOp"> {
  let summary = "Put updated tensors into pages";
  let description = [{
    A rank at which an update's output has the entry of an index tensor becomes
    two: the page, which keeps the rank's name, and the place in it, of `size`
    coordinates, which stands before the last rank. The argument and the result
    change alike, and `cascade.extents` counts pages.

    Fails where something else uses the argument too. A function without such
    updates stays as it is.

    ```mlir
    // before: !C = !cascade.tensor<[N, H, E], f32, empty = 0.0>
    %u = cascade.einsum [%slots[t], h, e] = %k[t, h, e] into %cache ...
    // after --cascade-page-updates=size=16
    !C = !cascade.tensor<[N, H, N_place, E], f32, empty = 0.0>
    %u = cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e]
        = %k[t, h, e] into %cache ...
    ```
  }];
  let options = [
    Option<"size", "size", "int64_t", "16", "Coordinates of a page">
  ];
}

def PackRanksPass : Pass<"cascade-pack-ranks", "::attn::cascade::FuncOp"> {
  let summary = "Make rows of one rank out of two";
  let description = [{
    Gives each tensor with ranks `outer` and `inner` one rank for both, whose
    coordinate `r` is `r floordiv width` of the one and `r mod width` of the other,
    so that the queries of all heads that share keys lie in one tile of rows.
    Arguments and results say with `cascade.packing` what the caller has. `inner`
    has `width` coordinates at the most.

    A function stays as it is, and a remark says why, where an Einsum over both
    ranks reads a tensor that has one of them alone or at an expression, or sums
    over one of them.

    ```mlir
    // before: !Q = !cascade.tensor<[H, G, P, E], f32, empty = 0.0>
    cascade.func @f(%q: !Q, %k: !K) -> (s: !S) {
      %s = cascade.einsum [h, g, p, m] = %q[h, g, p, e], %k[h, m, e] reduce add ...
        where {
          %p = cascade.index p
          ...
    // after --cascade-pack-ranks="width=8"
    !Q = !cascade.tensor<[H, P_G, E], f32, empty = 0.0>
    cascade.func @f(%q: !Q {cascade.packing = #cascade.packing<
        8 of "G" in "P" as "P_G" from ["H", "G", "P", "E"]>}, ...) {
      %s = cascade.einsum [h, p_g, m] = %q[h, p_g, e], %k[h, m, e] reduce add ...
        where {
          %r = cascade.index p_g
          %p = arith.floordivsi %r, %c8 : index
          ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let options = [
    Option<"outer", "outer", "std::string", "\"P\"",
           "The rank whose coordinates are quotients">,
    Option<"inner", "inner", "std::string", "\"G\"",
           "The rank whose coordinates are remainders">,
    Option<"width", "width", "int64_t", "8",
           "Coordinates of the inner rank at the most, a power of 2">
  ];
}

def JoinRanksPass : Pass<"cascade-join-ranks", "::attn::cascade::FuncOp"> {
  let summary = "Make one rank of two that a sum is over";
  let description = [{
    Where an Einsum reduces two ranks whose extents are not fixed, and an argument
    has both, as segments of keys and the keys of each, tensors get one rank for
    both in their stead, as `cascade-pack-ranks` does it for rows: one scan then
    runs over all keys of all segments. The one that stands last in the argument
    has `width` coordinates at the most; points at which it has none are masked.

    ```mlir
    // before: !K = !cascade.tensor<[S, H, M, E], f32, empty = 0.0>
    %s = cascade.einsum [h, p, s, m] = %q[h, p, e], %k[s, h, m, e] reduce add ...
    %max = cascade.einsum [h, p] = %s[h, p, s, m] reduce max ...
    // after: !K = !cascade.tensor<[S_M, H, E], f32, empty = 0.0>
    %s = cascade.einsum [h, p, s_m] = %q[h, p, e], %k[s_m, h, e] reduce add ...
      where {
        %r = cascade.index s_m
        %m = arith.remui %r, %width : index
        %nm = cascade.extent M
        %exists = arith.cmpi slt, %m, %nm : index
        cascade.yield %exists : i1
      }
    %max = cascade.einsum [h, p] = %s[h, p, s_m] reduce max ...
    ```

    A remark says why a function keeps such ranks apart.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let options = [
    Option<"width", "width", "int64_t", "1 << 20",
           "Coordinates of the inner rank at the most, a power of 2">
  ];
}

def ChooseSchedulePass : Pass<"cascade-choose-schedule", "::attn::cascade::FuncOp"> {
  let summary = "Fill the fields that a function's schedule lacks";
  let description = [{
    Sets `schedule` from the byte model and the facts of a machine, which the
    options give: see `attn/Analysis/ScheduleChooser.h`. Ranks of rows and keys
    without an extent are taken to be long. A function of which the byte model
    does not speak keeps the schedule that it has; a remark says why.

    ```mlir
    // before
    cascade.func @f(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {...}
    // after --cascade-choose-schedule="buffer=524288 point-bytes=4 flops-per-byte=4.5 row-granule=32 key-granule=8"
    cascade.func @f(...) attributes {reassoc, schedule = #cascade.schedule<rows = 64, keys = 352>} {...}
    ```
  }];
  let options = [
    Option<"buffer", "buffer", "uint64_t", "1048576",
           "Bytes of the buffer of one tile">,
    Option<"onlyGiven", "only-given", "bool", "false",
           "Set `rows` and `keys` where they are given, and choose nothing">,
    ListOption<"extentOptions", "extents", "std::string",
               "Extents of ranks, `B=1,P=1024`">,
    Option<"rows", "rows", "uint64_t", "0",
           "Rows of a tile, whatever the function says (0: not given)">,
    Option<"keys", "keys", "uint64_t", "0",
           "Keys of a step, whatever the function says (0: not given)">,
    Option<"rowGranule", "row-granule", "uint64_t", "1",
           "Tiles have a multiple of so many rows">,
    Option<"keyGranule", "key-granule", "uint64_t", "1",
           "Steps have a multiple of so many keys">,
    Option<"rowsDivide", "rows-divide", "bool", "false",
           "The granules of a tile divide those of the rank">,
    Option<"holdPoints", "hold-points", "bool", "false",
           "Scores and weights take buffer space">,
    Option<"copiesKeys", "copies-keys", "bool", "false",
           "A step's keys take buffer space twice">,
    Option<"pointBytes", "point-bytes", "uint64_t", "0",
           "Buffer space of a score, without hold-points">,
    Option<"flopsPerByte", "flops-per-byte", "double", "0",
           "Operations on f32 that take as long as a byte from memory; tiles are "
           "no larger than hides the bytes (0: as large as fits)">,
    Option<"hasNarrowRate", "narrow-rate", "bool", "false",
           "Products of 16-bit operands go at twice the rate">,
    Option<"fewBelow", "few-below", "uint64_t", "0",
           "Fewer rows than this have a cut of their own (0: none)">,
    Option<"fewBytes", "few-buffer", "uint64_t", "0",
           "Bytes of the scores of that cut">
  ];
}

def ReducePassesPass : Pass<"cascade-reduce-passes", "::attn::cascade::FuncOp"> {
  let summary = "Sweep each rank as few times as algebra allows";
  let description = [{
    A value that is known only after a whole sweep of a rank, and that an Einsum
    over the rank reads, forces a second sweep. This pass takes such barriers
    out of the sums that they reach, if F(a, y) = G(a) * H(y) in an operation
    that distributes over the sum:

    * *defer*: X = (sum of G) * H(y), where G cannot overflow;
    * *rescale*: X is kept up to date by H(y') / H(y) while y grows, the quotient
      being simplified by the laws of its operations.

    The reductions then become one `cascade.scan` a pass, whose merge region
    combines two ranges by the same correction. No operation is known by name
    except through the algebra registry.

    Pre-condition: the function has `reassoc`. A barrier without such a form
    keeps its pass; a remark names the law that fails and where, and the
    finite-rank form if there is one.
  }];
  let options = [
    ListOption<"ranks", "ranks", "std::string",
               "Ranks to reduce; without any, those that are reduced and have "
               "no static extent">,
    Option<"tile", "tile", "int64_t", "256",
           "Coordinates a step of the scans, unless the function's schedule says "
           "`keys`">,
    Option<"deferOnly", "defer-only", "bool", "false",
           "Stop after deferral: no scans">
  ];
}

def CountPassesPass : Pass<"cascade-count-passes", "::attn::cascade::FuncOp"> {
  let summary = "Report the passes over each rank, and why";
  let description = [{
    For each rank of the function: the number of sweeps over its fibers that no
    mapping can avoid, the tensors whose whole fibers live from one pass into a
    later one, and the def-use edges that force each pass. A rank and its parts
    (`cascade.split`, `cascade.merge`, the tile of a `cascade.scan`) are one
    family; sweeps over the parts alone are summary passes and counted apart.

    The IR is left alone. The report is a set of analysis remarks of category
    `cascade-count-passes`:

    ```
    rank M: 3 passes
    rank M: live across pass 1->2: s (P*M words)
    rank M: pass 2 forced by: gm -> n (all of M before any)
    ```
  }];
  let options = [
    ListOption<"extentOptions", "extents", "std::string",
               "Extents of ranks, `M=1024,P=64`, at which to evaluate the "
               "counts of words">
  ];
}

def ReportIoPass : Pass<"cascade-io-report", "::attn::cascade::FuncOp"> {
  let summary = "Report the bytes moved through each level of memory";
  let description = [{
    For each level: the bytes that the best tiles for its buffer move (or those
    of a given schedule), the compulsory bytes (every argument and result once),
    a lower bound, and the ratio of the first to the last. See
    `attn/Analysis/TileChooser.h` for the schedules and the bound, whose constant
    is derived from Saha & Ye's lemmas (arXiv 2402.07443).

    Pre-condition: every rank has a declared or given extent. The IR is left
    alone. The report is a set of analysis remarks of category
    `cascade-io-report`:

    ```
    level L3: moved 402653184 B, compulsory 402653184 B, bound 402653184 B, ratio 1.00
    level L3: streamed, tiles of 1024 of P by 256 of M, 331776 of 16777216 B held
    ```
  }];
  let options = [
    ListOption<"levels", "levels", "std::string",
               "Buffers, `L2=1048576,L3=16777216`, in bytes">,
    ListOption<"extentOptions", "extents", "std::string",
               "Extents of ranks, `B=1,P=1024`">,
    Option<"rowRank", "rows", "std::string", "",
           "The rank whose tiles stay in the buffer (empty: found)">,
    Option<"keyRank", "keys", "std::string", "",
           "The rank that is streamed (empty: found)">,
    Option<"rowGranule", "row-granule", "uint64_t", "1",
           "Tiles have a multiple of so many rows">,
    Option<"keyTile", "key-tile", "uint64_t", "0",
           "Keys of a tile (0: chosen)">,
    Option<"rowTile", "row-tile", "uint64_t", "0",
           "Rows of a tile (0: chosen)">,
    Option<"rowsDivide", "rows-divide", "bool", "false",
           "The granules of a tile divide those of the rank">,
    Option<"holdPoints", "hold-points", "bool", "false",
           "Scores and weights take buffer space too">,
    Option<"unfused", "unfused", "bool", "false",
           "Report the unfused schedule: each pass by itself, what lives across "
           "spilled">,
    ListOption<"scalarOptions", "scalars", "std::string",
               "Values of the function's integer arguments, `window=64`; a mask "
               "that asks for another one counts as absent">
  ];
}

def QuantizeArgumentsPass
    : Pass<"cascade-quantize-arguments", "::attn::cascade::FuncOp"> {
  let summary = "Give arguments 8 bits an element, and scales";
  let description = [{
    Gives the tensors of `arguments` the element type `type` (`e4m3`, `e5m2` or
    `i8`), and the function their scales as arguments of f32 behind them: one for
    each `head`, one for each row (`token`), or one for each row and one for each
    channel of a head (`channel`). What read a tensor reads the product, an Einsum
    like any other.

    ```mlir
    // before: !K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
    cascade.func @f(%q: !Q, %k: !K) -> (s: !S) {
      %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add ...
    // after --cascade-quantize-arguments="arguments=k type=i8 scales=token"
    cascade.func @f(%q: !Q, %k: !K8, %k_scale: !Scale) -> (s: !S) {
      %0 = cascade.einsum [b, h, m, e] = %k[b, h, m, e], %k_scale[b, h, m] ...
        map (%x, %y) {
          %f = arith.sitofp %x : i8 to f32
          %z = arith.mulf %f, %y : f32
          cascade.yield %z : f32
        }
      %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %0[b, h, m, e] reduce add ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let options = [
    ListOption<"arguments", "arguments", "std::string", "Their names">,
    Option<"type", "type", "std::string", "\"e4m3\"", "e4m3, e5m2 or i8">,
    Option<"scales", "scales", "std::string", "\"head\"",
           "What shares a scale: head, token or channel">
  ];
}

def QuantizeUpdatesPass
    : Pass<"cascade-quantize-updates", "::attn::cascade::FuncOp"> {
  let summary = "Store updated tensors in 8 bits an element, with scales";
  let description = [{
    Gives each tensor of floats that the function updates at entries of index
    tensors the element type `type` (`e4m3`, `e5m2` or `i8`), and the function its
    scales behind it: an argument, one for each `head`; or a result that is updated
    with the rows, one for each (`token`), also after a division by a given one for
    each `channel` of a head. An element is the number over its scales, cut to the
    type's range and rounded.

    ```mlir
    // before
    %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through into %cache ...
    // after --cascade-quantize-updates="type=e4m3 scales=token"
    %0 = cascade.einsum [t, h] = %k[t, h, e] through reduce max ... map (%x) {
        %a = math.absf %x : f32
        cascade.yield %a : f32
      }
    %1 = cascade.einsum [t, h] = %0[t, h] through ...     // over 448
    %s = cascade.einsum [%slots[t], h] = %1[t, h] through into %cache_scale ...
    %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through, %1[t, h] through
        into %cache ... map (%x, %y) {
        %z = arith.divf %x, %y : f32                      // and cut to +-448
        ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
  let options = [
    Option<"type", "type", "std::string", "\"e4m3\"", "e4m3, e5m2 or i8">,
    Option<"scales", "scales", "std::string", "\"head\"",
           "What shares a scale: head, token or channel">
  ];
}

def HalveWeightsPass : Pass<"cascade-halve-weights", "::attn::cascade::FuncOp"> {
  let summary = "Round weights beside elements of 8 bits to f16, not bf16";
  let description = [{
    In a function whose `cascade.precision` is bf16 it becomes f16, if all that is
    computed and summed over a sequence beside elements of 8 bits is shown to be at
    most 1; these weights are multiplied by 2^15, and the sums divided. For machines
    that multiply f16 as fast as bf16.

    Pre-condition: the function has `reassoc`; of others nothing changes.

    ```mlir
    %o = cascade.einsum [p, f] = %weights[p, m], %v8[m, f] reduce add : ...
    // becomes
    %0 = cascade.einsum [p, m] = %weights[p, m] map (%x) { %x * 32768 } : ...
    %1 = cascade.einsum [p, f] = %0[p, m], %v8[m, f] reduce add : ...
    %o = cascade.einsum [p, f] = %1[p, f] map (%x) { %x / 32768 } : ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def MoveFactorsPass : Pass<"cascade-move-factors", "::attn::cascade::FuncOp"> {
  let summary = "Take factors out of operands that are products themselves";
  let description = [{
    An operand of a sum of products that is a product of one tensor and factors of
    fewer ranks becomes that tensor, to be read as it lies in memory. A factor that
    has no reduced rank multiplies the sum; another joins an operand that has its
    ranks and is computed anyway, or any where the tensor has elements of 8 bits. An
    operand stays as it is if one of its factors can do neither.

    Beside elements of 8 bits, in a function whose `cascade.precision` is f16, a
    factor that joins weights which are shown to be at most 1 is multiplied by a
    power of two, and the sum divided: else f16 would have no digits for the
    smallest of them.

    Pre-condition: the function has `reassoc`; of others nothing is moved.

    ```mlir
    %k = cascade.einsum [m, e] = %k8[m, e], %rows[m], %channels[e] : ...
    %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : ...
    // becomes
    %0 = cascade.einsum [p, e] = %q[p, e], %channels[e] : ...
    %1 = cascade.einsum [p, m] = %0[p, e], %k8[m, e] reduce add : ...
    %s = cascade.einsum [p, m] = %1[p, m], %rows[m] : ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ReassociatePass : Pass<"cascade-reassociate", "::attn::cascade::FuncOp"> {
  let summary = "Compute chains of products in the cheapest order";
  let description = [{
    Two sums of products, one feeding the other, become the order of fewest
    multiply-adds: (Q K^T) V turns into Q (K^T V) where the sequences are longer
    than the features. Ranks without an extent count as long sequences. Factors
    that are one scalar for all points move behind the products.

    Pre-condition: the function has `reassoc`. What stands between the products
    must be linear: a map that is not (`math.exp`), a predicate on the
    intermediate, a tensor factor or another use keep the order, with a remark
    that says which.

    ```mlir
    %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : ...
    %o = cascade.einsum [p, f] = %s[p, m], %v[m, f] reduce add : ...
    // becomes
    %0 = cascade.einsum [m, e, f] = %k[m, e], %v[m, f] reduce add : ...  // [E, F]
    %o = cascade.einsum [p, e, f] = %0[e, f], %q[p, e] reduce add : ...
    ```
  }];
  let options = [
    ListOption<"extentOptions", "extents", "std::string",
               "Extents of ranks, `M=1024,E=64`, that the function does not "
               "declare">
  ];
}

def SetLayoutPass : Pass<"cascade-set-layout", "::attn::cascade::FuncOp"> {
  let summary = "Write regions for a rank that lies in another order";
  let description = [{
    Predicates and maps speak of the points of a canvas, in row-major order. After
    this pass they take a coordinate of `rank` to be a position in a layout (see
    `attn/Analysis/RankLayout.h`): boxes of `tiles` points one after the other, and
    points of one residue by `dilations` together. The caller's tensors have the
    rank's positions, padding among them, which sees and is seen by nothing. With
    `view` they keep the points in row-major order, and the function says in
    `cascade.layouts` where the positions lie.

    ```mlir
    // before
    %m = cascade.index m
    // after --cascade-set-layout="rank=M extents=4,4 tiles=2,2"
    %n = cascade.index m
    %r1 = arith.remui %n, %c2 : index
    ...
    %m = arith.addi %row, %column : index
    ```
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"", "The rank">,
    ListOption<"extents", "extents", "int64_t",
               "Points of each axis of the canvas">,
    ListOption<"tiles", "tiles", "int64_t",
               "Points of a tile along each axis (1 each)">,
    ListOption<"dilations", "dilations", "int64_t",
               "Distance of neighbours of a group along each axis (1 each)">,
    Option<"view", "view", "bool", "false",
           "Tensors keep the points in row-major order">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ReportMasksPass : Pass<"cascade-mask-report", "::attn::cascade::FuncOp"> {
  let summary = "Report the normal form of each mask";
  let description = [{
    Each predicate over the rank `swept` as a union of disjoint terms (see
    `attn/Analysis/Mask/NormalForm.h`): what bounds and tile classes are derived
    from, and why parts are residual. With the rank of the queries it is the
    transposed form, that of a sweep over queries for each key.

    The IR is left alone. The report is a set of analysis remarks of category
    `cascade-mask-report`:

    ```
    over M: term 0: p - window + |M| - |P| + 1 <= m <= p + |M| - |P|
    ```
  }];
  let options = [Option<"swept", "swept", "std::string", "\"M\"",
                        "The rank that is swept">];
}

#endif // ATTN_TRANSFORMS_CASCADEPASSES_TD
