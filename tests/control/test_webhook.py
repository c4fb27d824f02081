"""The webhook's registration and the proof that it is in force."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gatewright.control import webhook
from gatewright.control.conditions import Condition
from gatewright.control.intents import Apply, Ask, Intent, Note, Refusal, Wake, fields_digest
from gatewright.control.webhook import CONTROLLER, InForce
from gatewright.core.http import NoAnswer, Response
from gatewright.core.objects import Name
from gatewright.kinds.resources import NAMESPACES, VALIDATING_WEBHOOKS
from tests.control.world import NOW, NS, SETTINGS, World, applied, home, json_answer, later, of_type, servers

OURS = replace(SETTINGS, webhook_url="https://127.0.0.1:9443", webhook_ca="PEM")
MARK = webhook.marker(OURS)
CONFIRMED = json_answer({}, 201, ("warning", f'299 - "gatewright-probe pod /v1/probe/{MARK} -"'))
SILENT = json_answer({}, 201)
ANOTHER = json_answer({}, 201, ("warning", '299 - "gatewright-probe pod /v1/probe/0123456789abcdef -"'))
UNREACHABLE = json_answer({"message": f'failed calling webhook "{webhook.PROBE_ENTRY}": refused'}, 500)


@pytest.fixture
def world() -> World:
    world = World()
    home(world)
    servers(world, "10.0.0.1", "10.0.0.2")
    return world


def plan(world: World, seconds: float = 0) -> tuple[Intent, ...]:
    return world.intents(CONTROLLER, "webhook", settings=OURS, now=later(seconds))


def told(intents: tuple[Intent, ...]) -> Condition:
    (note,) = of_type(intents, Note)
    assert isinstance(note.value, InForce)
    return note.value.condition


@pytest.fixture
def registered(world: World) -> World:
    (intent,) = of_type(plan(world), Apply)
    world.put(VALIDATING_WEBHOOKS, applied(intent))
    return world


def answered(world: World, address: str, value: Any, at: float = NOW.monotonic) -> None:
    world.know("webhook-proof", address, MARK, value=value, at=at)


def test_it_is_registered_first(world: World) -> None:
    intents = plan(world)
    (intent,) = of_type(intents, Apply)
    assert intent.fields["metadata"]["name"] == OURS.webhook_name
    assert [entry["name"] for entry in intent.fields["webhooks"]] == [
        "validation.gatekeeper.sh",
        "check-ignore-label.gatekeeper.sh",
        "probe.gatewright.dev",
    ]
    assert [entry["failurePolicy"] for entry in intent.fields["webhooks"]] == ["Ignore", "Fail", "Fail"]
    assert (told(intents).status, told(intents).reason) == ("Unknown", "Registering")
    assert of_type(intents, Ask) == []


def test_each_server_is_asked_with_a_dry_run_of_an_object_that_only_the_probe_selects(registered: World) -> None:
    asked = of_type(plan(registered), Ask)
    assert [ask.address for ask in asked] == ["10.0.0.1:6443", "10.0.0.2:6443"]
    request = asked[0].request
    assert (request.method, request.path) == ("POST", f"/api/v1/namespaces/{NS}/configmaps")
    assert request.argument("dryRun") == "All"
    assert json.loads(request.body)["metadata"]["labels"] == {webhook.PROBE_LABEL: MARK}


@pytest.mark.parametrize(
    ("second", "status", "word"),
    [
        pytest.param(CONFIRMED, "True", "in force on 2 API servers", id="in-force"),
        pytest.param(SILENT, "Unknown", "not in force yet", id="silent"),
        pytest.param(ANOTHER, "Unknown", "not in force yet", id="another-version-answers"),
        pytest.param(UNREACHABLE, "Unknown", "can't reach the webhook", id="unreachable"),
        pytest.param(NoAnswer("refused"), "Unknown", "no answer: refused", id="no-answer"),
        pytest.param(Response(503, (), b"busy"), "Unknown", "busy", id="503"),
        pytest.param(json_answer([]), "Unknown", "not in force yet", id="200-without-the-mark"),
    ],
)
def test_the_proof_needs_each_server(registered: World, second: Any, status: str, word: str) -> None:
    answered(registered, "10.0.0.1:6443", CONFIRMED)
    answered(registered, "10.0.0.2:6443", second)
    condition = told(plan(registered))
    assert condition.status == status
    assert word in condition.message


def test_the_proof_says_what_ignore_leaves_open(registered: World) -> None:
    for address in ("10.0.0.1:6443", "10.0.0.2:6443"):
        answered(registered, address, CONFIRMED)
    intents = plan(registered)
    assert "failurePolicy Ignore" in told(intents).message
    assert of_type(intents, Ask) == []


def test_proof_of_another_version_proves_nothing(registered: World) -> None:
    for address in ("10.0.0.1:6443", "10.0.0.2:6443"):
        registered.know("webhook-proof", address, "another mark", value=CONFIRMED)
    assert told(plan(registered)).status == "Unknown"


def test_a_question_is_repeated_only_after_its_period(registered: World) -> None:
    for address in ("10.0.0.1:6443", "10.0.0.2:6443"):
        answered(registered, address, SILENT)
    soon = plan(registered, OURS.probe_period / 2)
    assert of_type(soon, Ask) == []
    assert set(of_type(soon, Wake)) == {Wake(NOW.monotonic + OURS.probe_period)}
    assert len(of_type(plan(registered, OURS.probe_period), Ask)) == 2


def test_nothing_is_asked_before_our_namespace_stands(registered: World) -> None:
    registered.remove(NAMESPACES, NS)
    assert [type(intent) for intent in plan(registered)] == [Wake]


def test_a_registration_that_somebody_changed_is_mended(registered: World) -> None:
    held = registered.get(VALIDATING_WEBHOOKS, Name("", OURS.webhook_name))
    assert held is not None
    registered.put(VALIDATING_WEBHOOKS, {**held, "webhooks": held["webhooks"][:1]})
    assert len(of_type(plan(registered), Apply)) == 1


def test_a_refusal_is_told_and_tried_again_seldom(world: World) -> None:
    (intent,) = of_type(plan(world), Apply)
    value = Refusal(403, "Forbidden", "may not", fields_digest(intent.fields), NOW.monotonic)
    world.know("refused", VALIDATING_WEBHOOKS, Name("", OURS.webhook_name), "", value=value)
    intents = plan(world, 1)
    assert (told(intents).status, told(intents).reason, told(intents).failed) == ("False", "Forbidden", True)
    assert of_type(intents, Apply) == []
    assert len(of_type(plan(world, OURS.terminal_retry), Apply)) == 1


def test_a_process_without_a_webhook_says_so(world: World) -> None:
    intents = world.intents(CONTROLLER, "webhook")
    assert told(intents).reason == "NotRegistered"
    assert of_type(intents, Apply) == []


def test_equal_settings_give_equal_markers() -> None:
    assert webhook.marker(OURS) == MARK
    assert webhook.marker(replace(OURS, webhook_ca="OTHER")) != MARK
