import pytest

from channels_inbox.email.mime.addresses import read_addresses
from channels_inbox.email.tests.clock import timed


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Ann Lee <ann@example.com>", [("Ann Lee", "ann@example.com")]),
        (b'"Lee, Ann" <ann@example.com>, bob@example.com',
         [("Lee, Ann", "ann@example.com"), ("", "bob@example.com")]),
        (b"Team: Ann <a@x.test>, b@x.test;", [("Ann", "a@x.test"), ("", "b@x.test")]),
        (b"undisclosed-recipients:;", []),
        (b"ann@example.com (Ann Lee)", [("Ann Lee", "ann@example.com")]),
        (b"=?utf-8?Q?Lee,_Ann?= <ann@example.com>", [("Lee, Ann", "ann@example.com")]),
        (b"=?utf-8?Q?Ann_=3Cann=40example.com=3E?=", [("Ann", "ann@example.com")]),
        (b"a@x.test; b@x.test", [("", "a@x.test"), ("", "b@x.test")]),
        (b"a@x.test www.x.test", [("", "a@x.test")]),
        (b"a@x.test: oops", [("", "a@x.test")]),
        (b"A <a@x.test> <b@x.test>", [("A", "a@x.test"), ("A", "b@x.test")]),
        (b"Ann <@relay.test:ann@example.com>", [("Ann", "ann@example.com")]),
        (b"Local <postmaster>", [("Local", "postmaster")]),
        ("Ann <ann@münchen.example>".encode(), [("Ann", "ann@münchen.example")]),
        (b'"two words"@example.com', [("", '"two words"@example.com')]),
        (b'"never closed <ann@example.com>', [("never closed", "ann@example.com")]),
        (b"Ann <ann@EXAMPLE.com", [("Ann", "ann@example.com")]),
        ("Ann\u202e <ann@\u200bexample.com>".encode(), [("Ann", "ann@example.com")]),
        (b"Ann <ann@example.com>\r\n\tBob <bob@example.com>",
         [("Ann Bob", "ann@example.com"), ("Ann Bob", "bob@example.com")]),
    ],
)  # fmt: skip
def test_reads_every_mailbox(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert [(one.name, one.address) for one in read_addresses(raw).addresses] == expected


@pytest.mark.parametrize("raw", [b"alice@a]<bob@b>", b"a@b@c.test", b"Just A Name", b"<>"])
def test_what_can_be_read_in_two_ways_is_no_address(raw: bytes) -> None:
    found = read_addresses(raw)
    assert found.addresses == ()
    assert found.unreadable == 1


def test_one_bad_element_does_not_cost_the_others() -> None:
    found = read_addresses(b"ann@example.com, oops], bob@example.com")
    assert [one.address for one in found.addresses] == ["ann@example.com", "bob@example.com"]
    assert found.unreadable == 1


@pytest.mark.parametrize(
    "raw",
    [b"(" * 65536, b"<" * 65536, b'"\\' * 32000, b"<," * 30000, b"=?a?q?" * 10000, b". " * 32000,
     b"<" + b"@a," * 20000 + b">", b"a:" * 32000, b"a@" * 32000],
)  # fmt: skip
def test_hostile_headers_take_linear_time(raw: bytes) -> None:
    _found, seconds = timed(lambda: read_addresses(raw))
    assert seconds < 0.8
