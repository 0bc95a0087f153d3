"""Templates as Meta lists them: what of them we can send, and how they go out filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.base import SendError
from channels_inbox.payloads import objs, text, texts
from conversations.models import Template, TemplateState
from conversations.models.windows import PLACE
from conversations.templates import Approved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Told = dict[str, Any]

STATES: Final = {
    "APPROVED": TemplateState.READY,
    "PENDING": TemplateState.WAITING,
    "IN_APPEAL": TemplateState.WAITING,
}
# Buttons that need nothing from us when they are sent.
PLAIN_BUTTONS: Final = ("QUICK_REPLY", "PHONE_NUMBER", "URL", "VOICE_CALL")
FIELDS: Final = "name,language,status,category,components,parameter_format"


def read(row: Told) -> Approved:
    """One template of the list."""
    parts = {text(part, "type").upper(): part for part in objs(row, "components")}
    buttons = objs(parts.get("BUTTONS"), "buttons")
    state = STATES.get(text(row, "status"), TemplateState.REFUSED)
    if state == TemplateState.READY and not _is_fit(parts, buttons, text(row, "category")):
        state = TemplateState.UNFIT
    return Approved(
        name=text(row, "name"),
        language=text(row, "language"),
        state=state,
        category=text(row, "category").lower(),
        header=text(parts.get("HEADER"), "text"),
        body=text(parts.get("BODY"), "text"),
        footer=text(parts.get("FOOTER"), "text"),
        buttons=[{"text": text(one, "text"), "url": text(one, "url")} for one in buttons],
        places=list(_places(parts, buttons)),
    )


def _is_fit(parts: Mapping[str, Told], buttons: list[Told], category: str) -> bool:
    """Files, codes and catalogues can't be filled in on the desk."""
    header = parts.get("HEADER")
    is_text = header is None or text(header, "format").upper() == "TEXT"
    known = {"HEADER", "BODY", "FOOTER", "BUTTONS"} >= set(parts)
    plain = all(text(one, "type").upper() in PLAIN_BUTTONS for one in buttons)
    return is_text and known and plain and category != "AUTHENTICATION" and "BODY" in parts


def _places(parts: Mapping[str, Told], buttons: list[Told]) -> Iterator[dict[str, str]]:
    for part in ("header", "body"):
        told = parts.get(part.upper(), {})
        examples = _examples(told, part)
        names = dict.fromkeys(PLACE.findall(text(told, "text")))
        for number, name in enumerate(names):
            example = examples.get(name) or examples.get(str(number + 1), "")
            yield {"key": f"{part}:{name}", "name": name, "example": example}
    for number, button in enumerate(buttons):
        if PLACE.search(text(button, "url")):
            example = next(iter(texts(button, "example")), "")
            yield {"key": f"button:{number}", "name": text(button, "text"), "example": example}


def _examples(told: Told, part: str) -> dict[str, str]:
    """Named ones by name, others by number: `header_text` is a list, `body_text` one of lists."""
    named = objs(told, "example", f"{part}_text_named_params")
    if named:
        return {text(one, "param_name"): text(one, "example") for one in named}
    held = (told.get("example") or {}).get(f"{part}_text") if isinstance(told, dict) else None
    row = held[0] if isinstance(held, list) and held and isinstance(held[0], list) else held
    listed = row if isinstance(row, list) else []
    return {str(number): str(one) for number, one in enumerate(listed, 1)}


def message(pk: int, values: Mapping[str, str]) -> Told:
    """The template as it is sent. Raises SendError where it is gone."""
    template = Template.objects.filter(pk=pk).first()
    if template is None:
        raise SendError("template_gone", str(pk), permanent=True)
    told: Told = {"name": template.name, "language": {"code": template.language}}
    if components := list(_components(template, values)):
        told["components"] = components
    return {"type": "template", "template": told}


def _components(template: Template, values: Mapping[str, str]) -> Iterator[Told]:
    for part in ("header", "body"):
        own = [one for one in template.places if one["key"].startswith(f"{part}:")]
        if own:
            parameters = [_parameter(one, values) for one in own]
            yield {"type": part, "parameters": parameters}
    for one in template.places:
        where, _colon, number = one["key"].partition(":")
        if where == "button":
            parameter = {"type": "text", "text": values.get(one["key"], "")}
            yield {
                "type": "button",
                "sub_type": "url",
                "index": number,
                "parameters": [parameter],
            }


def _parameter(place: Mapping[str, str], values: Mapping[str, str]) -> Told:
    told = {"type": "text", "text": values.get(place["key"], "")}
    return told if place["name"].isdigit() else {**told, "parameter_name": place["name"]}
