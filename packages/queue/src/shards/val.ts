/** A network's outputs on pictures, computed by a queue's workers: bit-identical to those of one machine. */
import { createHash } from "node:crypto";
import type { PictureSource } from "@phinets/core/data";
import type { OutputMap } from "@phinets/core/detection";
import { floatBatch, inputPixels, type OnProgress, type Outputs } from "@phinets/core/learning";
import type { Run } from "@phinets/node/run";
import { keyOf } from "@phinets/node/steps";
import { ownVersionFields } from "../job-checks.js";
import type { Told } from "../opened-queue.js";
import { ShardAsker, type ShardsRequest } from "./ask.js";
import { packModel } from "./model.js";
import { decodeOutputs } from "./outputs.js";
import type { Range } from "./ranges.js";

/** The emulator's program is compiled for each shard, so its shards are longer. */
const targetMs = { float: 5000, int8: 5000, firmware: 30_000 } as const;
/** Batch sizes: the float network's batch; QEMU runs 25 inputs per process. */
const units = { float: floatBatch, int8: 25, firmware: 25 } as const;

export interface ValRequest {
  readonly run: Run;
  readonly on: "float" | "int8" | "firmware";
  readonly source: PictureSource;
  readonly onProgress: OnProgress;
}

/** @throws PhinetsError `queue.shard` for pictures that no worker could process */
export async function outputsOverQueue(
  { run, on, source, onProgress }: ValRequest,
  request: ShardsRequest,
  context: Told,
): Promise<Outputs> {
  const { length } = source;
  if (length === 0) return [];
  const pixels = (range: Range): Uint8Array =>
    Buffer.concat(
      Array.from({ length: range.to - range.from }, (_, i) => inputPixels(run.network, source, range.from + i)),
    );
  const asker = await ShardAsker.open(request, context);
  try {
    const { store } = asker;
    const model = await packModel(run, on, (path) => store.put(path, context));
    const outputs: OutputMap[] = new Array(length);
    await asker.run({
      ...{ length, onProgress, unit: units[on], targetMs: targetMs[on] },
      task: keyOf("val", ownVersionFields(), on, model, digestOf(length, pixels)),
      settings: (input) => ({ step: "val", on, model, input }),
      inputOf: pixels,
      take: ({ from, to }, output) => {
        for (const [n, each] of decodeOutputs(output, to - from).entries()) outputs[from + n] = each;
      },
    });
    return outputs;
  } finally {
    await asker.close();
  }
}

function digestOf(length: number, pixels: (range: Range) => Uint8Array): string {
  const hash = createHash("sha256");
  for (let from = 0; from < length; from++) hash.update(pixels({ from, to: from + 1 }));
  return hash.digest("hex");
}
