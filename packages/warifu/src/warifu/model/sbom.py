"""The bill of materials of a composition: an export, from its own statements (CycloneDX 1.6)."""

from __future__ import annotations

import uuid

from warifu.model.composition import Composition, history
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.errors import Malformed
from warifu_wire.fields import rows, table, text
from warifu_wire.statements import Predicate, read

_SPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
"""The name space of object identifiers (RFC 4122, appendix C)."""


def bill(composition: Composition) -> bytes:
    """CycloneDX JSON: the program, every member with its digest and the commits it comes from.

    The serial number follows from the artifact's digest, so the same artifact has the same bill.
    """
    listed = read(composition.statements[2], Predicate.COMPOSITION).predicate
    serial = uuid.uuid5(_SPACE, composition.artifact)
    return canonical.dumps(
        {
            "bomFormat": "CycloneDX",
            "components": [_member(one) for one in rows(listed.get("members"))],
            "dependencies": [{"dependsOn": [], "ref": composition.id}],
            "metadata": {"component": _program(composition)},
            "serialNumber": f"urn:uuid:{serial}",
            "specVersion": "1.6",
            "version": 1,
        }
    )


def _program(composition: Composition) -> dict[str, Json]:
    return {
        "bom-ref": composition.id,
        "hashes": [{"alg": "SHA-256", "content": composition.artifact}],
        "name": composition.product,
        "pedigree": {"commits": _commits(composition)},
        "properties": [
            {"name": f"warifu:{name}", "value": value}
            for name, value in [("kind", composition.kind.value), *composition.labels.items()]
        ],
        "type": "application",
        "version": composition.labels.get("version", composition.source.commit),
    }


def _commits(composition: Composition) -> list[Json]:
    """Every change since the release before, with author and subject where they are told."""
    told = history(composition)
    if not told:
        return [{"uid": one} for one in composition.source.changes]
    return [
        {"author": {"name": one.author}, "message": one.subject, "uid": one.commit} for one in told
    ]


def _member(row: Json) -> Json:
    found = table(row)
    component: dict[str, Json] = {
        "hashes": [{"alg": "SHA-256", "content": text(found.get("sha256"))}],
        "name": text(found.get("path")),
        "type": "file",
    }
    match found:
        case {"transform": "step"}:
            pass
        case {"transform": "git", "introduced": str(commit)}:
            component["pedigree"] = {"commits": [{"uid": commit}] if commit else []}
        case _:
            raise Malformed("not-a-composition", needed="members with their transform")
    return component
