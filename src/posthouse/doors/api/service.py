"""The rim of a service's HTTP calls: who calls, may they, which call is it, trouble in the service's words.

Every answer leaves through here: a handler's own, a `Problem` that the service phrases, or what the house
raised. A bug is logged and answered 500 without a word about it.

Public: Service, ServiceApp, AwayApp.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from posthouse.doors.api.answers import Answer, Problem, Said, problem_of
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Endpoints
from posthouse.doors.api.forms import MOST_FIELDS
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.api.rates import CallRates, Rate
from posthouse.doors.api.shown import client_address
from posthouse.model.account import CredentialKind, Domain, Principal
from posthouse.model.errors import CommitInDoubt, PosthouseError
from posthouse.rules.permissions import may
from posthouse.store.trouble import Trouble, refusal

log = structlog.get_logger()

_NOBODY = Principal("", "", "", "", False, "", "", permissions=())
_RATE = "posthouse.rate"
_MOST_UNKNOWN = 1024 * 1024


class Service(Protocol):
    """What makes one service's API of the common rim."""

    @property
    def name(self) -> str:
        """Its dialect's."""
        ...

    @property
    def endpoints(self) -> Endpoints: ...

    def secret(self, request: Request) -> str | None:
        """The key or token that the request shows, "" for one in a wrong form, None: it shows none."""
        ...

    def phrase(self, problem: Problem, request: Request) -> Answer:
        """The problem as this service says it. Reasons of the rim: no-credentials and bad-credentials (401),
        no-permission, account-suspended and address-range (403), no-path, no-domain and other-region (404),
        bad-method (405), too-large (413), bad-type (415), too-many-calls (429), broken (500)."""
        ...

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        """What every answer to a counted call says about the limit of calls."""
        ...


@dataclass(slots=True)
class ServiceApp:
    """An ASGI application."""

    service: Service
    parts: ApiParts
    rates: CallRates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await self._answered(request)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in {**self._rate_headers(scope), **answer.headers}.items()
        ]
        if answer.status != 204:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answered(self, request: Request) -> Answer | Response:
        try:
            return await self._handled(request)
        except Said as said:
            return said.answer
        except Problem as problem:
            return self._phrased(problem, request)
        except (PosthouseError, CommitInDoubt) as error:
            return self._phrased(problem_of(error), request)
        except Exception:
            log.exception("a call failed", path=request.scope["path"], method=request.method)
            text = "Something went wrong here; it is written in the log"
            return self._phrased(Problem(500, "broken", text), request)

    def _rate_headers(self, scope: Scope) -> dict[str, str]:
        rate = scope.get(_RATE)
        return {} if rate is None else self.service.rate_headers(rate)

    def _phrased(self, problem: Problem, request: Request) -> Answer:
        answer = self.service.phrase(problem, request)
        more = {"Retry-After": str(max(1, round(problem.retry_s)))} if problem.retry_s else {}
        if problem.allowed:
            more["Allow"] = _allow(problem.allowed)
        return Answer(answer.status, answer.body, {**more, **answer.headers}) if more else answer

    async def _handled(self, request: Request) -> Answer | Response:
        scope = request.scope
        raw_path = scope.get("raw_path") or scope["path"].encode()
        method = "GET" if request.method == "HEAD" else request.method
        match = self.service.endpoints.find(method, raw_path)
        if match is None:
            raise Problem(404, "no-path", "There is no such address here")
        if match.endpoint is None and method == "OPTIONS":
            return Answer(204, headers={"Allow": _allow(match.allowed)})  # nothing for pages of other sites
        if match.endpoint is None:
            text = f"This address takes {', '.join(match.allowed)}"
            raise Problem(405, "bad-method", text, allowed=match.allowed)
        endpoint = match.endpoint
        _judge_query(scope["query_string"])
        call = Call(self.parts, request, _NOBODY, self.service.name, match.parameters, None, endpoint)
        try:
            if not endpoint.is_open:
                await self._admit(call, endpoint)
            return await endpoint.handler(call)
        finally:
            call.close()

    async def _admit(self, call: Call, endpoint: Endpoint) -> None:
        """Who calls, and may they do that to what the path names? Raises Problem."""
        secret = self.service.secret(call.request)
        if secret is None and endpoint.key_of_form is not None and _is_small(call.request):
            secret = endpoint.key_of_form(await call.form())
        call.principal = principal = await self._principal(call.request, secret)
        self._judge(principal, endpoint)
        if not endpoint.is_sending:
            self._count(principal, call.request.scope)
        if endpoint.wants_domain and "domain" in call.params:
            call.found_domain = await self._domain(principal, call.params["domain"])

    # Who it is

    async def _principal(self, request: Request, secret: str | None) -> Principal:
        if secret is None:
            raise Problem(401, "no-credentials", "The request shows no key")
        found = self._recognised(secret)
        if found is None and secret:
            await self.parts.identity.look(self.parts.store)
            found = self._recognised(secret)
        address = client_address(request)
        if found is None:
            await self.parts.throttle.hold_back(address, "")
            raise Problem(401, "bad-credentials", "This key is not valid")
        if found.account_id in self.parts.identity.suspended:
            text = "This account is suspended; ask whoever runs this service"
            raise Problem(403, "account-suspended", text)
        if not self.parts.identity.admits(found, address):
            raise Problem(403, "address-range", f"This key may not be used from {address}")
        self.parts.throttle.succeeded(address)
        self.parts.last_uses.note(found.credential_id, address)
        return found

    def _recognised(self, secret: str) -> Principal | None:
        identity = self.parts.identity
        return identity.recognise("apikey", secret) or identity.recognise(secret, secret)

    # What they may

    def _judge(self, principal: Principal, endpoint: Endpoint) -> None:
        if endpoint.action and not may(principal.permissions, endpoint.action):
            text = f"This key lacks the permission {endpoint.action}"
            raise Problem(403, "no-permission", text)
        is_for_one = bool(principal.domain_id) or principal.kind is not CredentialKind.API_KEY
        names_domain = endpoint.wants_domain and "{domain}" in endpoint.path
        if is_for_one and not (names_domain or endpoint.is_for_domains):
            text = "This key is for one domain; the call needs a key of the whole account"
            raise Problem(403, "no-permission", text)

    def _count(self, principal: Principal, scope: MutableMapping[str, Any]) -> None:
        rate = scope[_RATE] = self.rates.count(principal.credential_id)
        if rate is not None and rate.left < 0:
            raise Problem(429, "too-many-calls", "too many requests", retry_s=rate.rest_s)

    async def _domain(self, principal: Principal, name: str) -> Domain:
        """S20: another account's domain is answered like one that is not there."""
        name = name.strip().lower().rstrip(".")
        found = self._own(principal, name)
        if found is None:
            await self.parts.identity.look(self.parts.store)
            found = self._own(principal, name)
        if found is None:
            raise self._nowhere(principal, name)
        return found

    def _nowhere(self, principal: Principal, name: str) -> Problem:
        """C-14: whoever asks the API of the wrong region is told which is the right one."""
        home = self.parts.identity.home_of(name)
        if home is None or home.account_id != principal.account_id or self._is_here(home):
            return Problem(404, "no-domain", f"Domain not found: {name[:255]}", field="domain")
        text = (
            f"Domain not found: {home.name} belongs to the region {home.region}; call the API of that region"
        )
        return Problem(404, "other-region", text, field="domain")

    def _is_here(self, domain: Domain) -> bool:
        return domain.region == self.parts.settings.region

    def _own(self, principal: Principal, name: str) -> Domain | None:
        found = self.parts.identity.domain(name)
        if found is None or found.account_id != principal.account_id:
            return None
        return found if principal.domain_id in ("", found.id) else None


class AwayApp(ServiceApp):
    """The same service while this worker waits for its store and knows no key: every call may come again."""

    async def _handled(self, request: Request) -> Answer | Response:
        raise refusal(Trouble.AWAY)


def _is_small(request: Request) -> bool:
    """Of somebody unknown a small body is read, and none whose end is not told."""
    length = request.headers.get("content-length", "")
    return length.isdecimal() and len(length) < 10 and int(length) <= _MOST_UNKNOWN


def _allow(methods: Sequence[str]) -> str:
    """The Allow field (RFC 9110 10.2.1); what takes GET takes HEAD too."""
    return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])


def _judge_query(query: bytes) -> None:
    """Raises Problem (400)."""
    if b"%00" in query:
        raise Problem(400, "bad-query", "The query has the character U+0000")  # no store takes it
    if query.count(b"&") >= MOST_FIELDS:
        raise Problem(400, "bad-query", f"The query has more than {MOST_FIELDS} parameters")
