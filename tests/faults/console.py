"""An agent at the console, as a browser without scripts: pages, forms, cookies."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx

from tests.faults.plan import AGENT, PASSWORD
from tests.patience import PATIENCE

if TYPE_CHECKING:
    import uuid


class Console:
    """Signs in when it has to. What went wrong is a word for the ledger, not an exception."""

    def __init__(self, address: str) -> None:
        self._browser = httpx.Client(base_url=address, timeout=10)

    def reply(self, conversation: int, ticket: int, text: str, token: uuid.UUID) -> str:
        """Send an answer by the form of the page. "ok" once the desk took it."""
        try:
            return self._reply(conversation, ticket, text, token)
        except httpx.HTTPError as error:
            return type(error).__name__

    def _reply(self, conversation: int, ticket: int, text: str, token: uuid.UUID) -> str:
        page = self._browser.get(f"/conversations/{conversation}/", params={"ticket": ticket})
        if page.is_redirect:
            return self._sign_in()
        fields = form_fields(page.text, "reply-form")
        if page.is_error or not fields:
            return f"page {page.status_code}"
        fields |= {"text": text, "client_token": str(token), "action": "send"}
        answer = self._browser.post(
            f"/tickets/{ticket}/reply/", data=fields, headers={"Referer": str(page.url)}
        )
        went_on = answer.is_redirect and "sign-in" not in answer.headers["Location"]
        return "ok" if went_on else f"post {answer.status_code}"

    def page(self, path: str) -> str:
        """What it shows, after signing in if need be."""
        answer = self._browser.get(path, timeout=PATIENCE)
        if answer.is_redirect:
            self._sign_in()
            answer = self._browser.get(path, timeout=PATIENCE)
        return answer.raise_for_status().text

    def press(self, path: str, on: str) -> int:
        """The button of a form without fields, `on` a page that shows it. The status."""
        fields = form_fields(self.page(on), "")
        referer = f"{self._browser.base_url}"
        answer = self._browser.post(
            path, data=fields, headers={"Referer": referer}, timeout=PATIENCE
        )
        return answer.status_code

    def _sign_in(self) -> str:
        page = self._browser.get("/account/login/", timeout=PATIENCE)
        fields = form_fields(page.text, "") | {"login": AGENT, "password": PASSWORD}
        answer = self._browser.post(
            "/account/login/", data=fields, headers={"Referer": str(page.url)}, timeout=PATIENCE
        )
        return "signed in" if answer.is_redirect else f"sign-in {answer.status_code}"


def form_fields(page: str, form_id: str) -> dict[str, str]:
    """What a browser would send of a form: values of its inputs, areas and chosen options."""
    reader = _FormReader(form_id)
    reader.feed(page)
    return reader.fields


class _FormReader(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.fields = form_id, dict[str, str]()
        self.inside, self.select, self.area = False, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = told.get("id", "") == self.form_id
        if not self.inside:
            return
        if tag == "select":
            self.select = told.get("name", "")
        elif tag == "option" and self.select:
            if "selected" in told or self.select not in self.fields:
                self.fields[self.select] = told.get("value", "")
        elif tag == "textarea":
            self.area = told.get("name", "")
            self.fields[self.area] = ""
        elif tag == "input" and told.get("type") not in ("file", "checkbox", "radio", "submit"):
            self.fields[told.get("name", "")] = told.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.inside and self.area:
            self.fields[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""
