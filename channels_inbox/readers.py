"""Who can read and check the calls of which provider. A provider here has no inboxes by that: those
of `settings.CHANNELS` have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from channels_inbox.email.posted import read as posted
from channels_inbox.email.posted import verify as posted_signature
from channels_inbox.generic import parse as generic
from channels_inbox.line import parse as line
from channels_inbox.line import verify as line_signature
from channels_inbox.messagebird import verify as messagebird_signature
from channels_inbox.meta import instagram, page
from channels_inbox.meta import signatures as meta_signature
from channels_inbox.phone import parse as phone
from channels_inbox.reader import Reader
from channels_inbox.telegram import parse as telegram
from channels_inbox.telegram import verify as telegram_secret
from channels_inbox.twilio import sms, voice
from channels_inbox.twilio import verify as twilio_signature
from channels_inbox.viber import parse as viber
from channels_inbox.viber import verify as viber_signature
from channels_inbox.vonage import parse as vonage
from channels_inbox.vonage import verify as vonage_signature
from channels_inbox.webhooks import signatures as standard_signature
from channels_inbox.whatsapp import parse as whatsapp
from channels_inbox.zalo import parse as zalo
from channels_inbox.zalo import verify as zalo_signature

if TYPE_CHECKING:
    from collections.abc import Mapping


READERS: Final[Mapping[str, Reader]] = {
    "meta": Reader(meta_signature.verify),
    "whatsapp": Reader(meta_signature.verify, whatsapp.parse),
    "messenger": Reader(meta_signature.verify, page.parse),
    "facebook_page": Reader(meta_signature.verify, page.parse),
    "instagram": Reader(meta_signature.verify, instagram.parse),
    "telegram": Reader(telegram_secret.verify, telegram.parse),
    "line": Reader(line_signature.verify, line.parse),
    "zalo": Reader(zalo_signature.verify, zalo.parse),
    "viber": Reader(viber_signature.verify, viber.parse),
    "vonage": Reader(vonage_signature.verify, vonage.parse),
    "twilio": Reader(twilio_signature.verify),
    "twilio_sms": Reader(twilio_signature.verify, sms.parse),
    "twilio_voice": Reader(twilio_signature.verify, voice.parse),
    "generic": Reader(standard_signature.verify, generic.parse),
    "phone": Reader(standard_signature.verify, phone.parse),
    "messagebird": Reader(messagebird_signature.verify),
    "messagebird_jwt": Reader(messagebird_signature.verify),
    "brevo": Reader(posted_signature.signed_in, posted.reader_of("brevo")),
    "mailersend": Reader(posted_signature.mailersend, posted.reader_of("mailersend")),
    "mailjet": Reader(posted_signature.signed_in, posted.reader_of("mailjet")),
    "mandrill": Reader(posted_signature.mandrill, posted.reader_of("mandrill")),
    "postmark": Reader(posted_signature.signed_in, posted.reader_of("postmark")),
    "sendgrid": Reader(posted_signature.signed_in, posted.reader_of("sendgrid")),
    "sparkpost": Reader(posted_signature.signed_in, posted.reader_of("sparkpost")),
}
