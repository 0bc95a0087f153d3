"""Who wrote the mail that a forwarded or redistributed one carries."""

from __future__ import annotations

import re
from typing import Final

from channels_inbox.email.mail import Address
from channels_inbox.email.mime.addresses import read_addresses
from channels_inbox.email.mime.header_block import HeaderBlock

_SENDER_HEADERS: Final = ("x-original-sender", "x-original-from", "x-google-original-from")
_FORWARDED: Final = (
    "forwarded message|begin forwarded message|forwarded by|weitergeleitete nachricht|"
    "anfang der weitergeleiteten (?:nachricht|e-mail)|message transféré|message transf[eé]r[eé]|"
    "début du message (?:réexpédié|transféré)|mensaje reenviado|inicio del mensaje reenviado|"
    "messaggio inoltrato|inizio messaggio inoltrato|mensagem encaminhada|mensagem reencaminhada|"
    "início da mensagem (?:encaminhada|reencaminhada)|"
    "doorgestuurd bericht|begin doorgestuurd bericht|"
    "vidarebefordrat (?:meddelande|brev)|videresendt (?:melding|besked|e-mail)|välitetty viesti|"
    "przekazana wiadomość|treść przekazanej wiadomości|wiadomość przekazana dalej|"
    "пересылаемое сообщение|пересылаемое письмо|начало переадресованного сообщения|"
    "переслане повідомлення|iletilen ileti|yönlendirilmiş mesaj|přeposlaná zpráva|"
    "továbbított üzenet|mesaj redirecționat|thư đã chuyển tiếp|thư được chuyển tiếp|"
    "tin nhắn được chuyển tiếp|bắt đầu thư được chuyển tiếp|chuyển tiếp tin nhắn|"
    "転送されたメッセージ|転送メッセージ|転送された(?:メール|メッセージ)|전달된 메시지|전달된 메일|"
    "转发的?(?:邮件|消息|信息)|轉寄(?:的)?(?:郵件|訊息)|轉寄郵件|رسالة معاد توجيهها|הודעה שהועברה|"
    "pesan terusan|pesan yang diteruskan|ข้อความที่ส่งต่อ"
)
_MARKER: Final = re.compile(rf"^[> \t]{{0,20}}[-_*=]{{0,40}} ?(?:{_FORWARDED})\b", re.I | re.M)
_FROM: Final = (
    "from|von|de|da|van|fra|från|lähettäjä|od|от|від|kimden|gönderen|feladó|de la|от кого|"
    "từ|người gửi|差出人|送信者|from差出人|보낸 ?사람|보낸이|发件人|寄件者|寄件人|מאת|من|dari|จาก"
)
_FROM_LINE: Final = re.compile(
    rf"^[> \t*]{{0,20}}(?:{_FROM})\s?\*{{0,2}}\s?[::]\s?\*{{0,2}}(?P<sender>[^\n]{{1,500}})$",
    re.I | re.M,
)
_OTHER_LINE: Final = re.compile(r"^[> \t*]{0,20}[^\W\d_][^\n::]{0,40}[::]", re.M)
_FORWARD_SUBJECT: Final = re.compile(
    r"\s*(?:fwd?|wg|tr|rv|enc|i|vs|vb|doorst|pd|пересл|ilt|továbbítás|chuyển tiếp|转发|轉寄|転送|"
    r"전달)"
    r"\s?[::]",
    re.I,
)
_LINES_TO_SENDER: Final = 8
_SEARCHED_CHARS: Final = 100_000


def find_original_sender(headers: HeaderBlock, subject: str, text: str) -> Address | None:
    """The sender of the mail inside, from headers a group adds or from the forwarded text."""
    for name in _SENDER_HEADERS:
        addresses = read_addresses(headers.first(name)).addresses
        if addresses:
            return addresses[0]
    return _forwarded_sender(subject, text[:_SEARCHED_CHARS])


def _forwarded_sender(subject: str, text: str) -> Address | None:
    for marker in _MARKER.finditer(text):
        if sender := _sender_after(text, marker.end()):
            return sender
    if not _FORWARD_SUBJECT.match(subject):
        return None
    for line in _FROM_LINE.finditer(text):
        # A lone "From:" in prose is no header; one beside further header lines is.
        if _OTHER_LINE.match(text, line.end() + 1) and (sender := _sender(line)):
            return sender
    return None


def _sender_after(text: str, position: int) -> Address | None:
    end = position
    for _ in range(_LINES_TO_SENDER):
        end = text.find("\n", end) + 1 or len(text)
    line = _FROM_LINE.search(text, position, end)
    return _sender(line) if line else None


def _sender(line: re.Match[str]) -> Address | None:
    written = re.sub(r"\[mailto:([^\]\s]{3,320})\]", r"<\1>", line["sender"], flags=re.I)
    written = re.sub(r"<mailto:[^<>\s]{3,320}>", "", written, flags=re.I).replace("*", "")
    written = re.sub(r"<([^<>]*)<[^<>]*>>", r"<\1>", written)
    addresses = read_addresses(written.encode("utf-8", "replace")).addresses
    return addresses[0] if addresses else None
