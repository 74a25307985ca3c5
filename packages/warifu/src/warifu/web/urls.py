"""Which page answers which address."""

from __future__ import annotations

from warifu.web.console.views import PATHS

urlpatterns = PATHS
