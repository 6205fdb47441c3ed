/** The main entry point: a run folder's files become a model that predicts pictures. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Picture, renderConveyorClip, writeInput } from "@phinets/core/data";
import { detect, toSourcePixels } from "@phinets/core/detection";
import { IntegerInterpreter, runFloat } from "@phinets/core/inference";
import { loadModel, type ModelFiles, readModel } from "@phinets/core/model";
import { buildNetwork, classCount, inputName } from "@phinets/core/networks";
import { quantizeInput } from "@phinets/core/quantization";
import { PhinetsError, tensor } from "@phinets/core/tensor";
import { Sort } from "@phinets/core/tracking";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../models/person-128/", import.meta.url));
const fromDisk = (name: string): Uint8Array | undefined =>
  existsSync(folder + name) ? new Uint8Array(readFileSync(folder + name)) : undefined;

/** A frame of the conveyor, enlarged by repeating pixels. */
const [{ picture }] = renderConveyorClip(3, 1);

describe("a model", () => {
  it("computes what the integer interpreter does, decoded", async () => {
    const model = await loadModel(fromDisk, { conf: 0.01 });
    expect(model).toMatchObject({ task: "detect", classes: ["person"], on: "int8" });
    expect(model.input).toEqual({ height: 128, width: 128, channels: 3 });
    const { network, quantized } = await readModel(fromDisk);
    const input = new Float32Array(128 * 128 * 3);
    writeInput(model.prepare(picture).data, input);
    const [bytes] = new IntegerInterpreter(quantized!).run(quantizeInput(input));
    const [output] = quantized!.graph.outputs;
    const { scale, zeroPoint } = quantized!.values[output];
    const map = Float64Array.from(bytes, (q) => scale * (q - zeroPoint));
    expect(model.output(picture)).toEqual(map);
    const { head } = network;
    if (head.kind !== "yolov2") throw new Error("no detector");
    const [, height, width, channels] = quantized!.graph.shapes[output];
    const shape = { anchors: head.anchors, classes: classCount(head), decoder: head.decoder };
    const boxes = detect(map, [height, width, channels], shape, {
      threshold: 0.01,
      iouThreshold: 0.45,
      maxDetections: 100,
    });
    const wanted = toSourcePixels(boxes, picture.width, picture.height).filter(
      (box) => box.width > 0 && box.height > 0,
    );
    expect(wanted.length).toBeGreaterThan(0);
    expect(model.detect(picture)).toEqual(wanted.map((box) => ({ ...box, name: "person" })));
    expect(model.predictBatch([picture, picture])).toEqual([model.predict(picture), model.predict(picture)]);
    await model.dispose();
  });

  it("in float computes the network's own output to rounding", async () => {
    const model = await loadModel(fromDisk, { on: "float" });
    const { network, weights } = await readModel(fromDisk, "float");
    const graph = buildNetwork(network);
    const input = tensor("float32", [1, 128, 128, 3]);
    writeInput(model.prepare(picture).data, input.data);
    const exact = runFloat(graph, weights!, { [inputName]: input })[graph.outputs[0]].data;
    const found = model.output(picture);
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (let i = 0; i < exact.length; i++) expect(Math.abs(found[i] - exact[i])).toBeLessThan(1e-4 * largest);
    await model.dispose();
  });

  it("tracks, and looks at tiles", async () => {
    const model = await loadModel(fromDisk, { conf: 0.05, tiles: { columns: 2, rows: 2 } });
    const tracker = model.track(new Sort({ minHits: 1 }));
    const clip: Picture[] = [picture, picture, picture];
    const tracks = clip.map((frame) => tracker.update(frame));
    const found = model.detect(picture);
    expect(found.length).toBeGreaterThan(0);
    expect(tracks[2].length).toBeGreaterThan(0);
    expect(tracks[2].every(({ name, id }) => name === "person" && id > 0)).toBe(true);
    await model.dispose();
  });

  it("names a quantised network that is no text", async () => {
    const files = (name: string) => (name === "quantized.json" ? Uint8Array.of(0xff, 0xfe) : fromDisk(name));
    await expect(readModel(files)).rejects.toThrow("quantized.json: not a text in UTF-8; make it again");
  });

  it("names what is missing", async () => {
    const rejects = async (files: ModelFiles, options: Parameters<typeof loadModel>[1], message: RegExp) => {
      const error = await loadModel(files, options).catch((caught) => caught);
      expect(error).toBeInstanceOf(PhinetsError);
      expect(error.message).toMatch(message);
    };
    await rejects({}, {}, /^network\.json: is missing/);
    const network = new Uint8Array(readFileSync(`${folder}network.json`));
    await rejects({ "network.json": network }, {}, /^weights\/best\.safetensors: is missing; train the network first/);
    const document = new Uint8Array(readFileSync(`${folder}quantized.json`));
    await rejects({ "network.json": network, "quantized.json": document }, {}, /^quantized\.safetensors: is missing/);
    await rejects({ "network.json": network.subarray(0, 9) }, {}, /^network\.json: not JSON/);
    const int8Only: ModelFiles = (name) => (name.startsWith("weights/") ? undefined : fromDisk(name));
    await rejects(int8Only, { on: "float" }, /^weights\/best\.safetensors: is missing/);
  });
});
