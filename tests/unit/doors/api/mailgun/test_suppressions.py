"""Mailgun's calls about lists of suppressed addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply


class Mailgun:
    """Calls of the account's key about `DOMAIN`."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, method: str, path: str, **more: Any) -> Reply:
        return await self.api.call(method, f"/v3/{DOMAIN}/{path}", basic=self.api.full, **more)

    async def follow(self, url: str) -> Any:
        parts = urlsplit(url)
        assert parts.scheme == "http" and parts.netloc
        reply = await self.api.call("GET", f"{parts.path}?{parts.query}", basic=self.api.full)
        assert reply.status == 200
        return reply.json()


@pytest.fixture
def mailgun(api: Api) -> Mailgun:
    return Mailgun(api)


ADDED: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a bounce": (
        "bounces",
        {"address": "Ann@X.test", "code": 554, "error": "no such user"},
        {"message": "Address has been added to the bounces table", "address": "ann@x.test"},
        {"address": "ann@x.test", "code": "554", "error": "no such user"},
    ),
    "a bounce of which nothing more is known": (
        "bounces",
        {"address": "ann@x.test"},
        {"message": "Address has been added to the bounces table", "address": "ann@x.test"},
        {"address": "ann@x.test", "code": "550", "error": ""},
    ),
    "an unsubscribe from everything": (
        "unsubscribes",
        {"address": "ann@x.test"},
        {"message": "Address has been added to the unsubscribes table", "address": "ann@x.test"},
        {"address": "ann@x.test", "tags": ["*"]},
    ),
    "an unsubscribe from a tag": (
        "unsubscribes",
        {"address": "ann@x.test", "tag": "News"},
        {"message": "Address has been added to the unsubscribes table", "address": "ann@x.test"},
        {"address": "ann@x.test", "tags": ["news"]},
    ),
    "an unsubscribe from several tags": (
        "unsubscribes",
        {"address": "ann@x.test", "tags": ["a", "b"]},
        {"message": "Address has been added to the unsubscribes table", "address": "ann@x.test"},
        {"address": "ann@x.test", "tags": ["a", "b"]},
    ),
    "a complaint": (
        "complaints",
        {"address": "ann@x.test", "created_at": "Thu, 13 Oct 2011 18:02:00 UTC"},
        {"message": "Address has been added to the complaints table", "address": "ann@x.test"},
        {"address": "ann@x.test", "created_at": "Thu, 13 Oct 2011 18:02:00 UTC"},
    ),
}


@pytest.mark.parametrize("how", ["form", "json", "multipart"])
@pytest.mark.parametrize(("path", "said", "answer", "record"), ADDED.values(), ids=ADDED)
async def test_an_address_is_added_and_looked_up(
    mailgun: Mailgun, path: str, said: dict[str, Any], answer: Any, record: dict[str, Any], how: str
) -> None:
    body: dict[str, Any] = {"json": said} if how == "json" else {"form": said}
    reply = await mailgun("POST", path, **body, multipart=how == "multipart")
    assert (reply.status, reply.json()) == (200, answer)
    found = (await mailgun("GET", f"{path}/ann%40x.test")).json()
    assert found["created_at"].endswith(" UTC")
    assert found == {"created_at": found["created_at"], **record}
    listed = (await mailgun("GET", path)).json()["items"]
    assert [item["address"] for item in listed] == ["ann@x.test"]


MANY = {
    "bounces": "2 addresses have been added to the bounces table",
    "unsubscribes": "2 addresses have been added to the unsubscribes table",
    "complaints": "2 complaint addresses have been added to the complaints table",
}


@pytest.mark.parametrize(("path", "message"), MANY.items(), ids=MANY)
async def test_an_array_is_added_as_one(mailgun: Mailgun, path: str, message: str) -> None:
    both = [{"address": "ann@x.test", "tags": ["a"], "code": 550}, {"address": "bob@x.test"}]
    reply = await mailgun("POST", path, json=both)
    assert (reply.status, reply.json()) == (200, {"message": message})
    refused = await mailgun("POST", path, json=[{"address": "eve@x.test"}, {"address": "not one"}])
    assert refused.status == 400 and "Not an address" in refused.json()["message"]
    assert len((await mailgun("GET", path)).json()["items"]) == 2


GONE = {
    "bounces": (
        "Bounced address has been removed",
        "Bounced addresses for this domain have been removed",
        "Address not found in bounces table",
    ),
    "unsubscribes": (
        "Unsubscribe event has been removed",
        "Unsubscribe addresses for this domain have been removed",
        "Address not found in unsubscribers table",
    ),
    "complaints": (
        "Spam complaint has been removed",
        "Complaint addresses for this domain have been removed",
        "No spam complaints found for this address",
    ),
}


@pytest.mark.parametrize(("path", "words"), GONE.items(), ids=GONE)
async def test_addresses_are_taken_off_one_by_one_or_all(
    mailgun: Mailgun, path: str, words: tuple[str, str, str]
) -> None:
    removed, emptied, missing = words
    await mailgun("POST", path, json=[{"address": f"{name}@x.test"} for name in "abc"])
    one = await mailgun("DELETE", f"{path}/A@x.test")
    assert (one.status, one.json()) == (200, {"message": removed, "address": "a@x.test"})
    for again in (await mailgun("DELETE", f"{path}/a@x.test"), await mailgun("GET", f"{path}/a@x.test")):
        assert (again.status, again.json()) == (404, {"message": missing})
    every = await mailgun("DELETE", path)
    assert (every.status, every.json()) == (200, {"message": emptied})
    assert (await mailgun("GET", path)).json()["items"] == []


async def test_one_tag_of_an_address_is_taken_off(mailgun: Mailgun) -> None:
    await mailgun("POST", "unsubscribes", form={"address": "ann@x.test", "tags": ["a", "b"]})
    assert (await mailgun("DELETE", "unsubscribes/ann@x.test?tag=a")).status == 200
    assert (await mailgun("GET", "unsubscribes/ann@x.test")).json()["tags"] == ["b"]


async def test_a_list_is_walked_to_its_end_and_back(mailgun: Mailgun) -> None:
    names = [f"{number:02}@x.test" for number in range(7)]
    await mailgun("POST", "bounces", json=[{"address": name} for name in names])
    page = (await mailgun("GET", "bounces?limit=3")).json()
    seen, pages = [], [page]
    while page["items"]:
        seen += [item["address"] for item in page["items"]]
        page = await mailgun.follow(page["paging"]["next"])
        pages.append(page)
    assert seen == names and len(pages) == 4
    assert page["paging"]["next"] == pages[2]["paging"]["next"]
    back = []
    page = await mailgun.follow(pages[-1]["paging"]["previous"])
    while page["items"]:
        back = [item["address"] for item in page["items"]] + back
        page = await mailgun.follow(page["paging"]["previous"])
    assert back == names
    last = await mailgun.follow(pages[0]["paging"]["last"])
    assert [item["address"] for item in last["items"]] == names[-3:]
    narrowed = (await mailgun("GET", "bounces?term=06")).json()
    assert [item["address"] for item in narrowed["items"]] == ["06@x.test"]


async def test_lists_of_other_domains_and_of_the_account_stay_out(mailgun: Mailgun) -> None:
    api = mailgun.api
    other = await api.call(
        "POST", f"/v3/{OTHER_DOMAIN}/bounces", basic=api.others, form={"address": "ann@x.test"}
    )
    assert other.status == 200
    assert (await mailgun("GET", "bounces")).json()["items"] == []
    assert (await mailgun("GET", "bounces/ann@x.test")).status == 404
    foreign = await api.call("GET", f"/v3/{OTHER_DOMAIN}/bounces", basic=api.full)
    unknown = await api.call("GET", "/v3/nowhere.test/bounces", basic=api.full)
    assert foreign.status == unknown.status == 404
    assert foreign.json() == unknown.json() == {"message": "Domain not found"}


FILES = {
    "bounces": b"address,code,error,created_at\nann@x.test,550,gone,\nbob@x.test,,,\n",
    "unsubscribes": b"address,tags,created_at\nann@x.test,news,\nbob@x.test,,\n",
    "complaints": b'address,created_at\nann@x.test,"Thu, 13 Oct 2011 18:02:00 GMT"\nbob@x.test,\n',
    "whitelists": b'address, domain\nann@x.test, "y.test",\nbob@x.test,\n',
}


@pytest.mark.parametrize(("path", "content"), FILES.items(), ids=FILES)
async def test_a_file_is_taken_in(mailgun: Mailgun, path: str, content: bytes) -> None:
    sent = [("any_csv", "list.csv", content + b"not an address,\n", "text/csv")]
    reply = await mailgun("POST", f"{path}/import", files=sent)
    assert reply.status == 202
    assert reply.json() == {"message": "file uploaded successfully for processing. standby..."}
    assert reply.headers["x-posthouse-lines-left-out"] == "1"
    items = (await mailgun("GET", path)).json()["items"]
    assert [item.get("address") or item["value"] for item in items] == ["ann@x.test", "bob@x.test"]


async def test_a_file_cannot_reach_another_domain(mailgun: Mailgun) -> None:
    await mailgun.api.add_domain("second.test")
    content = b"address,code,domain\nann@x.test,550,second.test\nbob@x.test,550,\n"
    sent = [("file", "list.csv", content, "text/csv")]
    reply = await mailgun("POST", "bounces/import", files=sent)
    assert reply.headers["x-posthouse-lines-left-out"] == "1"
    assert {row[0] for row in mailgun.api.rows("select domain from suppression")} == {DOMAIN}


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no address": ("bounces", {"form": {"code": "550"}}, "Missing mandatory parameter: address"),
    "no address or domain": (
        "whitelists",
        {"form": {"reason": "x"}},
        "Missing mandatory parameter: address/domain",
    ),
    "too many at once": (
        "bounces",
        {"json": [{"address": f"a{n}@x.test"} for n in range(1001)]},
        "Batch size should be less than 1000",
    ),
    "a code that is none": ("bounces", {"form": {"address": "a@x.test", "code": "gone"}}, "Invalid code"),
    "a date that is none": (
        "complaints",
        {"form": {"address": "a@x.test", "created_at": "yesterday"}},
        "Invalid created_at",
    ),
    "an address with a line break": (
        "complaints",
        {"form": {"address": "a@x.test\r\nbcc: b@x.test"}},
        "Not an address",
    ),
    "an array of words": ("unsubscribes", {"json": ["a@x.test"]}, "The body should be an array of objects"),
    "a file that is none": ("bounces/import", {"form": {"file": "a@x.test"}}, "file is missing"),
}


@pytest.mark.parametrize(("path", "how", "text"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_listed_is_refused(
    mailgun: Mailgun, path: str, how: dict[str, Any], text: str
) -> None:
    reply = await mailgun("POST", path, **how)
    assert reply.status == 400
    assert text in reply.json()["message"]


@pytest.mark.parametrize("query", ["limit=x", "page=sideways", "limit=-1"])
async def test_a_page_that_cannot_be_is_refused(mailgun: Mailgun, query: str) -> None:
    assert (await mailgun("GET", f"bounces?{query}")).status == 400


async def test_the_allow_list_has_addresses_and_domains(mailgun: Mailgun) -> None:
    for said, kind, value in (
        ({"address": "Ann@x.test", "domain": "y.test", "reason": "a friend"}, "address", "ann@x.test"),
        ({"domain": "Y.test"}, "domain", "y.test"),
    ):
        reply = await mailgun("POST", "whitelists", form=said)
        assert reply.json() == {
            "message": "Address/Domain has been added to the allowlists table",
            "type": kind,
            "value": value,
        }
    items = (await mailgun("GET", "whitelists?limit=1")).json()
    assert [(item["type"], item["value"]) for item in items["items"]] == [("domain", "y.test")]
    page = await mailgun.follow(items["paging"]["next"])
    assert page["items"][0] | {"createdAt": ""} == {
        "type": "address",
        "value": "ann@x.test",
        "reason": "a friend",
        "createdAt": "",
    }
    assert (await mailgun("GET", "whitelists/y.test")).json()["type"] == "domain"
    gone = await mailgun("DELETE", "whitelists/y.test")
    assert gone.json() == {"message": "Allowlist address/domain has been removed", "value": "y.test"}
    missing = await mailgun("GET", "whitelists/y.test")
    assert (missing.status, missing.json()["message"]) == (
        404,
        "Address/Domain not found in allowlist table",
    )
    every = await mailgun("DELETE", "whitelists")
    assert every.json() == {"message": "Allowlist addresses/domains for this domain have been removed"}
    assert (await mailgun("GET", "whitelists")).json()["items"] == []


@pytest.mark.parametrize("value", [{"a": 1}, [{"tag": "x"}], [["x"]]])
async def test_a_value_that_is_no_text_is_refused(mailgun: Mailgun, value: Any) -> None:
    for body in ({"address": "a@x.test", "tags": value}, [{"address": "a@x.test", "tags": value}]):
        reply = await mailgun("POST", "unsubscribes", json=body)
        assert (reply.status, reply.json()) == (
            400,
            {"message": "Invalid value for tags: use a text or a list of texts"},
        )
