// The constraints of cascade.einsum and of the operations in its regions, each
// case named after its constraint.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

cascade.func @einsum_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects operand #0 of type '!cascade.tensor<[M], f32, empty = 0.0>' to have 1 coordinates, but got 2}}
  %y = cascade.einsum [m] = %x[m, p] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c1_output(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects the output of type '!cascade.tensor<[], f32, empty = 0.0>' to have 0 coordinates, but got 1}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c1_table(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects index tensor #0 of type '!cascade.tensor<[M], i32, empty = -1>' to have 1 coordinates, but got 2}}
  %y = cascade.einsum [m] = %x[%t[m, m]] : !cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], i32, empty = -1> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c2(%x: !cascade.tensor<[M], f32, empty = 0.0>, %s: !cascade.tensor<[P, M], f32, empty = 0.0>) {
  // expected-error @below {{expects variable 'i' to range over one rank, but got P (operand #0) and M (operand #1)}}
  %y = cascade.einsum [i] = %s[i, m], %x[i] reduce add : !cascade.tensor<[P, M], f32, empty = 0.0>, !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c2_output(%s: !cascade.tensor<[P, M], f32, empty = 0.0>) {
  // expected-error @below {{expects variable 'm' to range over one rank, but got M (operand #0) and P (the output)}}
  %y = cascade.einsum [m] = %s[p, m] reduce add : !cascade.tensor<[P, M], f32, empty = 0.0> -> !cascade.tensor<[P], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c2_no_rank(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects variable 'i' to be a whole coordinate somewhere, so that it has a rank; it stands in larger expressions only}}
  %y = cascade.einsum [] = %x[i + 1] reduce add : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c3(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a reduction, since variable 'm' is not in the output index}}
  %y = cascade.einsum [] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c3_collision(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a reduction, since the output index is not a list of variables and of entries of index tensors, and points may collide}}
  %y = cascade.einsum [m floordiv 2] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c3_table(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects a reduction, or index tensor #0 to be an argument with 'cascade.distinct', since equal entries make points collide}}
  %y = cascade.einsum [%t[m]] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], i32, empty = -1> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

// One variable has one rank, so an output names it once.

// -----

cascade.func @einsum_c3_twice(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects variable 'm' to range over one rank, but got M (operand #0) and N (the output)}}
  %y = cascade.einsum [m, m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M, N], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c4(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] absorb : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      %c = arith.cmpf olt, %a, %a : f32
      // expected-error @below {{expects one value of type 'f32' from the map region, but got ('i1')}}
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @einsum_c4_none(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] absorb : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      // expected-error @below {{expects one value of type 'f32' from the map region, but got ()}}
      cascade.yield
    }
  cascade.return
}

// -----

cascade.func @einsum_c4_narrow(%x: !cascade.tensor<[M], bf16, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], bf16, empty = 0.0> -> !cascade.tensor<[M], bf16, empty = 0.0>
    map (%a) {
      %b = arith.truncf %a : f32 to bf16
      // expected-error @below {{expects one value of type 'f32' from the map region, but got ('bf16')}}
      cascade.yield %b : bf16
    }
  cascade.return
}

// -----

cascade.func @einsum_c4_default(%x: !cascade.tensor<[M], i32, empty = -1>) {
  // expected-error @below {{expects a map region, since operand #0 is computed in 'i32' and the result in 'f32'}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], i32, empty = -1> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c4_unterminated(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      // expected-error @below {{block with no terminator}}
      %b = arith.addf %a, %a : f32
    }
  cascade.return
}

// -----

cascade.func @einsum_c5(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      %n = arith.index_cast %m : index to i32
      // expected-error @below {{expects one value of type 'i1' from the where region, but got ('i32')}}
      cascade.yield %n : i32
    }
  cascade.return
}

// -----

cascade.func @einsum_c5_arguments(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects its where region to have no arguments, but got 1}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
    ^bb0(%c: i1):
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @einsum_c5_blocks(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{region with at most 1 blocks}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %c = arith.constant true
      cascade.yield %c : i1
    ^bb1:
      %d = arith.constant true
      cascade.yield %d : i1
    }
  cascade.return
}

// -----

cascade.func @einsum_c6(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects a monoid that is defined on 'f32', but got 'and'}}
  %y = cascade.einsum [] = %x[m] reduce and : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c7(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects 'absorb' or 'through' on operand #0, since the map region does not tell what its empty value 0.000000e+00 : f32 does to the result}}
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      %e = math.exp %a : f32
      cascade.yield %e : f32
    }
  cascade.return
}

// -----

cascade.func @einsum_c7_product(%s: !cascade.tensor<[P, M], f32, empty = -inf>, %x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects 'absorb' or 'through' on operand #0, since the map region does not tell what its empty value 0xFF800000 : f32 does to the result}}
  %y = cascade.einsum [p, m] = %s[p, m], %x[m] : !cascade.tensor<[P, M], f32, empty = -inf>, !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[P, M], f32, empty = -inf>
  cascade.return
}

// -----

cascade.func @einsum_c8(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects index tensor #0 to hold integers, but got 'f32'}}
  %y = cascade.einsum [m] = %x[%x[m]] : !cascade.tensor<[M], f32, empty = 0.0>, !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
  cascade.return
}

// -----

cascade.func @einsum_c9(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      %c = arith.constant true
      // expected-error @below {{expects to stand outside a region of cascade.einsum, which is straight-line code}}
      %r = scf.if %c -> f32 {
        scf.yield %a : f32
      } else {
        scf.yield %a : f32
      }
      cascade.yield %r : f32
    }
  cascade.return
}

// -----

cascade.func @einsum_c9_nested(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] absorb : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      // expected-error @below {{expects to stand outside a region of cascade.einsum, which is straight-line code}}
      %z = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
      cascade.yield %a : f32
    }
  cascade.return
}

// -----

cascade.func @einsum_c9_tensor(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] absorb : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      // expected-error @below {{expects to stand outside a region of cascade.einsum, whose values are scalars}}
      %z = cascade.empty : !cascade.tensor<[M], f32, empty = 0.0>
      %c = arith.constant true
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @captured_tensor_as_scalar(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] absorb : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      // expected-error @below {{'arith.addf' op operand #0 must be floating-point-like, but got '!cascade.tensor<[M], f32, empty = 0.0>'}}
      %z = arith.addf %x, %x : !cascade.tensor<[M], f32, empty = 0.0>
      cascade.yield %a : f32
    }
  cascade.return
}

// -----

cascade.func @captured_tensor_yielded(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] absorb : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    map (%a) {
      // expected-error @below {{expects one value of type 'f32' from the map region, but got ('!cascade.tensor<[M], f32, empty = 0.0>')}}
      cascade.yield %x : !cascade.tensor<[M], f32, empty = 0.0>
    }
  cascade.return
}

// -----

cascade.func @index_c1(%s: !cascade.tensor<[P, M], f32, empty = 0.0>) {
  %y = cascade.einsum [p, m] = %s[p, m] : !cascade.tensor<[P, M], f32, empty = 0.0> -> !cascade.tensor<[P, M], f32, empty = 0.0>
    where {
      // expected-error @below {{expects one of the variables p, m, but got 'n'}}
      %n = cascade.index n
      %c = arith.constant true
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @index_outside(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects parent op 'cascade.einsum'}}
  %m = cascade.index m
  cascade.return
}

// -----

cascade.func @read_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], i32, empty = -1>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      // expected-error @below {{expects 1 coordinates for '!cascade.tensor<[M], i32, empty = -1>', but got 2}}
      %l = cascade.read %t[%m, %m] : !cascade.tensor<[M], i32, empty = -1> -> i32
      %c = arith.constant true
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @read_c2(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[M], bf16, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      // expected-error @below {{expects a result of type 'f32', but got 'bf16'}}
      %l = cascade.read %t[%m] : !cascade.tensor<[M], bf16, empty = 0.0> -> bf16
      %c = arith.constant true
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @read_c3(%x: !cascade.tensor<[M], f32, empty = 0.0>, %n: index) {
  // expected-error @below {{expects to stand in a region of cascade.einsum}}
  %l = cascade.read %x[%n] : !cascade.tensor<[M], f32, empty = 0.0> -> f32
  cascade.return
}

// -----

cascade.func @read_coordinate(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %n = arith.constant 0 : i32
      // expected-error @below {{'cascade.read' op operand #1 must be variadic of index, but got 'i32'}}
      %l = "cascade.read"(%x, %n) : (!cascade.tensor<[M], f32, empty = 0.0>, i32) -> f32
      %c = arith.constant true
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @member_c1(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      // expected-error @below {{expects a tensor of integers with at least one rank, but got '!cascade.tensor<[M], f32, empty = 0.0>'}}
      %c = cascade.member %m in %x[] : !cascade.tensor<[M], f32, empty = 0.0>
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @member_c1_scalar(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[], i32, empty = -1>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      // expected-error @below {{expects a tensor of integers with at least one rank, but got '!cascade.tensor<[], i32, empty = -1>'}}
      %c = cascade.member %m in %t[] : !cascade.tensor<[], i32, empty = -1>
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @member_c2(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[B, T], i32, empty = -1>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      // expected-error @below {{expects 1 coordinates, one for each rank but the last, for '!cascade.tensor<[B, T], i32, empty = -1>', but got 2}}
      %c = cascade.member %m in %t[%m, %m] : !cascade.tensor<[B, T], i32, empty = -1>
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @member_c3(%x: !cascade.tensor<[M], f32, empty = 0.0>, %t: !cascade.tensor<[T], i32, empty = -1>) {
  %y = cascade.einsum [m] = %x[m] : !cascade.tensor<[M], f32, empty = 0.0> -> !cascade.tensor<[M], f32, empty = 0.0>
    where {
      %m = cascade.index m
      // expected-error @below {{expects a range of both 'from' and 'to', but got only 'to'}}
      %c = cascade.member %m in %t[] to %m : !cascade.tensor<[T], i32, empty = -1>
      cascade.yield %c : i1
    }
  cascade.return
}

// -----

cascade.func @member_c4(%t: !cascade.tensor<[T], i32, empty = -1>, %n: index) {
  // expected-error @below {{expects to stand in a region of cascade.einsum}}
  %c = cascade.member %n in %t[] : !cascade.tensor<[T], i32, empty = -1>
  cascade.return
}

// -----

cascade.func @yield_outside(%x: !cascade.tensor<[M], f32, empty = 0.0>) {
  // expected-error @below {{expects parent op to be one of 'cascade.einsum, cascade.scan'}}
  cascade.yield
  cascade.return
}
