"""The settings of the portal: one module, read from the environment (docs/settings.md lists every variable)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from csp.constants import NONE, SELF
from django.contrib.messages import constants as messages

from portal import environment
from portal.environment import ROOT, choice, database, flag, mail, number, secret_key, text, words

PROFILE = choice("PORTAL_PROFILE", "production", environment.PROFILES)
SECRET_KEY = secret_key(PROFILE)

# Where the site is reached

ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
_ONLY_THIS_MACHINE = set(ALLOWED_HOSTS) <= environment.THIS_MACHINE
DEBUG = environment.debugs(PROFILE, ALLOWED_HOSTS, text("STREAM_BASE_URL"))
HTTPS = flag("HTTPS", not _ONLY_THIS_MACHINE)
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
BEHIND_PROXY = flag("TRUSTED_PROXY", False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "requests_app.apps.RequestsConfig",
    "portal.apps.SafeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # The widgets of the forms, which the portal lays out itself.
    "django.forms",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django_q",
    "csp",
]

MIDDLEWARE = [
    "portal.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.ResponseHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.health.about_nobody",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page is closed unless it says otherwise.
    "portal.signed_in.SignInMiddleware",
    "requests_app.views.refused_attempts.refused_attempts",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

if BEHIND_PROXY:
    MIDDLEWARE.insert(0, "portal.middleware.ClientAddressMiddleware")

# The developer's toolbar is no part of an installation: in `dev` alone, and only where somebody installed it.
TOOLBAR = DEBUG and find_spec("debug_toolbar") is not None
if TOOLBAR:
    INSTALLED_APPS.append("debug_toolbar")
    _after = MIDDLEWARE.index("csp.middleware.CSPMiddleware") + 1
    MIDDLEWARE.insert(_after, "debug_toolbar.middleware.DebugToolbarMiddleware")
    INTERNAL_IPS = ["127.0.0.1", "::1"]
    # Open it covers the page's own buttons.
    DEBUG_TOOLBAR_CONFIG = {"SHOW_COLLAPSED": True}

# A changed template is seen at the next request in `dev`, and read once everywhere else.
_LOADERS = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            "loaders": _LOADERS if DEBUG else [("django.template.loaders.cached.Loader", _LOADERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "requests_app.views.shell.shell",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
MESSAGE_TAGS = {messages.ERROR: "red", messages.SUCCESS: "green", messages.INFO: "blue", messages.WARNING: "amber"}

# Data

DATABASES = {"default": database("DATABASE_URL", f"sqlite:///{ROOT}/var/portal.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    (ROOT / "var").mkdir(exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        # One writer at a time from the first statement on: a claim is then atomic, and nothing deadlocks.
        "transaction_mode": "IMMEDIATE",
        # FULL: an audit entry or an intent that was committed survives a power cut.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON; PRAGMA foreign_keys=ON; "
            # What is erased is overwritten, not merely let go of.
            "PRAGMA secure_delete=ON;"
        ),
    }
else:
    # Reconnecting for each request costs the queue four to six times its speed.
    DATABASES["default"]["CONN_MAX_AGE"] = 600
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = text("REDIS_URL")
# Sign-in limits count here, so every process must see the same cache.
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "portal.cache.StrictDatabaseCache", "LOCATION": "portal_cache"}
    )
}

# The queue: a doorbell and a metronome. The rows of the database are the queue of record, so no setting here decides
# whether a delete happens once; they decide how soon, and how the cluster behaves when something dies.

Q_CLUSTER: dict[str, Any] = {
    "name": "portal",
    "workers": 2,
    # Jobs wait in the local queue under the same lease: a long one would be handed out twice.
    "queue_limit": 2,
    "bulk": 1,
    # A job works in slices well below this (seconds); SIGALRM ends it otherwise.
    "timeout": 50,
    # Above (timeout + 3) x (1 + prefetched jobs per worker), or a job still running is handed out again.
    "retry": 300,
    # The engine retries, the queue never does: a failed job is done with.
    "ack_failures": True,
    "max_attempts": 1,
    # Each saved result locks and counts the others.
    "save_limit": 50,
    # After an outage one sweep is as good as a hundred.
    "catch_up": False,
    "poll": 0.5,
    # An exact binary fraction: the guard compares a float timer with zero.
    "guard_cycle": 0.5,
    "recycle": 500,
    "max_rss": 300_000,
    "label": "Queue",
    "log_level": "INFO",
}
if REDIS_URL:
    Q_CLUSTER["redis"] = REDIS_URL
else:
    # In the database of the tickets a job joins the transaction that sends it.
    Q_CLUSTER["orm"] = "default"
    Q_CLUSTER["broker_class"] = "requests_app.broker.Broker"

# Signing in

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if PROFILE in {"demo", "dev"}:
    PASSWORD_HASHERS = ["requests_app.demo.hasher.DemoPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "portal.accounts.ClosedAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
# Seconds after which an approval asks for the password again.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "my-work"
LOGOUT_REDIRECT_URL = "account_login"

SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
if HTTPS:
    # The prefix makes browsers refuse the cookie from anywhere but this very host.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Files

STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
STATICFILES_DIRS = [ROOT / "static"]
if PROFILE != "production":
    STATIC_ROOT.mkdir(exist_ok=True)
_MANIFEST = PROFILE == "production" and (STATIC_ROOT / "staticfiles.json").exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if _MANIFEST
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
# Until collectstatic ran, files are served from where they lie.
WHITENOISE_USE_FINDERS = not _MANIFEST
# A changed stylesheet is seen at the next request.
WHITENOISE_AUTOREFRESH = DEBUG

# Bytes. What is uploaded stays in memory up to here, and so never lies in the clear in a temporary file.
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024

# Words and times

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
DSR_TIMEZONE = text("DSR_TIMEZONE", "Europe/Berlin")
TIME_ZONE = DSR_TIMEZONE
DSR_HOLIDAYS = text("DSR_HOLIDAYS", "DE")
DSR_TARGET_LEAD_DAYS = int(number("DSR_TARGET_LEAD_DAYS", 10, most=27))
# Accounts whose erasure one person may approve in an hour alone; 0 for no bound.
DSR_DELETES_PER_HOUR = int(number("DSR_DELETES_PER_HOUR", 100))
# Days for which an approval holds: what was not sent by then is decided anew.
DSR_APPROVAL_DAYS = int(number("DSR_APPROVAL_DAYS", 30, least=1))

# Retention, in days: of exports after they were handed out; of name, e-mail and free text, and of the user ids, after a
# ticket was closed.
RETENTION_EXPORT_DAYS = int(number("RETENTION_EXPORT_DAYS", 7))
RETENTION_CONTACT_DAYS = int(number("RETENTION_CONTACT_DAYS", 90))
RETENTION_REST_DAYS = int(number("RETENTION_REST_DAYS", 3 * 365))

# Mail and files

# Local hour of the digest, on working days.
REMINDER_HOUR = int(number("REMINDER_HOUR", 8))
PORTAL_URL = text("PORTAL_URL").rstrip("/")
_MAIL = mail("EMAIL_URL")
EMAIL_BACKEND = _MAIL["EMAIL_BACKEND"]
EMAIL_HOST = _MAIL.get("EMAIL_HOST", "")
EMAIL_PORT = _MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _MAIL.get("EMAIL_FILE_PATH") or None
EMAIL_TIMEOUT = int(number("MAIL_SECONDS", 10, least=1))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = text("MAIL_FROM", "portal@localhost")
# Whether a mail has anywhere to go.
MAILS = EMAIL_BACKEND != "django.core.mail.backends.dummy.EmailBackend"
# What letters to people say of the company (Art. 12(4) GDPR), and in which language by default.
CONTROLLER_NAME = text("CONTROLLER_NAME")
SUPERVISORY_AUTHORITY = text("SUPERVISORY_AUTHORITY")
COURT = text("COURT")
LETTER_LANGUAGE = choice("LETTER_LANGUAGE", "en", ("en", "de"))
# Not below a folder that anything serves.
FILES_FOLDER = text("FILES_FOLDER", f"{ROOT}/var/files")
# The largest attachment. An upload is kept in a nameless file, and no further than this.
ATTACHMENT_MEGABYTES = int(number("ATTACHMENT_MEGABYTES", 25, least=1))
FILE_UPLOAD_HANDLERS = ["portal.uploads.NamelessUploadHandler"]

# Stream

STREAM_BASE_URL = text("STREAM_BASE_URL")
STREAM_API_KEY = text("STREAM_API_KEY")
STREAM_API_SECRET = text("STREAM_API_SECRET")
STREAM_CONNECT_SECONDS = number("STREAM_CONNECT_SECONDS", 3.05, least=0.1)
STREAM_READ_SECONDS = number("STREAM_READ_SECONDS", 10, least=0.1)
STREAM_TOTAL_SECONDS = number("STREAM_TOTAL_SECONDS", 25, least=0.1)
# The environment's app is a stand-in: the pages say so.
STREAM_SANDBOX = flag("STREAM_SANDBOX", PROFILE in {"demo", "dev"})

# Where a worker notes the newest audit entry it saw, to notice a restored database.
WORKER_HEAD_FILE = text("WORKER_HEAD_FILE", f"{ROOT}/var/worker-head.json")
if WORKER_HEAD_FILE == "off":
    WORKER_HEAD_FILE = ""

# Signed checkpoints of the audit log, and who holds them outside the database.
AUDIT_SIGNING_KEY = text("AUDIT_SIGNING_KEY")
AUDIT_CHECKPOINT_FILE = text("AUDIT_CHECKPOINT_FILE", f"{ROOT}/var/audit-checkpoints.txt")
if AUDIT_CHECKPOINT_FILE == "off":
    AUDIT_CHECKPOINT_FILE = ""
AUDIT_WITNESS_MAIL = words("AUDIT_WITNESS_MAIL")
AUDIT_WITNESS_URL = text("AUDIT_WITNESS_URL")
# Where `verify_audit` notes how far it has checked.
AUDIT_VERIFIED_FILE = text("AUDIT_VERIFIED_FILE", f"{ROOT}/var/audit-verified.json")
if AUDIT_VERIFIED_FILE == "off":
    AUDIT_VERIFIED_FILE = ""

# Where `manage.py demo` and `manage.py dev` keep their data.
DEMO_FOLDER = ROOT / "var" / "demo"

# Keys for what is stored: derived from SECRET_KEY where they are empty.
FIELD_KEY = text("FIELD_KEY")
AUDIT_KEY = text("AUDIT_KEY")
AUDIT_KEYS = environment.yearly_keys("AUDIT_KEYS", text("AUDIT_KEYS"))

# What /readyz asks besides the database: dotted paths to functions that return (ready, sentence).
READINESS_CHECKS = [
    "requests_app.queries.heartbeat.check",
    "requests_app.queries.waiting.check",
    "requests_app.queries.audit_state.check",
    "requests_app.queries.post.check",
]

# Who may read /metrics, and which functions yield them. Without a token there is no such page.
METRICS_TOKEN = text("METRICS_TOKEN")
METRICS_SOURCES = ["requests_app.queries.metrics.families"]

LOG_LEVEL = choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "portal.logs.Redact"}, "request_id": {"()": "portal.logs.RequestId"}},
    "formatters": {
        "json": {"()": "portal.logs.JsonLines"},
        "plain": {"format": "{asctime} {levelname:<7} {name}  {message}", "style": "{"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            # Programs read the log of an installation, people that of `dev`.
            "formatter": "plain" if DEBUG else "json",
            "filters": ["request_id", "redact"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # urllib3 writes whole URLs, and with them the API key.
        "urllib3": {"level": "WARNING"},
        "django-q": {"handlers": [], "propagate": True, "level": LOG_LEVEL},
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True, "level": "INFO" if DEBUG else "WARNING"},
    },
}
