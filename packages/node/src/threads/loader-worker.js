/** A thread that makes training batches ahead of the trainer (loader.ts): it begins the next one, and the next. */
import * as fs from "node:fs";
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { assembleBatch, BatchRing, PackedSource, pixelReader } from "@phinets/core/data";

const { packed, samples, control, slots, port } = workerData;
const source = new PackedSource(packed, samples, pixelReader(fs));
const ring = new BatchRing(control, slots.length);
const plans = [];

function planOf(batch) {
  ring.waitPlanned(batch);
  for (;;) {
    while (plans.length > 0 && plans[0].first + plans[0].batches.length <= batch) plans.shift();
    if (plans.length > 0) return { epoch: plans[0].epoch, ...plans[0].batches[batch - plans[0].first] };
    plans.push(receiveMessageOnPort(port).message);
  }
}

for (;;) {
  const batch = ring.claim();
  const { epoch, samples: chosen, options } = planOf(batch);
  ring.waitFree(batch);
  try {
    const { input: _, ...shown } = assembleBatch(source, chosen, epoch, options, slots[ring.slotOf(batch)]);
    port.postMessage({ batch, ...shown });
  } catch (error) {
    // A class does not survive the way; what a PhinetsError says does.
    port.postMessage({ batch, error: { code: error.code, message: error.message, path: error.path } });
  }
  ring.publish(batch);
}
