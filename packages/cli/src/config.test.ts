import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadBoard } from "@phinets/core/target";
import { makeRecipe } from "@phinets/core/training";
import { loadArguments, saveRunArguments } from "@phinets/node/run";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "../../../test/road-tools.js";
import { verbs } from "./commands/index.js";
import { Interruption, runProgram } from "./program.js";
import { shownDefinitions } from "./surface.js";
import { applyConfig } from "./terminal/config.js";
import { addVerb, attributeName, longName, type OptionDefinition, type VerbDefinition } from "./terminal/definition.js";
import { integer, pictureSize } from "./terminal/index.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (text: string, name = "c.yaml"): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const group = "g";
const definition: VerbDefinition = {
  name: "train",
  description: "A verb with an option of every kind.",
  examples: [],
  options: [
    { flags: "--cfg <file>", help: "", group, completes: "path" },
    { flags: "--data <path>", help: "", group, repeatable: true, completes: "path" },
    { flags: "--target <board>", help: "", group, completes: "board" },
    { flags: "--epochs <n>", help: "", group, parse: integer(1) },
    { flags: "--lr <rate>", help: "", group, parse: Number, recipe: "learningRate" },
    { flags: "--no-plots", help: "", group },
    { flags: "--wide", help: "", group, yields: ["network"] },
    { flags: "--network <file>", help: "", group, yields: ["wide"] },
    { flags: "--qat [epochs]", help: "", group, parse: integer(1) },
    {
      flags: "--imgsz <size>",
      help: "",
      group,
      parse: pictureSize,
      wordsOf: ({ height, width }) => `${height}x${width}`,
    },
  ],
};

/** The options that the command gets, or the line of the error. */
async function optionsOf(text: string, ...words: string[]): Promise<Record<string, unknown> | string> {
  let got: Record<string, unknown> = {};
  let said = "";
  const verb = (name: string, also: VerbDefinition["options"]) => ({
    name,
    summary: name,
    load: async () => ({
      register: (program: Parameters<typeof addVerb>[0]) => {
        addVerb(program, { ...definition, name, options: [...definition.options, ...also] }).action((options) => {
          got = options;
        });
      },
    }),
  });
  await runProgram(["train", ...words, "--cfg", write(text)], {
    stdout: { write: () => {} },
    stderr: { write: (line: string) => (said += line) },
    signal: new AbortController().signal,
    version: "0",
    verbs: [verb("train", []), verb("ship", [{ flags: "--clip <path>", help: "", group }])],
  });
  const { cfg: _, ...options } = got;
  return said || options;
}

describe("a file of options", () => {
  it("gives options by their names, in words or as a run wrote them, seen from the file", async () => {
    const text = `
data: [a, /b]
target: boards/x.json
recipe: { learningRate: 0.5, epochs: 7 }
plots: false
qat: true
imgsz: {height: 48, width: 64}
`;
    const wanted = {
      data: [join(folder, "a"), "/b"],
      target: join(folder, "boards/x.json"),
      lr: 0.5,
      epochs: 7,
      plots: false,
      qat: true,
      imgsz: { height: 48, width: 64 },
    };
    expect(await optionsOf(text)).toEqual(wanted);
    expect(await optionsOf("no-plots: true\nimgsz: 32\ntarget: stm32h743\nqat: false\nepochs:\ndata: []")).toEqual({
      plots: false,
      imgsz: { height: 32, width: 32 },
      target: "stm32h743",
    });
    expect(await optionsOf("")).toEqual({ plots: true });
  });

  it("gives way to the command line, and to what excludes it there", async () => {
    const text = "data: [a]\nepochs: 7\nplots: true\nwide: true";
    expect(await optionsOf(text, "data=c", "--epochs", "9", "--no-plots", "--network", "n.json")).toEqual({
      data: ["c"],
      epochs: 9,
      plots: false,
      network: "n.json",
    });
    expect(await optionsOf("plots: false", "plots=true")).toEqual({ plots: true });
    expect(await optionsOf("epochs: 3", "--cfg", write("epochs: 4", "earlier.yaml"))).toMatchObject({ epochs: 3 });
  });

  it("may hold options of other verbs, and nothing else", async () => {
    expect(await optionsOf("clip: a.mp4\ntask: detect")).toEqual({ plots: true });
    for (const [text, line] of [
      ["epochs: 3\n\n  # x\nepoch: 3", /c\.yaml:4:1: unknown key "epoch" \(did you mean epochs\?\)\n$/],
      ["recipe:\n  learnigRate: 3", /c\.yaml:2:3: unknown key of recipe "learnigRate" \(did you mean learningRate\?\)/],
      ["xyzzy: 3", /c\.yaml:1:1: unknown key "xyzzy"; keys are the options' names/],
      ["epochs: 0", /c\.yaml:1:1: epochs is 0; it is an integer of at least 1\n$/],
      ["plots: 3", /c\.yaml:1:1: plots is 3; it is true or false/],
      ["data: [{a: 1}]", /c\.yaml:1:1: data is \[\{"a":1\}\]; it is a text or a number/],
      ["imgsz: {a: 1}", /c\.yaml:1:1: imgsz is \{"a":1\}; it is N or HEIGHTxWIDTH/],
      ["- 3", /c\.yaml:1:1: is not options by their names/],
      ["a: [", /c\.yaml:\d+:\d+: is not YAML/],
      ["epochs: 3\nepochs: 4", /c\.yaml:2:1: is not YAML: Map keys must be unique/],
      ["import: w.pth", /c\.yaml:1:1: the file describes imported weights, not a training/],
      ["cfg: other.yaml", /unknown key "cfg"/],
    ] as const) {
      const said = await optionsOf(text);
      expect(said, text).toMatch(line);
      expect(String(said).trimEnd().split("\n"), text).toHaveLength(1);
    }
  });

  it("is missing, or a folder", async () => {
    expect(await phinets("fit", "--cfg", join(folder, "none.yaml"))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/none\.yaml: there is no such file; --cfg takes/),
    });
    expect((await phinets("fit", "--cfg", folder)).stderr).toContain("is a folder, not a file");
  });
});

describe("every option of train and ship", () => {
  const samples = ["1", "0.5", "0.25", "2", "1,2", "48x64", "1..9", "word"];

  it("may stand in a file, by its name and as args.yaml writes it, and is what the command line makes of it", async () => {
    const shown = await shownDefinitions(verbs);
    for (const verb of ["train", "ship"]) {
      const { options } = shown.find(({ name }) => name === verb)!.definition;
      for (const option of options) {
        const [long, attribute] = [longName(option), attributeName(option)];
        if (["cfg", "json", "resume", "from-lock", "stop-after", "from-sweep"].includes(long)) continue;
        const word = option.parse?.words?.[0] ?? samples.find((text) => takes(option, text))!;
        const isSwitch = !/[<[]/.test(option.flags);
        const given = setBy(verb, options, isSwitch ? [`--${long}`] : [`--${long}`, word]);
        const value = isSwitch ? true : option.repeatable ? [word] : word;
        const keys = isSwitch && long.startsWith("no-") ? [long] : [long, attribute];
        for (const key of keys) {
          const command = commandOf(verb, options);
          const entries = [{ key, inRecipe: false, value, place: "/c.yaml:1:1" }];
          await applyConfig(command, {
            file: "/c.yaml",
            entries,
            own: options,
            all: async () => options,
            given: new Set(),
          });
          // Paths are relative to the file.
          const got = JSON.stringify(command.getOptionValue(attribute)).replaceAll('"/', '"');
          expect(got, `${verb} ${key}`).toBe(JSON.stringify(given));
        }
      }
    }
  });

  const takes = ({ parse }: OptionDefinition, text: string): boolean => {
    try {
      parse?.(text);
      return true;
    } catch {
      return false;
    }
  };
  const commandOf = (name: string, options: readonly OptionDefinition[]): Command =>
    addVerb(new Command(), { name, description: "", examples: [], options });
  /** The value that the arguments give. */
  const setBy = (verb: string, options: readonly OptionDefinition[], words: string[]): unknown => {
    const command = commandOf(verb, options).action(() => {});
    command.parse(words, { from: "user" });
    const option = command.options.find(({ long }) => long === words[0])!;
    return command.getOptionValue(option.attributeName());
  };
});

describe("args.yaml of a run", () => {
  it("is taken by --cfg of every verb that trains or solves", async () => {
    const run = join(folder, "solved");
    mkdirSync(run);
    saveRunArguments(run, {
      task: "classify",
      data: ["nowhere"],
      recipe: makeRecipe("classify", { mixup: 2, classWeights: [1, 2], milestones: [3, 4] }),
      namedNetwork: false,
      board: loadBoard("rp2040"),
      limits: { imgsz: { height: 32, width: 40 }, noTimeLimit: true, maxRamBytes: 60_000, wide: undefined },
      programRequest: { optimize: "ram", input: "rows" },
      loading: { pixelRange: { low: 1, high: 9 }, skipBad: true },
      valEvery: 0,
      plots: false,
      qat: 3,
      weights: { file: "/w.pth", sha256: "0" },
      more: { maxDrop: 0.5, images: 7, clip: "/clip.mp4" },
    });
    const { chosen, budget } = await phinetsJson<{
      chosen: { network: { input: object } };
      budget: { ramBytes: number; latencyMs?: number };
    }>("fit", "--cfg", join(run, "args.yaml"));
    expect(chosen.network.input).toMatchObject({ height: 32, width: 40 });
    expect(budget.ramBytes).toBeLessThanOrEqual(60_000);
    expect(budget.latencyMs).toBeUndefined();
    const other = await phinetsJson<typeof budget & { budget: typeof budget }>(
      ...["fit", "--cfg", join(run, "args.yaml"), "--fps", "5"],
    );
    expect(other.budget.latencyMs).toBe(200);
    // All keys are accepted: the error is about the first thing that the command looks for.
    for (const verb of ["train", "ship"]) {
      const { stderr } = await phinets(verb, "--cfg", join(run, "args.yaml"));
      expect(stderr, verb).toMatch(/nowhere: there is no such file/);
    }
    expect(loadArguments(run)).toMatchObject({ task: "classify", recipe: { mixup: 2, milestones: [3, 4] } });
  });
});

describe("a training", () => {
  let data: string;
  beforeAll(async () => {
    data = await tinyDataset(join(folder, "conveyor"));
  });

  it("is repeated to the last bit by its own args.yaml, and varied by a word", async () => {
    const network = writeNetwork(folder);
    const train = (...words: string[]) =>
      phinetsJson<{ run: string; weightsSha256: string }>("train", "--project", folder, ...words);
    const options = ["--epochs", "2", "--lr", "0.004", "--seed", "5", "--flip", "0", "--no-plots", "--batch", "4"];
    const first = await train("--data", data, "--network", network, ...options);
    rmSync(network); // the run has its own copy
    const file = join(first.run, "args.yaml");
    const again = await train("--cfg", file);
    expect(again.run).not.toBe(first.run);
    expect(again.weightsSha256).toBe(first.weightsSha256);
    expect(readFileSync(join(again.run, "args.yaml"), "utf8")).toBe(readFileSync(file, "utf8"));
    const varied = await train("--cfg", file, "--seed", "6", "epochs=1");
    expect(varied.weightsSha256).not.toBe(first.weightsSha256);
    const saved = parse(readFileSync(join(varied.run, "args.yaml"), "utf8"));
    expect(saved).toMatchObject({ task: "detect", network: "network.json", plots: false });
    expect(saved.recipe).toMatchObject({ epochs: 1, seed: 6, learningRate: 0.004, flip: 0, batch: 4 });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("that %s stops says the line that goes on with it, which ends in the same bits", async (by, code) => {
    const network = writeNetwork(folder);
    const words = ["train", "--data", data, "--network", network, "--epochs", "3", "--project", join(folder, by)];
    const whole = await phinetsJson<{ weightsSha256: string }>(...words, "--name", "whole");
    const interruption = new AbortController();
    let said = "";
    const exitCode = await runProgram([...words, "--name", "a b"], {
      stdout: { write: () => {} },
      stderr: {
        write: (line: string) => {
          said += line;
          if (/^training 1\/3/m.test(line)) interruption.abort(new Interruption(by));
        },
      },
      signal: interruption.signal,
      version: "0",
    });
    expect(exitCode).toBe(code);
    const run = join(folder, by, "detect/a b");
    expect(said.trimEnd().split("\n").slice(-2)).toEqual([
      "error: interrupted",
      `to continue: phinets train --resume '${run}'`,
    ]);
    const resumed = await phinetsJson<{ weightsSha256: string; epochs: number }>("train", "--resume", run);
    expect(resumed).toMatchObject({ epochs: 3, weightsSha256: whole.weightsSha256 });
  });
});
