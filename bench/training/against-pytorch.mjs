/**
 * step.mjs and pytorch.py in turns on the same machine, so that whatever else it does hits both alike. Medians of the
 * rounds' medians, and their ratio. PyTorch is optional: without it only our own figures are printed.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const threads = process.argv[2] ?? "2";
const rounds = Number(process.argv[3] ?? 3);
const python = "/usr/bin/python3"; // Debian's, which python3-torch belongs to

const runners = {
  ours: () => execFileSync(process.execPath, [`${here}/step.mjs`, threads, "40"], { encoding: "utf8" }),
  channels_last: () =>
    execFileSync(python, [`${here}/pytorch.py`, threads, "40", "channels_last"], { encoding: "utf8" }),
  contiguous: () => execFileSync(python, [`${here}/pytorch.py`, threads, "40", "contiguous"], { encoding: "utf8" }),
};
try {
  execFileSync(python, ["-c", "import torch"], { stdio: "ignore" });
} catch {
  console.error("PyTorch is not installed (apt-get install python3-torch): only our own figures follow");
  delete runners.channels_last;
  delete runners.contiguous;
}
const results = Object.fromEntries(Object.keys(runners).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(runners)) results[name].push(JSON.parse(run()));
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const rows = Object.entries(results).map(([name, runs]) => ({
  name,
  forwardMs: median(runs.map((run) => run.forward.medianMs)),
  stepMs: median(runs.map((run) => run.step.medianMs)),
  bestStepMs: Math.min(...runs.map((run) => run.step.minimumMs)),
  imagesPerSecond: median(runs.map((run) => run.imagesPerSecond.median)),
  peakMb: median(runs.map((run) => run.peakMb)),
}));
for (const row of rows) {
  const figures = Object.entries(row).map(([name, value]) => [
    name,
    typeof value === "number" ? Number(value.toFixed(1)) : value,
  ]);
  const ratio = { timesOurs: Number((row.stepMs / rows[0].stepMs).toFixed(2)) };
  console.log(JSON.stringify({ ...Object.fromEntries(figures), ...ratio }));
}
