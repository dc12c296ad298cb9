// The normal forms of masks whose numbers stand in tables: of a head, of a
// sequence, of a token.

// DEFINE: %{variant} =
// DEFINE: %{bind} =
// DEFINE: %{prefix} =
// DEFINE: %{check} = attn-opt %S/../../lib/Variants/%{variant}.mlir --cascade-bind='%{bind}' \
// DEFINE:   --cascade-mask-report=swept=M --cascade-mask-report=swept=P --remarks-filter=cascade-mask-report 2>&1 >/dev/null \
// DEFINE:   | FileCheck %s --check-prefix=%{prefix} --implicit-check-not='Remark='

// A head's kind is a guard.
// REDEFINE: %{variant} = duo
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = DUO
// RUN: %{check}
// DUO: Remark="over M: term 0: m <= p + |M| - |P|; if not (retrieval[h, g] = 0)"
// DUO: Remark="over M: term 1: p + |M| + 1 - |P| - recent <= m <= p + |M| - |P|; if retrieval[h, g] = 0"
// DUO: Remark="over M: term 2: m <= min(p + |M| - |P| - recent, sinks - 1); if retrieval[h, g] = 0"
// DUO: Remark="over P: term 0: m + |P| - |M| <= p; if sinks - m - 1 >= 0"
// DUO: Remark="over P: term 1: m + |P| - |M| <= p; if m - sinks >= 0; if not (retrieval[h, g] = 0)"
// DUO: Remark="over P: term 2: m + |P| - |M| <= p <= m + |P| + recent - |M| - 1; if m - sinks >= 0; if retrieval[h, g] = 0"

// Spans are not known to be positive: the causal bound stays.
// REDEFINE: %{variant} = moa
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = MOA
// RUN: %{check}
// MOA: Remark="over M: term 0: p + |M| + 1 - |P| - spans[h, g] <= m <= p + |M| - |P|"
// MOA: Remark="over M: term 1: m <= min(p + |M| - |P|, p + |M| - |P| - spans[h, g], globals[h, g] - 1)"
// MOA: Remark="over P: term 0: m + |P| - |M| <= p; if globals[h, g] - m - 1 >= 0"
// MOA: Remark="over P: term 1: m + |P| - |M| <= p <= m + |P| + spans[h, g] - |M| - 1; if m - globals[h, g] >= 0"

// The prefix of a sequence.
// REDEFINE: %{variant} = prefix-lm-batch
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = BATCH
// RUN: %{check}
// BATCH: Remark="over M: term 0: m <= max(p + |M| - |P|, prefix[b] - 1)"
// BATCH: Remark="over P: term 0: if prefix[b] - m - 1 >= 0"
// BATCH: Remark="over P: term 1: m + |P| - |M| <= p; if m - prefix[b] >= 0"

// Lengths of a sequence bound keys and rows.
// REDEFINE: %{variant} = varlen
// REDEFINE: %{bind} = scalars=causal=1
// REDEFINE: %{prefix} = VARLEN
// RUN: %{check}
// VARLEN: Remark="over M: term 0: m <= min(k_lengths[b] - 1, p + k_lengths[b] - q_lengths[b]); if q_lengths[b] - p - 1 >= 0"
// VARLEN: Remark="over P: term 0: q_lengths[b] + m - k_lengths[b] <= p <= q_lengths[b] - 1; if k_lengths[b] - m - 1 >= 0"

// Without an order.
// REDEFINE: %{variant} = varlen
// REDEFINE: %{bind} = scalars=causal=0
// REDEFINE: %{prefix} = PADDED
// RUN: %{check}
// PADDED: Remark="over M: term 0: m <= k_lengths[b] - 1; if q_lengths[b] - p - 1 >= 0"
// PADDED: Remark="over P: term 0: p <= q_lengths[b] - 1; if k_lengths[b] - m - 1 >= 0"

// A document has a range of keys. Which queries read it is not solved.
// REDEFINE: %{variant} = documents
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = DOCS
// RUN: %{check}
// DOCS: Remark="over M: term 0: first[doc[p]] <= m <= min(first[doc[p] + 1] - 1, p)"
// DOCS: Remark="over P: term 0: m <= p; residual: m - first[doc[p]] >= 0; residual: first[doc[p] + 1] - m - 1 >= 0"
// DOCS: Remark="over P: residual because 'm - first[doc[p]] >= 0' cannot be solved for 'p'"
// DOCS: Remark="over P: residual because 'first[doc[p] + 1] - m - 1 >= 0' cannot be solved for 'p'"
