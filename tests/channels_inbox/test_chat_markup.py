"""Text as a window shows it: links and emphasis, and nothing that runs."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from channels_inbox.markup import ATTRIBUTES, SCHEMES, TAGS, as_html
from tests.journeys.test_hostile_text import OWN

CORPUS = Path(__file__).parents[3] / "shared/corpora/html/dompurify.json"
HOSTILE = [*OWN, "[x](javascript:alert(1))", "<javascript:alert(1)>", "[x](data:text/html,x)"]
ALLOWED = {tag: set(ATTRIBUTES.get(tag, ())) for tag in TAGS}
ALLOWED["a"] |= {"target", "rel"}


class Strict(HTMLParser):
    """Raises for what may not be in a message."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= ALLOWED[tag], (tag, attrs)
        told = dict(attrs)
        if tag == "a" and "href" in told:
            assert urlsplit(told["href"] or "").scheme in SCHEMES
            assert told["rel"] == "noopener noreferrer nofollow"


def corpus() -> list[str]:
    if not CORPUS.exists():
        return []
    return [one["html"] for one in json.loads(CORPUS.read_text())]


@pytest.mark.parametrize("plain", [True, False])
def test_hostile_text_is_only_text(plain: bool) -> None:
    for text in [*HOSTILE, *corpus()]:
        parser = Strict()
        parser.feed(as_html(text, plain=plain, links=True))
        parser.close()


def test_typed_addresses_are_links_that_open_elsewhere() -> None:
    link = '<a href="https://a.example/x?y=1" target="_blank" rel="noopener noreferrer nofollow">'
    shown = f"{link}https://a.example/x?y=1</a>"
    assert as_html("See https://a.example/x?y=1.", plain=True, links=True) == f"<p>See {shown}.</p>"
    assert as_html("See https://a.example/x?y=1.", links=True).strip() == f"<p>See {shown}.</p>"
    assert "<a" not in as_html("`https://a.example/xx`", links=True)
    assert as_html("[here](https://a.example/x?y=1)", links=True).strip() == (
        f"<p>{link}here</a></p>"
    )
    assert as_html("a\nb", plain=True) == "<p>a<br>b</p>"
