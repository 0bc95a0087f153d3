"""Who plays in the demo. Standard library only: the launcher prints this without Django."""

from dataclasses import dataclass

MAIL_DOMAIN = "demo.example"
PASSWORD = "demo"


@dataclass(frozen=True)
class Part:
    """One person to sign in as; `role` is also the slug of the one-click sign-in."""

    role: str
    name: str

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.role}@{MAIL_DOMAIN}"


CAST = (
    Part("admin", "Ada Admin"),
    Part("supervisor", "Suri Supervisor"),
    Part("agent", "Anh Agent"),
)
