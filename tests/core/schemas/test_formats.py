"""String formats and patterns: one good and one bad value of each, and Go's words for bad patterns."""

from __future__ import annotations

import pytest

from gatewright.core.schemas import formats
from gatewright.core.schemas.patterns import Pattern, problem_of


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("bsonobjectid", "0123456789abcdef01234567", "0123"),
        ("uri", "http://example.com/a?b=c", "example.com/a"),
        ("uri", "/absolute", "http://a b/"),
        ("email", "someone@example.com", "someone"),
        ("hostname", "a.example.com", "-a.example.com"),
        ("ipv4", "10.0.0.1", "::1"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.1/8", "10.0.0.1/33"),
        ("mac", "00:00:5e:00:53:01", "00:00:5e"),
        ("mac", "0000.5e00.5301", "0000-5e00-5301"),
        ("uuid", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b810"),
        ("uuid4", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-1372-a567-0e02b2c3d479"),
        ("isbn", "978-3-16-148410-0", "978-3-16-148410-1"),
        ("isbn10", "0-306-40615-2", "0-306-40615-3"),
        ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("ssn", "123-45-6789", "12-345-6789"),
        ("hexcolor", "#fff", "#ffff"),
        ("rgbcolor", "rgb(1, 2, 255)", "rgb(1, 2, 256)"),
        ("byte", "YWI=", "YWI"),
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2024-02-29T23:59:59.5+01:00", "2024-02-29 23:59:59Z"),
        ("datetime", "2024-02-29T23:59:59Z", "2024-02-29T24:00:00Z"),
        ("duration", "1h30m", "soon"),
        ("duration", "3 days", "1"),
        ("k8s-short-name", "a-b", "a.b"),
        ("k8s-long-name", "a.b", "A.b"),
    ],
)
def test_formats(form: str, good: str, bad: str) -> None:
    check = formats.check_of(form)
    assert check is not None
    assert check(good)
    assert not check(bad)


@pytest.mark.parametrize(
    ("form", "types", "expected"),
    [
        ("date", ("string",), True),
        ("date", (), True),
        ("date", ("integer",), False),
        ("int32", ("integer",), True),
        ("int32", ("number",), False),
        ("double", ("number",), True),
        ("unheard", ("string",), False),
        ("int64", ("integer", "string"), False),
    ],
)
def test_formats_count_for_their_types(form: str, types: tuple[str, ...], expected: bool) -> None:
    assert formats.counts(form, types) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(", "missing closing ): `(`"),
        ("[a", "missing closing ]: `[a`"),
        ("a)", "unexpected ): `a)`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("\\8", "invalid escape sequence: `\\8`"),
    ],
)
def test_bad_patterns_in_gos_words(text: str, expected: str) -> None:
    assert problem_of(text) == f"error parsing regexp: {expected}"
    assert not Pattern(text).found_in("a")


def test_patterns_are_found_anywhere() -> None:
    assert Pattern("b").found_in("abc")
    assert Pattern(r"^\p{L}+$").found_in("é")
    assert problem_of("^a$") == ""
