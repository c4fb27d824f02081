"""Builtins of certificates: crypto.x509.* and crypto.parse_private_keys. Certificates look as Go's encoding/json
shows x509.Certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from typing import Any

from gatewright.rego.builtins.keys import padded_text
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*?)\s*-----END \1-----")
_SIGNATURES = {
    "sha1WithRSAEncryption": 3, "sha256WithRSAEncryption": 4, "sha384WithRSAEncryption": 5,
    "sha512WithRSAEncryption": 6,
    "ecdsa-with-SHA1": 9, "ecdsa-with-SHA256": 10, "ecdsa-with-SHA384": 11, "ecdsa-with-SHA512": 12, "RSASSA-PSS": 13,
    "ed25519": 16,
}  # fmt: skip
_NAMES = {
    "2.5.4.6": "Country", "2.5.4.10": "Organization", "2.5.4.11": "OrganizationalUnit", "2.5.4.7": "Locality",
    "2.5.4.8": "Province", "2.5.4.9": "StreetAddress", "2.5.4.17": "PostalCode",
}  # fmt: skip
_USAGES = {
    "2.5.29.37.0": 0, "1.3.6.1.5.5.7.3.1": 1, "1.3.6.1.5.5.7.3.2": 2, "1.3.6.1.5.5.7.3.3": 3, "1.3.6.1.5.5.7.3.4": 4,
    "1.3.6.1.5.5.7.3.5": 5, "1.3.6.1.5.5.7.3.6": 6, "1.3.6.1.5.5.7.3.7": 7, "1.3.6.1.5.5.7.3.8": 8,
    "1.3.6.1.5.5.7.3.9": 9,
}  # fmt: skip


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _blocks(text: str) -> list[tuple[str, bytes]]:
    """(label, DER) of PEM blocks; other texts are base64 of DER or of PEM."""
    if "-----BEGIN" not in text:
        try:
            raw = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise BuiltinError("illegal base64 data") from None
        if b"-----BEGIN" not in raw:
            return [("", raw)]
        text = raw.decode("ascii", "replace")
    out = []
    for label, body in _PEM.findall(text):
        try:
            out.append((label, base64.b64decode("".join(body.split()))))
        except (binascii.Error, ValueError):
            raise BuiltinError("invalid PEM-encoded data") from None
    if not out:
        raise BuiltinError("invalid PEM-encoded data")
    return out


def _certificates(text: str) -> list[Any]:
    from cryptography import x509

    out = []
    for label, der in _blocks(text):
        if label not in ("", "CERTIFICATE"):
            raise BuiltinError(f"PEM-encoded certificate data should contain only CERTIFICATE blocks, not {label}")
        out += _der_sequence(der) if not label else [der]
    try:
        with warnings.catch_warnings():  # odd serial numbers are shown, not judged
            warnings.simplefilter("ignore")
            return [x509.load_der_x509_certificate(d) for d in out]
    except ValueError as e:
        raise BuiltinError(f"x509: malformed certificate: {e}") from None


def _der_sequence(der: bytes) -> list[bytes]:
    """DER values that follow one another."""
    out, i = [], 0
    while i < len(der):
        if i + 2 > len(der):
            raise BuiltinError("x509: malformed certificate")
        length, head = der[i + 1], 2
        if length & 0x80:
            n = length & 0x7F
            length, head = int.from_bytes(der[i + 2 : i + 2 + n], "big"), 2 + n
        out.append(der[i : i + head + length])
        i += head + length
    return out


def _oid(text: str) -> list[int]:
    return [int(p) for p in text.split(".")]


def _name(name: Any) -> dict[str, Any]:
    out: dict[str, Any] = dict.fromkeys(_NAMES.values())
    out |= {"CommonName": "", "SerialNumber": "", "Names": [], "ExtraNames": None}
    for a in name:
        oid = a.oid.dotted_string
        out["Names"].append({"Type": _oid(oid), "Value": a.value})
        if oid == "2.5.4.3":
            out["CommonName"] = a.value
        elif oid == "2.5.4.5":
            out["SerialNumber"] = a.value
        elif oid in _NAMES:
            out[_NAMES[oid]] = [*(out[_NAMES[oid]] or []), a.value]
    if not out["Names"]:
        out["Names"] = None
    return out


def _public_key(key: Any) -> tuple[int, Any]:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        n = key.public_numbers()
        return 1, {"N": n.n, "E": n.e}
    if isinstance(key, ec.EllipticCurvePublicKey):
        p = key.public_numbers()
        return 3, {"Curve": {}, "X": p.x, "Y": p.y}
    return 4, None


def _alternative_names(cert: Any) -> dict[str, Any]:
    from cryptography import x509

    try:
        san = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return {"DNSNames": None, "EmailAddresses": None, "IPAddresses": None, "URIs": None, "URIStrings": None}
    uris = san.get_values_for_type(x509.UniformResourceIdentifier) or None
    return {
        "DNSNames": san.get_values_for_type(x509.DNSName) or None,
        "EmailAddresses": san.get_values_for_type(x509.RFC822Name) or None,
        "IPAddresses": [str(a) for a in san.get_values_for_type(x509.IPAddress)] or None,
        "URIs": None if uris is None else [{"raw": u} for u in uris],
        "URIStrings": uris,
    }


def _key_usage(cert: Any) -> dict[str, Any]:
    from cryptography import x509

    usage, extended = 0, None
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["key_cert_sign", "crl_sign"]
    try:
        value = cert.extensions.get_extension_for_class(x509.KeyUsage).value
        usage = sum(1 << i for i, n in enumerate(names) if getattr(value, n))
    except (x509.ExtensionNotFound, ValueError):
        pass
    try:
        value = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        extended = [_USAGES[o.dotted_string] for o in value if o.dotted_string in _USAGES]
    except (x509.ExtensionNotFound, ValueError):
        pass
    return {"KeyUsage": usage, "ExtKeyUsage": extended}


def _constraints(cert: Any) -> dict[str, Any]:
    from cryptography import x509

    try:
        value = cert.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return {"BasicConstraintsValid": False, "IsCA": False, "MaxPathLen": 0, "MaxPathLenZero": False}
    length = -1 if value.path_length is None else value.path_length
    return {"BasicConstraintsValid": True, "IsCA": value.ca, "MaxPathLen": length, "MaxPathLenZero": length == 0}


def _serial(cert: Any) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(cert.serial_number)


def _shown(cert: Any) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    algorithm, key = _public_key(cert.public_key())
    spki = cert.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    extensions = [
        {"Id": _oid(e.oid.dotted_string), "Critical": e.critical, "Value": _b64(e.value.public_bytes())}
        for e in cert.extensions
    ]
    return {
        "Raw": _b64(cert.public_bytes(Encoding.DER)),
        "RawTBSCertificate": _b64(cert.tbs_certificate_bytes),
        "RawSubjectPublicKeyInfo": _b64(spki),
        "RawSubject": _b64(cert.subject.public_bytes()),
        "RawIssuer": _b64(cert.issuer.public_bytes()),
        "Signature": _b64(cert.signature),
        "SignatureAlgorithm": _SIGNATURES.get(cert.signature_algorithm_oid._name, 0),
        "PublicKeyAlgorithm": algorithm,
        "PublicKey": key,
        "Version": cert.version.value + 1,
        "SerialNumber": _serial(cert),
        "Issuer": _name(cert.issuer),
        "Subject": _name(cert.subject),
        "NotBefore": cert.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "NotAfter": cert.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Extensions": extensions,
        **_key_usage(cert),
        **_constraints(cert),
        **_alternative_names(cert),
    }


@builtin("crypto.x509.parse_certificates", "string", result="array")
def parse_certificates(text: str) -> list[Any]:
    return [_shown(c) for c in _certificates(text)]


def _signed_by(cert: Any, issuer: Any) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        cert.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _chain(certs: list[Any], now_s: int) -> list[Any] | None:
    """The chain from the last certificate (the leaf) over any of those between to the first (the root)."""
    root, leaf, between = certs[0], certs[-1], certs[1:-1]
    chain = [leaf]
    for c in certs:
        if not c.not_valid_before_utc.timestamp() <= now_s <= c.not_valid_after_utc.timestamp():
            return None
    while not _signed_by(chain[-1], root):
        following = [c for c in between if c not in chain and _signed_by(chain[-1], c)]
        if not following or not _constraints(following[0])["IsCA"]:
            return None
        chain.append(following[0])
    return [*chain, root] if _constraints(root)["IsCA"] else None


@builtin("crypto.x509.parse_and_verify_certificates", "string", result="array", context=True)
def parse_and_verify(c: Any, text: str) -> list[Any]:
    """[is the chain good?, leaf to root]: the first certificate is the root, the last the leaf."""
    try:
        certs = _certificates(text)
    except BuiltinError:
        return [False, []]
    chain = _chain(certs, c.e.now_ns // 10**9) if len(certs) >= 2 else None
    return [True, [_shown(x) for x in chain]] if chain else [False, []]


builtin("crypto.x509.parse_and_verify_certificates_with_options", "string", "object", result="array", context=True)(
    lambda c, text, options: _with_options(c, text, options)
)


def _with_options(c: Any, text: str, options: Any) -> list[Any]:
    for k in options:
        if k not in ("CurrentTime", "DNSName", "KeyUsages", "MaxConstraintComparisons"):
            raise BuiltinError(f"invalid key option: {k}")
    certs = _certificates(text)
    now = options.get("CurrentTime", c.e.now_ns)
    chain = _chain(certs, int(now) // 10**9) if len(certs) >= 2 else None
    if chain and "DNSName" in options and options["DNSName"] not in (_alternative_names(chain[0])["DNSNames"] or []):
        chain = None
    return [True, [_shown(x) for x in chain]] if chain else [False, []]


@builtin("crypto.x509.parse_certificate_request", "string", result="object")
def parse_request(text: str) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    label, der = _blocks(text)[0]
    if label not in ("", "CERTIFICATE REQUEST"):
        raise BuiltinError("invalid PEM-encoded certificate signing request")
    try:
        r = x509.load_der_x509_csr(der)
    except ValueError as e:
        raise BuiltinError(f"x509: malformed certificate request: {e}") from None
    algorithm, key = _public_key(r.public_key())
    names = _alternative_names(r)
    return {
        "Raw": _b64(der),
        "RawTBSCertificateRequest": _b64(r.tbs_certrequest_bytes),
        "RawSubjectPublicKeyInfo": _b64(r.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        "RawSubject": _b64(r.subject.public_bytes()),
        "Version": 0,
        "Signature": _b64(r.signature),
        "SignatureAlgorithm": _SIGNATURES.get(r.signature_algorithm_oid._name, 0),
        "PublicKeyAlgorithm": algorithm,
        "PublicKey": key,
        "Subject": _name(r.subject),
        "Attributes": None,
        "Extensions": None,
        "ExtraExtensions": None,
        **{k: names[k] for k in ("DNSNames", "EmailAddresses", "IPAddresses", "URIs")},
    }


# -- private keys
def _private_jwk(der: bytes, label: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(der, None)
    except (ValueError, TypeError) as e:
        raise BuiltinError(f"failed to parse private key: {e}") from None

    def text(n: int, size: int | None = None) -> str:
        return padded_text(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))

    if isinstance(key, rsa.RSAPrivateKey):
        p = key.private_numbers()
        fields = {"n": p.public_numbers.n, "e": p.public_numbers.e, "d": p.d, "p": p.p, "q": p.q}
        fields |= {"dp": p.dmp1, "dq": p.dmq1, "qi": p.iqmp}
        return {"kty": "RSA", **{k: text(v) for k, v in fields.items()}}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        secret = key.private_numbers()
        size = (key.curve.key_size + 7) // 8
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}.get(key.curve.key_size, key.curve.name)
        numbers = {"x": secret.public_numbers.x, "y": secret.public_numbers.y, "d": secret.private_value}
        return {"kty": "EC", "crv": curve, **{k: text(v, size) for k, v in numbers.items()}}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        public = padded_text(key.public_key().public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "d": padded_text(key.private_bytes_raw()), "x": public}
    raise BuiltinError("unsupported private key")


@builtin("crypto.x509.parse_rsa_private_key", "string", result="object")
def parse_rsa_private_key(text: str) -> dict[str, Any]:
    label, der = _blocks(text)[0]
    return _private_jwk(der, label)


@builtin("crypto.x509.parse_keypair", "string", "string", result="object")
def parse_keypair(cert: str, key: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding

    certs = _certificates(cert)
    label, der = _blocks(key)[0]
    _private_jwk(der, label)
    return {"Certificate": [_b64(c.public_bytes(Encoding.DER)) for c in certs], "PrivateKey": None, "Leaf": None}


@builtin("crypto.parse_private_keys", "string", result="array")
def parse_private_keys(text: str) -> Any:
    if not text:
        return None
    return [_private_jwk(der, label) for label, der in _blocks(text) if label.endswith("PRIVATE KEY")]
