"""Django's one static settings module: it serves the ORM, its migrations, typing and the pages.

No database is named here: `database.connect` adds one per ledger at wiring. The pages only read,
keep no session and take no form, so there is no secret key and no middleware.
"""

from pathlib import Path

INSTALLED_APPS = ["warifu.engines.ledger"]
DATABASES: dict[str, dict[str, object]] = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "warifu.web.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parents[2] / "web" / "console" / "templates"],
        "OPTIONS": {"libraries": {"tz": "django.templatetags.tz"}},
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "ja"
