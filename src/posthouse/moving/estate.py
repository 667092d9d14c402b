"""Domains with their keys, groups, templates and webhooks: put where they are not yet.

Public: Estate.
"""

from __future__ import annotations

from functools import partial

from posthouse.desk import (
    accounts,
    claims,
    domain_keys,
    domain_settings,
    domains,
    hook_keys,
    hooks,
    suppressions,
)
from posthouse.desk.domain_names import new_name, sending_name
from posthouse.model.account import ACCOUNT_DEFAULTS, DEFAULTS, DomainSettings
from posthouse.model.errors import Refused
from posthouse.moving.here import Here
from posthouse.moving.report import Report
from posthouse.moving.texts import Texts
from posthouse.moving.things import (
    Kind,
    NewDomain,
    NewGroup,
    NewKeyFile,
    NewSettings,
    NewVersion,
    NewWebhook,
    StaysBehind,
)
from posthouse.store import domain_keys as stored_keys
from posthouse.store import groups, identity
from posthouse.store import hook_keys as stored_hook_keys
from posthouse.store import hooks as stored_hooks

Held = NewDomain | NewKeyFile | NewSettings | NewGroup | NewVersion | NewWebhook
_HIGHEST_KEPT = 10_000_000  # group numbers; those of services are far below


class Estate:
    """`domains`: names that are here by now (in a dry run: would be); `groups`: their number for ours.
    `signing`: of which domains ("": the account) a signing key came in this move."""

    def __init__(self, here: Here, report: Report, signing: set[str]) -> None:
        self._here, self._report, self._signing = here, report, signing
        self._texts = Texts(here, report)
        self.domains = {domain.name for domain in identity.list_domains(here.conn, here.account_id)}
        self.groups: dict[int, int] = {}

    def take(self, thing: Held) -> None:
        """What is refused is told in the report."""
        note = self._report.note_put
        match thing:
            case NewDomain():
                note(Kind.DOMAIN, thing.name, partial(self._domain, thing))
            case NewKeyFile():
                note(Kind.DKIM_KEY, f"{thing.selector} of {thing.domain}", partial(self._key, thing))
            case NewSettings():
                note(Kind.SETTING, ", ".join(thing.values), partial(self._account, thing))
            case NewGroup():
                note(Kind.GROUP, f"{thing.name} ({thing.number})", partial(self._group, thing))
            case NewVersion():
                what = f"{thing.name}, version {thing.tag}"
                note(Kind.TEMPLATE, what, partial(self._version, thing))
            case NewWebhook():
                note(Kind.WEBHOOK, hooks.shown_url(thing.url), partial(self._webhook, thing))

    def _judge_domain(self, name: str) -> None:
        """`name` "": the account. Raises Refused."""
        if name and name not in self.domains:
            raise Refused(550, "5.1.2", f"There is no domain {name} here", reason="no-domain")

    # Domains

    def _domain(self, thing: NewDomain) -> bool:
        here = self._here
        name = new_name(thing.name)
        if name in self.domains:
            return False
        claims.refuse_foreign(here.conn, here.account_id, name, here.installation)
        settings = self._settings(name, thing)
        if not here.is_dry:
            new = domains.draft(
                here.installation,
                here.ids,
                here.clock.now(),
                name=name,
                region=here.region,
                settings=settings,
            )
            with here.conn.transaction():
                domains.create(here.conn, here.ids, new, here.account)
        self.domains.add(name)
        self._report.note_to_do(
            f"{name} may send once its DNS records are there", f"posthouse domain records {name}"
        )
        return True

    def _settings(self, name: str, thing: NewDomain) -> DomainSettings:
        settings = DEFAULTS
        for pair in thing.settings:
            try:
                settings = domain_settings.changed(settings, [pair])
            except Refused as refused:
                self._report.note_behind(StaysBehind(Kind.DOMAIN, f"{name}: {pair[:100]}", refused.text))
        return settings

    def _key(self, thing: NewKeyFile) -> bool:
        here = self._here
        name = sending_name(thing.domain)
        self._judge_domain(name)
        selector = domain_keys.selector_name(thing.selector, name)
        found = identity.find_domain(here.conn, name)
        domain_id = found.id if found else ""
        key, _ = domain_keys.bring(
            here.installation, here.ids, here.clock.now(), domain_id, selector=selector, data=thing.content
        )
        if found and any(
            (other.public, other.selector) == (key.public, selector)
            for other in stored_keys.keys_of(here.conn, domain_id)
        ):
            return False
        if found and not here.is_dry:
            with here.conn.transaction():
                domain_keys.add(here.conn, found, key)
        self._report.note_to_do(
            f"the key {selector} of {name} stands by; its record may be in DNS already",
            f"posthouse domain key activate {name} {selector}",
        )
        return True

    # The account

    def _account(self, thing: NewSettings) -> bool:
        """Where the account says nothing of its own yet."""
        here = self._here
        found = identity.find_account_by_id(here.conn, here.account_id)
        now = found.settings if found else ACCOUNT_DEFAULTS
        fresh = {
            name: value
            for name, value in thing.values.items()
            if getattr(now, name) == getattr(ACCOUNT_DEFAULTS, name) != value
        }
        if fresh:
            with here.writing():
                accounts.apply_settings(here.conn, here.account_id, fresh)
        return bool(fresh)

    # Groups

    def _group(self, thing: NewGroup) -> bool:
        here = self._here
        name = thing.name.strip()
        known = {group.name: group.number for group in groups.list_groups(here.conn, here.account_id)}
        wanted = thing.number if thing.number <= _HIGHEST_KEPT else 0
        is_new = name not in known
        if is_new:
            with here.writing():
                made = suppressions.add_group(
                    here.conn,
                    here.account_id,
                    name,
                    _line(thing.description),
                    is_default=thing.is_default,
                    number=0 if here.is_dry else wanted,
                )
            known[name] = max(made.number, wanted) if here.is_dry else made.number
        self.groups[thing.number] = known[name]
        self._report.groups.append((thing.number, known[name], name))
        if known[name] != thing.number:
            self._report.note_to_do(
                f"group {thing.number} ({name}) is number {known[name]} here",
                "use the new number in your programs",
            )
        return is_new

    # Texts and posts

    def _version(self, thing: NewVersion) -> bool:
        self._judge_domain(thing.domain)
        return self._texts.take(thing)

    def _webhook(self, thing: NewWebhook) -> bool:
        here = self._here
        self._judge_domain(thing.domain)
        form = hooks.form_of(here.forms, here.dialect)
        events = [name for name in thing.events if name in form.kinds]
        for name in set(thing.events) - set(events):
            what = f"{name[:40]} to {hooks.shown_url(thing.url)}"
            self._report.note_behind(StaysBehind(Kind.WEBHOOK, what, "there is no such event here"))
        if thing.events and not events:
            raise Refused(501, "5.5.4", "none of its events exists here", reason="bad-kind")
        url = hooks.parse_url(thing.url, allows_plain=here.allows_plain)
        there = stored_hooks.list_hooks(here.conn, here.account_id)
        if any((hook.url, hook.domain, hook.dialect) == (url, thing.domain, here.dialect) for hook in there):
            return False
        self._add_webhook(thing, url, events)
        self._note_unsigned(thing)
        return True

    def _note_unsigned(self, thing: NewWebhook) -> None:
        here = self._here
        whose = thing.domain if here.dialect in hook_keys.OF_DOMAIN else ""
        if whose in self._signing or stored_hook_keys.find_hook_key(
            here.conn, here.account_id, whose, here.dialect
        ):
            return
        command = f"posthouse hook-key new {here.dialect}" + (f" --domain {whose}" if whose else "")
        self._report.note_to_do("posts to your receivers are not signed until there is a key", command)

    def _add_webhook(self, thing: NewWebhook, url: str, events: list[str]) -> None:
        here, now = self._here, self._here.clock.now()
        # in a dry run the domain may not be there yet
        domain = "" if here.is_dry else thing.domain
        wanted = hooks.Wanted(url, events or None, domain or None, _line(thing.name)[:100])
        with here.writing():
            made = hooks.add(
                here.conn,
                here.ids,
                now,
                here.forms,
                account_id=here.account_id,
                dialect=here.dialect,
                wanted=wanted,
                allows_plain=here.allows_plain,
            )
            if not thing.is_enabled:
                hooks.set_enabled(here.conn, now, here.account_id, made.id, False)


def _line(text: str) -> str:
    """What others wrote over several lines, as one."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:500]
