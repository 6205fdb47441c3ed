/**
 * The same small training on 1 to 4 threads, on Node 20, 22 and 26, in headless Chromium, killed and resumed, with and
 * without validation and plots: the SHA-256 of each result must be equal. Two trainings: twenty steps of
 * examples/browser/training.js, which a page can run too, and `phinets train` on the conveyor set. Exit code 1 if a
 * digest differs or a row cannot be run.
 * Usage: npm run bench:bits [-- --kills 20] [--only steps,train,kills]. Needs `npm run build`.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CommandLine } from "./bits/command-line.mjs";
import { nodeBinary } from "./bits/node-binary.mjs";
import { trainInPage } from "./bits/page.mjs";

const { values } = parseArgs({
  options: { kills: { type: "string", default: "20" }, only: { type: "string", default: "steps,train,kills" } },
});
const wanted = values.only.split(",");
const majors = [20, 22, 26];
const threadCounts = [1, 2, 3, 4];
let failed = false;

function heading(title) {
  console.log(`\n${title}\n\n| where | SHA-256 | |\n| --- | --- | --- |`);
}

/** Prints a row; `expected` is the first row's digest. */
function row(where, digest, expected) {
  const equal = digest === expected;
  failed ||= !equal;
  console.log(`| ${where} | ${digest.slice(0, 16)} | ${equal ? "equal" : "DIFFERS"} |`);
}

function missing(where, error) {
  failed = true;
  console.log(`| ${where} | | not run: ${error.message.split("\n")[0]} |`);
}

if (wanted.includes("steps")) {
  heading("Twenty steps, averaged weights");
  const program = fileURLToPath(new URL("bits/steps.mjs", import.meta.url));
  let expected;
  for (const major of majors) {
    try {
      const node = nodeBinary(major);
      const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
      for (const threads of threadCounts) {
        const digest = execFileSync(node, [program, String(threads)], { encoding: "utf8" }).trim();
        expected ??= digest;
        row(`Node ${version}, ${threads} thread${threads > 1 ? "s" : ""}`, digest, expected);
      }
    } catch (error) {
      missing(`Node ${major}`, error);
    }
  }
  try {
    const { version, digests } = await trainInPage(threadCounts);
    for (const [i, digest] of digests.entries())
      row(`Chromium ${version}, ${threadCounts[i]} thread${i > 0 ? "s" : ""}`, digest, expected);
  } catch (error) {
    missing("Chromium", error);
  }
}

if (wanted.includes("train") || wanted.includes("kills")) {
  heading("`phinets train`, conveyor, 96 pictures, 16 epochs: weights/best.safetensors, and the last checkpoint");
  const commandLine = new CommandLine();
  try {
    await commandLine.prepare({ epochs: 16, pictures: 96 });
    const start = performance.now();
    const expected = await commandLine.run(["--workers", "2"]);
    const elapsedMs = performance.now() - start;
    const compare = (where, { weights, state }) => {
      row(where, weights, expected.weights);
      row(`${where}, checkpoint`, state, expected.state);
    };
    compare(`Node ${process.version}, 2 threads`, expected);
    if (wanted.includes("train")) {
      for (const threads of [1, 3, 4])
        compare(
          `Node ${process.version}, ${threads} thread${threads > 1 ? "s" : ""}`,
          await commandLine.run(["--workers", String(threads)]),
        );
      const unplotted = await commandLine.run(["--no-plots"]);
      row("--no-plots", unplotted.weights, expected.weights);
      row("--no-plots, checkpoint", unplotted.state, expected.state);
      // Validation selects the deployed epoch but does not affect training.
      for (const words of [["--no-val"], ["--val-every", "5"], ["--json-events"]])
        row(`${words.join(" ")}, checkpoint`, (await commandLine.run(words)).state, expected.state);
      for (const major of majors) {
        try {
          const node = nodeBinary(major);
          if (node === process.execPath) continue;
          const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
          compare(`Node ${version}, 2 threads`, await commandLine.run(["--workers", "2"], node));
        } catch (error) {
          missing(`Node ${major}`, error);
        }
      }
    }
    if (wanted.includes("kills")) {
      const kills = Number(values.kills);
      const results = await commandLine.killed(kills, elapsedMs, (hit) =>
        process.stderr.write(`\rkill ${hit}/${kills}`),
      );
      process.stderr.write("\n");
      for (const [i, result] of results.entries())
        compare(
          `run ${i + 1} of ${results.length}, between them killed ${kills} times and resumed on 1 to 4 threads`,
          result,
        );
    }
  } finally {
    commandLine.dispose();
  }
}
process.exit(failed ? 1 : 0);
