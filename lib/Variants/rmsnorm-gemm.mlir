// RMSNorm into a GEMM: y = (x / rms(x) * gain) w, in one pass over x.

!X = !cascade.tensor<[B, P, E], f32, empty = 0.0>
!W = !cascade.tensor<[E, F], f32, empty = 0.0>
!Gain = !cascade.tensor<[E], f32, empty = 0.0>
!R = !cascade.tensor<[B, P], f32, empty = 0.0>
!Y = !cascade.tensor<[B, P, F], f32, empty = 0.0>

cascade.func @rmsnorm_gemm(%x: !X, %gain: !Gain {cascade.doc = "factor of each column of x"}, %w: !W,
    %eps: f32 {cascade.default = 1.0e-5 : f32, cascade.doc = "added to the mean square"})
    -> (o: !Y) attributes {reassoc} {
  %ne = cascade.extent E
  %i = arith.index_cast %ne : index to i64
  %count = arith.sitofp %i : i64 to f32
  %squares = cascade.einsum [b, p] = %x[b, p, e] reduce add : !X -> !R
    map (%v) {
      %r = arith.mulf %v, %v : f32
      cascade.yield %r : f32
    }
  %factor = cascade.einsum [b, p] = %squares[b, p] through : !R -> !R
    map (%v) {
      %mean = arith.divf %v, %count : f32
      %shifted = arith.addf %mean, %eps : f32
      %r = math.rsqrt %shifted : f32
      cascade.yield %r : f32
    }
  %normed = cascade.einsum [b, p, e] = %x[b, p, e], %factor[b, p], %gain[e] : !X, !R, !Gain -> !X
  %o = cascade.einsum [b, p, f] = %normed[b, p, e], %w[e, f] reduce add : !X, !W -> !Y
  cascade.return %o : !Y
}
