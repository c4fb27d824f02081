"""Which tests and cases run: the filter of `--run` (Gatekeeper behaviour, 12.3).

RE        tests and cases whose name holds RE; a case in a test that does runs too
TEST//CASE   cases whose name holds CASE in tests whose name holds TEST
"""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.core.errors import UserError
from gatewright.gator.patterns import Pattern, PatternError, compile_pattern
from gatewright.gator.suites import Case, Test

SEPARATOR = "//"


class SelectionError(UserError):
    """A filter that can't be read."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`either` set: the name of test or case; otherwise both `test` and `case` must match. All None: everything."""

    either: Pattern | None = None
    test: Pattern | None = None
    case: Pattern | None = None

    def takes_test(self, test: Test) -> bool:
        """Whether a test, or one of its cases, is chosen."""
        if self.either is not None:
            return self.either(test.name) or any(self.either(case.name) for case in test.cases)
        return self.test is None or self.test(test.name)

    def takes_case(self, test: Test, case: Case) -> bool:
        """Whether a case of a chosen test is chosen."""
        if self.either is not None:
            return self.either(case.name) or self.either(test.name)
        return self.test is None or self.case is None or (self.case(case.name) and self.test(test.name))


def parse_selection(text: str) -> Selection:
    """Raises SelectionError."""
    if not text:
        return Selection()
    parts = text.split(SEPARATOR)
    if len(parts) > 2:
        raise SelectionError('compiling filter: invalid test filter: a filter may include at most one "//"')
    try:
        patterns = [compile_pattern(part) for part in parts]
    except PatternError as error:
        raise SelectionError(f"compiling filter: invalid test filter: {error.what}") from None
    return Selection(either=patterns[0]) if len(parts) == 1 else Selection(test=patterns[0], case=patterns[1])
