// The normal forms of masks that are intervals of keys for each query, and of
// queries for each key: one bound each, or disjoint intervals.

// DEFINE: %{variant} =
// DEFINE: %{bind} =
// DEFINE: %{prefix} =
// DEFINE: %{check} = attn-opt %S/../../lib/Variants/%{variant}.mlir --cascade-bind='%{bind}' \
// DEFINE:   --cascade-mask-report=swept=M --cascade-mask-report=swept=P --remarks-filter=cascade-mask-report 2>&1 >/dev/null \
// DEFINE:   | FileCheck %s --check-prefix=%{prefix} --implicit-check-not='Remark='

// Bounds that all coordinates meet are not said.
// REDEFINE: %{variant} = causal-top-left
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = TOP
// RUN: %{check}
// TOP: Remark="over M: term 0: m <= p"
// TOP: Remark="over P: term 0: m <= p"

// Where the last query stands at the last key.
// REDEFINE: %{variant} = causal-bottom-right
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = BOTTOM
// RUN: %{check}
// BOTTOM: Remark="over M: term 0: m <= p + |M| - |P|"
// BOTTOM: Remark="over P: term 0: m + |P| - |M| <= p"

// A window from both sides.
// REDEFINE: %{variant} = sliding-window
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = WINDOW
// RUN: %{check}
// WINDOW: Remark="over M: term 0: p + |M| + 1 - |P| - window <= m <= p + |M| - |P|"
// WINDOW: Remark="over P: term 0: m + |P| - |M| <= p <= m + |P| + window - |M| - 1"

// The query's range or the prefix, whichever is longer; a key's side is a choice.
// REDEFINE: %{variant} = prefix-lm
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = PREFIX
// RUN: %{check}
// PREFIX: Remark="over M: term 0: m <= max(p + |M| - |P|, prefix - 1)"
// PREFIX: Remark="over P: term 0: if prefix - m - 1 >= 0"
// PREFIX: Remark="over P: term 1: m + |P| - |M| <= p; if m - prefix >= 0"

// The window and the sinks that it does not reach.
// REDEFINE: %{variant} = streaming
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = STREAM
// RUN: %{check}
// STREAM: Remark="over M: term 0: p + |M| + 1 - |P| - window <= m <= p + |M| - |P|"
// STREAM: Remark="over M: term 1: m <= min(p + |M| - |P| - window, sinks - 1)"
// STREAM: Remark="over P: term 0: m + |P| - |M| <= p; if sinks - m - 1 >= 0"
// STREAM: Remark="over P: term 1: m + |P| - |M| <= p <= m + |P| + window - |M| - 1; if m - sinks >= 0"

// Dense queries first: a guard on the query tells the kinds apart.
// REDEFINE: %{variant} = tri-shape
// REDEFINE: %{bind} =
// REDEFINE: %{prefix} = TRI
// RUN: %{check}
// TRI: Remark="over M: term 0: m <= p + |M| - |P|; if p + dense - |P| >= 0"
// TRI: Remark="over M: term 1: p + |M| + 1 - |P| - window <= m <= p + |M| - |P|; if |P| - p - dense - 1 >= 0"
// TRI: Remark="over M: term 2: m <= min(p + |M| - |P| - window, sinks - 1); if |P| - p - dense - 1 >= 0"
// TRI: Remark="over P: term 0: m + |P| - |M| <= p; if sinks - m - 1 >= 0"
// TRI: Remark="over P: term 1: m + |P| - |M| <= p <= m + |P| + window - |M| - 1; if m - sinks >= 0"
// TRI: Remark="over P: term 2: max(m + |P| + window - |M|, |P| - dense) <= p; if m - sinks >= 0"
