"""Every text marked for translation, in Python and in templates.

`python -m tests.marked_texts` brings the .po files up to date with them: new texts are added with
an empty translation, those that are gone are taken out. Needs no gettext.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "helpdesk" / "locale"
CODE = ("conversations", "channels_inbox", "helpdesk")
TEMPLATES = ("templates", "helpdesk/templates")

# Functions by what their arguments are: c context, s text, p plural.
SHAPES = {
    "gettext": "s",
    "gettext_lazy": "s",
    "gettext_noop": "s",
    "ngettext": "sp",
    "ngettext_lazy": "sp",
    "pgettext": "cs",
    "pgettext_lazy": "cs",
    "npgettext": "csp",
    "npgettext_lazy": "csp",
}
STRING = r"""u?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|'''.*?'''|\"\"\".*?\"\"\")"""
CALL = re.compile(
    rf"(?<![\w.])(_|n?p?gettext)\(\s*({STRING})(?:\s*,\s*({STRING}))?(?:\s*,\s*({STRING}))?", re.S
)


@dataclass(frozen=True, order=True)
class Marked:
    """A text as gettext keeps it."""

    text: str
    plural: str = ""
    context: str = ""


def marked() -> dict[Marked, str]:
    """All marked texts, each with a file it is in."""
    found: dict[Marked, str] = {}
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
                _add(found, path, _in_python(path.read_text()))
    for folder in TEMPLATES:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in (".html", ".js"):
                _add(found, path, _in_template(path.read_text()))
    return found


def _add(found: dict[Marked, str], path: Path, texts: Iterator[Marked]) -> None:
    for text in texts:
        found.setdefault(text, str(path.relative_to(ROOT)))


def _in_python(source: str) -> Iterator[Marked]:
    tree = ast.parse(source)
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            shape = SHAPES.get(names.get(node.func.id, ""), "")
            values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            texts = [value for value in values if isinstance(value, str)]
            if shape and len(texts) >= len(shape):
                yield _shaped(shape, texts)


def _names(tree: ast.AST) -> dict[str, str]:
    """What the functions of Django's translation are called in a module."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }


def _in_template(source: str) -> Iterator[Marked]:
    from django.utils.translation.template import templatize

    for match in CALL.finditer(templatize(source)):
        name = "gettext" if match[1] == "_" else match[1]
        texts = [ast.literal_eval(text) for text in match.groups()[1:] if text]
        yield _shaped(SHAPES[name], texts)


def _shaped(shape: str, texts: list[str]) -> Marked:
    parts = dict(zip(shape, texts, strict=False))
    return Marked(parts["s"], parts.get("p", ""), parts.get("c", ""))


def catalog(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"), wrapwidth=100)


def key(entry: polib.POEntry) -> Marked:
    return Marked(entry.msgid, entry.msgid_plural or "", entry.msgctxt or "")


def update(language: str) -> int:
    """Bring a catalog up to date; return how many translations it lacks."""
    po, wanted = catalog(language), marked()
    kept = {key(entry): entry for entry in po}
    header, po[:] = po.metadata, []
    for text, place in sorted(wanted.items(), key=lambda item: (item[1], item[0])):
        entry = kept.get(text) or polib.POEntry(msgid=text.text)
        entry.msgctxt, entry.msgid_plural = text.context or None, text.plural
        entry.occurrences = [(place, "")]
        entry.flags = ["python-format"] if re.search(r"%[(s]", text.text) else []
        if text.plural and not entry.msgstr_plural:
            entry.msgstr_plural = {0: ""}
        po.append(entry)
    foreign = [entry for entry in kept.values() if entry.comment == FOREIGN]
    po.extend(entry for entry in foreign if key(entry) not in wanted)
    po.metadata = header
    po.save()
    return len(po.untranslated_entries())


# Texts of the packages we use that have no translation of their own are kept, too.
FOREIGN = "of a package"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.offline")
    import django

    django.setup()
    for name in sys.argv[1:] or [path.name for path in LOCALE.iterdir()]:
        print(name, "lacks", update(name))
