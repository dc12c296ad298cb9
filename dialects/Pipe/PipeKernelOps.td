//===- PipeKernelOps.td - kernels, roles and work ------*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPEKERNELOPS_TD
#define DIALECTS_PIPE_PIPEKERNELOPS_TD

include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"

def Pipe_KernelOp : Pipe_Op<"kernel", [
    FunctionOpInterface, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "a program for one block of threads";
  let description = [{
    The body computes scalars, declares rings, shared tiles, turns and work, and
    ends in the roles, which run at the same time.

    Arguments:
    * a `!pipe.global` is a tensor of the caller's. `pipe.name` is its name,
      `pipe.access` is `"read"`, `"write"`, `"update"` (written, and kept where
      nothing is) or, of memory that the kernels of one launch share,
      `"workspace"`, and `pipe.shape` its shape: names of ranks or integers. `pipe.most = {G = 8}` says that the kernel covers a rank `G` of
      the shape up to 8;
    * an integer or float is a scalar given by the caller, with a `pipe.name`.

    `cluster(n)` launches blocks in clusters of `n` neighbours. With `blocks(n)` a
    multiprocessor has `n` blocks at once, each with its part of the registers
    and of shared memory: of dynamic work and of a stream as many are launched.

    Constraints:
    * (C1) Every argument has a `pipe.name`, all distinct.
    * (C2) A `!pipe.global` has `pipe.access`, and a `pipe.shape` with one entry a
      dimension that agrees with the type's static dimensions. Its `pipe.most`
      bounds ranks of the shape by positive integers.
    * (C3) There is at least one role, and nothing but roles after the first.
    * (C4) There is at most one `pipe.work`, and it precedes the roles.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "1">:$cluster,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive, IntMaxValue<32>]>, "1">:$blocks,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() {
      return getFunctionType().getInputs();
    }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return {}; }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The name of argument `i`.
    ::llvm::StringRef getArgumentName(unsigned i);
    /// The work declaration, if there is one.
    WorkOp getWork();
  }];
}

def Pipe_RoleOp : Pipe_Op<"role", [
    SingleBlockImplicitTerminator<"YieldOp">, HasParent<"KernelOp">]> {
  let summary = "what some of a block's warps do";
  let description = [{
    `groups` groups of `warps` warps each run the body, the number of their group
    as its argument. A role of one warp does each of its ops once, from one lane.
    `registers` is the budget of one thread, where the target can set one for each
    role.

    ```mlir
    pipe.role "mma" groups(2) warps(4) registers(240) (%group) { ... }
    ```

    Constraints:
    * (C1) `groups`, `warps` and `registers` are positive.
    * (C2) The body has one argument, of type `i32`.
  }];
  let arguments = (ins StrAttr:$name,
                       ConfinedAttr<I64Attr, [IntPositive]>:$groups,
                       ConfinedAttr<I64Attr, [IntPositive]>:$warps,
                       ConfinedAttr<I64Attr, [IntPositive]>:$registers);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::BlockArgument getGroup() { return getBody().getArgument(0); }
  }];
}

def Pipe_YieldOp : Pipe_Op<"yield", [
    Pure, Terminator,
    ParentOneOf<["KernelOp", "RoleOp", "FillOp", "WorkLoopOp", "EachOp",
                 "WorkOp", "MeetOp", "SumOp", "LocateOp", "IfAnyOp"]>]> {
  let summary = "ends a region of a pipe op and gives its results";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, ::mlir::ValueRange());
  }]>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Pipe_WorkOp : Pipe_Op<"work", [HasParent<"KernelOp">]> {
  let summary = "declares the work items of a launch";
  let description = [{
    Items are numbered 0 .. `items` - 1. Each is done by one block, of a stream by
    several:
    * `single`: block `i` does item `i`, and there are as many blocks as items;
    * `persistent`: the blocks that fit the machine take every n-th item;
    * `dynamic`: such blocks take the next item not yet taken, in order, so that
      items in order of descending length end together;
    * `split`: such blocks take runs of neighbouring items, equal in number but
      for one: where items are the steps of several tasks in one line, each block
      does an equal share of the work, and a task may end in another block;
    * `stream`: an item has as many steps as `steps` says of it. The steps of all
      items form one line, of which each block that fits the machine does a run,
      equal in number but for one: an item's steps may be those of several blocks,
      which `pipe.meet`. Of several blocks that a multiprocessor has, all but one
      may have none where steps are few. With `alike(%n)`, the first `n` items have equal numbers
      of steps, the next `n` too, and so on. Lengths that `steps` reads are read
      by the device, so that a launch can be repeated with others. With
      `lead(n)`, an item counts in the line as `n` steps more than it has,
      before its first one: what its beginning and end cost, which is no step of
      any block; but where all items have no more steps than there are blocks,
      each block does one at the most.

    ```mlir
    %work = pipe.work items(%n) alike(%heads) : !pipe.work<stream> steps {
    ^bb0(%item: i32):
      %request = arith.divui %item, %heads : i32
      %length = pipe.get %lengths[%request] : !pipe.global<?xi32>
      %steps = arith.ceildivui %length, %c128 : i32
      %some = arith.maxui %steps, %c1 : i32
      pipe.yield %some : i32
    }
    ```

    The order of items is what the program computes from their numbers. Where
    there are no items, nothing is launched.

    Constraints:
    * (C1) Of split work and of a stream, clusters are of one block.
    * (C2) A stream, and no other work, has `steps`: from an item's number, an
      `i32`, to a positive one. It does nothing that others can see, as each block
      may ask it of any item, and gets no elements of arrays.
    * (C3) Only a stream has `alike`.
    * (C4) Only a stream has `lead`, which is not negative.
  }];
  let arguments = (ins I32:$items, Optional<I32>:$alike,
                       DefaultValuedAttr<I64Attr, "0">:$lead);
  let results = (outs Pipe_WorkType:$work);
  let regions = (region AnyRegion:$steps);
  let assemblyFormat = [{
    `items` `(` $items `)` (`alike` `(` $alike^ `)`)? (`lead` `(` $lead^ `)`)?
    attr-dict `:` type($work) (`steps` $steps^)?
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "WorkType":$work, "::mlir::Value":$items,
                                 CArg<"::mlir::Value", "{}">:$alike,
                                 CArg<"int64_t", "0">:$lead)>];
  let hasRegionVerifier = 1;
}

def Pipe_FirstItemOp : Pipe_Op<"first_item", [Pure]> {
  let summary = "the first item of this block";
  let description = [{
    Constraints:
    * (C1) The work is no stream, whose items have parts.
  }];
  let arguments = (ins Pipe_WorkType:$work);
  let results = (outs I32:$item);
  let assemblyFormat = "$work attr-dict `:` type($work)";
  let hasVerifier = 1;
}

def Pipe_NextItemOp : Pipe_Op<"next_item"> {
  let summary = "the item after `item` of this block, or -1";
  let description = [{
    Constraints:
    * (C1) The work is no stream, whose items have parts.
    * (C2) Of dynamic work, only one op of one role of one group may take items:
      others learn of them through a ring's messages.
  }];
  let arguments = (ins Pipe_WorkType:$work, I32:$item);
  let results = (outs I32:$next);
  let assemblyFormat = "$work `after` $item attr-dict `:` type($work)";
  let hasVerifier = 1;
}

def Pipe_WorkLoopOp : Pipe_Op<"work_loop", [
    SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects]> {
  let summary = "does items until there is none";
  let description = [{
    Runs the body with item `first`, then with the item that the body yields
    first, until that is negative. Other values are carried as by `scf.for`; the
    results are those that the last run yields.

    ```mlir
    %r = pipe.work_loop %item = %first iter_args(%c = %c0) -> (!pipe.cursor<2>) {
      ...
      pipe.yield %next, %c1 : i32, !pipe.cursor<2>
    }
    ```

    Constraints:
    * (C1) The body's arguments and what it yields are an `i32`, then one value
      for each of `inits`, of its type.
  }];
  let arguments = (ins I32:$first, Variadic<AnyType>:$inits);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Pipe_DimOp : Pipe_Op<"dim", [Pure]> {
  let summary = "an extent of a tensor in global memory";
  let description = [{
    Constraints:
    * (C1) `index` is less than the rank of `source`.
  }];
  let arguments = (ins Pipe_GlobalType:$source, I64Attr:$index);
  let results = (outs I32:$extent);
  let assemblyFormat = "$source `,` $index attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def Pipe_BlockInClusterOp : Pipe_Op<"block_in_cluster", [Pure]> {
  let summary = "the number of this block in its cluster";
  let results = (outs I32:$rank);
  let assemblyFormat = "attr-dict";
}

//===-- Turns ---------------------------------------------------------------===//

def Pipe_TurnOp : Pipe_Op<"turn", [HasParent<"KernelOp">]> {
  let summary = "declares a turn, which group 0 has first";
  let results = (outs Pipe_TurnType:$turn);
  let assemblyFormat = "attr-dict `:` type($turn)";
}

def Pipe_TakeTurnOp : Pipe_Op<"take_turn"> {
  let summary = "waits until it is this group's turn";
  let arguments = (ins Pipe_TurnType:$turn, I32:$group);
  let assemblyFormat = "$turn `by` $group attr-dict `:` type($turn)";
}

def Pipe_PassTurnOp : Pipe_Op<"pass_turn"> {
  let summary = "gives the turn to the group after `group`";
  let arguments = (ins Pipe_TurnType:$turn, I32:$group);
  let assemblyFormat = "$turn `by` $group attr-dict `:` type($turn)";
}

#endif // DIALECTS_PIPE_PIPEKERNELOPS_TD
