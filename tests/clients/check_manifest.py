"""Checks a bundle folder's manifest and signature with nothing of Sealgate's: hashlib and cryptography alone.

Takes: FOLDER PUBLIC_KEY_FILE. Ends with 0 where the signature and every digest hold, else says what does not.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

folder, key = map(pathlib.Path, sys.argv[1:])
text = key.read_text("ascii").strip()
public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
(path,) = folder.glob("*.bundle.json")
stem = path.name.removesuffix(".bundle.json")
raw = path.read_bytes()
try:
    public.verify((folder / f"{stem}.bundle.json.sig").read_bytes(), raw)
except InvalidSignature:
    sys.exit("the signature does not hold")
manifest = json.loads(raw)
if raw != (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode():
    sys.exit("the manifest is not in canonical form")
for name, entry in {
    manifest["source"]: "source_hash",
    f"{stem}.rego": "rego_hash",
    f"{stem}.wasm": "wasm_hash",
}.items():
    if hashlib.sha256((folder / name).read_bytes()).hexdigest() != manifest[entry]:
        sys.exit(f"{name} does not match {entry}")
