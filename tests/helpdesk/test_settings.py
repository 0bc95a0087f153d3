"""Settings: every missing or malformed variable is named."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from helpdesk import env


def test_it_names_every_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRST", raising=False)
    monkeypatch.setenv("SECOND", "")
    with pytest.raises(ImproperlyConfigured, match="FIRST: a thing\n.*SECOND: another"):
        env.require({"FIRST": "a thing", "SECOND": "another"})
