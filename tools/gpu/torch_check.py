# ===- torch_check.py - attn in PyTorch and transformers on a GPU -----------===#
"""Checks attn.torch and attn.transformers on a GPU, as JSON rows.

    tools/gpu/run.sh torch_check

* `op`: the operator's error, eager and compiled, and that of SDPA in the row's type, each
  against SDPA in f32: largest differences. Right if attn's is at most twice SDPA's, and if
  both of attn have the same bits.
* `model`: a small random Llama in bf16, as the mean difference of its logits from those of
  f32 with eager attention, of a padded batch, its prompt and steps by given tokens. Right if
  attn's is at most twice SDPA's.
* `host`: microseconds of the host a call, of 200 calls before it waits for the GPU, the
  median of 5 rounds.

The exit status is 1 if a row is wrong. `model` is left out without transformers.
"""

import json
import statistics
import sys
import time

import torch

import attn
import attn.torch

try:
    import transformers
except ImportError:
    transformers = None

CALLS = 200
SHAPES = (
    # sequences, heads, key heads, queries, keys, width
    (2, 16, 16, 1024, 1024, 64),
    (2, 32, 8, 777, 1500, 128),
    (8, 32, 8, 1, 4000, 128),
)


def draw(batch, heads, key_heads, queries, keys, width, dtype):
    """Views of [batch, length, heads, width], as models have them."""
    return [
        torch.randn(batch, length, h, width, device="cuda").to(dtype).transpose(1, 2)
        for length, h in ((queries, heads), (keys, key_heads), (keys, key_heads))
    ]


def causal(p, m, P, M):
    return m <= p + (M - P)


def attend_with_torch(q, k, v):
    queries, keys = q.shape[2], k.shape[2]
    seen = torch.ones(queries, keys, dtype=bool, device="cuda").tril(keys - queries)
    return torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=seen, enable_gqa=True)


def check_op(shape, dtype):
    q, k, v = draw(*shape, dtype)
    program = attn.trace(mask=causal)
    function = lambda q, k, v: attn.torch.attention(q, k, v, program)
    exact = attend_with_torch(q.float(), k.float(), v.float())
    eager = function(q, k, v)
    # On another stream, whose work it has to wait for.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)
        late = function(*(x.clone() for x in (q, k, v)))
    stream.synchronize()
    compiled = torch.compile(function, fullgraph=True)(q, k, v)
    error = lambda o: (o.float() - exact).abs().max().item()
    row = dict(row="op", shape=shape, dtype=str(dtype), error=error(eager),
               error_sdpa=error(attend_with_torch(q, k, v)),
               same=torch.equal(eager, compiled) and torch.equal(eager, late))
    return dict(row, right=row["same"] and row["error"] <= 2 * row["error_sdpa"])


def read_logits(model, ids, seen, steps=8):
    """Of the prompt and of `steps` tokens, which are given, one after the other."""
    cache = transformers.DynamicCache(config=model.config)
    first = ids.shape[1] - steps
    ends = [first, *range(first + 1, ids.shape[1] + 1)]
    parts = []
    for begin, end in zip([0, *ends], ends):
        # Some of transformers 5 take it as past_key_values alone.
        parts.append(model(
            ids[:, begin:end], attention_mask=seen[:, :end], past_key_values=cache).logits)
    return torch.cat(parts, 1)[seen.bool()].float()


@torch.no_grad()
def check_model():
    import attn.transformers

    attn.transformers.register()
    config = transformers.LlamaConfig(
        vocab_size=1000, hidden_size=512, intermediate_size=1024, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=2, head_dim=64)
    model = transformers.LlamaForCausalLM(config).cuda().eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.normal_(0, 0.05)
    ids = torch.randint(0, 1000, (2, 300), device="cuda")
    seen = torch.ones_like(ids)
    seen[0, :50] = 0
    model.set_attn_implementation("eager")
    exact = read_logits(model, ids, seen)
    model.bfloat16()
    errors = {}
    for name in ("sdpa", "attn"):
        model.set_attn_implementation(name)
        errors[name] = (read_logits(model, ids, seen) - exact).abs().mean().item()
    ratio = errors["attn"] / errors["sdpa"]
    return dict(row="model", error=errors["attn"], error_sdpa=errors["sdpa"], ratio=ratio,
                right=ratio <= 2)


def time_host(shape):
    """A call has to cost the GPU less than the host, or its queue fills: few keys."""
    q, k, v = draw(*shape, torch.bfloat16)
    program = attn.trace(mask=causal)
    sdpa = torch.nn.functional.scaled_dot_product_attention
    row = dict(row="host", shape=shape, calls=CALLS)
    for name, call in (
            ("us", lambda: attn.torch.attention(q, k, v, program)),
            ("us_op", lambda: torch.ops.attn.attention.default(q, k, v, [], program.key)),
            ("us_sdpa", lambda: sdpa(q, k, v, enable_gqa=True))):
        for _ in range(10):
            call()
        times = []
        for _ in range(5):
            torch.cuda.synchronize()
            start = time.perf_counter()
            for _ in range(CALLS):
                call()
            times.append((time.perf_counter() - start) / CALLS * 1e6)
        row[name] = round(statistics.median(times), 2)
    torch.cuda.synchronize()
    return dict(row, right=True)


def main():
    torch.manual_seed(0)
    rows = [(check_op, shape, dtype) for shape in SHAPES
            for dtype in (torch.bfloat16, torch.float16)]
    if transformers is not None:
        rows.append((check_model,))
    rows.append((time_host, (4, 32, 8, 1, 256, 128)))
    wrong = 0
    for check, *arguments in rows:
        row = check(*arguments)
        wrong += not row["right"]
        print(json.dumps(row), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
