"""Append-only hash-chained events, rows for reading, and due work.

Importing this room starts Django with our settings, once a process and without any environment
variable: tables cannot be defined before that.
"""

import django
from django import conf

from warifu.engines.ledger import settings as _ours

if not conf.settings.configured:
    conf.settings.configure(**{name: getattr(_ours, name) for name in dir(_ours) if name.isupper()})
    django.setup()
