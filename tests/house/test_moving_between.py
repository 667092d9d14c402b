"""MG-26, SG-11: what one Posthouse has moves into another by the calls of the services that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from house.house import DOMAIN, House, Houses, unique
from posthouse.rules.permissions import FULL

pytestmark = pytest.mark.long

ADDRESS = f"{unique('left')}@good.test"
HOOK = "https://hooks.test/mail"


@pytest.fixture(scope="module")
def old(shared_houses: Houses) -> House:
    return shared_houses.new()


@pytest.fixture
def new(shared_houses: Houses) -> House:
    return shared_houses.new()


@pytest.fixture(scope="module")
def key(old: House) -> str:
    return full_key(old)


def full_key(house: House) -> str:
    words = [word for permission in FULL for word in ("--permission", permission)]
    return str(house.cli("key", "add", *words)["key"])


def api(old: House) -> str:
    return f"http://127.0.0.1:{old.port_http}"


def moved(new: House, service: str, old: House, key: str, folder: Path) -> dict[str, Any]:
    """What the command reports as it came from the old house."""
    written = folder / "key.txt"
    written.write_text(f"{key}\n")
    written.chmod(0o600)
    told = new.cli("import", service, "--api-url", api(old), "--allow-private", "--key-file", str(written))
    assert isinstance(told, dict)
    return told


def came(report: dict[str, Any]) -> dict[str, int]:
    return {name: count["came"] for name, count in report["counts"].items() if count["came"]}


def sendgrid(house: House, key: str) -> Callable[..., Any]:
    def call(method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        reply = requests.request(method, f"{api(house)}/v3{path}", json=body, headers=headers, timeout=20)
        assert reply.ok, reply.text
        return reply.json()

    return call


def test_MG_26_all_of_a_domain_moves_by_mailguns_calls_and_once(
    old: House, new: House, key: str, tmp_path: Path
) -> None:
    base, auth = f"{api(old)}/v3", ("api", key)
    template = {"name": "welcome", "template": "<p>Hi {{name}}</p>", "tag": "v1", "engine": "handlebars"}
    bounce = {"address": ADDRESS, "code": "550", "error": "no such user"}
    for path, form in (
        (f"{DOMAIN}/templates", template),
        (f"{DOMAIN}/bounces", bounce),
        (f"{DOMAIN}/unsubscribes", {"address": ADDRESS, "tag": "news"}),
        (f"{DOMAIN}/whitelists", {"address": "vip@good.test"}),
        (f"domains/{DOMAIN}/webhooks", {"id": "delivered", "url": HOOK}),
    ):
        reply = requests.post(f"{base}/{path}", form, auth=auth, timeout=20)
        assert reply.status_code == 200, reply.text
    moved(new, "mailgun", old, key, tmp_path)
    theirs = ("api", full_key(new))
    there = f"{api(new)}/v3"
    found = requests.get(f"{there}/{DOMAIN}/bounces/{ADDRESS}", auth=theirs, timeout=20).json()
    assert (found["code"], found["error"]) == ("550", "no such user")
    found = requests.get(f"{there}/{DOMAIN}/unsubscribes/{ADDRESS}", auth=theirs, timeout=20).json()
    assert found["tags"] == ["news"]
    assert requests.get(f"{there}/{DOMAIN}/whitelists/vip@good.test", auth=theirs, timeout=20).ok
    found = requests.get(f"{there}/{DOMAIN}/templates/welcome?active=yes", auth=theirs, timeout=20).json()
    assert found["template"]["version"]["template"] == "<p>Hi {{name}}</p>"
    found = requests.get(f"{there}/domains/{DOMAIN}/webhooks/delivered", auth=theirs, timeout=20).json()
    assert found["webhook"]["urls"] == [HOOK]
    again = moved(new, "mailgun", old, key, tmp_path)
    assert came(again) == {}


def test_SG_11_all_of_an_account_moves_by_sendgrids_calls_and_once(
    old: House, new: House, key: str, tmp_path: Path
) -> None:
    here, there = sendgrid(old, key), sendgrid(new, full_key(new))
    gone = f"{unique('gone')}@good.test"
    group = here("POST", "/asm/groups", {"name": "News", "description": "Weekly"})["id"]
    here("POST", f"/asm/groups/{group}/suppressions", {"recipient_emails": [gone]})
    here("POST", "/asm/suppressions/global", {"recipient_emails": [ADDRESS]})
    template = here("POST", "/templates", {"name": "Welcome", "generation": "dynamic"})["id"]
    version = {"name": "one", "subject": "Hi {{name}}", "html_content": "<p>{{name}}</p>", "active": 1}
    here("POST", f"/templates/{template}/versions", version)
    here("POST", "/user/webhooks/event/settings", {"enabled": True, "url": HOOK, "delivered": True})
    report = moved(new, "sendgrid", old, key, tmp_path)
    (told,) = [row for row in report["groups"] if row["name"] == "News"]
    assert there("GET", f"/asm/groups/{told['new']}/suppressions") == [gone]
    assert there("GET", f"/asm/suppressions/global/{ADDRESS}") == {"recipient_email": ADDRESS}
    (shown,) = there("GET", f"/templates/{template}")["versions"]
    assert (shown["subject"], shown["html_content"]) == ("Hi {{name}}", "<p>{{name}}</p>")
    hooks = there("GET", "/user/webhooks/event/settings/all")["webhooks"]
    assert [(hook["url"], hook["delivered"], hook["open"]) for hook in hooks] == [(HOOK, True, False)]
    again = moved(new, "sendgrid", old, key, tmp_path)
    assert came(again) == {}
