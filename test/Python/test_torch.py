# ===- test_torch.py - attention as an operator of PyTorch ------------------===#
"""`attn.torch.attention`, eager and compiled, against PyTorch's own in f32."""

import gc
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="attn.torch needs PyTorch")

import numpy as np

import attn
import attn.torch

LIMIT = dict(rtol=0, atol=5e-6)  # as attn.attention's tests have


def draw(queries=37, keys=53, heads=4, key_heads=2, width=24, value_width=16, dtype=torch.float32):
    """Views of [batch, length, heads, width], as models have them."""
    seed = torch.seed()
    print("seed", seed)
    return [
        torch.randn(2, length, h, w, dtype=dtype).transpose(1, 2)
        for length, h, w in ((queries, heads, width), (keys, key_heads, width),
                             (keys, key_heads, value_width))
    ]


def causal(p, m, P, M):
    return m <= p + (M - P)


def expect(q, k, v, slopes=None, isCausal=True, scale=None):
    queries, keys = q.shape[2], k.shape[2]
    p, m = torch.arange(queries)[:, None], torch.arange(keys)
    bias = torch.zeros(q.shape[1], queries, keys)
    if slopes is not None:
        bias = bias - slopes[:, None, None] * (p - m)
    if isCausal:
        bias = bias.masked_fill(m > p + (keys - queries), -torch.inf)
    return torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, enable_gqa=True, scale=scale)


@pytest.mark.parametrize("heads,key_heads", [(3, 3), (4, 2), (6, 1)])
@pytest.mark.parametrize("queries,keys", [(37, 53), (1, 70), (0, 5)])
def test_eager(heads, key_heads, queries, keys):
    q, k, v = draw(queries, keys, heads, key_heads)
    o, lse = attn.torch.attention(q, k, v, attn.trace(mask=causal), return_lse=True)
    torch.testing.assert_close(o, expect(q, k, v), **LIMIT)
    assert o.transpose(1, 2).is_contiguous() and lse.dtype == torch.float32
    full = (q @ k.repeat_interleave(heads // key_heads, 1).mT) * q.shape[3] ** -0.5
    seen = torch.ones(queries, keys, dtype=bool).tril(keys - queries)
    torch.testing.assert_close(lse, full.masked_fill(~seen, -torch.inf).logsumexp(-1), **LIMIT)


def test_scale():
    q, k, v = draw()
    o = attn.torch.attention(q, k, v, attn.trace(mask=causal), scale=0.3)
    torch.testing.assert_close(o, expect(q, k, v, scale=0.3), **LIMIT)


@pytest.mark.parametrize("dtype,limit", [(torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_narrow_types(dtype, limit):
    q, k, v = draw(dtype=dtype)
    o = attn.torch.attention(q, k, v, attn.trace(mask=causal))
    assert o.dtype == dtype
    torch.testing.assert_close(
        o.float(), expect(q.float(), k.float(), v.float()), rtol=0, atol=limit)


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_opcheck(key_heads, dtype):
    """The schema, and the fake kernel's shapes, types and strides."""
    slopes = torch.rand(4)
    program = attn.trace(mask=causal, score=lambda s, h, p, m: s - slopes[h] * (p - m))
    for queries in (37, 1):
        q, k, v = draw(queries, key_heads=key_heads, dtype=dtype)
        torch.library.opcheck(
            torch.ops.attn.attention.default, (q, k, v, [slopes], program.key, 0.5))


def test_fake_tensors():
    program = attn.trace(mask=causal)
    with torch._subclasses.FakeTensorMode():
        o, lse = attn.torch.attention(*draw(), program, return_lse=True)
        assert o.shape == (2, 4, 37, 16) and lse.shape == (2, 4, 37)
        with pytest.raises(attn.Error, match="argument k: expects the batch and width of q"):
            attn.torch.attention(draw()[0], *(x[:1] for x in draw()[1:]), program)


def test_compiled_with_dynamic_shapes():
    torch._dynamo.reset()
    slopes = torch.rand(4)
    program = attn.trace(mask=causal, score=lambda s, h, p, m: s - slopes[h] * (p - m))
    graphs = []

    def count(graph, _):
        graphs.append(graph)
        return graph

    def layer(q, k, v):
        return 2 * attn.torch.attention(q, k, v, program).transpose(1, 2).flatten(2)

    counted = torch.compile(layer, fullgraph=True, dynamic=True, backend=count)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True)
    for lengths in ((37, 53), (20, 20), (7, 90)):
        q, k, v = draw(*lengths)
        expected = 2 * expect(q, k, v, slopes).transpose(1, 2).flatten(2)
        for function in (counted, compiled):
            torch.testing.assert_close(function(q, k, v), expected, rtol=0, atol=1e-5)
    assert len(graphs) == 1


@pytest.mark.parametrize("isCompiled", [False, True])
def test_captured_arrays_are_read_at_each_call(isCompiled):
    """In-place changes are seen; another array under the name is not."""
    torch._dynamo.reset()
    slopes, offsets = torch.rand(4) / 8, np.float32([0.25, 1])
    program = attn.trace(score=lambda s, h, p, m: s - slopes[h] * (p - m) + offsets[1])
    function = lambda q, k, v: attn.torch.attention(q, k, v, program, return_lse=True)
    if isCompiled:
        function = torch.compile(function, fullgraph=True)
    q, k, v = draw()
    first = slopes
    for _ in range(2):
        slopes.mul_(-2)
        o, before = function(q, k, v)
        torch.testing.assert_close(o, expect(q, k, v, slopes, isCausal=False), **LIMIT)
        offsets += 1
        torch.testing.assert_close(function(q, k, v)[1], before + 1, **LIMIT)
    slopes = torch.zeros(4)
    o, _ = function(q, k, v)
    torch.testing.assert_close(o, expect(q, k, v, first, isCausal=False), **LIMIT)


def test_gradients_are_refused_where_they_are_recorded():
    torch._dynamo.reset()
    slopes = torch.rand(4)
    program = attn.trace(score=lambda s, h: s * slopes[h])
    call = lambda q, k, v: attn.torch.attention(q, k, v, program)
    compiled = torch.compile(call, fullgraph=True)
    q, k, v = draw()
    text = "argument k: expects a tensor without gradients"
    exact = call(q, k, v)
    k.requires_grad_()
    with pytest.raises(attn.Error, match=text):
        call(q, k, v)
    with pytest.raises(attn.Error, match=text):
        torch.ops.attn.attention(q, k, v, [slopes], program.key)
    with pytest.raises(attn.Error, match=text):
        program(q, k, v)
    with pytest.raises(Exception, match=text):
        compiled(q, k, v)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            for function in (call, compiled):
                o = function(q, k, v)
                assert torch.equal(o, exact) and not o.requires_grad
            np.testing.assert_array_equal(program(q, k, v), exact.numpy())
    slopes.requires_grad_()
    with pytest.raises(attn.Error, match="a captured array: expects a tensor without gradients"):
        call(q, k.detach(), v)
    with torch.no_grad():
        assert torch.equal(call(q, k, v), exact)


def test_programs_live_as_long_as_somebody_has_them():
    program = attn.trace(mask=causal)
    key = program.key
    assert torch.ops.attn.attention(*draw(), [], key)[0].shape == (2, 4, 37, 16)
    del program
    gc.collect()
    text = f"expects a program that this process has, but got '{key}'"
    with pytest.raises(attn.Error, match=text):
        torch.ops.attn.attention(*draw(), [], key)


def test_types_that_differ_are_refused():
    q, k, v = draw()
    with pytest.raises(attn.Error, match="argument v: expects elements of f32"):
        attn.torch.attention(q, k, v.double(), attn.trace(mask=causal))


def test_the_package_does_not_import_pytorch():
    code = "import attn, attn.flex, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
