"""What is shown of a reply, and above all what is not lost."""

import pytest

from channels_inbox.email.mime.html_text import text_of_html
from channels_inbox.email.quoting.visible import visible_reply
from channels_inbox.email.tests.clock import timed
from channels_inbox.email.tests.visible_samples import (
    ATTRIBUTIONS,
    DELIMITERS,
    DEVICE_LINES,
    HEADER_BLOCKS,
    QUOTES_IN_HTML,
)

MAX_CPU_SECONDS = 0.3
# The machines that run the tests differ; the limit above was measured on the slowest known.
SLACK = 4

REPLY = "My answer is yes.\n\nThanks\nBob"
ATTRIBUTION = "On 5 May 2024 at 10:00, Ann <ann@x.org> wrote:"


def visible(text: str) -> str:
    return visible_reply(text, "")


def visible_in(html: str) -> str:
    return visible_reply(text_of_html(html), html)


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize("quote", ["> Hi\n> there", "Hi\nthere"])
@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_attributed_mail_is_left_out(attribution: str, quote: str, gap: str) -> None:
    assert visible(f"{REPLY}{gap}{attribution}\n\n{quote}") == REPLY


@pytest.mark.parametrize("above", ["\n\n", "\n________________________________\n", "\n"])
@pytest.mark.parametrize("block", HEADER_BLOCKS.values(), ids=HEADER_BLOCKS.keys())
def test_mail_below_headers_is_left_out(block: str, above: str) -> None:
    assert visible(f"{REPLY}{above}{block}\n\nHi\nthere") == REPLY


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_mail_below_a_delimiter_is_left_out(delimiter: str) -> None:
    assert visible(f"{REPLY}\n\n{delimiter}\n\nHi\nthere") == REPLY


@pytest.mark.parametrize("line", DEVICE_LINES)
@pytest.mark.parametrize("below", ["", f"\n\n{ATTRIBUTION}\n> Hi"])
def test_line_of_a_device_is_left_out(line: str, below: str) -> None:
    assert visible(f"{REPLY}\n\n{line}{below}") == REPLY


@pytest.mark.parametrize("quote", QUOTES_IN_HTML.values(), ids=QUOTES_IN_HTML.keys())
def test_quote_in_html_is_left_out(quote: str) -> None:
    assert visible_in(f"<div>My <b>answer</b></div><br>{quote}") == "My answer"


@pytest.mark.parametrize(
    "text",
    [
        "> Only a quote.\n> Nothing else.",
        f"{ATTRIBUTION}\n> Only a quote.",
        "Sent from my iPhone",
        "-- \nBob",
        "> q\n-- \nBob",
    ],
)
def test_mail_without_new_text_is_shown_in_full(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "I need a ticket\nFrom: Hanoi\nTo: Hue\nDate: 5 May 2024\nThanks",
        "New message\n\nName: Bob\nEmail: bob@x.org\nDate: 2024-05-05 10:00\nMessage: hello",
        "From: Bob <bob@x.org>\nSubject: Broken\nDate: 2024-05-05 10:00\n\nMessage: hello",
        "Gửi: Shop\nTừ: Nguyễn Văn A <a@x.vn>\nNgày: 5/5/2024\n\nXin chào shop",
        "Date: Wednesday 3, October 2011\nTime: 7:00\nAddress: 130 Fox St\n\nPlease come.",
        "On Monday I wrote: please send it.\nNobody did.",
        "On 5 May 2024 at 10:00 I wrote:\nplease send it.",
        "Am 5. Mai 2024 um 10:00 schrieb ich Ihnen:\nBitte senden.",
        "On 5 May ann@x.org wrote\nthat I would get it back.",
        "At 10:00 on 5 May please mail bob@x.org the following:\n- passport\n- photo",
        "2024-01-15 14:30:25\n15.01.2024 14:30\nJan 15, 2024 at 14:30\nare dates.",
        "Hello,\nFrom my iPhone I cannot log in.\nPlease help",
        "Hallo,\nVon meinem iPhone aus geht es nicht.\nDanke",
        "Sent from my desk, is much easier than my mobile phone.",
        "Part one\n-----\nPart two\n=====\nPart three",
        "My shop:\n----------\nhttp://shop.example\nbob@x.org\n+84 90 123 45 67",
        "---- Enter Feedback Below ----\n\nThe user experience was good.",
        "When I run\n\n>>> import x\n>>> x.y()",
        "I think\n> this here\nis wrong",
        "Look at\n>>> >>>  http://www.example.com <<<\nand click",
        "Fix:\n```\nFrom: a@b.c\nDate: 5 May 2024 10:00\nSubject: q\n> x\n-- \n```\nok?",
        "# Not a comment\n\n    - Item #1\n    - Item #2\n\n1 > 0",
        "FYI\n\n---------- Forwarded message ----------\nFrom: b@x.org\nSubject: s\nTo: c\n\nText",
    ],
)
def test_nothing_written_is_lost(text: str) -> None:
    assert visible(text) == text


def test_answers_between_quotes_stay_with_their_quotes() -> None:
    text = f"{ATTRIBUTION}\n> How many?\n3\n> Where to?\n12 Hàng Bài\n> Bye\n> Ann"
    assert visible(text) == "> How many?\n3\n> Where to?\n12 Hàng Bài"


def test_answer_below_the_quote_is_kept_alone() -> None:
    assert visible(f"{ATTRIBUTION}\n\n> How many?\n> Ann\n\nThree.\n-- \nBob") == "Three."


def test_answers_above_and_below_one_quote_are_joined() -> None:
    text = f"Yes.\n\n{ATTRIBUTION}\n\n> Well?\n> {ATTRIBUTION}\n>> Hm\n\nRegards, Bob"
    assert visible(text) == "Yes.\n\nRegards, Bob"


def test_answer_on_the_line_of_the_attribution() -> None:
    assert visible(f"Yes--- {ATTRIBUTION}\n> Well?") == "Yes"
    assert visible(f"Yes {ATTRIBUTION}\n\nWell?") == "Yes"


def test_prose_above_the_attribution_is_not_part_of_it() -> None:
    text = f"I need 2 weeks to test this, then\nyou hear from me.\n{ATTRIBUTION}\n\nWell?"
    assert visible(text) == "I need 2 weeks to test this, then\nyou hear from me."


def test_line_broken_off_a_quote_is_quoted() -> None:
    quoted = "> " + "a long line that some program breaks at the end of its seventy " + "words"
    assert visible(f"Yes.\n\n{ATTRIBUTION}\n\n{quoted}\nand so on\n> Bye") == "Yes."


def test_forward_without_a_word_is_its_text() -> None:
    text = (
        "---------- Forwarded message ----------\nFrom: A <a@x.org>\nSubject: long\n one\nTo: b\n"
    )
    assert visible(f"{text}\nThe text.") == "The text."


def test_signature_ends_where_a_quote_begins() -> None:
    text = f"Hi\n-- \nBob\n\n{ATTRIBUTION}\n> One?\nyes\n> Two?\nno"
    assert visible(text) == "Hi\n> One?\nyes\n> Two?\nno"


def test_answers_between_gmail_quotes_are_kept() -> None:
    html = (
        '<div>Hi<div class="gmail_quote"><div class="gmail_attr">On Thu J wrote:<br></div>'
        '<blockquote class="gmail_quote">One?</blockquote><div>yes</div>'
        '<blockquote class="gmail_quote">Two?</blockquote><div>no</div></div></div>'
    )
    assert visible_in(html).split() == ["Hi", "One?", "yes", "Two?", "no"]


def test_forward_in_gmail_is_kept() -> None:
    html = (
        '<div>FYI</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded '
        "message ---------<br>From: J &lt;j@x.org&gt;<br>Subject: s<br></div>the text</div>"
    )
    assert "FYI" in visible_in(html)
    assert "the text" in visible_in(html)


@pytest.mark.parametrize(
    "quote",
    [
        '<blockquote style="margin:0 0 0 40px;border:none">Order 123</blockquote>',
        "<blockquote>Order 123</blockquote>",
        '<blockquote class="gmail_quote">Order 123</blockquote>',
    ],
)
def test_text_the_writer_set_off_is_kept(quote: str) -> None:
    assert visible_in(f"<div>Hi</div>{quote}").split() == ["Hi", "Order", "123"]


def test_signature_block_in_html_is_left_out_unless_it_is_all() -> None:
    block = '<div class="gmail_signature">Bob, ACME</div>'
    assert visible_in(f"<p>Hello</p>{block}") == "Hello"
    assert visible_in(block) == "Bob, ACME"


def test_html_that_says_less_than_the_text_is_not_used() -> None:
    html = '<blockquote type="cite">Hi</blockquote>See the text.'
    text = "A long answer that is in the plain part of this mail and nowhere else."
    assert visible_reply(text, html) == text


def test_empty_mail() -> None:
    assert visible_reply("", "") == ""
    assert visible_reply(" \r\n\r\n", "<p></p>") == ""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (">" * 1_000_000, ""),
        (">\n" * 500_000, ""),
        ("<" * 100_000, "<" * 100_000),
        ("To: a@b.c\n" * 100_000, ""),
        ("hello " * 900_000, "<p class=MsoNormal>x</p>" * 220_000),
        ("Word: x <a@b>\n" * 3_900, ""),
        ("On 5 May 2024 at 10:00, x <a@b.c,\n" * 3_900, ""),
        ("1 1 1 1 1:\n" * 3_900, ""),
        (("1 " * 190 + ":\n> x\n") * 600, ""),
        ("hi\n" + "--\n_______\n" * 1_900, ""),
        ("-" * 240_000, ""),
        ("x", "<blockquote>hi</blockquote>" * 2_900),
        ("x", '<div class="gmail_quote">' * 200 + "<blockquote>x"),
        ("x", "<blockquote type=cite>x</blockquote><pre>" + "a\n" * 150_000),
        ("x", "<blockquote type=cite><p style='" + "border-top:" * 30_000 + "'>"),
        ("x", "<blockquote type=cite>" + "<table><tr><td>x" * 290),
    ],
)
def test_hostile_mail_costs_little_and_loses_nothing(text: str, html: str) -> None:
    shown, seconds = timed(lambda: visible_reply(text, html))
    assert seconds < MAX_CPU_SECONDS * SLACK
    assert shown
