"""Django's one static settings module: it serves the ORM, its migrations and typing.

No database is named here: `database.connect` adds one per ledger at wiring.
"""

INSTALLED_APPS = ["warifu.engines.ledger"]
DATABASES: dict[str, dict[str, object]] = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "ja"
