"""Keys of signatures: from PEM texts, JSON Web Keys and key sets (RFC 7517), and signing and verifying by JWA names
(RFC 7518).

Used by the JWT and X.509 builtins. The library `cryptography` is imported when the first key is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import loads

HASHES = {"256": "sha256", "384": "sha384", "512": "sha512"}
CURVES = {"P-256": 32, "P-384": 48, "P-521": 66}
ALGORITHMS = frozenset([*(a + n for a in ("HS", "RS", "PS", "ES") for n in HASHES), "EdDSA"])


def unpadded(text: str) -> bytes:
    """base64url without padding."""
    bad = re.search("[^A-Za-z0-9_-]", text)
    if bad or len(text) % 4 == 1:
        raise BuiltinError(f"illegal base64 data at input byte {bad.start() if bad else len(text) - 1}")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")


def padded_text(raw: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _number(key: Any, name: str) -> int:
    value = key.get(name)
    if not isinstance(value, str):
        raise BuiltinError(f"failed to parse key: missing {name}")
    return int.from_bytes(unpadded(value), "big")


def public_keys(text: str) -> list[Any]:
    """The keys in a PEM certificate, a PEM public key, a JWK or a JWK set. Raises BuiltinError."""
    if "-----BEGIN" in text:
        return [_public_pem(text)]
    try:
        document = loads(text)
    except ValueError:
        raise BuiltinError("failed to parse a JWK key (set)") from None
    if not isinstance(document, dict):
        raise BuiltinError("failed to parse a JWK key (set)")
    keys = document.get("keys", [document])
    return [k for k in map(from_jwk, keys) if k is not None]


def _public_pem(text: str) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    raw = text.encode()
    if "-----BEGIN CERTIFICATE-----" in text:
        try:
            return x509.load_pem_x509_certificate(raw).public_key()
        except ValueError:
            raise BuiltinError("failed to parse a PEM certificate") from None
    if "-----BEGIN PUBLIC KEY-----" in text:
        try:
            return load_pem_public_key(raw)
        except ValueError:
            raise BuiltinError("failed to parse a PEM public key") from None
    raise BuiltinError("failed to extract a Key from the PEM certificate")


def from_jwk(key: Any, private: bool = False) -> Any:
    """The key of a JWK: a key object of `cryptography`, or bytes for a shared secret."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    kty = key.get("kty")
    if kty == "oct":
        return unpadded(str(key.get("k", "")))
    try:
        if kty == "RSA":
            public = rsa.RSAPublicNumbers(_number(key, "e"), _number(key, "n"))
            if not private:
                return public.public_key()
            d, p, q = _number(key, "d"), _number(key, "p"), _number(key, "q")
            parts = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
            return rsa.RSAPrivateNumbers(p, q, d, *parts, public).private_key(unsafe_skip_rsa_key_validation=True)
        if kty == "EC":
            curves: dict[str, Any] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
            curve = curves[str(key.get("crv"))]()
            point = ec.EllipticCurvePublicNumbers(_number(key, "x"), _number(key, "y"), curve)
            if not private:
                return point.public_key()
            return ec.EllipticCurvePrivateNumbers(_number(key, "d"), point).private_key()
        if kty == "OKP":
            if private:
                return ed25519.Ed25519PrivateKey.from_private_bytes(unpadded(str(key.get("d", ""))))
            return ed25519.Ed25519PublicKey.from_public_bytes(unpadded(str(key.get("x", ""))))
    except (ValueError, KeyError) as e:
        raise BuiltinError(f"failed to parse key: {e}") from None
    raise BuiltinError("failed to parse key: unsupported kty")


def _hash(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[str, Any] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
    return kinds[algorithm[2:]]()


def verified(algorithm: str, key: Any, message: bytes, signature: bytes) -> bool:
    """Is this the signature of the message under the key? A key of another family says no."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    family = algorithm[:2]
    if family == "HS":
        if not isinstance(key, bytes):
            return False
        return hmac.compare_digest(hmac.new(key, message, getattr(hashlib, HASHES[algorithm[2:]])).digest(), signature)
    try:
        if family == "RS" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), _hash(algorithm))
        elif family == "PS" and isinstance(key, rsa.RSAPublicKey):
            key.verify(
                signature, message, padding.PSS(padding.MGF1(_hash(algorithm)), padding.PSS.AUTO), _hash(algorithm)
            )
        elif family == "ES" and isinstance(key, ec.EllipticCurvePublicKey):
            half = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * half:
                return False
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(_hash(algorithm)))
        elif algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def signed(algorithm: str, jwk: Any, message: bytes) -> bytes:
    """The signature of a message under a private JWK. ES signatures are deterministic (RFC 6979); PS ones have a
    random salt.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    key = from_jwk(jwk, private=True)
    family = algorithm[:2]
    if family == "HS" and isinstance(key, bytes):
        return hmac.new(key, message, getattr(hashlib, HASHES[algorithm[2:]])).digest()
    if family == "RS" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), _hash(algorithm))
    if family == "PS" and isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(_hash(algorithm)), padding.PSS.DIGEST_LENGTH)
        return key.sign(message, pss, _hash(algorithm))
    if family == "ES" and isinstance(key, ec.EllipticCurvePrivateKey):
        der = key.sign(message, ec.ECDSA(_hash(algorithm), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        half = (key.curve.key_size + 7) // 8
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")
    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    raise BuiltinError("failed to sign: the key does not fit the algorithm")
