"""From the option headers of a letter to `SendOptions` and recipients, whatever services' words they are in.

Every dialect reads the fields under its own prefixes; `merging` joins what they say, `people` makes the
recipients, and what nobody said is filled from the domain's settings, then from the account's, then from the
defaults of the credential's dialect. A letter without option headers costs one look at its field names.

Public: OptionReader, Sending, Asked, Estate, UNSUBSCRIBE_HTML, UNSUBSCRIBE_TEXT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from posthouse.dialects.account_wide import has_texts, plain_values, with_texts
from posthouse.dialects.avatar import avatar_block
from posthouse.dialects.dialect import Context, Dialect, Header, Rejection, TemplateUse, Unwrapped, Wishes
from posthouse.dialects.fields import Prefixes
from posthouse.dialects.merging import joined
from posthouse.dialects.people import Unqualified, recipients_of, with_blind_copies
from posthouse.mail.letter import Letter
from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings, DomainSettings
from posthouse.model.message import Recipient
from posthouse.model.options import CLICKS_OFF, PIXEL_TOP, Block, LinkTag, Seen, SendOptions

_MOST_SEEN = 300
_MOST_SEEN_VALUE = 500
_NOTHING: Set[str] = frozenset()
_TRACKING = frozenset({"track_opens", "track_clicks"})
_UNSUBSCRIBE_URL = "%unsubscribe_url%"
UNSUBSCRIBE_HTML = f'<p><a href="{_UNSUBSCRIBE_URL}">Unsubscribe</a></p>'
UNSUBSCRIBE_TEXT = f"Unsubscribe: <{_UNSUBSCRIBE_URL}>"


class Estate(Protocol):
    """What an account has (`desk.identity_view.IdentityView`)."""

    def account_settings(self, account_id: str) -> AccountSettings: ...

    def groups_of(self, account_id: str) -> frozenset[int]: ...

    def owns_ip(self, account_id: str, ip: str) -> bool: ...

    def pool_sources(self, account_id: str, name_or_id: str) -> tuple[str, ...] | None: ...

    def key_of(self, account_id: str, domain: str, selector: str) -> object | None: ...


class Sending(msgspec.Struct, frozen=True):
    """Who sends this letter, and when. `dialect` is the credential's, `domain` the sending domain."""

    dialect: Dialect
    account_id: str
    domain: str
    settings: DomainSettings
    now: float


@dataclass(slots=True)
class Asked:
    """What a letter asks for, in our words."""

    options: SendOptions
    recipients: list[Recipient]
    template: TemplateUse | None = None
    rejection: Rejection | None = None


class OptionReader:
    """Reads for one worker. `tracking_url`: the installation's base of tracked links, "" for none; without
    one a dialect's wish to track everything does not hold, for its links would lead nowhere. `scans`: there
    is a spam scanner."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        estate: Estate,
        *,
        tracking_url: str = "",
        allow_unqualified: Unqualified = lambda domain: False,
        scans: bool = False,
    ) -> None:
        self._dialects = dialects
        self._estate = estate
        self._tracking_url = tracking_url
        self._allow_unqualified = allow_unqualified
        self._scans = scans
        self._prefixes = Prefixes(dialects)
        self._unwrappers = [dialect.unwrap for dialect in dialects.values() if dialect.unwrap]
        self._plain: dict[tuple[str, str, str], tuple[DomainSettings, AccountSettings, SendOptions]] = {}

    def unwrapped(self, letter: Letter) -> Unwrapped | None:
        """The letter inside a service's own container, or None for any other letter. Raises Refused."""
        for unwrap in self._unwrappers:
            inner = unwrap(letter)
            if inner is not None:
                return inner
        return None

    def read(
        self, letter: Letter, recipients: list[Recipient], sending: Sending, extra: Sequence[Header] = ()
    ) -> Asked:
        """Options and recipients of a letter; `extra` are headers that its container had. Raises Refused."""
        account = self._estate.account_settings(sending.account_id)
        plain = self._plain_options(sending, account)
        headers = [*extra, *self._prefixes.headers_in(letter)]
        if headers:
            asked, decided = self._told(headers, letter, recipients, sending, plain)
        else:
            asked, decided = Asked(plain, recipients), _NOTHING
        options = asked.options
        if has_texts(account):
            options = with_texts(
                options,
                account,
                decided,
                is_templated=asked.template is not None,
                has_own_link=account.unsubscribe and _has_own_link(letter),
            )
        if sending.settings.unsubscribe:
            options = _with_unsubscribe(options, letter, sending.settings)
        if options.ip or options.ip_pool:
            options = self._with_sources(options, sending.account_id)
        asked.options = options
        return asked

    # -- what the letter says ------------------------------------------------------------

    def _told(
        self,
        headers: list[Header],
        letter: Letter,
        envelope: list[Recipient],
        sending: Sending,
        plain: SendOptions,
    ) -> tuple[Asked, Set[str]]:
        """Also which of the account's texts the letter decided itself."""
        wishes = self._wishes(headers, envelope, sending)
        recipients, more = recipients_of(envelope, wishes, self._allow_unqualified)
        values = dict(wishes.values)
        if wishes.variables is not None:
            values["to_each"] = values["percent"] = True
        copies = values.pop("blind_copies", ())  # from here on they are recipients like the others
        if copies:
            recipients, about_copies = with_blind_copies(recipients, copies, self._allow_unqualified)
            more = more + about_copies
        if wishes.shows_author and (picture := avatar_block(letter.first(b"from") or b"")):
            values["blocks"] = (*values.get("blocks", ()), picture)
        unwanted = values.pop("drop_fields", ())
        options = replace(
            plain,
            **values,
            drop_fields=_dropped(letter, wishes, headers, unwanted),
            seen=_shortened(wishes.seen + more),
        )
        return Asked(options, recipients, wishes.template, wishes.rejection), wishes.decided

    def _wishes(self, headers: list[Header], envelope: list[Recipient], sending: Sending) -> Wishes:
        found = self._prefixes.by_dialect(headers)
        own = sending.dialect.name
        order = sorted(found, key=lambda name: name != own)  # stable: the others as they appear
        addresses = [each.address for each in envelope if not each.options.copy_of]
        return joined(
            [
                self._dialects[name].read(found[name], self._context(sending, addresses, name == own))
                for name in order
            ]
        )

    def _context(self, sending: Sending, addresses: list[str], is_own: bool) -> Context:
        estate, account_id = self._estate, sending.account_id
        return Context(
            now=sending.now,
            recipients=addresses,
            domain=sending.domain,
            is_own=is_own,
            schedule_days=sending.settings.schedule_days,
            groups=estate.groups_of(account_id),
            owns_ip=lambda ip: estate.owns_ip(account_id, ip),
            owns_pool=lambda name: estate.pool_sources(account_id, name) is not None,
            owns_key=lambda domain, selector: estate.key_of(account_id, domain, selector) is not None,
            account=estate.account_settings(account_id),
            scans=self._scans,
        )

    # -- what nobody said ------------------------------------------------------------

    def _plain_options(self, sending: Sending, account: AccountSettings) -> SendOptions:
        """The options of a letter that says nothing; made anew when settings of domain or account change."""
        key = (sending.dialect.name, sending.account_id, sending.domain)
        settings = sending.settings
        held = self._plain.get(key)
        if held is None or held[0] is not settings or held[1] is not account:
            options = plain_options(sending.dialect, settings, self._tracking_url, account)
            held = self._plain[key] = (settings, account, options)
        return held[2]

    def _with_sources(self, options: SendOptions, account_id: str) -> SendOptions:
        """Where this mail may leave from; one address beats a pool."""
        if options.ip:
            return replace(options, sources=(options.ip,))
        sources = self._estate.pool_sources(account_id, options.ip_pool)
        if sources:
            return replace(options, sources=sources)
        told = Seen("", options.ip_pool, "sent from the usual addresses: this pool has none", True)
        return replace(options, seen=(*options.seen, told))


def plain_options(
    dialect: Dialect,
    settings: DomainSettings,
    tracking_url: str,
    account: AccountSettings = ACCOUNT_DEFAULTS,
) -> SendOptions:
    """A domain's settings, where they say nothing the account's, and then the dialect's defaults."""
    can_track = bool(tracking_url or settings.tracking_url)
    values: dict[str, Any] = {
        name: value for name, value in dialect.defaults.items() if can_track or name not in _TRACKING
    }
    if account is not ACCOUNT_DEFAULTS:
        values |= plain_values(account)
    values |= {
        name: value
        for name, value in (
            ("track_opens", settings.track_opens),
            ("track_clicks", settings.track_clicks or None),
            ("pixel", PIXEL_TOP if settings.pixel_at_top else None),
            ("require_tls", settings.require_tls or None),
            ("skip_verification", settings.skip_verification or None),
            ("archive_url", settings.archive_url or None),
            ("ip_pool", settings.ip_pool or None),
        )
        if value is not None
    }
    if dialect.rebuilds and not settings.keeps_fields:
        values["only_fields"] = tuple(sorted(dialect.rebuilds))
    if values.get("track_clicks") == CLICKS_OFF:
        del values["track_clicks"]
    if values.get("track_opens") is False:
        del values["track_opens"]
    return SendOptions(**values, dialect=dialect.name)


def _dropped(
    letter: Letter, wishes: Wishes, headers: Sequence[Header], more: Sequence[str]
) -> tuple[str, ...]:
    """Names of the letter's fields that stay behind: all option headers, but those that a dialect keeps."""
    present = {field.name.decode("ascii") for field in letter.fields}
    names = {header.name for header in headers} - wishes.keep | wishes.drop
    return tuple(sorted({*more, *(names & present)}))


def _shortened(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    """A letter may have ten thousand option headers; what is kept about them is bounded."""
    kept = tuple([_short(each) for each in seen[:_MOST_SEEN]])
    if len(seen) > _MOST_SEEN:
        kept += (Seen("", "", f"{len(seen) - _MOST_SEEN} more options are not listed here"),)
    return kept


def _short(seen: Seen) -> Seen:
    if len(seen.value) <= _MOST_SEEN_VALUE:
        return seen
    return replace(seen, value=seen.value[:_MOST_SEEN_VALUE] + "…")


def _with_unsubscribe(options: SendOptions, letter: Letter, settings: DomainSettings) -> SendOptions:
    """The domain wants an unsubscribe field and text in all its mail; whoever wrote their own keeps that."""
    if not options.auto_unsubscribe:
        options = replace(options, auto_unsubscribe="unsubscribe")
    if options.links or _has_own_link(letter):
        return options
    return replace(
        options,
        blocks=(*options.blocks, _unsubscribe_block(settings)),
        links=(LinkTag(_UNSUBSCRIBE_URL, "unsubscribe"),),
    )


def _unsubscribe_block(settings: DomainSettings) -> Block:
    return Block(
        html=f"\n{settings.unsubscribe_html or UNSUBSCRIBE_HTML}\n",
        text=f"\n\n{settings.unsubscribe_text or UNSUBSCRIBE_TEXT}\n",
    )


def _has_own_link(letter: Letter) -> bool:
    """One of the link tags stands in the body, maybe cut by a soft line break of quoted-printable."""
    return b"unsubscribe_url%" in letter.body.replace(b"=\r\n", b"")
