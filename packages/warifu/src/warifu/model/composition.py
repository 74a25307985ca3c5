"""A composition: an artifact of exactly the approved bytes, and the statements that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from warifu.model.classes import Origin
from warifu.model.lines import ApprovedSource, Change
from warifu.model.ports import Depot, Statements
from warifu.model.ports_source import Rendered, Tools
from warifu.model.program import Program
from warifu.model.recipe import Recipe
from warifu.model.tree import Tree, members
from warifu_wire import manifest as manifests
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed
from warifu_wire.fields import exactly, rows, text, whole
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.statements import Predicate, Statement, read

BUILD_TYPE = "urn:warifu:build:v1"
_FACTS = ("approved", "artifact", "manifest", "normalised", "recipe", "size", "statements")


@dataclass(frozen=True)
class Composition:
    """An artifact by the sha256 of its archive (`size` in bytes), with the tree it installs.

    `statements` are the provenance by the build key, the provenance by the rebuild key, and the
    composition. `normalised` are the members that a declared normaliser cleared, as member, name.
    """

    product: str
    kind: Kind
    labels: Mapping[str, str]
    source: ApprovedSource
    artifact: Digest
    size: int
    manifest: Manifest
    statements: tuple[Envelope, ...]
    recipe: Digest
    normalised: tuple[tuple[str, str], ...] = ()

    @cached_property
    def id(self) -> Digest:
        """The release id: the digest of the manifest (hashed once: it may have 50,000 members)."""
        return self.manifest.id

    @property
    def resource(self) -> str:
        """What a verification summary of it speaks about."""
        return f"urn:warifu:{self.product}:{self.kind.value}"

    def to_json(self) -> dict[str, Json]:
        """The facts of the event `composition.made`; bytes and statements go by digest."""
        return {
            "approved": {
                "base": self.source.base,
                "changes": list[Json](self.source.changes),
                "commit": self.source.commit,
                "tree": self.source.tree,
            },
            "artifact": self.artifact,
            "manifest": self.id,
            "normalised": [[member, by] for member, by in self.normalised],
            "recipe": self.recipe,
            "size": self.size,
            "statements": [one.digest for one in self.statements],
        }


def recall(facts: Mapping[str, Json], depot: Depot, statements: Statements) -> Composition:
    """The composition an event tells of; raises `Refusal` when a part of it is not there."""
    found = exactly(dict(facts), _FACTS)
    approved = exactly(found["approved"], {"base", "changes", "commit", "tree"})
    source = ApprovedSource(
        text(approved["commit"]),
        text(approved["tree"]),
        text(approved["base"]),
        tuple(text(one) for one in rows(approved["changes"])),
    )
    manifest = manifests.parse(depot.get(digest(found["manifest"])))
    return Composition(
        manifest.product,
        manifest.kind,
        manifest.labels,
        source,
        digest(found["artifact"]),
        whole(found["size"]),
        manifest,
        tuple(statements.get(digest(one)) for one in rows(found["statements"])),
        digest(found["recipe"]),
        tuple(_pair(one) for one in rows(found["normalised"])),
    )


@dataclass(frozen=True, slots=True)
class Made:
    """A commit of a composition: who made it, and what it says."""

    commit: str
    author: str
    subject: str


def manifest_of(program: Program, kind: Kind, tree: Tree) -> Manifest:
    """The manifest of a tree under a program's name; raises `Malformed` for an unfit tree."""
    made = Manifest(
        program.product, kind, dict(program.labels), members(tree), program.keeps, program.start
    )
    return manifests.parse(made.to_bytes())


def provenance(
    program: Program, kind: Kind, source: Rendered, tools: Tools, subjects: Mapping[str, Digest]
) -> Statement:
    """SLSA provenance v1 of one build: which commit, which recipe, by which builder."""
    return Statement(
        subjects,
        Predicate.PROVENANCE,
        {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "base": program.approved.base,
                    "commit": source.commit,
                    "kind": kind.value,
                    "product": program.product,
                    "recipe": {"sha256": program.recipe.digest},
                },
                "internalParameters": {"epoch": source.epoch},
                "resolvedDependencies": [
                    {
                        "digest": {"gitCommit": source.commit, "gitTree": program.approved.tree},
                        "name": "source",
                    },
                    *source.materials,
                    {"digest": {"sha256": tools.sha256}, "name": tools.interpreter},
                ],
            },
            "runDetails": {"builder": {"id": tools.builder}},
        },
    )


def composition_statement(
    manifest: Manifest,
    source: Rendered,
    recipe: Recipe,
    origins: Mapping[str, Origin],
    subjects: Mapping[str, Digest],
    normalised: Sequence[tuple[str, str]],
    changes: Sequence[Change],
) -> Statement:
    """`composition/v1`: every member with its path, mode, digest, git object and origin.

    `changes` are the commits from base to the approved one, as whoever approves reads them.
    """
    return Statement(
        subjects,
        Predicate.COMPOSITION,
        {
            "changes": [
                {"author": one.author, "commit": one.commit, "subject": one.subject}
                for one in changes
            ],
            "commit": source.commit,
            "members": [
                {
                    "mode": one.mode,
                    "path": one.path,
                    "sha256": one.sha256,
                    "size": one.size,
                    **_origin(recipe.source_of(one.path), source, origins),
                }
                for one in manifest.members
            ],
            "normalised": [{"by": by, "member": member} for member, by in normalised],
            "recipe": {"sha256": recipe.digest},
        },
    )


def history(composition: Composition) -> tuple[Made, ...]:
    """The changes that the composition statement lists, oldest first; raises `Malformed`.

    Nothing for a statement from before they were listed.
    """
    told = read(composition.statements[2], Predicate.COMPOSITION).predicate
    found = [exactly(row, {"author", "commit", "subject"}) for row in rows(told.get("changes", []))]
    return tuple(
        Made(text(one["commit"]), text(one["author"]), text(one["subject"])) for one in found
    )


def _origin(path: str, source: Rendered, origins: Mapping[str, Origin]) -> dict[str, Json]:
    if path not in source.objects:
        return {"transform": "step"}
    origin = origins.get(path)
    return {
        "gitObject": source.objects[path],
        "introduced": origin.commit if origin else "",
        "transform": "git",
    }


def _pair(row: Json) -> tuple[str, str]:
    match row:
        case [str(member), str(by)]:
            return member, by
    raise Malformed("not-a-pair", needed="a member and a normaliser")
