"""A keyring whose keys are rotated and lost, like the real one: former keys keep a name."""

from __future__ import annotations

from warifu.model.ports import Signer
from warifu.testing import MemoryKeyring, memory_signer
from warifu_wire.errors import Refusal
from warifu_wire.keys import PublicKey


class Ring(MemoryKeyring):
    """Memory keys that change."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self._lost: set[str] = set()
        self._made = 0

    def rotate(self, *names: str) -> None:
        """A new key under each name; the former one is `NAME-was-N` and still signs."""
        for name in names:
            self._made += 1
            self._signers[f"{name}-was-{self._made}"] = self._signers[name]
            self._signers[name] = memory_signer(f"{name} {self._made}")

    def lose(self, *names: str) -> None:
        """These keys are known, but nobody can sign with them any more."""
        self._lost |= set(names)

    def signer(self, name: str) -> Signer:
        """The signer, unless it is lost."""
        if name in self._lost:
            raise Refusal("key-lost", needed="the key", name=name)
        return super().signer(name)

    def public(self, name: str) -> PublicKey:
        """The public half, which is never lost."""
        return super().signer(name).public
