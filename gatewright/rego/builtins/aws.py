"""providers.aws.sign_req: the headers of AWS' Signature Version 4 for a request (AWS documentation, "Signature
Version 4 signing process").
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import urlsplit

from gatewright.rego.arithmetic import whole
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import dumps
from gatewright.rego.texts import quote

REQUIRED = ("aws_access_key", "aws_region", "aws_secret_access_key", "aws_service")


def _listed(keys: list[str]) -> str:
    return "{" + ", ".join(map(quote, sorted(keys))) + "}"


def _config(given: Any) -> dict[str, Any]:
    missing = [k for k in REQUIRED if k not in given]
    if missing:
        text = f"operand 2 missing required AWS config parameters(s): {_listed(missing)}"
        raise BuiltinError(text, "eval_type_error")
    wrong = [k for k in REQUIRED if not isinstance(given[k], str)]
    if wrong:
        text = f"operand 2 invalid values for required AWS config parameters(s): {_listed(wrong)}"
        raise BuiltinError(text, "eval_type_error")
    return dict(given)


def _body(request: Any) -> str:
    raw = request.get("raw_body")
    if isinstance(raw, str):
        return raw
    return dumps(request["body"]) if "body" in request else ""


def _query(text: str) -> str:
    parts = [p.partition("=") for p in text.split("&") if p]
    return "&".join(f"{percent(k, safe='-_.~%')}={percent(v, safe='-_.~%')}" for k, _, v in sorted(parts))


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


@builtin("providers.aws.sign_req", "object", "object", "number", result="object")
def sign_request(request: Any, config: Any, now: Any) -> dict[str, Any]:
    c = _config(config)
    for needed in ("method", "url"):
        if not isinstance(request.get(needed), str):
            raise BuiltinError(
                f"operand 1 missing required request parameters(s): {_listed([needed])}", "eval_type_error"
            )
    ns = whole(now)
    if ns is None or not -(2**63) <= ns < 2**63:
        raise BuiltinError("could not convert time_ns value into a unix timestamp")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 10**9)
    stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
    url = urlsplit(request["url"])
    digest = hashlib.sha256(_body(request).encode()).hexdigest()
    if c.get("disable_payload_signing") is True:
        digest = "UNSIGNED-PAYLOAD"
    added = {"host": url.netloc, "x-amz-date": stamp}
    if c["aws_service"] in ("s3", "glacier") or digest == "UNSIGNED-PAYLOAD":
        added["x-amz-content-sha256"] = digest
    if isinstance(c.get("aws_session_token"), str):
        added["x-amz-security-token"] = c["aws_session_token"]
    headers = {**dict(request.get("headers") or {}), **added}
    signed = {str(k).lower(): str(v).strip() for k, v in headers.items()}
    names = ";".join(sorted(signed))
    lines = "".join(f"{k}:{signed[k]}\n" for k in sorted(signed))
    path = percent(url.path, safe="/-_.~%")
    canonical = "\n".join([request["method"], path, _query(url.query), lines, names, digest])
    scope = f"{day}/{c['aws_region']}/{c['aws_service']}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key: bytes = ("AWS4" + c["aws_secret_access_key"]).encode()
    for part in (day, c["aws_region"], c["aws_service"], "aws4_request"):
        key = _mac(key, part)
    credential = f"Credential={c['aws_access_key']}/{scope}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={_mac(key, text).hex()}"
    return {**dict(request), "headers": headers}
