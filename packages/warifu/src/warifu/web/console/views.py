"""The console's pages: they only read. The house is put into the request by the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from importlib import resources
from typing import Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.urls.resolvers import URLPattern
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from warifu.app import keys as life
from warifu.app import reading, refusals
from warifu.app import words as told
from warifu.app.keys import Office
from warifu.app.wiring import House, clock
from warifu.engines.ledger import queries
from warifu.model.prose import blocks
from warifu.web.console.words import LANGUAGES, words
from warifu_wire.digest import digest
from warifu_wire.errors import Fault, Refusal

HOUSE = "warifu.house"
JST = ZoneInfo("Asia/Tokyo")
PAGE = 50

Named = ParamSpec("Named")
Shown = tuple[str, dict[str, object]]


def page(
    show: Callable[Concatenate[HttpRequest, House, Named], Shown],
) -> Callable[..., HttpResponse]:
    """A page from what it shows; a refusal is a page too, with its reason."""

    @wraps(show)
    def shown(request: HttpRequest, *named: Named.args, **more: Named.kwargs) -> HttpResponse:
        house: House = request.META[HOUSE]
        language = _language(request)
        status = 200
        try:
            template, context = show(request, house, *named, **more)
        except Refusal as refusal:
            status, template = 404, "refused.html"
            context = {"told": told.told(refusal, language)}
        except Fault as fault:
            status, template = 503, "refused.html"
            context = {"told": told.told(fault, language)}
        other = next(one for one in LANGUAGES if one != language)
        common = {
            "language": language,
            "other": other,
            "product": house.product,
            "trial": house.trial,
            "w": words(language),
            "zone": JST,
        }
        return render(request, template, common | context, status=status)

    return require_safe(shown)


def _language(request: HttpRequest) -> str:
    asked = request.GET.get("lang", "")
    return asked if asked in LANGUAGES else LANGUAGES[0]


@page
def home(request: HttpRequest, house: House) -> Shown:
    """What is published, what waits, what runs out."""
    w = words(_language(request))
    found = reading.home(house, clock())
    return "home.html", {
        "home": found,
        "releases": [
            replace(one, kind=w[one.kind], probed=w.get(one.probed, one.probed))
            for one in found.standing.releases
        ],
        "past": [replace(one, kind=w[one.kind]) for one in found.past],
    }


@page
def release(request: HttpRequest, house: House, wanted: str) -> Shown:
    """One release: what it is, where it stands, what happened to it."""
    return "release.html", {"found": reading.release(house, digest(wanted), _language(request))}


@page
def incident(request: HttpRequest, house: House, wanted: str) -> Shown:
    """The incident's report and its timeline."""
    report = reading.report(house, digest(wanted), _language(request))
    return "incident.html", {
        "blocks": blocks(report.text),
        "head": report.head,
        "used": report.used,
        "wanted": wanted,
    }


@page
def why(request: HttpRequest, house: House, seq: int) -> Shown:
    """Why compose or verify refused: the page of one recorded refusal."""
    asked = request.GET.get("lang", "")
    found = refusals.refused(house, seq)
    body = found.html(asked if asked in LANGUAGES else LANGUAGES[0])
    return "why.html", {"body": SafeString(body), "found": found}  # every part is escaped there


@page
def ledger(request: HttpRequest, house: House) -> Shown:
    """The events, newest first."""
    said = request.GET.get("before", "")
    before = int(said) if said.isdecimal() and len(said) < 16 else None
    found = queries.events(reading.alias(house), before=before, limit=PAGE)
    older = found[-1].seq if len(found) == PAGE else None
    return "ledger.html", {"events": found, "older": older}


@page
def keys(request: HttpRequest, house: House) -> Shown:
    """Every key, whose it is, and what became of it."""
    del request
    office = Office(house.ledger, house.keyring, house.repository, house.product, "console")
    return "keys.html", {"keys": life.listed(office)}


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    """The one style sheet."""
    del request
    text = resources.files("warifu.web.console").joinpath("console.css").read_text("utf-8")
    return HttpResponse(text, content_type="text/css; charset=utf-8")


PATHS: list[URLPattern] = [
    path("", home, name="home"),
    path("releases/<str:wanted>", release, name="release"),
    path("incidents/<str:wanted>", incident, name="incident"),
    path("refusals/<int:seq>", why, name="why"),
    path("ledger", ledger, name="ledger"),
    path("keys", keys, name="keys"),
    path("console.css", style, name="style"),
]
