"""How a step with a plug-in ends badly: one code of a small, stable vocabulary, with the facts."""

from __future__ import annotations

from typing import Literal, get_args

Code = Literal[
    "host-not-started", "plugin-not-loaded", "abi-mismatch", "sign-failed", "verify-failed"
]
CODES: tuple[Code, ...] = get_args(Code)


class Failed(Exception):
    """A step failed. facts: what was found, as text by name."""

    def __init__(self, code: Code, **facts: object) -> None:
        super().__init__(code)
        self.code: Code = code
        self.facts: dict[str, str] = {name: str(fact) for name, fact in facts.items()}

    def __str__(self) -> str:
        found = ", ".join(f"{name}={fact}" for name, fact in self.facts.items())
        return f"{self.code} ({found})" if found else self.code
