"""The desk's pages: my certificate, sign, verify, diagnostics."""

from __future__ import annotations

from html import escape

from warifu_sign.certificate import days_left, signatory
from warifu_sign.desk.acts import Desk
from warifu_sign.desk.home import RENEWAL, Phase, certificates, fingerprint
from warifu_sign.desk.html import (
    check,
    day,
    details,
    digest,
    field,
    form,
    lead,
    link,
    listing,
    say,
    told,
)
from warifu_sign.words import Language

USABLE = (Phase.GOOD, Phase.ENDING)


def certificate(desk: Desk, language: Language) -> str:
    """Whose certificate it is, how long it lasts, what may be done now, and the key."""
    own = desk.home.certificate()
    if own is None:
        return (
            compare(desk, language)
            + lead("none", language)
            + f"<p>{link('fetch', 'fetch', language)} "
            f"{link('take', 'take', language, quiet=True)}</p>"
        )
    who = signatory(own)
    left = days_left(own, desk.now())
    rows = [
        ("holder", who.name),
        ("until", day(who.not_after, language)),
        ("days", str(max(left, 0))),
    ]
    more = [("issuer", who.issuer), ("serial", who.serial), ("fingerprint", who.fingerprint)]
    usable = desk.home.phase(desk.now()) in USABLE
    return (
        compare(desk, language)
        + _standing(desk, language)
        + listing(rows, language)
        + details(listing(more, language), language)
        + (key(desk, language) if usable else "")
        + _more(desk, language)
    )


def compare(desk: Desk, language: Language) -> str:
    """The question whether a new root is that of the letter, while one waits."""
    waiting = certificates(desk.home.unconfirmed)
    if not waiting:
        return ""
    shown = "".join(f"<p>{digest(fingerprint(one))}</p>" for one in waiting)
    answers = (
        f"<form method=post action=/compare><button name=same value=1>{say('same', language)}"
        "</button> <button class=quiet name=same value=0>"
        f"{say('differs', language)}</button></form>"
    )
    heading = f"<h2>{say('compare', language)}</h2>"
    return told("warn", f"{heading}{lead('compare_lead', language)}{shown}{answers}")


def key(desk: Desk, language: Language) -> str:
    """Whether the key is open, and the other way round."""
    if desk.key is not None:
        return told("good", lead("open", language)) + (
            f"<form method=post action=/lock><button class=quiet>{say('lock', language)}</button>"
            "</form>"
        )
    password = field("password", "password", "password", "", language)
    return f"<h2>{say('locked', language)}</h2>{form('unlock', password, 'unlock', language)}"


def sign(desk: Desk, language: Language) -> str:
    """Where documents are dropped, and the list of what became of each."""
    own = desk.home.certificate()
    if own is None:
        return lead("none", language) + f"<p>{link('fetch', 'fetch', language)}</p>"
    if desk.home.phase(desk.now()) not in USABLE:
        return _standing(desk, language)
    if desk.key is None:
        return _standing(desk, language) + lead("unlock_first", language) + key(desk, language)
    whose = f"<p>{say('holder', language)}: <b>{escape(signatory(own).name)}</b></p>"
    stamped = "".join(
        f"<option value={name}>{say(f'lasting_{name}', language)}</option>"
        for name in ("stamped", "archived")
        if desk.home.address
    )
    options = (
        check("visible", "visible", False, language)
        + check("together", "together", False, language)
        + f"<p><label for=lasting>{say('lasting', language)}</label> <select id=lasting>"
        f'<option value="">{say("lasting_usual", language)}</option>{stamped}</select></p>'
    )
    where = f"<p>{say('where', language)}: <code>{escape(str(desk.home.signed))}</code></p>"
    return f"{_standing(desk, language)}{whose}{_drop('sign', options, language)}{where}"


def verify(desk: Desk, language: Language) -> str:
    """Where signed documents are dropped, and the verdict on each."""
    warned = "" if desk.home.roots() else told("warn", lead("no_roots", language))
    return (
        compare(desk, language)
        + warned
        + lead("verify_lead", language)
        + _drop("verify", "", language)
    )


def diagnostics(desk: Desk, language: Language) -> str:
    """What the help desk asks for."""
    return (
        lead("report_lead", language)
        + f'<p><a class=button href=/report download="warifu-sign-report.json">'
        f"{say('report', language)}</a></p>"
        + details(
            f'<pre tabindex=0 aria-label="{say("report_shown", language)}">'
            f"{escape(desk.report())}</pre>",
            language,
            "report_shown",
        )
    )


def ended(language: Language) -> str:
    """What is shown once the tool was ended from its page."""
    return lead("quitted", language)


def _standing(desk: Desk, language: Language) -> str:
    """What the member should know of the certificate before using it."""
    phase = desk.home.phase(desk.now())
    if desk.home.renewal_under_way:
        renewing = f"<p>{link('renew', 'renew_on', language)}</p>"
        return told("warn", lead("renewal_under_way", language) + renewing)
    if phase is Phase.ENDING:
        renewing = f"<p>{link('renew', 'renew', language)}</p>"
        return told("warn", lead("ending", language) + renewing)
    if phase not in USABLE:
        fetching = f"<p>{link('fetch', 'fetch_new', language)}</p>"
        return told("bad", lead(phase.value, language) + fetching)
    return ""


def _more(desk: Desk, language: Language) -> str:
    """What else may be done with the certificate."""
    own, phase = desk.home.certificate(), desk.home.phase(desk.now())
    assert own is not None
    opens = day(own.not_valid_after_utc - RENEWAL, language)
    usable = phase in USABLE
    renewal = (
        f"<li>{link('renew', 'renew', language, quiet=True)}</li>"
        if phase is Phase.ENDING
        else f"<li>{say('renew_from', language)}: {opens}</li>"
    )
    rows = [
        renewal if usable else "",
        f"<li>{link('change', 'change', language, quiet=True)}</li>",
        f"<li>{link('revoke', 'revoke', language, quiet=True)}</li>" if usable else "",
        f"<li>{link('fetch', 'fetch_new', language, quiet=True)}</li>" if usable else "",
    ]
    copy = f"<p>{say('copy', language)}: <code>{escape(str(desk.home.file))}</code></p>"
    return f"<h2>{say('more', language)}</h2><ul class=more>{''.join(rows)}</ul>{copy}"


def _drop(verb: str, options: str, language: Language) -> str:
    data = "".join(
        f' data-{name.replace("_", "-")}="{say(name, language)}"'
        for name in ("working", "gone", "application", "together_do", "save")
    )
    data += f' data-counted="{say(f"counted_{verb}", language)}"'
    return (
        f"<section id=drop class=drop data-verb={verb}{data} aria-labelledby=drop-lead>"
        f"<p id=drop-lead>{say('drop', language)}</p>{options}"
        f"<p><label class=button for=files>{say('choose', language)}</label>"
        "<input id=files class=away type=file multiple></p></section>"
        "<form id=chosen hidden></form><p id=progress role=status></p>"
        f"<table><caption class=away>{say('results', language)}</caption><thead><tr>"
        f"<th scope=col>{say('files', language)}</th>"
        f"<th scope=col>{say('state', language)}</th></tr></thead>"
        "<tbody id=results></tbody></table>"
    )
