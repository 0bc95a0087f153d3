"""The schema says what the doors do: fitting and unfitting requests made from it never fail."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conversations.api.schema import document
from conversations.api.urls import urlpatterns
from conversations.models import Role
from tests.builders import make_agent, make_cast
from tests.conversations.api.calls import Program
from tests.conversations.api.test_access import Place, make_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import SettingsWrapper
    from schemathesis import APIOperation, Case

pytestmark = pytest.mark.django_db

CHECKS: Final = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture
def schema() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(document())
    return told


def test_it_is_served_to_anybody_without_a_token(schema: dict[str, Any]) -> None:
    told = Client().get("/api/v1/openapi.json")
    assert (told.status_code, told.json()) == (200, schema)
    assert Client().get("/api/docs/").status_code == 200


def test_every_address_and_method_is_in_it(schema: dict[str, Any]) -> None:
    doors = [route for route in urlpatterns if route.name not in (None, "docs", "openapi")]
    assert len(schema["paths"]) == len(doors)
    methods = {
        (_path(str(route.pattern)), method)
        for route in doors
        for method in route.callback.cls.doors  # type: ignore[union-attr]
    }
    told = {(path, method) for path, some in schema["paths"].items() for method in some}
    assert told == methods


def _path(pattern: str) -> str:
    return "/api/" + re.sub(r"<\w+:(\w+)>", r"{\1}", pattern).replace("{pk}", "{id}")


def test_every_door_says_what_it_does_and_how_it_refuses(schema: dict[str, Any]) -> None:
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            assert told["summary"], (path, method)
            assert "Scope: `" in told["description"], (path, method)
            assert told["security"] == [{"token": []}]
            assert "application/problem+json" in told["responses"]["default"]["content"]


def fuzz(schema: dict[str, Any], place: Place, program: Program, examples: int) -> int:
    """Knock at every door so often with what fits its schema and with what doesn't, half of it at
    things that are there. Returns how many requests were made."""
    app = get_wsgi_application()
    loaded = schemathesis.openapi.from_dict(schema)
    loaded.app = app
    count = 0

    def knock(case: Case, real: bool) -> None:
        nonlocal count
        count += 1
        if real:
            case.path_parameters = _real(case.operation.path, place) or case.path_parameters
        case.call_and_validate(headers={"Authorization": f"Bearer {program.secret}"}, checks=CHECKS)

    for operation in _operations(loaded):
        for mode in GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)
            run = given(strategy, st.booleans())(knock)
            run = settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(run)
            seed(1)(run)()
    return count


def _operations(loaded: Any) -> Iterator[APIOperation]:
    for found in loaded.get_all_operations():
        yield found.ok()


def _real(path: str, place: Place) -> dict[str, object]:
    noun = path.split("/")[3]
    name = {
        "customers": "conversation",
        "conversations": "conversation",
        "identities": "identity",
        "entries": "entry",
        "tickets": "ticket",
        "held": "held",
        "files": "file",
        "inboxes": "inbox",
        "offers": "offer",
        "promises": "promise",
    }.get(noun)
    if name is None or "{" not in path:
        return {}
    word = path.partition("{")[2].partition("}")[0]
    return {word: str(place.ids[name])}


@pytest.fixture
def unlimited(settings: SettingsWrapper) -> Iterator[None]:
    """Any number of requests, and all in the transaction of the test."""
    settings.API_READS_PER_MINUTE = settings.API_CHANGES_PER_MINUTE = 10**9
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    "examples", [4, pytest.param(150, marks=pytest.mark.full)], ids=["few", "many"]
)
def test_requests_made_from_the_schema_find_no_failure(
    schema: dict[str, Any], examples: int
) -> None:
    place = make_place("")
    ada = make_agent("Ada", place.cast.support, role=Role.ADMIN)
    assert fuzz(schema, place, Program(ada), examples) > 60 * examples


@pytest.mark.usefixtures("unlimited")
def test_a_failure_would_be_found(schema: dict[str, Any]) -> None:
    """With a schema that promises something else than what is answered."""
    cast = make_cast()
    schema["paths"] = {"/api/v1/me/": schema["paths"]["/api/v1/me/"]}
    schema["components"]["schemas"]["MeOut"]["properties"]["agent"] = {"type": "integer"}
    place = Place(cast, None, {})  # type: ignore[arg-type]
    with pytest.raises(FailureGroup) as found:
        fuzz(schema, place, Program(cast.alice), 1)
    assert "is not of type" in str(found.value.exceptions[0])
