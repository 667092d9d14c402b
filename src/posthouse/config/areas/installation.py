"""Settings of the installation itself: where it stands, its worker processes and its store.

Public: INSTALLATION (rows of the table), StoreSettings.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import kinds
from posthouse.config.setting import Setting

INSTALLATION: tuple[Setting, ...] = (
    Setting("region", kinds.region_name, "us", "The region of this installation and of domains made here."),
    Setting("state_dir", kinds.path, "var", "Directory of the installation key and the generated TLS pair."),
    Setting(
        "workers",
        kinds.whole(0, 64, zero="one on SQLite, one per core on PostgreSQL"),
        0,
        "Number of worker processes; SQLite takes one.",
    ),
    Setting(
        "pin_workers",
        kinds.flag,
        True,
        "Keep each worker on a core of its own and its signing on the others.",
    ),
    Setting("store.url", kinds.store_url, "sqlite:///var/posthouse.db", "Where mail, queue and events live."),
)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    url: str
