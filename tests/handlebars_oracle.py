"""handlebars.js 4.7.10 in QuickJS: what our interpreter is compared with.

The helpers of the mail services are registered as one would write them for handlebars.js.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import quickjs

SOURCE = Path(__file__).parent / "oracles" / "handlebars-4.7.10.min.js"
_HELPERS = """
function inverse(test, options, self) {
  if (!options.fn) return test;
  return test ? options.fn(self) : options.inverse(self);
}
function num(v) {
  return v === '' || v === null || v === undefined || typeof v === 'object' ? NaN : Number(v);
}
function str(v) { return v === null || v === undefined ? '' : String(v); }
function eq(a, b) { var x = num(a), y = num(b); return isNaN(x) || isNaN(y) ? str(a) === str(b) : x === y; }
Handlebars.registerHelper('equal', function (a, b, o) { return inverse(str(a) === str(b), o, this); });
Handlebars.registerHelper('equals', function (a, b, o) { return inverse(eq(a, b), o, this); });
Handlebars.registerHelper('notEquals', function (a, b, o) { return inverse(!eq(a, b), o, this); });
Handlebars.registerHelper('greaterThan', function (a, b, o) { return inverse(num(a) > num(b), o, this); });
Handlebars.registerHelper('lessThan', function (a, b, o) { return inverse(num(a) < num(b), o, this); });
function truth(v) { return !Handlebars.Utils.isEmpty(v) && v !== 0; }
Handlebars.registerHelper('and', function (a, b, o) { return inverse(truth(a) && truth(b), o, this); });
Handlebars.registerHelper('or', function (a, b, o) { return inverse(truth(a) || truth(b), o, this); });
Handlebars.registerHelper('length', function (v) {
  return typeof v === 'string' || Array.isArray(v) ? v.length : 0;
});
Handlebars.logger.log = function () {};
function rendered(source, data) {
  try { return JSON.stringify({ok: Handlebars.compile(source)(JSON.parse(data))}); }
  catch (error) { return JSON.stringify({error: String(error.message || error)}); }
}
"""


@cache
def _context() -> Any:
    context = quickjs.Context()
    context.eval("var self = this; var window = this; var console = {log: function () {}};")
    context.eval(SOURCE.read_text())
    context.eval(_HELPERS)
    return context


def render(source: str, data: dict[str, Any]) -> str | None:
    """What handlebars.js makes of it; None where it throws."""
    answer = json.loads(_context().get("rendered")(source, json.dumps(data)))
    return answer.get("ok")
