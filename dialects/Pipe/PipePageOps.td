//===- PipePageOps.td - tables that say where pages are ----*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPEPAGEOPS_TD
#define DIALECTS_PIPE_PIPEPAGEOPS_TD

def Pipe_PagesOp : Pipe_Op<"pages"> {
  let summary = "the pages in which a step's rows lie";
  let description = [{
    Rows `position + i * run` on, `run` of them, lie in a page of `size` rows,
    whose number is that of the table at
    `[indices..., (position + i * run) / size]`; -1 where the table has none.

    The lanes of a warp ask for one each, all at once, and nobody waits for them
    until `pipe.page` takes one.

    ```mlir
    %pages = pipe.pages %table[%b] at %base every 16 of 16
      : !pipe.global<?x?xi32> -> !pipe.pages<8>
    %third = pipe.page %pages[2] : !pipe.pages<8>
    ```

    Constraints:
    * (C1) The table's elements are `i32`, and it has one index a dimension but
      for the last.
    * (C2) `run` and `size` are positive.
    * (C3) It stands in a role, and in no `pipe.fill`.
  }];
  let arguments = (ins Pipe_GlobalType:$table, Variadic<I32>:$indices,
                       I32:$position, ConfinedAttr<I64Attr, [IntPositive]>:$run,
                       ConfinedAttr<I64Attr, [IntPositive]>:$size);
  let results = (outs Pipe_PagesType:$pages);
  let assemblyFormat = [{
    $table `[` $indices `]` `at` $position `every` $run `of` $size attr-dict `:`
    type($table) `->` type($pages)
  }];
  let hasVerifier = 1;
}

def Pipe_PageOp : Pipe_Op<"page", [Pure]> {
  let summary = "one of the pages in which a step's rows lie";
  let description = [{
    Constraints:
    * (C1) `number` is less than that of the pages.
    * (C2) It stands in no `pipe.fill`, which one lane may do.
  }];
  let arguments = (ins Pipe_PagesType:$pages, I64Attr:$number);
  let results = (outs I32:$page);
  let assemblyFormat = "$pages `[` $number `]` attr-dict `:` type($pages)";
  let hasVerifier = 1;
}

#endif // DIALECTS_PIPE_PIPEPAGEOPS_TD
