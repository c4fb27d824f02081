"""Which resource a user means by a kind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Resource
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CONSTRAINTS_GROUP
from gatewright.runtime import waiting

PETS = Resource(CONSTRAINTS_GROUP, "v1beta1", "pets", "Pet")


class Served:
    """A transport to an API server that serves the constraint kind Pet."""

    async def send(self, _request: Request, _address: str, _timeout: float) -> Response:
        listed = [
            {"name": "pets", "singularName": "pet", "kind": "Pet"},
            {"name": "pets/status", "singularName": "", "kind": "Pet"},
        ]
        return Response(200, (), json.dumps({"resources": listed}).encode())

    async def watch(self, _request: Request, _on_data: Any) -> NoAnswer:
        return NoAnswer("refused")

    async def close(self) -> None:
        return None


def found(kind: str) -> Resource:
    return asyncio.run(waiting.find(Served(), kind, 0.0, lambda: Now(0.0, 0.0)))


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        pytest.param("constrainttemplate", CONSTRAINT_TEMPLATES, id="template"),
        pytest.param("ConstraintTemplates.templates.gatekeeper.sh", CONSTRAINT_TEMPLATES, id="template-and-group"),
        pytest.param("Pet", PETS, id="kind"),
        pytest.param("pet", PETS, id="singular"),
        pytest.param("PETS", PETS, id="plural"),
        pytest.param("pet.constraints.gatekeeper.sh", PETS, id="as-kubectl-prints-it"),
        pytest.param("Pet.constraints.gatekeeper.sh", PETS, id="kind-and-group"),
    ],
)
def test_a_kind_is_found_by_any_of_its_names(kind: str, resource: Resource) -> None:
    assert found(kind) == resource


@pytest.mark.parametrize("kind", ["dog", "pet.example.io", "pets/status"])
def test_what_is_not_served_is_told_by_the_name_that_was_asked_for(kind: str) -> None:
    with pytest.raises(waiting.NotServed, match=kind):
        found(kind)
