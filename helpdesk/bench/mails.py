"""Real MIME bytes of made-up mails. Standard library only: the floor reads the same ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

TEXTS: Final = (
    "Hello,\n\nI ordered two lamps last week and only one of them arrived. The box was open on one"
    " side and the invoice says two. Could you look into this and tell me when the other one will"
    " be sent? The order number is {number}.\n\nBest regards,\n{name}",
    "Chào anh chị,\n\nTôi đã đặt hàng từ tuần trước nhưng đến hôm nay vẫn chưa nhận được. Nhờ anh"
    " chị kiểm tra giúp đơn hàng số {number} và cho tôi biết khi nào sẽ giao. Nếu không còn hàng"
    " thì xin hoàn lại tiền vào tài khoản cũ.\n\nCảm ơn,\n{name}",
)
QUOTE: Final = (
    "\n\nOn Mon, 2 Mar 2026 at 10:11, Support <support@seed.example> wrote:\n"
    "> Thank you for writing to us. We are looking into this and will answer\n"
    "> as soon as we know more.\n>\n> Your support team\n"
)


def mail(
    rng: random.Random, *, sender: str, name: str, to: str, answers: str = "", subject: str = ""
) -> bytes:
    """One mail of a person with a text and an HTML part, as a mail program writes it."""
    number = rng.randrange(10**9)
    text = rng.choice(TEXTS).format(number=f"ORD-{number:09d}", name=name)
    text += QUOTE if answers else ""
    # One line for each header: a Message-ID that is folded is one that nobody recognises.
    message = EmailMessage(policy=SMTP.clone(max_line_length=990))
    message["Received"] = (
        f"from mx{number % 7}.mail.example (mx.mail.example [192.0.2.{number % 250}])"
        f" by in.seed.example with ESMTPS id {number:x}; Mon, 2 Mar 2026 10:12:00 +0000"
    )
    message["Authentication-Results"] = (
        "in.seed.example; dkim=pass header.d=mail.example; dmarc=pass header.from=mail.example"
    )
    message["From"] = f"{name} <{sender}>"
    message["To"] = to
    message["Subject"] = subject or f"Đơn hàng / order {number}"
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{rng.getrandbits(128):032x}@mail.example>"
    if answers:
        message["In-Reply-To"] = f"<{answers}>"
        message["References"] = f"<{answers}>"
    message["MIME-Version"] = "1.0"
    message.set_content(text)
    paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n\n"))
    message.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html")
    return message.as_bytes()
