/**
 * One thread of the training engine. Plain JavaScript, so that it runs from src and from dist alike: it instantiates the
 * module on the shared memory and stays in WebAssembly until the engine is disposed.
 */
import { parentPort, workerData } from "node:worker_threads";

const { module, memory, thread } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
parentPort.postMessage("ready");
try {
  exports.work(thread);
} catch (error) {
  // The others, blocked in WebAssembly, must hear of it without an event loop.
  exports.trapped(thread);
  throw error;
}
