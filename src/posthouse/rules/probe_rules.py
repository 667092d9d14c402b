"""The table of what ends of tests mean: a word for programs, when it holds, and the text for people.

In a text `{host}` and the like stand for names that `probe_advice` fills in. Rules know protocols, no service
by name: what is particular about one stands in `probe_facts.Service`.

Public: TROUBLE, NOTES, OTHER, Rule.
"""

from __future__ import annotations

from collections.abc import Callable

from posthouse.model.probe import ProbeStep, Security
from posthouse.rules.probe_facts import Facts, domain_of

Rule = tuple[str, Callable[[Facts], bool], str]
_SOON_S = 14 * 86_400.0


def _has_regions(facts: Facts) -> bool:
    return facts.service is not None and len(facts.service.hosts) > 1


def _wants_word(facts: Facts) -> bool:
    """The service takes one fixed user name, and another was given."""
    service = facts.service
    is_word = service is not None and service.user not in ("address", "password")
    return is_word and service is not None and facts.wish.user.strip().lower() != service.user


def _wants_password_twice(facts: Facts) -> bool:
    return facts.service is not None and facts.service.user == "password" and not facts.is_user_password


def _wants_address(facts: Facts) -> bool:
    return facts.service is not None and facts.service.user == "address" and "@" not in facts.wish.user


def _is_other_domain(facts: Facts) -> bool:
    wish = facts.wish
    user, sender = domain_of(wish.user), domain_of(wish.sender)
    return bool(user and sender) and sender != user and not sender.endswith(f".{user}")


def _says(facts: Facts, *words: str) -> bool:
    return any(word in facts.said for word in words)


def _is_tls_port(facts: Facts) -> bool:
    """The port speaks TLS from the first byte, and was spoken to in clear."""
    is_mute = facts.end.step is ProbeStep.GREETING and facts.end.fault in ("silent", "closed", "not-smtp")
    return is_mute and facts.begins_with_tls and facts.wish.security is not Security.TLS


def _is_known_and_refused(facts: Facts) -> bool:
    says_so = _says(facts, "disabled", "suspended", "blocked") or facts.end.enhanced == "5.7.139"
    return facts.ended(ProbeStep.AUTH, "refused") and says_so


def _needs_tls(facts: Facts) -> bool:
    """RFC 3207 4: 530 "Must issue a STARTTLS command first"; RFC 4954 6: 538."""
    is_clear = facts.end.tls is None and facts.end.fault == "refused"
    return is_clear and (facts.end.code == 538 or (facts.end.code == 530 and _says(facts, "tls", "encrypt")))


def _needs_sign_in(facts: Facts) -> bool:
    is_asked = facts.end.code == 530 or facts.end.enhanced in ("5.7.0",)
    return facts.is_refused_letter and not facts.end.is_signed_in and is_asked and not _needs_tls(facts)


_NOT_THEIR_SENDER = (
    "sender not authorized",
    "domain not found",
    "not verified",
    "unverified",
    "verified sender identity",
    "not owned",
    "not allowed to send",
    "verified domain does not match",
)


def _is_sender_trouble(facts: Facts) -> bool:
    return facts.is_refused_letter and _says(facts, *_NOT_THEIR_SENDER)


def _is_relay_trouble(facts: Facts) -> bool:
    return facts.is_refused_letter and _says(facts, "relay")


def _is_limit(facts: Facts) -> bool:
    says_so = _says(facts, "too many", "rate", "limit", "quota", "exceeded")
    return facts.is_refused_letter and (facts.end.code in (450, 451, 452) and says_so)


def _is_unknown_recipient(facts: Facts) -> bool:
    is_word = _says(facts, "unknown", "no such", "does not exist", "user not found", "invalid recipient")
    return facts.ended(ProbeStep.RCPT, "refused") and (facts.end.enhanced == "5.1.1" or is_word)


TROUBLE: tuple[Rule, ...] = (
    # Where to
    ("no-name", lambda f: f.ended(ProbeStep.DNS, "no-name"),
     "There is no host {host} in DNS. Look for a typing error; the name of the server stands in its "
     "provider's SMTP settings."),
    ("null-mx", lambda f: f.ended(ProbeStep.DNS, "null-mx"),
     "{host} says in DNS that it takes no mail at all (a null MX record), and it is no server either. Use "
     "the SMTP host that the provider names."),
    ("mail-domain", lambda f: f.ended(ProbeStep.DNS, "mail-domain"),
     "{host} is a mail domain and no server: its mail goes to {mx}. For sending mail, the provider names "
     "another host, such as smtp.{host}."),
    ("no-address", lambda f: f.ended(ProbeStep.DNS, "no-address"),
     "{host} exists in DNS but has no address. Look for a typing error, or ask whoever looks after that "
     "name."),
    ("dns", lambda f: f.ended(ProbeStep.DNS, "dns"),
     "DNS did not answer for {host}. Try again in a minute; if it stays so, the name servers of that "
     "domain or of this machine have trouble."),
    ("private", lambda f: f.end.fault == "private",
     "{host} leads to a private address, which tests from here may not reach. The operator can open "
     "private networks with the setting tester.private_networks."),
    ("blocked-25", lambda f: f.ended(ProbeStep.CONNECT, "silent") and f.wish.port == 25,
     "Nothing answers on port 25. Many networks and cloud providers block it outwards, and it is for mail "
     "between servers: hand in mail on port 587 with STARTTLS or on port 465 with TLS."),
    ("blocked", lambda f: f.ended(ProbeStep.CONNECT, "silent") and f.wish.port != 25,
     "Nothing answers on port {port} of {host}: a firewall swallows the connection, or the server is down."
     " Ask whether this network blocks the port, and try another one: 587 with STARTTLS, 465 with TLS, or "
     "2525."),
    ("no-listener", lambda f: f.ended(ProbeStep.CONNECT, "no-listener"),
     "{host} is there, but nothing listens on its port {port}. Usual ports are 587 with STARTTLS and 465 "
     "with TLS."),
    ("unreachable", lambda f: f.ended(ProbeStep.CONNECT, "unreachable"),
     "There is no way to {host}: {reason}. Look at the name, and at the network of this machine."),
    ("region-connect", lambda f: f.end.step is ProbeStep.CONNECT and f.end.fault != "" and _has_regions(f),
     "{service} has a host for each region; also there are: {other_hosts}. Use that of your domain's "
     "region."),
    # TLS
    ("clear-port", lambda f: f.end.fault == "tls" and f.tls.fault == "in-clear",
     "Port {port} of {host} begins in clear, and TLS was spoken to it. Choose STARTTLS for this port, or "
     "port 465 with TLS."),
    ("wrong-name", lambda f: f.end.fault == "tls" and f.tls.fault == "name",
     "The certificate is for {names} and not for {host}. Give one of these names as the host, or have "
     "{host} put into the certificate."),
    ("expired", lambda f: f.end.fault == "tls" and f.tls.fault == "expired",
     "The certificate of {host} has expired. Whoever runs the server must renew it; programs that check "
     "refuse to send until then."),
    ("not-yet", lambda f: f.end.fault == "tls" and f.tls.fault == "not-yet",
     "The certificate of {host} is not valid yet. Look at the clock of this machine and of the server."),
    ("self-signed", lambda f: f.end.fault == "tls" and f.tls.fault == "self-signed",
     "The server made its certificate itself, so nobody vouches for it and programs that check refuse it. "
     "Give the server a certificate of an authority; to test the rest now, go on with any certificate."),
    ("not-trusted", lambda f: f.end.fault == "tls" and f.tls.fault == "not-trusted",
     "Nobody whom this machine trusts vouches for the certificate ({reason}). Perhaps the server does not "
     "send the certificates between its own and the authority's; to test the rest now, go on with any "
     "certificate."),
    ("old-tls", lambda f: f.end.fault == "tls" and f.tls.fault == "old",
     "The server speaks only TLS versions that are given up (RFC 8996). It needs TLS 1.2 or newer."),
    ("tls-failed", lambda f: f.end.fault == "tls" and f.tls.fault == "failed",
     "The TLS handshake failed: {reason}. Look at whether port {port} is meant for {security}."),
    # Greeting and offers
    ("tls-port", _is_tls_port,
     "Port {port} expects TLS from the first byte and says nothing before. Choose TLS for this port, or "
     "port 587 with STARTTLS."),
    ("silent-greeting", lambda f: f.ended(ProbeStep.GREETING, "silent") and not f.begins_with_tls,
     "The port takes connections but does not greet. Either it expects TLS from the first byte (choose "
     "TLS), or something between holds the connection up."),
    ("closed-greeting", lambda f: f.ended(ProbeStep.GREETING, "closed") and not f.begins_with_tls,
     "The server closed the connection without a word. It may refuse the address of this machine, or "
     "expect TLS from the first byte (choose TLS)."),
    ("not-smtp", lambda f: f.end.fault == "not-smtp" and not _is_tls_port(f),
     "What answers on port {port} of {host} does not speak SMTP. Look at the port: 587 with STARTTLS, 465 "
     "with TLS."),
    ("unwelcome", lambda f: f.end.fault == "refused" and f.end.step in (ProbeStep.GREETING, ProbeStep.EHLO),
     "The server does not want to talk to this machine: {reply}. Often the address of the machine is on a "
     "list, or there are too many connections; the text of the reply says more."),
    ("no-starttls", lambda f: f.end.fault == "no-starttls" and not f.begins_with_tls,
     "The server does not offer STARTTLS on port {port}, so nothing was sent and nobody signed in. "
     "Something in between may have taken the offer away. Try port 465 with TLS."),
    ("starttls-refused", lambda f: f.ended(ProbeStep.STARTTLS, "refused"),
     "The server offers STARTTLS but cannot do it now: {reply}. Its certificate may be missing."),
    # Sign-in
    ("auth-after-tls", lambda f: f.end.fault in ("no-auth", "refused") and f.end.tls is None
     and ((f.end.fault == "no-auth" and f.end.offers_starttls) or _needs_tls(f)),
     "The server takes a sign-in only under encryption. Choose STARTTLS."),
    ("no-auth", lambda f: f.end.fault == "no-auth" and not (f.end.tls is None and f.end.offers_starttls),
     "Nobody can sign in on this port. It may be for mail between servers (port 25): hand in mail on port "
     "587 with STARTTLS or 465 with TLS. A server that takes mail without signing in needs no user here."),
    ("no-smtputf8", lambda f: f.end.fault == "no-smtputf8",
     "An address has letters outside ASCII before the @, and the server takes no such addresses (it does not "
     "offer SMTPUTF8). Use others for the test."),
    ("no-mechanism", lambda f: f.end.fault == "no-mechanism",
     "The server offers other ways of signing in: {offered}. Choose one of them, or auto; a server that "
     "offers neither PLAIN nor LOGIN nor CRAM-MD5 cannot be tested here."),
    ("api-key", lambda f: f.is_bad_sign_in and bool(f.key_of) and not _wants_word(f)
     and not _wants_password_twice(f),
     "The password has the form of an API key of {key_of}. An API key is for HTTP; SMTP wants the password"
     " of the SMTP user."),
    ("key-as-user", lambda f: f.is_bad_sign_in and _wants_word(f),
     "At {service} the user is always the word {wanted_user}, just so, and the API key is the password."),
    ("token-twice", lambda f: f.is_bad_sign_in and _wants_password_twice(f),
     "At {service} user and password are the same: give the domain's API token in both places."),
    ("user-form", lambda f: f.is_bad_sign_in and _wants_address(f),
     "At {service} the user is a whole address, such as postmaster@your-domain."),
    ("password-form", lambda f: f.is_bad_sign_in and not f.is_password_form and not f.key_of,
     "Passwords of {service} do not look like this one: perhaps a piece is missing, or it is the password "
     "of something else."),
    ("wrong-user", lambda f: f.is_bad_sign_in and f.service is not None and f.service.user == "address"
     and _is_other_domain(f),
     "The user belongs to {user_domain}, the sender to {sender_domain}. Each sending domain has users of "
     "its own: take one of {sender_domain}, or write from {user_domain}."),
    ("region", lambda f: f.is_bad_sign_in and _has_regions(f),
     "Domains of one region cannot sign in at another's host. If this one belongs elsewhere, use: "
     "{other_hosts}."),
    ("disabled", _is_known_and_refused,
     "The server knows who this is and does not let them in: {reply}. SMTP sign-in may be switched off for"
     " the account, or the account is stopped."),
    ("app-password", lambda f: f.ended(ProbeStep.AUTH, "refused")
     and (_says(f, "application-specific", "app password") or f.end.code == 534),
     "The server wants a password made for this one program (an app password), not that of the person."),
    ("sign-in-later", lambda f: f.ended(ProbeStep.AUTH, "refused") and f.end.code in (421, 432, 454),
     "The server cannot check sign-ins now, or there were too many wrong ones: {reply}. Wait some minutes "
     "before trying again."),
    ("old-password", lambda f: f.is_bad_sign_in and not f.key_of and not f.is_own
     and not (_wants_word(f) or _wants_password_twice(f)),
     "User and password do not fit. Copy the password anew: when it was reset, the old one ended at once. "
     "{fresh}"),
    # The letter
    ("needs-sign-in", _needs_sign_in,
     "The server wants a sign-in before it takes mail: {reply}. Give user and password."),
    ("sandbox", lambda f: f.is_refused_letter and _says(f, "sandbox"),
     "This is a sandbox domain: it writes to authorised recipients only. Add {recipient} to them, or send "
     "from a domain of your own."),
    ("unverified", lambda f: _is_sender_trouble(f) and not _says(f, "sandbox"),
     "The server does not let this user write from {sender}: {reply}. The domain of the sender must belong"
     " to the same account and be verified: publish its DNS records (SPF, DKIM) and have them checked, or "
     "write from the user's own domain."),
    ("relay", lambda f: _is_relay_trouble(f) and not _is_sender_trouble(f),
     "The server does not pass on mail for whoever asks: {reply}. Sign in with a user of its own; without "
     "one it takes mail for its own domains only."),
    ("recipient", _is_unknown_recipient,
     "The server knows no recipient {recipient}: {reply}."),
    ("limit", _is_limit,
     "A limit is reached: {reply}. Wait, or ask for a larger one."),
    ("later", lambda f: f.is_refused_letter and 400 <= f.end.code < 500 and not _is_limit(f),
     "The server says not now: {reply}. Servers that meet a sender for the first time often want a second "
     "try some minutes later."),
    ("spam", lambda f: f.is_refused_letter and _says(f, "spam", "block", "blacklist", "blocklist", "listed"),
     "The server takes the message or this machine for a source of unwanted mail: {reply}."),
    # What else ends a conversation
    ("cut", lambda f: f.end.fault == "closed" and f.end.step not in (ProbeStep.GREETING, ProbeStep.TLS),
     "The server closed the connection during {step}. It may be restarting; a device in between that looks"
     " into mail does this as well."),
    ("slow", lambda f: f.end.fault in ("silent", "too-long")
     and f.end.step not in (ProbeStep.CONNECT, ProbeStep.GREETING),
     "The server did not answer during {step} in the time that a test waits. It may be busy, or hold back "
     "the answer to wrong sign-ins."),
    ("too-much", lambda f: f.end.fault == "too-much",
     "The server says far more than a mail server has to say; the test ended there."),
)  # fmt: skip
OTHER = "The test ended during {step}: {reply}"


def _is_told_in_clear(facts: Facts) -> bool:
    went = facts.end.is_signed_in or (facts.end.step is ProbeStep.AUTH and facts.end.fault == "refused")
    return went and facts.end.tls is None


def _expires_soon(facts: Facts) -> bool:
    shown = facts.tls.certificate
    return not facts.end.fault and shown is not None and 0 < shown.valid_until - facts.now < _SOON_S


NOTES: tuple[Rule, ...] = (
    ("accepted", lambda f: f.ended(ProbeStep.DONE, ""),
     "The server took the message over: {reply}. Whether it reaches the recipient is shown by the log of "
     "that server, not by this test."),
    ("signed-in", lambda f: not f.end.fault and f.end.step is ProbeStep.AUTH,
     "User and password are right. Nothing was sent."),
    ("reachable", lambda f: not f.end.fault and f.end.step is ProbeStep.EHLO,
     "The server answers and speaks SMTP. Nobody signed in and nothing was sent."),
    ("in-clear", lambda f: _is_told_in_clear(f) and not f.is_own,
     "User and password crossed the network in clear, where anybody on the way can read them. Use STARTTLS"
     " or TLS, and change this password."),
    ("in-clear-here", lambda f: _is_told_in_clear(f) and f.is_own,
     "Signing in without encryption works on the machine itself; from elsewhere this server asks for "
     "STARTTLS unless smtp.require_tls_for_auth is off."),
    ("not-checked", lambda f: f.tls.fault == "not-checked" and not f.end.fault,
     "The certificate was not checked. Programs that check it may refuse this server: run the test once "
     "more without that choice."),
    ("expires-soon", _expires_soon,
     "The certificate expires within two weeks."),
)  # fmt: skip
