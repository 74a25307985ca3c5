"""The ledger as a Django application, so that its tables have migrations."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Names the application; it has nothing to do at start."""

    name = "warifu.engines.ledger"
    label = "ledger"
