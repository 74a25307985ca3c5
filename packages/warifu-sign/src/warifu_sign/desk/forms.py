"""The desk's forms: fetch, take over, renew, another password, revoke; and what comes of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape

from cryptography import x509

from warifu_sign.certificate import holder, signatory
from warifu_sign.desk import pages
from warifu_sign.desk.acts import Desk
from warifu_sign.desk.html import check, day, field, form, lead, link, listing, moment, say, told
from warifu_sign.window.renewing import REASONS, Revoked
from warifu_sign.words import Language

Given = Mapping[str, str]
FORMS = ("fetch", "take", "renew", "change", "revoke")


def made(name: str, desk: Desk, given: Given, language: Language) -> str:
    """The form of that name; given: what was typed before, so that nothing is typed twice."""
    return {
        "fetch": fetch,
        "take": take,
        "renew": renew,
        "change": change,
        "revoke": revoke,
    }[name](desk, given, language)


def fetch(desk: Desk, given: Given, language: Language) -> str:
    """The form that turns a letter into a certificate."""
    fields = (
        _address(desk, given, language)
        + field("reference", "reference", "text", given.get("reference", ""), language)
        + field("pin", "pin", "text", given.get("pin", ""), language, hint="pin_hint")
        + _new_password(language)
        + check("made_there", "made_there", given.get("made_there") == "1", language)
    )
    return lead("fetch_lead", language) + form("fetch", fields, "fetch_do", language)


def take(desk: Desk, given: Given, language: Language) -> str:
    """The form that takes over a certificate file from elsewhere."""
    del desk, given
    chosen = (
        f"<p class=field><label for=file>{say('file', language)}</label>"
        "<input id=file name=file type=file accept=.p12,.pfx required></p>"
    )
    fields = chosen + field("password", "present", "password", "", language)
    return lead("take_lead", language) + form(
        "take", fields + _new_password(language, "new"), "take_do", language, files=True
    )


def renew(desk: Desk, given: Given, language: Language) -> str:
    """The form that replaces a certificate by its successor."""
    fields = _address(desk, given, language) + field(
        "password", "password", "password", "", language
    )
    return lead("renew_lead", language) + form("renew", fields, "renew_do", language)


def change(desk: Desk, given: Given, language: Language) -> str:
    """The form that puts the certificate file under another password."""
    del desk, given
    fields = field("password", "present", "password", "", language)
    return lead("change_lead", language) + form(
        "change", fields + _new_password(language, "new"), "change_do", language
    )


def revoke(desk: Desk, given: Given, language: Language) -> str:
    """The form that ends a certificate for good."""
    reasons = "".join(
        f"<p class=check><label><input type=radio name=reason value={one} required"
        f"{' checked' if given.get('reason') == one else ''}> {say(f'because_{one}', language)}"
        "</label></p>"
        for one in REASONS
    )
    fields = (
        f"<fieldset><legend>{say('because', language)}</legend>{reasons}</fieldset>"
        + _address(desk, given, language)
        + field("password", "password", "password", "", language)
        + check("understood", "understood", False, language, required=True)
    )
    return (
        told("warn", lead("revoke_lead", language))
        + lead("revoke_lost", language)
        + form("revoke", fields, "revoke_do", language)
    )


def fetched(desk: Desk, who: str, language: Language) -> str:
    """What was fetched, what is to be compared, and what comes next."""
    return _arrived("fetched", desk, who, language)


def taken(desk: Desk, who: str, language: Language) -> str:
    """What was taken over, what is to be compared, and what comes next."""
    return _arrived("taken", desk, who, language)


def _arrived(word: str, desk: Desk, who: str, language: Language) -> str:
    done = told("good", f"<p><b>{say(word, language)}</b> {escape(who)}</p>")
    copy = f"<p>{say('copy', language)}: <code>{escape(str(desk.home.file))}</code></p>"
    return done + pages.compare(desk, language) + copy + _onward(language)


def renewed(certificate: x509.Certificate, language: Language) -> str:
    """The successor, and what comes next."""
    rows = [
        ("holder", holder(certificate)),
        ("until", day(signatory(certificate).not_after, language)),
    ]
    done = told("good", f"<p><b>{say('renewed', language)}</b></p>")
    return done + listing(rows, language) + lead("renewed_next", language) + _onward(language)


def changed(language: Language) -> str:
    """That the password is another one now."""
    return told("good", lead("changed", language)) + _onward(language)


def revoked(ended: Revoked, language: Language) -> str:
    """When it ended, and what comes next."""
    rows = [("serial", ended.serial), ("at", moment(datetime.fromisoformat(ended.at), language))]
    return (
        told("good", lead("revoked_done", language))
        + listing(rows, language)
        + lead("revoked_next", language)
    )


def _onward(language: Language) -> str:
    return (
        f"<p>{link('sign', 'sign', language)} "
        f"{link('certificate', 'certificate', language, quiet=True)}</p>"
    )


def _address(desk: Desk, given: Given, language: Language) -> str:
    known = given.get("address") or desk.home.address or "https://"
    return field("address", "authority", "url", known, language, hint="address_hint")


def _new_password(language: Language, name: str = "password") -> str:
    return field(name, "new_password", "password", "", language, hint="new_password_hint") + field(
        "again", "again", "password", "", language
    )
