"""Who may speak to the desk: the one browser that was opened with the token, from its own page."""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

COOKIE = "warifu_desk"


class Gate:
    """One token that works once, then one cookie; Host and Origin must be exactly ours."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.origin = f"http://{self.host}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)

    @property
    def address(self) -> str:
        """Where to point the browser; "" once it was used."""
        return f"{self.origin}/open?token={self._token}" if self._token else ""

    def spend(self, token: str) -> str | None:
        """The cookie for the right token, once; None for any other."""
        if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = None
        return f"{COOKIE}={self._session}; Path=/; HttpOnly; SameSite=Strict"

    def own_host(self, host: str | None) -> bool:
        """Whether a request was meant for us; a rebound name is not our address."""
        return host == self.host

    def own_page(self, origin: str | None) -> bool:
        """Whether a change was asked for by our own page."""
        return origin == self.origin

    def known(self, cookies: str | None) -> bool:
        """Whether the request carries the session's cookie."""
        try:
            jar = SimpleCookie(cookies or "")
        except CookieError:
            return False
        found = jar[COOKIE].value if COOKIE in jar else ""
        return hmac.compare_digest(found.encode(), self._session.encode())
