//===- PipePasses.td - passes over kernels -----------------*- tablegen -*-===//

#ifndef ATTN_TRANSFORMS_PIPEPASSES_TD
#define ATTN_TRANSFORMS_PIPEPASSES_TD

include "mlir/Pass/PassBase.td"

def GatherAheadPass : Pass<"pipe-gather-ahead", "::attn::pipe::KernelOp"> {
  let summary = "Ask for elements that groups read themselves a step ahead";
  let description = [{
    A `pipe.gather` in a loop of a role with registers to spare, whose coordinates
    follow from the loop's number alone, is done for the next number when a turn
    begins, and one that says where it is, as of pages, for the number after that:
    products and slots are waited for meanwhile. Beyond the last number they may
    give anything, as points beyond a tensor's extents are not read.

    ```mlir
    scf.for %i = %first to %last step %one {
      %z = pipe.mma_wait %product pending(0) : <!tile>
      %at = pipe.splat %i : i32 -> !where
      %scale = pipe.gather %scales[%at] : !pipe.global<?xf32>[!where] -> !tile
      ...
    }
    ```
    becomes
    ```mlir
    %at = pipe.splat %first : i32 -> !where
    %scale0 = pipe.gather %scales[%at] : !pipe.global<?xf32>[!where] -> !tile
    scf.for %i = %first to %last step %one iter_args(%scale = %scale0) {
      %next = arith.addi %i, %one : i32
      %ahead = pipe.splat %next : i32 -> !where
      %scale1 = pipe.gather %scales[%ahead] : !pipe.global<?xf32>[!where] -> !tile
      %z = pipe.mma_wait %product pending(0) : <!tile>
      ...
      scf.yield %scale1 : !tile
    }
    ```
  }];
  let options = [
    Option<"leastRegisters", "least-registers", "int64_t", /*default=*/"200",
           "Registers of a thread of roles that have some to spare">,
    Option<"mostRegisters", "most-registers", "int64_t", /*default=*/"32",
           "Registers of a thread that may hold elements of a next step">,
  ];
  let dependentDialects = ["::attn::pipe::PipeDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect"];
}

def PlaceArraysPass : Pass<"pipe-place-arrays", "::attn::pipe::KernelOp"> {
  let summary = "Move arrays that shared memory has no room for";
  let description = [{
    Where a kernel's arrays, slots and tiles take more than `shared-bytes`, arrays
    become `global`, the largest first. Single work becomes persistent, so that
    there are as many of them as blocks fit the machine, not one an item.

    ```mlir
    %work = pipe.work items(%n) : !pipe.work<single>
    %state = pipe.array : <128x128xf32>
    pipe.role "threads" groups(1) warps(4) registers(248) (%group) {
      %item = pipe.first_item %work : <single>
      ...
    }
    ```
    becomes with `shared-bytes=65000`
    ```mlir
    %work = pipe.work items(%n) : !pipe.work<persistent>
    %state = pipe.array : <128x128xf32, global>
    pipe.role "threads" groups(1) warps(4) registers(248) (%group) {
      %first = pipe.first_item %work : <persistent>
      pipe.work_loop %item = %first {
        ...
        %next = pipe.next_item %work after %item : <persistent>
        pipe.yield %next : i32
      }
    }
    ```
  }];
  let options = [
    Option<"sharedBytes", "shared-bytes", "int64_t", /*default=*/"232448",
           "Bytes of shared memory that a block may have">,
  ];
  let dependentDialects = ["::attn::pipe::PipeDialect"];
}

#endif // ATTN_TRANSFORMS_PIPEPASSES_TD
