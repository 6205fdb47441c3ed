/** `phinets val` on a run made here, and its saved boxes in `phinets eval`. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSave } from "@phinets/node/dataset";
import { beforeAll, describe, expect, it } from "vitest";
import { phinets, phinetsJson, tinyDataset, tinyNetwork, writeNetwork } from "../../../../test/road-tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-val-"));
const project = join(root, "runs");
const run = join(project, "detect/one");
let data = "";
const val = (...more: string[]) => [
  "val",
  "--model",
  run,
  "--data",
  data,
  "--project",
  project,
  "--split",
  "val",
  ...more,
];

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  const network = writeNetwork(root);
  const words = [
    "train",
    "--data",
    data,
    "--network",
    network,
    "--epochs",
    "12",
    "--project",
    project,
    "--name",
    "one",
  ];
  const { exitCode, stderr } = await phinets(...words, "--no-plots");
  expect(exitCode, stderr).toBe(0);
});

describe("val of a run that is not quantised", () => {
  it("uses the float network and says so; int8 must be asked for in vain", async () => {
    const { exitCode, stdout, stderr } = await phinets(...val());
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain("not quantised yet, so this is the float network");
    expect(stdout).toMatch(/^float on val: AP50 0\.\d{3} {2}AP 0\.\d{3} /);
    expect(stdout).toMatch(/\nclass +boxes +AP50 +AP +precision +recall\n─.*\n\w+ +\d+ +[01]\.\d{3} +[01]\.\d{3} /);
    for (const on of ["int8", "firmware"]) {
      expect((await phinets(...val("--on", on))).stderr).toContain(
        "has no int8 network; make it with phinets quantize",
      );
    }
  });

  it("saves what it scored, in five formats, and eval gives the same figures", async () => {
    const saved = ["--save", "voc,csv,labelme", "--save-txt", "--save-json"];
    const { saved: folder, ...metrics } = await phinetsJson<{ saved: string; AP: number; AP50: number }>(
      ...val(...saved),
    );
    expect(folder).toBe(join(project, "val/val"));
    expect(readdirSync(folder).sort()).toEqual([
      "classes.txt",
      "coco.json",
      "detections.csv",
      "labelme",
      "labels",
      "voc",
    ]);
    expect(metrics.AP50).toBeGreaterThan(0);
    const names = readFileSync(join(folder, "classes.txt"), "utf8").trim().split("\n");
    const labels = join(root, "data/val/labels");
    const { width, height } = tinyNetwork.input;
    const stems = readdirSync(labels).map((file) => file.replace(".txt", ""));
    const truth = {
      images: stems.map((name, id) => ({ id, file_name: `${name}.png`, width, height })),
      categories: names.map((name, id) => ({ id: id + 1, name })),
      annotations: stems.flatMap((name, image_id) =>
        readFileSync(join(labels, `${name}.txt`), "utf8")
          .split("\n")
          .filter((row) => row !== "")
          .map((row) => {
            const [index, x, y, w, h] = row.split(" ").map(Number);
            const bbox = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height];
            return { image_id, category_id: index + 1, bbox };
          }),
      ),
    };
    const gt = join(root, "gt.json");
    writeFileSync(gt, JSON.stringify(truth));
    for (const pred of ["coco.json", "labels", "voc", "detections.csv", "labelme"]) {
      const scored = await phinetsJson<{ AP: number; AP50: number }>(
        ...["eval", "coco", "--gt", gt, "--pred", join(folder, pred)],
      );
      expect(scored.AP50, pred).toBeCloseTo(metrics.AP50, 6);
      expect(scored.AP, pred).toBeCloseTo(metrics.AP, 3);
    }
    const again = await phinetsJson<{ saved: string }>(...val("--save", "csv"));
    expect(again.saved).toBe(join(project, "val/val2"));
  });

  it("saves boxes in the pixels that the labels are in, where the pictures were made smaller", async () => {
    const folder = join(root, "shrunk");
    cpSync(join(root, "data/val/images"), join(folder, "val"), { recursive: true });
    const { width, height } = tinyNetwork.input;
    const images = readdirSync(join(folder, "val")).map((file_name, id) => ({
      ...{ id, file_name },
      ...{ width: 3 * width, height: 3 * height },
    }));
    const gt = join(folder, "annotations/instances_val.json");
    mkdirSync(join(folder, "annotations"));
    const box = [3, 3, width, height];
    const annotations = images.map(({ id }) => ({
      id: id + 1,
      image_id: id,
      category_id: 1,
      bbox: box,
      area: 100,
      iscrowd: 0,
    }));
    const names: string[] = JSON.parse(readFileSync(join(run, "network.json"), "utf8")).head.classes;
    const categories = names.map((name, id) => ({ id: id + 1, name }));
    writeFileSync(gt, JSON.stringify({ images, annotations, categories }));
    const words = ["val", "--model", run, "--project", project, "--data", folder, "--save", "coco"];
    const measured = await phinetsJson<{ saved: string; AP50: number }>(...words);
    const pred = join(measured.saved, "coco.json");
    const widest = Math.max(
      ...JSON.parse(readFileSync(pred, "utf8")).map(({ bbox }: { bbox: number[] }) => bbox[0] + bbox[2]),
    );
    expect(widest).toBeGreaterThan(1.5 * width);
    const scored = await phinetsJson<{ AP50: number }>("eval", "coco", "--gt", gt, "--pred", pred);
    expect(scored.AP50).toBeCloseTo(measured.AP50, 6);
  });

  it("refuses formats that there are not", async () => {
    const { exitCode, stderr } = await phinets(...val("--save", "coco,pascal"));
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      'error: --save coco,pascal: there is no format "pascal"; give some of coco,yolo,voc,csv,labelme with commas between\n',
    );
    expect(parseSave(" YOLO,coco,yolo")).toEqual(["yolo", "coco"]);
    expect(() => parseSave("coco,")).toThrow("a format is missing");
  });
});
