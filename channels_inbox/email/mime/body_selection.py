"""Which parts of a mail are its body and which are attachments, by RFC 8621, section 4.1.4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from channels_inbox.email.mime.limits import MAX_DEPTH
from channels_inbox.email.mime.structure import Part

_PLAIN: Final = "text/plain"
_HTML: Final = "text/html"
_MEDIA: Final = ("image/", "audio/", "video/")


@dataclass(slots=True)
class Selection:
    """Parts in document order. A part may be in both bodies: a note beside both of them."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list of sibling parts stands."""

    multipart: str
    in_alternative: bool
    collects_text: bool
    collects_html: bool


def select(root: Part) -> Selection:
    """Sort all leaf parts under `root`. The depth of the tree is limited by its reader."""
    selection = Selection()
    _select([root], _Place("mixed", False, True, True), selection)
    return selection


def body_type(part: Part) -> str:
    """The type to read a part as: a multipart that has no parts is shown as plain text."""
    if part.is_multipart and part.is_leaf and part.depth < MAX_DEPTH:
        return _PLAIN
    return part.content_type


def _select(parts: list[Part], place: _Place, selection: Selection) -> None:
    before_text, before_html = len(selection.text), len(selection.html)
    for index, part in enumerate(parts):
        if not part.is_leaf:
            _descend(part, place, selection)
        elif not _is_body(part, index, place):
            selection.attachments.append(part)
        elif place.multipart == "alternative":
            _add_alternative(part, selection)
        else:
            place = _add_body(part, place, selection)
    both = place.collects_text and place.collects_html
    if place.multipart == "alternative" and both:
        _share(selection, before_text, before_html)


def _descend(part: Part, place: _Place, selection: Selection) -> None:
    kind = part.content_type.partition("/")[2]
    in_alternative = place.in_alternative or kind == "alternative"
    inner = _Place(kind, in_alternative, place.collects_text, place.collects_html)
    _select(part.children, inner, selection)


def _is_body(part: Part, index: int, place: _Place) -> bool:
    type_ = body_type(part)
    is_media = type_.startswith(_MEDIA)
    if part.disposition.value.startswith("attachment") or not (
        type_ in {_PLAIN, _HTML} or is_media
    ):
        return False
    named = "name" in part.type.parameters or "filename" in part.disposition.parameters
    return index == 0 or (place.multipart != "related" and (is_media or not named))


def _add_alternative(part: Part, selection: Selection) -> None:
    type_ = body_type(part)
    if type_ == _PLAIN:
        selection.text.append(part)
    elif type_ == _HTML:
        selection.html.append(part)
    else:
        selection.attachments.append(part)


def _add_body(part: Part, place: _Place, selection: Selection) -> _Place:
    """Add to the bodies; inside an alternative the first part decides which of the two."""
    type_ = body_type(part)
    if place.in_alternative and type_ == _PLAIN:
        place = _Place(place.multipart, True, place.collects_text, False)
    elif place.in_alternative and type_ == _HTML:
        place = _Place(place.multipart, True, False, place.collects_html)
    if type_.startswith(_MEDIA):
        selection.attachments.append(part)
        return place
    if place.collects_text:
        selection.text.append(part)
    if place.collects_html:
        selection.html.append(part)
    return place


def _share(selection: Selection, before_text: int, before_html: int) -> None:
    """An alternative with only one kind of body gives it to both."""
    added_text = selection.text[before_text:]
    added_html = selection.html[before_html:]
    if added_html and not added_text:
        selection.text += added_html
    elif added_text and not added_html:
        selection.html += added_text
