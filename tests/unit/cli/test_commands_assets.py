"""Templates, lists, addresses, batches and contacts on the command line, on a real SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthouse.desk.accounts import own_account
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import Event, EventKind
from posthouse.model.lane import lane_of
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import RecipientOptions, Seen, SendOptions, options_text
from posthouse.store import events, identity, messages, warmup
from posthouse.store.engine import connect, migrate
from unit.cli.calling import Cli, caller

IDS = Ids(SystemClock())
NOW = 1_700_000_000.0


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in a directory of its own, where there is a domain; `given` is its input."""
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "example.com", "--assume-verified").code == 0
    return call


def store_url() -> str:
    return f"sqlite:///{Path.cwd()}/var/posthouse.db"


def put_message(*recipients: str, options: SendOptions | None = None, batch: str = "") -> str:
    """A message of the account in the queue; the last recipient has data of its own."""
    with connect(store_url()) as conn, conn.transaction():
        account = identity.find_account(conn, "default")
        assert account is not None
        message = Message(
            id=IDS.new(),
            account_id=account.id,
            domain="example.com",
            credential_id="C",
            sender="joe@example.com",
            subject="Hi",
            header_id="<1@x>",
            size_bytes=12,
            accepted_at=NOW,
            expires_at=4e9,
            options=options or SendOptions(),
            batch_id=batch,
        )
        deliveries = [
            Delivery(
                id=f"{message.id}.{number:04}",
                message_id=message.id,
                account_id=account.id,
                recipient=recipient,
                domain="one.test",
                lane=lane_of("one.test", account.id, False),
                state=DeliveryState.WAITING,
                due_at=4e9,
                expires_at=4e9,
            )
            for number, recipient in enumerate(recipients)
        ]
        own = RecipientOptions(metadata={"order": 8}, copy_of="ann@one.test")
        deliveries[-1].personal = options_text(own) if options else ""
        facts = [
            Event(
                IDS.new(),
                EventKind.ACCEPTED,
                NOW,
                account.id,
                "example.com",
                message.id,
                one.id,
                one.recipient,
            )
            for one in deliveries
        ]
        messages.add_accepted(conn, [messages.Accepted(message, b"x", deliveries, facts)])
    return message.id


# Templates


def test_a_template_in_versions(house: Cli) -> None:
    Path("one.html").write_text("\ufeff<p>Hello {{name}}</p>", encoding="utf-8")
    (made,) = house(
        "template", "add", "Welcome", "--domain", "example.com", "--file", "one.html", "--version", "V1",
        "--subject", "Hi {{name}}", "--json",
    ).rows  # fmt: skip
    assert (made["name"], made["version"], made["is_active"]) == ("welcome", "v1", True)
    second = ("template", "add", "welcome", "--domain", "example.com", "--file", "-", "--version", "v2")
    answer = house(*second, given="<p>Grüße {{name}}".encode())
    assert answer.out == f"Version v2 of template welcome is stored (id {made['id']}).\n"
    again = house(*second, given=b"<p>")
    assert (again.code, again.err) == (1, "posthouse: The template welcome has a version v2 already\n")
    assert "v1*, v2" in house("template", "list").out
    assert house("template", "activate", "welcome", "--version", "V2").code == 0
    (row,) = house("template", "list", "--domain", "Example.com", "--json").rows
    assert (row["versions"], row["active"], row["id"]) == (["v1", "v2"], "v2", made["id"])
    (shown,) = house("template", "show", made["id"], "--json").rows
    assert (shown["html"], shown["version"], shown["fields"]) == ("<p>Grüße {{name}}", "v2", {})
    words = house("template", "show", "welcome", "--version", "v1").out
    assert words == (
        "welcome, version v1: handlebars, not active\nSubject: Hi {{name}}\n\n<p>Hello {{name}}</p>\n"
    )
    assert house("template", "remove", "welcome", "--version", "v2").code == 1, "the active one stays"
    assert house("template", "remove", "welcome", "--version", "v1").code == 0
    assert (
        house("template", "remove", "welcome", "--domain", "example.com").out == "Removed template welcome.\n"
    )
    assert house("template", "list").out == "No templates yet.\n"


WRONG_TEMPLATES = [
    pytest.param(
        ["x", "--file", "-"], b"a\n{{#if b}}", "The template is wrong in the HTML text: ", id="block"
    ),
    pytest.param(["x", "--file", "-", "--subject", "{{"], b"a", "is wrong in Subject: ", id="subject"),
    pytest.param(["x"], b"", "A template needs an HTML text or a plain text", id="empty"),
    pytest.param(["x", "--file", "-"], b"\xff", "- is not UTF-8 text", id="not-utf-8"),
    pytest.param(["x", "--file", "-"], b"a\0", "cannot hold NUL", id="nul"),
    pytest.param(["x", "--file", "-"], b"a" * 102_401, "at most 102400", id="too-large"),
    pytest.param(["x", "--file", "nowhere"], b"", "nowhere: No such file", id="no-file"),
    pytest.param(
        ["x", "--file", "-", "--engine", "jinja"], b"a", "allowed: handlebars, wrapper", id="engine"
    ),
    pytest.param([" x", "--file", "-"], b"a", "A template's name has 1 to 100", id="name"),
    pytest.param(["x", "--file", "-", "--from", "a\nb"], b"a", "is a single line", id="field"),
    pytest.param(["x", "--file", "-", "--domain", "other.example"], b"a", "There is no domain", id="domain"),
]


def test_W_04_a_test_letter_of_a_template_is_sent_and_noted(house: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>Hi {{name}}</p>")
    assert (
        house("template", "add", "hi", "--file", str(tmp_path / "a.html"), "--subject", "Dear {{name}}").code
        == 0
    )
    values = b'{"name": "Ann"}'
    sent = house("template", "send-test", "hi", "--to", "ann@r.test", "--values", "-", "--json", given=values)
    assert sent.code == 0, sent.err
    (row,) = sent.rows
    assert (row["template"], row["to"]) == ("hi", "ann@r.test")
    assert "Subject: Dear Ann" in house("message", row["id"], "--source", "--recipient", "ann@r.test").out
    (noted,) = house("audit", "--what", "template send-test", "--json").rows
    assert noted["about"] == "hi ann@r.test"
    missing = house("template", "send-test", "hi", "--to", "ann@r.test", "--from-domain", "other.test")
    assert missing.err == "posthouse: A test letter comes from a verified domain of yours\n"
    assert house("template", "send-test", "hi", "--to", "nobody").code == 1
    assert len(house("audit", "--what", "template send-test", "--json").rows) == 1


@pytest.mark.parametrize(("arguments", "given", "sentence"), WRONG_TEMPLATES)
def test_a_wrong_template_is_one_sentence(
    house: Cli, arguments: list[str], given: bytes, sentence: str
) -> None:
    answer = house("template", "add", *arguments, given=given)
    assert answer.code == 1
    assert sentence in answer.err
    assert len(answer.err.splitlines()) == 1
    assert house("template", "list", "--json").rows == []


def test_the_line_of_a_mistake_is_told(house: Cli) -> None:
    answer = house("template", "add", "x", "--file", "-", given=b"a\nb\n{{#if c}}\n")
    assert "line 3" in answer.err


def test_a_version_is_filled_with_values_and_compared_with_another(house: Cli) -> None:
    house("template", "add", "hello", "--file", "-", "--subject", "For {{name}}", given=b"<p>Hi {{name}}</p>")
    house("template", "add", "hello", "--file", "-", "--version", "v2", given=b"<p>Bye</p>")
    values = b'{"name": "<Ann>"}'
    (row,) = house("template", "render", "hello", "--values", "-", "--json", given=values).rows
    assert (row["fields"], row["html"]) == ({"Subject": "For <Ann>"}, "<p>Hi &lt;Ann&gt;</p>")
    assert "<p>Bye</p>" in house("template", "render", "hello", "--version", "v2").out
    assert house("template", "render", "hello", "--version", "v9").err == (
        "posthouse: There is no version v9 of hello\n"
    )
    assert (
        "cannot be read: expecting" in house("template", "render", "hello", "--values", "-", given=b"{").err
    )
    assert "-<p>Hi {{name}}</p>\n+<p>Bye</p>" in house("template", "compare", "hello", "initial", "v2").out
    rows = house("template", "compare", "hello", "initial", "v2", "--json").rows
    assert [row["what"] for row in rows] == ["Subject", "HTML"]
    assert house("template", "compare", "hello", "v2", "v2").out == "v2 and v2 are the same.\n"


def test_an_export_for_a_spreadsheet_holds_no_formula(house: Cli) -> None:
    house("suppression", "add", "+ann@one.test", "--detail", "=1+1")
    assert "+ann@one.test,unsubscribe" in house("suppression", "export").out
    guarded = house("suppression", "export", "--spreadsheet").out
    assert "\n'+ann@one.test,unsubscribe" in guarded and ",'=1+1" in guarded
    house("suppression", "remove", "+ann@one.test")
    assert house("suppression", "import", "-", given=guarded.encode()).code == 0
    (row,) = house("suppression", "list", "--json").rows
    assert (row["address"], row["detail"]) == ("+ann@one.test", "=1+1")


def test_a_wrapper_is_no_handlebars(house: Cli) -> None:
    add = ("template", "add", "frame", "--engine", "wrapper", "--file", "-", "--json")
    (made,) = house(*add, given=b"<b>{{</b><% body %>").rows
    assert (made["domain"], made["is_active"]) == ("", True)


def test_one_name_in_two_domains_asks_which(house: Cli) -> None:
    house("domain", "add", "other.example", "--assume-verified")
    for domain in ("example.com", "other.example"):
        house("template", "add", "a", "--domain", domain, "--file", "-", given=b"x")
    assert (
        "Several domains have a template a: example.com, other.example" in house("template", "show", "a").err
    )
    assert house("template", "show", "a", "--domain", "other.example").code == 0


# Suppressions and groups


def test_addresses_on_lists(house: Cli) -> None:
    assert house("suppression", "add", "Ann@One.test").out == "added: 1 address\n"
    many = house(
        "suppression", "add", "-", "--kind", "bounce", "--detail", "old", given=b"b@x.test\n\n a@x.test\n"
    )
    assert many.out == "added: 2 addresses\n"
    tagged = ("--domain", "Example.com", "--tag", "News")
    (row,) = house("suppression", "add", "ann@one.test", *tagged, "--json").rows
    assert (row["kind"], row["domain"], row["scope"]) == ("unsubscribe", "example.com", "tag:news")
    rows = house("suppression", "list", "--json").rows
    assert [(one["address"], one["kind"]) for one in rows] == [
        ("a@x.test", "bounce"),
        ("ann@one.test", "unsubscribe"),
        ("ann@one.test", "unsubscribe"),
        ("b@x.test", "bounce"),
    ]
    assert len(house("suppression", "list", "--address", "ANN@one.test", *tagged, "--json").rows) == 1
    assert "a@x.test      bounce" in house("suppression", "list", "--limit", "3").out
    assert house("suppression", "remove", "ann@one.test", *tagged, "--json").rows == [{"removed": 1}]
    assert house("suppression", "remove", "ann@one.test", "b@x.test").out == "removed: 2 rows\n"
    gone = house("suppression", "remove", "ann@one.test")
    assert (gone.code, gone.out) == (1, "removed: 0 rows\n")


WRONG_SUPPRESSIONS = [
    pytest.param(["nobody"], "Not an address: ", id="address"),
    pytest.param(
        ["a@x.test", "--kind", "spam"], "allowed: bounce, complaint, unsubscribe, invalid", id="kind"
    ),
    pytest.param(["a@x.test", "--group", "7"], "There is no group 7 here", id="group"),
    pytest.param(["a@x.test", "--tag", "t", "--group", "7"], "not both", id="two-scopes"),
    pytest.param(
        ["a@x.test", "--tag", "t", "--kind", "bounce"], "Only unsubscribes are for a tag", id="scope"
    ),
    pytest.param(["a@x.test", "--domain", "x"], "it needs at least one dot", id="domain"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_SUPPRESSIONS)
def test_wrong_entries_change_nothing(house: Cli, arguments: list[str], sentence: str) -> None:
    answer = house("suppression", "add", "fine@x.test", *arguments)
    assert answer.code == 1
    assert sentence in answer.err
    assert house("suppression", "list").out == "No addresses.\n"


def test_a_list_is_read_by_time_by_text_and_by_page(house: Cli) -> None:
    house("suppression", "add", "ann@one.test", "bob@one.test", "cid@two_x.test")
    first = house("suppression", "list", "--limit", "2")
    assert "go on with --after" in first.out
    rows = house("suppression", "list", "--limit", "2", "--json").rows
    (rest,) = house("suppression", "list", "--after", rows[-1]["cursor"], "--json").rows
    assert rest["address"] == "cid@two_x.test"
    found = house("suppression", "search", "ONE", "--json").rows
    assert [row["address"] for row in found] == ["ann@one.test", "bob@one.test"]
    assert [row["address"] for row in house("suppression", "search", "_", "--json").rows] == [
        "cid@two_x.test"
    ]
    assert house("suppression", "list", "--until", "1d").out == "No addresses.\n"
    assert len(house("suppression", "list", "--since", "1d", "--json").rows) == 3
    assert "Not a time" in house("suppression", "list", "--since", "soon").err
    assert "not a cursor" in house("suppression", "list", "--after", "!!!").err


def test_lists_go_out_as_a_file_and_come_in_again(house: Cli, tmp_path: Path) -> None:
    number = house("group", "add", "News").out.strip()
    house("suppression", "add", "ann@one.test", "--group", number, "--detail", 'said "no", twice')
    house("suppression", "add", "bob@one.test", "--kind", "bounce", "--domain", "example.com")
    before = house("suppression", "list", "--json").rows
    assert house("suppression", "export", "out.csv").out == "2 rows written to out.csv\n"
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    assert house("suppression", "export").out == (tmp_path / "out.csv").read_bytes().decode()
    house("suppression", "remove", "ann@one.test", "bob@one.test")
    dry = house("suppression", "import", "out.csv", "--dry-run")
    assert dry.out == "2 rows read, 2 entries could be put on lists\n"
    assert house("suppression", "list").out == "No addresses.\n"
    for _ in range(2):
        assert house("suppression", "import", "out.csv").out == "2 rows read, 2 entries are on lists now\n"
    after = house("suppression", "list", "--json").rows
    assert [row | {"at": 0, "cursor": ""} for row in after] == [
        row | {"at": 0, "cursor": ""} for row in before
    ]
    assert [row["at"] for row in after] == pytest.approx([row["at"] for row in before], abs=1e-5)


def test_bad_lines_are_told_and_the_others_are_taken(house: Cli) -> None:
    given = b"address;reason;created\nann@one.test;550 gone;soon\nnobody;x;\nbob@one.test;;\n"
    answer = house("suppression", "import", "-", "--kind", "bounce", given=given)
    assert answer.code == 1
    assert answer.err.splitlines() == [
        "line 2: the time 'soon' cannot be read and is left out",
        "line 3: not an address: an address needs a local part, an @ and a domain",
    ]
    assert answer.out == "3 rows read, 2 entries are on lists now; 1 rows left out; 1 times left out\n"
    told = house("suppression", "import", "-", "--kind", "bounce", "--json", given=given).rows
    assert told[1]["line"] == 3 and told[1]["is_left_out"]
    assert told[-1] == {"rows": 3, "written": 2, "bad": 1, "notes": 1, "dry_run": False}
    assert "no column is called address" in house("suppression", "import", "-", given=b"created,reason\n").err
    assert "which list it is from" in house("suppression", "import", "-", given=b"email\na@x.test\n").err


def test_old_bounces_are_purged(house: Cli) -> None:
    given = b"email,created\nann@one.test,2020-01-01\nbob@one.test,2099-01-01\n"
    house("suppression", "import", "-", "--kind", "bounce", given=given)
    assert house("suppression", "purge", "--older-than", "90d").out == "removed: 1 row\n"
    (row,) = house("suppression", "list", "--json").rows
    assert row["address"] == "bob@one.test"


def test_addresses_and_domains_are_allowed(house: Cli) -> None:
    assert house("allow", "add", "Ann@One.test", "two.test", "@Three.test").out == (
        "allowed: ann@one.test, @two.test, @three.test\n"
    )
    assert house("allow", "add", "ann@one.test", "--domain", "example.com").code == 0
    rows = house("allow", "list", "--json").rows
    assert [(row["value"], row["type"], row["domain"]) for row in rows] == [
        ("@three.test", "domain", ""),
        ("@two.test", "domain", ""),
        ("ann@one.test", "address", ""),
        ("ann@one.test", "address", "example.com"),
    ]
    assert "@two.test" in house("allow", "list").out
    assert house("allow", "remove", "ann@one.test").out == "removed: 2 entries\n"
    assert house("allow", "remove", "ann@one.test").code == 1
    assert "Neither an address nor a domain" in house("allow", "add", "@").err


def test_the_invalid_list_takes_what_is_no_address(house: Cli) -> None:
    (row,) = house("suppression", "add", "Nobody", "--kind", "invalid", "--json").rows
    assert row["address"] == "nobody"
    assert house("suppression", "remove", "nobody").code == 0


def test_groups(house: Cli) -> None:
    number = house("group", "add", "News", "--default", "--description", "Weekly").out.strip()
    (other,) = house("group", "add", "Offers", "--json").rows
    assert (other["name"], other["is_default"]) == ("Offers", False)
    assert house("group", "add", "News").err == "posthouse: There is a group News already\n"
    house("suppression", "add", "ann@one.test", "--group", number)
    assert [row["scope"] for row in house("suppression", "list", "--group", number, "--json").rows] == [
        f"group:{number}"
    ]
    assert "News    yes      1             Weekly" in house("group", "list").out
    assert house("group", "change", number, "--name", "Notes", "--no-default").code == 0
    assert "Notes   no       1             Weekly" in house("group", "list").out
    assert house("group", "change", number, "--name", "Offers").err == (
        "posthouse: There is a group Offers already\n"
    )
    assert house("group", "remove", number).code == 0
    assert house("group", "remove", number).code == 1
    assert house("suppression", "list", "--json").rows == []
    assert [row["name"] for row in house("group", "list", "--json").rows] == ["Offers"]


# Addresses and pools


@pytest.fixture
def trial(house: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A house that may send from loopback addresses, with a second account."""
    monkeypatch.setenv("POSTHOUSE_DELIVERY__PRIVATE_NETWORKS", "allow")
    with connect(store_url()) as conn, conn.transaction():
        identity.ensure_account(conn, "other", id="acc-other", now=NOW)
    return house


def test_addresses_of_this_machine_and_pools(trial: Cli) -> None:
    house = trial
    assert house("ip", "add", "127.0.0.1", "--hello", "Out1.Example.com").out == "Added 127.0.0.1.\n"
    house("ip", "add", "127.0.0.2")
    (pool,) = house("pool", "add", "bulk", "--ip", "127.0.0.1", "--json").rows
    assert (pool["name"], pool["ips"]) == ("bulk", ["127.0.0.1"])
    assert "127.0.0.1, 127.0.0.2" in house("pool", "add", "bulk", "--ip", "127.0.0.2").out
    assert [(row["hello"], row["pools"]) for row in house("ip", "list", "--json").rows] == [
        ("out1.example.com", ["bulk"]),
        ("", ["bulk"]),
    ]
    row = house("pool", "set", "bulk", "--name", "slow", "--description", " For  news ", "--json").rows[0]
    assert (row["id"], row["name"], row["description"]) == (pool["id"], "slow", "For news")
    assert house("pool", "set", "slow", "--name", "bulk").out == f"Pool bulk: For news (id {pool['id']})\n"
    assert house("pool", "set", "bulk").err.endswith("nothing to change: say --name or --description\n")
    assert "For news" in house("pool", "list").out
    assert house("pool", "remove", "bulk", "--ip", "127.0.0.1").out == "Took 127.0.0.1 out of pool bulk.\n"
    assert house("ip", "remove", "127.0.0.2").code == 0
    assert [row["ips"] for row in house("pool", "list", "--json").rows] == [[]]
    assert house("pool", "remove", pool["id"]).out == "Removed pool bulk.\n"
    assert house("pool", "list").out == "No pools yet.\n"


WRONG_ADDRESSES = [
    pytest.param(["ip", "add", "192.0.2.1"], "192.0.2.1 is not an address of this machine: ", id="elsewhere"),
    pytest.param(["ip", "add", "0.0.0.0"], "0.0.0.0 is not the address of one machine", id="all"),
    pytest.param(["ip", "add", "fe80::1%lo"], "has a zone id", id="scope"),
    pytest.param(["ip", "add", "127.0.0.1", "--account", "none", "--dedicated"], "no account", id="account"),
    pytest.param(["ip", "list", "--account", "none"], "There is no account none here", id="list-account"),
    pytest.param(["ip", "add", "127.0.0.1", "--hello", "x"], "it needs at least one dot", id="hello"),
    pytest.param(["ip", "remove", "127.0.0.9"], "There is no address 127.0.0.9 here", id="unknown"),
    pytest.param(["pool", "add", "p", "--ip", "127.0.0.9"], "`posthouse ip add` does that", id="not-added"),
    pytest.param(["pool", "add", "p"], "A new pool needs at least one address", id="empty"),
    pytest.param(["pool", "remove", "p"], "There is no pool p here", id="no-pool"),
    pytest.param(["pool", "set", "p", "--name", "q"], "There is no pool p here", id="no-pool-to-set"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_ADDRESSES)
def test_wrong_addresses_are_one_sentence(trial: Cli, arguments: list[str], sentence: str) -> None:
    answer = trial(*arguments)
    assert answer.code == 1
    assert sentence in answer.err


def test_a_loopback_address_needs_a_setting_for_trials(house: Cli) -> None:
    assert "127.0.0.1 is a loopback address" in house("ip", "add", "127.0.0.1").err


def test_the_same_address_in_another_notation_is_there_already(trial: Cli) -> None:
    assert trial("ip", "add", "::1").code == 0
    assert trial("ip", "add", " 0:0:0:0:0:0:0:1").err == "posthouse: The address ::1 is there already\n"
    assert trial("ip", "remove", "0::1").out == "Removed ::1.\n"


def test_a_dedicated_address_is_not_there_for_other_accounts(trial: Cli) -> None:
    other = ["--account", "other"]
    assert trial("ip", "add", "127.0.0.1", "--dedicated", *other).out == "Added 127.0.0.1, for other alone.\n"
    trial("ip", "add", "127.0.0.2")

    def listed(*whose: str) -> list[tuple[str, bool]]:
        rows = trial("ip", "list", "--json", *whose).rows
        return [(row["address"], row["is_dedicated"]) for row in rows]

    assert listed() == [("127.0.0.2", False)]
    assert listed(*other) == [("127.0.0.1", True), ("127.0.0.2", False)]
    for words in (["ip", "remove"], ["pool", "add", "p", "--ip"]):
        refused, unknown = trial(*words, "127.0.0.1"), trial(*words, "127.0.0.9")
        assert refused.code == unknown.code == 1
        assert refused.err == unknown.err.replace("127.0.0.9", "127.0.0.1")
    assert trial("pool", "add", "p", "--ip", "127.0.0.1", "--ip", "127.0.0.2", *other).code == 0
    assert trial("pool", "list", "--json").rows == []
    assert trial("ip", "list", "--json").rows[0]["pools"] == [], "another account's pools stay its own"
    assert trial("pool", "remove", "p").err == "posthouse: There is no pool p here\n"
    assert trial("ip", "remove", "127.0.0.1", *other).code == 0


def test_an_address_warms_up_and_is_warm_again(trial: Cli) -> None:
    for address in ("127.0.0.1", "127.0.0.2"):
        trial("ip", "add", address)
    trial("pool", "add", "bulk", "--ip", "127.0.0.1", "--ip", "127.0.0.2")
    said = trial("ip", "warm-up", "127.0.0.2").out
    assert said == "127.0.0.2 warms up: day 1 of 17 (default), 50 messages to a site today.\n"
    assert "day 1 of 17 (default)" in trial("ip", "list").out
    shown = trial("ip", "show", "127.0.0.2", "--json").rows[0]
    assert shown["warmup"]["limits"][:2] == [50, 100]
    assert shown["pools"] == ["bulk"] and shown["sites"] == []
    assert "Nothing was sent from it today" in trial("ip", "show", "127.0.0.2").out
    begun = trial("ip", "warm-up", "127.0.0.1", "--plan", "slow", "--day", "4", "--json").rows[0]
    assert (begun["warmup"]["day"], begun["rest_waits"]) == (4, True), "both of the pool are new now"
    assert trial("ip", "warm-up", "127.0.0.2", "--stop").out == "127.0.0.2 is warm.\n"
    assert trial("ip", "list", "--json").rows[1]["warmup"] is None
    assert "state         warm\n" in trial("ip", "show", "127.0.0.2").out


def test_an_address_alone_is_told_that_mail_will_wait(trial: Cli) -> None:
    trial("ip", "add", "127.0.0.1", "--dedicated")
    trial("ip", "add", "127.0.0.2")
    trial("pool", "add", "rest", "--ip", "127.0.0.2")
    assert "mail above the day's share waits for its turn" in trial("ip", "warm-up", "127.0.0.1").out
    assert "waits" not in trial("ip", "warm-up", "127.0.0.1", "--pool", "rest").out
    assert "rest goes to  rest\n" in trial("ip", "show", "127.0.0.1").out


def test_what_an_address_did_today_is_shown(trial: Cli) -> None:
    trial("ip", "add", "127.0.0.1")
    trial("ip", "warm-up", "127.0.0.1")
    now = SystemClock().now()
    today = int(now // 86400)
    with connect(store_url()) as conn, conn.transaction():
        warmup.reserve(conn, "127.0.0.1", "good.test", today, 5, 50)
        warmup.note(conn, "127.0.0.1", "good.test", today, 4, 0)
        warmup.note(conn, "127.0.0.1", "bad.test", today - 1, 20, 9)
        warmup.pause(
            conn, "127.0.0.1", "bad.test", today - 1, now + 3600, "the site put off 9 of 29 messages"
        )
    bad, good = trial("ip", "show", "127.0.0.1", "--json").rows[0]["sites"]
    assert (good["reserved"], good["sent"], good["deferred"], good["paused_until"]) == (5, 4, 0, None)
    assert (bad["site"], bad["sent"], bad["why"]) == ("bad.test", 0, "the site put off 9 of 29 messages")
    assert "pauses at 1 site" in trial("ip", "list").out
    assert "the site put off 9 of 29 messages" in trial("ip", "show", "127.0.0.1").out


def test_dns_is_asked_about_addresses(trial: Cli) -> None:
    assert trial("ip", "check").out == "No addresses yet.\n"
    trial("ip", "add", "127.0.0.1")
    trial("ip", "add", "127.0.0.3", "--dedicated", "--account", "other")
    (row,) = trial("ip", "check", "--json").rows
    assert (row["address"], row["state"]) == ("127.0.0.1", "warning")
    assert "is not a public address" in trial("ip", "check", "127.0.0.1").out
    assert trial("ip", "check", "127.0.0.3").err == "posthouse: There is no address 127.0.0.3 here\n"


WRONG_WARM_UPS = [
    pytest.param(["127.0.0.9"], "There is no address 127.0.0.9 here", id="unknown"),
    pytest.param(["127.0.0.9", "--stop"], "There is no address 127.0.0.9 here", id="stop"),
    pytest.param(["127.0.0.3"], "There is no address 127.0.0.3 here", id="another account's"),
    pytest.param(
        ["127.0.0.1", "--plan", "wild"], "There is no plan wild: choose default, slow, fast", id="plan"
    ),
    pytest.param(["127.0.0.1", "--plan", "no.toml"], "no.toml: ", id="file"),
    pytest.param(["127.0.0.1", "--day", "18"], "has days 1 to 17, no day 18", id="day"),
    pytest.param(["127.0.0.1", "--day", "0"], "has days 1 to 17, no day 0", id="no-day"),
    pytest.param(["127.0.0.1", "--pool", "x"], "There is no pool x here", id="pool"),
    pytest.param(["127.0.0.1", "--pool", "own"], "has no other address to take the rest", id="own-pool"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_WARM_UPS)
def test_a_warm_up_that_makes_no_sense_is_one_sentence(
    trial: Cli, arguments: list[str], sentence: str
) -> None:
    trial("ip", "add", "127.0.0.1")
    trial("ip", "add", "127.0.0.3", "--dedicated", "--account", "other")
    trial("pool", "add", "own", "--ip", "127.0.0.1")
    answer = trial("ip", "warm-up", *arguments)
    assert answer.code in (1, 2)
    assert sentence in answer.err
    assert [row["warmup"] for row in trial("ip", "list", "--json").rows] == [None]


def test_addresses_raise_the_identity_version(trial: Cli) -> None:
    house = trial

    def version() -> int:
        with connect(store_url()) as conn:
            return identity.identity_version(conn)

    before = version()
    house("ip", "add", "127.0.0.1")
    house("pool", "add", "bulk", "--ip", "127.0.0.1")
    house("group", "add", "News")
    assert version() >= before + 3


# Batches


def test_a_batch_is_held_released_and_given_up(house: Cli) -> None:
    put_message("a@one.test", "b@one.test", batch="spring")
    put_message("c@one.test")
    assert house("batch", "pause", "spring").out == "batch spring: held: 2 deliveries\n"
    assert [(row["id"], row["status"], row["state"]) for row in house("batch", "list", "--json").rows] == [
        ("spring", "pause", "paused")
    ]
    assert house("batch", "resume", "spring", "--json").rows == [{"id": "spring", "released": 2}]
    assert house("batch", "cancel", "spring").out == "batch spring: cancelled: 2 deliveries\n"
    assert "spring  cancelled" in house("batch", "list").out
    (row,) = house("queue", "--json").rows
    assert (row["waiting"], row["held"]) == (1, 0)
    unknown = house("batch", "resume", "autumn")
    assert (unknown.code, unknown.err) == (1, "posthouse: There is no batch autumn here\n")
    assert house("batch", "pause", " ").code == 1


# Contacts


def test_contacts(house: Cli) -> None:
    assert house("contact", "set", "Ann@One.test", "--time-zone", "europe/berlin").out == (
        "ann@one.test: Europe/Berlin\n"
    )
    (row,) = house("contact", "show", "ann@one.test", "--json").rows
    assert (row["time_zone"], row["source"], row["engagements"]) == ("Europe/Berlin", "set", 0)
    wrong = house("contact", "set", "ann@one.test", "--time-zone", "Europe/Berln")
    assert wrong.code == 2
    assert "there is no time zone Europe/Berln; did you mean Europe/Berlin?" in wrong.err
    assert house("contact", "set", "ann", "--time-zone", "UTC").code == 2
    assert house("contact", "list", "--json").rows == [
        {"address": "ann@one.test", "time_zone": "Europe/Berlin"}
    ]
    assert house("contact", "set", "ann@one.test", "--time-zone", "").out == "ann@one.test: no time zone\n"
    assert house("contact", "list").out == "No contacts yet.\n"


def test_a_click_tells_the_time_zone(house: Cli) -> None:
    with connect(store_url()) as conn, conn.transaction():
        account = identity.find_account(conn, "default")
        assert account is not None
        data = {"time_zone": "Asia/Tokyo"}
        click = Event(
            IDS.new(), EventKind.CLICKED, NOW, account.id, "example.com", "M", "M.0000", "bob@one.test", data
        )
        events.append(conn, [click])
    assert house("contact", "show", "bob@one.test").out == (
        "bob@one.test: Asia/Tokyo (click), 1 opens and clicks\n"
    )


# What a message asked for


def test_a_message_shows_its_options(house: Cli) -> None:
    options = SendOptions(
        tags=("news", "spring"),
        metadata={"order": 7},
        batch_id="b1",
        template_name="welcome",
        seen=(
            Seen("X-Mailgun-Tag", "news", "tagged news"),
            Seen("X-Odd", "v\x1b[31m" + "x" * 300, "left alone: not a number", is_warning=True),
        ),
    )
    message_id = put_message("ann@one.test", "bob@one.test", options=options, batch="b1")
    (story,) = house("message", message_id, "--json").rows
    about = story["message"]
    assert (about["tags"], about["metadata"], about["batch_id"]) == (["news", "spring"], {"order": 7}, "b1")
    assert [one["is_warning"] for one in about["options"]] == [False, True]
    assert [len(one["value"]) for one in about["options"]] == [4, 200]
    assert [one["metadata"] for one in story["deliveries"]] == [{"order": 7}, {"order": 8}]
    words = house("message", message_id).out
    assert (
        '  tags      news, spring\n  data      {"order": 7}\n  batch     b1\n  template  welcome\n' in words
    )
    assert "Options\n  X-Mailgun-Tag: news\n    tagged news\n  X-Odd: v\\x1b[31mxxx" in words
    assert "    warning: left alone: not a number\n" in words
    assert "bob@one.test (copy of ann@one.test): waiting" in words
    plain = house("message", put_message("ann@one.test")).out
    assert "Options" not in plain and "tags" not in plain


def test_every_event_row_has_tags_and_metadata(house: Cli) -> None:
    message_id = put_message("a@one.test")
    with connect(store_url()) as conn, conn.transaction():
        data = {"tags": ["x"], "metadata": {"k": 1}, "code": 250}
        fact = Event(
            IDS.new(),
            EventKind.DELIVERED,
            NOW,
            own_account(conn),
            "example.com",
            message_id,
            "",
            "a@one.test",
            data,
        )
        events.append(conn, [fact])
    rows = house("events", "--json").rows
    assert [(row["tags"], row["metadata"], row["code"]) for row in rows] == [
        ([], {}, 0),
        (["x"], {"k": 1}, 250),
    ]


def test_lists_before_the_first_domain(house: Cli) -> None:
    house("domain", "remove", "example.com")
    Path("var/posthouse.db").unlink()
    for rest in Path("var").glob("posthouse.db-*"):
        rest.unlink()
    migrate(store_url())
    answer = house("suppression", "list")
    assert (answer.code, answer.out) == (1, "")
    assert "begin with `posthouse domain add`" in answer.err
