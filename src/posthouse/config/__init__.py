"""Settings: `kinds` of values, `areas` of settings with their defaults, and how they are `load`ed.

The frozen tree that the rest of the house reads is described in `settings`:
`settings.smtp.hostname`, `settings.store.url`, `settings.delivery.route`, …
"""

from posthouse.config.areas.delivery import DeliverySettings, DnsSettings
from posthouse.config.areas.installation import StoreSettings
from posthouse.config.areas.rules import KeepSettings, PolicySettings
from posthouse.config.areas.smtp import ReturnSettings, SmtpSettings
from posthouse.config.areas.web import HttpSettings
from posthouse.config.kinds import Endpoint, Route
from posthouse.config.load import DEFAULT_FILE, load_settings, settings_from
from posthouse.config.setting import Setting
from posthouse.config.settings import Settings, is_sqlite, public_url, worker_count
from posthouse.config.table import TABLE
from posthouse.model.errors import SettingsError

__all__ = [
    "DEFAULT_FILE",
    "TABLE",
    "DeliverySettings",
    "DnsSettings",
    "Endpoint",
    "HttpSettings",
    "KeepSettings",
    "PolicySettings",
    "ReturnSettings",
    "Route",
    "Setting",
    "Settings",
    "SettingsError",
    "SmtpSettings",
    "StoreSettings",
    "is_sqlite",
    "load_settings",
    "public_url",
    "settings_from",
    "worker_count",
]
