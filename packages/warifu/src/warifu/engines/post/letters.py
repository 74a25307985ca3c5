"""Letters as PDF: one A4 page for each recipient, in a font that holds every character."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import typst
from fontTools.ttLib import TTCollection

from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal

FONT = Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc")
CHUNK = 300


@dataclass(frozen=True, slots=True)
class Letter:
    """One page: addressee, date, subject, paragraphs, and the line at its foot."""

    to: str
    date: str
    subject: str
    body: tuple[str, ...]
    foot: str


def print_letters(letters: Sequence[Letter], folder: Path, name: str) -> tuple[Path, ...]:
    """Write PDFs of at most 300 letters each; raises `Refusal` for a character no font has.

    Nothing is written unless every letter can be printed whole.
    """
    _printable(letters)
    made = []
    for start in range(0, len(letters), CHUNK):
        data = json.dumps([asdict(one) for one in letters[start : start + CHUNK]])
        try:
            pdf = typst.compile(
                resources.files("warifu.engines.post").joinpath("letter.typ").read_bytes(),
                sys_inputs={"letters": data},
                format="pdf",
            )
        except (RuntimeError, ValueError) as error:
            raise Fault(f"letters were not set: {error}", needed="fonts-noto-cjk") from error
        made.append((folder / f"{name}-{start + 1:04d}.pdf", pdf))
    folder.mkdir(parents=True, exist_ok=True)
    for place, pdf in made:
        atomic.write(place, pdf)
    return tuple(place for place, _ in made)


def _printable(letters: Sequence[Letter]) -> None:
    try:
        collection = TTCollection(FONT, lazy=True)
    except OSError as error:
        raise Fault("the letters' font is missing", needed="Debian's fonts-noto-cjk") from error
    with collection:
        known = set(collection.fonts[0].getBestCmap())
    for letter in letters:
        for text in (letter.to, letter.date, letter.subject, *letter.body, letter.foot):
            missing = {one for one in text if ord(one) not in known and one != "\n"}
            if missing:
                raise Refusal(
                    "not-printable",
                    needed="a spelling of the name that the font has, agreed with the member",
                    to=letter.to,
                    characters=" ".join(f"U+{ord(one):04X}" for one in sorted(missing)),
                )
