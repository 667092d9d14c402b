"""Which files MailPace takes as attachments, and what a domain may choose instead.

Documented: a list of extensions, and one full stop in a name. The setting `attachment_types` of a domain
names other extensions, `all`, or `safe`: all but those that mail programs refuse to open (our decision).

Public: takes, EXTENSIONS, UNSAFE, ALL, SAFE.
"""

from __future__ import annotations

from collections.abc import Sequence

ALL, SAFE = "all", "safe"
# documented
EXTENSIONS = frozenset({
    "jpeg", "jpg", "png", "gif", "txt", "pdf", "docx", "xlsx", "pptx", "csv", "att", "ics", "ical", "html",
    "zip", "auf",
})  # fmt: skip
# What Gmail and Outlook block: programs and scripts by any name.
UNSAFE = frozenset({
    "ade", "adp", "apk", "appx", "appxbundle", "bat", "cab", "chm", "cmd", "com", "cpl", "diagcab", "diagcfg",
    "diagpkg", "dll", "dmg", "ex", "ex_", "exe", "hta", "img", "ins", "iso", "isp", "jar", "jnlp", "js",
    "jse", "lib", "lnk", "mde", "mjs", "msc", "msi", "msix", "msixbundle", "msp", "mst", "nsh", "pif", "ps1",
    "psc1", "reg", "scr", "sct", "shb", "sys", "vb", "vbe", "vbs", "vhd", "vxd", "wsc", "wsf", "wsh", "xll",
})  # fmt: skip


def takes(name: str, setting: Sequence[str]) -> bool:
    """May a file of this name be attached? `setting`: the domain's, () for what the service takes."""
    stem, dot, extension = name.lower().rpartition(".")
    if not setting:
        return bool(dot) and "." not in stem and extension in EXTENSIONS
    if ALL in setting:
        return True
    if SAFE in setting:
        return extension not in UNSAFE
    return bool(dot) and extension in setting
