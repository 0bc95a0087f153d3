"""Every text people read is there in Vietnamese, and compiled without gettext."""

from __future__ import annotations

import gettext
import re
import threading
from pathlib import Path

import polib
import pytest
from django.utils import translation

from helpdesk.translations import compile_messages
from tests.marked_texts import catalog, key, marked

NAMED = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}|<[^>]+>")


@pytest.mark.parametrize("language", ["vi"])
def test_every_marked_text_is_translated(language: str) -> None:
    known = {key(entry) for entry in catalog(language) if entry.translated()}
    missing = sorted(
        f"{place}: {text.text}" for text, place in marked().items() if text not in known
    )
    assert missing == []


@pytest.mark.parametrize("language", ["vi"])
def test_what_is_filled_in_is_filled_in_there_too(language: str) -> None:
    for entry in catalog(language):
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            wanted = set(NAMED.findall(entry.msgid_plural or entry.msgid))
            assert not text or set(NAMED.findall(text)) == wanted, entry.msgid


def test_catalogs_are_compiled_when_they_changed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    po = source / "vi" / "LC_MESSAGES" / "django.po"
    po.parent.mkdir(parents=True)
    for word in ("Lưu", "Ghi lại"):
        catalog = polib.POFile()
        catalog.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
        catalog.append(polib.POEntry(msgid="Save", msgstr=word))
        catalog.save(str(po))
        compile_messages(target, source)
        with (target / "vi" / "LC_MESSAGES" / "django.mo").open("rb") as file:
            assert gettext.GNUTranslations(file).gettext("Save") == word


def test_several_processes_may_compile_at_once(tmp_path: Path) -> None:
    threads = [threading.Thread(target=compile_messages, args=(tmp_path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with (tmp_path / "vi" / "LC_MESSAGES" / "django.mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Save") != "Save"


def test_the_desk_speaks_vietnamese() -> None:
    with translation.override("vi"):
        assert translation.gettext("Sign in") == "Đăng nhập"
