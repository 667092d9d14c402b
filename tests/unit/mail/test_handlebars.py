"""MG-19, SG-09: the template language, compared with handlebars.js where it has the feature; S14: bounds."""

from __future__ import annotations

from typing import Any

import pytest

import handlebars_oracle
from posthouse.mail.handlebars import TemplateError, compile_template
from posthouse.mail.handlebars.template import MAX_OUTPUT

DATA: dict[str, Any] = {
    "name": "Ann <b>",
    "empty": "",
    "zero": 0,
    "yes": True,
    "no": False,
    "none": None,
    "half": 0.5,
    "big": 1e21,
    "tiny": 1e-7,
    "items": [{"title": "one", "price": 1}, {"title": "two", "price": 2}],
    "words": ["a", "b", "c"],
    "user": {"name": "Bob", "address": {"city": "Bonn"}, "tags": []},
    "map": {"first": 1, "second": {"x": 2}},
    "nested": [[1, 2], [3]],
    "with-dash": "dashed",
    "quote": "\"'`=&",
    "index": "mine",
}

SAME_AS_HANDLEBARS = [
    "plain",
    "{{name}} {{{name}}} {{&name}}",
    "{{quote}}",
    "{{empty}}|{{zero}}|{{yes}}|{{no}}|{{none}}|{{missing}}|{{half}}|{{big}}|{{tiny}}",
    "{{words}} {{map}} {{nested}}",
    "{{user.name}} {{user/address/city}} {{user.address.missing.deeper}}",
    "{{words.[1]}} {{words.[0]}} {{words.length}} {{name.length}} {{items.[1].title}}",
    "{{[with-dash]}} {{with-dash}}",
    "{{this.name}} {{./name}}",
    "{{#if name}}yes{{else}}no{{/if}}",
    "{{#if empty}}yes{{else if zero}}zero{{else if yes}}third{{else}}no{{/if}}",
    "{{#if zero}}a{{else}}b{{/if}} {{#if zero includeZero=true}}a{{else}}b{{/if}}",
    "{{#if user}}object{{/if}}{{#if user.tags}}list{{else}}empty list{{/if}}",
    "{{#unless no}}shown{{/unless}}{{#unless yes}}hidden{{else}}other{{/unless}}",
    "{{#each words}}{{@index}}{{this}}{{@first}}{{@last}} {{/each}}",
    "{{#each items}}{{title}}={{price}}{{../name}};{{/each}}",
    "{{#each map}}{{@key}}:{{this}} {{/each}}",
    "{{#each missing}}x{{else}}nothing{{/each}}",
    "{{#each nested}}[{{#each this}}{{this}}{{@../index}}{{/each}}]{{/each}}",
    "{{#each items as |item place|}}{{place}}{{item.title}}{{/each}}",
    "{{#with user}}{{name}} {{address.city}} {{../zero}}{{@root.empty}}{{/with}}",
    "{{#with empty}}x{{else}}none{{/with}}",
    "{{#with user as |u|}}{{u.name}}{{/with}}",
    "{{#user}}{{name}}{{/user}}{{#words}}{{.}}{{/words}}{{#no}}x{{else}}y{{/no}}{{^no}}z{{/no}}",
    "{{#yes}}{{name}}{{/yes}}",
    "{{lookup words 1}} {{lookup map 'first'}} {{#each words}}{{lookup ../items @index}}{{/each}}",
    "{{#if (equal name 'x')}}a{{else}}b{{/if}} {{equal 1 '1'}}",
    "{{#equal user.name 'Bob'}}same{{else}}other{{/equal}}",
    "{{#equals 3 '3'}}same{{else}}other{{/equals}}{{#notEquals 3 4}}differ{{/notEquals}}",
    "{{#greaterThan (length words) 2}}many{{else}}few{{/greaterThan}}{{#lessThan 1 2}}less{{/lessThan}}",
    "{{#and yes name}}both{{else}}not{{/and}}{{#or no zero}}any{{else}}none{{/or}}",
    "{{length words}} {{length name}} {{length zero}}",
    "a {{! comment }} b {{!-- {{x}} --}} c",
    "a  {{~name~}}  b {{~! c ~}} d",
    "line\n{{#if yes}}\n  in\n{{/if}}\nend\n",
    "line\n  {{! alone }}\nend",
    "{{#each words}}\n- {{this}}\n{{/each}}\n",
    "{{#if no}}\na\n{{else}}\nb\n{{/if}}",
    "x {{#if yes}}\ny\n{{/if}} z",
    "\\{{name}} \\\\{{name}}",
    "{{ name }}{{  user.name  }}",
    "{{#each words}}{{#if @first}}<{{else if @last}}>{{else}}-{{/if}}{{/each}}",
    "{{constructor}}{{__proto__}}{{user.constructor}}{{lookup user 'constructor'}}",
    "{{words.map}}{{name.toString}}",
    "{{#each items}}{{@root.user.name}}{{@index}}{{/each}}",
    "{{'name'}} {{\"with-dash\"}}",
    "<a href=\"{{name}}\">{{{user.name}}}</a>",
    "{{@missing}}{{@root.zero}}",
    "{{#if yes}}{{#if name}}deep{{/if}}{{/if}}",
    "{{#unless missing}}{{^}}never{{/unless}}",
]  # fmt: skip


@pytest.mark.parametrize("source", SAME_AS_HANDLEBARS)
def test_MG_19_renders_as_handlebars_js_does(source: str) -> None:
    expected = handlebars_oracle.render(source, DATA)
    assert expected is not None
    assert compile_template(source).render(DATA) == expected


HELPERS = {
    "SG insert with default=": ("{{insert missing 'default=Customer'}}", "Customer"),
    "SG insert with a text": ('{{insert missing "your business"}}', "your business"),
    "SG insert of a value": ("{{insert user.name 'default=x'}}", "Bob"),
    "SG length as argument": ("{{#greaterThan 5 length words}}a{{else}}b{{/greaterThan}}", "a"),
    "SG date": (
        "{{formatDate '2020-01-05T23:34:00Z' 'MMMM DD, YYYY h:mm:ss A'}}",
        "January 05, 2020 11:34:00 PM",
    ),
    "SG offset": (
        "{{formatDate 1578266040 'YY-M-D dddd ddd HH:mm Z ZZ' '-0800'}}",
        "20-1-5 Sunday Sun 15:14 -08:00 -0800",
    ),
    "SG no date": ("{{formatDate missing 'YYYY'}}", ""),
    "data wins over a helper's name": ("{{date}}", "plain"),
    "SG a value called date2": ("{{formatDate date2 'MMMM'}}", "March"),
}


@pytest.mark.parametrize(("source", "expected"), HELPERS.values(), ids=HELPERS)
def test_SG_09_helpers_of_the_services(source: str, expected: str) -> None:
    data = DATA | {"date": "plain", "date2": "2021-03-01"}
    assert compile_template(source).render(data) == expected


def test_plain_text_is_not_escaped() -> None:
    assert compile_template("{{name}}").render(DATA, escapes=False) == "Ann <b>"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{{#if a}}", "line 1: the block if is not closed"),
        ("x\n{{/if}}", "line 2: if is closed but was never opened"),
        ("{{#if a}}{{/each}}", "line 1: if is open, each is closed"),
        ("{{else}}", "line 1: else stands outside"),
        ("{{> header}}", "line 1: partials"),
        ("{{nothing 1}}", "line 1: there is no helper nothing"),
        ("{{a", "line 1: a tag is not closed"),
        ("{{}}", "line 1: the tag is empty"),
        ("{{a b=}}", "line 1: "),
        ("{{(a}}", "line 1: "),
        ("{{lookup (lookup a b}}", "line 1: a bracket is not closed"),
        ("{{a..b}}", "line 1: 'a..b' is not a path"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", "line 1: else stands outside of a block, or twice"),
        ("{{#each a as |x}}{{/each}}", "line 1: "),
    ],
)
def test_a_wrong_template_gets_one_sentence_with_its_line(source: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source)
    assert str(caught.value).startswith(what)
    assert "\n" not in str(caught.value)


LOOP = "{{#each a}}" * 6 + "x" + "{{/each}}" * 6


@pytest.mark.parametrize(
    ("source", "data"),
    [
        pytest.param(LOOP.replace("each a", "each @root.a"), {"a": list(range(100))}, id="S14 nested loops"),
        pytest.param(
            "{{#each a}}{{@root.b}}{{/each}}", {"a": [0] * 1000, "b": "y" * 100_000}, id="S14 output"
        ),
    ],
)
def test_S14_a_template_cannot_exhaust(source: str, data: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=r"more than|longer than"):
        compile_template(source).render(data)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{#if a}}" * 60 + "{{/if}}" * 60, id="blocks"),
        pytest.param("{{lookup " + "(lookup " * 40 + "a b" + ")" * 40 + " c}}", id="subexpressions"),
        pytest.param("{{a}}" * 30_000, id="tags"),
        pytest.param("x" * 2_000_000, id="size"),
    ],
)
def test_S14_a_template_is_bounded(source: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(source)


def test_S14_values_are_never_evaluated_again() -> None:
    assert (
        compile_template("{{a}}{{{a}}}").render({"a": "{{b}}{{constructor}}", "b": "x"})
        == "{{b}}{{constructor}}" * 2
    )


def test_S14_python_objects_are_out_of_reach() -> None:
    names = ("__class__", "__init__", "keys", "items", "upper", "real", "__dict__")
    source = "".join(f"{{{{a.{name}}}}}{{{{lookup b '{name}'}}}}{{{{{name}}}}}" for name in names)
    assert compile_template(source).render({"a": {"x": 1}, "b": [1]}) == ""


def test_a_self_containing_list_ends() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    assert len(compile_template("{{a}}").render({"a": circle})) < MAX_OUTPUT
