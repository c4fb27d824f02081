"""The lists of exceptions are well formed, and their reasons are reasons (law 11)."""

from __future__ import annotations

import re

from tests.repo import exceptions
from tools import differences

NOT_A_REASON = re.compile(r"\b(?:not yet|todo|fixme|later|temporar\w+|for now|hack)\b", re.IGNORECASE)


def test_every_entry_has_a_reason() -> None:
    weak = [str(one) for one in exceptions.exempt() if len(one.reason) < 20 or NOT_A_REASON.search(one.reason)]
    assert not weak


def test_every_entry_names_its_list_and_its_place() -> None:
    assert not [str(one) for one in exceptions.exempt() if not one.list or not one.where]
    assert not [
        str(one) for one in exceptions.exempt() if one.file == exceptions.OWN and one.list not in exceptions.OWN_LISTS
    ]


def test_no_entry_stands_twice() -> None:
    seen = [(one.file, one.list, one.where, one.what) for one in exceptions.exempt()]
    assert len(seen) == len(set(seen))


def test_other_lists_say_what_kind_of_reason_it_is() -> None:
    """A deliberate difference (which names it), the network, or a refusal by Kubernetes."""
    known = {one.name for one in differences.read()}
    for one in exceptions.exempt():
        if one.file != exceptions.OWN:
            assert one.because in exceptions.CAUSES, one
            assert (one.difference in known) == (one.because == "difference"), one
