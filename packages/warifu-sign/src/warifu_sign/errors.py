"""The two ways a step ends badly. The tool runs alone in a member's folder, so it has its own."""

from __future__ import annotations


class Refusal(Exception):
    """The tool says no.

    code: stable, lower case with hyphens; words.py holds its sentences.
    facts: what was found, as text by name.
    needed: what would make the answer yes, or "".
    """

    def __init__(self, code: str, *, needed: str = "", **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.needed = needed
        self.facts: dict[str, str] = {name: str(fact) for name, fact in facts.items()}

    def __str__(self) -> str:
        found = ", ".join(f"{name}={fact}" for name, fact in self.facts.items())
        return f"{self.code} ({found})" if found else self.code


class Fault(Exception):
    """Something under us failed (disk, network, key store); trying again may help."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts: dict[str, str] = {name: str(fact) for name, fact in facts.items()}

    def __str__(self) -> str:
        found = ", ".join(f"{name}={fact}" for name, fact in self.facts.items())
        return f"{self.code} ({found})" if found else self.code
