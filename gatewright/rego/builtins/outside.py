"""Builtins that look outside of the policy: the clock, random identities, answers fetched by the caller, and the
ones that only report.

Nothing here waits or reads anything: the time and the seed are arguments of the evaluation, external_data and
http.send answer from its answer book.
"""

from __future__ import annotations

from typing import Any

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import dumps
from gatewright.rego.texts import quote
from gatewright.rego.values import U, plain

_HTTP = """
    method url body enable_redirect force_json_decode force_yaml_decode headers raw_body tls_use_system_certs
    tls_ca_cert tls_ca_cert_file tls_ca_cert_env_variable tls_client_cert tls_client_cert_file
    tls_client_cert_env_variable tls_client_key tls_client_key_file tls_client_key_env_variable
    tls_insecure_skip_verify tls_server_name timeout cache force_cache force_cache_duration_seconds
    raise_error caching_mode max_retry_attempts cache_ignored_headers
"""
HTTP_KEYS = frozenset(_HTTP.split())

builtin("time.now_ns", result="number", context=True)(lambda c: c.e.now_ns)
builtin("opa.runtime", result="object")(dict)
builtin("trace", "any", result="boolean")(lambda _note: True)
builtin("print", variadic=True, result="boolean", void=True)(lambda *_args: True)


def _answered(c: Any, name: str, request: Any) -> Any:
    key = (name, dumps(plain(request)))
    if key in c.e.answers:
        return c.e.answers[key]
    c.e.missing.add(key)
    return U


@builtin("external_data", "object", result="object", context=True)
def external_data(c: Any, request: Any) -> Any:
    """The answer of a provider; the request has "provider" and "keys" (Gatekeeper documentation, "External Data")."""
    return _answered(c, "external_data", request)


@builtin("http.send", "object", result="object", context=True)
def http_send(c: Any, request: Any) -> Any:
    unknown = sorted(k for k in request if k not in HTTP_KEYS)
    if unknown:
        raise BuiltinError(f"invalid request parameters(s): {{{', '.join(map(quote, unknown))}}}", "eval_type_error")
    missing = [k for k in ("method", "url") if k not in request]
    if missing:
        text = f"missing required request parameters(s): {{{', '.join(map(quote, missing))}}}"
        raise BuiltinError(text, "eval_type_error")
    return _answered(c, "http.send", request)
