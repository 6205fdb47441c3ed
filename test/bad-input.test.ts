/**
 * Users' mistakes on the command line. Each ends in one line that names the file, the value and the remedy, with exit
 * code 1 (2 for wrong usage), and with --json in one JSON document; existing files are kept.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { loadBoard } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadRun } from "../packages/node/src/run/load.js";
import { phinets, phinetsJson, tinyDataset, tinyNetwork, writeNetwork } from "./road-tools.js";

const root = fs.mkdtempSync(join(tmpdir(), "phinets-bad-"));
const project = join(root, "runs");
/** A finished run of two epochs, quantised. */
const run = join(project, "detect/good");
let data: string;
let network: string;

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  network = writeNetwork(root);
  await phinetsJson("train", ...common(), "--epochs", "2", "--name", "good");
  await phinetsJson("quantize", "--model", run, "--data", data, "--project", project, "--pictures", "8");
});

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const common = (path = data): string[] => ["--data", path, "--network", network, "--project", project];

/** A copy of a folder that a test may damage. */
function copyOf(folder: string, name: string): string {
  const copy = join(root, name);
  fs.rmSync(copy, { recursive: true, force: true });
  fs.cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

const spoilt = (name: string, spoil: (folder: string) => void): string => {
  const folder = copyOf(join(root, "data"), name);
  spoil(folder);
  return join(folder, "data.yaml");
};

/** Digest of every file below a folder, by path. */
function contentOf(folder: string): Record<string, string> {
  const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    files
      .filter((file) => fs.statSync(join(folder, file)).isFile())
      .map((file) => [
        file,
        createHash("sha256")
          .update(fs.readFileSync(join(folder, file)))
          .digest("hex"),
      ]),
  );
}

/** Runs the command twice, as text and with --json; both must fail with the same single line. Returns the line. */
async function fails(words: readonly string[], exitCode = 1): Promise<string> {
  const text = await phinets(...words);
  const lines = text.stderr.trimEnd().split("\n");
  const errors = lines.filter((line) => line.startsWith("error: "));
  expect(errors, text.stderr).toHaveLength(1);
  expect(lines.at(-1), "the error is the last line: no stack").toBe(errors[0]);
  expect(text.stdout).toBe("");
  expect(text.exitCode).toBe(exitCode);
  const json = await phinets(...words, "--json");
  expect(json.exitCode).toBe(exitCode);
  const { error } = JSON.parse(json.stdout);
  expect(error.code).toMatch(exitCode === 2 ? /^cli\.usage$/ : /^(?!cli\.)[a-z]+\.[a-z-]+$/);
  expect(`error: ${error.message}`).toBe(errors[0]);
  return errors[0].slice("error: ".length);
}

describe("data sets", () => {
  const train = (path: string, exitCode?: number): Promise<string> =>
    fails(["train", ...common(path), "--epochs", "1", "--name", "never"], exitCode);
  const label = "train/labels/000003.txt";

  it("a missing label file", async () => {
    const path = spoilt("unlabelled", (folder) => fs.rmSync(join(folder, label)));
    expect(await train(path)).toMatch(/unlabelled\/train\/labels\/000003\.txt: is missing; write it .*missing_labels/);
  });

  it("a label outside 0..1, and more of them", async () => {
    const path = spoilt("outside", (folder) =>
      fs.writeFileSync(join(folder, label), "0 .5 .5 .1 .1\n1 1.5 .5 .1 .1\n"),
    );
    expect(await train(path)).toMatch(
      /000003\.txt:2: x is 1\.5; .*0\.\.1.*; correct or remove the line \(--skip-bad would go on without 1 row of \d+; /,
    );
    fs.writeFileSync(join(root, "outside/val/labels/000032.txt"), "1 0.5 0.5 -0.1 0.1\n");
    expect(await train(path)).toMatch(
      /x is 1\.5.* \(and 1 more problem; --skip-bad would go on without 2 rows of \d+; phinets doctor lists them\)$/,
    );
    const doctor = await phinets("doctor", "--data", path);
    expect(doctor.exitCode).toBe(1);
    expect(doctor.stdout).toMatch(/x is 1\.5/);
    expect(doctor.stdout).toMatch(/width is -0\.1/);
  });

  it("an unknown class", async () => {
    const path = spoilt("unknown", (folder) => fs.writeFileSync(join(folder, label), "7 0.5 0.5 0.1 0.1\n"));
    expect(await train(path)).toMatch(/000003\.txt:1: class is 7; classes are 0 to 2 \(washer, nut, bolt\); correct/);
  });

  it("a truncated JPEG, which leaves the run's name free", async () => {
    const { default: sharp } = await import("sharp");
    const path = join(copyOf(join(root, "data"), "cut"), "data.yaml");
    const png = join(root, "cut/train/images/000003.png");
    const jpeg = await sharp(png).jpeg().toBuffer();
    fs.rmSync(png);
    fs.writeFileSync(join(root, "cut/train/images/000003.jpg"), jpeg.subarray(0, jpeg.length >> 1));
    expect(await train(path)).toMatch(/cut\/train\/images\/000003\.jpg: is truncated.*; replace the picture or remove/);
    expect(fs.existsSync(join(project, "detect/never"))).toBe(false);
  });

  it("no pictures, no boxes, nothing there, no data set", async () => {
    fs.mkdirSync(join(root, "empty"));
    expect(await train(join(root, "empty"))).toMatch(/empty: the data set is empty; --data takes/);
    const emptied = spoilt("emptied", (folder) => {
      for (const file of fs.readdirSync(join(folder, "train/images"))) fs.rmSync(join(folder, "train/images", file));
    });
    expect(await train(emptied)).toMatch(/emptied\/train\/images: has no pictures; .*data\.yaml names it as train/);
    const boxless = spoilt("boxless", (folder) => {
      for (const file of fs.readdirSync(join(folder, "train/labels")))
        fs.writeFileSync(join(folder, "train/labels", file), "");
    });
    expect(await train(boxless)).toMatch(/data\.yaml: no training picture has a box; .*; draw boxes/);
    expect(await train(join(root, "absent"))).toMatch(/absent: there is no such file or folder; --data takes/);
    expect(await train(network)).toMatch(/network\.json: is no data set that is known.*; --data takes/);
  });

  it("a classifier with one class", async () => {
    fs.cpSync(join(root, "data/train/images"), join(root, "single/cat"), { recursive: true });
    expect(await train(join(root, "single"))).toMatch(/single: .* has one class \(cat\), .*add a folder/);
  });

  it("says that the figure is unknown where no validation picture has a box, and keeps the last epoch", async () => {
    const path = spoilt("blind", (folder) => {
      for (const file of fs.readdirSync(join(folder, "val/labels")))
        fs.writeFileSync(join(folder, "val/labels", file), "");
    });
    const words = ["train", ...common(path), "--epochs", "2", "--name"];
    expect((await phinets(...words, "blind")).stdout).toMatch(/AP50 unknown: no box is labelled on 8 pictures/);
    expect(await phinetsJson(...words, "blind2")).toMatchObject({ bestEpoch: 2 });
  });
});

describe("boards and networks", () => {
  it("a board with 4 KB", async () => {
    const board = loadBoard("stm32h743");
    const regions = board.regions.map((region) =>
      region.name === board.arenaRegion ? { ...region, bytes: 4096 } : region,
    );
    const path = join(root, "tiny.json");
    fs.writeFileSync(path, JSON.stringify({ ...board, name: "tiny", regions, banks: [board.arenaRegion] }));
    for (const verb of ["ship", "train"]) {
      const line = await fails([verb, "--data", data, "--target", path, "--project", project, "--name", "impossible"]);
      expect(line).toMatch(/tiny\.json: .*needs at least [\d,]+ bytes of RAM, [\d,]+ more than the 4,096 allowed; use/);
    }
    expect(fs.existsSync(join(project, "detect/impossible"))).toBe(false);
    expect(await fails(["fit", "--target", path])).toMatch(/tiny\.json: .*bytes of RAM/);
    const own = await fails(["train", ...common(), "--target", path]);
    expect(own).toMatch(/network\.json: the arena of 13488 bytes exceeds tiny's AXI_SRAM by 9392; use a smaller/);
  }, 120_000);

  it("a network too large for the arena, or for the flash", async () => {
    const input = { height: 480, width: 640 };
    fs.mkdirSync(join(root, "big"));
    const wide = writeNetwork(join(root, "big"), { ...tinyNetwork, input });
    const words = ["--data", data, "--network", wide, "--project", project, "--target", "stm32h743", "--name", "big"];
    for (const verb of ["train", "ship"])
      expect(await fails([verb, ...words])).toMatch(
        /big\/network\.json: the arena of \d+ bytes exceeds .*; use a smaller/,
      );
    const small = join(root, "small.json");
    fs.writeFileSync(small, JSON.stringify({ ...loadBoard("stm32h743"), name: "small", flashBytes: 16_000 }));
    expect(await fails(["train", ...common(), "--target", small])).toMatch(
      /network\.json: weights and code of \d+ bytes exceed small's flash by \d+; use a smaller/,
    );
  });

  it("files that are no board and no network", async () => {
    const bad = join(root, "bad.json");
    const train = (...words: string[]): Promise<string> => fails(["train", "--data", data, ...words]);
    expect(await train("--target", "nope")).toMatch(/board "nope" is unknown; known: .*stm32h743/);
    expect(await train("--target", join(root, "nope.json"))).toMatch(
      /nope\.json: cannot be read \(ENOENT\); --target takes/,
    );
    fs.writeFileSync(bad, "{}");
    expect(await train("--target", bad)).toMatch(/bad\.json: .* is missing/);
    expect(await train("--network", bad)).toMatch(/bad\.json: network: family is missing; .*"phinet"/);
    fs.writeFileSync(bad, '{"family": "phinet"');
    expect(await train("--network", bad)).toMatch(/bad\.json: not JSON \(.*\); --network takes a network\.json/);
    expect(await train("--network", join(root, "none.json"))).toMatch(
      /none\.json: cannot read it \(no such file\); --network takes/,
    );
    fs.writeFileSync(bad, JSON.stringify({ ...tinyNetwork, alpha: -1 }));
    expect(await train("--network", bad)).toMatch(/bad\.json: network: alpha is -1; it must be a number above 0/);
  });
});

describe("usage", () => {
  it.each([
    [["train"], /--data is missing; name a data\.yaml/],
    [["ship"], /--data is missing; name a data\.yaml/],
    [["train", "--data", "DATA"], /neither --network nor --target is given; name/],
    [["train", "--data", "DATA", "--epoch", "3"], /unknown option '--epoch' \(did you mean --epochs\?\)/],
    [["trian"], /unknown verb 'trian' \(did you mean train\?\)/],
    [["train", "--data", "DATA", "--seed", "-1"], /'-1' is invalid\. It is an integer from 0 to 4294967295/],
    [["train", "--data", "DATA", "seed=4294967296"], /'4294967296' is invalid\. It is an integer from 0/],
    [["ship", "--data", "DATA", "seed=1.5"], /'1\.5' is invalid\. It is an integer/],
    [["train", "--data", "DATA", "--fraction", "0"], /'0' is invalid\. It is a number from 0\.000001 to 1/],
    [["train", "--data", "DATA", "--epochs", "0"], /'0' is invalid\. It is an integer of at least 1/],
    [["train", "--data", "DATA", "--network", "NETWORK", "--imgsz", "96"], /--network brings its own size: imgsz/],
    [["train", "--resume", "RUN", "--epochs", "9"], /--epochs cannot be changed with --resume.*; leave it out/],
    [["val", "--data", "DATA"], /required option '--model <run>' not specified/],
    [["val", "--model", "RUN", "--data", "DATA", "on=gpu"], /'gpu' is invalid\. It is one of float, int8, firmware/],
  ])("%j ends with 2", async (words, line) => {
    const paths: Record<string, string> = { DATA: data, NETWORK: network, RUN: run };
    expect(
      await fails(
        words.map((word) => paths[word] ?? word),
        2,
      ),
    ).toMatch(line);
  });
});

describe("run folders", () => {
  it("an existing one is left as it is", async () => {
    const before = contentOf(run);
    expect(await fails(["train", ...common(), "--name", "good"])).toMatch(
      /detect\/good: the run exists; choose another --name, continue it with --resume .*, or .*--exist-ok/,
    );
    expect(await fails(["ship", ...common(), "--out", run])).toMatch(
      /detect\/good: exists and is not a shipped run .*; name another --out/,
    );
    expect(contentOf(run)).toEqual(before);
  });

  it("a folder that is no run", async () => {
    const folder = join(root, "data");
    for (const words of [
      ["train", "--resume", folder],
      ["val", "--model", folder, "--data", data],
      ["quantize", "--model", folder, "--data", data],
      ["predict", join(folder, "clip/images"), "--model", folder],
      ["emulate", "--model", folder],
    ])
      expect(await fails(words)).toMatch(/data: no network\.json here; --model takes a run folder/);
    expect(await fails(["train", "--resume", join(root, "absent")])).toMatch(/absent: no such run; /);
    expect(await fails(["train", ...common(), "--name", "../up"])).toMatch(
      /--name "\.\.\/up": a run's name is one folder/,
    );
    expect(await fails(["train", "--data", data, "--network", network, "--project", network])).toMatch(
      /network\.json\/detect: cannot write: a part of the path is a file, not a folder; choose/,
    );
  });

  it("arguments that are damaged or gone", async () => {
    const copy = copyOf(run, "arguments");
    const file = join(copy, "args.yaml");
    for (const [text, problem] of [
      ["data: [x", /not YAML \(/],
      ["", /data is not a list of paths/],
      ["data: [5]\nrecipe: {}", /data is not a list of paths/],
      ["data: [x]\nrecipe: null", /has no recipe/],
      ["data: [x]\nrecipe: {epochs: nine}", /epochs is nine; an integer in/],
      ["data: [x]\nrecipe: {}\nfraction: 2", /fraction is 2; /],
    ] as const) {
      fs.writeFileSync(file, text);
      const line = await fails(["train", "--resume", copy]);
      expect(line).toMatch(problem);
      expect(line).toMatch(/args\.yaml: .*; restore it or start a new run$/);
    }
    fs.rmSync(file);
    expect(await fails(["train", "--resume", copy])).toMatch(/args\.yaml: is missing; .*start a new one/);
  });

  it("a clip that is not there, before anything is trained", async () => {
    const clip = join(root, "clip.avi");
    expect(await fails(["ship", ...common(), "--clip", clip, "--name", "clipless"])).toMatch(
      /clip\.avi: no such video or folder of frames; correct --clip/,
    );
    expect(fs.existsSync(join(project, "ship/clipless"))).toBe(false);
  });
});

describe("corrupt checkpoints", () => {
  const val = (folder: string, on: string): string[] => ["val", "--model", folder, "--data", data, "--on", on];
  const spoil = (name: string, file: string, change: (path: string) => void): string => {
    const copy = copyOf(run, name);
    change(join(copy, file));
    return copy;
  };

  it("best weights cut off or gone", async () => {
    const copy = spoil("cut-best", "weights/best.safetensors", (path) => fs.truncateSync(path, 3000));
    const before = contentOf(copy);
    expect(await fails(val(copy, "float"))).toMatch(
      /best\.safetensors: .*3000 bytes; the file is damaged.*: restore it/,
    );
    expect(await fails(["train", "--resume", copy])).toMatch(
      /best\.safetensors: .* damaged.*: restore it.*, or remove .*weights to train from the first epoch$/,
    );
    expect(contentOf(copy)).toEqual(before);
    fs.rmSync(join(copy, "weights/best.safetensors"));
    expect(await fails(["train", "--resume", copy])).toMatch(/best\.safetensors: is missing, .*restore it, or remove/);
    expect(await fails(val(copy, "float"))).toMatch(/best\.safetensors: no such file; .*train it/);
  });

  it("a last checkpoint that is garbage, cut off, or something else", async () => {
    const best = join(run, "weights/best.safetensors");
    for (const [change, problem] of [
      [(path: string) => fs.writeFileSync(path, "garbage"), /7 bytes are too few for a header; the file is damaged/],
      [(path: string) => fs.truncateSync(path, 60000), /at bytes \d+\.\.\d+ of \d+; the file is damaged/],
      [(path: string) => fs.copyFileSync(best, path), /not a checkpoint of a training run/],
    ] as const) {
      const copy = spoil("bad-last", "weights/last.safetensors", change);
      const before = contentOf(copy);
      const line = await fails(["train", "--resume", copy]);
      expect(line).toMatch(problem);
      expect(line).toMatch(/last\.safetensors: .* remove it to train from the first epoch/);
      expect(contentOf(copy)).toEqual(before);
    }
  });

  it("a quantised network that is broken", async () => {
    for (const [text, problem] of [
      ["{", /not JSON/],
      ["null", /format is missing/],
      [fs.readFileSync(join(run, "quantized.json"), "utf8").replace(/"scale":\s*[\d.e-]+/, '"scale":0'), /scale 0/],
    ] as const) {
      const copy = spoil("bad-int8", "quantized.json", (path) => fs.writeFileSync(path, text));
      for (const words of [
        val(copy, "int8"),
        ["predict", join(root, "data/clip/images"), "--model", copy, "--no-save"],
      ]) {
        const line = await fails(words);
        expect(line).toMatch(problem);
        expect(line).toMatch(/bad-int8\/quantized\.json: .*; quantise the network again/);
      }
    }
    const copy = spoil("cut-int8", "quantized.safetensors", (path) => fs.truncateSync(path, 100));
    expect(await fails(val(copy, "int8"))).toMatch(/quantized\.safetensors: .* damaged.*: restore it or make it again/);
  });
});

describe("an integer network", () => {
  it("that is broken does not hinder the float network, and is made again", async () => {
    const copy = copyOf(run, "again-int8");
    fs.truncateSync(join(copy, "quantized.json"), 500);
    await phinetsJson("val", "--model", copy, "--data", data, "--project", project, "--on", "float");
    await phinetsJson("quantize", "--model", copy, "--data", data, "--project", project, "--pictures", "8");
    expect(contentOf(copy)["quantized.json"]).toBe(contentOf(run)["quantized.json"]);
  });

  it("of earlier weights is not taken for that of new ones", async () => {
    copyOf(run, "runs/detect/twice");
    await phinetsJson(
      "train",
      ...common(),
      "--epochs",
      "1",
      "--no-plots",
      "--seed",
      "5",
      "--name",
      "twice",
      "--exist-ok",
    );
    const { stderr } = await phinets("val", "--model", join(project, "detect/twice"), "--data", data);
    expect(stderr).toMatch(/detect\/twice: not quantised yet, so this is the float network; phinets quantize/);
  });
});

describe("resuming", () => {
  it("refuses data or a network that has changed", async () => {
    const words = (path: string, name: string): string[] => ["train", ...common(path), "--epochs", "1", "--name", name];
    const path = join(copyOf(join(root, "data"), "changing"), "data.yaml");
    await phinetsJson(...words(path, "changed"));
    const folder = join(project, "detect/changed");
    // The event log records the second start too.
    const kept = () => ({ ...contentOf(folder), "events.jsonl": undefined });
    const before = kept();
    const file = join(root, "changing/train/labels/000003.txt");
    const old = fs.readFileSync(file);
    fs.writeFileSync(file, "0 0.5 0.5 0.1 0.1\n");
    expect(await fails(["train", "--resume", folder])).toMatch(
      /detect\/changed: the data set has changed .*; restore it, or start a new run/,
    );
    fs.writeFileSync(file, old);
    await phinetsJson("train", "--resume", folder);
    expect(kept()).toEqual(before);
    const json = JSON.parse(fs.readFileSync(join(folder, "network.json"), "utf8"));
    fs.writeFileSync(join(folder, "network.json"), JSON.stringify({ ...json, alpha: 0.3 }));
    expect(await fails(["train", "--resume", folder])).toMatch(/the network or the recipe is not the one .*; restore/);
  });
});

describe("divergence", () => {
  it("before the first epoch is done leaves nothing that looks like weights", async () => {
    const line = await fails(["train", ...common(), "--epochs", "10", "--lr", "100", "--name", "hot", "--exist-ok"]);
    expect(line).toMatch(
      /diverged at step \d+, learning rate \d+: the loss is (NaN|Infinity) .*; lower the learning rate, to \d+ for example; no epoch was/,
    );
    expect(fs.existsSync(join(project, "detect/hot/weights"))).toBe(false);
  });

  it("later keeps the last good checkpoint, all of it finite", async () => {
    const words = ["--lr", "20", "--weight-decay", "1", "--loss", "yolov2", "--warmup-steps", "0", "--name"];
    const { exitCode, stderr } = await phinets("train", ...common(), "--epochs", "10", ...words, "diverging");
    expect(exitCode).toBe(1);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
      /^error: .*detect\/diverging: training diverged at step \d+, learning rate 20: .*; lower the learning rate, to 7 for example; what epoch \d+ left in weights\/ is kept$/,
    );
    const folder = join(project, "detect/diverging");
    for (const file of ["best", "last"]) {
      const { weights } = loadRun(join(folder, `weights/${file}.safetensors`));
      for (const { data: values } of Object.values(weights)) expect(values.every(Number.isFinite)).toBe(true);
    }
    expect(fs.readFileSync(join(folder, "results.csv"), "utf8")).not.toMatch(/nan|infinity/i);
  });
});

describe("a full disk", () => {
  const names = ["writeSync", "openSync"] as const;

  /** Runs `act` while writes to files of this name, from the `after`th file on, fail as on a full disk. */
  async function withFullDisk<T>(file: string, after: number, act: () => Promise<T>): Promise<T> {
    const cjs = createRequire(import.meta.url)("node:fs") as {
      -readonly [name in (typeof names)[number]]: (typeof fs)[name];
    };
    const real = { writeSync: cjs.writeSync, openSync: cjs.openSync };
    const full = new Set<number>();
    let opened = 0;
    cjs.openSync = ((path: string, ...rest: never[]) => {
      const descriptor = real.openSync(path, ...(rest as unknown as [string]));
      full.delete(descriptor);
      if (basename(String(path)).endsWith(`.${file}`) && opened++ >= after) full.add(descriptor);
      return descriptor;
    }) as typeof fs.openSync;
    cjs.writeSync = ((descriptor: number, bytes: Uint8Array, offset: number, length: number) => {
      if (!full.has(descriptor)) return real.writeSync(descriptor, bytes, offset, length);
      // The part that fits is written, the rest fails.
      if (offset === 0 && length > 1000) return real.writeSync(descriptor, bytes, 0, 1000);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    }) as typeof fs.writeSync;
    syncBuiltinESMExports();
    try {
      return await act();
    } finally {
      Object.assign(cjs, real);
      syncBuiltinESMExports();
    }
  }

  it.each([
    ["last.safetensors", "the checkpoint of the second epoch"],
    ["best.safetensors", "the best weights"],
    ["results.csv", "the results"],
  ])("at %s (%s) ends in one line; freed and resumed, the run ends as if nothing had been", async (file) => {
    const name = `full-${file.split(".")[0]}`;
    const folder = join(project, "detect", name);
    const after = file === "best.safetensors" ? 0 : 1;
    const { exitCode, stderr } = await withFullDisk(file, after, () =>
      phinets("train", ...common(), "--epochs", "2", "--name", name),
    );
    expect(exitCode).toBe(1);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
      new RegExp(`^error: .*${name}/.*${file} \\(\\d+ bytes\\): the disk is full; free some space .*--resume`),
    );
    const left = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    expect(left.filter((path) => basename(path).startsWith("."))).toEqual([]);
    const resumed = await phinetsJson("train", "--resume", folder);
    expect(resumed.weightsSha256).toBe(contentOf(run)["weights/best.safetensors"]);
    expect(contentOf(folder)["weights/last.safetensors"]).toBe(contentOf(run)["weights/last.safetensors"]);
  });

  it("while C is exported leaves a folder that the same command takes again", async () => {
    const out = join(project, "full-export");
    const words = ["export", "--model", run, "--format", "c", "--out", out];
    const { exitCode, stderr } = await withFullDisk("phinets_model.c", 0, () => phinets(...words));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/phinets_model\.c \(\d+ bytes\): the disk is full/);
    expect(fs.readdirSync(out)).toEqual(["README.md"]);
    expect(await phinets(...words)).toMatchObject({ exitCode: 0 });
  });
});
