"""What a worked example is."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One worked example: small enough to check by hand, exact in float32."""

    name: str
    args: tuple
    expected: Any
    why: str = ""
