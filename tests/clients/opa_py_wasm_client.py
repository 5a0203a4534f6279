"""Decides calls with PyPI's opa-py-wasm.

Takes: MODULE ENTRYPOINT, and inputs as a JSON array on standard input. Gives: a JSON array of decision documents.
"""

import json
import sys

from opapywasm import OpaWasmPolicy

module, entrypoint = sys.argv[1:]
with OpaWasmPolicy.from_wasm_file(module) as policy:
    rows = [policy.evaluate_raw(case, entrypoint) for case in json.load(sys.stdin)]
json.dump([row[0]["result"] if row else None for row in rows], sys.stdout)
