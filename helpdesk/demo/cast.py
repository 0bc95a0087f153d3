"""Who plays in the demo. Standard library only: the launcher prints this without Django."""

from dataclasses import dataclass

MAIL_DOMAIN = "demo.example"
PASSWORD = "demo"
TEAMS = ("Support", "Billing", "Privacy")
# What only the members of its team may read.
RESTRICTED = {"Privacy": "legal"}


@dataclass(frozen=True)
class Part:
    """One person to sign in as; `slug` is the name in stories, in the address and in the one-click
    sign-in."""

    slug: str
    name: str
    role: str
    teams: tuple[str, ...]

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.slug}@{MAIL_DOMAIN}"


CAST = (
    Part("anh", "Anh Nguyen", "agent", ("Support", "Billing")),
    Part("suri", "Suri Patel", "supervisor", TEAMS),
    Part("ada", "Ada Novak", "admin", TEAMS),
    Part("ben", "Ben Okafor", "agent", ("Support",)),
    Part("linh", "Linh Pham", "agent", ("Support",)),
    Part("marta", "Marta Silva", "agent", ("Billing", "Privacy")),
)
# Who is offered first, and who acts by script.
LEADS = ("anh", "suri", "ada")
LIVELY = ("ben", "linh", "marta")
# A file among the copy's data: it is there while they do.
LIVELY_SWITCH = "lively"
