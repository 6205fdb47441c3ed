import { it } from "vitest";
import { countInstructions, loadBoard, weightBytes } from "@phinets/core/cost";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { quantize } from "@phinets/core/quantization";
import { runFloat } from "@phinets/core/inference";
import { Random, tensor } from "@phinets/core/tensor";
import { emulate } from "../emulator/index.js";
it("x", async () => {
  const b = loadBoard("stm32h743");
  for (const o of [
    { input: { height: 128, width: 128 }, alpha: 0.3125, beta: 1.25, t0: 4, blocks: 10, downsampling: [4], head: { kind: "yolov2", classes: 1 } },
    { input: { height: 128, width: 128 }, alpha: 0.35, squeezeExcite: false, activation: "relu6", downsampling: [5], head: { kind: "yolov2", classes: 1 } },
    { input: { height: 96, width: 96 }, alpha: 0.25, conv5: 0.5, head: { kind: "classifier", classes: 10 } },
    { input: { height: 28, width: 28, channels: 1 }, alpha: 0.25, head: { kind: "classifier", classes: 10 } },
  ]) {
    const n = parseNetwork({ family: "phinet", ...o });
    const g = buildNetwork(n);
    const r = new Random(1);
    const batch = Float32Array.from({ length: n.input.height * n.input.width * n.input.channels }, () => r.uniform(-1, 1));
    const q = quantize(g, initialWeights(g, 1), [batch], { run: (gr: any, w: any, x: any) => runFloat(gr, w, x) } as any).network;
    const e = await emulate(q, [Int8Array.from(batch, (x) => x * 127)]);
    console.log(JSON.stringify(o), e.instructions, countInstructions(q.graph, b) / e.instructions, e.instructionsPerMac, "flash", e.flashBytes, e.flashBytes - weightBytes(q.graph).total, e.stm32h743, "arena", e.arenaBytes, e.matchesInterpreter);
  }
});
