"""Builtins of hashes and message authentication."""

from __future__ import annotations

import hashlib
import hmac

from gatewright.rego.builtins.registry import builtin


def _hash(name: str) -> None:
    def digest(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    builtin(f"crypto.{name}", "string", result="string")(digest)


def _hmac(name: str) -> None:
    def code(text: str, key: str) -> str:
        return hmac.new(key.encode(), text.encode(), name).hexdigest()

    builtin(f"crypto.hmac.{name}", "string", "string", result="string")(code)


for _name in ("md5", "sha1", "sha256"):
    _hash(_name)
for _name in ("md5", "sha1", "sha256", "sha512"):
    _hmac(_name)


@builtin("crypto.hmac.equal", "string", "string", result="boolean")
def hmac_equal(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())
