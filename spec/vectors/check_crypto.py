#!/usr/bin/env python3
"""A second implementation of seal, content, derivations and recovery texts, held against vectors/crypto.

Written from spec/file-format.md and spec/keys.md. HKDF and recovery texts need only the standard library; AES-GCM comes
from pyca's `cryptography`. From its version 50 on, its own Cobblestone-256 opens every sealed vector as well.
"""
import hashlib
import hmac
import json
import pathlib
import sys

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    AESGCM = Ed25519PublicKey = None
try:
    from cryptography.cobblestone import Cobblestone256Decryptor
except ImportError:
    Cobblestone256Decryptor = None

FOLDER = pathlib.Path(__file__).parent / "crypto"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Refused(Exception):
    """A refusal, by its error code."""


def expand(digest, key, info, length):
    block, output, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.new(key, block + info + bytes([counter]), digest).digest()
        output, counter = output + block, counter + 1
    return output[:length]


def derive(key, label, ids=b""):
    return expand("sha512", key, b"strongroom/derive/" + label.encode() + b"\x00\x01" + ids, 32)


def extract(value, label, ids=b""):
    return hmac.new(b"strongroom/" + label.encode() + ids, value, "sha512").digest()


def pattern(length):
    return bytes(i % 251 for i in range(length))


def open_sealed(key, context, sealed):
    if sealed[0] != 1:
        raise Refused("upgrade_required")
    body = sealed[57:]
    if len(body) < 16 or len(body) % 16400 < 16:
        raise Refused("malformed")
    prefix = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
    material = expand("sha512", key, prefix + sealed[1:25] + context, 76)
    if not hmac.compare_digest(material[44:], sealed[25:57]):
        raise Refused("decrypt_failed")
    aead, plaintext = AESGCM(material[:32]), b""
    for i in range(len(body) // 16400 + 1):
        nonce = (int.from_bytes(material[32:44], "big") ^ i).to_bytes(12, "big")
        try:
            plaintext += aead.decrypt(nonce, body[16400 * i : 16400 * (i + 1)], None)
        except InvalidTag:
            raise Refused("decrypt_failed") from None
    return plaintext


def check_seal(v):
    key, context, sealed = (bytes.fromhex(v[name]) for name in ("key", "context", "sealed"))
    ids = b"".join(bytes.fromhex(i) for i in v["ids"])
    assert context == b"strongroom/" + v["type"].encode() + b"\x00\x01" + ids
    plaintext = open_sealed(key, context, sealed)
    assert plaintext.hex() == v["plaintext"]
    if Cobblestone256Decryptor is not None:
        theirs = Cobblestone256Decryptor(key, context=context)
        assert theirs.update(sealed[1:]) + theirs.finalize() == plaintext


def check_content(v):
    dek, blob_id, random = (bytes.fromhex(v[name]) for name in ("dek", "blobId", "random"))
    aad = b"strongroom/content\x00\x01" + blob_id
    prefix = bytes.fromhex("00000004000000000020") + random[:32]
    header = prefix + expand("sha384", dek, prefix + b"HEADER_TAG:" + aad, 32)
    message_key = expand("sha384", dek, prefix + b"MESSAGE_KEY:" + aad, 48)
    aead = AESGCM(expand("sha384", message_key, prefix + b"DEK:" + bytes(8) + aad, 32))
    plaintext = pattern(v["size"]) + bytes(padded_size(v["size"]) - v["size"])
    count, blob = max(1, -(-len(plaintext) // 262112)), b""
    for i in range(count):
        chunk, iv = plaintext[262112 * i : 262112 * (i + 1)], random[32 + 12 * i : 44 + 12 * i]
        final = i == count - 1
        length = (len(chunk) + 32).to_bytes(4, "big") if final else b"\xff" * 4
        blob += length + iv + aead.encrypt(iv, chunk, i.to_bytes(8, "big") + bytes([final]))
    digest = hashlib.sha256(blob).digest()
    sizes = len(blob).to_bytes(8, "big") + (8 << 20).to_bytes(4, "big") + (1).to_bytes(4, "big")
    root = hashlib.sha256(b"strongroom/parts\x00\x01" + blob_id + sizes + digest)
    assert header.hex() == v["header"] and len(blob) == v["blobLength"] and blob[:48].hex() == v["blobStart"]
    assert digest.hex() == v["blobSha256"] and root.hexdigest() == v["partsRoot"]


def padded_size(size):
    if size == 0:
        return 0
    exponent = size.bit_length() - 1
    unit = 1 << max(0, exponent - exponent.bit_length())
    return max(512, -(-size // unit) * unit)


def check_layouts(v):
    for row in v["layouts"]:
        padded = padded_size(row["size"])
        segments = max(1, -(-padded // 262112))
        length = padded + 32 * segments
        part = next(p for p in (8 << 20 << k for k in range(4)) if -(-length // p) <= 10000)
        found = [padded, segments, length, part, -(-length // part)]
        assert found == [row[name] for name in ("paddedSize", "segmentCount", "blobLength", "partSize", "partCount")]


def check_vault_keys(v):
    key, ids = bytes.fromhex(v["vaultKey"]), bytes.fromhex(v["vaultId"]) + v["epoch"].to_bytes(4, "big")
    names = {"logKey": "log", "checkpointKey": "checkpoint", "dekKek": "dek", "commitment": "key-commitment"}
    for name, label in names.items():
        assert derive(key, label, ids).hex() == v[name]


def check_extract(v):
    uniform = extract(bytes.fromhex(v["input"]), v["label"], bytes.fromhex(v["accountId"]))
    assert uniform.hex() == v["output"] and derive(uniform, "kek").hex() == v["kek"]


def check_branches(v):
    key = bytes.fromhex(v["key"])
    assert derive(extract(key, "recovery-kek"), "kek").hex() == v["kek"]
    assert derive(extract(key, "recovery-auth"), "auth").hex() == v["auth"]


def check_pbkdf2(v):
    server = hashlib.sha256(bytes.fromhex(v["opaquePublicKey"])).digest()
    salt = hashlib.sha256(b"strongroom/pbkdf2\x00\x01" + server + v["login"].encode()).digest()
    assert hashlib.pbkdf2_hmac("sha256", v["password"].encode(), salt, 600_000, 32).hex() == v["output"]


def times(a, b):
    product = 0
    for bit in range(5):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(9, 4, -1):
        if product >> bit & 1:
            product ^= 0b100101 << (bit - 5)
    return product


def check_recovery(v):
    typed = v["typed"].upper().translate(str.maketrans("OIL", "011", " -"))
    symbols = [ALPHABET.index(c) for c in typed]
    if len(symbols) != 32:
        raise Refused("recovery_key_invalid")
    for position, mask in enumerate((25, 26, 24, 0, 21, 16), 26):
        symbols[position] ^= mask
    powers = [1] * 32
    for _ in range(6):
        total = 0
        for symbol, power in zip(symbols, powers):
            total ^= times(symbol, power)
        if total:
            raise Refused("recovery_key_invalid")
        powers = [times(power, i) for i, power in enumerate(powers)]
    value = 0
    for symbol in symbols[:26]:
        value = value << 5 | symbol
    assert value.to_bytes(16, "big").hex() == v["key"]


def check_derive(v):
    assert derive(bytes.fromhex(v["key"]), v["label"], bytes.fromhex(v["ids"])).hex() == v["output"]


CHECKS = {
    "derive": check_derive,
    "extract": check_extract,
    "vault-keys": check_vault_keys,
    "recovery-branches": check_branches,
    "recovery-key": check_recovery,
    "pbkdf2-password": check_pbkdf2,
    "layouts": check_layouts,
    **({"seal": check_seal, "content": check_content} if AESGCM else {}),
}


def check_audit():
    vectors = json.loads((FOLDER.parent / "audit.json").read_text())
    before = bytes(32)
    for entry in vectors["entries"]:
        message = b"strongroom/audit\x00\x01" + bytes.fromhex(vectors["account"])
        message += entry["seq"].to_bytes(8, "big") + entry["time"].to_bytes(8, "big", signed=True)
        message += entry["count"].to_bytes(4, "big")
        message += b"".join(bytes.fromhex(entry[name] or "00" * 16) for name in ("session", "device"))
        before = hashlib.sha256(message + before + entry["event"].encode()).digest()
        assert before.hex() == entry["hash"], f"audit entry {entry['seq']}"


def check_receipts():
    vectors = json.loads((FOLDER.parent / "receipts.json").read_text())
    for v in vectors["receipts"]:
        body = b"SRR1\x01" + bytes([{"shared": 1, "per-user": 2}[v["scope"]], 0, 0]) + bytes.fromhex(v["accountId"])
        body += b"".join((v[name] or 0).to_bytes(8, "big") for name in ("deletedMs", "noiseFromMs", "kmsKeySinceMs"))
        body += bytes.fromhex(v["kmsKeyHash"])
        body += b"".join(v[name].to_bytes(4, "big") for name in ("outerKeys", "sessions", "vaults"))
        body += b"".join(v[name].to_bytes(8, "big") for name in ("commits", "blobs", "bytes", "issuedMs"))
        receipt = bytes.fromhex(v["receipt"])
        assert receipt[:-64] == body, "a receipt's body"
        if Ed25519PublicKey:
            digest = hashlib.sha256(b"strongroom/receipt\x00\x01" + body).digest()
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vectors["publicKey"]))
            key.verify(receipt[-64:], b"strongroom/receipt-signature\x00\x01" + digest)


def main():
    check_audit()
    check_receipts()
    checked, skipped, failed = 0, 0, []
    for name in json.loads((FOLDER / "index.json").read_text()):
        vector = json.loads((FOLDER / name).read_text())
        check = CHECKS.get(vector["kind"])
        if check is None:
            skipped += 1
            continue
        try:
            check(vector)
            outcome = "success"
        except Refused as refusal:
            outcome = str(refusal)
        except AssertionError:
            outcome = "a difference"
        checked += 1
        if outcome != vector["expect"]:
            failed.append(f"{name}: {outcome} instead of {vector['expect']}")
    peer = "with" if Cobblestone256Decryptor else "without"
    print(f"{checked} vectors checked ({peer} pyca's Cobblestone-256), {skipped} of other kinds")
    print("\n".join(failed), end="\n" if failed else "")
    return 1 if failed else 0


sys.exit(main())
