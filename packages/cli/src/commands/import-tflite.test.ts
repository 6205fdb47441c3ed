/** Another tool's .tflite through the commands: an int8 run folder, measured on the emulated core. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quantizedToTflite } from "@phinets/core/export";
import { GraphBuilder } from "@phinets/core/graph";
import { runInteger } from "@phinets/core/inference";
import { savePicture } from "@phinets/node/picture";
import { afterAll, describe, expect, it } from "vitest";
import { ssdHeads } from "../../../../test/conformance/cases/blocks.js";
import { randomlyQuantized } from "../../../../test/random-network.js";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";
import { sharedData } from "../../../../test/shared.js";

const root = mkdtempSync(join(tmpdir(), "phinets-import-tflite-"));
const project = join(root, "runs");
const shared = sharedData && join(sharedData, "mlperf-tiny");
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A network that ends in softmax, for pictures or other inputs. */
function write(name: string, input: readonly [number, number, number]): string {
  const g = new GraphBuilder(name);
  let y = g.conv2d("c", g.input("x", [1, ...input]), { filters: 8, kernel: 3, stride: 2, padding: 1, bias: true });
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const [, height, width] = g.shape(y);
  y = g.averagePool("p", y, { kernel: [height, width], stride: [1, 1], padding: none });
  const q = randomlyQuantized(g.build([g.softmax("s", g.dense("d", g.flatten("f", y), 3))]), 4);
  const file = join(root, `${name}.tflite`);
  writeFileSync(file, quantizedToTflite(q));
  return file;
}

describe("import of a .tflite", () => {
  it("makes a run on which the verbs work: a classifier of pictures", async () => {
    const file = write("picture", [12, 16, 3]);
    const { run, input, operators, macs } = await phinetsJson<{
      run: string;
      input: { type: string };
      operators: Record<string, number>;
      macs: number;
    }>("import", file, "--classes", "nut,bolt,none", "--project", project, "--name", "picture");
    expect(run).toBe(join(project, "classify/picture"));
    expect(input.type).toBe("int8");
    expect(operators).toMatchObject({ AVERAGE_POOL_2D: 1, SOFTMAX: 1 });
    expect(macs).toBe(6 * 8 * 8 * 27 + 24);

    const inspected = await phinetsJson<{ macs: number; target: { fits: boolean } }>(
      ...["inspect", run, "--target", "stm32h743"],
    );
    expect(inspected).toMatchObject({ macs, target: { fits: true } });

    const picture = join(root, "a.png");
    const data = Uint8Array.from({ length: 24 * 32 * 3 }, (_, i) => (i * 7) & 255);
    await savePicture(picture, { width: 32, height: 24, channels: 3, data });
    const [{ classes }] = await phinetsJson<{ classes: { name: string; score: number }[] }[]>(
      ...["predict", "--model", run, picture, "--no-save"],
    );
    expect(classes.map(({ name }) => name).sort()).toEqual(["bolt", "none", "nut"]);
    // The network's own probabilities, multiples of 1/256.
    for (const { score } of classes) expect(score * 256).toBe(Math.round(score * 256));

    const proof = await phinetsJson<{ matchesInterpreter: boolean; images: number }>(
      ...["emulate", "--model", run, "--images", picture],
    );
    expect(proof).toMatchObject({ matchesInterpreter: true, images: 1 });

    const { files } = await phinetsJson<{ files: string[] }>(
      ...["export", "--model", run, "--format", "c,tflite", "--out", join(root, "out")],
    );
    expect(files.some((each) => each.endsWith("phinets_model.c"))).toBe(true);

    const { exitCode, stderr } = await phinets("train", "--weights", run, "--data", root, "--project", project);
    expect(exitCode).toBe(1);
    expect(stderr).not.toContain("    at ");
    const torch = await phinets("export", "--model", run, "--format", "torch", "--out", join(root, "torch"));
    expect(torch.stderr).toContain("was imported as int8 and has no float weights");
  });

  it("knows the head of a .tflite of ours", async () => {
    const models = fileURLToPath(new URL("../../../../models/person-128", import.meta.url));
    const out = join(root, "person");
    await phinetsJson("export", "--model", models, "--format", "tflite", "--out", out);
    const { run } = await phinetsJson<{ run: string }>(
      "import",
      join(out, "model.tflite"),
      "--project",
      project,
      "--name",
      "person",
    );
    expect(run).toBe(join(project, "detect/person"));
    const words = ["predict", join(root, "a.png"), "--no-save", "--conf", "0.01"];
    const [own, again] = await Promise.all(
      [models, run].map((each) => phinetsJson(...words, "--model", each, "--on", "int8")),
    );
    expect(again).toEqual(own);
  });

  it("takes raw values where there are no pictures", async () => {
    const file = write("sensor", [6, 5, 9]);
    const { run } = await phinetsJson<{ run: string }>("import", file, "--project", project, "--name", "sensor");
    const inputs = join(root, "inputs.bin");
    writeFileSync(
      inputs,
      Uint8Array.from({ length: 2 * 6 * 5 * 9 }, (_, i) => (i * 37) & 255),
    );
    const records = await phinetsJson<{ outputs: number[][]; values: number[] }[]>(
      ...["predict", "--model", run, "--tensor", inputs, "--project", project],
    );
    expect(records).toHaveLength(2);
    const bytes = readFileSync(join(project, "predict/predict/outputs.bin"));
    expect([...Int8Array.from(bytes)]).toEqual(records.flatMap(({ outputs }) => outputs.flat()));
    const picture = join(root, "a.png");
    expect((await phinets("predict", "--model", run, picture)).stderr).toContain(
      "the network takes 6x5x9 values, which no picture has; give them with --tensor FILE",
    );
    writeFileSync(inputs, new Uint8Array(271));
    expect((await phinets("predict", "--model", run, "--tensor", inputs)).stderr).toContain(
      "has 271 bytes; an input is 6x5x9, so that a multiple of 270 is needed",
    );
  });

  it("has all outputs of a network of several, in every form", async () => {
    const q = randomlyQuantized(ssdHeads(), 4);
    const file = join(root, "ssd.tflite");
    writeFileSync(file, quantizedToTflite(q));
    const { run, outputs } = await phinetsJson<{ run: string; outputs: { name: string; shape: number[] }[] }>(
      ...["import", file, "--project", project, "--name", "ssd"],
    );
    expect(outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["boxes", [1, 1, 52, 4]],
      ["scores", [1, 1, 52, 3]],
    ]);
    const inputs = join(root, "ssd.bin");
    const picture = Int8Array.from({ length: 9 * 8 * 3 }, (_, i) => i * 37);
    writeFileSync(inputs, picture);
    const expected = runInteger(q, picture).map((output) => [...output]);
    const [record] = await phinetsJson<{ outputs: number[][]; values: number[] }[]>(
      ...["predict", "--model", run, "--tensor", inputs, "--no-save"],
    );
    expect(record.outputs).toEqual(expected);
    const real = q.graph.outputs.flatMap((name, i) =>
      expected[i].map((byte) => q.values[name].scale * (byte - q.values[name].zeroPoint)),
    );
    expect(record.values).toEqual(real);
    const text = await phinets("predict", "--model", run, "--tensor", inputs, "--no-save");
    expect(text.stdout).toMatch(/^0 {2}boxes {2}.*\n0 {2}scores {2}/m);
    const inspected = await phinetsJson<{ outputs: unknown }>("inspect", run);
    expect(inspected.outputs).toEqual([
      { name: "boxes", shape: [1, 52, 4] },
      { name: "scores", shape: [1, 52, 3] },
    ]);
    const proof = await phinetsJson<{ matchesInterpreter: boolean; outputSha256: string }>(
      ...["emulate", "--model", run, "--tensor", inputs],
    );
    const sha256 = createHash("sha256").update(Int8Array.from(expected.flat())).digest("hex");
    expect(proof).toMatchObject({ matchesInterpreter: true, outputSha256: sha256 });
    const out = join(root, "ssd");
    await phinetsJson("export", "--model", run, "--format", "c,tflite,onnx", "--out", out);
    const header = readdirSync(out, { recursive: true, encoding: "utf8" }).find((each) =>
      each.endsWith("phinets_model.h"),
    )!;
    expect(readFileSync(join(out, header), "utf8")).toContain("#define PHINETS_OUTPUT1_OFFSET 208\n");
  });

  it("leaves nothing behind where it is refused, and says all that cannot be imported", async () => {
    const before = readdirSync(join(project, "classify"));
    const file = write("wrong", [12, 16, 3]);
    const refused = await phinets("import", file, "--classes", "a,b", "--project", project);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("gives [1,3], and 2 classes are named; a value for each is needed");
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, 300));
    expect((await phinets("import", file, "--project", project)).stderr).toContain("is damaged: of 300 bytes");
    const usage = await phinets("import", file, "--network", "network.json", "--project", project);
    expect(usage.exitCode).toBe(2);
    expect(readdirSync(join(project, "classify"))).toEqual(before);
  });

  it.skipIf(!shared)("folds constant channels and runs as fast as planned: visual wake words", async () => {
    const file = join(shared!, "vww.tflite");
    const card = await phinetsJson<{
      run: string;
      macs: number;
      folded: { macsBefore: number; removed: number; inputsCompared: number };
    }>("import", file, "--project", project, "--name", "vww");
    expect(card).toMatchObject({
      macs: 3_903_749,
      folded: { macsBefore: 7_489_664, removed: 1826, inputsCompared: 8 },
    });
    const tensor = ["--tensor", join(shared!, "vww.inputs.bin")];
    await phinetsJson("predict", "--model", card.run, ...tensor, "--project", project, "--name", "vww");
    expect(readFileSync(join(project, "predict/vww/outputs.bin"))).toEqual(
      readFileSync(join(shared!, "vww.outputs.bin")),
    );
    const proof = await phinetsJson<{ matchesInterpreter: boolean; instructions: number; outputSha256: string }>(
      ...["emulate", "--model", card.run, ...tensor],
    );
    expect(proof.matchesInterpreter).toBe(true);
    const record = JSON.parse(readFileSync(join(shared!, "vww.json"), "utf8"));
    expect(proof.outputSha256).toBe(record.outputSha256);
    expect(proof.instructions).toBeLessThan(5_000_000);
  });
});
