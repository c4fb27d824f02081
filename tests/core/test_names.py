"""Forms of names and the texts of refusals."""

from __future__ import annotations

import pytest

from gatewright.core import names


@pytest.mark.parametrize(
    ("rule", "value", "starts"),
    [
        pytest.param(names.dns_subdomain, "a.b-c", (), id="subdomain"),
        pytest.param(names.dns_subdomain, "A", ("a lowercase RFC 1123 subdomain must",), id="subdomain upper"),
        pytest.param(names.dns_subdomain, "a" * 254, ("must be no more than 253 characters",), id="subdomain long"),
        pytest.param(names.dns_subdomain, "a\n", ("a lowercase RFC 1123 subdomain must",), id="trailing newline"),
        pytest.param(names.dns_label, "a.b", ("must not contain dots",), id="label with a dot"),
        pytest.param(names.dns_label, "-", ("a lowercase RFC 1123 label must",), id="label dash"),
        pytest.param(names.dns_1035_label, "1a", ("a DNS-1035 label must",), id="1035"),
        pytest.param(names.wildcard_subdomain, "*.a.b", (), id="wildcard"),
        pytest.param(names.label_key, "a.io/B_c", (), id="key"),
        pytest.param(names.label_key, "/b", ("prefix part must be non-empty",), id="key without prefix"),
        pytest.param(names.label_key, "", ("name part must be non-empty", "name part must consist of"), id="empty key"),
        pytest.param(names.label_key, "a/b/c", ("a valid label key must consist of",), id="two slashes"),
        pytest.param(
            names.label_key, "é" * 32, ("name part must be no more than 63 bytes", "name part must consist"), id="bytes"
        ),
        pytest.param(names.label_value, "", (), id="empty value"),
        pytest.param(names.label_value, "a b", ("a valid label must be an empty string",), id="value with a blank"),
        pytest.param(names.path_segment, "..", ("may not be '..'",), id="dots"),
        pytest.param(names.path_segment, "a/%", ("may not contain '/'", "may not contain '%'"), id="slash"),
    ],
)
def test_forms(rule: object, value: str, starts: tuple[str, ...]) -> None:
    texts = rule(value)  # type: ignore[operator]
    assert len(texts) == len(starts)
    assert all(text.startswith(start) for text, start in zip(texts, starts, strict=True))


def test_a_refusal_in_full() -> None:
    assert names.dns_label("A") == (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    )


def test_a_generate_name_may_end_in_a_dash() -> None:
    assert names.name_is_subdomain("abc-", True) == ()
    assert names.name_is_subdomain("abc-", False) != ()
