/**
 * Networks of deployable size on the emulated Cortex-M7: the trained ones of models/ with every choice of program,
 * including boxes and tracks, and the instructions of an inference. The counts are the same in every run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { countMacs } from "@phinets/core/cost";
import { renderConveyorClip, resize } from "@phinets/core/data";
import { emitC, Follower, firmwareProgram, modelOptions } from "@phinets/core/export";
import { deployGraph } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { buildNetwork, type Network, parseNetwork } from "@phinets/core/networks";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { loadBoard, type ProgramRequest } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInput, randomlyQuantized } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { writeFirmware } from "../firmware/build.js";
import { loadRun } from "../run/load.js";
import { buildEmulated } from "./build.js";
import { differingFrames } from "./follow.js";
import { runQemu } from "./qemu.js";

const board = loadBoard("stm32h743");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-trained-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let built = 0;

/** Runs a detector's frames, or pictures; returns instructions per multiply-accumulate. */
async function prove(
  q: QuantizedNetwork,
  network: Network,
  frames: Int8Array[],
  programRequest: ProgramRequest,
): Promise<number> {
  const where = join(folder, String(built++));
  const options = modelOptions(network, { scoreThreshold: 0.02 });
  const program = firmwareProgram(q, board, programRequest);
  expect(program.options.dsp).toBe(true);
  writeFirmware(where, emitC(q, { ...options, program }));
  const tracks = options.detector !== undefined;
  const expected = expectedOf(q, network, frames);
  const run = await runQemu(await buildEmulated(where, board), frames, expected.outputs[0].length, { tracks });
  expect(run.outputs).toEqual(expected.outputs);
  if (tracks) expect(differingFrames(expected.followed, run.followed!.frames)).toBe(0);
  return run.instructions.reduce((sum, count) => sum + count, 0) / frames.length / countMacs(q.graph);
}

const known = new Map<QuantizedNetwork, ReturnType<typeof infer>>();
const expectedOf = (q: QuantizedNetwork, network: Network, frames: Int8Array[]) => {
  const made = known.get(q) ?? infer(q, network, frames);
  known.set(q, made);
  return made;
};
function infer(q: QuantizedNetwork, network: Network, frames: Int8Array[]) {
  const interpreter = new IntegerInterpreter(q);
  const outputs = frames.map((frame) => interpreter.run(frame)[0].slice());
  const { detector } = modelOptions(network, { scoreThreshold: 0.02 });
  const follower = detector && new Follower(q, detector);
  return { outputs, followed: outputs.flatMap((output) => (follower ? [follower.next([output])] : [])) };
}

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on the emulated Cortex-M7", () => {
  test.each(["person-128", "person-192"])("%s: bytes, boxes and tracks are the library's", async (name) => {
    const { network, quantized: q } = loadRun(fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url)));
    const frames = renderConveyorClip(1, 4, { width: 160, height: 120 }).map(({ picture }) =>
      Int8Array.from(resize(picture, network.input).data, (value) => value - 128),
    );
    const fast = await prove(q!, network, frames, { input: "rows" });
    const small = await prove(q!, network, frames, { optimize: "ram" });
    expect(fast).toBeLessThan(1.75);
    expect(small).toBeGreaterThanOrEqual(fast);
    expect(small).toBeLessThan(1.4 * fast);
    const { followed } = expectedOf(q!, network, frames);
    expect(followed.reduce((sum, { boxes }) => sum + boxes.length, 0)).toBeGreaterThan(8);
    if (name === "person-192") return;
    expect(Math.abs((await prove(q!, network, frames, {})) / fast - 1)).toBeLessThan(0.01);
    expect(Math.abs((await prove(q!, network, frames, { optimize: "ram", input: "rows" })) / small - 1)).toBeLessThan(
      0.01,
    );
  });

  test.each([
    [
      "MobileNetV2 of 96 px",
      {
        ...{ family: "mobilenetv2", input: { height: 96, width: 96, channels: 3 }, width: 0.35 },
        head: { kind: "classifier", classes: 2 },
      },
      1.9,
    ],
    [
      "a detector without squeeze-and-excite",
      {
        ...{ family: "phinet", profile: "micromind", input: { height: 96, width: 128, channels: 3 }, alpha: 0.4375 },
        ...{ t0: 6, blocks: 7, downsampling: [6], squeezeExcite: false },
        head: { kind: "yolov2", classes: 3, filters: 128 },
      },
      1.5,
    ],
  ])("%s: bytes, and instructions a multiply-accumulate", async (_, json, limit) => {
    const network = parseNetwork(json);
    const q = calibrated(randomlyQuantized(deployGraph(buildNetwork(network)), 1));
    const fast = await prove(q, network, [randomInput(q, 1)], { input: "rows" });
    const small = await prove(q, network, [randomInput(q, 1)], { optimize: "ram", input: "rows" });
    expect(fast).toBeLessThan(limit);
    expect(small).toBeLessThan(1.4 * fast);
  });
});

/** The same bytes, with ReLU6 covering all of int8 as after calibration, so that it needs no table. */
function calibrated(q: QuantizedNetwork): QuantizedNetwork {
  const values = { ...q.values };
  const weightScales = { ...q.weightScales };
  for (const { name, op, inputs, attributes, parameters } of q.graph.nodes) {
    if (op !== "conv2d" && op !== "dense") continue;
    if (attributes.activation === "relu6") values[name] = { scale: Math.fround(6 / 255), zeroPoint: -128 };
    const changed = (value: string): number => values[value].scale / q.values[value].scale;
    const factor = changed(name) / changed(inputs[0]);
    weightScales[parameters.weight] = q.weightScales[parameters.weight].map((scale) => Math.fround(scale * factor));
  }
  return { ...q, values, weightScales };
}
