"""What customers write to an assistant, in English and Vietnamese: whom they want, yes and no, and
the values they were asked for. Vietnamese is often typed without its signs, so all is read so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from channels_inbox.chat import words
from conversations.gist.day import day_in
from conversations.gist.lexicon import folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

LONGEST_ORDER: Final = 40


def _any_of(text: str) -> re.Pattern[str]:
    """One of these phrases as words of their own; "*" is the rest of a word."""
    found = [" ".join(phrase.split()) for phrase in text.split("|")]
    body = "|".join(re.escape(phrase).replace(r"\*", r"\w*") for phrase in found if phrase)
    return re.compile(rf"(?<!\w)(?:{body})(?!\w)")


PERSON: Final = _any_of("""
    human* | person | people | a real person | somebody real | agent* | operator* |
    representative* | rep | someone | somebody | advisor* | adviser* | consultant* | colleague*
    | staff | employee* | supervisor* | manager | live chat | live support | talk to you | speak
    to you | call me | not a bot | no bot | no robot | nguoi that | nguoi thuc | con nguoi | gap
    nguoi | voi nguoi | co nguoi | can nguoi | nguoi khac | nguoi ho tro | nguoi tu van | nguoi
    truc | nhan vien | tu van vien | tong dai vien | dien thoai vien | chuyen vien | cham soc
    khach hang | cskh | quan ly | gap shop | gap ad | admin | goi cho toi | goi lai cho | khong
    phai robot | khong phai may | khong phai bot
""")
NONE: Final = _any_of("""
    none | no | nope | i have none | don't have | do not have | dont have | haven't | no number
    | no order | not yet | skip | later | rather not | prefer not | khong | khong co | chua co |
    bo qua | de sau | chua | chua dat
""")
YES: Final = _any_of("""
    yes | yep | yeah | that helped | it helped | helped | thanks | thank you | perfect | great |
    solved | co | duoc roi | co ich | cam on | tot | da giup
""")
NO: Final = _any_of("""
    no | nope | not really | didn't help | did not help | didnt help | doesn't help | not
    helpful | wrong | khong giup | khong phai | chua duoc | khong dung | sai roi | khong | chua
""")
EMAIL: Final = re.compile(
    r"[^\s<>(),;:@\"']{1,64}@[^\s<>(),;:@\"']{1,200}\.[^\s<>(),;:@\"'.]{2,40}"
)
NUMBER: Final = re.compile(r"(?<![\w.,])-?\d{1,9}(?:[.,]\d{1,3})?(?![\w])")
ORDER: Final = re.compile(r"(?<!\w)#?([A-Za-z]{0,6}[-_/]?\d[\w/-]{2,})(?!\w)")
# In a sentence about something else only what is called an order's number is one.
NAMED_ORDER: Final = re.compile(
    r"(?<!\w)(?:order|don hang|don|ma|booking|invoice)"
    r"(?:\s*(?:no\.?|nr\.?|number|so|is|la|ma|:)){0,4}\s*"
    r"#?([A-Za-z]{0,6}[-_/]?\d[\w/-]{2,})|#(\d[\w/-]{2,})",
    re.IGNORECASE,
)


def bare(text: str) -> str:
    """In lower case, without signs, with one kind of apostrophe."""
    return " ".join(folded(text).lower().replace("\u2019", "'").split())


def wants_person(text: str) -> bool:
    return PERSON.search(bare(text)) is not None


def has_none(text: str) -> bool:
    return NONE.search(bare(text)) is not None


def helped(text: str) -> bool | None:
    """Whether they say that it helped; None where they speak of something else."""
    said = bare(text)
    if len(said.split()) > 8:
        return None
    if NO.search(said):
        return False
    return True if YES.search(said) else None


def email_in(text: str) -> str:
    found = EMAIL.search(text)
    return words.address(found.group().rstrip(".!?")) if found else ""


def order_in(text: str, *, asked: bool) -> str:
    """An order's number. Where it was `asked` for, whatever looks like one; else only what is
    called so."""
    without = EMAIL.sub(" ", text)
    found = NAMED_ORDER.search(folded(without))
    number = (found.group(1) or found.group(2)) if found else ""
    if not number and asked and (found := ORDER.search(without)):
        number = found.group(1)
    return number.rstrip("-/_")[:LONGEST_ORDER]


def value_in(name: str, text: str, *, now: datetime, zone: ZoneInfo) -> str:
    """The value of that name in an answer to the question for it; '' where there is none."""
    if name == "order_number":
        return order_in(text, asked=True)
    if name == "email":
        return email_in(text)
    if name == "quantity":
        found = NUMBER.search(text)
        return found.group().replace(",", ".") if found else ""
    if name == "delivery_date":
        day = day_in(text, written_at=now, zone=zone)
        return day.isoformat() if day else ""
    found = DAY_PART.search(f"{text.lower()} {bare(text)}")
    return PARTS_OF_DAY[found.group()] if found else ""


# Without their signs "tối" and "sáng" are other words.
PARTS_OF_DAY: Final = {
    **dict.fromkeys(("morning", "buoi sang", "sáng"), "morning"),
    **dict.fromkeys(("afternoon", "noon", "trua", "chieu"), "afternoon"),
    **dict.fromkeys(("evening", "night", "tonight", "buoi toi", "tối"), "evening"),
}
DAY_PART: Final = _any_of("|".join(PARTS_OF_DAY))


def matching(text: str, answers: Sequence[dict[str, str]]) -> str:
    """The ready-made answer to a question: that of which most words stand in it, the first of
    several. Words of several parts, such as "gift card", count as one."""
    said = bare(text)
    best, most = "", 0
    for one in answers:
        wanted = [bare(word) for word in one["words"].split(",") if word.strip()]
        count = sum(bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said)) for word in wanted)
        if count > most:
            best, most = one["answer"], count
    return best
