/**
 * Compares one picture's inference on the same files: ours (float and int8, WebAssembly), onnxruntime-node,
 * onnxruntime-web and TensorFlow Lite's WebAssembly, on 1 and 2 threads where an engine supports it, in Node and in
 * Chromium. All engines alternate in one process, so that a busy machine disadvantages none; the minimum time counts,
 * in milliseconds. Each of our int8 outputs is compared with the integer interpreter's. Engines that are not installed
 * are skipped, with a line on stderr. Needs `npm run build`.
 *
 *   node bench/inference/engines.mjs [--rounds 60] [--model MODEL]... [--threads 1,2] [--node PATH]... [--no-chromium] [--json]
 *
 * MODEL: a run folder, mobilenetv2-0.35-96 or efficientnet-b0-96 (untrained); default: both person detectors and these
 * two.
 * PATH: another node binary to measure in addition.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openChromium } from "./engines/chromium.mjs";
import { prepareModel, untrained } from "./engines/models.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const inNode = fileURLToPath(new URL("engines/in-node.mjs", import.meta.url));
const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string", default: "60" },
    model: {
      type: "string",
      multiple: true,
      default: ["models/person-128", "models/person-192", ...Object.keys(untrained)],
    },
    threads: { type: "string", default: "1,2" },
    node: { type: "string", multiple: true, default: [] },
    chromium: { type: "boolean", default: true },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const threadCounts = values.threads.split(",").map(Number);
for (const path of values.node) if (!existsSync(path)) stop(`--node ${path}: there is no such file`);

function stop(message) {
  console.error(`engines: ${message}`);
  process.exit(2);
}

function measureInNode(node, folder, threads) {
  const { status, stdout, stderr } = spawnSync(node, [inNode, folder, String(threads), String(rounds)], {
    encoding: "utf8",
  });
  const line = stdout.trim().split("\n").at(-1);
  if (status !== 0 || line === "") stop(`${node} ended with ${status}:\n${stderr}`);
  for (const left of stderr.split("\n")) if (left.startsWith("left out")) said.add(left);
  return JSON.parse(line);
}

const said = new Set();
const temporary = mkdtempSync(join(tmpdir(), "phinets-engines-"));
const chromium = values.chromium ? await openChromium() : undefined;
const results = [];
try {
  for (const model of values.model) {
    const folder = await prepareModel(model in untrained ? model : resolve(root, model), temporary);
    for (const threads of threadCounts) {
      for (const node of [process.execPath, ...values.node])
        results.push({ model: basename(model), ...measureInNode(node, folder, threads) });
      if (chromium !== undefined)
        results.push({ model: basename(model), ...(await chromium.measure(folder, threads, rounds)) });
    }
  }
} finally {
  await chromium?.close();
  rmSync(temporary, { recursive: true });
}
for (const line of said) console.error(line);
if (values.json) for (const result of results) console.log(JSON.stringify(result));
else printTable();

function printTable() {
  const columns = [...new Set(results.map(columnOf))];
  const rows = [["model", "engine", ...columns]];
  for (const model of new Set(results.map((result) => result.model))) {
    const own = results.filter((result) => result.model === model);
    for (const engine of new Set(own.flatMap(({ ms }) => Object.keys(ms)))) {
      const cells = columns.map((column) => own.find((result) => columnOf(result) === column)?.ms[engine]);
      rows.push([model, engine, ...cells.map((ms) => (ms === undefined ? "" : ms.toFixed(2)))]);
    }
    rows.push([model, "int8 / own float", ...columns.map((column) => ratio(own, column, ["phinets float"]))]);
    rows.push([model, "int8 / best other int8", ...columns.map((column) => ratio(own, column))]);
    const loads = columns.map(
      (column) => own.find((result) => columnOf(result) === column)?.int8.loadMs.toFixed(0) ?? "",
    );
    rows.push([model, "int8 load", ...loads]);
    const compared = own.filter(({ int8 }) => int8.differing !== undefined);
    const differing = compared.reduce((sum, { int8 }) => sum + int8.differing, 0);
    console.log(`${model}: ${differing} of ${compared[0].int8.outputs} int8 outputs differ from the interpreter's`);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  console.log("milliseconds, least of", rounds);
  for (const row of rows)
    console.log(row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
}

function columnOf({ runtime, threads }) {
  return `${runtime} x${threads}`;
}

/** Our time relative to the others' minimum, in the same run. */
function ratio(own, column, others) {
  const { ms } = own.find((result) => columnOf(result) === column) ?? { ms: {} };
  const names = others ?? Object.keys(ms).filter((name) => name.endsWith("int8") && !name.startsWith("phinets"));
  const best = Math.min(...names.map((name) => ms[name] ?? Number.NaN));
  return ms["phinets int8"] === undefined || !Number.isFinite(best) ? "" : (ms["phinets int8"] / best).toFixed(2);
}
process.exit(0);
