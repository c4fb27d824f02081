"""What the tests of apply share: the shipped schemas."""

from __future__ import annotations

import pytest

from gatewright import data
from gatewright.apiserver.apply import BuiltinSchemas


@pytest.fixture(scope="session")
def schemas() -> BuiltinSchemas:
    return BuiltinSchemas.read(data.read("builtin-schemas.json.gz"))
