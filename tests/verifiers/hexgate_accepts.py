#!/usr/bin/env python3
"""Loads a bundle folder with the bundle classes of an installed `hexgate` (0.2.6) and checks its signature and digests.

    hexgate_accepts.py FOLDER PUBLIC_KEY_FILE     exit code 0: accepted; 1: refused; 4: hexgate is not installed

Only `hexgate.security` is imported: the package's own start-up imports agent frameworks that a bundle does not need.
"""

import base64
import importlib
import importlib.util
import os
import sys
import types


def package(name, folder):
    module = types.ModuleType(name)
    module.__path__ = [folder]
    sys.modules[name] = module


def main():
    spec = importlib.util.find_spec("hexgate")
    if spec is None:
        return 4
    root = spec.submodule_search_locations[0]
    package("hexgate", root)
    package("hexgate.security", os.path.join(root, "security"))
    try:
        bundles = importlib.import_module("hexgate.security.bundle")
    except ImportError as error:
        print(error, file=sys.stderr)
        return 4
    with open(sys.argv[2], encoding="ascii") as file:
        key = base64.urlsafe_b64decode(file.read().strip() + "=")
    bundle = bundles.PolicyBundle.from_disk(sys.argv[1])
    bundle.verify_signature(key)
    bundle.verify_integrity()
    print(bundle.manifest["source"], bundle.wasm_hash)
    return 0


if __name__ == "__main__":
    sys.exit(main())
