# ===- test_kernel.py - the Python package over compiled kernels ----------===#

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn


def expected(x, scale):
    return (x.astype(np.float64).sum(axis=1) * scale)[::-1]


def make_x(rows=5, columns=7):
    # Whole numbers, whose sums are exact in any order.
    return np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)


def test_call_allocates_the_output(rowsum):
    kernel = attn.load(rowsum)
    o = kernel(x=make_x(), scale=0.5)
    assert o.dtype == np.float32 and o.shape == (5,)
    np.testing.assert_array_equal(o, expected(make_x(), 0.5))


def test_call_fills_a_given_output(rowsum):
    given = np.zeros(10, np.float32)[::-2]
    returned = attn.load(rowsum)(x=make_x(), scale=1, o=given)
    assert returned is given
    np.testing.assert_array_equal(given, expected(make_x(), 1))


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.T,
        lambda x: x[::-1],
        lambda x: x[:, ::-2],
        lambda x: x[1:1],
        lambda x: x[:, :0],
        lambda x: np.broadcast_to(x[:1], (4, 7)),
        lambda x: np.asfortranarray(x),
        lambda x: x[None, :, 3].T,
    ],
)
def test_any_strides(rowsum, view):
    x = view(make_x())
    np.testing.assert_array_equal(attn.load(rowsum)(x=x, scale=1), expected(x, 1))


@pytest.mark.parametrize("threads", range(1, 9))
def test_same_bits_for_every_team(rowsum, threads):
    x = np.random.default_rng(4).standard_normal((300, 31)).astype(np.float32)
    one = attn.load(rowsum)(x=x, scale=0.3)
    many = attn.load(rowsum, threads=threads)(x=x, scale=0.3)
    assert one.tobytes() == many.tobytes()


def test_plan_runs_many_times(rowsum):
    x = make_x()
    plan = attn.load(rowsum).prepare(x=x, scale=1)
    plan.run()
    np.testing.assert_array_equal(plan.outputs["o"], expected(x, 1))
    x += 1
    plan.run()
    np.testing.assert_array_equal(plan.outputs["o"], expected(x, 1))
    other, o = x * 2, np.empty(5, np.float32)
    plan.rebind(x=other, o=o)
    plan.run()
    assert plan.outputs["o"] is o
    np.testing.assert_array_equal(o, expected(other, 1))


def test_manifest_is_a_dict(rowsum):
    kernel = attn.load(rowsum)
    assert kernel.manifest["numerics"] == {"accumulate": "f32"}
    assert "rowsum(x: f32[B, N]" in repr(kernel)


UNUSED = np.zeros(3, np.uint8)


def test_outputs_by_name(copy_of):
    x = np.array([1.5, -2, np.inf, 0], np.float16)
    outputs = attn.load(copy_of("f16"))(x=x, unused=UNUSED)
    assert list(outputs) == ["o", "flags"]
    np.testing.assert_array_equal(outputs["o"], x)
    assert outputs["flags"].shape == (3, 4) and outputs["flags"].dtype == np.bool_


def test_fixed_extents_stay(copy_of):
    with pytest.raises(attn.Error, match="expects dimension 0 to be 3, but got 5"):
        attn.load(copy_of("f16"))(
            x=np.zeros(4, np.float16), unused=np.zeros(5, np.uint8)
        )


def test_bf16_bits(copy_of):
    kernel = attn.load(copy_of("bf16"))
    bits = np.array([0x3F80, 0xFF80, 0x7FC0], np.uint16)
    for x in (bits, bits.view("V2")):
        assert kernel(x=x, unused=UNUSED)["o"].tobytes() == bits.tobytes()


def test_bf16_of_ml_dtypes(copy_of):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array([1, -2, 3], ml_dtypes.bfloat16)
    o = attn.load(copy_of("bf16"))(x=x, unused=UNUSED)["o"]
    assert o.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(o, x)


class Reader:
    """Another framework's tensor."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_takes_dlpack(rowsum):
    o = attn.load(rowsum)(x=Reader(make_x()), scale=1)
    np.testing.assert_array_equal(o, expected(make_x(), 1))


def packed_field():
    return np.zeros((2, 3), np.dtype([("a", "<f4"), ("b", "u1")]))["a"]


def read_only():
    array = np.zeros(5, np.float32)
    array.flags.writeable = False
    return array


def unaligned():
    return np.zeros(13, np.uint8)[1:].view(np.float32).reshape(1, 3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "argument o: expects inputs that bind its rank B"),
        ({"x": make_x()}, "argument scale: expects a value, but got none"),
        ({"x": make_x(), "bias": 1}, "has, but got 'bias'; use x, scale, o"),
        ({"x": make_x().tolist()}, "argument x: expects an array, but got list"),
        (
            {"x": make_x().astype(np.float64)},
            "expects elements of f32, but got float64; convert it with "
            "array.astype('float32')",
        ),
        ({"x": make_x().astype(">f4")}, "expects elements of f32, but got >f4"),
        ({"x": make_x()[0]}, "argument x: expects 2 dimensions, but got 1"),
        ({"x": packed_field()}, "expects strides of whole elements of 4 bytes"),
        ({"x": unaligned()}, "expects data aligned to its elements of 4 bytes"),
        ({"x": make_x(), "o": read_only()}, "argument o: expects an array to write"),
        (
            {"x": make_x(), "o": np.zeros(4, np.float32)},
            "expects dimension 0 to be 5 (B, as in dimension 0 of x), but got 4",
        ),
        (
            {"x": make_x(), "o": np.broadcast_to(np.zeros(1, np.float32), 5).copy()[:0]},
            "but got 0",
        ),
        ({"x": make_x(), "scale": "1"}, "argument scale: expects a number"),
        ({"x": make_x(), "scale": 2**64}, "expects a 64-bit integer"),
        ({"x": make_x(), "scale": 1e300}, "argument scale: expects a value of f32"),
        ({"x": make_x(), "scale": make_x()}, "argument scale: expects a number"),
    ],
)
def test_refuses_with_both_facts(rowsum, arguments, message):
    if "scale" not in arguments and message.find("scale") < 0:
        arguments = {"scale": 1, **arguments}
    with pytest.raises(attn.Error) as caught:
        attn.load(rowsum)(**arguments)
    assert message in str(caught.value)
    assert caught.value.code == attn.Error.INVALID_ARGUMENT
    assert caught.value.alternative


def test_refuses_an_output_that_is_an_input(rowsum):
    x = make_x()
    with pytest.raises(attn.Error, match="may share memory with x"):
        attn.load(rowsum)(x=x, scale=1, o=x[:, 0])


def test_refused_rebind_changes_nothing(rowsum):
    x = make_x()
    plan = attn.load(rowsum).prepare(x=x, scale=1)
    with pytest.raises(attn.Error, match="to be 7 as when the plan was prepared"):
        plan.rebind(x=make_x(5, 8))
    plan.run()
    np.testing.assert_array_equal(plan.outputs["o"], expected(x, 1))


def test_refuses_files_that_are_no_artifacts(rowsum, tmp_path):
    whole = rowsum.read_bytes()
    damaged = tmp_path / "damaged.attn"
    for data, code in [
        (whole[:-1], attn.Error.CORRUPT),
        (whole[:100] + b"#" + whole[101:], attn.Error.CORRUPT),
        (whole[:7] + b"\x03" + whole[8:], attn.Error.UNSUPPORTED),
    ]:
        damaged.write_bytes(data)
        with pytest.raises(attn.Error) as caught:
            attn.load(damaged)
        assert caught.value.code == code
    with pytest.raises(attn.Error, match="No such file") as caught:
        attn.load(tmp_path / "absent.attn")
    assert caught.value.code == attn.Error.IO


@pytest.mark.parametrize("threads", [0, -1, 1025])
def test_refuses_teams_that_cannot_be(rowsum, threads):
    with pytest.raises(attn.Error, match="expects 1 to 1024 threads"):
        attn.load(rowsum, threads=threads)
