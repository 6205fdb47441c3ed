/** Float networks with several outputs through the whole chain, from a file that includes its decoding to firmware. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { savePicture } from "@phinets/node/picture";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anchors, yolov5, yolov8 } from "../../../../test/onnx-heads.js";
import { OnnxNet } from "../../../../test/onnx-net.js";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-import-outputs-"));
const project = join(root, "runs");
const data = join(root, "data");
const random = new Random(3, 1);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const size = { height: 64, width: 96, classes: 2 };

/** Bright and dark squares on grey, labelled as YOLO does. */
beforeAll(async () => {
  for (const split of ["train", "val"]) {
    for (const kind of ["images", "labels"]) mkdirSync(join(data, split, kind), { recursive: true });
    for (let n = 0; n < 6; n++) {
      const pixels = new Uint8Array(64 * 96 * 3).fill(120);
      const [label, x, y] = [n % 2, 8 * random.integer(8), 8 * random.integer(4)];
      for (let row = y; row < y + 24; row++) pixels.fill(label ? 30 : 220, (row * 96 + x) * 3, (row * 96 + x + 24) * 3);
      await savePicture(join(data, split, "images", `${n}.png`), { width: 96, height: 64, channels: 3, data: pixels });
      const box = [(x + 12) / 96, (y + 12) / 64, 24 / 96, 24 / 64];
      writeFileSync(join(data, split, "labels", `${n}.txt`), `${label} ${box.join(" ")}\n`);
    }
  }
  writeFileSync(join(data, "data.yaml"), "train: train/images\nval: val/images\nnames: [bright, dark]\n");
});

function fileOf(name: string, of: (net: OnnxNet) => string[]): { file: string; maps: string[] } {
  const net = new OnnxNet(7);
  const maps = of(net);
  const file = join(root, name);
  writeFileSync(file, net.encode());
  return { file, maps };
}

interface Boxes {
  readonly boxes: { readonly name: string; readonly score: number }[];
}

describe("import --outputs", () => {
  const picture = join(data, "val/images/0.png");
  const words = ["--project", project];
  const { file, maps } = fileOf("yolov8.onnx", (net) => yolov8(net, size, 4));

  it("makes a detector of the maps before a decoding: quantised, run and proven, and read again from its own files", async () => {
    const head = join(root, "head.json");
    writeFileSync(head, JSON.stringify({ decoder: "yolov8", classes: ["bright", "dark"], bins: 4 }));
    const refused = await phinets("import", file, "--head", head, ...words);
    expect(refused.exitCode).toBe(1);
    const [, outputs] = /(?:--outputs) (\S+)$/.exec(refused.stderr.trim()) ?? [];
    expect(outputs).toBe(maps.join());
    const { run, outputs: given } = await phinetsJson<{ run: string; outputs: object[] }>(
      ...["import", file, "--outputs", outputs, "--head", head, ...words, "--name", "v8"],
    );
    expect(run).toBe(join(project, "detect/v8"));
    expect(given).toEqual([
      { name: maps[0], shape: [1, 8, 12, 18] },
      { name: maps[1], shape: [1, 4, 6, 18] },
      { name: maps[2], shape: [1, 2, 3, 18] },
    ]);
    expect(readFileSync(join(run, "args.yaml"), "utf8")).toContain(maps[1]);
    const inspected = await phinetsJson<{ outputs: object[] }>("inspect", run, "--target", "stm32h743");
    expect(inspected).toMatchObject({
      outputs: [{ shape: [8, 12, 18] }, { shape: [4, 6, 18] }, { shape: [2, 3, 18] }],
    });
    const predict = ["predict", picture, "--model", run, "--no-save", "--conf", "0.3"];
    const [float] = await phinetsJson<Boxes[]>(...predict, "--on", "float");
    expect(float.boxes.length).toBeGreaterThan(0);

    const quantize = ["quantize", "--model", run, "--data", data, ...words];
    const report = await phinetsJson<{ metric: string; outputs: { name: string; snrDb: number }[] }>(...quantize);
    expect(report.metric).toBe("AP50");
    expect(report.outputs.map(({ name }) => name)).toEqual(maps);
    for (const { snrDb } of report.outputs) expect(snrDb).toBeGreaterThan(20);
    const aware = await phinets(...quantize, "--qat", "3");
    expect(aware.exitCode).toBe(1);
    expect(aware.stderr).toContain("a yolov8 head has no loss to train with; quantise the network without --qat");

    const [int8] = await phinetsJson<Boxes[]>(...predict);
    expect(Math.abs(int8.boxes[0].score - float.boxes[0].score)).toBeLessThan(0.1);
    const val = ["val", "--model", run, "--data", data, ...words];
    const measured = await phinetsJson<{ AP50: number }>(...val);
    expect(await phinetsJson(...val, "--on", "firmware")).toMatchObject({ AP50: measured.AP50 });
    expect(await phinetsJson("emulate", "--model", run, "--images", join(data, "val/images"))).toMatchObject({
      matchesInterpreter: true,
    });
    const tracks = join(root, "tracks.txt");
    await phinetsJson(
      "track",
      join(data, "val/images"),
      "--model",
      run,
      "--out",
      tracks,
      "--conf",
      "0.3",
      "--min-hits",
      "1",
    );
    expect(readFileSync(tracks, "utf8")).toMatch(/^1,\d+,/);
    expect(await phinetsJson("emulate", "--model", run, "--images", picture, "--tracks")).toMatchObject({
      tracking: { tracksMatch: true },
    });

    const out = join(root, "out");
    await phinetsJson("export", "--model", run, "--format", "c,tflite,onnx", "--out", out);
    expect(readFileSync(join(out, "phinets_model.h"), "utf8")).toContain("PHINETS_OUTPUT2_OFFSET");
    expect(readFileSync(join(out, "phinets_model.c"), "utf8")).toContain(".decode = phinets_decode_yolov8");
    const tensors = join(root, "tensors.bin");
    writeFileSync(
      tensors,
      new Int8Array(64 * 96 * 3).map(() => random.integer(256) - 128),
    );
    const bytes = (of: string) =>
      phinetsJson<{ outputs: number[][]; class?: string }[]>(
        "predict",
        "--tensor",
        tensors,
        "--model",
        of,
        "--no-save",
      );
    const [{ outputs: expected, class: named }] = await bytes(run);
    expect(expected.map(({ length }) => length)).toEqual([8 * 12 * 18, 4 * 6 * 18, 2 * 3 * 18]);
    expect(named).toBeUndefined();
    for (const again of ["model.tflite", "model_int8.onnx", "model.onnx"]) {
      const own = await phinetsJson<{ run: string }>("import", join(out, again), ...words, "--name", again);
      // The run knows what its maps mean: boxes are decoded without --head.
      expect(own.run).toBe(join(project, "detect", again));
      if (again === "model.onnx") {
        const [same] = await phinetsJson<Boxes[]>(...predict.with(3, own.run), "--on", "float");
        expect(same.boxes.length).toBe(float.boxes.length);
        continue;
      }
      expect((await bytes(own.run))[0].outputs).toEqual(expected);
      expect(await phinetsJson(...predict.with(3, own.run))).toEqual([int8]);
      expect(await phinetsJson(...val.with(2, own.run))).toMatchObject({ AP50: measured.AP50 });
    }
  });

  it("finds boxes with anchors, too", async () => {
    const v5 = fileOf("yolov5.onnx", (net) => yolov5(net, size));
    const head = join(root, "anchors.json");
    const describe = (given: object) =>
      writeFileSync(head, JSON.stringify({ decoder: "yolov5", classes: 2, ...given }));
    const words = ["import", v5.file, "--outputs", v5.maps.join(), "--head", head, "--project", project];
    for (const [wrong, said] of [
      [
        { anchors: anchors.slice(0, 2) },
        "gives [1,8,12,14] and [1,4,6,14] and [1,2,3,14]; the head's anchors and 2 classes need",
      ],
      [{ anchors: [[10, 13]] }, "head.anchors[0][0] is 10; it must be [width, height] in pixels"],
      [{ anchors: [[]] }, "head.anchors[0] is []; it must be a map's list"],
      [{}, "head.anchors is []; it must be a list for each of 1 to 16 maps"],
      [{ anchors, bins: 4 }, "unknown field head.bins"],
    ] as const) {
      describe(wrong);
      const { exitCode, stderr } = await phinets(...words);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(said);
    }
    describe({ anchors });
    const { run } = await phinetsJson<{ run: string }>(...words, "--name", "v5");
    const [{ boxes }] = await phinetsJson<Boxes[]>(
      ...["predict", picture, "--model", run, "--on", "float", "--no-save", "--conf", "0.2"],
    );
    expect(boxes.length).toBeGreaterThan(0);
  });

  it("makes a network of numbers where nothing says what they mean: quantised by all its outputs", async () => {
    const chosen = [maps[2], maps[0]];
    const { run } = await phinetsJson<{ run: string }>(
      ...["import", file, "--outputs", chosen.join(), ...words, "--name", "numbers"],
    );
    const quantize = ["quantize", "--model", run, "--data", data, ...words];
    const report = await phinetsJson<{ outputs: { name: string; snrDb: number }[] }>(...quantize);
    expect(report).toMatchObject({ metric: "none", outputs: chosen.map((name) => ({ name })) });
    expect((await phinets(...quantize)).stdout).toMatch(/int8 against float: \S+ \d+\.\d dB, \S+ \d+\.\d dB/);
    expect((await phinets(...quantize, "--qat")).stderr).toContain(
      "a network without a head has no loss to train with",
    );
    expect((await phinets("val", "--model", run, "--data", data)).stderr).toContain("the network has no head");
    expect(await phinetsJson("emulate", "--model", run, "--limit", "2")).toMatchObject({ matchesInterpreter: true });
  });
});
