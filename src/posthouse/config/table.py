"""Every setting with its kind, its default and one sentence: the only place where a default is written.

The rows stand in `areas`. `docs/settings.md` has one heading for each row, and a test compares the two.

Public: TABLE, BY_KEY, FAMILIES.
"""

from __future__ import annotations

from posthouse.config.areas.delivery import DELIVERY
from posthouse.config.areas.installation import INSTALLATION
from posthouse.config.areas.rules import RULES
from posthouse.config.areas.smtp import SMTP
from posthouse.config.areas.web import WEB
from posthouse.config.setting import Setting

TABLE: tuple[Setting, ...] = (*INSTALLATION, *SMTP, *WEB, *DELIVERY, *RULES)
BY_KEY: dict[str, Setting] = {setting.key: setting for setting in TABLE}
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(setting.family for setting in TABLE if setting.family))
