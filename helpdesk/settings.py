"""The one settings file. What differs between installations is read from the environment.

Missing or malformed variables raise `ImproperlyConfigured` naming each of them.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF

from helpdesk import env, logs

env.require(
    {
        "DATABASE_URL": "postgresql://user:password@host:5432/name",
        "REDIS_URL": "redis://:password@host:6379/0",
        "SECRET_KEY": "50 or more random characters, kept secret",
        "FIELD_ENCRYPTION_KEYS": "Fernet keys, newest first, comma-separated",
        "REPLY_TOKEN_KEYS": "32 or more random characters each, newest first, comma-separated",
        "ALLOWED_HOSTS": "the host names people open, comma-separated",
        "BASE_URL": "the address people open, such as https://desk.example.org",
        "DATA_DIR": "an absolute folder for stored files",
    }
)

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = env.folder("DATA_DIR")
BASE_URL = env.origin("BASE_URL")
DEBUG = env.flag("DEBUG")
# Set by the launcher alone: a private copy that listens on this machine only, and the demo of it.
LOCAL = env.flag("LOCAL")
DEMO = LOCAL and env.flag("DEMO")
# Opens the first-run page of an empty desk where it is not a private copy.
SETUP_TOKEN = env.text("SETUP_TOKEN")
SECURE = BASE_URL.startswith("https://")

# Keys, newest first: the first one signs or encrypts, the others still open what is old.
SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.listing("SECRET_KEY_FALLBACKS")
FIELD_ENCRYPTION_KEYS = env.listing("FIELD_ENCRYPTION_KEYS")
REPLY_TOKEN_KEYS = env.listing("REPLY_TOKEN_KEYS")

ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS") or [BASE_URL]
TRUSTED_PROXY_COUNT = ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0)

INSTALLED_APPS = [
    "helpdesk",
    "channels_inbox",
    "conversations",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "csp",
    "django_htmx",
    "pgtrigger",
    "template_partials",
]

MIDDLEWARE = [
    "helpdesk.doors.Doors",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "helpdesk.languages.AgentLanguageMiddleware",
    "conversations.middleware.LocalTime",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "conversations.middleware.DomainErrors",
]
# All that hooks and chat windows go through (`helpdesk/doors.py`): nothing that reads a cookie.
DOOR_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "helpdesk.urls"
ASGI_APPLICATION = "helpdesk.asgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "channels_inbox.pages.context.attention",
                *(["helpdesk.demo.guide.context"] if DEMO else []),
                "helpdesk.lookout.alarm",
            ],
        },
    }
]

# Services. The pool holds one connection for each thread of the process and two to spare; web
# shares them out (`helpdesk/crews.py`). 0 turns pooling off, which tests need because they drop
# their database.
POOL_SIZE = env.integer("DB_POOL_SIZE", 12)
DATABASE_OPTIONS: dict[str, Any] = {
    "connect_timeout": 3,
    "application_name": "helpdesk",
    # Else libpq looks for Kerberos before each connection, by code that is no friend of threads.
    "gssencmode": "disable",
    # Of those that say so (`conversations/prepared.py`), at once.
    "prepare_threshold": 0 if env.flag("DB_PREPARES", default=True) else None,
}
if POOL_SIZE:
    DATABASE_OPTIONS["pool"] = {
        "min_size": 1,
        "max_size": POOL_SIZE,
        "timeout": 5,
        # Else the pause between two tries doubles for five minutes, and after an outage of a minute
        # nobody gets a connection for another one.
        "reconnect_timeout": 3,
    }
DATABASE = env.postgres("DATABASE_URL")
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **DATABASE,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": DATABASE_OPTIONS | DATABASE["OPTIONS"],
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis("REDIS_URL")
REDIS_PREFIX = env.text("REDIS_PREFIX", "helpdesk")
CACHES = {
    "default": {
        "BACKEND": "helpdesk.caching.TolerantRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}
# Doorbells. A Redis that went away without a word is noticed by what is asked in between.
LAYER_CONNECTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 15,
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "helpdesk.layers.PipedLayer",
        # It has neither capacity nor expiry: it delivers at once or not at all.
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, **LAYER_CONNECTIONS}],
            "prefix": REDIS_PREFIX,
        },
    }
}

# Celery carries wake-ups only: acknowledged early, no results, no retries, no schedules in it.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}:",
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    # Whoever wakes a worker must not wait for a broker that is down.
    "max_retries": 0,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "fast"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULE = {
    name: {"task": name, "schedule": seconds, "options": {"queue": queue, "expires": seconds}}
    for name, seconds, queue in (
        ("conversations.sweep", 2, "fast"),
        ("conversations.assign", 3, "fast"),
        ("channels_inbox.sweep", 2, "fast"),
        ("conversations.make_exports", 2, "slow"),
        ("conversations.check_laws", 60, "slow"),
        ("channels_inbox.pull_due", 60, "slow"),
        ("channels_inbox.refresh", 60, "slow"),
        ("channels_inbox.reconcile", 3600, "slow"),
        ("channels_inbox.chat_tidy", 3600, "slow"),
        ("channels_inbox.webhook_tidy", 3600, "slow"),
        ("conversations.forget_old_keys", 3600, "slow"),
        *([("helpdesk.lively", 5, "slow")] if DEMO else []),
    )
}

# Who may read /metrics: whoever knows the token, and these networks where no proxy is between.
# Neither set, there is no such page.
METRICS_TOKEN = env.text("METRICS_TOKEN")
METRICS_NETWORKS = env.networks("METRICS_NETWORKS")
# How often each web process looks for signs of life, and how long they may miss before its pages
# say so, in seconds; None to look at nothing.
LOOKOUT: dict[str, float] | None = {"every": 5.0, "grace": 15.0}

# People
AUTH_USER_MODEL = "conversations.Agent"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "helpdesk.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "login": "helpdesk.sign_in_forms.SignInForm",
    "change_password": "helpdesk.sign_in_forms.ChangePasswordForm",
    "reauthenticate": "helpdesk.sign_in_forms.ReauthenticateForm",
}
MFA_ADAPTER = "helpdesk.accounts.MFAAdapter"
MFA_TOTP_ISSUER = "Helpdesk"
# Nobody picks an address by themselves: an admin invited it.
MFA_ALLOW_UNVERIFIED_EMAIL = True

# Cookies and headers. Sessions stay in PostgreSQL: a cache that missed a sign-out during an
# outage would bring the ended session back.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Browsers that know frame-ancestors, below, follow that instead.
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SECURE
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
# Subdomains, and lists that browsers ship, are for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}

# Files
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files", "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage."
        + ("StaticFilesStorage" if DEBUG else "ManifestStaticFilesStorage")
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# The page of the API: of the package only what it shows, not its other viewer.
SIDECAR = Path(str(getattr(find_spec("drf_spectacular_sidecar"), "origin", ""))).parent
STATICFILES_DIRS = [("swagger-ui", SIDECAR / "static/drf_spectacular_sidecar/swagger-ui-dist")]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# Larger payloads go to storage instead of their row; all three in bytes.
ENVELOPE_INLINE_BYTES = env.integer("ENVELOPE_INLINE_BYTES", 262_144)
ATTACHMENT_MAX_BYTES = env.integer("ATTACHMENT_MAX_BYTES", 25_000_000)
MAIL_MAX_BYTES = env.integer("MAIL_MAX_BYTES", 40_000_000)
# The largest request of all: a mail by hook, or an answer with four files of the largest size.
REQUEST_MAX_BYTES = max(MAIL_MAX_BYTES, 4 * ATTACHMENT_MAX_BYTES) + 1_000_000
# Whether mail servers and token endpoints may be on this machine or in a private network.
ALLOW_PRIVATE_HOSTS = env.flag("ALLOW_PRIVATE_HOSTS", LOCAL)
# All HTTP the desk asks of others goes by this proxy, if it is set, and none past it.
EGRESS_PROXY = env.proxy("EGRESS_PROXY")

# Mail the desk itself sends (password resets). Replies to customers go out through their inbox.
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("DEFAULT_FROM_EMAIL", "helpdesk@localhost")

# The mail servers of the demo, where it runs: any address of their domain, one password.
DEMO_MAIL: dict[str, Any] = {
    "host": "127.0.0.1",
    "smtp_port": env.integer("DEMO_SMTP_PORT", 0),
    "imap_port": env.integer("DEMO_IMAP_PORT", 0),
}
# The stand-ins of providers in the demo: the port of their page, then one for each account.
DEMO_SANDBOX_PORTS = [int(port) for port in env.listing("DEMO_SANDBOX_PORTS")]

# All else about the API is beside its doors (`conversations/api/doors.py`).
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "URL_FORMAT_OVERRIDE": None,
}
# How often a minute one token of the API may read, and change something.
API_READS_PER_MINUTE = env.integer("API_READS_PER_MINUTE", 600)
API_CHANGES_PER_MINUTE = env.integer("API_CHANGES_PER_MINUTE", 120)

# The limits on knocking at a chat's doors, times this: for visitors behind one address, or a bench.
CHAT_LIMITS_TIMES = env.integer("CHAT_LIMITS_TIMES", 1)

# Languages and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("vi", "Tiếng Việt")]
LOCALE_PATHS = [DATA_DIR / "locale"]
FORMAT_MODULE_PATH = "helpdesk.formats"
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

# Channels: the folder's name and its adapter. A new channel is its folder and one line here.
CHANNELS = {
    "email": "channels_inbox.email.adapter.EmailAdapter",
    "chat": "channels_inbox.chat.adapter.ChatAdapter",
    "twilio_sms": "channels_inbox.twilio.adapter.TwilioSms",
    "telegram": "channels_inbox.telegram.adapter.Telegram",
    "whatsapp": "channels_inbox.whatsapp.adapter.WhatsApp",
    "phone": "channels_inbox.phone.adapter.Phone",
    "generic": "channels_inbox.generic.adapter.Generic",
}

LOGGING = logs.configure(as_json=not (LOCAL or DEBUG), level=env.text("LOG_LEVEL", "INFO"))
