# ===- test_attention.py - masks and scores written in Python --------------===#
"""`attn.attention` against numpy in f64, with the same functions of masks and scores."""

import functools
import inspect
import math
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from attn import _compiler
from attn.flex import create_block_mask, flex_attention

RANKS = "bhpm"


def spread(function, s, b, h, p, m, shape):
    """`function` at arrays of all coordinates, by the names of its parameters."""
    known = dict(s=s, b=b, h=h, p=p, m=m, B=shape[0], H=shape[1], P=shape[2], M=shape[3])
    return function(*[known[name] for name in inspect.signature(function).parameters])


def naive(q, k, v, mask=None, score=None, scale=None):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    shape = (*q.shape[:3], k.shape[2])
    at = np.ix_(*(np.arange(n) for n in shape))
    s = np.einsum("bhpe,bhme->bhpm", q, k) * (q.shape[3] ** -0.5 if scale is None else scale)
    if score is not None:
        s = np.broadcast_to(spread(score, s, *at, shape), shape)
    if mask is not None:
        seen = np.broadcast_to(spread(mask, s, *at, shape), shape)
        s = np.where(seen, s, -np.inf)
    most = s.max(-1, keepdims=True)
    weights = np.exp(s - np.where(np.isfinite(most), most, 0))
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = (np.where(np.isfinite(most), most, 0) + np.log(total))[..., 0]
    return np.einsum("bhpm,bhmf->bhpf", weights / np.where(total > 0, total, 1), v), lse


def draw(batch=2, heads=4, key_heads=2, queries=37, keys=53, width=24, value_width=16):
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    rng = np.random.default_rng(seed)
    shapes = ((heads, queries, width), (key_heads, keys, width), (key_heads, keys, value_width))
    return [rng.standard_normal((batch, *s), np.float32) for s in shapes]


def check(q, k, v, mask=None, score=None, **options):
    expected, sums = naive(q, k, v, mask, score, options.get("scale"))
    o, lse = attn.attention(q, k, v, mask=mask, score=score, return_lse=True, threads=2, **options)
    np.testing.assert_allclose(o, expected, rtol=0, atol=5e-6)
    np.testing.assert_allclose(lse, sums, rtol=0, atol=5e-6)


SLOPES = np.float32([0.5, 0.25, 0.125, 0.0625])
DOCUMENTS = np.int32(np.repeat([0, 1, 2], [20, 3, 30]))
BIAS = np.random.default_rng(0).standard_normal((4, 37, 53), np.float32)
VISIBLE = np.random.default_rng(1).random((2, 53)) < 0.6


def causal(p, m):
    return m <= p


def window_of(size):
    """A helper that captures, as user code has them."""
    def window(p, m):
        return causal(p, m) & (p - m < size)
    return window


MASKS = {
    "none": None,
    "causal": causal,
    "bottom_right": lambda p, m, P, M: m - M <= p - P,
    "window": window_of(9),
    "prefix": lambda p, m: (m < 7) | (m <= p),
    "heads": lambda h, p, m: np.where(h % 2 == 0, m <= p, abs(p - m) < 5),
    "dilated": lambda p, m: ((p - m) % 3 == 0) & (m <= p),
    "blocks": lambda p, m: p // 8 >= m // 8,
    "second_sequence_sees_nothing": lambda b, m: (b == 0) & (m < 40),
    "padding": lambda b, m: VISIBLE[b, m],
    "documents": lambda p, m: (DOCUMENTS[p] == DOCUMENTS[m]) & (m <= p),
    "by_a_float": lambda p, m: (SLOPES[m % 4] > 0.2) & ~(m > p),
    "exclusive": lambda p, m: (m < 20) ^ (p < 10),
}


@pytest.mark.filterwarnings("error::attn.SlowMask")
@pytest.mark.parametrize("name", MASKS)
def test_masks(name):
    check(*draw(), mask=MASKS[name])


SCORES = {
    "softcap": lambda s: 5 * np.tanh(s / 5),
    "alibi": lambda s, h, p, m: s - SLOPES[h] * (p - m),
    "bias": lambda s, h, p, m: s + BIAS[h, p, m],
    "relative": lambda s, p, m: s + BIAS[0, 3, np.clip(p - m, -20, 20) + 20],
    "powers": lambda s, p, m: s * (1 + abs(p - m)) ** -0.5 + (m % 2) ** 2 / 3,
    "masked": lambda s, p, m: np.where(m > p, -np.inf, np.maximum(s, -1.0)),
    "extents": lambda s, m, M, H: s + m / M - 1 / H,
    "bools": lambda s, p, m: s * (p == m) + (m < 5) - np.exp(-(s**2)) * np.logical_not(p < 3),
    "constant": lambda s: 0.5,
}


@pytest.mark.parametrize("name", SCORES)
def test_scores(name):
    check(*draw(), score=SCORES[name])


def test_both_and_a_scale():
    check(*draw(), mask=window_of(20), score=SCORES["alibi"], scale=0.3)


@pytest.mark.parametrize("heads,key_heads", [(3, 3), (8, 1), (6, 2)])
def test_heads(heads, key_heads):
    by_head = np.linspace(0, 1, heads, dtype=np.float32)
    check(*draw(heads=heads, key_heads=key_heads),
          mask=lambda h, p, m: m <= p + h, score=lambda s, h: s * by_head[h])


@pytest.mark.parametrize("queries,keys", [(1, 1), (1, 70), (0, 5), (70, 0), (33, 130)])
def test_lengths(queries, keys):
    if keys == 0:
        q, k, v = draw(queries=queries, keys=keys)
        o, lse = attn.attention(q, k, v, mask=causal, return_lse=True)
        assert not o.any() and (lse == -np.inf).all()
    else:
        check(*draw(queries=queries, keys=keys), mask=MASKS["bottom_right"])


def test_strides():
    q, k, v = draw()
    wide = np.full((2, 37, 4, 30), np.nan, np.float32)
    wide[..., :24] = q.transpose(0, 2, 1, 3)
    check(wide[..., :24].transpose(0, 2, 1, 3), k[:, :, ::-1], v[:, :, ::-1], mask=causal)


@pytest.mark.parametrize("dtype,limit", [("float16", 2e-3), ("bfloat16", 2e-2)])
def test_narrow_types(dtype, limit):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    type_ = np.dtype(getattr(ml_dtypes, dtype, dtype))
    q, k, v = (x.astype(type_) for x in draw())
    o = attn.attention(q, k, v, mask=causal)
    assert o.dtype == type_
    exact, _ = naive(*(x.astype(np.float32) for x in (q, k, v)), mask=causal)
    assert np.abs(o.astype(np.float64) - exact).max() < limit


def test_captured_arrays_are_read_at_each_call():
    slopes = SLOPES.copy()
    program = attn.trace(score=lambda s, h, m: s + slopes[h] * m)
    q, k, v = draw()
    for factor in (1, -3):
        slopes *= factor
        exact, _ = naive(q, k, v, score=lambda s, h, m: s + slopes[h] * m)
        np.testing.assert_allclose(program(q, k, v), exact, rtol=0, atol=5e-6)


def test_shapes_of_captured_arrays_are_free(monkeypatch):
    """One kernel serves a mask whose arrays grow with the batch."""
    calls, run = [], _compiler.compile
    monkeypatch.setattr(
        _compiler, "compile", lambda *a, **k: (calls.append(a), run(*a, **k))[1])
    for batch in (1, 2, 5):
        lengths = np.arange(40, 40 + batch, dtype=np.int32)
        bias = np.random.default_rng(batch).standard_normal((batch, 53), np.float32)
        check(*draw(batch=batch, width=20), mask=lambda b, m: m < lengths[b],
              score=lambda s, b, m: s + bias[b, m])
    assert len(calls) == 1


def test_hidden_values_need_not_be_finite():
    """Of keys that a captured array hides, whether or not tiles can be found of it."""
    keep = np.random.default_rng(5).random(53) < 0.5
    weight = np.where(keep, 1.0, -1.0).astype(np.float32)
    q, k, v = draw()
    exact, sums = naive(q, k, v, mask=lambda p, m: keep[m] & (m <= p + 16))
    k[:, :, ~keep] = np.nan
    v[:, :, ~keep] = np.inf
    for mask in (lambda p, m: keep[m] & (m <= p + 16), lambda p, m: (weight[m] > 0) & (m <= p + 16)):
        o, lse = attn.attention(q, k, v, mask=mask, return_lse=True)
        np.testing.assert_allclose(o, exact, rtol=0, atol=5e-6)
        np.testing.assert_allclose(lse, sums, rtol=0, atol=5e-6)


def test_functions_in_tuples():
    """Masks are joined of others, whose arrays are captured too."""
    def join(*masks):
        def joined(b, p, m):
            result = p.new_ones((), dtype="bool")
            for mask in masks:
                result = result & mask(b, p, m).to(result.device)
            return result
        return joined

    q, k, v = draw()
    o = attn.attention(q, k, v, mask=join(
        lambda b, p, m: VISIBLE[b, m], lambda b, p, m: DOCUMENTS[m] < 2))
    exact, _ = naive(q, k, v, mask=lambda b, m: VISIBLE[b, m] & (DOCUMENTS[m] < 2))
    np.testing.assert_allclose(o, exact, rtol=0, atol=5e-6)


def test_other_functions_are_left_alone():
    """What a function captures is replaced in a copy of it."""
    def helper(h):
        return SLOPES[h]

    check(*draw(), score=functools.partial(lambda scale, s, h: s * scale + helper(h), 2.0))
    assert helper(2) == SLOPES[2] and isinstance(SLOPES, np.ndarray)


class Torch:
    """As PyTorch's functions ask what is no tensor."""

    def __getattr__(self, name):
        def function(*arguments, **options):
            owner = next(x for x in arguments if hasattr(x, "__torch_function__"))
            return type(owner).__torch_function__(function, (type(owner),), arguments, options)

        function.__name__ = name
        return function


def test_functions_of_pytorch():
    torch = Torch()
    score = lambda f: lambda s, p, m: f.where(p >= m, f.tanh(s) * 2, f.clamp(s, min=-0.5))
    q, k, v = draw()
    exact, _ = naive(q, k, v, score=lambda s, p, m: np.where(p >= m, np.tanh(s) * 2, np.maximum(s, -0.5)))
    o = attn.attention(q, k, v, score=score(torch))
    np.testing.assert_allclose(o, exact, rtol=0, atol=5e-6)


def refuse(match, **functions):
    with pytest.raises(attn.Error, match=match) as caught:
        attn.attention(*draw(), **functions)
    return str(caught.value)


def test_refusals_name_the_users_line():
    here = os.path.basename(__file__)

    def decides(p, m):
        return True if m <= p else False

    line = inspect.getsourcelines(decides)[1] + 1
    text = refuse("expects no decision", mask=decides)
    assert f"{here}:{line}" in text and "& for and" in text
    refuse("expects no decision", mask=lambda p, m: m <= p and m > 3)
    refuse("expects no number in Python", score=lambda s, p: s * [1, 2][p])
    refuse("expects no number in Python", score=lambda s: math.tanh(s))
    refuse("expects an index for each of the 2 dimensions of t0", mask=lambda b: VISIBLE[b])
    refuse("expects integers as indices", score=lambda s: s + SLOPES[s])
    refuse("expects parameters that name coordinates, but got 'query'", mask=lambda query: query > 0)
    refuse("has no function 'sinc'|has no function 'arctan'", score=lambda s: np.arctan(s))
    refuse("expects a Python function", mask=3)
    refuse("expects elements of", score=lambda s, h: s + COMPLEX[h])
    refuse("but got list", score=lambda s: s + [1, 2])


COMPLEX = np.zeros(4, np.complex64)


def test_compilers_errors_are_at_the_users_line():
    """A mask that has no solution is asked at each point, which a warning says."""
    def strange(p, m):
        return m * m * m <= p

    line = inspect.getsourcelines(strange)[1]
    with pytest.warns(attn.SlowMask, match=f"{os.path.basename(__file__)}:{line}"):
        check(*draw(), mask=strange)


def test_shapes_that_do_not_fit():
    q, k, v = draw()
    for arrays, match in [
        ((q[0], k, v), r"argument q: expects \[batch, heads, length, width\], but got \[4, 37, 24\]"),
        ((q, k, v[:, :, 1:]), "argument v: expects as many sequences, heads and keys as k"),
        ((q, k[:1], v[:1]), "argument k: expects the batch and width of q"),
        ((q[:, :3], k, v), "expects a number of heads that divides q's 3, but got 2"),
        ((q.astype(np.int32), k, v), "expects elements of float32, float16 or bfloat16, but got int32"),
        ((q, k.astype(np.float64), v), "expects elements of f32, but got float64"),
    ]:
        with pytest.raises(attn.Error, match=match):
            attn.attention(*arrays)


class NeedsGradient(np.ndarray):
    requires_grad = True


def test_threads_trace_at_once():
    """Each has its own region: captured arrays are read where they are indexed."""
    failures = []

    def work(seed):
        slopes = np.random.default_rng(seed).standard_normal(4, np.float32)
        program = attn.trace(mask=lambda h, p, m: slopes[h] * p < m,
                             score=lambda s, h, m: s + slopes[h] * m)
        try:
            for grouped in (False, True) * 40:
                program._traced.clear()
                program.variant(grouped)
        except BaseException as error:  # reported by the test's thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_gradients_are_refused():
    q, k, v = draw()
    with pytest.raises(attn.Error, match="argument k: expects a tensor without gradients"):
        attn.attention(q, k.view(NeedsGradient), v)


def test_flex_functions_are_taken_as_they_are():
    """Examples of FlexAttention's documentation."""
    q, k, v = draw(queries=53)
    alibi = SLOPES
    documents = DOCUMENTS
    soft_cap, window, prefix_length = 20.0, 12, np.int32([9, 4])

    def relative(score, b, h, q_idx, kv_idx):
        return score + (q_idx - kv_idx)

    def alibi_mod(score, b, h, q_idx, kv_idx):
        return score + alibi[h] * (kv_idx - q_idx)

    def cap(score, b, h, q_idx, kv_idx):
        return np.tanh(score / soft_cap) * soft_cap

    def causal_bias(score, b, h, q_idx, kv_idx):
        return np.where(q_idx >= kv_idx, score, -float("inf"))

    def causal_mask(b, h, q_idx, kv_idx):
        return q_idx >= kv_idx

    def sliding_causal(b, h, q_idx, kv_idx):
        return causal_mask(b, h, q_idx, kv_idx) & (q_idx - kv_idx <= window)

    def prefix_lm(b, h, q_idx, kv_idx):
        return (kv_idx <= prefix_length[b]) | causal_mask(b, h, q_idx, kv_idx)

    def document_mask(b, h, q_idx, kv_idx):
        return causal_mask(b, h, q_idx, kv_idx) & (documents[q_idx] == documents[kv_idx])

    def neighborhood(b, h, q_idx, kv_idx, width=9, size=2):
        across = abs(q_idx % width - kv_idx % width) <= size
        return across & (abs(q_idx // width - kv_idx // width) <= size)

    for score_mod in (None, relative, alibi_mod, cap, causal_bias):
        for mask_mod in (None, causal_mask, sliding_causal, prefix_lm, document_mask, neighborhood):
            block_mask = mask_mod and create_block_mask(mask_mod, None, None, 53, 53)
            o = flex_attention(q, k, v, score_mod, block_mask, enable_gqa=True)
            exact, _ = naive(
                q, k, v, mask_mod and (lambda b, h, p, m: mask_mod(b, h, p, m)),
                score_mod and (lambda s, b, h, p, m: score_mod(s, b, h, p, m)))
            np.testing.assert_allclose(o, exact, rtol=0, atol=1e-5)


def test_flex_refusals():
    q, k, v = draw()
    with pytest.raises(attn.Error, match="give enable_gqa=True"):
        flex_attention(q, k, v)
    mask = create_block_mask(lambda b, h, q, kv: q >= kv, None, None, 37, 99)
    with pytest.raises(attn.Error, match=re.escape("expects (37, 99) queries and keys")):
        flex_attention(q, k, v, block_mask=mask, enable_gqa=True)


def test_reports():
    program = attn.trace(mask=causal)
    assert "passes as compiled" in program.explain()
    assert "partial" in program.tiles(256)
    stages = program.stages(head_dim=32)
    assert list(stages)[:3] == ["source", "bind", "schedule"] and "tile.sweep" in stages["tile"]
    assert "loc(" in program.variant().text and os.path.basename(__file__) in program.variant().text
    with pytest.raises(attn.Error, match="expects a mask without captured arrays"):
        attn.trace(mask=MASKS["padding"]).tiles(256)


def test_without_a_compiler(monkeypatch):
    monkeypatch.setenv("ATTN_COMPILE", "/nowhere")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(attn.Error, match="set ATTN_COMPILE to its path"):
        attn.attention(*draw(width=8), mask=lambda p, m: m < p + 3)


INSTALLED = """
import sys
import attn, attn.flashinfer, numpy as np
from attn.flash_attn import flash_attn_func
from attn.flex import create_block_mask, flex_attention

assert "site-packages" in attn.__file__ and "torch" not in sys.modules
documents = np.int32([0, 0, 1, 1])
block_mask = create_block_mask(lambda b, h, q, k: documents[q] == documents[k], None, None, 4, 4)
x = np.float32(np.arange(4))[None, None, :, None] * np.ones((1, 1, 4, 8), np.float32)
print(np.round(flex_attention(x, x, x, block_mask=block_mask, scale=0.0)[0, 0, :, 0], 3))
x = x.transpose(0, 2, 1, 3)
print(np.round(flash_attn_func(x, x, x, window_size=(1, 0), softmax_scale=0.0)[0, :, 0, 0], 3))
"""


def test_as_it_is_installed(tmp_path):
    """The package's own functions capture arrays beside those of other libraries, too."""
    package = os.path.dirname(attn.__file__)
    shutil.copytree(package, tmp_path / "site-packages" / "attn")
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site-packages")})
    assert done.stdout == "[0.5 0.5 2.5 2.5]\n[0.  0.5 1.5 2.5]\n", done.stderr
