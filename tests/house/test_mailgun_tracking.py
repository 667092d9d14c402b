"""MG-04 to MG-07: what is tracked, as recipients, events and a browser see it."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Sequence

import pytest

from dkim_oracle import verified_signatures
from house.copies import Copy, read
from house.house import DOMAIN, House, Houses, Letter, letter, unique
from house.mailgun import alternative, auth_of, option_fields, records, visit

TRACKED = "tracked.test"  # a domain whose settings say: pixel at the top, links of HTML parts
TRACKING_HOST = "https://email."
TARGET = "https://shop.test/sale?a=1&b=2#top"
HTML = (
    '<html><body class="x"><p>Hi</p><a href="https://shop.test/sale?a=1&amp;b=2#top">Sale</a></body></html>'
)
TEXT = f"See {TARGET}, now.\n"


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    made = shared_houses.new(starts=False)
    made.cli("domain", "add", TRACKED, "--assume-verified")
    made.add_user(f"app@{TRACKED}")
    made.cli("domain", "set", TRACKED, "track_opens=yes", "track_clicks=html", "pixel_at_top=yes")
    return made.start()


def _copy(house: House, sent: Letter, recipient: str, *, domain: str = DOMAIN) -> Copy:
    house.submit(recipient, sent, auth=auth_of(house, domain), sender=f"orders@{domain}")
    return read(house.internet.copy(recipient))


def _both_parts(house: House, *fields: str, domain: str = DOMAIN) -> Copy:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, fields, html=HTML, text=TEXT, sender=f"orders@{domain}")
    return _copy(house, sent, recipient, domain=domain)


# -- MG-04 to MG-06: what is tracked ---------------------------------------------------------------------

# headers -> (pixel, links of the HTML part, links of the plain part)
UNSET: dict[str, tuple[Sequence[str], tuple[bool, bool, bool]]] = {
    "MG-04 nothing said": ([], (False, False, False)),
    "MG-04 track": (["Track: yes"], (True, True, True)),
    "MG-04 not track": (["Track: no"], (False, False, False)),
    "MG-04 track htmlonly": (["Track: htmlonly"], (True, True, False)),
    "MG-05 clicks": (["Track-Clicks: yes"], (False, True, True)),
    "MG-05 clicks htmlonly": (["Track-Clicks: HtmlOnly"], (False, True, False)),
    "MG-05 no clicks": (["Track-Clicks: no"], (False, False, False)),
    "MG-05 clicks beat track": (["Track: yes", "Track-Clicks: no"], (True, False, False)),
    "MG-05 also from above": (["Track-Clicks: htmlonly", "Track: yes"], (True, True, False)),
    "MG-05 clicks in spite of not track": (["Track-Clicks: yes", "Track: no"], (False, True, True)),
    "MG-06 opens": (["Track-Opens: true"], (True, False, False)),
    "MG-06 no opens": (["Track-Opens: false"], (False, False, False)),
    "MG-06 opens beat track": (["Track-Opens: no", "Track: yes"], (False, True, True)),
    "MG-06 opens in spite of not track": (["Track: no", "Track-Opens: yes"], (True, False, False)),
}
BY_DOMAIN: dict[str, tuple[Sequence[str], tuple[bool, bool, bool]]] = {
    "MG-04 nothing said": ([], (True, True, False)),
    "MG-04 not track": (["Track: no"], (False, False, False)),
    "MG-04 track": (["Track: yes"], (True, True, True)),
    "MG-05 no clicks": (["Track-Clicks: no"], (True, False, False)),
    "MG-05 clicks": (["Track-Clicks: yes"], (True, True, True)),
    "MG-05 a wrong word": (["Track-Clicks: some"], (True, True, False)),
    "MG-06 no opens": (["Track-Opens: no"], (False, True, False)),
    "MG-06 opens": (["Track-Opens: yes", "Track: no"], (True, False, False)),
}


@pytest.mark.parametrize(("headers", "wanted"), UNSET.values(), ids=UNSET.keys())
def test_MG_04_MG_05_MG_06_the_headers_decide(
    house: House, headers: Sequence[str], wanted: tuple[bool, bool, bool]
) -> None:
    copy = _both_parts(house, *[f"X-Mailgun-{header}" for header in headers])
    assert _tracked(copy, DOMAIN) == wanted
    assert option_fields(copy) == []


@pytest.mark.parametrize(("headers", "wanted"), BY_DOMAIN.values(), ids=BY_DOMAIN.keys())
def test_MG_04_MG_05_MG_06_the_headers_beat_the_domain(
    house: House, headers: Sequence[str], wanted: tuple[bool, bool, bool]
) -> None:
    copy = _both_parts(house, *[f"X-Mailgun-{header}" for header in headers], domain=TRACKED)
    assert _tracked(copy, TRACKED) == wanted


def _tracked(copy: Copy, domain: str) -> tuple[bool, bool, bool]:
    """What is tracked; what is not stands there as it was written."""
    (link,) = copy.links
    host = f"{TRACKING_HOST}{domain}"
    in_html, in_text = link.startswith(f"{host}/c/"), f"{host}/c/" in copy.text
    assert in_html or link == TARGET
    assert in_text or copy.text == TEXT
    assert not in_text or re.fullmatch(rf"See {re.escape(host)}/c/[\w.~-]+, now\.\n", copy.text), copy.text
    assert all(re.fullmatch(rf"{re.escape(host)}/o/[\w.~-]+\.gif", image) for image in copy.images)
    assert len(copy.images) < 2
    return bool(copy.images), in_html, in_text


def test_MG_04_MG_05_a_followed_link_leads_to_its_target_and_is_an_event(house: House) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, ["X-Mailgun-Track: yes"], html=HTML, text=TEXT)
    message_id = house.submit(recipient, sent)
    copy = read(house.internet.copy(recipient))
    (in_text,) = re.findall(r"https://\S+/c/[^,\s]+", copy.text)
    for count, (link, part) in enumerate([(copy.links[0], "html"), (in_text, "text")], 1):
        page = visit(house, link)
        assert (page.status, page.location) == (302, TARGET)
        clicked = house.event(recipient, "clicked", count=count)
        assert clicked["url"] == TARGET and clicked["message_id"] == message_id
        assert clicked["url_offset"]["type"] == part and clicked["client_ip"] == "127.0.0.1"
    forged = copy.links[0][:-2] + ("AA" if copy.links[0][-2:] != "AA" else "BB")
    assert visit(house, forged).status == 404


def test_MG_04_MG_06_a_shown_pixel_is_an_event(house: House) -> None:
    recipient = f"{unique()}@good.test"
    house.submit(recipient, alternative(recipient, ["X-Mailgun-Track-Opens: yes"], html=HTML))
    copy = read(house.internet.copy(recipient))
    page = visit(house, copy.images[0])
    assert (page.status, page.kind) == (200, "image/gif") and page.body.startswith(b"GIF89a")
    assert house.event(recipient, "opened")["client_ip"] == "127.0.0.1"
    assert house.events(recipient, "clicked") == []


def test_MG_06_a_plain_letter_has_no_pixel(house: House) -> None:
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, fields=["X-Mailgun-Track-Opens: yes"])
    copy = _copy(house, sent, recipient)
    assert copy.images == [] and copy.text == "Dear customer,\n\nyour order is on its way.\n"


LINKS = {
    '<a href="HTTP://Shop.test/x">': True,
    "<a href='https://shop.test/x'>": True,
    "<a href=https://shop.test/x>": True,
    '<A CLASS="b" HREF="https://shop.test/x?a=1&amp;lang=de" target=_blank>': True,
    '<area href="https://shop.test/x">': True,
    '<a href="https://shop.test/x" disable-tracking="true">': False,
    '<a href="mailto:help@shop.test">': False,
    '<a href="tel:+49123">': False,
    '<a href="#top">': False,
    '<a href="/relative">': False,
    '<a href="app://open">': False,
    '<a href="">': False,
    '<img src="https://shop.test/x.png">': False,
    '<link href="https://shop.test/x.css">': False,
    '<!-- <a href="https://shop.test/x"> -->': False,
}


def test_MG_05_which_links_are_tracked(house: House) -> None:
    recipient = f"{unique()}@good.test"
    lines = "\n".join([f"{tag}{n}" for n, tag in enumerate(LINKS)])
    sent = alternative(
        recipient, ["X-Mailgun-Track-Clicks: yes"], html=f"<html><body>\n{lines}\n</body></html>"
    )
    copy = _copy(house, sent, recipient)
    found = dict(re.findall(r"(?m)^(.*>)(\d+)$", copy.html))
    found = {number: tag for tag, number in found.items()}
    for number, (tag, is_tracked) in enumerate(LINKS.items()):
        shown = found[str(number)]
        assert ("/c/" in shown) == is_tracked, tag
        if not is_tracked:
            assert shown == tag.replace(' disable-tracking="true"', ""), tag
    assert all("disable-tracking" not in shown for shown in found.values())


def test_MG_05_a_link_with_other_letters_than_ascii_comes_back_whole(house: House) -> None:
    recipient = f"{unique()}@good.test"
    html = '<p><a href="https://shop.test/größe?q=%C3%BC&amp;copy=1&amp;x=&quot;y&quot;">Größe</a></p>'
    sent = alternative(recipient, ["X-Mailgun-Track-Clicks: yes"], html=html)
    copy = _copy(house, sent, recipient)
    location = visit(house, copy.links[0]).location
    assert location in (
        'https://shop.test/größe?q=%C3%BC&copy=1&x="y"',
        "https://shop.test/gr%C3%B6%C3%9Fe?q=%C3%BC&copy=1&x=%22y%22",
    )
    assert house.event(recipient, "clicked")["url"].startswith("https://shop.test/gr")


ENCODINGS = ["quoted-printable", "base64", "8bit"]


@pytest.mark.parametrize("transfer", ENCODINGS)
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_MG_04_parts_in_every_encoding_are_tracked_and_signed(
    house: House, transfer: str, charset: str
) -> None:
    recipient = f"{unique()}@good.test"
    octets = HTML.replace("Hi", "Grüße = 100%").encode(charset)
    body = {
        "quoted-printable": lambda: quopri.encodestring(octets).replace(b"\n", b"\r\n"),
        "base64": lambda: base64.encodebytes(octets).replace(b"\n", b"\r\n"),
        "8bit": lambda: octets,
    }[transfer]()
    fields = [
        "X-Mailgun-Track: yes",
        "MIME-Version: 1.0",
        f'Content-Type: text/html; charset="{charset}"',
        f"Content-Transfer-Encoding: {transfer}",
    ]
    copy = _copy(house, letter(recipient, fields=fields, body=body + b"\r\n"), recipient)
    assert "Grüße = 100%" in copy.html
    assert len(copy.images) == 1 and visit(house, copy.links[0]).location == TARGET
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    assert max(map(len, copy.raw.split(b"\r\n"))) <= 998


def test_MG_04_each_of_many_recipients_has_links_of_its_own(house: House) -> None:
    tag = unique()
    recipients = [f"{n}+{tag}@good.test" for n in range(5)]
    house.submit(recipients, alternative(recipients[0], ["X-Mailgun-Track: yes"], html=HTML))
    copies = [read(house.internet.copy(recipient)) for recipient in recipients]
    assert len({copy.links[0] for copy in copies}) == len({copy.images[0] for copy in copies}) == 5
    visit(house, copies[3].links[0])
    house.event(recipients[3], "clicked")
    assert [len(house.events(each, "clicked")) for each in recipients] == [0, 0, 0, 1, 0]


# -- MG-07 -----------------------------------------------------------------------------------------------

TOP, BOTTOM = r'<body class="x">\s*<img[^>]*/o/[^>]*>\s*<p>Hi', r"</a>\s*<img[^>]*/o/[^>]*>\s*</body>"


@pytest.mark.parametrize(
    ("domain", "headers", "place"),
    [
        (DOMAIN, ["Track-Opens: yes"], BOTTOM),
        (DOMAIN, ["Track-Opens: yes", "Track-Pixel-Location-Top: yes"], TOP),
        (DOMAIN, ["Track-Pixel-Location-Top: True", "Track: yes"], TOP),
        (DOMAIN, ["Track: yes", "Track-Pixel-Location-Top: htmlonly"], TOP),
        (DOMAIN, ["Track: yes", "Track-Pixel-Location-Top: no"], BOTTOM),
        (DOMAIN, ["Track: yes", "Track-Pixel-Location-Top: below"], BOTTOM),
        (TRACKED, [], TOP),
        (TRACKED, ["Track-Pixel-Location-Top: no"], BOTTOM),
    ],
    ids=["end", "top", "top, true", "top, htmlonly", "no", "wrong", "the domain", "beats the domain"],
)
def test_MG_07_where_the_pixel_stands(house: House, domain: str, headers: Sequence[str], place: str) -> None:
    copy = _both_parts(house, *[f"X-Mailgun-{header}" for header in headers], domain=domain)
    assert re.search(place, copy.html), copy.html
    assert len(copy.images) == 1


def test_MG_07_the_place_alone_tracks_nothing(house: House) -> None:
    assert _both_parts(house, "X-Mailgun-Track-Pixel-Location-Top: yes").images == []


@pytest.mark.parametrize("is_top", [False, True], ids=["end", "top"])
def test_MG_07_a_part_without_body_tags_has_its_pixel_too(house: House, is_top: bool) -> None:
    recipient = f"{unique()}@good.test"
    fields = [
        "X-Mailgun-Track-Opens: yes",
        f"X-Mailgun-Track-Pixel-Location-Top: {'yes' if is_top else 'no'}",
    ]
    copy = _copy(house, alternative(recipient, fields, html="<p>Only a paragraph</p>"), recipient)
    assert len(copy.images) == 1
    assert (copy.html.index("<img") < copy.html.index("Only")) == is_top
