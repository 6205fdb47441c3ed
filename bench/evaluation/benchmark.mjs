/** Helpers shared by the detector benchmarks: a run's metrics from the command line, and its cost on a board. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const program = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));

/** The output of `phinets WORDS --json`. Its progress goes to stderr. */
export function phinets(...words) {
  const options = { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 };
  return JSON.parse(execFileSync(process.execPath, [program, ...words, "--json"], options));
}

/** Reads MODEL, --on, --data and --target from the command line; exits with 2 if MODEL or the data is missing. */
export function readArguments(bench, dataName) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      on: { type: "string", default: "int8" },
      data: { type: "string", default: join(process.env.PHINETS_SHARED ?? ".", "data", dataName) },
      target: { type: "string", default: "stm32h743" },
    },
  });
  if (positionals.length === 0) {
    console.error(
      `usage: npm run bench:${bench} -- MODEL... [--on float|int8|firmware] [--data ${dataName}] [--target stm32h743]; MODEL is a run folder`,
    );
    process.exit(2);
  }
  if (!existsSync(values.data)) {
    console.error(`${values.data}: is not there; name the folder of ${dataName} with --data, or set PHINETS_SHARED`);
    process.exit(2);
  }
  return { ...values, models: positionals };
}

/** Calls `use` with a temporary folder that contains the run's boxes as `coco.json` and `voc/`. */
export function withBoxes({ model, data, on, more = [] }, use) {
  const project = mkdtempSync(join(tmpdir(), "phinets-benchmark-"));
  try {
    const options = ["--data", data, "--on", on, "--project", project, "--save", "coco,voc", ...more];
    return use(phinets("val", "--model", model, ...options).saved);
  } finally {
    rmSync(project, { recursive: true });
  }
}

/** MACs and parameters of the network, its RAM (everything except its input), flash and time on the board. */
export function costsOf(model, targetName) {
  const { parameters, macs, target } = phinets("inspect", model, "--target", targetName);
  const { ramBytes, flashBytes, latencyMs } = target;
  return { parameters, macs, ramBytes, flashBytes, latencyMs };
}

export const costColumns = ["M MACs", "parameters", "RAM, KiB", "flash, KiB", "ms"];

/** Cells of `costColumns`. */
export function costCells({ parameters, macs, ramBytes, flashBytes, latencyMs }) {
  const kib = (bytes) => (bytes / 1024).toFixed(1);
  const [least, most] = latencyMs.map(Math.round);
  return [(macs / 1e6).toFixed(1), parameters, kib(ramBytes), kib(flashBytes), `${least} to ${most}`];
}
