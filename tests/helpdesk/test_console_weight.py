"""What a browser has to fetch for the desk stays small."""

from __future__ import annotations

import re
from pathlib import Path

from django.contrib.staticfiles import finders

from helpdesk.bench.console import sizes

TEMPLATE = Path("templates/_partials/imports.html")


def test_scripts_and_styles_keep_within_their_budgets() -> None:
    weight = sizes()
    assert weight["js_kib"] <= 80
    assert weight["css_kib"] <= 22


def test_every_module_is_in_the_import_map() -> None:
    folder = Path(str(finders.find("helpdesk/js")))
    mapped = set(re.findall(r'"desk/(\w+)":', TEMPLATE.read_text()))
    used = {
        name
        for file in folder.glob("*.js")
        for name in re.findall(r'(?:from|import) "desk/(\w+)"', file.read_text())
    }
    assert used == mapped
