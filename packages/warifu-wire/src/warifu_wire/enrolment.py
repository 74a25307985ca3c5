"""How a machine asks for its installation id: its public key goes, an id comes back."""

from __future__ import annotations

from dataclasses import dataclass

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.fields import document, exactly, text
from warifu_wire.keys import PublicKey, public_key
from warifu_wire.manifest import product_name

ENROL_TYPE = "urn:warifu:enrol:v1"


@dataclass(frozen=True, slots=True)
class Asked:
    """The key a machine made for itself, and the product it is about."""

    key: PublicKey
    product: str

    def to_bytes(self) -> bytes:
        """The canonical body of POST /enrol."""
        return canonical.dumps(
            {"key": self.key.to_json(), "product": self.product, "type": ENROL_TYPE}
        )


def read(body: bytes) -> Asked:
    """Read the body of POST /enrol; raises `Malformed`. The key's id follows from the key."""
    found = document(body, ENROL_TYPE, ("key", "product"))
    return Asked(public_key("installation", found["key"]), product_name(text(found["product"])))


def answer(installation: str) -> Json:
    """The answer's value."""
    return {"installation": installation}


def read_answer(body: bytes) -> str:
    """The installation id in an answer; raises `Malformed`."""
    return text(exactly(canonical.loads(body), {"installation"})["installation"])
