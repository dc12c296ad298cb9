# ===- conftest.py - artifacts for the tests, written from the format -----===#
"""Writes artifacts by the description in Artifact.h, not with the runtime."""

import json
import os
import struct
import zlib

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Kernels that are kept between sessions would hide what is compiled."""
    os.environ["ATTN_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))



def checksummed(data):
    return data + struct.pack("<I", zlib.crc32(data))


SHARED_OBJECT, CUBIN, PTX = 1, 2, 3


def artifact(manifest, code, kind=SHARED_OBJECT):
    text = json.dumps(manifest).encode()
    head = b"ATTNART\x01" + struct.pack("<II", len(text), 1) + text
    return checksummed(head) + checksummed(struct.pack("<IQ", kind, len(code)) + code)


def manifest(name, ranks, arguments, parameters, phases, workspace=0, scratch=0):
    return {
        "schema": 1,
        "name": name,
        "attn_version": "0.1.0",
        "llvm_version": "22.1.8",
        "target": {"arch": "x86-64", "cpu": "x86-64", "features": ["sse2"]},
        "numerics": {"accumulate": "f32"},
        "cache_key": "00",
        "ranks": ranks,
        "arguments": arguments,
        "parameters": parameters,
        "workspace_bytes": workspace,
        "scratch_bytes": scratch,
        "phases": phases,
    }


def device_manifest(name, ranks, arguments, launches, workspace=0, state=0):
    contract = manifest(name, ranks, arguments, [], [], workspace)
    for field in ("parameters", "scratch_bytes", "phases"):
        del contract[field]
    contract["target"] = {"arch": "sm_90a", "cpu": "", "features": []}
    contract["state_bytes"] = state
    contract["launches"] = launches
    return contract


def tensor(name, access, dtype, shape):
    return {
        "name": name,
        "kind": "tensor",
        "access": access,
        "dtype": dtype,
        "shape": shape,
    }


@pytest.fixture
def code():
    with open(os.environ["ATTN_TEST_KERNELS"], "rb") as file:
        return file.read()


@pytest.fixture
def rowsum(tmp_path, code):
    """o[b] = scale * sum over n of x[B-1-b, n], as an artifact's path."""
    path = tmp_path / "rowsum.attn"
    contract = manifest(
        "rowsum",
        [{"name": "B"}, {"name": "N"}],
        [
            tensor("x", "read", "f32", ["B", "N"]),
            {"name": "scale", "kind": "scalar", "dtype": "f32"},
            tensor("o", "write", "f32", ["B"]),
        ],
        [
            {"pointer": "x"},
            {"stride": ["x", 0]},
            {"stride": ["x", 1]},
            {"pointer": "o"},
            {"stride": ["o", 0]},
            {"extent": "B"},
            {"extent": "N"},
            {"scalar": "scale"},
            {"workspace": True},
        ],
        [
            {"symbol": "rowSumSum", "items": "B"},
            {"symbol": "rowSumScale", "items": "B"},
        ],
        workspace=["mul", "B", 4],
        scratch=4,
    )
    path.write_bytes(artifact(contract, code))
    return path


@pytest.fixture
def copy_of(tmp_path, code):
    """A function of a two-byte type to the path of a kernel that copies x[N]."""

    def write(dtype):
        path = tmp_path / f"copy-{dtype}.attn"
        contract = manifest(
            "copy",
            [{"name": "N"}],
            [
                tensor("x", "read", dtype, ["N"]),
                # A fixed extent, beside one that only an input binds.
                tensor("unused", "read", "u8", [3]),
                tensor("o", "write", dtype, ["N"]),
                tensor("flags", "write", "i1", [3, "N"]),
            ],
            [
                {"pointer": "x"},
                {"stride": ["x", 0]},
                {"pointer": "o"},
                {"stride": ["o", 0]},
            ],
            [{"symbol": "copyHalves", "items": "N"}],
        )
        path.write_bytes(artifact(contract, code))
        return path

    return write
