/**
 * SIGKILL at random moments, full disks, few file descriptors, read-only folders, two concurrent writers. Interrupted
 * work is resumed as a user would; the result must equal that of an undisturbed run, byte for byte.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { drawsOf } from "../lib/case.mjs";
import { Fault, require } from "../lib/faults.mjs";
import { digests, filesIn, fixtures, phinets, phinetsCommand, requireWords, trainWords } from "../lib/fixtures.mjs";
import { endGroup, outcomeOf, run } from "../lib/processes.mjs";

const pick = (draws, list) => list[draws.integer(list.length)];
const weights = (path) => /^weights\/(best|last|qat)\.safetensors$|^quantized\.(json|safetensors)$/.test(path);

/**
 * Commands that can be killed. `prepare` puts their input into a folder; `words` is the command line, `again` the one
 * for resuming, depending on whether the run folder exists; `result` lists the files to compare.
 */
const works = {
  train: {
    prepare: () => {},
    words: ({ data, network }, where) => trainWords({ data, network, project: join(where, "runs") }),
    result: (where) => digests(join(where, "runs/detect/x"), weights),
  },
  qat: {
    prepare: () => {},
    words: ({ data, network }, where) =>
      trainWords({ data, network, project: join(where, "runs"), epochs: 2, more: ["--qat", "5"] }),
    result: (where) => digests(join(where, "runs/detect/x"), weights),
  },
  quantize: {
    prepare: ({ run: trained }, where) => cpSync(trained, join(where, "run"), { recursive: true }),
    words: ({ data }, where) => [
      "quantize",
      "--model",
      join(where, "run"),
      "--data",
      data,
      "--pictures",
      "20",
      "--project",
      join(where, "runs"),
      "--qat",
      "5",
      "--workers",
      "1",
    ],
    result: (where) => digests(join(where, "run"), weights),
  },
  export: {
    prepare: ({ run: trained }, where) => cpSync(trained, join(where, "run"), { recursive: true }),
    words: (_, where) => [
      "export",
      "--model",
      join(where, "run"),
      "--format",
      "c,tflite,onnx,safetensors,torch",
      "--out",
      join(where, "out"),
    ],
    result: (where) => digests(join(where, "out")),
  },
  ship: {
    prepare: () => {},
    words: ({ data, network }, where) => [
      "ship",
      ...trainWords({ data, network, project: join(where, "runs"), epochs: 1, more: ["--target", "stm32h743"] })
        .slice(1)
        .filter((word) => word !== "--no-plots"),
    ],
    result: (where) =>
      digests(join(where, "runs/ship/x"), (path) => weights(path) || /^firmware\/.*model\.[ch]$/.test(path)),
  },
};

/** Result and duration of the undisturbed command, determined once per campaign. */
async function reference(name, folder, made) {
  const file = join(folder, `reference-${name}.json`);
  if (!existsSync(file)) {
    const found = await undisturbed(name, folder, made);
    // Another thread may determine the same result concurrently.
    writeFileSync(`${file}.${threadId}`, JSON.stringify(found));
    renameSync(`${file}.${threadId}`, file);
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

async function undisturbed(name, folder, made) {
  const where = join(folder, "work", `reference-${name}-${threadId}`);
  rmSync(where, { recursive: true, force: true });
  mkdirSync(where, { recursive: true });
  works[name].prepare(made, where);
  const start = performance.now();
  const done = await phinets(works[name].words(made, where));
  if (done.code !== 0)
    throw new Error(`phinets ${name} undisturbed: exit code ${done.code}\n${done.stderr.slice(-800)}`);
  const result = works[name].result(where);
  if (Object.keys(result).length === 0)
    throw new Error(`${name}: there is nothing to compare in ${filesIn(where).join(", ").slice(0, 500)}`);
  const seconds = (performance.now() - start) / 1000;
  rmSync(where, { recursive: true });
  return { result, seconds };
}

/** The command line for resuming an interrupted command. */
function wordsAgain(name, made, where) {
  const folder = join(where, "runs/detect/x");
  if (name !== "train" && name !== "qat") return [works[name].words(made, where)];
  const anew = [...works[name].words(made, where), "--exist-ok"];
  // Without a checkpoint training cannot be resumed, and says so.
  return existsSync(join(folder, "weights/last.safetensors")) ? [["train", "--resume", folder]] : [anew];
}

async function finish(name, made, where, what) {
  for (const words of wordsAgain(name, made, where)) {
    const done = await phinets(words);
    requireWords(done, `${what}, then ${words[0]} again`);
    require(done.code === 0, `${what}, then: ${done.stderr.trim().split("\n").at(-1)}`);
  }
}

function requireSame(name, expected, where, what) {
  const found = works[name].result(where);
  for (const path of new Set([...Object.keys(expected), ...Object.keys(found)]))
    require(found[path] ===
      expected[path], `${what}: ${path} is ${found[path] ?? "absent"}, undisturbed ${expected[path] ?? "absent"}`);
  // Partially written files in the pictures' cache are deleted only after an hour, because other machines may be
  // writing them.
  const left = filesIn(where).filter((path) => /(^|\/)\.\d+-[0-9a-f]{12}-/.test(path) && !path.includes("/.cache/"));
  require(left.length === 0, `${what}: leaves ${left.slice(0, 3).join(", ")}`);
}

/** Maximum kills of one command, each after it was resumed. */
const mostKills = 8;

const kill =
  (name) =>
  async ({ seed, n, folder }) => {
    const draws = drawsOf(seed, `kill-${name}`, n);
    const made = await fixtures(folder);
    const { result, seconds } = await reference(name, folder, made);
    const where = join(folder, "work", `kill-${name}-${n}`);
    return outcomeOf(where, async () => {
      works[name].prepare(made, where);
      let [words] = [works[name].words(made, where)];
      const moments = [];
      for (let kills = 1 + draws.integer(mostKills); kills > 0; kills--) {
        const moment = draws.uniform(0.02, 1) * seconds;
        const whole = draws.integer(2) === 0;
        let timer;
        const done = await phinets(words, {
          onStart: (child) => {
            timer = setTimeout(() => (whole ? endGroup(child.pid) : child.kill("SIGKILL")), 1000 * moment);
          },
        });
        clearTimeout(timer);
        if (done.code !== null) {
          requireWords(done, `after kills at ${moments.join(", ")} s: ${words[0]}`);
          break; // it had already finished
        }
        moments.push(moment.toFixed(2));
        [words] = wordsAgain(name, made, where);
      }
      const what = `killed at ${moments.join(", ") || "no"} s`;
      await finish(name, made, where, what);
      requireSame(name, result, where, what);
      return { outcome: moments.length > 0 ? "accepted" : "refused", units: moments.length };
    });
  };

/** A command line in a shell that first restricts something. */
const inShell = (before, words) =>
  run("bash", ["-c", `${before}; exec "$@"`, "bash", ...phinetsCommand, ...words], {
    env: { ...process.env, NO_COLOR: "1" },
  });

const shortages = {
  // A write beyond the limit fails as on a full disk; the signal that would kill the process is ignored.
  disk: (draws, words) =>
    inShell(`trap "" XFSZ; ulimit -f ${1 + draws.integer(draws.integer(2) === 0 ? 40 : 400)}`, words),
  descriptors: (draws, words) => inShell(`ulimit -n ${24 + draws.integer(40)}`, words),
};

const shortage = async ({ seed, n, folder }) => {
  const draws = drawsOf(seed, "shortage", n);
  const made = await fixtures(folder);
  const name = pick(draws, ["train", "qat", "quantize", "export"]);
  const kind = pick(draws, Object.keys(shortages));
  const { result } = await reference(name, folder, made);
  const where = join(folder, "work", `shortage-${n}`);
  return outcomeOf(where, async () => {
    works[name].prepare(made, where);
    const what = `${name} short of ${kind}`;
    const done = await shortages[kind](draws, works[name].words(made, where));
    requireWords(done, what);
    await finish(name, made, where, what);
    requireSame(name, result, where, what);
    return { outcome: done.code === 0 ? "accepted" : "refused" };
  });
};

/** Runs without write permission. Root may write everywhere, so it becomes the user nobody. */
const readOnly = async ({ seed, n, folder }) => {
  const draws = drawsOf(seed, "read-only", n);
  const made = await fixtures(folder);
  const name = pick(draws, ["train", "quantize", "export"]);
  const where = join(folder, "work", `read-only-${n}`);
  return outcomeOf(where, async () => {
    works[name].prepare(made, where);
    const locked = existsSync(join(where, "run")) && draws.integer(2) === 0 ? join(where, "run") : where;
    chmodSync(locked, 0o555);
    const before = filesIn(where).join();
    const words = [...phinetsCommand, ...works[name].words(made, where)];
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const [command, ...args] = process.getuid?.() === 0 ? [...nobody, ...words] : words;
    const done = await run(command, args, { env: { ...process.env, NO_COLOR: "1", HOME: "/nonexistent" } });
    chmodSync(locked, 0o755);
    requireWords(done, `${name} in a folder that may not be written`);
    if (locked === where) require(filesIn(where).join() === before, `${name}: something was written all the same`);
    return { outcome: done.code === 0 ? "accepted" : "refused" };
  });
};

const twoWriters = async ({ seed, n, folder }) => {
  const draws = drawsOf(seed, "two-writers", n);
  const made = await fixtures(folder);
  const name = pick(draws, ["train", "train", "qat", "quantize", "export"]);
  const { result, seconds } = await reference(name, folder, made);
  const where = join(folder, "work", `two-writers-${n}`);
  return outcomeOf(where, async () => {
    works[name].prepare(made, where);
    const words = [...works[name].words(made, where), ...(name === "train" || name === "qat" ? ["--exist-ok"] : [])];
    const first = phinets(words);
    await new Promise((resolve) =>
      setTimeout(resolve, 1000 * draws.uniform(0, draws.integer(2) === 0 ? 0.1 : seconds)),
    );
    const both = await Promise.all([first, phinets(words)]);
    for (const done of both) requireWords(done, `${name}, two at once`);
    if (both.every(({ code }) => code !== 0))
      throw new Fault(
        `${name}, two at once: both are refused\n${both[0].stderr.slice(-300)}\n${both[1].stderr.slice(-300)}`,
      );
    requireSame(name, result, where, `${name}, two at once`);
    return { outcome: both.every(({ code }) => code === 0) ? "accepted" : "refused" };
  });
};

/** Number of trials that together contain about a thousand kills. */
const goals = { train: 80, qat: 60, quantize: 60, export: 80, ship: 10 };

export const killTargets = [
  ...Object.entries(goals).map(([name, goal]) => ({ name: `kill-${name}`, attempt: kill(name), goal, unit: "kills" })),
  { name: "shortage", attempt: shortage, goal: 60 },
  { name: "read-only", attempt: readOnly, goal: 30 },
  { name: "two-writers", attempt: twoWriters, goal: 40 },
].map((target) => ({ group: "kills", ...target }));
