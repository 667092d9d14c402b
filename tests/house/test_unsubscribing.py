"""D-08, S17, S28: what recipients decide, from delivered mail to the lists."""

from __future__ import annotations

import http.client
import re
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from dkim_oracle import verified_signatures
from house.copies import Copy, read
from house.house import DOMAIN, House, Houses, unique
from house.mailgun import BROWSER, alternative, records, visit

OTHER = "rival.test"
ONE_CLICK = "List-Unsubscribe=One-Click"
HTML = '<html><body><a href="https://shop.test/">Shop</a></body></html>'


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    made = shared_houses.new(starts=False)
    made.cli("domain", "set", DOMAIN, "unsubscribe=yes", "page_name=The Shop", "page_colour=#0a6640")
    made.cli("account", "add", "rival")
    made.cli("domain", "add", OTHER, "--assume-verified", "--account", "rival")
    return made.start()


def delivered(house: House, recipient: str) -> Copy:
    house.submit(recipient, alternative(recipient, ["X-Mailgun-Track: yes"], html=HTML, text="Hello\n"))
    return read(house.internet.copy(recipient))


def listed(copy: Copy) -> str:
    """The https link of List-Unsubscribe."""
    return re.findall(r"<(https://[^>]+)>", copy.field("List-Unsubscribe"))[0]


def ask(house: House, method: str, path: str, host: str, body: str | None = None) -> tuple[int, str, str]:
    """(status, where it leads, page) of a request to the HTTP door under that name."""
    headers = {"Host": host, "User-Agent": BROWSER, "Accept-Language": "de"}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with closing(http.client.HTTPConnection("127.0.0.1", house.port_http, timeout=15)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", ""), answer.read().decode("utf-8", "replace")


def test_D_08_one_click_is_signed_and_unsubscribes_once(house: House) -> None:
    recipient = f"{unique()}@good.test"
    copy = delivered(house, recipient)
    assert copy.field("List-Unsubscribe-Post") == ONE_CLICK
    (signed,) = re.findall(r"\bh=([^;]*)", copy.field("DKIM-Signature"))
    names = {name.strip().lower() for name in signed.split(":")}
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= names
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    for _ in range(2):
        assert visit(house, listed(copy), ONE_CLICK).status == 200
    event = house.event(recipient, "unsubscribed")
    assert event["scopes"] == [""] and len(house.events(recipient, "unsubscribed")) == 1
    house.submit(recipient)
    assert house.event(recipient, "dropped")["reason"] == "suppress-unsubscribe"


def test_D_08_who_left_comes_back_and_gets_mail_again(house: House) -> None:
    recipient = f"{unique()}@good.test"
    link = listed(delivered(house, recipient))
    page = visit(house, link, "scope=")
    assert page.status == 200 and b'name="again" value=""' in page.body
    assert visit(house, link, "again=").status == 200
    assert house.event(recipient, "resubscribed")["scopes"] == [""]
    assert house.cli_rows("suppression", "list", "--address", recipient) == []
    house.submit(recipient)
    house.event(recipient, "delivered", count=2)


def test_S28_looking_and_an_empty_post_change_nothing(house: House) -> None:
    recipient = f"{unique()}@good.test"
    link = listed(delivered(house, recipient))
    path, host = urlsplit(link).path, f"email.{DOMAIN}"
    for method, body in (("GET", None), ("HEAD", None), ("OPTIONS", None), ("POST", ""), ("POST", "x=y")):
        assert ask(house, method, path, host, body)[0] in (200, 400, 405)
    assert house.cli_rows("suppression", "list", "--address", recipient) == []
    assert house.events(recipient, "unsubscribed") == []


def test_D_08_the_page_is_the_senders_and_in_the_readers_language(house: House) -> None:
    link = listed(delivered(house, f"{unique()}@good.test"))
    status, _, page = ask(house, "GET", urlsplit(link).path, f"email.{DOMAIN}")
    assert status == 200 and "<h1>Abmelden</h1>" in page
    assert "The Shop" in page and "--act:#0a6640" in page


def test_S17_at_a_customers_name_there_are_its_links_and_nothing_else(house: House) -> None:
    copy = delivered(house, f"{unique()}@good.test")
    path = urlsplit(copy.links[0]).path
    assert ask(house, "GET", path, f"email.{DOMAIN}")[:2] == (302, "https://shop.test/")
    assert ask(house, "GET", path, f"Email.{DOMAIN}:8025")[0] == 302
    status, where, _ = ask(house, "GET", path, f"email.{OTHER}")
    assert (status, where) == (404, "")
    for inner in ("/", "/sign-in", "/account", "/metrics", "/healthz"):
        assert ask(house, "GET", inner, f"email.{DOMAIN}")[0] == 404
        assert ask(house, "GET", inner, "localhost")[0] in (200, 303)


def test_S17_changed_links_lead_nowhere(house: House) -> None:
    copy = delivered(house, f"{unique()}@good.test")
    path = urlsplit(copy.links[0]).path
    for at in range(len("/c/"), len(path), 7):
        forged = path[:at] + ("A" if path[at] != "A" else "B") + path[at + 1 :]
        status, where, _ = ask(house, "GET", forged, f"email.{DOMAIN}")
        assert (status, where) == (404, "")
