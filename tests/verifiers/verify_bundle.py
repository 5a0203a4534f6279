#!/usr/bin/env python3
"""A second verifier of Sealgate bundles, written from docs/bundle-format.md with the standard library and `cryptography`.

It takes a `.tar.gz` or a folder and gives the first refusal in the format's order, or nothing. It validates a module's
sections and declarations only; the code in it is the engine's to validate.

    verify_bundle.py BUNDLE --key FILE [--key FILE ...] [--revoked FILE ...] [--now SECONDS] [--name NAME]
                     [--minimum-serial N] [--builtin NAME ...]        exit code 0 or 3
    verify_bundle.py --samples FOLDER                                  the verdict on every sample, as JSON
"""

import argparse
import base64
import hashlib
import json
import os
import re
import stat
import struct
import sys
import time
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ARCHIVE_BYTES = 64 << 20
UNPACKED_BYTES = 256 << 20
FILE_BYTES = 128 << 20
ENTRIES = 4096
RATIO = 200
RATIO_FLOOR = 1 << 20
MANIFEST_BYTES = 4 << 20
MAX_DEPTH = 32
CANONICAL_DEPTH = 128
MODULE_BYTES = 128 << 20
MEMORY_PAGES = 1024
TABLE_ELEMENTS = 1 << 20

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19


class Refused(Exception):
    def __init__(self, code, detail=""):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


# --- archive ---------------------------------------------------------------------------------------------------------


def inflate(stream, cap):
    """One raw deflate stream at the start of `stream`: (plain bytes, bytes consumed)."""
    state = zlib.decompressobj(-15)
    try:
        plain = state.decompress(stream, cap + 1)
        if len(plain) > cap:
            raise Refused("archive_ratio" if cap < UNPACKED_BYTES else "archive_too_large")
        if not state.eof:
            plain += state.decompress(state.unconsumed_tail, 1)
    except zlib.error as error:
        raise Refused("archive_gzip", str(error)) from None
    if not state.eof:
        raise Refused("archive_gzip", "cut short")
    return plain, len(stream) - len(state.unused_data)


def stated_stream_crc(extra):
    """The four bytes of the first subfield `SG`, as a number."""
    while len(extra) >= 4:
        length = struct.unpack_from("<H", extra, 2)[0]
        field = extra[4 : 4 + length]
        if len(field) < length:
            return None
        if extra[:2] == b"SG":
            return struct.unpack("<I", field)[0] if length == 4 else None
        extra = extra[4 + length :]
    return None


def gunzip(data):
    if len(data) > ARCHIVE_BYTES:
        raise Refused("archive_too_large")
    if len(data) < 10 or data[:3] != b"\x1f\x8b\x08" or data[3] & 0xE0:
        raise Refused("archive_gzip", "header")
    flags, at, stream_crc = data[3], 10, None
    if flags & 4:
        if len(data) < at + 2:
            raise Refused("archive_gzip", "cut short")
        extra = data[at + 2 : at + 2 + struct.unpack_from("<H", data, at)[0]]
        at += 2 + struct.unpack_from("<H", data, at)[0]
        if at > len(data):
            raise Refused("archive_gzip", "cut short")
        stream_crc = stated_stream_crc(extra)
    for flag in (8, 16):
        if flags & flag:
            at = data.find(b"\0", at) + 1
            if at == 0:
                raise Refused("archive_gzip", "cut short")
    if flags & 2:
        if len(data) < at + 2:
            raise Refused("archive_gzip", "cut short")
        if struct.unpack_from("<H", data, at)[0] != zlib.crc32(data[:at]) & 0xFFFF:
            raise Refused("archive_gzip_checksum", "header")
        at += 2
    body = data[at:]
    cap = min(max(RATIO * len(data), RATIO_FLOOR), UNPACKED_BYTES)
    plain, consumed = inflate(body, cap)
    trailer = body[consumed:]
    if len(trailer) < 8:
        raise Refused("archive_gzip", "cut short")
    if len(trailer) > 8:
        raise Refused("archive_after_gzip")
    if struct.unpack("<II", trailer) != (zlib.crc32(plain), len(plain) & 0xFFFFFFFF):
        raise Refused("archive_gzip_checksum")
    if stream_crc is not None and stream_crc != zlib.crc32(body[:consumed]):
        raise Refused("archive_gzip_checksum", "stream")
    return plain


def is_path(name):
    if name == "" or any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c == "\\" for c in name):
        return False
    return all(part not in ("", ".", "..") for part in name.split("/"))


def normalise(name):
    for prefix in ("./", "/"):
        if name.startswith(prefix):
            name = name[len(prefix) :]
            break
    if not is_path(name):
        raise Refused("archive_path", repr(name))
    return name


class Files:
    """Files by name, in the order in which they were added, within the bounds."""

    def __init__(self):
        self.by_name, self.total = {}, 0

    def check(self, spelled, size):
        if len(self.by_name) >= ENTRIES:
            raise Refused("archive_too_many_files")
        name = normalise(spelled)
        self.total += size
        if size > FILE_BYTES or self.total > UNPACKED_BYTES:
            raise Refused("archive_too_large", name)
        if name in self.by_name:
            raise Refused("archive_duplicate", name)
        return name


def tar_text(field):
    text, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise Refused("archive_padding", "bytes after a name")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("archive_path", "not UTF-8") from None


def tar_number(field):
    match = re.fullmatch(rb"([0-7]+)[\0 ]*", field)
    if not match:
        raise Refused("archive_tar", "a number")
    return int(match[1], 8)


def untar(tar):
    files, at = Files(), 0
    while True:
        header = tar[at : at + 512]
        if len(header) < 512:
            raise Refused("archive_tar", "cut short")
        if not any(header):
            break
        stated = tar_number(header[148:156])
        if stated != sum(header) - sum(header[148:156]) + 8 * 32:
            raise Refused("archive_tar", "checksum")
        name = tar_text(header[0:100])
        magic, unused = header[257:265], header[345:]
        if magic == b"ustar\x0000":
            prefix, unused = tar_text(header[345:500]), header[500:]
            if prefix:
                name = f"{prefix}/{name}"
        elif magic != b"ustar  \0":
            raise Refused("archive_tar", "unknown kind of header")
        if header[156:157] not in (b"0", b"\0"):
            raise Refused("archive_not_regular", name)
        if any(header[157:257]) or any(unused):
            raise Refused("archive_padding", "bytes in what a file has not")
        size = tar_number(header[124:136])
        name = files.check(name, size)
        start, stop = at + 512, at + 512 + size
        at = (stop + 511) // 512 * 512
        if at > len(tar):
            raise Refused("archive_tar", "cut short")
        if any(tar[stop:at]):
            raise Refused("archive_padding", name)
        files.by_name[name] = tar[start:stop]
    if any(tar[at:]):
        raise Refused("archive_padding", "after the end")
    if len(tar) - at < 1024:
        raise Refused("archive_tar", "cut short")
    return files.by_name


def read_folder(root):
    files = Files()
    for folder, folders, names in os.walk(root):
        for name in sorted(folders + names):
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            relative = os.path.relpath(path, root).replace(os.sep, "/")
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise Refused("archive_not_regular", relative)
            with open(path, "rb") as file:
                data = file.read(FILE_BYTES + 1)
            files.by_name[files.check(relative, len(data))] = data
    return files.by_name


# --- JSON ------------------------------------------------------------------------------------------------------------


def depth_of(value):
    """Nesting without recursion: the value may be very deep."""
    deepest, todo = 0, [(value, 1)]
    while todo:
        value, depth = todo.pop()
        if isinstance(value, (dict, list)):
            deepest = max(deepest, depth)
            todo += [(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]
    return deepest


def strict_json(data):
    """One JSON value; ValueError for duplicate members, deep nesting, and what only some parsers allow."""

    def members(pairs):
        value = dict(pairs)
        if len(value) != len(pairs):
            raise ValueError("a member is named twice")
        return value

    def constant(name):
        raise ValueError(name)

    def integer(text):
        return float(text) if text.startswith("-") or len(text) > 20 else int(text)

    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=members, parse_constant=constant, parse_int=integer)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if depth_of(value) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return value


# --- Ed25519 ---------------------------------------------------------------------------------------------------------


def decode_key(text):
    text = text[:-1] if text.endswith("\n") else text
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        raise ValueError("a key is 43 base64url characters")
    raw = base64.urlsafe_b64decode(text + "=")
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise ValueError("a key has no free bits")
    return raw


def key_id(raw):
    return hashlib.sha256(raw).hexdigest()[:32]


# The y coordinates of the points of order 1, 2, 4 and 8.
SMALL_ORDER_Y = {
    0,
    1,
    FIELD - 1,
    2707385501144840649318225287225658788936804267575313519463743609750303021022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
}


def is_small_order(point):
    y = int.from_bytes(point, "little") & ((1 << 255) - 1)
    return y % FIELD in SMALL_ORDER_Y


def verifies(raw_key, message, signature):
    """Ed25519 by the strict rules: a reduced S, and no point of small order."""
    if int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
        return False
    if is_small_order(raw_key) or is_small_order(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw_key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# --- manifest --------------------------------------------------------------------------------------------------------

KINDS = {"wasm", "rego", "data", "source", "source_index", "opa_manifest", "other"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
HEX64 = re.compile(r"[0-9a-f]{64}")


def is_manifest(name):
    return "/" not in name and name.endswith(".bundle.json") and name != ".bundle.json"


def is_manifest_or_signature(name):
    return is_manifest(name) or (name.endswith(".sig") and is_manifest(name[:-4]))


def is_count(value):
    return type(value) is int and 0 <= value < 2**64


def is_entrypoint(text):
    return len(text.encode()) <= 512 and all(
        part and all(byte >= 0x21 and byte != 0x7F for byte in part.encode()) for part in text.split("/")
    )


def check_manifest(manifest):
    def need(condition, member):
        if not condition:
            raise Refused("manifest", member)

    need(isinstance(manifest, dict), "not an object")
    text = lambda member: isinstance(manifest.get(member), str)  # noqa: E731
    digest = lambda value: isinstance(value, str) and HEX64.fullmatch(value)  # noqa: E731
    for member in ("compiler", "kernel", "name", "schema", "source"):
        need(text(member), member)
    for member in ("builtins", "entrypoints"):
        need(isinstance(manifest.get(member), list) and all(isinstance(item, str) for item in manifest[member]), member)
    for member in ("revision", "source_hash", "wasm_hash"):
        need(digest(manifest.get(member)), member)
    need(manifest.get("rego_hash") is None or digest(manifest["rego_hash"]), "rego_hash")
    for member in ("serial", "version"):
        need(is_count(manifest.get(member)), member)
    for member in ("not_before", "expires"):
        need(manifest.get(member) is None or is_count(manifest[member]), member)
    need(isinstance(manifest.get("files"), list), "files")
    for file in manifest["files"]:
        need(isinstance(file, dict), "files")
        need(isinstance(file.get("kind"), str) and file["kind"] in KINDS and isinstance(file.get("name"), str), "files")
        need(digest(file.get("sha256")) and is_count(file.get("size")), "files")
        need(file.get("origin") is None or isinstance(file["origin"], str), "files")

    need(manifest["schema"] == "sealgate.bundle/1", "schema")
    need(manifest["version"] == 1, "version")
    need(NAME.fullmatch(manifest["name"]), "name")
    need(manifest["serial"] < 2**53, "serial")
    if manifest.get("not_before") is not None and manifest.get("expires") is not None:
        need(manifest["expires"] > manifest["not_before"], "expires")
    need(all(is_entrypoint(entrypoint) for entrypoint in manifest["entrypoints"]), "entrypoints")
    names = [file["name"] for file in manifest["files"]]
    need(all(is_path(name) and name != ".signatures.json" and not is_manifest_or_signature(name) for name in names), "files")
    need(len(set(names)) == len(names), "files")
    of_kind = {kind: [file for file in manifest["files"] if file["kind"] == kind] for kind in KINDS}
    need(len(of_kind["wasm"]) == 1, "one wasm")
    need(all(len(of_kind[kind]) <= 1 for kind in ("rego", "data", "source_index", "opa_manifest")), "one of a kind")
    need(of_kind["source_index"] or len(of_kind["source"]) == 1, "one source or an index")
    need(of_kind["wasm"][0]["sha256"] == manifest["wasm_hash"], "wasm_hash")
    need([file["sha256"] for file in of_kind["rego"]] == [h for h in [manifest.get("rego_hash")] if h], "rego_hash")
    need((of_kind["source_index"] or of_kind["source"])[0]["sha256"] == manifest["source_hash"], "source_hash")


def read_manifest(data):
    if len(data) > MANIFEST_BYTES:
        raise Refused("manifest", "too large")
    try:
        return strict_json(data)
    except ValueError as error:
        raise Refused("manifest", str(error)) from None


# --- .signatures.json ------------------------------------------------------------------------------------------------


def go_string(text):
    out = json.dumps(text, ensure_ascii=False)
    return out.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def canonical(data):
    """JSON without spaces, members sorted, numbers as they stand; at most CANONICAL_DEPTH levels of arrays and objects."""

    class Number(str):
        pass

    def constant(name):
        raise ValueError(name)

    def write(value):
        if isinstance(value, dict):
            ordered = sorted(value, key=lambda name: name.encode())
            return "{" + ",".join(f"{go_string(name)}:{write(value[name])}" for name in ordered) + "}"
        if isinstance(value, list):
            return "[" + ",".join(write(item) for item in value) + "]"
        if isinstance(value, Number):
            return str(value)
        return go_string(value) if isinstance(value, str) else json.dumps(value)

    value = json.loads(data.decode("utf-8"), parse_int=Number, parse_float=Number, parse_constant=constant)
    if depth_of(value) > CANONICAL_DEPTH:
        raise ValueError("nested too deeply")
    return write(value).encode("utf-8")


def token_verifies(key, alg, message, signature):
    """Whether a token's signature is `key`'s, which is for one algorithm, whatever the token states."""
    if alg != key.get("algorithm", "RS256"):
        return False
    public = serialization.load_pem_public_key(key["key"].encode())
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(alg[2:])
    try:
        if alg == "EdDSA" and isinstance(public, ed25519.Ed25519PublicKey):
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return len(signature) == 64 and verifies(raw, message, signature)
        curves = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}
        if alg in curves and isinstance(public, ec.EllipticCurvePublicKey):
            curve, size = curves[alg]
            if public.curve.name != curve or len(signature) != 2 * size:
                return False
            r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
            public.verify(encode_dss_signature(r, s), message, ec.ECDSA(digest))
            return True
        if alg[:2] in ("RS", "PS") and isinstance(public, rsa.RSAPublicKey):
            if len(signature) != (public.key_size + 7) // 8:
                return False
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            public.verify(signature, message, pss if alg[:2] == "PS" else padding.PKCS1v15(), digest)
            return True
    except InvalidSignature:
        pass
    return False


def check_opa_signatures(data, others, trusted, revoked, opa_keys, opa_revoked):
    def need(condition, detail):
        if not condition:
            raise Refused("opa_signatures", detail)

    def part(text):
        if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
            raise ValueError("base64url")
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
            raise ValueError("free bits of base64url")
        return data

    need(len(data) <= MANIFEST_BYTES, "too large")
    try:
        outer = strict_json(data)
        need(isinstance(outer, dict) and isinstance(outer.get("signatures"), list), "shape")
        need(outer.get("plugin") in (None, "", "_default"), "plugin")
        need(len(outer["signatures"]) == 1, "one token")
        parts = outer["signatures"][0].split(".")
        need(len(parts) == 3, "token")
        header, payload, signature = strict_json(part(parts[0])), strict_json(part(parts[1])), part(parts[2])
        need(isinstance(header, dict) and isinstance(header.get("alg"), str), "header")
        need("crit" not in header, "header")
        need(isinstance(payload, dict) and isinstance(payload.get("files"), list), "payload")
        for named in (header.get("kid"), payload.get("keyid")):
            need(named is None or isinstance(named, str), "key id")
        need(isinstance(payload.get("scope", ""), str), "scope")
        listed = {}
        for entry in payload["files"]:
            texts = (entry["name"], entry["hash"], entry.get("algorithm", ""))
            need(isinstance(entry, dict) and all(isinstance(text, str) for text in texts), "an entry")
            try:
                name = normalise(entry["name"])
            except Refused:
                raise Refused("opa_signatures", "a name") from None
            need(name not in listed, name)
            listed[name] = entry
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused("opa_signatures", str(error)) from None
    algorithms = {"SHA-256": hashlib.sha256, "SHA-384": hashlib.sha384, "SHA-512": hashlib.sha512}
    for name, content in sorted(others.items()):
        entry = listed.pop(name, None)
        need(entry is not None, f"`{name}` is not listed")
        need(entry.get("algorithm") in algorithms, "algorithm")
        if name.rsplit("/", 1)[-1] in ("data.json", ".manifest"):
            try:
                content = canonical(content)
            except (ValueError, RecursionError):
                raise Refused("opa_signatures", f"`{name}` is no JSON") from None
        need(algorithms[entry["algorithm"]](content).hexdigest() == entry.get("hash"), f"digest of `{name}`")
    need(not listed, "lists more")
    named = header.get("kid") or payload.get("keyid")
    signed = f"{parts[0]}.{parts[1]}".encode()
    need(named not in revoked and named not in opa_revoked, "revoked key")
    if named in opa_keys:
        need(token_verifies(opa_keys[named], header["alg"], signed, signature), "signature")
    elif named in trusted:
        need(header.get("alg") == "EdDSA" and len(signature) == 64, "algorithm")
        need(verifies(trusted[named], signed, signature), "signature")


# --- module ----------------------------------------------------------------------------------------------------------

# Ids of sections in the order in which they stand; custom sections stand anywhere.
ORDER = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11]
# What validators in general allow a function.
LOCALS = 50_000
VALUE_TYPES = {0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F}
ABI = {"opa_abort": (1, 0), "opa_println": (1, 0), **{f"opa_builtin{n}": (n + 2, 1) for n in range(5)}}


class Wasm:
    """A cursor over a module's declarations."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Refused("module", "cut short")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self, bits=32):
        """An unsigned LEB128 in no more bytes than `bits` take, unused bits zero."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= bits:
                raise Refused("module", "a number")
        if value >> bits:
            raise Refused("module", "a number")
        return value

    def text(self):
        try:
            return self.take(self.number()).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("module", "a name") from None

    def limits(self):
        """The smallest size; only plain 32-bit limits pass."""
        flags, minimum = self.byte(), self.number()
        if flags > 1:
            raise Refused("module", "shared or 64-bit limits")
        if flags & 1 and self.number() < minimum:
            raise Refused("module", "limits")
        return minimum


def constant(wasm):
    """Walks one constant expression of `i32.const`, `i32.add`, `i32.sub`, `i32.mul`, `global.get`; false for others."""
    while (code := wasm.byte()) != 0x0B:
        if code in (0x41, 0x23):
            while wasm.byte() >= 0x80:
                pass
        elif code not in (0x6A, 0x6B, 0x6C):
            return False
    return True


def check_module(data, builtins, supplied):
    def need(condition, detail):
        if not condition:
            raise Refused("module", detail)

    need(len(data) <= MODULE_BYTES, "too large")
    need(data[:8] == b"\0asm\x01\0\0\0", "no module")
    wasm, types, memories, elements, last = Wasm(data), [], [], 0, 0
    functions, bodies, imported = [], 0, 0
    start = segments = counted = None
    wasm.take(8)
    while wasm.at < len(data):
        section, size = wasm.byte(), wasm.number()
        end = wasm.at + size
        need(end <= len(data), "cut short")
        if section == 0:
            wasm.text()
            need(wasm.at <= end, "a custom section's name")
            wasm.at = end
            continue
        need(section in ORDER, "an unknown section")
        need(ORDER.index(section) >= last, "the order of sections")
        last = ORDER.index(section) + 1
        if section == 1:
            for _ in range(wasm.number()):
                need(wasm.byte() == 0x60, "a type")
                types.append((wasm.take(wasm.number()), wasm.take(wasm.number())))
                need(set(b"".join(types[-1])) <= VALUE_TYPES, "a value's type")
        elif section == 2:
            for _ in range(wasm.number()):
                module, name, kind = wasm.text(), wasm.text(), wasm.byte()
                need(module == "env", f"import of {module}.{name}")
                if kind == 2 and name == "memory":
                    memories.append(wasm.limits())
                else:
                    need(kind == 0 and name in ABI, f"import of {module}.{name}")
                    index = wasm.number()
                    need(index < len(types), "a type")
                    params, results = types[index]
                    need((len(params), len(results)) == ABI[name] and set(params + results) <= {0x7F}, f"type of {name}")
                    functions.append(index)
                    imported += 1
        elif section == 3:
            for _ in range(wasm.number()):
                functions.append(wasm.number())
                need(functions[-1] < len(types), "a type")
        elif section == 4:
            for _ in range(wasm.number()):
                need(wasm.byte() in (0x70, 0x6F), "a table")
                elements += wasm.limits()
        elif section == 5:
            for _ in range(wasm.number()):
                memories.append(wasm.limits())
        elif section == 7:
            names = set()
            for _ in range(wasm.number()):
                name, kind, index = wasm.text(), wasm.byte(), wasm.number()
                need(name not in names, "an export twice")
                names.add(name)
                need(kind != 0 or index < len(functions), "an export of nothing")
        elif section == 8:
            start = wasm.number()
            need(start < len(functions) and types[functions[start]] == (b"", b""), "start")
        elif section == 10:
            bodies = wasm.number()
            need(bodies == len(functions) - imported, "bodies")
            for _ in range(bodies):
                length = wasm.number()
                until = wasm.at + length
                need(until <= end, "a body")
                local = 0
                for _ in range(wasm.number()):
                    local += wasm.number()
                    wasm.byte()
                need(local <= LOCALS and wasm.at < until, "locals")
                wasm.at = until
        elif section == 11:
            segments = wasm.number()
            for _ in range(segments):
                flags = wasm.number()
                need(flags <= 2, "a data segment")
                need(flags != 2 or wasm.number() == 0, "data of another memory")
                if flags != 1:
                    # A constant expression of whatever kind ends where its instruction ends.
                    need(constant(wasm), "where data goes")
                wasm.take(wasm.number())
        elif section == 12:
            counted = wasm.number()
        else:
            wasm.at = end
        need(wasm.at == end, "a section's end")
    need(bodies == len(functions) - imported, "bodies")
    need(counted is None or counted == (segments or 0), "data segments")
    need(all(pages <= MEMORY_PAGES for pages in memories), "memory")
    need(elements <= TABLE_ELEMENTS, "tables")
    need(len(memories) == 1, "one memory")
    need(supplied is None or all(name in supplied for name in builtins), "builtins")


# --- verification ----------------------------------------------------------------------------------------------------


def verify(files, trusted, revoked, now, name, minimum_serial, builtins, opa_keys=None, opa_revoked=()):
    """`files` by name; `trusted` raw keys by id; `revoked` ids. Gives the manifest or raises Refused."""
    stems = sorted({n[:-4] if n.endswith(".sig") else n for n in files if is_manifest_or_signature(n)})
    if len(stems) > 1:
        raise Refused("several_manifests", ", ".join(stems))
    manifest_name = stems[0] if stems else None
    signature = files.get(f"{manifest_name}.sig")
    if signature is None:
        raise Refused("unsigned")
    if len(signature) != 64:
        raise Refused("signature_length", str(len(signature)))
    if manifest_name not in files:
        raise Refused("missing_manifest")
    manifest_bytes = files[manifest_name]
    manifest = read_manifest(manifest_bytes)
    if not isinstance(manifest, dict):
        raise Refused("manifest", "not an object")
    named = manifest.get("key_id")
    if named is not None and not (isinstance(named, str) and re.fullmatch(r"[0-9a-f]{32}", named)):
        raise Refused("manifest", "key_id")
    if named in revoked:
        raise Refused("revoked_key", named)
    if named not in trusted:
        raise Refused("unknown_key", str(named))
    if not verifies(trusted[named], manifest_bytes, signature):
        raise Refused("bad_signature", named)

    check_manifest(manifest)
    own = {manifest_name, f"{manifest_name}.sig", ".signatures.json"}
    content = {n: data for n, data in files.items() if n not in own}
    entries = sorted(manifest["files"], key=lambda file: file["name"].encode())
    for entry in entries:
        data = content.get(entry["name"])
        if data is None:
            raise Refused("missing_file", entry["name"])
        if len(data) != entry["size"]:
            raise Refused("size_mismatch", entry["name"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise Refused("digest_mismatch", entry["name"])
    unlisted = set(content) - {entry["name"] for entry in entries}
    if unlisted:
        raise Refused("unlisted_file", min(unlisted))
    if ".signatures.json" in files:
        others = {n: data for n, data in files.items() if n != ".signatures.json"}
        check_opa_signatures(files[".signatures.json"], others, trusted, revoked, opa_keys or {}, opa_revoked)

    if name is not None and manifest["name"] != name:
        raise Refused("wrong_name", manifest["name"])
    if manifest.get("not_before") is not None and now < manifest["not_before"]:
        raise Refused("not_yet_valid")
    if manifest.get("expires") is not None and now >= manifest["expires"]:
        raise Refused("expired")
    if minimum_serial is not None and manifest["serial"] < minimum_serial:
        raise Refused("rollback", str(manifest["serial"]))
    wasm = next(entry["name"] for entry in entries if entry["kind"] == "wasm")
    check_module(content[wasm], manifest["builtins"], builtins)
    return manifest


def read(path):
    if os.path.isdir(path):
        return read_folder(path)
    with open(path, "rb") as file:
        return untar(gunzip(file.read(ARCHIVE_BYTES + 1)))


def samples(folder):
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    options = expected["options"]
    trusted = {key_id(raw): raw for raw in map(decode_key, options["trusted"])}
    revoked = {key_id(decode_key(text)) for text in options["revoked"]}
    rest = (options["now"], options["name"], options["minimum_serial"], set(options["builtins"]))
    rest += (options["opa_keys"], set(options["opa_revoked"]))
    report = []
    for sample in expected["samples"]:
        try:
            verify(read(os.path.join(folder, sample["file"])), trusted, revoked, *rest)
            refusal = None
        except Refused as refused:
            refusal = refused.code
        report.append({"file": sample["file"], "refusal": refusal})
    json.dump(report, sys.stdout, indent=2)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--samples")
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--revoked", action="append", default=[])
    parser.add_argument("--now", type=int, default=None)
    parser.add_argument("--name")
    parser.add_argument("--minimum-serial", type=int)
    parser.add_argument("--builtin", action="append")
    args = parser.parse_args()
    if args.samples:
        return samples(args.samples)
    if not args.bundle:
        parser.error("a bundle, or --samples")

    def key_of(path):
        with open(path, encoding="ascii") as file:
            return decode_key(file.read())

    trusted = {key_id(raw): raw for raw in map(key_of, args.key)}
    revoked = {key_id(key_of(path)) for path in args.revoked}
    now = int(time.time()) if args.now is None else args.now
    builtins = None if args.builtin is None else set(args.builtin)
    try:
        manifest = verify(read(args.bundle), trusted, revoked, now, args.name, args.minimum_serial, builtins)
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 3
    print(f"{manifest['name']} serial {manifest['serial']} revision {manifest['revision']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
