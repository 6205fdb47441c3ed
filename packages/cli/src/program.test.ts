import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { verbs as realVerbs, type Verb } from "./commands/index.js";
import { normalizeWords, runProgram } from "./program.js";
import { collect, fraction, integer } from "./terminal/index.js";

const calls: { words: string[]; options: Record<string, unknown> }[] = [];

/** A command that records its call, or does what the test requires. */
function verb(name: string, act?: (options: Record<string, unknown>, signal: AbortSignal) => unknown): Verb {
  return {
    name,
    summary: `does ${name}`,
    load: async () => ({
      register: (program: Command, context) => {
        program
          .command(name)
          .argument("[input]")
          .option("--data <path>", "data", collect)
          .option("--epochs <n>", "epochs", integer(1))
          .option("--max-det <n>", "detections", integer(1))
          .option("--conf <p>", "score", fraction)
          .option("--seed <n>", "seed", integer())
          .option("--exist-ok", "reuse")
          .option("--no-cache", "no cache")
          .action(async (input: string | undefined, options: Record<string, unknown>) => {
            calls.push({ words: input === undefined ? [] : [input], options });
            const answer = await act?.(options, context.signal);
            context.result(answer ?? { done: name }, () => `${name} done`);
          });
      },
    }),
  };
}

async function run(
  words: string[],
  verbs: Verb[] = [verb("train"), verb("track")],
  signal = new AbortController().signal,
) {
  calls.length = 0;
  const out = { stdout: "", stderr: "" };
  const exitCode = await runProgram(words, {
    stdout: { write: (text: string) => (out.stdout += text) },
    stderr: { write: (text: string) => (out.stderr += text) },
    signal,
    version: "1.2.3",
    verbs,
  });
  return { exitCode, ...out, call: calls[0] };
}

describe("the command line", () => {
  it("runs a verb with options in either form", async () => {
    const dashed = await run([
      "train",
      "in.txt",
      "--epochs",
      "3",
      "--max-det",
      "7",
      "--conf=0.25",
      "--exist-ok",
      "--data",
      "a",
      "--data",
      "b",
    ]);
    const assigned = await run([
      "train",
      "in.txt",
      "epochs=3",
      "max_det=7",
      "conf=0.25",
      "exist_ok=true",
      "data=a",
      "data=b",
    ]);
    expect(dashed).toMatchObject({ exitCode: 0, stdout: "train done\n", stderr: "" });
    expect(dashed.call.options).toEqual({
      epochs: 3,
      maxDet: 7,
      conf: 0.25,
      existOk: true,
      data: ["a", "b"],
      cache: true,
    });
    expect(assigned.call).toEqual(dashed.call);
    expect((await run(["train", "--max_det", "7", "seed=-4", "cache=false"])).call.options).toEqual({
      maxDet: 7,
      seed: -4,
      cache: false,
    });
  });

  it("leaves values, files and what follows -- alone", () => {
    const command = new Command("x").option("--name <n>").option("--epochs <n>");
    const folder = mkdtempSync(join(tmpdir(), "phinets-words-"));
    const before = process.cwd();
    process.chdir(folder);
    try {
      writeFileSync("epochs=3", "");
      expect(normalizeWords(["x", "--name", "epochs=5", "epochs=3", "a/b=c", "--", "epochs=4"], command)).toEqual([
        "x",
        "--name",
        "epochs=5",
        "epochs=3",
        "a/b=c",
        "--",
        "epochs=4",
      ]);
      expect(normalizeWords(["x", "epochs=5", "name=k=v"], command)).toEqual(["x", "--epochs=5", "--name=k=v"]);
    } finally {
      process.chdir(before);
    }
  });

  it("exits with 2 and one line, with a suggestion, for wrong usage", async () => {
    for (const [words, line] of [
      [["trian"], /^error: unknown verb 'trian' \(did you mean train\?\)\n$/],
      [["zzzzzzz"], /^error: unknown verb 'zzzzzzz'; verbs: train, track\n$/],
      [["train", "--epoch", "3"], /^error: unknown option '--epoch' \(did you mean --epochs\?\)\n$/],
      [["train", "epoch=3"], /^error: unknown option '--epoch' \(did you mean --epochs\?\)\n$/],
      [
        ["train", "--epochs", "0"],
        /^error: option '--epochs <n>' argument '0' is invalid\. It is an integer of at least 1\.\n$/,
      ],
      [["train", "conf=1.5"], /argument '1\.5' is invalid\. It is a number from 0 to 1\.\n$/],
      [["train", "a", "b"], /^error: too many arguments.*\n$/],
      [["train", "--epochs"], /^error: option '--epochs <n>' argument missing\n$/],
    ] as const) {
      const { exitCode, stdout, stderr, call } = await run([...words]);
      expect({ exitCode, stdout, call }).toEqual({ exitCode: 2, stdout: "", call: undefined });
      expect(stderr).toMatch(line);
    }
  });

  it("prints a user's error as one line and a bug with its stack", async () => {
    const fail = () => {
      throw new PhinetsError("data.label", "a.txt:3: class 9 is unknown;\nthe data set has 3", "a.txt");
    };
    expect(await run(["train"], [verb("train", fail)])).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: "error: a.txt:3: class 9 is unknown; the data set has 3\n",
    });
    const bug = () => (undefined as unknown as { length: number }).length;
    const broken = await run(["train"], [verb("train", bug)]);
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toMatch(/^error: Cannot read[^\n]*\n[\s\S]*at [\s\S]*this is a bug/);
  });

  it("says what the system lacks in one line, wherever that is noticed", async () => {
    const full = () => {
      throw Object.assign(new Error("EMFILE: too many open files, open 'x.js'"), { code: "EMFILE" });
    };
    expect(await run(["train"], [verb("train", full)])).toMatchObject({
      exitCode: 1,
      stderr: "error: EMFILE: too many open files, open 'x.js'; allow this process more open files (ulimit -n 1024)\n",
    });
  });

  it("with --json prints exactly one document on stdout", async () => {
    const good = await run(["train", "--json"], [verb("train", () => ({ epochs: 3 }))]);
    expect(good).toMatchObject({ exitCode: 0, stdout: '{"epochs":3}\n', stderr: "" });
    const failing = await run(
      ["--json", "train"],
      [
        verb("train", () => {
          throw new PhinetsError("a.b", "x.txt: bad", "x.txt");
        }),
      ],
    );
    expect(failing).toMatchObject({ exitCode: 1, stderr: "error: x.txt: bad\n" });
    expect(JSON.parse(failing.stdout)).toEqual({ error: { code: "a.b", message: "x.txt: bad", path: "x.txt" } });
    const misused = await run(["train", "--json", "--epoch", "3"]);
    expect(misused.exitCode).toBe(2);
    expect(JSON.parse(misused.stdout).error.code).toBe("cli.usage");
    // An error after the answer must not produce a second document.
    const late: Verb = {
      name: "late",
      summary: "",
      load: async () => ({
        register: (program, context) => {
          program.command("late").action(() => {
            context.result({ ok: true }, () => "ok");
            throw new PhinetsError("late.error", "too late");
          });
        },
      }),
    };
    expect(JSON.parse((await run(["late", "--json"], [late])).stdout).error.code).toBe("late.error");
  });

  it("shows help and version, loading no verb that was not asked for", async () => {
    let loaded = 0;
    const train = verb("train");
    const counted: Verb = {
      ...train,
      load: () => {
        loaded++;
        return train.load();
      },
    };
    const help = await run(["--help"], [counted]);
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout).toContain("does train");
    expect((await run([], [counted])).stdout).toContain("does train");
    expect(loaded).toBe(0);
    expect((await run(["--version"])).stdout).toBe("1.2.3\n");
    for (const words of [
      ["train", "--help"],
      ["help", "train"],
    ]) {
      const { exitCode, stdout } = await run(words, [counted]);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/--epochs <n>[\s\S]*--json/);
    }
  });

  it("ends with 130 when it is interrupted", async () => {
    const interruption = new AbortController();
    const wait = (_: unknown, signal: AbortSignal) => {
      interruption.abort();
      signal.throwIfAborted();
    };
    const { exitCode, stdout, stderr } = await run(["train"], [verb("train", wait)], interruption.signal);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 130, stdout: "", stderr: "error: interrupted\n" });
  });

  it("colours errors and titles where that is asked for, and nothing else", async () => {
    const { FORCE_COLOR, NO_COLOR } = process.env;
    try {
      process.env.FORCE_COLOR = "1";
      expect((await run(["trian"])).stderr).toContain("\u001b[1m\u001b[31merror:\u001b[39m\u001b[22m unknown verb");
      expect((await run(["train", "--help"])).stdout).toContain("\u001b[1mOptions:\u001b[22m\n  --data <path>");
      process.env.FORCE_COLOR = "0";
      expect((await run(["train", "--help"])).stdout).not.toContain("\u001b");
      expect((await run(["trian"])).stderr).toMatch(/^error:/);
    } finally {
      delete process.env.FORCE_COLOR;
      delete process.env.NO_COLOR;
      Object.assign(process.env, FORCE_COLOR !== undefined && { FORCE_COLOR }, NO_COLOR !== undefined && { NO_COLOR });
    }
  });

  it("registers every real verb under its own name, with a description", async () => {
    for (const { name, summary, load } of realVerbs) {
      const program = new Command();
      (await load()).register(program, {} as never);
      expect(program.commands.map((command) => command.name())).toContain(name);
      expect(summary.length).toBeGreaterThan(10);
      expect(program.commands[0].description().length).toBeGreaterThan(10);
    }
  });
});
