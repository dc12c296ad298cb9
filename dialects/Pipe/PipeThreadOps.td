//===- PipeThreadOps.td - ordinary threads -------------*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPETHREADOPS_TD
#define DIALECTS_PIPE_PIPETHREADOPS_TD

/// A tensor of which single elements are read and written.
def Pipe_ElementSource : AnyTypeOf<[Pipe_GlobalType, Pipe_ArrayType]>;

def Pipe_ArrayOp : Pipe_Op<"array", [HasParent<"KernelOp">]> {
  let summary = "declares an array in the block's shared memory";
  let description = [{
    Its elements are uninitialised.
  }];
  let results = (outs Pipe_ArrayType:$array);
  let assemblyFormat = "attr-dict `:` type($array)";
}

def Pipe_EachOp : Pipe_Op<"each", [
    SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects]> {
  let summary = "runs a scalar program at each of some points, by all threads";
  let description = [{
    The group's threads share the points of the box `extents`, each point being
    run by one thread, in any order; then all of them meet, so that what was put
    into arrays can be read by any. Where an extent is not positive, there are no
    points. Two points may not put the same element, nor one get what another
    puts.

    ```mlir
    pipe.each %i, %j in %rows, %columns {
      %x = pipe.get %source[%i, %j] : !pipe.global<?x?xf32>
      pipe.put %x -> %copy[%i, %j] : !pipe.array<64x64xf32>
    }
    ```

    Constraints:
    * (C1) The body has one argument of type `i32` for each extent, and there is
      at least one.
    * (C2) Of `pipe`, the body holds nothing but `pipe.get`, `pipe.put` and
      `pipe.clear_row`.
  }];
  let arguments = (ins Variadic<I32>:$extents);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$extents)>];
}

def Pipe_GetOp : Pipe_Op<"get", [TypesMatchWith<
    "result is an element of the source", "source", "element",
    "::attn::pipe::getElementType($_self)">]> {
  let summary = "an element of a tensor or an array";
  let description = [{
    Points beyond the extents of a tensor give zero, or what `else` says; of an
    array there are none. Outside of `pipe.each` all threads of the group get the
    one element.

    ```mlir
    %page = pipe.get %pages[%b, %n] else -1 : i32 : !pipe.global<?x?xi32>
    ```

    Constraints:
    * (C1) One index a dimension.
    * (C2) `else` has the element's type and is of a tensor.
  }];
  let arguments = (ins Arg<Pipe_ElementSource, "", [MemRead]>:$source,
                       Variadic<I32>:$indices,
                       OptionalAttr<TypedAttrInterface>:$beyond);
  let results = (outs AnyTypeOf<[AnySignlessInteger, AnyFloat]>:$element);
  let assemblyFormat = [{
    $source `[` $indices `]` (`else` $beyond^)? attr-dict `:` type($source)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$element, "::mlir::Value":$source,
                                 "::mlir::ValueRange":$indices), [{
    build($_builder, $_state, element, source, indices, ::mlir::TypedAttr());
  }]>];
  let hasVerifier = 1;
}

def Pipe_PutOp : Pipe_Op<"put", [TypesMatchWith<
    "value is an element of the destination", "dest", "value",
    "::attn::pipe::getElementType($_self)">]> {
  let summary = "writes an element of a tensor or an array";
  let description = [{
    Points beyond the extents of a tensor are dropped; of an array there are none.

    Constraints:
    * (C1) One index a dimension.
    * (C2) It stands in a `pipe.each`.
  }];
  let arguments = (ins AnyTypeOf<[AnySignlessInteger, AnyFloat]>:$value,
                       Pipe_ElementSource:$dest, Variadic<I32>:$indices);
  let assemblyFormat = [{
    $value `->` $dest `[` $indices `]` attr-dict `:` type($dest)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_PIPE_PIPETHREADOPS_TD
