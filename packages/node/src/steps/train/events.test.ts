import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinets, tinyDataset, writeNetwork } from "../../../../../test/road-tools.js";
import { runProgram } from "../../../../cli/src/program.js";
import { readResults } from "../../run/save.js";
import { loadCheckpoint } from "../checkpoint.js";
import { eventsPath, readEvents, type TrainingEvent, trainingEvent } from "./events.js";

const root = mkdtempSync(join(tmpdir(), "phinets-events-"));
const folderOf = (name: string) => join(root, "runs/detect", name);
let words: (name: string, ...more: string[]) => string[];

beforeAll(async () => {
  const common = ["--data", await tinyDataset(join(root, "data")), "--network", writeNetwork(root)];
  words = (name, ...more) => [
    "train",
    ...common,
    ...["--project", join(root, "runs"), "--batch", "8", "--epochs", "4", "--workers", "2", "--no-plots"],
    ...["--name", name],
    ...more,
  ];
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const names = (events: readonly TrainingEvent[]) => events.map(({ event }) => event);
const epochsOf = (events: readonly TrainingEvent[], name: string) =>
  events.flatMap((each) => (each.event === name && "epoch" in each ? [each.epoch] : []));

describe("events of a training", () => {
  it("are printed as they happen and kept, one line each", async () => {
    const { exitCode, stdout, stderr } = await phinets(...words("live", "--json-events", "--val-every", "3"));
    expect(exitCode, stderr).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(readFileSync(eventsPath(folderOf("live")), "utf8")).toBe(stdout);
    const events = lines.map((line) => trainingEvent.parse(JSON.parse(line)));
    expect(names(events).filter((name) => name !== "best")).toEqual([
      "started",
      ...["epoch", "checkpoint", "epoch", "checkpoint"],
      ...["epoch", "validation", "checkpoint", "epoch", "validation", "checkpoint"],
      // After four epochs of so small a network there is a warning that the detector is of no use.
      ...["warning", "finished"],
    ]);
    expect(events.at(-2)).toMatchObject({ message: expect.stringMatching(/AP50 0\.0\d+: this detector is useless/) });
    expect(events[0]).toMatchObject({
      task: "detect",
      data: { train: 32, val: 8 },
      recipe: { epochs: 4, batch: 8 },
      network: { family: "phinet", input: { height: 48, width: 64, channels: 3 } },
      epoch: 0,
      stepsPerEpoch: 4,
    });
    const rows = readResults(folderOf("live"));
    for (const [i, each] of events.filter(({ event }) => event === "epoch").entries())
      expect((each as Extract<TrainingEvent, { event: "epoch" }>).losses.loss! / rows[i].loss).toBeCloseTo(1, 6);
    expect(rows.map((row) => row.AP50 !== undefined)).toEqual([false, false, true, true]);
    expect(existsSync(join(folderOf("live"), "train.pid"))).toBe(false);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: "finished", epochs: 4 });
  });

  it("of a run that was stopped and gone on with have each epoch once", async () => {
    const controller = new AbortController();
    const written: string[] = [];
    const exitCode = await runProgram(words("stopped"), {
      stdout: { write: () => {} },
      stderr: {
        write: (text: string) => {
          written.push(text);
          if (text.startsWith("training 2/4")) controller.abort();
        },
      },
      signal: controller.signal,
      version: "0",
    });
    expect(exitCode, written.join("")).toBe(130);
    const folder = folderOf("stopped");
    expect(readEvents(folder).at(-1)).toMatchObject({ event: "stopped", epoch: 2, code: "cli.interrupted" });
    // As if the process had been killed after it wrote an epoch's event and before it saved the epoch, in the middle of
    // a line.
    const [epoch] = readEvents(folder).filter(({ event }) => event === "epoch");
    appendFileSync(eventsPath(folder), `${JSON.stringify({ ...epoch, epoch: 3 })}\n{"event":"chec`);
    expect((await phinets("train", "--resume", folder)).exitCode).toBe(0);
    const events = readEvents(folder);
    expect(epochsOf(events, "epoch")).toEqual([1, 2, 3, 4]);
    expect(epochsOf(events, "checkpoint")).toEqual([1, 2, 3, 4]);
    expect(epochsOf(events, "started")).toEqual([0, 2]);
    expect(names(events).at(-1)).toBe("finished");
    // Resumed with nothing left to do: one final event, and no epoch again.
    await phinets("train", "--resume", folder);
    expect(epochsOf(readEvents(folder), "epoch")).toEqual([1, 2, 3, 4]);
    expect(names(readEvents(folder)).filter((name) => name === "finished")).toHaveLength(1);
  });

  it("that cannot be kept do not end the run", async () => {
    const folder = folderOf("blocked");
    const run = words("blocked", "--exist-ok");
    expect((await phinets(...run, "--epochs", "1")).exitCode).toBe(0);
    rmSync(eventsPath(folder));
    // A folder with the file's name makes writing fail.
    mkdirSync(join(eventsPath(folder), "in-the-way"), { recursive: true });
    const { exitCode, stderr } = await phinets(...run, "--epochs", "1");
    expect(exitCode, stderr).toBe(0);
    expect(stderr.match(/warning: events\.jsonl is not kept/g)).toHaveLength(1);
  });
});

describe("validation", () => {
  it("now and then, or not at all, changes no bit of what is learnt", async () => {
    const states = [];
    for (const [name, ...more] of [["always"], ["seldom", "--val-every", "3"], ["never", "--no-val"]]) {
      const { exitCode, stdout, stderr } = await phinets(...words(name, ...more, "--json"));
      expect(exitCode, stderr).toBe(0);
      const { epoch, step, best, bestEpoch, state } = loadCheckpoint(folderOf(name))!;
      const bytes = Object.entries(state).map(([key, { data }]) => [key, Buffer.from(data.buffer).toString("base64")]);
      states.push({ epoch, step, state: Object.fromEntries(bytes) });
      if (name !== "never") continue;
      // Without validation the last weights count as the best.
      expect([best, bestEpoch]).toEqual([-1, 4]);
      expect(JSON.parse(stdout)).toMatchObject({ bestEpoch: 4 });
      expect(JSON.parse(stdout).metrics).toBeUndefined();
      expect(readResults(folderOf(name)).some((row) => "AP50" in row)).toBe(false);
    }
    expect(states[1]).toEqual(states[0]);
    expect(states[2]).toEqual(states[0]);
  });

  it("is asked for in one way only, and so is stdout", async () => {
    const both = await phinets(...words("wrong", "--no-val", "--val-every", "2"));
    expect(both).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("exclude each other") });
    const json = await phinets(...words("wrong", "--json", "--json-events"));
    expect(json).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("both want stdout") });
  });
});

describe("a run folder that another process trains in", () => {
  it("is refused, untouched", async () => {
    const folder = folderOf("busy");
    expect((await phinets(...words("busy", "--epochs", "1"))).exitCode).toBe(0);
    const before = readFileSync(join(folder, "args.yaml"), "utf8");
    writeFileSync(join(folder, "train.pid"), JSON.stringify({ pid: process.ppid, host: hostname() }));
    for (const run of [words("busy", "--exist-ok", "--seed", "3"), ["train", "--resume", folder]]) {
      expect(await phinets(...run)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(
          new RegExp(`^error: .*busy: process ${process.ppid} is training here;.*\\n$`, "m"),
        ),
      });
    }
    expect(readFileSync(join(folder, "args.yaml"), "utf8")).toBe(before);
  });
});
