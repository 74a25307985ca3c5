"""The visible stamp (印影): who signed and when, in Japanese, drawn as outlines.

Outlines need no font in the file and none on the reader's machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.stamp import StaticStampStyle

from warifu_sign.errors import Refusal
from warifu_sign.words import JST

RED = "0.76 0.12 0.16"
WIDTH, HEIGHT, MARGIN = 190, 56, 28
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "C:/Windows/Fonts/YuGothM.ttc",
    "C:/Windows/Fonts/msgothic.ttc",
    "/System/Library/Fonts/ヒラギノ角ゴシック W3.ttc",
)


@dataclass(frozen=True, slots=True)
class Look:
    """Where the stamp goes and what it is drawn with. page: from 0. font: None looks for one."""

    page: int = 0
    font: Path | None = None


def field(look: Look) -> SigFieldSpec:
    """The signature field: at the foot of the page, on the left."""
    box = (MARGIN, MARGIN, MARGIN + WIDTH, MARGIN + HEIGHT)
    return SigFieldSpec("Signature1", on_page=look.page, box=box)


def style(look: Look, holder: str, at: datetime) -> StaticStampStyle:
    """The stamp's appearance. Raises Refusal stamp-font, stamp-glyph."""
    font = _font(look.font)
    when = at.astimezone(JST).strftime("%Y年%m月%d日 %H:%M JST")
    lines = (("電子署名 / Digitally signed", 8, 40), (holder, 14, 20), (when, 8, 7))
    drawn = "".join(_line(font, text, size, 8, y) for text, size, y in lines)
    frame = f"q {RED} RG 1.2 w 1 1 {WIDTH - 2} {HEIGHT - 2} re S Q "
    content = RawContent(
        f"{frame}q {RED} rg {drawn}Q".encode("ascii"), box=BoxConstraints(WIDTH, HEIGHT)
    )
    return StaticStampStyle(border_width=0, background=content, background_opacity=1.0)


def _font(path: Path | None) -> TTFont:
    candidates = [path] if path is not None else [Path(one) for one in FONTS]
    for candidate in candidates:
        if candidate.is_file():
            return TTFont(candidate, fontNumber=0, lazy=True)
    raise Refusal("stamp-font", needed="a Japanese font, named by --stamp-font")


def _line(font: TTFont, text: str, size: float, x: float, y: float) -> str:
    """One line of text as filled paths; narrowed where it would not fit."""
    names, glyphs = font.getBestCmap(), font.getGlyphSet()
    scale = size / font["head"].unitsPerEm
    found = list(_glyphs(text, names))
    width = sum(glyphs[name].width for name in found) * scale
    narrow = min(1.0, (WIDTH - 2 * x) / width) if width else 1.0
    pen = _Paths(glyphs)
    parts: list[str] = []
    place = 0.0
    for name in found:
        pen.drawn.clear()
        glyphs[name].draw(pen)
        parts.append(f"q 1 0 0 1 {place:.0f} 0 cm {' '.join(pen.drawn)} f Q")
        place += glyphs[name].width
    return f"q {scale * narrow:.5f} 0 0 {scale:.5f} {x} {y} cm {' '.join(parts)} Q "


def _glyphs(text: str, names: dict[int, str]) -> Iterator[str]:
    for one in text:
        if ord(one) not in names:
            raise Refusal("stamp-glyph", character=one, needed="a font that has this character")
        yield names[ord(one)]


class _Paths(BasePen):  # type: ignore[misc] # fontTools ships no types
    """Outlines as PDF path operators."""

    def __init__(self, glyphs: object) -> None:
        super().__init__(glyphs)
        self.drawn: list[str] = []

    def _moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802 - fontTools' name
        self.drawn.append(f"{point[0]:.1f} {point[1]:.1f} m")

    def _lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self.drawn.append(f"{point[0]:.1f} {point[1]:.1f} l")

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self.drawn.append(" ".join(f"{x:.1f} {y:.1f}" for x, y in points) + " c")

    def _closePath(self) -> None:  # noqa: N802
        self.drawn.append("h")
