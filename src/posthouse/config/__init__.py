"""Settings: `kinds` of values, the `table` of every setting with its default, and how they are `load`ed.

The frozen tree that the rest of the house reads is described in `load`:
`settings.smtp.hostname`, `settings.store.url`, `settings.delivery.route`, …
"""

from posthouse.config.kinds import Endpoint, Route
from posthouse.config.load import (
    DEFAULT_FILE,
    DeliverySettings,
    DnsSettings,
    HttpSettings,
    KeepSettings,
    PolicySettings,
    ReturnSettings,
    Settings,
    SmtpSettings,
    StoreSettings,
    is_sqlite,
    load_settings,
    public_url,
    settings_from,
    worker_count,
)
from posthouse.config.table import TABLE, Setting
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
