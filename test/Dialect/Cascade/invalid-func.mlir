// Functions: one case a constraint, named after it; then syntax and the generic
// form.
// RUN: attn-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// expected-error @below {{expects arguments that are cascade tensors, index, i32, i64 or f32, but argument 'x' has type 'tensor<4xf32>'}}
cascade.func @func_c1(%x: tensor<4xf32>) {
  cascade.return
}

// -----

// expected-error @below {{expects arguments that are cascade tensors, index, i32, i64 or f32, but argument 'x' has type 'f64'}}
cascade.func @func_c1_f64(%x: f64) {
  cascade.return
}

// -----

// expected-error @below {{expects results that are cascade tensors, but result 'y' has type 'index'}}
cascade.func @func_c1_result(%n: index) -> (y: index) {
  cascade.return
}

// -----

// expected-error @below {{expects results of different names, but got 'x' twice}}
cascade.func @func_c2(%y: !cascade.tensor<[M], f32, empty = 0.0>) -> (x: !cascade.tensor<[M], f32, empty = 0.0>, x: !cascade.tensor<[M], f32, empty = 0.0>) {
  cascade.return %y, %y : !cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], f32, empty = 0.0>
}

// -----

// expected-error @below {{expects arguments of different names, but got 'x' twice}}
cascade.func @func_c2_said(%x: index, %y: index {cascade.name = "x"}) {
  cascade.return
}

// -----

// A caller binds arguments by name: a number that a printer chose is none.
// expected-error @below {{expects a name of letters, digits, '_', '$' and '.' that starts with a letter or '_' for argument #0, but got '0'}}
cascade.func @func_c2_number(%0: index) {
  cascade.return
}

// -----

// expected-error @below {{for argument #0, but got 'a b'}}
cascade.func @func_c2_space(%x: index {cascade.name = "a b"}) {
  cascade.return
}

// -----

cascade.func @func_c3() {
  // expected-note @below {{the other declaration is here}}
  cascade.rank E = 4
  // expected-error @below {{expects rank 'E' to be declared once}}
  cascade.rank E = 8
  cascade.return
}

// -----

cascade.func @func_c4(%x: !cascade.tensor<[M], f32, empty = 0.0>)
    -> (y: !cascade.tensor<[N], f32, empty = 0.0>) {
  // expected-error @below {{expects known ranks, but got 'N' in '!cascade.tensor<[N], f32, empty = 0.0>'; declare it with cascade.rank or check its spelling}}
  %y = cascade.empty : !cascade.tensor<[N], f32, empty = 0.0>
  cascade.return %y : !cascade.tensor<[N], f32, empty = 0.0>
}

// -----

cascade.func @func_c4_list(%idx: !cascade.tensor<[B, T], i32, empty = -1>) {
  // expected-error @below {{expects known ranks, but got 'N'; declare it with cascade.rank or check its spelling}}
  cascade.rank L list %idx[B] of N : !cascade.tensor<[B, T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @func_c4_scan() {
  // expected-error @below {{expects known ranks, but got 'N'; declare it with cascade.rank or check its spelling}}
  cascade.scan N () init ()
    step (%base) {
      cascade.yield
    }
  cascade.return
}

// -----

cascade.func @func_c5(%x: !cascade.tensor<[M], f32, empty = 0.0>)
    -> (y: !cascade.tensor<[M], f32, empty = -inf>) {
  // expected-error @below {{expects values of types ('!cascade.tensor<[M], f32, empty = -inf>') as the function's signature says, but got ('!cascade.tensor<[M], f32, empty = 0.0>')}}
  cascade.return %x : !cascade.tensor<[M], f32, empty = 0.0>
}

// -----

cascade.func @func_c5_none(%x: !cascade.tensor<[M], f32, empty = 0.0>)
    -> (y: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{as the function's signature says, but got ()}}
  cascade.return
}

// -----

cascade.func @func_c5_terminator(%x: index) {
  // expected-error @below {{block with no terminator}}
  cascade.rank M = 4
}

// -----

// expected-error @below {{expects its body to end in cascade.return}}
"cascade.func"() <{sym_name = "func_c5_other", function_type = () -> ()}> ({
  "test.end"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{expects a body}}
cascade.func @func_without_body() {
}

// -----

cascade.func @outer() {
  // expected-error @below {{symbol's parent must have the SymbolTable trait}}
  cascade.func @inner() {
    cascade.return
  }
  cascade.return
}

// -----

cascade.func @func_regions(%n: index) {
  // expected-error @below {{expects to stand outside a cascade, whose operations with regions are cascade.einsum and cascade.scan}}
  scf.for %i = %n to %n step %n {
  }
  cascade.return
}

// -----

cascade.func @unterminated(%x: index) {
  cascade.return
// expected-error @below {{expected operation name in quotes}}
cascade.func @next() {

// -----

// expected-error @below {{expected ':'}}
cascade.func @untyped(%x) {
  cascade.return
}

// -----

// expected-error @below {{expected valid keyword}}
cascade.func @unnamed_result(%x: index) -> (!cascade.tensor<[M], f32, empty = 0.0>) {
  cascade.return
}

// -----

// expected-error @below {{attribute 'function_type' occurs more than once}}
cascade.func @reserved() attributes {function_type = () -> ()} {
  cascade.return
}

// -----

// Without attributes the generic form has no names.
// expected-error @below {{expects a name (attribute 'cascade.name') for argument #0}}
"cascade.func"() <{sym_name = "no_attributes", function_type = (index) -> ()}> ({
^bb0(%x: index):
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{expects a name (attribute 'cascade.name') for argument #0}}
"cascade.func"() <{sym_name = "wrong_name", function_type = (index) -> (), arg_attrs = [{cascade.name = 3 : i32}]}> ({
^bb0(%x: index):
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{Array of dictionary attributes}}
"cascade.func"() <{sym_name = "no_dictionaries", function_type = (index) -> (), arg_attrs = [3 : i32]}> ({
^bb0(%x: index):
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{expects argument attribute array to have the same number of elements as the number of function arguments, got 2, but expected 1}}
"cascade.func"() <{sym_name = "many", function_type = (index) -> (), arg_attrs = [{cascade.name = "x"}, {cascade.name = "y"}]}> ({
^bb0(%x: index):
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{entry block must have 1 arguments to match function signature}}
"cascade.func"() <{sym_name = "block", function_type = (index) -> (), arg_attrs = [{cascade.name = "x"}]}> ({
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{requires attribute 'function_type'}}
"cascade.func"() <{sym_name = "no_type"}> ({
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{type attribute of function type}}
"cascade.func"() <{sym_name = "not_a_function_type", function_type = index}> ({
  "cascade.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{region with 1 blocks}}
"cascade.func"() <{sym_name = "no_region", function_type = () -> ()}> ({
}) : () -> ()

// -----

// expected-error @below {{expects parent op 'cascade.func'}}
cascade.return

// -----

// expected-error @below {{expects tiles of 1 to 16777216 coordinates, but got rows = 64 and keys = -1}}
cascade.func @no_keys() attributes {schedule = #cascade.schedule<rows = 64, keys = -1>} {
  cascade.return
}

// -----

// expected-error @below {{expects tiles of 1 to 16777216 coordinates, but got rows = 16777217 and keys = 0}}
cascade.func @many_rows() attributes {schedule = #cascade.schedule<rows = 16777217>} {
  cascade.return
}

// -----

// expected-error @below {{expects slots and a cluster of 1 to 16 and a split of 0 to 15, but got slots = 0, cluster = 1 and split = 0}}
cascade.func @roles_c1() attributes {roles = #cascade.roles<slots = 0>} {
  cascade.return
}

// -----

// expected-error @below {{expects a bound of at least 0 and tiles of 1 to 16777216 coordinates, but got below = 4, rows = 0 and keys = 0}}
cascade.func @few_rows_c1() attributes {few = #cascade.few_rows<below = 4, rows = 0>} {
  cascade.return
}

// -----

// expected-error @below {{expects an integer of 64 bits as 'cascade.min' of argument 'n', but got 1.000000e+00 : f32}}
cascade.func @func_c7(%n: index {cascade.min = 1.0 : f32}) {
  cascade.return
}

// -----

// expected-error @below {{expects 'cascade.max' on integer scalars, but argument 'x' has type 'f32'}}
cascade.func @func_c7_float(%x: f32 {cascade.max = 1 : index}) {
  cascade.return
}

// -----

// expected-error @below {{expects 'cascade.min' to be at most 'cascade.max', but argument 'n' has 2 and 1}}
cascade.func @func_c7_order(%n: i32 {cascade.min = 2 : i32, cascade.max = 1 : i32}) {
  cascade.return
}

// -----

// expected-error @below {{expects a default inside of its bounds, but argument 'n' has 0}}
cascade.func @func_c7_default(%n: index {cascade.default = 0 : index, cascade.min = 1 : index}) {
  cascade.return
}

// -----

// expected-error @below {{expects 'cascade.fill' on tensors of integers, but argument 'x' has type '!cascade.tensor<[M], f32, empty = 0.0>'}}
cascade.func @func_c8(%x: !cascade.tensor<[M], f32, empty = 0.0> {cascade.fill = affine_map<(d0) -> (d0)>}) {
  cascade.return
}

// -----

// expected-error @below {{expects an affine map of 1 dimensions, at most as many symbols and one result as 'cascade.fill' of argument 'x', but got affine_map<(d0, d1) -> (d0)>}}
cascade.func @func_c8_dimensions(%x: !cascade.tensor<[M], i32, empty = 0> {cascade.fill = affine_map<(d0, d1) -> (d0)>}) {
  cascade.return
}

// -----

// expected-error @below {{of argument 'x', but got affine_map<(d0) -> (d0, d0)>}}
cascade.func @func_c8_results(%x: !cascade.tensor<[M], i32, empty = 0> {cascade.fill = affine_map<(d0) -> (d0, d0)>}) {
  cascade.return
}

// -----

// expected-error @below {{of argument 'x', but got affine_map<(d0)[s0, s1] -> (d0)>}}
cascade.func @func_c8_symbols(%x: !cascade.tensor<[M], i32, empty = 0> {cascade.fill = affine_map<(d0)[s0, s1] -> (d0)>}) {
  cascade.return
}

// -----

// expected-error @below {{expects a dictionary as 'cascade.extents', but got 3 : i64}}
cascade.func @func_c9() attributes {cascade.extents = 3} {
  cascade.return
}

// -----

// expected-error @below {{expects integers of 64 bits and at least 0 in 'cascade.extents', but got -1 : i64 for rank 'M'}}
cascade.func @func_c9_negative(%x: !cascade.tensor<[M], i32, empty = 0>) attributes {cascade.extents = {M = -1}} {
  cascade.return
}

// -----

// expected-error @below {{expects ranks of arguments and results in 'cascade.extents', but got 'N'}}
cascade.func @func_c9_rank(%x: !cascade.tensor<[M], i32, empty = 0>) attributes {cascade.extents = {N = 1}} {
  cascade.return
}

// -----

// expected-error @below {{expects 'cascade.positive' on float scalars, but argument 'n' has type 'index'}}
cascade.func @func_c10(%n: index {cascade.positive}) {
  cascade.return
}

// -----

// expected-error @below {{expects 'cascade.positive' on float scalars, but argument 'x' has type '!cascade.tensor<[M], f32, empty = 0.0>'}}
cascade.func @func_c10_tensor(%x: !cascade.tensor<[M], f32, empty = 0.0> {cascade.positive}) {
  cascade.return
}

// -----

// expected-error @below {{expects 'cascade.rising' on tensors of integers, but argument 'x' has type '!cascade.tensor<[P], f32, empty = 0.0>'}}
cascade.func @func_c11(%x: !cascade.tensor<[P], f32, empty = 0.0> {cascade.rising})
    -> (y: !cascade.tensor<[P], f32, empty = 0.0>) {
  cascade.return %x : !cascade.tensor<[P], f32, empty = 0.0>
}

// -----

// expected-error @below {{expects a dictionary as 'cascade.layouts', but got 1 : i64}}
cascade.func @func_c12() attributes {cascade.layouts = 1} {
  cascade.return
}

// -----

// expected-error @below {{expects layouts in 'cascade.layouts', but got 8 : i64 for rank 'P'}}
cascade.func @func_c12_entry(%x: !cascade.tensor<[P], f32, empty = 0.0>)
    attributes {cascade.layouts = {P = 8}} {
  cascade.return
}

// -----

// expected-error @below {{expects rank 'P' to have a static extent, the points of #cascade.layout<[4, 4] by[2, 2]>}}
cascade.func @func_c12_dynamic(%x: !cascade.tensor<[P], f32, empty = 0.0>)
    attributes {cascade.layouts = {P = #cascade.layout<[4, 4] by [2, 2]>}} {
  cascade.rank P
  cascade.return
}

// -----

// expected-error @below {{expects rank 'P' to have a static extent, the points of #cascade.layout<[4, 4] by[2, 2]>}}
cascade.func @func_c12_points(%x: !cascade.tensor<[P], f32, empty = 0.0>)
    attributes {cascade.layouts = {P = #cascade.layout<[4, 4] by [2, 2]>}} {
  cascade.rank P = 8
  cascade.return
}

// -----

// expected-error @below {{expects one to three axes, each with a positive extent and box, but got extents [4, 0] and boxes [2, 2]}}
#layout = #cascade.layout<[4, 0] by [2, 2]>
