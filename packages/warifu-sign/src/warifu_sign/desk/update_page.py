"""The page of updates: what is installed, what would change, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from warifu_sign import __version__
from warifu_sign.desk import updating
from warifu_sign.desk.acts import Desk
from warifu_sign.desk.html import details, form, lead, link, listing, say, told
from warifu_sign.desk.updating import Answer, Run, State
from warifu_sign.words import Language

KINDS = {"trial": "warn", "undone": "bad", "refused": "bad", "fault": "bad"}
CHANGED = ("installed", "trial", "rolled-back")


def update(desk: Desk, language: Language, looked: Answer | None = None) -> str:
    """The whole page; `looked` is the answer to whether a release is offered."""
    edition = [("edition", __version__)]
    if desk.updater is None:
        return listing(edition, language) + lead("update_none", language)
    if desk.run.working:
        return listing(edition, language) + _now(desk.run, language)
    found = updating.state(desk.updater)
    if found is None:
        return listing(edition, language) + told("warn", lead("update_silent", language))
    label = found.label.get(language, "")
    rows = [*edition, ("installed", f"{label} [{found.release[:12]}]".strip())]
    ended = desk.run.ended()
    return (
        (_ended(ended, language) if ended else "")
        + listing(rows, language)
        + _tree(found, language)
        + lead("update_lead", language)
        + (_answer(looked, language) if looked else "")
        + form("update", "", "look", language)
        + _back(found, language)
    )


def buttons(desk: Desk, language: Language) -> dict[str, Callable[[object], str]]:
    """What each button does: look for a release, or start a run and show the page again ("")."""

    def looked(_: object) -> str:
        found = updating.look(desk.updater, language) if desk.updater else None
        return update(desk, language, found)

    def begin(verb: str) -> Callable[[object], str]:
        def begun(_: object) -> str:
            if desk.updater is not None:
                desk.run.begin(desk.updater, verb, language)
            return ""

        return begun

    return {"update": looked, **{verb: begin(verb) for verb in updating.VERBS}}


def now(run: Run) -> dict[str, str]:
    """How far it is, for the page's script."""
    over = "" if run.working else "1"
    return {"said": run.said, "done": str(run.done), "total": str(run.total), "over": over}


def _tree(found: State, language: Language) -> str:
    if found.tree == "intact":
        return told("good", lead("tree_intact", language))
    return told("bad", lead("tree_differs", language) + form("mend", "", "mend", language))


def _answer(found: Answer, language: Language) -> str:
    """What would change, and the button for it; or why there is nothing."""
    said = f"<p>{escape(found.said)}</p>"
    if found.end != "offered":
        return told(KINDS.get(found.end, "good"), said)
    return told(
        "good", said + lead("update_change", language) + form("install", "", "do", language)
    )


def _ended(found: Answer, language: Language) -> str:
    """How the last run ended; after a change this window is still the old one."""
    again = lead("update_reopen", language) if found.end in CHANGED else ""
    return told(KINDS.get(found.end, "good"), f"<p>{escape(found.said)}</p>{again}")


def _now(run: Run, language: Language) -> str:
    """The progress; without a script there is a link that shows it again."""
    value = f" value={run.done}" if run.total else ""
    return (
        f"<section id=now aria-live=polite><p id=now-said>"
        f"{escape(run.said) or say('working', language)}</p>"
        f"<progress id=now-bar max={run.total or 1}{value} "
        f'aria-label="{say("working", language)}"></progress></section>'
        f"{lead('update_safe', language)}<noscript><p>"
        f"{link('update', 'show_again', language)}</p></noscript>"
    )


def _back(found: State, language: Language) -> str:
    if not found.kept:
        return ""
    inside = lead("back_lead", language) + form("back", "", "back", language)
    return details(f"<p>[{escape(found.kept[:12])}]</p>{inside}", language, "back")
