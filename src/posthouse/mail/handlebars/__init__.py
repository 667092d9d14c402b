"""Handlebars for mail templates: an interpreter of our own, because templates are strangers' input.

The language is that of handlebars.js 4 without partials, decorators and raw blocks, with the helpers that
the services' templates use (`helpers`). There is no attribute access: a path looks into dicts, lists and the
length of texts, nothing else. Compiling and rendering are bounded in size, depth, steps and output (S14).

Public: compile_template, Template, TemplateError.
"""

from posthouse.mail.handlebars.nodes import TemplateError
from posthouse.mail.handlebars.template import Template, compile_template

__all__ = ["Template", "TemplateError", "compile_template"]
