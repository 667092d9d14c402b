"""Lists, groups, addresses, templates, contacts, quotas and jobs on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.event import EventKind
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import (
    contacts,
    egress,
    events,
    groups,
    identity,
    jobs,
    quotas,
    suppressions,
    templates,
    visits,
    workers,
)
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery
from posthouse.store.trouble import Duplicate
from store.letters import IDS, NOW, event, letter

BOUNCE, UNSUBSCRIBE = SuppressionKind.BOUNCE, SuppressionKind.UNSUBSCRIBE


def row(address: str, kind: SuppressionKind = BOUNCE, domain: str = "", scope: str = "") -> Suppression:
    return Suppression("acc", address, kind, domain, scope, NOW, "why")


# Suppressions


def test_lists_are_asked_for_many_addresses_at_once(conn: Connection) -> None:
    assert suppressions.is_empty(conn)
    listed = [row(f"p{number}@one.test") for number in range(0, 300, 2)]
    with conn.transaction():
        suppressions.add(conn, [*listed, replace(listed[0], account_id="other")])
    assert not suppressions.is_empty(conn)
    asked = [("acc", f"P{number}@One.test") for number in range(300)]
    assert sorted(item.address for item in suppressions.find(conn, asked)) == sorted(
        item.address for item in listed
    )
    assert suppressions.find(conn, []) == []


def test_an_address_on_several_lists_is_told_with_each(conn: Connection) -> None:
    rows = [
        row("Ann@One.test"),
        row("ann@one.test", UNSUBSCRIBE, "sender.test"),
        row("ann@one.test", UNSUBSCRIBE, "sender.test", "tag:news"),
        row("ann@one.test", UNSUBSCRIBE, "", "group:4"),
    ]
    suppressions.add(conn, rows)
    found = suppressions.find(conn, [("acc", "ann@one.test"), ("acc", "ann@one.test")])
    assert {(item.kind, item.domain, item.scope) for item in found} == {
        (item.kind, item.domain, item.scope) for item in rows
    }
    assert {item.address for item in found} == {"ann@one.test"}


def test_adding_again_brings_the_row_up_to_date(conn: Connection) -> None:
    suppressions.add(conn, [row("a@one.test"), replace(row("a@one.test"), at=NOW + 5, detail="new\0")])
    assert suppressions.find(conn, [("acc", "a@one.test")]) == [
        replace(row("a@one.test"), at=NOW + 5, detail="new\ufffd")
    ]


REMOVALS = [
    pytest.param({}, 3, id="all"),
    pytest.param({"kind": BOUNCE}, 1, id="kind"),
    pytest.param({"domain": ""}, 2, id="whole-account"),
    pytest.param({"kind": UNSUBSCRIBE, "domain": "sender.test", "scope": "tag:x"}, 1, id="exactly"),
    pytest.param({"scope": "group:1"}, 0, id="not-there"),
]


@pytest.mark.parametrize(("chosen", "count"), REMOVALS)
def test_rows_are_removed_by_what_is_given(conn: Connection, chosen: dict[str, str], count: int) -> None:
    rows = [
        row("a@x.test"),
        row("a@x.test", UNSUBSCRIBE),
        row("a@x.test", UNSUBSCRIBE, "sender.test", "tag:x"),
    ]
    suppressions.add(conn, [*rows, row("b@x.test")])
    assert suppressions.remove(conn, "acc", "A@x.test", **chosen) == count  # type: ignore[arg-type]
    assert len(suppressions.listing(conn, SuppressionQuery("acc"))) == 4 - count


def test_a_list_is_read_page_by_page(conn: Connection) -> None:
    rows = [row(f"{letter}@x.test", kind) for letter in "abc" for kind in (BOUNCE, UNSUBSCRIBE)]
    suppressions.add(conn, rows[::-1])
    pages, query = [], SuppressionQuery("acc", limit=4)
    while page := suppressions.listing(conn, query):
        pages.append(page)
        query = replace(query, after=suppressions.place_of(page[-1]))
    assert [len(page) for page in pages] == [4, 2]
    assert [item for page in pages for item in page] == rows
    only = SuppressionQuery("acc", kind=UNSUBSCRIBE, address="B@x.test", domain="")
    assert suppressions.listing(conn, only) == [rows[3]]


# Groups


def test_groups_have_numbers_that_are_never_given_twice(conn: Connection) -> None:
    before = identity.identity_version(conn)
    first = groups.add_group(conn, "acc", "News", "Weekly", is_default=True)
    second = groups.add_group(conn, "other", "News")
    with pytest.raises(Duplicate):
        groups.add_group(conn, "acc", "News")
    assert groups.list_groups(conn, "acc") == [first]
    assert groups.list_groups(conn) == [first, second]
    suppressions.add(
        conn, [row("a@x.test", UNSUBSCRIBE, "", groups.scope_of(second.number)), row("a@x.test")]
    )
    assert not groups.remove_group(conn, "acc", second.number)
    suppressions.add(
        conn, [replace(row("b@x.test", UNSUBSCRIBE, "", groups.scope_of(second.number)), account_id="other")]
    )
    assert groups.remove_group(conn, "other", second.number)
    assert suppressions.listing(conn, SuppressionQuery("other")) == []
    assert groups.add_group(conn, "acc", "Offers").number > second.number
    assert identity.identity_version(conn) == before + 4


def test_a_group_that_moves_in_keeps_its_number_where_nobody_had_one_so_high(conn: Connection) -> None:
    first = groups.add_group(conn, "acc", "First")
    moved = groups.add_group(conn, "acc", "Moved", "Weekly", is_default=True, number=first.number + 700)
    assert moved.number == first.number + 700
    assert groups.list_groups(conn, "acc") == [first, moved]
    assert groups.add_group(conn, "other", "Late", number=first.number + 5).number > moved.number
    assert groups.add_group(conn, "acc", "Next").number > moved.number
    with pytest.raises(Duplicate):
        groups.add_group(conn, "acc", "Moved", number=first.number + 9000)


# Addresses and pools


def test_addresses_and_pools(conn: Connection) -> None:
    before = identity.identity_version(conn)
    first = egress.LocalAddress("192.0.2.1", "acc", "out1.example.com", NOW)
    second = egress.LocalAddress("2001:db8::1", "", "", NOW)
    egress.add_ip(conn, first)
    egress.add_ip(conn, second)
    with pytest.raises(Duplicate):
        egress.add_ip(conn, first)
    assert egress.list_ips(conn) == [first, second]
    pool = egress.Pool("id-1", "acc", "bulk", ("192.0.2.1",))
    egress.add_pool(conn, pool)
    with pytest.raises(Duplicate):
        egress.add_pool(conn, replace(pool, id="id-2"))
    egress.change_pool(conn, "id-1", join=["2001:db8::1", "192.0.2.1"])
    whole = replace(pool, addresses=("192.0.2.1", "2001:db8::1"))
    assert egress.find_pool(conn, "acc", "bulk") == egress.find_pool(conn, "acc", "id-1") == whole
    assert egress.find_pool(conn, "other", "bulk") is None
    assert egress.remove_ip(conn, "192.0.2.1")
    assert not egress.remove_ip(conn, "192.0.2.1")
    assert egress.list_pools(conn) == [replace(pool, addresses=("2001:db8::1",))]
    assert egress.remove_pool(conn, "id-1")
    assert not egress.remove_pool(conn, "id-1")
    assert egress.list_pools(conn, "acc") == []
    assert identity.identity_version(conn) == before + 6


# Templates


def put_template(conn: Connection, name: str, domain: str = "sender.test") -> templates.Template:
    new = templates.Template(IDS.new(), "acc", domain, name, "", NOW)
    templates.add_template(conn, new)
    return new


def put_version(conn: Connection, template_id: str, tag: str, *, is_active: bool) -> templates.Version:
    new = templates.Version(
        template_id, tag, is_active, templates.HANDLEBARS, f"<p>{tag}", "", {"Subject": "é"}, NOW
    )
    templates.add_version(conn, new)
    return new


def test_a_version_is_found_by_tag_or_as_the_active_one(conn: Connection) -> None:
    about = put_template(conn, "welcome")
    first = put_version(conn, about.id, "v1", is_active=True)
    put_version(conn, about.id, "v2", is_active=False)
    found = templates.find(conn, "acc", "sender.test", "Welcome")
    assert found == templates.Found(about, first)
    by_id = templates.find(conn, "acc", "elsewhere.test", about.id, "V2")
    assert by_id is not None and (by_id.version.tag, by_id.version.is_active) == ("v2", False)
    assert templates.activate(conn, about.id, "V2")
    assert not templates.activate(conn, about.id, "v3")
    assert [(item.tag, item.is_active) for item in templates.versions_of(conn, about.id)] == [
        ("v1", False),
        ("v2", True),
    ]
    put_version(conn, about.id, "v3", is_active=True)
    active = templates.find(conn, "acc", "sender.test", "welcome")
    assert active is not None and active.version.tag == "v3"


@pytest.mark.parametrize(
    ("account", "domain", "name", "tag"),
    [
        ("other", "sender.test", "welcome", ""),
        ("acc", "other.test", "welcome", ""),
        ("acc", "sender.test", "farewell", ""),
        ("acc", "sender.test", "welcome", "v9"),
        ("acc", "sender.test", "we\0lcome", ""),
    ],
)
def test_what_is_not_there_is_not_found(
    conn: Connection, account: str, domain: str, name: str, tag: str
) -> None:
    about = put_template(conn, "welcome")
    put_version(conn, about.id, "v1", is_active=True)
    assert templates.find(conn, account, domain, name, tag) is None


def test_versions_of_an_account_are_listed_without_their_texts(conn: Connection) -> None:
    with conn.transaction():
        for id, account in (("t1", "acc"), ("t2", "acc"), ("t3", "other")):
            templates.add_template(conn, templates.Template(id, account, "", id, "", NOW))
        for id, tag in (("t1", "a"), ("t1", "b"), ("t3", "a")):
            fields = {"Subject": tag}
            version = templates.Version(id, tag, tag == "b", templates.HANDLEBARS, "<p>", "x", fields, NOW)
            templates.add_version(conn, version)
    found = templates.brief_versions(conn, ["t1", "t2"])
    assert list(found) == ["t1"]
    told = [(each.tag, each.is_active, each.html, each.text, each.fields) for each in found["t1"]]
    assert told == [("a", False, "", "", {"Subject": "a"}), ("b", True, "", "", {"Subject": "b"})]


def test_a_pool_gets_another_name_and_description(conn: Connection) -> None:
    with conn.transaction():
        egress.add_pool(conn, egress.Pool("p1", "acc", "bulk", (), "For news"))
        egress.describe_pool(conn, "p1", "news", "")
    assert egress.list_pools(conn, "acc") == [egress.Pool("p1", "acc", "news")]


def test_a_domains_template_goes_before_the_accounts(conn: Connection) -> None:
    shared, own = put_template(conn, "welcome", ""), put_template(conn, "welcome")
    for about in (shared, own):
        put_version(conn, about.id, "v1", is_active=True)
    for domain, expected in (("sender.test", own), ("other.test", shared), ("", shared)):
        assert templates.find_template(conn, "acc", domain, "welcome") == expected
    assert templates.count_templates(conn, "acc", "sender.test") == 1


def test_names_and_tags_are_unique_and_templates_go_with_their_versions(conn: Connection) -> None:
    about = put_template(conn, "welcome")
    put_version(conn, about.id, "v1", is_active=True)
    with pytest.raises(Duplicate):
        put_template(conn, "Welcome")
    with pytest.raises(Duplicate):
        put_version(conn, about.id, "V1", is_active=True)
    assert not templates.remove_version(conn, about.id, "v1")
    put_version(conn, about.id, "v2", is_active=False)
    assert templates.remove_version(conn, about.id, "V2")
    assert templates.list_templates(conn, "acc") == [about]
    assert templates.remove_template(conn, about.id)
    assert not templates.remove_template(conn, about.id)
    assert templates.versions_of(conn, about.id) == []


# Contacts, engagement


def test_contacts_are_found_whatever_the_case(conn: Connection) -> None:
    contacts.set_zone(conn, "acc", "Ann@One.test", "Europe/Berlin")
    contacts.set_zone(conn, "acc", "ann@one.test", "Asia/Tokyo")
    contacts.set_zone(conn, "acc", "bob@one.test", "UTC")
    assert contacts.zones_of(conn, "acc", ["ANN@one.test", "eve@one.test"]) == {"ann@one.test": "Asia/Tokyo"}
    assert contacts.zones_of(conn, "other", ["ann@one.test"]) == {}
    page = contacts.list_contacts(conn, "acc", limit=1)
    assert [item.address for item in page] == ["ann@one.test"]
    assert [item.address for item in contacts.list_contacts(conn, "acc", after="ann@one.test")] == [
        "bob@one.test"
    ]
    assert contacts.remove_contact(conn, "acc", "BOB@one.test")
    assert not contacts.remove_contact(conn, "acc", "bob@one.test")


def test_engagement_is_read_from_opens_and_clicks(conn: Connection) -> None:
    delivery = letter("ann@one.test").deliveries[0]
    facts = [
        event(delivery, EventKind.ACCEPTED),
        *(event(delivery, EventKind.OPENED, NOW + n) for n in (1, 2)),
    ]
    for at, zone in ((3, "Europe/Rome"), (4, "")):
        click = event(delivery, EventKind.CLICKED, NOW + at)
        click.data = {"time_zone": zone} if zone else {}
        facts.append(click)
    events.append(conn, facts)
    assert visits.engagement_hours(conn, "acc", "ann@one.test") == [NOW + 4, NOW + 3, NOW + 2, NOW + 1]
    assert visits.engagement_hours(conn, "acc", "ann@one.test", 1) == [NOW + 4]
    assert visits.engagement_hours(conn, "other", "ann@one.test") == []
    assert visits.last_click_zone(conn, "acc", "ann@one.test") == "Europe/Rome"
    assert visits.last_click_zone(conn, "acc", "bob@one.test") == ""


# Quotas


def test_a_quota_is_used_up_and_no_more(conn: Connection) -> None:
    assert not quotas.reserve(conn, "a|hour|", 7, 11, 10)
    assert quotas.reserve(conn, "a|hour|", 7, 6, 10)
    assert not quotas.reserve(conn, "a|hour|", 7, 5, 10)
    assert quotas.reserve(conn, "a|hour|", 7, 4, 10)
    assert quotas.used(conn, "a|hour|", 7) == 10
    assert quotas.reserve(conn, "b|hour|", 7, 10, 10)
    quotas.give_back(conn, "a|hour|", 7, 3)
    assert quotas.used(conn, "a|hour|", 7) == 7


def test_windows_that_are_over_go(conn: Connection) -> None:
    keys = (("a|hour|", 7), ("a|hour|x.test", 7), ("a|day|", 1), ("a|hour|", 8))
    for key in keys:
        assert quotas.reserve(conn, *key, 2, 10) == 2
    assert quotas.drop_before(conn, "hour", 8) == 2
    assert [quotas.used(conn, *key) for key in keys] == [0, 0, 2, 2]


# Jobs


def job(due_at: float = NOW, content: bytes = b"x") -> jobs.WebJob:
    return jobs.WebJob(
        IDS.new(), jobs.ARCHIVE, "acc", "M", "M.0000", "https://a.test/", content, due_at, NOW + 999
    )


def test_jobs_are_taken_when_due_and_settled_by_their_owner(conn: Connection) -> None:
    late, first, second = job(NOW + 50), job(NOW - 1, b"a" * 100_000), job(NOW)
    jobs.add_jobs(conn, [late, second, first])
    assert jobs.next_job_due(conn) == NOW - 1
    taken = jobs.take_jobs(conn, "w1", NOW, 10)
    assert taken == [replace(first, attempt=1, owner="w1"), replace(second, attempt=1, owner="w1")]
    assert jobs.take_jobs(conn, "w2", NOW, 10) == []
    assert not jobs.settle_job(conn, first.id, "w2", None)
    assert jobs.settle_job(conn, first.id, "w1", None)
    assert not jobs.settle_job(conn, first.id, "w1", None)
    assert jobs.settle_job(conn, second.id, "w1", NOW + 300, "503")
    assert jobs.take_jobs(conn, "w1", NOW + 300, 1) == [replace(late, attempt=1, owner="w1")]
    assert jobs.take_jobs(conn, "w1", NOW + 300, 1)[0].attempt == 2
    assert jobs.next_job_due(conn) is None
    assert jobs.release_jobs(conn, "w1") == 2, "the two that are left"


def test_jobs_of_the_dead_are_free_again(conn: Connection) -> None:
    workers.register(conn, workers.Worker("w1", "host", 1, NOW, NOW))
    jobs.add_jobs(conn, [job(), job()])
    assert len(jobs.take_jobs(conn, "w1", NOW, 1)) == len(jobs.take_jobs(conn, "gone", NOW, 1)) == 1
    assert jobs.release_lost_jobs(conn) == 1
    assert jobs.release_lost_jobs(conn) == 0
    assert jobs.release_jobs(conn, "w1") == 1
    assert len(jobs.take_jobs(conn, "w2", NOW, 5)) == 2


# Changes


def test_a_group_is_changed_but_not_to_anothers_name(conn: Connection) -> None:
    news = groups.add_group(conn, "acc", "News", "All news")
    groups.add_group(conn, "acc", "Offers")
    groups.change_group(conn, replace(news, description="Some news", is_default=True))
    assert groups.find_group(conn, "acc", news.number) == replace(
        news, description="Some news", is_default=True
    )
    with pytest.raises(Duplicate):
        groups.change_group(conn, replace(news, name="Offers"))
    assert groups.find_group(conn, "other", news.number) is None


def test_a_template_and_its_version_are_changed_in_place(conn: Connection) -> None:
    about = templates.Template("t1", "acc", "", "hello", "", NOW)
    templates.add_template(conn, about)
    templates.add_template(conn, replace(about, id="t2", name="bye"))
    version = templates.Version("t1", "v1", True, templates.HANDLEBARS, "<p>", "", {}, NOW)
    templates.add_version(conn, version)
    assert templates.change_template(conn, replace(about, name="Hi", more={"name": "Hi there"}))
    with pytest.raises(Duplicate):
        templates.change_template(conn, replace(about, name="bye"))
    assert not templates.change_template(conn, replace(about, id="t9", name="nine"))
    changed = replace(version, html="<b>", text="b", fields={"Subject": "s"}, more={"name": "one"})
    assert templates.change_version(conn, changed)
    assert not templates.change_version(conn, replace(changed, tag="v2"))
    found = templates.find(conn, "acc", "", "hi")
    assert found is not None
    assert found.template.more == {"name": "Hi there"}
    assert found.version == changed, "and it is active as before"
