"""MG-01 to MG-07 and MG-24: labels, switches and tracking, as the recipient, the events and a browser see them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from dkim_oracle import verified_signatures
from house.copies import Copy, read
from house.house import DOMAIN, Auth, House, Houses, Letter, letter, unique
from house.mailgun import alternative, option_fields, records, visit, warnings

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


def _as_tracked(house: House) -> Auth:
    login = f"app@{TRACKED}"
    return Auth(login, house.passwords[login])


def _copy(house: House, sent: Letter, recipient: str, *, domain: str = DOMAIN) -> Copy:
    auth = _as_tracked(house) if domain == TRACKED else None
    house.submit(recipient, sent, auth=auth, sender=f"orders@{domain}")
    return read(house.internet.copy(recipient))


def _both_parts(house: House, *fields: str, domain: str = DOMAIN) -> Copy:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, fields, html=HTML, text=TEXT, sender=f"orders@{domain}")
    return _copy(house, sent, recipient, domain=domain)


# -- MG-01 -----------------------------------------------------------------------------------------------


def test_MG_01_tags_stand_in_every_event_and_in_the_mail(house: House) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    tags = ["Newsletter", "autumn, with comma"]
    fields = [f"X-Mailgun-Tag: {tag}" for tag in tags] + ["X-Mailgun-Track: yes"]
    message_id = house.submit(recipient, alternative(recipient, fields, html=HTML))
    house.event(recipient, "delivered")
    copy = read(house.internet.copy(recipient))
    assert copy.fields("X-Mailgun-Tag") == tags
    visit(house, copy.images[0])
    visit(house, copy.links[0])
    house.event(recipient, "opened")
    house.event(recipient, "clicked")
    told = {event["kind"]: event["tags"] for event in house.cli_rows("events", "--message", message_id)}
    assert told == dict.fromkeys(["accepted", "deferred", "delivered", "opened", "clicked"], tags)
    assert house.cli("message", message_id)["message"]["tags"] == tags


ODD_TAGS: dict[str, tuple[Sequence[str], Sequence[str], int]] = {  # headers, tags, number of warnings
    "the same in other letters": (["Sale", "SALE", "sale"], ["Sale"], 0),
    "eleven": ([f"t{n}" for n in range(11)], [f"t{n}" for n in range(10)], 1),
    "too long": (["x" * 200], ["x" * 128], 1),
    "raw UTF-8": (["Grüße"], ["Grusse", "Gruu00dfe", "Gruudfe"], 1),
    "an encoded word": (["=?utf-8?q?caf=C3=A9?="], ["cafe"], 1),
    "an encoded word that is ASCII": (["=?utf-8?b?c2FsZQ==?="], ["sale"], 0),
    "folded": (["one\r\n two"], ["one two"], 0),
    "empty": ([""], [], 1),
    "empty beside another": (["", "sale"], ["sale"], 1),
}


@pytest.mark.parametrize(("headers", "tags", "count"), ODD_TAGS.values(), ids=ODD_TAGS.keys())
def test_MG_01_a_tag_never_costs_the_mail(
    house: House, headers: Sequence[str], tags: Sequence[str], count: int
) -> None:
    recipient = f"{unique()}@good.test"
    house.submit(recipient, letter(recipient, fields=[f"X-Mailgun-Tag: {tag}" for tag in headers]))
    delivered = house.event(recipient, "delivered")
    if headers == ["Grüße"]:  # how a letter is written in ASCII is our own business
        (tag,) = delivered["tags"]
        assert tag in tags
    else:
        assert delivered.get("tags", []) == list(tags)
    assert len(warnings(house, recipient)) == count


@pytest.mark.parametrize("kind", ["an API key", "a domain token", "a key of our own kind"])
def test_MG_01_option_headers_work_with_every_credential(house: House, kind: str) -> None:
    auth = {
        "an API key": lambda: house.key(),
        "a domain token": lambda: house.token(),
        "a key of our own kind": lambda: house.key("--native"),
    }[kind]()
    recipient = f"{unique()}@good.test"
    house.submit(recipient, letter(recipient, fields=["X-Mailgun-Tag: sale"]), auth=auth)
    assert house.event(recipient, "delivered")["tags"] == ["sale"]


# -- switches --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["no", "No", "NO", "false", "False", " no ", "\r\n no", "=?utf-8?q?no?="])
def test_MG_02_no_sends_unsigned(house: House, word: str) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, letter(recipient, fields=[f"X-Mailgun-Dkim:{word}"]), recipient)
    assert copy.fields("DKIM-Signature") == []
    assert warnings(house, recipient) == []


@pytest.mark.parametrize("word", ["yes", "True"])
def test_MG_02_yes_signs(house: House, word: str) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, letter(recipient, fields=[f"x-mailgun-DKIM: {word}"]), recipient)
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]


SWITCHES = [
    "X-Mailgun-Dkim",
    "X-Mailgun-Drop-Message",
    "X-Mailgun-Track",
    "X-Mailgun-Track-Clicks",
    "X-Mailgun-Track-Opens",
    "X-Mailgun-Track-Pixel-Location-Top",
    "X-Mailgun-Require-TLS",
    "X-Mailgun-Skip-Verification",
    "X-Mailgun-Native-Send",
]


@pytest.mark.parametrize("header", SWITCHES)
def test_MG_02_MG_03_MG_04_MG_05_MG_06_MG_07_MG_10_MG_11_a_word_that_says_neither_yes_nor_no_is_ignored(
    house: House, header: str
) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, [f"{header}: maybe"], html=HTML)
    message_id = house.submit(recipient, sent)
    copy = read(house.internet.copy(recipient))
    assert option_fields(copy) == []
    assert copy.links == [TARGET] and copy.images == []
    (warning,) = warnings(house, recipient)
    assert warning.startswith(f"{header}: ignored: use yes, no, true")
    seen = house.seen(message_id, header)
    assert seen["is_warning"] and seen["value"] == "maybe" and seen["effect"].startswith("ignored: use yes")


@pytest.mark.parametrize("value", ["0", "on", "htmlonly", "yes no", "yes;", "yes\0"], ids=repr)
def test_MG_06_other_words_are_no_switch(house: House, value: str) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, [f"X-Mailgun-Track-Opens: {value}"], html=HTML)
    if "\0" in value:  # refused as a letter, whatever the header (RFC 5322 2.2)
        with house.smtp() as client:
            code, _ = client.mail(f"orders@{DOMAIN}")
            client.rcpt(recipient)
            assert code == 250 and client.data(sent.raw)[0] in (250, 554)
        return
    assert _copy(house, sent, recipient).images == []
    assert len(warnings(house, recipient)) == 1


@pytest.mark.parametrize("header", SWITCHES)
def test_MG_02_to_MG_07_an_empty_switch_counts_as_absent(house: House, header: str) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, alternative(recipient, [f"{header}: "], html=HTML), recipient)
    assert copy.links == [TARGET] and copy.images == []
    assert warnings(house, recipient) == [f"{header}: ignored: it has no value"]


def test_MG_02_of_a_repeated_header_the_last_counts(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ["X-Mailgun-Dkim: yes", "X-Mailgun-DKIM: no"]
    message_id = house.submit(recipient, letter(recipient, fields=fields))
    assert read(house.internet.copy(recipient)).fields("DKIM-Signature") == []
    told = house.cli("message", message_id)["message"]["options"]
    assert [(each["value"], each["is_warning"]) for each in told] == [("yes", True), ("no", False)]
    assert len(warnings(house, recipient)) == 1


def test_MG_02_of_a_repeated_header_a_wrong_last_one_leaves_nothing(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ["X-Mailgun-Dkim: no", "X-Mailgun-Dkim: perhaps"]
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    assert len(warnings(house, recipient)) == 2


def test_MG_02_MG_03_headers_inside_of_attached_letters_are_none_of_ours(house: House) -> None:
    recipient = f"{unique()}@good.test"
    body = (
        b"--cut\r\nContent-Type: text/plain\r\nX-Mailgun-Dkim: no\r\n\r\nHi\r\n"
        b"--cut\r\nContent-Type: message/rfc822\r\n\r\nFrom: <a@b.test>\r\nX-Mailgun-Drop-Message: yes\r\n"
        b"X-Mailgun-Tag: inner\r\n\r\nInner\r\n--cut--\r\n"
    )
    fields = ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=cut"]
    copy = _copy(house, letter(recipient, fields=fields, body=body), recipient)
    assert copy.body == body
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    assert "tags" not in house.event(recipient, "delivered")


# -- MG-03 -----------------------------------------------------------------------------------------------


def test_MG_03_test_mode_does_everything_but_send(house: House) -> None:
    tag = unique()
    recipients = [f"{tag}@good.test", f"refuse+{tag}@good.test"]
    fields = [
        "X-Mailgun-Drop-Message: yes",
        "X-Mailgun-Tag: trial",
        'X-Mailgun-Variables: {"order": 7}',
        "X-Mailgun-Track: yes",
    ]
    message_id = house.submit(recipients, alternative(recipients[0], fields, html=HTML))
    for recipient in recipients:
        delivered = house.event(recipient, "delivered")
        assert delivered["code"] == 650 and delivered["text"] == "Test mode: message was not sent"
        assert delivered["is_test"] is True
        assert delivered["tags"] == ["trial"] and delivered["metadata"] == {"order": 7}
        assert [event["kind"] for event in house.events(recipient)] == ["accepted", "delivered"]
        assert house.internet.to(recipient) == []
    kept = {row["recipient"] for row in house.cli_rows("captures")}
    assert kept >= set(recipients)
    source = house.command("message", message_id, "--source")
    assert "/c/" in source and "DKIM-Signature" in source and "Drop-Message" not in source


def test_MG_03_no_really_sends(house: House) -> None:
    recipient = f"{unique()}@good.test"
    _copy(house, letter(recipient, fields=["X-Mailgun-Drop-Message: no"]), recipient)
    delivered = house.event(recipient, "delivered")
    assert delivered["code"] == 250 and "is_test" not in delivered


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
    import base64
    import quopri

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


# -- MG-24 and what recipients see -----------------------------------------------------------------------

SHOWN = ["X-Mailgun-Tag: sale", "X-Mailgun-Tag: autumn", 'X-Mailgun-Variables: {"order": 7}']
SUPPRESSED: dict[str, tuple[Sequence[str], Sequence[str]]] = {  # values of the header, what is left
    "nothing": ([], ["x-mailgun-tag", "x-mailgun-tag", "x-mailgun-variables"]),
    "one name": (["X-Mailgun-Tag"], ["x-mailgun-variables"]),
    "other letters": (["x-MAILGUN-variables"], ["x-mailgun-tag", "x-mailgun-tag"]),
    "two headers": (["X-Mailgun-Tag", "X-Mailgun-Variables"], []),
    "a list": (["X-Mailgun-Tag , X-Mailgun-Variables"], []),
    "all": (["all"], []),
    "All": (["All"], []),
    "all beside a name": (["X-Mailgun-Sid", "all"], []),
    "a name that is not there": (
        ["X-Mailgun-Sid"],
        ["x-mailgun-tag", "x-mailgun-tag", "x-mailgun-variables"],
    ),
}


@pytest.mark.parametrize(("values", "left"), SUPPRESSED.values(), ids=SUPPRESSED.keys())
def test_MG_24_named_fields_are_not_delivered(
    house: House, values: Sequence[str], left: Sequence[str]
) -> None:
    recipient = f"{unique()}@good.test"
    fields = [*SHOWN, *[f"X-Mailgun-Suppress-Headers: {value}" for value in values]]
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert option_fields(copy) == list(left)
    delivered = house.event(recipient, "delivered")  # events keep what recipients do not see
    assert delivered["tags"] == ["sale", "autumn"] and delivered["metadata"] == {"order": 7}
    assert warnings(house, recipient) == []


@pytest.mark.parametrize("value", ["Subject", "X-Mailgun", "From, X-Mailgun-Tag", "*", ""], ids=repr)
def test_MG_24_other_fields_cannot_be_removed(house: House, value: str) -> None:
    recipient = f"{unique()}@good.test"
    fields = [*SHOWN, f"X-Mailgun-Suppress-Headers: {value}"]
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert copy.field("Subject") == "Your order" and copy.field("From")
    assert ("x-mailgun-tag" in option_fields(copy)) == ("Tag" not in value)
    assert len(warnings(house, recipient)) == 1


def test_MG_24_recipients_see_no_other_option_header(house: House) -> None:
    recipient = f"{unique()}@good.test"
    options = [
        *SHOWN,
        "X-Mailgun-Dkim: yes",
        "X-Mailgun-Drop-Message: no",
        "X-Mailgun-Track: no",
        "X-Mailgun-Track-Clicks: no",
        "X-Mailgun-Track-Opens: no",
        "X-Mailgun-Track-Pixel-Location-Top: no",
        "X-Mailgun-Require-TLS: no",
        "X-Mailgun-Skip-Verification: yes",
        "X-Mailgun-Native-Send: yes",
        "X-Mailgun-Deliver-By: Fri, 14 Nov 2025 12:00:00 +0000",
        "X-Mailgun-Deliver-Within: 1h",
        "X-Mailgun-Delivery-Time-Optimize-Period: 24h",
        "X-Mailgun-Time-Zone-Localize: 16:00",
        'X-Mailgun-Recipient-Variables:\r\n {"other@good.test": {"secret": "s3cret"}}',
        'X-Mailgun-Template-Variables: {"hidden": "h1dden"}',
    ]
    sent = letter(recipient, fields=[*options, "X-Mailgun-Unheard-Of: 1", "X-Mailgun-Spf: Pass"])
    message_id = house.submit(recipient, sent)
    copy = read(house.internet.copy(recipient))
    assert sorted(set(option_fields(copy))) == ["x-mailgun-tag", "x-mailgun-variables"]
    assert b"s3cret" not in copy.raw and b"h1dden" not in copy.raw
    told = {each["header"]: each for each in house.cli("message", message_id)["message"]["options"]}
    assert set(told) >= {each.partition(":")[0] for each in options}  # each is told of
    assert told["X-Mailgun-Unheard-Of"]["is_warning"] and not told["X-Mailgun-Spf"]["is_warning"]


def test_MG_24_a_letter_without_options_stays_byte_for_byte(house: House) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, html=HTML, text=TEXT)
    assert _copy(house, sent, recipient).raw.endswith(sent.raw)
