# ===- _types.py - the types that signatures name ---------------------------===#

from typing import Any, Callable, Protocol, TypeVar


class Array(Protocol):
    """An array of NumPy, PyTorch, JAX or what else hands its memory over by DLPack."""

    @property
    def shape(self) -> Any: ...

    @property
    def dtype(self) -> Any: ...

    def __dlpack__(self, *arguments: Any, **options: Any) -> Any: ...

    def __dlpack_device__(self) -> Any: ...


# Outputs are of the library that the inputs are of.
A = TypeVar("A", bound=Array)

# Of coordinates that it names, and of a score in front of them if it changes one.
Function = Callable[..., Any]
