"""Which keys sign a message: the sending domain's, another one's of the account, a second one, or none.

A wish that cannot be met never loses mail: the letter goes with the signatures that there are, and a warning
says which one is missing.

Public: Keyring, KeysOf, SecondKeyOf, CheckAlias, no_second_key, no_alias.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from posthouse.mail.dkim import BadKey, SigningKey
from posthouse.model.message import Message

KeysOf = Callable[[str, str], Sequence[SigningKey]]  # domain, account id
SecondKeyOf = Callable[[str, str, str], SigningKey | None]  # account id, domain, selector; active ones only
CheckAlias = Callable[[SigningKey, str, str], Awaitable[bool]]  # does DNS show this key at domain, selector?

_MOST_ALIASES = 1000


def no_second_key(account_id: str, domain: str, selector: str) -> SigningKey | None:
    """For a house without them."""
    return None


async def no_alias(key: SigningKey, domain: str, selector: str) -> bool:
    """For a house that cannot ask DNS."""
    return False


class Keyring:
    """Finds the keys for one worker."""

    def __init__(self, keys_of: KeysOf, second_key_of: SecondKeyOf, check_alias: CheckAlias) -> None:
        self._keys_of = keys_of
        self._second_key_of = second_key_of
        self._check_alias = check_alias
        self._aliases: dict[tuple[SigningKey, str, str], SigningKey] = {}

    async def keys_for(self, message: Message) -> tuple[Sequence[SigningKey], tuple[str, ...]]:
        """(keys in the order of their signatures, warnings)."""
        options = message.options
        if options.dkim is False:
            return (), ()
        warnings: list[str] = []
        keys = self._keys_of(options.dkim_domain or message.domain, message.account_id)
        if not keys and options.dkim_domain:
            warnings.append(f"signed as {message.domain}: there is no active key of {options.dkim_domain}")
            keys = self._keys_of(message.domain, message.account_id)
        if options.dkim_second is not None:
            second = await self._second(message, options.dkim_second, warnings)
            keys = [*keys, second] if second else keys
        return keys, tuple(warnings)

    async def _second(
        self, message: Message, name: tuple[str, str], warnings: list[str]
    ) -> SigningKey | None:
        domain, selector = name
        key = self._second_key_of(message.account_id, domain, selector)
        if key is None:
            warnings.append(f"no second signature: there is no active key {selector} of {domain}")
            return None
        shown = message.options.dkim_second_public
        if shown is None or shown == name:
            return key
        if not await self._check_alias(key, *shown):
            warnings.append(
                f"no second signature: DNS does not show this key at {shown[1]}._domainkey.{shown[0]}"
            )
            return None
        try:
            return self._alias(key, *shown)
        except BadKey as error:
            warnings.append(f"no second signature: {error}")
            return None

    def _alias(self, key: SigningKey, domain: str, selector: str) -> SigningKey:
        """The same private key under another name; made once, since signing processes remember keys."""
        name = (key, domain, selector)
        alias = self._aliases.get(name)
        if alias is None:
            if len(self._aliases) >= _MOST_ALIASES:
                self._aliases.clear()
            alias = self._aliases[name] = SigningKey(domain, selector, key.algorithm, key.private)
        return alias
