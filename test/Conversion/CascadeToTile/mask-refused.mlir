// Parts of masks that have no bounds, each with its place and what to do.
// RUN: attn-opt %s --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --split-input-file --verify-diagnostics

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @product(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  // expected-error @below {{expects a mask that can be analysed, but 'p * m' is no product with a positive number that 'm' leaves alone}}
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %area = arith.muli %p, %m : index
      %c100 = arith.constant 100 : index
      %r = arith.cmpi sle, %area, %c100 : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @divisor(%q: !Q, %k: !K, %v: !V, %w: index) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      // expected-error @below {{expects a mask that can be analysed, but the quotient is by 'w', which is not known to be positive; give the argument a cascade.min of 1}}
      %y = arith.floordivsi %m, %w : index
      %r = arith.cmpi sle, %y, %p : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

cascade.func @zero(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc, cascade.residual} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c0 = arith.constant 0 : index
      // Nothing computes this.
      // expected-error @below {{expects a mask that can be analysed, but the remainder is by zero}}
      %y = arith.remui %m, %c0 : index
      %r = arith.cmpi sle, %y, %p : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @negative(%q: !Q, %k: !K, %v: !V, %w: index) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c8 = arith.constant 8 : index
      %moved = arith.subi %m, %w : index
      // expected-error @below {{expects a mask that can be analysed, but the remainder is of 'm - w', which may be negative}}
      %y = arith.remui %moved, %c8 : index
      %r = arith.cmpi sle, %y, %p : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @floats(%q: !Q, %k: !K, %v: !V, %t: !cascade.tensor<[P], f32, empty = 0.0>) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      // expected-error @below {{expects a mask that can be analysed, but it reads a tensor of f32, not of integers}}
      %x = cascade.read %t[%p] : !cascade.tensor<[P], f32, empty = 0.0> -> f32
      %i = arith.fptosi %x : f32 to i64
      %y = arith.index_cast %i : i64 to index
      %r = arith.cmpi sle, %m, %y : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @large(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      // expected-error @below {{expects a mask that can be analysed, but a number is beyond 2^31}}
      %c = arith.constant 4294967296 : index
      %r = arith.cmpi sle, %m, %c : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @unsigned(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      // expected-error @below {{expects a mask that can be analysed, but a comparison is unsigned}}
      %r = arith.cmpi ult, %m, %p : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @floats_compared(%q: !Q, %k: !K, %v: !V, %t: !cascade.tensor<[P], f32, empty = 0.0>) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %zero = arith.constant 0.0 : f32
      // expected-error @below {{expects a mask that can be analysed, but it reads a tensor of f32, not of integers}}
      %x = cascade.read %t[%p] : !cascade.tensor<[P], f32, empty = 0.0> -> f32
      %c = arith.cmpf ogt, %x, %zero : f32
      %b = arith.cmpi sle, %m, %p : index
      %r = arith.andi %b, %c : i1
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!W = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, F], f32, empty = 0.0>

// expected-note @below {{with 'cascade.residual' on the function such a part is computed at every point, all tiles being partial}}
cascade.func @overflow(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  // expected-error @below {{expects a mask that can be analysed, but its numbers overflow 64 bits}}
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c = arith.constant 2147483648 : index
      %x = arith.floordivsi %m, %c : index
      %y = arith.floordivsi %x, %c : index
      %z = arith.floordivsi %y, %c : index
      %r = arith.cmpi sle, %z, %p : index
      cascade.yield %r : i1
    }
  %gm = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [h, p, m] = %s[h, p, m], %gm[h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, p] = %n[h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [h, p, m] = %n[h, p, m], %d[h, p] : !W, !D -> !W
    map (%x, %y) {
      %z = arith.divf %x, %y : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, f] = %a[h, p, m], %v[h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}
