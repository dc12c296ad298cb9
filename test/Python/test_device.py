# ===- test_device.py - the Python package over a fake GPU -----------------===#

import ctypes
import os
import sys
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_void_p, py_object

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from attn._library import DLDataType, DLDevice, DLTensor, check, exchange, library
from conftest import CUBIN, artifact, device_manifest, tensor

CUDA = 2


class Managed(ctypes.Structure):
    """DLManagedTensor."""

    _fields_ = [("tensor", DLTensor), ("context", c_void_p), ("deleter", c_void_p)]


class FakeTensor:
    """f32 values that say that they are on a GPU."""

    def __init__(self, *shape, device=0):
        self.data = np.zeros(shape, np.float32)
        self.device = device

    def __dlpack_device__(self):
        return CUDA, self.device

    def __dlpack__(self, stream):
        assert stream == -1
        rank = self.data.ndim
        self.shape = (ctypes.c_int64 * rank)(*self.data.shape)
        view = DLTensor(
            self.data.ctypes.data,
            DLDevice(CUDA, self.device),
            rank,
            DLDataType(2, 32, 1),
            self.shape,
            None,
            0,
        )
        self.managed = Managed(view, None, None)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = py_object, [c_void_p, c_char_p, c_void_p]
        return new(ctypes.addressof(self.managed), b"dltensor", None)


@pytest.fixture
def cuda(monkeypatch):
    """The fake driver, which the library then uses."""
    path = os.environ["ATTN_FAKE_CUDA"]
    monkeypatch.setenv("ATTN_CUDA_DRIVER", path)
    fake = ctypes.CDLL(path)
    fake.fakeCudaLog.restype = c_char_p
    fake.fakeCudaParameter.restype = c_void_p
    fake.fakeCudaParameter.argtypes = [c_int, POINTER(c_size_t)]
    fake.fakeCudaReset()
    return fake


@pytest.fixture
def twice(tmp_path, cuda):
    """A kernel of x[N] and o[N] with the scalar `times`, as an artifact's path."""
    path = tmp_path / "twice.attn"
    launch = {
        "symbol": "twice",
        "grid": [["ceildiv", "N", 128], 1, 1],
        "threads": 128,
        "cluster": [1, 1, 1],
        "shared_bytes": 0,
        "parameters": [{"pointer": "x"}, {"pointer": "o"}, {"scalar": "times"}],
    }
    contract = device_manifest(
        "twice",
        [{"name": "N"}],
        [
            tensor("x", "read", "f32", ["N"]),
            {"name": "times", "kind": "scalar", "dtype": "i32"},
            tensor("o", "write", "f32", ["N"]),
        ],
        [launch],
        workspace=64,
    )
    path.write_bytes(artifact(contract, b"FAKECUBIN\ntwice 8 8 4\n", CUBIN))
    return path


def parameter(cuda, index, kind):
    size = c_size_t()
    address = cuda.fakeCudaParameter(index, ctypes.byref(size))
    assert size.value == ctypes.sizeof(kind)
    return kind.from_address(address).value


def test_launches_on_a_stream(cuda, twice):
    x, o = FakeTensor(300), FakeTensor(300)
    plan = attn.load(twice).prepare(x=x, o=o, times=7)
    assert plan.outputs == {"o": o}
    cuda.fakeCudaReset()
    cuda.fakeCudaSetCurrent(0)
    plan.launch(0x50)
    assert cuda.fakeCudaLog() == (
        b"cuLaunchKernelEx twice grid 3 1 1 block 128 1 1 shared 0 stream 0x50\n"
    )
    assert parameter(cuda, 0, c_void_p) == x.data.ctypes.data
    assert parameter(cuda, 1, c_void_p) == o.data.ctypes.data
    assert parameter(cuda, 2, ctypes.c_int32) == 7
    other = FakeTensor(300)
    plan.rebind(o=other)
    assert plan.outputs == {"o": other}
    plan.launch()
    assert cuda.fakeCudaLog().endswith(b"stream 0\n")
    assert parameter(cuda, 1, c_void_p) == other.data.ctypes.data
    plan.run()
    assert b"cuStreamSynchronize" in cuda.fakeCudaLog()


def test_call_launches_and_releases(cuda, twice):
    o = FakeTensor(300)
    assert attn.load(twice)(x=FakeTensor(300), o=o, times=1) is o
    log = cuda.fakeCudaLog()
    assert b"cuLaunchKernelEx" in log and b"cuStreamSynchronize" not in log
    for kind in (b"context", b"module", b"memory", b"push"):
        assert cuda.fakeCudaNumLive(kind) == 0


class Stream:
    cuda_stream = 0x60


def test_takes_streams_of_frameworks(cuda, twice):
    plan = attn.load(twice).prepare(x=FakeTensor(3), o=FakeTensor(3), times=1)
    plan.launch(Stream())
    assert b"shared 0 stream 0x60\n" in cuda.fakeCudaLog()
    for wrong in (-1, "0", 2**64):
        with pytest.raises(attn.Error, match="stream: expects a stream or its"):
            plan.launch(wrong)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"x": np.zeros(3, np.float32), "o": np.zeros(3, np.float32)},
            "expects memory of device 0 .device type 2., where",
        ),
        ({"x": FakeTensor(3, device=1)}, "but got device 1 of device type 2"),
        ({"o": FakeTensor(4)}, "expects dimension 0 to be 3"),
        ({"o": None}, "expects an array, but got NoneType"),
    ],
)
def test_refuses_with_both_facts(twice, arguments, message):
    given = {"x": FakeTensor(3), "o": FakeTensor(3), "times": 1, **arguments}
    with pytest.raises(attn.Error, match=message):
        attn.load(twice).prepare(**given)


def test_allocates_for_torch_only(twice):
    with pytest.raises(attn.Error, match="only PyTorch's can be allocated"):
        attn.load(twice)(x=FakeTensor(3), times=1)


def test_reports_the_drivers_error(cuda, twice):
    kernel = attn.load(twice)
    plan = kernel.prepare(x=FakeTensor(3), o=FakeTensor(3), times=1)
    cuda.fakeCudaFail(1, 1, 2)
    with pytest.raises(attn.Error, match="CUDA_ERROR_OUT_OF_MEMORY") as caught:
        plan.launch()
    assert caught.value.code == attn.Error.DEVICE
    plan.launch()


def test_says_that_there_is_no_driver(monkeypatch, twice):
    monkeypatch.setenv("ATTN_CUDA_DRIVER", "/no/such/libcuda.so")
    with pytest.raises(attn.Error, match="install the NVIDIA driver") as caught:
        attn.load(twice)
    assert caught.value.code == attn.Error.UNSUPPORTED


def test_cpu_plans_have_no_stream(rowsum):
    plan = attn.load(rowsum).prepare(x=np.zeros((2, 3), np.float32), scale=1)
    with pytest.raises(attn.Error, match="run the plan instead"):
        plan.launch()


class FakeTorch:
    """What the package uses of PyTorch, over tensors that say that they are on a GPU."""

    float32 = "float32"

    class Tensor(FakeTensor):
        dtype, requires_grad = "float32", False

        def __init__(self, *shape):
            super().__init__(*shape)
            self.device = type("Device", (), {"type": "cuda", "index": 0,
                                              "__eq__": lambda a, b: True, "__hash__": lambda a: 0})()
            self.shape = shape

        def __dlpack_device__(self):
            return CUDA, 0

        def __dlpack__(self, stream):
            self.device, device = 0, self.device
            capsule = super().__dlpack__(stream)
            self.device, self.extents = device, self.shape
            self.shape = self.data.shape
            return capsule

        def stride(self):
            return tuple(s // 4 for s in self.data.strides)

        def data_ptr(self):
            return self.data.ctypes.data

        def get_device(self):
            return 0

        def new_empty(self, shape, dtype):
            return FakeTorch.empty(shape)

        def new_empty_strided(self, shape, strides, dtype):
            return FakeTorch.empty(shape)

    @classmethod
    def empty(cls, shape):
        return cls.Tensor(*shape)

    class _C:
        @staticmethod
        def _cuda_getCurrentRawStream(device):
            return FakeTorch.cuda.stream

    class cuda:
        stream, isCapturing = 0x70, False

        @staticmethod
        def current_stream(device):
            return type("Stream", (), {"cuda_stream": FakeTorch.cuda.stream})()

        @staticmethod
        def is_current_stream_capturing():
            return FakeTorch.cuda.isCapturing


def make_exchanged(major=1):
    """A type of tensors that are handed over in C, as DLPack's DLPackExchangeAPI."""

    class Table(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32 * 2), ("previous", c_void_p),
                    ("managed", c_void_p * 3), ("view", c_void_p), ("stream", c_void_p)]

    @ctypes.PYFUNCTYPE(c_int, py_object, POINTER(DLTensor))
    def view(tensor, out):
        tensor.__dlpack__(-1)
        rank = len(tensor.shape)
        tensor.strides = (ctypes.c_int64 * rank)(*tensor.stride())
        out[0] = tensor.managed.tensor
        out[0].strides = tensor.strides
        # The address is the sum of two.
        out[0].data, out[0].byte_offset = out[0].data - 64, 64
        Exchanged.viewed += 1
        return 0

    @ctypes.PYFUNCTYPE(c_int, c_int, c_int, POINTER(c_void_p))
    def stream(device_type, device, out):
        assert (device_type, device) == (CUDA, 0)
        out[0] = FakeTorch.cuda.stream
        return 0

    table = Table((major, 0), None, (c_void_p * 3)(), ctypes.cast(view, c_void_p).value,
                  ctypes.cast(stream, c_void_p).value)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = py_object, [c_void_p, c_char_p, c_void_p]

    class Exchanged(FakeTorch.Tensor):
        alive, viewed = (table, view, stream), 0
        __dlpack_c_exchange_api__ = new(ctypes.addressof(table), b"dlpack_exchange_api", None)

    return Exchanged


@pytest.fixture(params=["described in Python", "exchanged in C"])
def fake_torch(request, monkeypatch):
    """PyTorch, as older versions and as those with DLPack's exchange in C."""
    if request.param == "exchanged in C":
        if exchange() is None:
            pytest.skip("attn._exchange is not beside the library")
        monkeypatch.setattr(FakeTorch, "Tensor", make_exchanged())
    monkeypatch.setitem(sys.modules, "torch", FakeTorch)
    yield
    if request.param == "exchanged in C":
        assert FakeTorch.Tensor.viewed > 0


def test_repeats_calls_of_pytorch(cuda, twice, fake_torch):
    """Later calls of a layout exchange addresses in one plan, on the current stream."""
    kernel = attn.load(twice)
    cuda.fakeCudaSetCurrent(0)
    kept = []
    for call in range(3):
        x = FakeTorch.Tensor(300)
        o = kernel(x=x, times=5)
        kept += [x, o]
        assert isinstance(o, FakeTorch.Tensor) and o.shape == (300,)
        assert cuda.fakeCudaLog().count(b"stream 0x70\n") == call + 1
        assert parameter(cuda, 0, c_void_p) == x.data_ptr()
        assert parameter(cuda, 1, c_void_p) == o.data_ptr()
        assert parameter(cuda, 2, ctypes.c_int32) == 5
    assert len(kernel._repetitions._plans) == 1
    kernel(x=FakeTorch.Tensor(7), times=5)
    kernel(x=FakeTorch.Tensor(300), times=6)
    assert parameter(cuda, 2, ctypes.c_int32) == 6
    assert len(kernel._repetitions._plans) == 3
    # Gradients have no plan of their own: what comes of them is the library's to say.
    x = FakeTorch.Tensor(300)
    x.requires_grad = True
    kernel(x=x, times=5)
    assert len(kernel._repetitions._plans) == 3


def test_streams_and_graphs_have_plans_of_their_own(cuda, twice, fake_torch, monkeypatch):
    """Runs of one plan share memory, and a graph may be replayed at any time."""
    kernel = attn.load(twice)
    cuda.fakeCudaSetCurrent(0)
    x = FakeTorch.Tensor(300)
    for stream in (0x70, 0x80, 0x80):
        monkeypatch.setattr(FakeTorch.cuda, "stream", stream)
        kernel(x=x, times=5)
    plans = kernel._repetitions._plans
    assert len(plans) == 2
    # A capture takes a plan that there is, and keeps it.
    monkeypatch.setattr(FakeTorch.cuda, "stream", 0x90)
    monkeypatch.setattr(FakeTorch.cuda, "isCapturing", True)
    for _ in range(2):
        kernel(x=x, times=5)
    assert len(plans) == 2
    (handle,) = (p._handle for key, p in plans.items() if key[2])
    monkeypatch.setattr(FakeTorch.cuda, "isCapturing", False)
    for stream in (0x70, 0x80):
        monkeypatch.setattr(FakeTorch.cuda, "stream", stream)
        kernel(x=x, times=5)
    assert len(plans) == 3
    for n in range(1, 20):
        kernel(x=FakeTorch.Tensor(n), times=5)
    assert handle not in [p._handle for p in plans.values()]
    check(library().attn_plan_launch(handle.value, 0))


def test_exchange_tells_calls_apart(cuda, twice, monkeypatch):
    """What attn._exchange describes is equal where a plan serves both, and only there."""
    if exchange() is None:
        pytest.skip("attn._exchange is not beside the library")
    kind = make_exchanged()
    describe = lambda *values, names=("x",): exchange().describe(values, names, bool)

    class Inherits(kind):
        """May have what the table's functions do not know."""

    def turned(*shape):
        tensor = kind(*shape[::-1])
        tensor.data = tensor.data.T
        tensor.shape = tensor.data.shape
        return tensor

    x = kind(3, 4)
    alike = [describe(kind(3, 4), 1, 0.5, None) for _ in range(2)]
    assert alike[0] == alike[1] and alike[0][1:3] == (0x70, False)
    others = [
        describe(x, 1, 0.5, None, names=("y",)), describe(x, 1, 0.5), describe(x, 1, -0.5, None),
        describe(x, 2, 0.5, None), describe(x, 1.0, 0.5, None), describe(x, 0.5, 1, None),
        describe(kind(4, 3), 1, 0.5, None), describe(turned(3, 4), 1, 0.5, None),
        describe(kind(3, 4, 1), 1, 0.5, None), describe(x, x, 1, 0.5, None),
        describe(x, 0.0), describe(x, -0.0)]
    assert len({call[0] for call in [*others, alike[0]]}) == len(others) + 1
    assert describe(x, float("nan"))[0] == describe(x, float("nan"))[0]
    # The rest is described in Python.
    gradient = kind(3)
    gradient.requires_grad = True
    for value in (True, "1", 2**63, np.zeros(3), gradient, Inherits(3), FakeTensor(3),
                  make_exchanged(major=2)(3)):
        assert describe(x, value) is None
    assert describe(1, 0.5) is None
    assert describe(*[x] * 200) is None
    for wrong in ((), (x, (), bool), ((x,), ())):
        with pytest.raises(TypeError, match="describe expects"):
            exchange().describe(*wrong)
    for wrong in ((), (1, 2, (x,), (0,), 0)):
        with pytest.raises(TypeError, match="launch expects"):
            exchange().launch(*wrong)
    with pytest.raises(IndexError):
        exchange().launch(0, 0, [x], (1,), 0)
    with pytest.raises(TypeError, match="tensors of a framework"):
        exchange().launch(0, 0, [3], (0,), 0)
