// What is wrong with tables of pages: for debugging, beside kernels that read them.
//
// `fault[b]` is the first entry of sequence b that its length reaches and that is the number of no
// page; -1 if the length is negative, the width of the table if the length reaches beyond it, and +inf if
// nothing is wrong. (f32 holds all entries below 2^24.)

!Table = !cascade.tensor<[B, W], i32, empty = -1>
!Lengths = !cascade.tensor<[B], i32, empty = 0>
!Faults = !cascade.tensor<[B, W], f32, empty = inf>
!First = !cascade.tensor<[B], f32, empty = inf>

cascade.func @check_pages(
    %pages: !Table {cascade.fixed, cascade.fill = affine_map<(d0, d1) -> ((d0 * 7 + d1 * 3) mod 20 - 1)>,
        cascade.doc = "the page of each entry of a sequence"},
    %lengths: !Lengths {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 * 90 - 20)>,
        cascade.doc = "keys of each sequence"},
    %page: index {cascade.min = 1 : index, cascade.default = 16 : index, cascade.doc = "keys of a page"},
    %num_pages: index {cascade.min = 0 : index, cascade.default = 16 : index, cascade.doc = "pages that there are"})
    -> (fault: !First {cascade.fixed}) attributes {reassoc, cascade.extents = {W = 32 : i64}} {
  %width = cascade.extent W
  %most = arith.muli %width, %page : index
  %entries = cascade.einsum [b, w] = %pages[b, w] through : !Table -> !Faults
    map (%entry) {
      %zero = arith.constant 0 : index
      %none = arith.constant 0x7F800000 : f32
      %b = cascade.index b
      %w = cascade.index w
      %id = arith.index_cast %entry : i32 to index
      %length_value = cascade.read %lengths[%b] : !Lengths -> i32
      %length = arith.index_cast %length_value : i32 to index
      %key = arith.muli %w, %page : index
      %is_reached = arith.cmpi slt, %key, %length : index
      %is_negative = arith.cmpi slt, %id, %zero : index
      %is_beyond = arith.cmpi sge, %id, %num_pages : index
      %is_no_page = arith.ori %is_negative, %is_beyond : i1
      %is_fault = arith.andi %is_reached, %is_no_page : i1
      %number = arith.index_cast %w : index to i32
      %place = arith.sitofp %number : i32 to f32
      %fault = arith.select %is_fault, %place, %none : f32
      cascade.yield %fault : f32
    }
  %first = cascade.einsum [b] = %entries[b, w] reduce min : !Faults -> !First
  %fault = cascade.einsum [b] = %first[b] through, %lengths[b] through : !First, !Lengths -> !First
    map (%entry, %value) {
      %zero = arith.constant 0 : index
      %none = arith.constant 0x7F800000 : f32
      %before = arith.constant -1.0 : f32
      %length = arith.index_cast %value : i32 to index
      %is_negative = arith.cmpi slt, %length, %zero : index
      %is_beyond = arith.cmpi sgt, %length, %most : index
      %number = arith.index_cast %width : index to i32
      %end = arith.sitofp %number : i32 to f32
      %long = arith.select %is_beyond, %end, %none : f32
      %wrong = arith.select %is_negative, %before, %long : f32
      %least = arith.minimumf %entry, %wrong : f32
      cascade.yield %least : f32
    }
  cascade.return %fault : !First
}
