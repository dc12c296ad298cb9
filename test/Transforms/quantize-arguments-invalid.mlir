// RUN: attn-opt %s --split-input-file --verify-diagnostics --cascade-quantize-arguments="arguments=k type=e4m3 scales=token"

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
// expected-error @below {{expects a tensor of floats to quantize with the rank 'M' before its last, but 'k' has type '!cascade.tensor<[P, E], f32, empty = 0.0>'}}
cascade.func @no_tokens(%k: !Q) -> (o: !Q) {
  cascade.return %k : !Q
}

// -----

!K = !cascade.tensor<[M, E], f32, empty = -inf>
// expected-error @below {{expects a tensor to quantize with empty value 0, but 'k' has type '!cascade.tensor<[M, E], f32, empty = -inf>'}}
cascade.func @other_empty(%k: !K) -> (o: !K) {
  cascade.return %k : !K
}

// -----

!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!R = !cascade.tensor<[M], f32, empty = 0.0>
// expected-error @below {{expects no argument or result 'k_scale', which scales are to be called; rename it}}
cascade.func @taken(%k: !K, %k_scale: !R) -> (o: !K) {
  cascade.return %k : !K
}

// -----

!K = !cascade.tensor<[M, E], f32, empty = 0.0>
// expected-error @below {{expects an argument of the function to quantize, but got 'k'}}
cascade.func @no_such(%v: !K) -> (o: !K) {
  cascade.return %v : !K
}
