"""Django behind the gate: pages that read, each with headers that let nothing else in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from warifu.app.wiring import House
from warifu.web.console.views import HOUSE
from warifu.web.files import App, Environ, Headers, Start

GUARDS: Headers = [
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]


def pages(house: House) -> App:
    """The pages of a house, as an application behind the gate."""
    handler: Any = WSGIHandler()  # Django's own idea of a start-response is narrower than ours

    def answer(environ: Environ, start: Start) -> Iterable[bytes]:
        def guarded(status: str, headers: Headers, _error: object = None) -> object:
            return start(status, [*headers, *GUARDS])

        found: Iterable[bytes] = handler({**environ, HOUSE: house}, guarded)
        return found

    return answer
