"""S14: any template compiles or is refused with one sentence; what handlebars.js renders we render alike."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import handlebars_oracle
from posthouse.mail.handlebars import TemplateError, compile_template

NAMES = st.sampled_from(
    ["a", "b", "c", "a.b", "this", ".", "../a", "@index", "@key", "@first", "@root.a", "a.0", "missing"]
)
TEXTS = st.text(alphabet="x \n<{}\\", max_size=6)
# without null: handlebars.js hands helpers its global object in place of a null `this`
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-5, 5),
        st.floats(-9, 9, allow_nan=False),
        st.text("ab<&", max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def _block(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def written(name: str, argument: str, body: str, other: str | None, mark: str) -> str:
        otherwise = f"{{{{else}}}}{other}" if other is not None else ""
        return f"{{{{{mark}#{name} {argument}}}}}{body}{otherwise}{{{{/{name}{mark}}}}}"

    names = st.sampled_from(["if", "unless", "each", "with"])
    return st.builds(written, names, NAMES, inner, st.none() | inner, st.sampled_from(["", "~"]))


def _section(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, body: f"{{{{#{name}}}}}{body}{{{{/{name}}}}}", st.sampled_from(["a", "b"]), inner
    )


SIMPLE = st.one_of(
    st.text(alphabet="x \n<", max_size=6),
    st.builds(lambda name: f"{{{{{name}}}}}", NAMES),
    # behind a text: two raw booleans beside each other are a sum in handlebars.js
    st.builds(lambda name: f"r{{{{{{{name}}}}}}}", NAMES),
    st.just("{{! c }}"),
)
TEMPLATES = st.lists(
    st.recursive(SIMPLE, lambda inner: st.one_of(_block(inner), _section(inner)), max_leaves=6), max_size=5
).map("".join)


@given(
    st.one_of(
        st.text(), st.lists(st.one_of(TEXTS, SIMPLE, st.just("{{#if a}}"), st.just("{{else}}"))).map("".join)
    )
)
def test_S14_any_text_compiles_or_is_refused(source: str) -> None:
    try:
        rendered = compile_template(source).render({"a": [1, {"b": "x"}], "b": {"c": None}})
    except TemplateError as error:
        assert "\n" not in str(error)[:40]
    else:
        assert isinstance(rendered, str)


@given(TEMPLATES, st.dictionaries(st.sampled_from("abc"), VALUES))
def test_MG_19_renders_as_handlebars_js(source: str, data: dict[str, Any]) -> None:
    expected = handlebars_oracle.render(source, data)
    if expected is not None:
        assert compile_template(source).render(data) == expected
