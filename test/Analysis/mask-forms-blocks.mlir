// The normal forms of masks of blocks: congruences and lists.

// DEFINE: %{variant} =
// DEFINE: %{bind} =
// DEFINE: %{prefix} =
// DEFINE: %{check} = attn-opt %S/../../lib/Variants/%{variant}.mlir --cascade-bind='%{bind}' \
// DEFINE:   --cascade-mask-report=swept=M --cascade-mask-report=swept=P --remarks-filter=cascade-mask-report 2>&1 >/dev/null \
// DEFINE:   | FileCheck %s --check-prefix=%{prefix} --implicit-check-not='Remark='

// Dense heads, local blocks, vertical ones before them.
// REDEFINE: %{variant} = s2
// REDEFINE: %{bind} = scalars=block=16,vertical=8,head_step=1
// REDEFINE: %{prefix} = S2
// RUN: %{check}
// S2: Remark="over M: term 0: m <= p + |M| - |P|; if (h * |G|) + g + dense - (|G| * |H|) >= 0"
// S2: Remark="over M: term 1: 16 * ((p + |M| - |P|) floordiv 16) + 16 - 16 * local <= m <= p + |M| - |P|; if (|G| * |H|) - (h * |G|) - g - dense - 1 >= 0"
// S2: Remark="over M: term 2: m <= min(p + |M| - |P|, 16 * ((p + |M| - |P|) floordiv 16) + 15 - 16 * local); if (|G| * |H|) - (h * |G|) - g - dense - 1 >= 0; (m floordiv 16) + (h * |G|) + g + offset = 0 mod 8"
// S2: Remark="over P: term 0: m + |P| - |M| <= p; if ((m floordiv 16) + (h * |G|) + g + offset) mod 8 = 0"
// S2: Remark="over P: term 1: m + |P| - |M| <= p; if not (((m floordiv 16) + (h * |G|) + g + offset) mod 8 = 0); if (h * |G|) + g + dense - (|G| * |H|) >= 0"
// S2: Remark="over P: term 2: m + |P| - |M| <= p <= |P| + 16 * (m floordiv 16) + 16 * local - |M| - 1; if not (((m floordiv 16) + (h * |G|) + g + offset) mod 8 = 0); if (|G| * |H|) - (h * |G|) - g - dense - 1 >= 0"

// A negative step slides with the key head.
// REDEFINE: %{variant} = s2
// REDEFINE: %{bind} = scalars=block=16,vertical=8,head_step=-1
// REDEFINE: %{prefix} = KEYHEAD
// RUN: %{check}
// KEYHEAD: Remark="over M: term 0: m <= p + |M| - |P|; if (h * |G|) + g + dense - (|G| * |H|) >= 0"
// KEYHEAD: Remark="over M: term 1: 16 * ((p + |M| - |P|) floordiv 16) + 16 - 16 * local <= m <= p + |M| - |P|; if (|G| * |H|) - (h * |G|) - g - dense - 1 >= 0"
// KEYHEAD: Remark="over M: term 2: m <= min(p + |M| - |P|, 16 * ((p + |M| - |P|) floordiv 16) + 15 - 16 * local); if (|G| * |H|) - (h * |G|) - g - dense - 1 >= 0; (m floordiv 16) + h + offset = 0 mod 8"
// KEYHEAD: Remark="over P: term 0: m + |P| - |M| <= p; if ((m floordiv 16) + h + offset) mod 8 = 0"
// KEYHEAD: Remark="over P: term 1: m + |P| - |M| <= p; if not (((m floordiv 16) + h + offset) mod 8 = 0); if (h * |G|) + g + dense - (|G| * |H|) >= 0"
// KEYHEAD: Remark="over P: term 2: m + |P| - |M| <= p <= |P| + 16 * (m floordiv 16) + 16 * local - |M| - 1; if not (((m floordiv 16) + h + offset) mod 8 = 0); if (|G| * |H|) - (h * |G|) - g - dense - 1 >= 0"

// Blocks in a range of one list.
// REDEFINE: %{variant} = block-sparse
// REDEFINE: %{bind} = scalars=block_rows=16,block_cols=16,causal=0
// REDEFINE: %{prefix} = BSR
// RUN: %{check}
// BSR: Remark="over M: term 0: m floordiv 16 in indices[][indptr[h, p floordiv 16] .. indptr[h, (p floordiv 16) + 1])"
// BSR: Remark="over P: term 0: m floordiv 16 in indices[][indptr[h, p floordiv 16] .. indptr[h, (p floordiv 16) + 1])"

// The same before the query.
// REDEFINE: %{variant} = block-sparse
// REDEFINE: %{bind} = scalars=block_rows=16,block_cols=16,causal=1
// REDEFINE: %{prefix} = CAUSAL
// RUN: %{check}
// CAUSAL: Remark="over M: term 0: m <= p + |M| - |P|; m floordiv 16 in indices[][indptr[h, p floordiv 16] .. indptr[h, (p floordiv 16) + 1])"
// CAUSAL: Remark="over P: term 0: m + |P| - |M| <= p; m floordiv 16 in indices[][indptr[h, p floordiv 16] .. indptr[h, (p floordiv 16) + 1])"

// Blocks of a list beside window and sinks.
// REDEFINE: %{variant} = selected-blocks
// REDEFINE: %{bind} = scalars=block=16,rows=16
// REDEFINE: %{prefix} = SELECT
// RUN: %{check}
// SELECT: Remark="over M: term 0: p + |M| + 1 - |P| - window <= m <= p + |M| - |P|"
// SELECT: Remark="over M: term 1: m <= min(p + |M| - |P| - window, sinks - 1)"
// SELECT: Remark="over M: term 2: sinks <= m <= p + |M| - |P| - window; m floordiv 16 in idx[b, h, p floordiv 16]"
// SELECT: Remark="over P: term 0: m + |P| - |M| <= p; if sinks - m - 1 >= 0"
// SELECT: Remark="over P: term 1: m + |P| - |M| <= p <= m + |P| + window - |M| - 1; if m - sinks >= 0"
// SELECT: Remark="over P: term 2: m + |P| + window - |M| <= p; if m - sinks >= 0; m floordiv 16 in idx[b, h, p floordiv 16]"

// Local blocks on both sides, and multiples beyond.
// REDEFINE: %{variant} = s2-bidirectional
// REDEFINE: %{bind} = scalars=block=16,vertical=8
// REDEFINE: %{prefix} = BOTH
// RUN: %{check}
// BOTH: Remark="over M: term 0: 16 * (p floordiv 16) + 16 - 16 * before <= m <= 16 * (p floordiv 16) + 16 * after - 1"
// BOTH: Remark="over M: term 1: m <= 16 * (p floordiv 16) + 15 - 16 * before; (p floordiv 16) + 1 - (m floordiv 16) - before = 0 mod 8"
// BOTH: Remark="over M: term 2: 16 * (p floordiv 16) + 16 * after <= m; (m floordiv 16) + 1 - (p floordiv 16) - after = 0 mod 8"
// BOTH: Remark="over P: term 0: 16 * (m floordiv 16) + 16 - 16 * after <= p <= 16 * (m floordiv 16) + 16 * before - 1"
// BOTH: Remark="over P: term 1: 16 * (m floordiv 16) + 16 * before <= p; (p floordiv 16) + 1 - (m floordiv 16) - before = 0 mod 8"
// BOTH: Remark="over P: term 2: p <= 16 * (m floordiv 16) + 15 - 16 * after; (m floordiv 16) + 1 - (p floordiv 16) - after = 0 mod 8"
