"""The shell as a whole, with a toy controller against a model of an API server on a virtual clock."""

from __future__ import annotations

from typing import Any

import pytest


def gadgets(driver: Any) -> dict[str, int]:
    return {
        key: thing["spec"]["x"] for (place, key), thing in driver.model.objects.items() if place.endswith("gadgets")
    }


@pytest.mark.parametrize("streaming", [pytest.param(True, id="streaming lists"), pytest.param(False, id="pages")])
def test_what_is_there_at_the_start_is_worked_off(toys: Any, streaming: bool) -> None:
    driver = toys.driver(streaming=streaming)
    for index in range(7):
        driver.model.put(toys.path(toys.widgets, f"w{index}"), toys.widget(f"w{index}", index))
    driver.start()
    assert gadgets(driver) == {f"w{index}": index for index in range(7)}
    assert driver.shell.idle


def test_a_change_is_followed_and_nothing_is_written_twice(toys: Any) -> None:
    driver = toys.driver()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    driver.start()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 2))
    driver.run(60)
    assert gadgets(driver) == {"a": 2}
    assert len(driver.writes()) == 2
