"""Where well-known mail providers keep their servers, so that an address is enough to begin."""

from __future__ import annotations

from dataclasses import dataclass

from channels_inbox.email.config import SSL, STARTTLS


@dataclass(frozen=True)
class Hosts:
    """A guess for the form; the admin may change all of it. `oauth` names a provider that no longer
    takes passwords from programs."""

    imap_host: str
    smtp_host: str
    smtp_port: int = 465
    smtp_security: str = SSL
    oauth: str = ""


GMAIL = Hosts("imap.gmail.com", "smtp.gmail.com")
MICROSOFT = Hosts("outlook.office365.com", "smtp.office365.com", 587, STARTTLS, "microsoft")
YAHOO = Hosts("imap.mail.yahoo.com", "smtp.mail.yahoo.com")
ICLOUD = Hosts("imap.mail.me.com", "smtp.mail.me.com", 587, STARTTLS)
FASTMAIL = Hosts("imap.fastmail.com", "smtp.fastmail.com")
GMX = Hosts("imap.gmx.net", "mail.gmx.net", 587, STARTTLS)

KNOWN = {
    "gmail.com": GMAIL,
    "googlemail.com": GMAIL,
    "outlook.com": MICROSOFT,
    "hotmail.com": MICROSOFT,
    "live.com": MICROSOFT,
    "yahoo.com": YAHOO,
    "yahoo.com.vn": YAHOO,
    "icloud.com": ICLOUD,
    "me.com": ICLOUD,
    "fastmail.com": FASTMAIL,
    "gmx.net": GMX,
    "gmx.de": GMX,
    "web.de": Hosts("imap.web.de", "smtp.web.de", 587, STARTTLS),
    "zoho.com": Hosts("imap.zoho.com", "smtp.zoho.com"),
    "aol.com": Hosts("imap.aol.com", "smtp.aol.com"),
    "yandex.com": Hosts("imap.yandex.com", "smtp.yandex.com"),
}


def guess(address: str) -> Hosts:
    """The provider's servers, or the names most domains of their own use."""
    domain = address.rpartition("@")[2].lower()
    return KNOWN.get(domain) or Hosts(f"imap.{domain}", f"smtp.{domain}")
