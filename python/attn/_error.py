# ===- _error.py - refusals as exceptions ---------------------------------===#


class Error(Exception):
    """A refusal. `str(error)` is one line of the three parts that follow.

    code: the `attn_status` of attn-c/Attn.h, such as INVALID_ARGUMENT.
    feature: the input or feature that it is about.
    reason: the conflicting facts.
    alternative: what the caller can change.
    """

    INVALID_ARGUMENT = 1
    CORRUPT = 2
    UNSUPPORTED = 3
    IO = 4
    RESOURCE_EXHAUSTED = 5
    DEVICE = 6
    CANCELLED = 7

    def __init__(self, code: int, feature: str, reason: str, alternative: str) -> None:
        super().__init__(f"{feature}: {reason}; {alternative}")
        self.code = code
        self.feature = feature
        self.reason = reason
        self.alternative = alternative
