"""Writes cases.json: policies and calls on which both engines of the ancestor agree.

Needs hexgate==0.2.6 (Python >= 3.13) and `opa` on PATH:  python generate.py > cases.json
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from hexgate.security.policy_set import load_policy_set_from_dict
from hexgate.security.rego import compile_to_rego

VALUES = [0, 1, 1.0, 5, 100, 100.5, -1, "a", "USD", "", "é", True, False, None, [1, 2], ["a"], {"k": 1}, [], {}]
LISTS = ["[1, 2]", '["a","USD"]', '[1.0,"a"]', "[]", "[null, 5]"]
PATHS = ["args.x", "args.y", "args.z.k", "args", "args.missing"]

random.seed(20261122)


def constraint():
    op = random.choice(["==", "!=", "<", "<=", ">", ">=", "in"])
    right = random.choice(LISTS if op == "in" else LISTS + [json.dumps(value) for value in VALUES])
    return f"{random.choice(PATHS)} {op} {right}"


def tool():
    entry = {"mode": random.choice(["allow", "allow", "approval_required", "deny"])}
    if random.random() < 0.8:
        entry["constraints"] = [constraint() for _ in range(random.randint(0, 2))]
    return entry


def role(parents):
    entry = {"tools": {name: tool() for name in "tuv" if random.random() < 0.7}}
    if parents and random.random() < 0.6:
        entry["inherits"] = random.sample(parents, random.randint(1, len(parents)))
    if random.random() < 0.4:
        entry["default_policy"] = tool()
    return entry


def policy():
    if random.random() < 0.25:
        return {"version": 1, **role([])}
    roles = {
        "base": {**role([]), "is_mixin": True},
        "mid": {**role(["base"]), "is_mixin": random.random() < 0.5},
    }
    for name in ["default", "a", "b"]:
        roles[name] = role(["base", "mid"])
    return {"version": 1, "roles": roles}


def call():
    args = {key: random.choice(VALUES) for key in "xy" if random.random() < 0.9}
    if random.random() < 0.5:
        args["z"] = {"k": random.choice(VALUES)}
    return {"role": random.choice(["default", "a", "b", "mid", "x"]), "tool": random.choice("tuvw"), "args": args}


def outcome(decision):
    return "allow" if decision["allow"] else "needs_approval" if decision["requires_approval"] else "deny"


def main():
    folder = Path(tempfile.mkdtemp())
    policies, calls = [], []
    for index in range(60):
        document = policy()
        engine = load_policy_set_from_dict(document)
        (folder / f"p{index}.rego").write_text(compile_to_rego(document, package=f"ancestor.p{index}"))
        policies.append(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        for _ in range(30):
            input = call()
            verdict = engine.evaluate(role=input["role"], tool=input["tool"], args=input["args"])
            calls.append({"policy": index, "input": input, "outcome": verdict.outcome.value})
    inputs = folder / "input.json"
    inputs.write_text(json.dumps({"calls": [{**each["input"], "policy": f"p{each['policy']}"} for each in calls]}))
    query = "{i: d | some i, c in input.calls; d := data.ancestor[c.policy].decision with input as c}"
    modules = [argument for index in range(60) for argument in ("-d", str(folder / f"p{index}.rego"))]
    command = ["opa", "eval", *modules, "-i", str(inputs), "-f", "values", query]
    decided = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)[0]
    agreed = [each for index, each in enumerate(calls) if outcome(decided[str(index)]) == each["outcome"]]
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in agreed)
    texts = ",\n".join(json.dumps(text, ensure_ascii=False) for text in policies)
    sys.stdout.write(f'{{"policies": [\n{texts}\n], "calls": [\n{lines}\n]}}\n')


main()
