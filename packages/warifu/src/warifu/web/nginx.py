"""An nginx configuration for the published tree: the same answers as `files.py` gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from warifu.web.files import LASTING, PLACES, TIMESTAMP, TIMESTAMP_SHARE
from warifu_wire.errors import Malformed
from warifu_wire.pseudonym import HEADER

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:[]")

# Times and sizes as strings: nginx's json escape quotes what a client may have put in.
_LOG = (
    '{"at":"$time_iso8601","method":"$request_method","path":"$uri","status":"$status",'
    '"sent":"$body_bytes_sent","range":"$sent_http_content_range",'
    '"length":"$sent_http_content_length","machine":"$http_'
    f'{HEADER.lower().replace("-", "_")}"'
    "}"
)


@dataclass(frozen=True, slots=True)
class Site:
    """What nginx is told: the folder it serves, where it listens, who answers the rest (our own
    web process), the lease in seconds, and the file its download log goes to."""

    root: Path
    listen: str
    upstream: str
    lease: int
    log: Path


def configuration(site: Site) -> str:
    """A server block for nginx ≥ 1.18, to be included in its http block; raises `Malformed`."""
    for word in (str(site.root), site.listen, site.upstream, str(site.log)):
        if not word or not set(word) <= _PLAIN:
            raise Malformed("not-plain", needed="letters, digits and ._-/:[] only", found=word)
    places = "|".join(PLACES)
    return f"""# Made by warifu. The tree is plain files; only the timestamp is ever replaced.
log_format warifu escape=json '{_LOG}';

server {{
    listen {site.listen};
    server_tokens off;
    root {site.root};
    access_log {site.log} warifu buffer=32k flush=1s;
    sendfile on;
    tcp_nopush on;
    max_ranges 1;
    error_page 404 = @missing;

    # The lease: caches may hold it for a twentieth of its life, no more.
    location = {TIMESTAMP} {{
        limit_except GET {{ deny all; }}
        default_type application/json;
        add_header Cache-Control "public, max-age={site.lease // TIMESTAMP_SHARE}";
    }}

    # Names that say what is in them, by version or digest: they last.
    location ~ ^/(?:{places})(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+$ {{
        limit_except GET {{ deny all; }}
        types {{ application/json json; }}
        default_type application/octet-stream;
        add_header Cache-Control "{LASTING}";
        try_files $uri @missing;
    }}

    # Nobody keeps an absence: soon the name may exist (the next root).
    location ~ ^/(?:{places})(?:/|$) {{
        return 404;
    }}
    location @missing {{
        internal;
        add_header Cache-Control "no-store" always;
        default_type text/plain;
        return 404;
    }}

    # Other people's clients: looked at anew, and logged by who answers.
    location /feeds/ {{
        access_log off;
        proxy_pass http://{site.upstream};
        proxy_set_header Host $host;
    }}

    # Enrolment, reports and pages.
    location / {{
        client_max_body_size 2m;
        proxy_pass http://{site.upstream};
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
    }}
}}
"""
