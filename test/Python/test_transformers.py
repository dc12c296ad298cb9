# ===- test_transformers.py - models of transformers with attn --------------===#
"""Small random models with `attn` against their own `eager` attention in f32, and that few
kernels are compiled for all steps of a generation."""

import logging

import pytest

torch = pytest.importorskip("torch", reason="attn.transformers needs PyTorch")
transformers = pytest.importorskip(
    "transformers", minversion="5", reason="attn.transformers needs transformers 5")

from transformers import masking_utils

import attn
import attn.transformers
from attn import _compiler

pytestmark = pytest.mark.filterwarnings("error::attn.SlowMask")
attn.transformers.register()
logging.getLogger("transformers").setLevel(logging.ERROR)

SIZES = dict(
    vocab_size=97, hidden_size=128, intermediate_size=128, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, head_dim=32, pad_token_id=0, bos_token_id=1,
    eos_token_id=None)
MODELS = {
    "llama": lambda t: t.LlamaForCausalLM(t.LlamaConfig(**SIZES)),
    "wide": lambda t: t.LlamaForCausalLM(t.LlamaConfig(**{**SIZES, "head_dim": 64})),
    "mistral": lambda t: t.MistralForCausalLM(t.MistralConfig(**SIZES, sliding_window=8)),
    "gemma2": lambda t: t.Gemma2ForCausalLM(t.Gemma2Config(
        **SIZES, sliding_window=8, query_pre_attn_scalar=32, attn_logit_softcapping=2.0)),
    "gpt_oss": lambda t: t.GptOssForCausalLM(t.GptOssConfig(
        **SIZES, sliding_window=8, num_local_experts=2, num_experts_per_tok=1,
        layer_types=["sliding_attention", "full_attention"])),
    "llama4": lambda t: t.Llama4ForCausalLM(t.Llama4TextConfig(
        **SIZES, attention_chunk_size=8, intermediate_size_mlp=128, num_local_experts=2,
        interleave_moe_layer_step=2)),
}


@pytest.fixture(autouse=True, scope="module")
def no_gradients():
    with torch.no_grad():
        yield


def make(name):
    """The model, with weights so large that attention decides what is generated."""
    torch.manual_seed(0)
    model = MODELS[name](transformers).eval()
    for parameter in model.parameters():
        parameter.normal_(0, 0.15)
    return model


def draw_tokens(padding=None, length=19):
    """Token numbers and the mask of two sequences, one of which has 6 tokens of padding."""
    ids = torch.randint(3, 97, (2, length))
    seen = torch.ones_like(ids)
    if padding == "left":
        seen[0, :6] = 0
    if padding == "right":
        seen[0, -6:] = 0
    return ids * seen, seen


def run_both(model, function):
    """The results of `function` with eager attention and with attn, and the kernels compiled."""
    model.set_attn_implementation("eager")
    expected = function()
    model.set_attn_implementation("attn")
    before = len(_compiler._kernels)
    got = function()
    return expected, got, len(_compiler._kernels) - before


def check_close(got, expected, seen=None):
    """Rows of padding are nobody's: eager attention has the mean there, attn has 0."""
    if seen is not None:
        got, expected = got[seen.bool()], expected[seen.bool()]
    # Of f32 logits that 2 layers have come to.
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * max(1, expected.abs().max()))


@pytest.mark.parametrize("padding", [None, "left", "right"])
@pytest.mark.parametrize("name", MODELS)
def test_logits(name, padding):
    model = make(name)
    ids, seen = draw_tokens(padding)
    expected, got, kernels = run_both(model, lambda: model(ids, attention_mask=seen).logits)
    check_close(got, expected, seen)
    assert kernels <= len(set(getattr(model.config, "layer_types", None) or [0]))


@pytest.mark.parametrize("cache", ["dynamic", "static"])
@pytest.mark.parametrize("padding", [None, "left"])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "wide"])
def test_generation(name, padding, cache):
    """Greedy tokens are eager attention's; steps differ in lengths and offsets alone."""
    model = make(name)
    ids, seen = draw_tokens(padding)
    expected, got, kernels = run_both(model, lambda: model.generate(
        ids, attention_mask=seen, max_new_tokens=16, do_sample=False, cache_implementation=cache))
    assert torch.equal(got, expected)
    # Of prompts and steps, and of each kind of layer.
    assert kernels <= 4


def test_steps_of_a_static_cache():
    """See the tokens that the cache had before the step, and nothing behind them."""
    model = make("llama")
    ids, seen = draw_tokens("left")

    def run():
        cache = transformers.StaticCache(config=model.config, max_cache_len=40)
        step = lambda first, last: model(
            ids[:, first:last], attention_mask=seen[:, :last], cache=cache).logits
        return torch.cat([step(0, 16), step(16, 17), step(17, 19)], 1)

    expected, got, _ = run_both(model, run)
    check_close(got, expected, seen)


def test_steps_need_no_kernels():
    """Other lengths, batches and paddings run by what was compiled."""
    model = make("mistral")
    generate = lambda ids, seen: model.generate(
        ids, attention_mask=seen, max_new_tokens=12, do_sample=False)
    model.set_attn_implementation("attn")
    generate(*draw_tokens("left"))
    before = len(_compiler._kernels), len(attn.transformers._programs)
    for length in (20, 33, 47):
        ids, seen = draw_tokens("left", length)
        generate(ids, seen)
        generate(ids[:1], seen[:1])
    assert (len(_compiler._kernels), len(attn.transformers._programs)) == before


@pytest.mark.parametrize("name", ["llama", "mistral", "gemma2"])
def test_packed_sequences(name):
    model = make(name)
    ids, _ = draw_tokens()
    positions = torch.cat([torch.arange(7), torch.arange(12)])[None]
    expected, got, _ = run_both(
        model, lambda: model(ids[1:], position_ids=positions, use_cache=False).logits)
    check_close(got, expected)


def test_masks_that_users_make():
    """Of 4 dimensions: of bools, and of what is added to scores."""
    model = make("llama")
    ids, _ = draw_tokens()
    seen = torch.ones(19, 19, dtype=bool).tril() & (torch.rand(2, 1, 19, 19) < 0.7)
    seen |= torch.eye(19, dtype=bool)
    added = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
    expected, got, _ = run_both(model, lambda: model(ids, attention_mask=added).logits)
    check_close(got, expected)
    check_close(model(ids, attention_mask=seen).logits, expected)


def test_mask_functions_that_users_add():
    """A model may join functions of its own to the causal mask."""
    model = make("llama")
    prefix = torch.tensor([3, 9])

    def seen(batch_idx, head_idx, q_idx, kv_idx):
        return kv_idx < prefix[batch_idx]

    ids, _ = draw_tokens()

    def run():
        mask = masking_utils.create_causal_mask(
            model.config, torch.empty(2, 19, 0), None, None, or_mask_function=seen)
        return model(ids, attention_mask=mask, use_cache=False).logits

    expected, got, _ = run_both(model, run)
    check_close(got, expected)
    prefix[:] = torch.tensor([11, 1])
    expected, got, kernels = run_both(model, run)
    check_close(got, expected)
    assert kernels == 0


@pytest.mark.parametrize("isPadded", [False, True])
def test_encoder(isPadded):
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(
        vocab_size=97, hidden_size=128, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4)).eval()
    ids, seen = draw_tokens("right" if isPadded else None)
    expected, got, kernels = run_both(
        model, lambda: model(ids, attention_mask=seen).last_hidden_state)
    check_close(got, expected, seen)
    assert kernels <= 1


def test_position_biases_and_cross_attention():
    torch.manual_seed(0)
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(
        vocab_size=97, d_model=128, d_kv=32, d_ff=128, num_layers=2, num_heads=4,
        decoder_start_token_id=0, eos_token_id=None, pad_token_id=0)).eval()
    for parameter in model.parameters():
        parameter.normal_(0, 0.15)
    ids, seen = draw_tokens("right")
    expected, got, kernels = run_both(model, lambda: model.generate(
        ids, attention_mask=seen, max_new_tokens=10, do_sample=False))
    assert torch.equal(got, expected) and kernels <= 4


def test_compiled_model():
    """torch.compile traces the model, which makes its masks as those of sdpa then."""
    torch._dynamo.reset()
    model = make("llama")
    ids, seen = draw_tokens("left")
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    expected, got, _ = run_both(model, lambda: (
        compiled if model.config._attn_implementation == "attn" else model)(
            ids, attention_mask=seen).logits)
    check_close(got, expected, seen)


def test_compiled_steps():
    """Of a static cache generate makes the masks: one graph for the prompt and one for steps."""
    torch._dynamo.reset()
    model = make("llama")
    ids, seen = draw_tokens("left")
    graphs = []

    def count(graph, _):
        graphs.append(graph)
        return graph

    def run():
        if model.config._attn_implementation == "attn":
            model.forward = torch.compile(forward, fullgraph=True, backend=count)
        return model.generate(
            ids, attention_mask=seen, max_new_tokens=12, do_sample=False,
            cache_implementation="static")

    forward = model.forward
    expected, got, _ = run_both(model, run)
    assert torch.equal(got, expected) and len(graphs) == 2


def test_narrow_types():
    """Not further from f32 than twice what SDPA is."""
    model = make("wide")
    ids, seen = draw_tokens("left")
    run = lambda: model(ids, attention_mask=seen).logits[seen.bool()].float()
    exact = run()
    model.bfloat16()
    errors = {}
    for name in ("sdpa", "attn"):
        model.set_attn_implementation(name)
        errors[name] = (run() - exact).abs().max()
    assert errors["attn"] <= 2 * errors["sdpa"]


def test_refusals():
    model = make("llama")
    model.set_attn_implementation("attn")
    ids, seen = draw_tokens()
    with torch.enable_grad(), pytest.raises(attn.Error, match="expects a tensor without gradients"):
        model(ids)
    model.config.attention_dropout = 0.1
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.1
    model.train()
    with pytest.raises(attn.Error, match="expects no dropout, but got 0.1; call model.eval"):
        model(ids)


def test_extents_that_a_function_computes_with():
    """Are numbers in its program, which is refused for other ones."""
    table = torch.zeros(2, 19)

    def seen(b, m):
        return (table[b, m] == 0) & (m < table.shape[1])

    first = attn.transformers.Mask(seen, (2, 1, 19, 19))
    program = attn.transformers._make_program(first.number, False, None, ())
    q = torch.randn(2, 1, 19, 8)
    call = lambda captured: torch.ops.attn.attention(q, q, q, captured, program.key)
    call([table])
    with pytest.raises(attn.Error, match=r"expects extents \[2, 19\], with which a function"):
        call([torch.zeros(2, 7)])


def test_structures():
    """Of one structure are functions that differ in what is given anew alone."""
    describe = attn.transformers.describe

    def window(size, table):
        return lambda p, m: (p - m < size) & (table[m] != 0)

    one, two = torch.zeros(3), torch.ones(9)
    structure, arrays = describe(window(4, one))
    assert arrays == [one]
    assert describe(window(4, two))[0] == structure
    assert describe(window(5, one))[0] != structure
    assert describe(window(4, one.double()))[0] != structure
    assert describe(window(4, one[None]))[0] != structure
    assert describe(window(object(), one))[0] is None
    assert describe(masking_utils.causal_mask_function)[0] is not None
