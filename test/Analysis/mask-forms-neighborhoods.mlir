// The normal forms of neighborhoods: bounds on digits of the flat key, and
// congruences by dilation. Extra keys before the canvas are seen by all.

// DEFINE: %{variant} =
// DEFINE: %{bind} =
// DEFINE: %{prefix} =
// DEFINE: %{check} = attn-opt %S/../../lib/Variants/%{variant}.mlir --cascade-bind='%{bind}' \
// DEFINE:   --cascade-mask-report=swept=M --cascade-mask-report=swept=P --remarks-filter=cascade-mask-report 2>&1 >/dev/null \
// DEFINE:   | FileCheck %s --check-prefix=%{prefix} --implicit-check-not='Remark='

// Every second key of a window.
// REDEFINE: %{variant} = dilated-window
// REDEFINE: %{bind} = scalars=dilation=2
// REDEFINE: %{prefix} = DILATED
// RUN: %{check}
// DILATED: Remark="over M: term 0: p - window <= m <= p + window; p - m = 0 mod 2"
// DILATED: Remark="over P: term 0: m - window <= p <= m + window; p - m = 0 mod 2"

// The window is moved, never cut: its ends are minima of maxima. The inverse
// is one interval too.
// REDEFINE: %{variant} = neighborhood-1d
// REDEFINE: %{bind} = scalars=stride=1,dilation=1,causal=0
// REDEFINE: %{prefix} = LINE
// RUN: %{check}
// LINE: Remark="over M: term 0: m <= extra - 1"
// LINE: Remark="over M: term 1: max(extra, extra + min(max(0, min(p, |P| - 1) - (window floordiv 2)), |P| - window)) <= m <= extra + window + min(max(0, min(p, |P| - 1) - (window floordiv 2)), |P| - window) - 1"
// LINE: Remark="over P: term 0: if extra - m - 1 >= 0"
// LINE: Remark="over P: term 1: min(select(extra + |P| + window - m - (window floordiv 2) - 2 >= 0, m + (window floordiv 2) + 1 - extra - window, inf), select(extra + window - m - 1 >= 0, -inf, inf)) <= p <= max(select(m - extra >= 0, max(m + (window floordiv 2) - extra, select(m + (window floordiv 2) + 1 - extra - |P| >= 0, inf, -inf)), -inf), select(m + window - extra - |P| >= 0, inf, -inf)); if m - extra >= 0; if extra + |P| - m - 1 >= 0"

// A causal one ends at the query.
// REDEFINE: %{variant} = neighborhood-1d
// REDEFINE: %{bind} = scalars=stride=1,dilation=1,causal=1
// REDEFINE: %{prefix} = CAUSAL
// RUN: %{check}
// CAUSAL: Remark="over M: term 0: m <= extra - 1"
// CAUSAL: Remark="over M: term 1: extra + max(0, min(p, |P| - 1) + 1 - window) <= m <= extra + p"
// CAUSAL: Remark="over P: term 0: if extra - m - 1 >= 0"
// CAUSAL: Remark="over P: term 1: m - extra <= p <= max(m + window - extra - 1, select(m + window - extra - |P| >= 0, inf, -inf)); if m - extra >= 0"

// Groups of equal residue, in blocks of two queries.
// REDEFINE: %{variant} = neighborhood-1d
// REDEFINE: %{bind} = scalars=stride=2,dilation=4,causal=1
// REDEFINE: %{prefix} = GROUPS
// RUN: %{check}
// GROUPS: Remark="over M: term 0: m <= extra - 1"
// GROUPS: Remark="over M: term 1: extra + 4 * max(0, min(2 * (p floordiv 8) + 1, ((|P| + 3 - (p mod 4)) floordiv 4) - 1) + 1 - window) <= m <= extra + 4 * (p floordiv 4) + 3; m - extra - p = 0 mod 4"
// GROUPS: Remark="over P: term 0: if extra - m - 1 >= 0"
// GROUPS: Remark="over P: term 1: 4 * ((m - extra) floordiv 4) <= p <= 8 * ((((m - extra) floordiv 4) + window) floordiv 2) - 1; if m - extra >= 0; m - extra - p = 0 mod 4"
// GROUPS: Remark="over P: term 2: 8 * ((((m - extra) floordiv 4) + window) floordiv 2) <= p; |P| - 4 * ((m - extra) floordiv 4) - 4 * window <= p mod 4; if m - extra >= 0; m - extra - p = 0 mod 4"

// Lines are an interval of the flat key, columns one of its digit.
// REDEFINE: %{variant} = neighborhood-2d
// REDEFINE: %{bind} = scalars=stride_y=1,stride_x=1,dilation_y=1,dilation_x=1,causal_y=1,causal_x=1
// REDEFINE: %{prefix} = IMAGE
// RUN: %{check}
// IMAGE: Remark="over M: term 0: m <= extra - 1"
// IMAGE: Remark="over M: term 1: extra + (width * max(0, min(p floordiv width, (|P| floordiv width) - 1) + 1 - window_y)) <= m <= extra + width + (width * (p floordiv width)) - 1; max(0, min(p mod width, width - 1) + 1 - window_x) <= (m - extra) mod width <= p mod width"
// IMAGE: Remark="over P: term 0: if extra - m - 1 >= 0"
// IMAGE: Remark="over P: term 1: width * ((m - extra) floordiv width) <= p <= max((width * ((m - extra) floordiv width)) + (width * window_y) - 1, select(((m - extra) floordiv width) + window_y - (|P| floordiv width) >= 0, inf, -inf)); (m - extra) mod width <= p mod width <= max(((m - extra) mod width) + window_x - 1, select(((m - extra) mod width) + window_x - width >= 0, inf, -inf)); if m - extra >= 0; if (m - extra) floordiv width >= 0"

// Three axes: two digits.
// REDEFINE: %{variant} = neighborhood-3d
// REDEFINE: %{bind} = scalars=stride_z=1,stride_y=1,stride_x=1,dilation_z=1,dilation_y=1,dilation_x=1,causal_z=1,causal_y=1,causal_x=1
// REDEFINE: %{prefix} = VIDEO
// RUN: %{check}
// VIDEO: Remark="over M: term 0: m <= extra - 1"
// VIDEO: Remark="over M: term 1: extra + ((height * width) * max(0, min(p floordiv (height * width), (|P| floordiv (height * width)) - 1) + 1 - window_z)) <= m <= extra + (height * width) + ((height * width) * (p floordiv (height * width))) - 1; max(0, min((p floordiv width) mod height, height - 1) + 1 - window_y) <= ((m - extra) floordiv width) mod height <= (p floordiv width) mod height; max(0, min(p mod width, width - 1) + 1 - window_x) <= (m - extra) mod width <= p mod width"
// VIDEO: Remark="over P: term 0: if extra - m - 1 >= 0"
// VIDEO: Remark="over P: term 1: (height * width) * ((m - extra) floordiv (height * width)) <= p <= max(((height * width) * ((m - extra) floordiv (height * width))) + ((height * width) * window_z) - 1, select(((m - extra) floordiv (height * width)) + window_z - (|P| floordiv (height * width)) >= 0, inf, -inf)); ((m - extra) floordiv width) mod height <= (p floordiv width) mod height <= max((((m - extra) floordiv width) mod height) + window_y - 1, select((((m - extra) floordiv width) mod height) + window_y - height >= 0, inf, -inf)); (m - extra) mod width <= p mod width <= max(((m - extra) mod width) + window_x - 1, select(((m - extra) mod width) + window_x - width >= 0, inf, -inf)); if m - extra >= 0; if (m - extra) floordiv (height * width) >= 0"
