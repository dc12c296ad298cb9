// What is wrong with ranges of queries or of list entries: for debugging, beside kernels that read them.
//
// Range s is `begin[s] <= i < end[s]`. `fault[s]` is 1 if it begins below 0, 2 if it ends before it begins, 3 if
// it ends behind `size`, and 0 if nothing is wrong; of several faults it is the first. Cumulative lengths are such
// ranges, of which both arguments are views: all but the last, and all but the first.

!Numbers = !cascade.tensor<[S], i32, empty = 0>
!Faults = !cascade.tensor<[S], f32, empty = 0.0>

cascade.func @check_ranges(
    %begin: !Numbers {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 * 40 - 20)>,
        cascade.doc = "where each range begins"},
    %end: !Numbers {cascade.fixed, cascade.fill = affine_map<(d0) -> ((d0 * 90) mod 400)>,
        cascade.doc = "behind its last number"},
    %size: index {cascade.min = 0 : index, cascade.default = 300 : index, cascade.doc = "numbers that there are"})
    -> (fault: !Faults {cascade.fixed}) attributes {cascade.extents = {S = 9}} {
  %fault = cascade.einsum [s] = %begin[s] through, %end[s] through : !Numbers, !Numbers -> !Faults
    map (%first, %last) {
      %zero = arith.constant 0 : index
      %right = arith.constant 0.0 : f32
      %below = arith.constant 1.0 : f32
      %decreases = arith.constant 2.0 : f32
      %behind = arith.constant 3.0 : f32
      %from = arith.index_cast %first : i32 to index
      %to = arith.index_cast %last : i32 to index
      %is_behind = arith.cmpi sgt, %to, %size : index
      %ends = arith.select %is_behind, %behind, %right : f32
      %is_decreasing = arith.cmpi slt, %to, %from : index
      %ordered = arith.select %is_decreasing, %decreases, %ends : f32
      %is_below = arith.cmpi slt, %from, %zero : index
      %number = arith.select %is_below, %below, %ordered : f32
      cascade.yield %number : f32
    }
  cascade.return %fault : !Faults
}
