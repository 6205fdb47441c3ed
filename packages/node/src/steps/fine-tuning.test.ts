/** Trainings that start from trained weights: what is kept, the learning rate, and that they do not get worse. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { conveyorClasses } from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { floatOutputs } from "@phinets/core/learning";
import { fineTuningRates, makeRecipe } from "@phinets/core/training";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinetsJson, tinyDataset, writeNetwork } from "../../../../test/road-tools.js";
import { sharedData } from "../../../../test/shared.js";
import { loadArguments } from "../run/arguments.js";
import { loadRun } from "../run/load.js";
import { readResults } from "../run/save.js";
import { chooseNetwork } from "./choose-network.js";
import { listen } from "./context.js";
import { loadSplit, type OpenedData, openData } from "./data.js";
import { describePretrained, loadPretrained, startingRecipe } from "./pretrained.js";
import { readEvents } from "./train/index.js";

const root = mkdtempSync(join(tmpdir(), "phinets-tune-"));
const project = join(root, "runs");
const base = join(project, "detect/base");
const open = (path: string): Promise<OpenedData> => openData([path], { seed: 0, project });
const choose = (data: OpenedData, weights?: string) =>
  chooseNetwork(data, { weights, limits: {}, loss: "ciou", seed: 0 });

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("from a run's weights", () => {
  let data: string;
  let others: string;

  beforeAll(async () => {
    data = await tinyDataset(join(root, "data"));
    const words = ["--batch", "8", "--epochs", "2", "--workers", "1", "--project", project];
    await phinetsJson(
      "train",
      "--data",
      data,
      "--network",
      writeNetwork(root),
      "--name",
      "base",
      ...words,
      "--no-plots",
    );
    // The same pictures with the classes in another order and one more: classes are matched by name.
    others = join(root, "others/data.yaml");
    cpSync(join(root, "data"), join(root, "others"), { recursive: true });
    const names = conveyorClasses;
    for (const split of ["train", "val"]) {
      const folder = join(root, "others", split, "labels");
      for (const file of readdirSync(folder)) {
        const lines = readFileSync(join(folder, file), "utf8").trim().split("\n");
        const moved = lines.map((line) => line.replace(/^\d+/, (index) => `${names.length - Number(index)}`));
        writeFileSync(join(folder, file), `${moved.join("\n")}\n`);
      }
    }
    writeFileSync(others, `train: train/images\nval: val/images\nnames: [gear, ${[...names].reverse().join(", ")}]\n`);
  });

  it("the same classes keep network, head and anchors, and validate as the run did", async () => {
    const opened = await open(data);
    const { network } = loadRun(base);
    expect(choose(opened, base)).toEqual(network);
    const start = loadPretrained(base, network);
    expect(start).toMatchObject({ left: [], classes: undefined });
    const words = ["--epochs", "1", "--batch", "8", "--workers", "1", "--project", project, "--no-plots"];
    await phinetsJson("train", "--data", data, "--weights", base, "--name", "again", ...words);
    const folder = join(project, "detect/again");
    expect(loadArguments(folder).recipe.learningRate).toBe(fineTuningRates.whole);
    const best = Math.max(...readResults(base).map(({ AP50 }) => AP50));
    const [first] = readResults(folder);
    expect(first).toMatchObject({ epoch: 0 });
    expect(first.AP50).toBeCloseTo(best, 6);
    const told = readEvents(folder).filter((each) => each.event === "validation");
    expect(told.map(({ epoch }) => epoch)).toEqual([0, 1]);
  });

  it("other classes keep what is not of a class, and those of the same name", async () => {
    const opened = await open(others);
    const before = loadRun(base);
    const network = choose(opened, base);
    expect(network.head).toMatchObject({ anchors: (before.network.head as { anchors: unknown }).anchors });
    const start = loadPretrained(base, network);
    expect(describePretrained(start)[1]).toBe(
      `the classes differ from those of the weights; class-independent outputs are kept, and those for: ${[...conveyorClasses].reverse().join(", ")}; new classes start untrained: gear`,
    );
    expect(start.left).toEqual([]);
    // The network's outputs equal the run's, channel by channel.
    const context = listen();
    const source = await loadSplit(opened, "val", "evaluation", network, project, context);
    const engine = await createEngine();
    const old = floatOutputs(engine, before.network, before.weights, source);
    const now = floatOutputs(engine, network, start.weights(), source);
    await engine.dispose();
    const classes = conveyorClasses.length;
    const cells = old[0].length / (5 + classes);
    for (const [i, output] of now.entries())
      for (let cell = 0; cell < cells; cell++) {
        const [was, is] = [cell * (5 + classes), cell * (6 + classes)];
        for (let k = 0; k < 5; k++) expect(output[is + k]).toBeCloseTo(old[i][was + k], 4);
        expect(output[is + 5]).toBe(0);
        for (let k = 0; k < classes; k++) expect(output[is + 6 + k]).toBeCloseTo(old[i][was + 4 + classes - k], 4);
      }
    const recipe = (given: object) => startingRecipe(makeRecipe("detect", given), given, start).learningRate;
    expect([recipe({}), recipe({ learningRate: 0.5 })]).toEqual([fineTuningRates.part, 0.5]);
  });
});

/** A YOLO data set of the persons in some of VOC2007's pictures; returns its data.yaml. */
function persons(counts: Readonly<Record<"train" | "val", number>>): string {
  const voc = `${sharedData}/voc2007`;
  const folder = join(root, "persons");
  for (const [split, count] of Object.entries(counts)) {
    for (const kind of ["images", "labels"]) mkdirSync(join(folder, split, kind), { recursive: true });
    const ids = readFileSync(`${voc}/ImageSets/Main/${split}.txt`, "utf8").match(/\d{6}/g)!;
    for (let i = 0, found = 0; found < count; i++) {
      const xml = readFileSync(`${voc}/Annotations/${ids[i]}.xml`, "utf8");
      const number = (text: string, tag: string) => Number(new RegExp(`<${tag}>(\\d+)`).exec(text)![1]);
      const [width, height] = [number(xml, "width"), number(xml, "height")];
      const rows = xml.match(/<object>.*?<\/object>/gs)!.flatMap((object) => {
        if (!object.includes("<name>person<") || /<difficult>1/.test(object)) return [];
        const [x1, x2] = [number(object, "xmin") / width, number(object, "xmax") / width];
        const [y1, y2] = [number(object, "ymin") / height, number(object, "ymax") / height];
        return [`0 ${(x1 + x2) / 2} ${(y1 + y2) / 2} ${x2 - x1} ${y2 - y1}`];
      });
      if (rows.length === 0) continue;
      found++;
      copyFileSync(`${voc}/JPEGImages/${ids[i]}.jpg`, join(folder, split, "images", `${ids[i]}.jpg`));
      writeFileSync(join(folder, split, "labels", `${ids[i]}.txt`), rows.join("\n"));
    }
  }
  writeFileSync(join(folder, "data.yaml"), "train: train/images\nval: val/images\nnames: [person]\n");
  return join(folder, "data.yaml");
}

const hasVoc = sharedData !== undefined && existsSync(`${sharedData}/voc2007`);

it.skipIf(!hasVoc)("person-128 on 100 pictures of persons starts at its own AP50 and stays within .02", async () => {
  const model = fileURLToPath(new URL("../../../../models/person-128", import.meta.url));
  const data = persons({ train: 100, val: 200 });
  const words = ["--epochs", "2", "--workers", "1", "--project", project, "--name", "persons", "--no-plots"];
  await phinetsJson("train", "--data", data, "--weights", model, ...words);
  const rows = readResults(join(project, "detect/persons"));
  expect(rows.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
  const own = await phinetsJson<{ AP50: number }>(
    ...["val", "--model", model, "--data", data, "--split", "val", "--on", "float", "--project", project],
  );
  expect(rows[0].AP50).toBeCloseTo(own.AP50, 6);
  expect(own.AP50).toBeGreaterThan(0.3);
  for (const { AP50 } of rows) expect(AP50).toBeGreaterThan(own.AP50 - 0.02);
});
