"""Decides calls with PyPI's opa-wasmtime.

Takes: MODULE ENTRYPOINT, and inputs as a JSON array on standard input. Gives: a JSON array of decision documents.
"""

import json
import sys

from opa_wasmtime import OPAPolicy

module, entrypoint = sys.argv[1:]
policy = OPAPolicy(module)
rows = [policy.evaluate(case, entrypoint) for case in json.load(sys.stdin)]
json.dump([row[0]["result"] if row else None for row in rows], sys.stdout)
