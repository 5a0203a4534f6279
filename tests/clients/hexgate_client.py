"""Verifies a bundle folder and decides calls with PyPI's hexgate.

Takes: FOLDER PUBLIC_KEY_FILE, and calls (role, tool, args) as a JSON array on standard input. Gives: a JSON array of
{allow, requires_approval, violations}.
"""

import json
import sys

from hexgate.security.bundle import PolicyBundle
from hexgate.security.signing import decode_key

folder, key = sys.argv[1:]
bundle = PolicyBundle.from_disk(folder)
with open(key, encoding="ascii") as file:
    bundle.verify_signature(decode_key(file.read().strip()))
bundle.verify_integrity()
policy = bundle.policy()
verdicts = [policy.evaluate(call) for call in json.load(sys.stdin)]
json.dump(
    [
        {"allow": v.allow, "requires_approval": v.requires_approval, "violations": v.violations}
        for v in verdicts
    ],
    sys.stdout,
)
