// Decides calls with npm's @open-policy-agent/opa-wasm.
// Takes: MODULE ENTRYPOINT, and inputs as a JSON array on standard input. Gives: a JSON array of decision documents.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.SEALGATE_NODE_ROOT + "/");
const { loadPolicy } = require("@open-policy-agent/opa-wasm");

const [module, entrypoint] = process.argv.slice(2);
const policy = await loadPolicy(readFileSync(module));
const inputs = JSON.parse(readFileSync(0, "utf8"));
const results = inputs.map((input) => policy.evaluate(input, entrypoint).map((row) => row.result)[0] ?? null);
process.stdout.write(JSON.stringify(results));
