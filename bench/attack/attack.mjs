/**
 * A reproducible attack on the whole program: mutated input for every parser, kills, full disks, hostile folders, and
 * generated C under sanitizers. Needs `npm run build`; --help lists the options. With --count, each target gets that
 * many cases, however long they take.
 *
 * Every case is a function of the seed, the target and its number. Exit code 1 if a fault was found.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { mutantOf, tryParser } from "./lib/case.mjs";
import { fixtures } from "./lib/fixtures.mjs";
import { tried } from "./lib/results.mjs";
import { endScratch, makeScratch } from "./lib/scratch.mjs";
import { Threads } from "./lib/threads.mjs";
import { targets } from "./targets/index.mjs";

/** Approximate seconds of a batch: the cases of one target that a thread runs in one go. */
const secondsOfBatch = 0.3;
const firstBatch = 20;
const largestBatch = 20_000;
/** Interval at which the state is written. */
const secondsOfState = 5;
/** Maximum reproducers of one kind of fault. */
const mostAlike = 3;

const usage = `npm run attack -- --minutes 60 --seed 1 [--only NAME,NAME] [--threads 2] [--out FOLDER]
npm run attack -- --minutes 60 --resume FOLDER
npm run attack -- --count 500 --seed 1
npm run attack -- --replay FOLDER/faults/NAME-N
npm run attack -- --list`;

const options = readOptions();

function readOptions() {
  try {
    return parseArgs({
      options: {
        minutes: { type: "string" },
        count: { type: "string" },
        seed: { type: "string", default: "1" },
        only: { type: "string" },
        threads: { type: "string", default: String(availableParallelism()) },
        out: { type: "string" },
        resume: { type: "string" },
        replay: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    refuse(`${error.message.split(". ")[0]}\n${usage}`);
  }
}

function refuse(problem) {
  console.error(`attack: ${problem}`);
  process.exit(2);
}

if (options.help) console.log(usage);
else if (options.list) {
  for (const { group, name } of targets) console.log(`${group.padEnd(10)} ${name}`);
} else if (options.replay !== undefined) process.exitCode = await replay(options.replay);
else process.exitCode = await campaign();

function chosen() {
  if (options.only === undefined) return targets;
  const words = options.only.split(",");
  for (const word of words)
    if (!targets.some(({ name, group }) => name === word || group === word))
      refuse(`there is no target "${word}"; --list names them`);
  return targets.filter(({ name, group }) => words.includes(name) || words.includes(group));
}

async function campaign() {
  const minutes = Number(options.minutes ?? (options.count === undefined ? Number.NaN : Number.POSITIVE_INFINITY));
  const most = Number(options.count ?? Number.POSITIVE_INFINITY);
  if (!(minutes > 0) || !(most > 0)) refuse("--minutes N or --count N is needed");
  const folder = options.resume ?? options.out ?? join("runs", "attack", `seed-${options.seed}`);
  const file = join(folder, "state.json");
  if (options.resume === undefined && existsSync(file))
    refuse(`${folder} has a campaign; go on with --resume ${folder}, or name another --out`);
  if (options.resume !== undefined && !existsSync(file)) refuse(`${folder} has no campaign (state.json)`);
  const state = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : { seed: Number(options.seed), seconds: 0, targets: {} };
  mkdirSync(folder, { recursive: true });
  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(state, undefined, 1));
    renameSync(`${file}.new`, file);
  };
  const list = chosen();
  for (const { name } of list)
    state.targets[name] ??= { next: 0, seconds: 0, refused: 0, accepted: 0, fault: 0, units: 0 };
  const scratch = makeScratch("phinets-attack-");
  try {
    await tryAll(list, state, { minutes, most, folder, scratch, save });
  } finally {
    endScratch(scratch, folder);
    save();
  }
  return print(state, list, folder);
}

/** Runs cases until the time is over, or until each target has run `most` cases. */
async function tryAll(list, state, { minutes, most, folder, scratch, save }) {
  const threads = new Threads(Number(options.threads));
  // Shared fixtures must exist before the threads need them.
  if (list.some(({ group }) => group === "kills" || group === "hostile")) await fixtures(scratch);
  const start = performance.now();
  const earlier = state.seconds;
  const left = () => minutes * 60_000 - (performance.now() - start);
  let stopped = false;
  process.once("SIGINT", () => (stopped = true));
  let saved = start;

  /** The target that is furthest from its goal. */
  const nextTarget = () =>
    list
      .filter(({ name }) => state.targets[name].next < most)
      .sort((a, b) => state.targets[a.name].next / a.goal - state.targets[b.name].next / b.goal)[0];
  const turns = async () => {
    for (let target = nextTarget(); target !== undefined && left() > 0 && !stopped; target = nextTarget()) {
      const of = state.targets[target.name];
      const isTrial = target.attempt !== undefined;
      const count = Math.min(isTrial ? 1 : batchOf(of), most - of.next);
      const from = of.next;
      // Reserves the cases: other threads continue after them.
      of.next += count;
      const began = performance.now();
      const job = { name: target.name, seed: state.seed, from, count, folder: scratch, isTrial };
      const { counts, units, faults, odd } = await threads.run(job);
      for (const outcome of ["refused", "accepted", "fault"]) of[outcome] += counts[outcome];
      of.units += units;
      of.seconds += (performance.now() - began) / 1000;
      for (const { n, message } of odd) console.error(`? ${target.name} ${n}: ${message}`);
      for (const fault of faults) await report(folder, target, state, fault);
      state.seconds = earlier + (performance.now() - start) / 1000;
      if (faults.length === 0 && performance.now() - saved < 1000 * secondsOfState) continue;
      saved = performance.now();
      save();
    }
  };
  await Promise.all(Array.from({ length: threads.count }, turns));
  await threads.end();
}

/** Batch size, estimated from the duration of previous cases. */
function batchOf(of) {
  if (tried(of) === 0) return firstBatch;
  return Math.min(largestBatch, Math.max(1, Math.round((secondsOfBatch * tried(of)) / of.seconds)));
}

/** Saves the input and the command that replays it, for the first few faults of a kind. */
async function report(folder, target, state, { n, problem }) {
  const kind = `${target.name}: ${problem.replace(/\d+/g, "N").split("\n").slice(0, 3).join(" ").slice(0, 160)}`;
  state.kinds ??= {};
  state.kinds[kind] = (state.kinds[kind] ?? 0) + 1;
  if (state.kinds[kind] > mostAlike) return;
  const place = join(folder, "faults", `${target.name}-${n}`);
  mkdirSync(place, { recursive: true });
  const command = `npm run attack -- --replay ${place}`;
  const files = target.attempt === undefined ? mutantOf(target, state.seed, n) : {};
  // A mutant's file names may lead anywhere, so its files are stored inside one file.
  const base64 = Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]),
  );
  writeFileSync(
    join(place, "case.json"),
    JSON.stringify({ target: target.name, seed: state.seed, n, problem, command, files: base64 }, undefined, 1),
  );
  const [only, ...others] = Object.values(files);
  if (only !== undefined && others.length === 0) writeFileSync(join(place, "input.bin"), only);
  console.error(`FAULT ${target.name} ${n}: ${problem}\n  ${command}`);
}

async function replay(place) {
  const { target: name, seed, n, files } = JSON.parse(readFileSync(join(place, "case.json"), "utf8"));
  const target = targets.find((each) => each.name === name) ?? refuse(`there is no target "${name}" any more`);
  const bytes = Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, new Uint8Array(Buffer.from(text, "base64"))]),
  );
  const result = await (target.attempt === undefined
    ? tryParser(target, bytes)
    : target.attempt({ seed, n, folder: resolve(place) }));
  console.log(`${name} ${n}: ${result.outcome}${result.problem === undefined ? "" : `: ${result.problem}`}`);
  return result.outcome === "fault" ? 1 : 0;
}

function print(state, list, folder) {
  const row = ([name, ...cells]) => [name.padEnd(26), ...cells.map((cell) => String(cell).padStart(10))].join(" ");
  console.log(row(["target", "tried", "refused", "accepted", "faults", "seconds", "a second"]));
  const rate = (count, seconds) => (seconds > 0 ? Number((count / seconds).toPrecision(3)) : 0);
  const line = (name, of, more = "") =>
    `${row([name, tried(of), of.refused, of.accepted, of.fault, Math.round(of.seconds), rate(tried(of), of.seconds)])}${more}`;
  const groups = new Map();
  for (const target of list) {
    const { group, name, unit } = target;
    const of = state.targets[name];
    console.log(line(name, of, unit === undefined ? "" : `  ${of.units} ${unit}`));
    for (const key of new Set([group, "all"])) {
      const total = groups.get(key) ?? { refused: 0, accepted: 0, fault: 0, seconds: 0, units: {} };
      groups.set(key, total);
      for (const each of ["refused", "accepted", "fault", "seconds"]) total[each] += of[each];
      if (unit !== undefined) total.units[unit] = (total.units[unit] ?? 0) + of.units;
    }
  }
  const all = groups.get("all");
  groups.delete("all");
  for (const [name, total] of [...groups, ["all", all]]) {
    const units = Object.entries(total.units).map(([unit, count]) => `  ${count} ${unit}`);
    console.log(line(`= ${name}`, total, units.join("")));
  }
  for (const [kind, count] of Object.entries(state.kinds ?? {})) console.log(`${count} x ${kind}`);
  console.log(`seed ${state.seed}, ${Math.round(state.seconds)} s, ${folder}`);
  return all.fault > 0 ? 1 : 0;
}
