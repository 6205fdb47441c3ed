/**
 * Measures one network in a page's worker, because the training engine blocks while it waits for its threads. The page
 * posts `{ threads, rounds }` and receives the times. Files come from /model/.
 */
import { browserThreads } from "@phinets/browser";
import { leastTimes, onnxRuntime, ours, tfLite } from "./contestants.mjs";

const bytesOf = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
const files = (name) => bytesOf(`/model/${name}`);

/** TensorFlow Lite's script is not a module; it defines a global variable. */
async function tfLiteFactory() {
  const response = await fetch("/tflite/tflite_web_api_cc_simd.js");
  if (!response.ok) return undefined;
  // biome-ignore lint/security/noGlobalEval: the script of a package, as a script element would run it
  globalThis.eval(await response.text());
  return globalThis.tflite_web_api_ModuleFactory;
}

async function measure({ threads, rounds }) {
  const own = await ours(files, browserThreads(threads));
  const runs = { ...own.runs };
  const ort = await import(new URL("/ort/ort.wasm.min.mjs", location.origin).href);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = `${location.origin}/ort/`;
  Object.assign(runs, await onnxRuntime("onnxruntime-web", ort, files, own.picture, { executionProviders: ["wasm"] }));
  const factory = threads === 1 ? await tfLiteFactory() : undefined;
  if (factory !== undefined) {
    const wasmBinary = await bytesOf("/tflite/tflite_web_api_cc_simd.wasm");
    Object.assign(runs, await tfLite(factory, { wasmBinary }, await files("int8.tflite"), own.picture));
  }
  const ms = await leastTimes(runs, rounds);
  await own.dispose();
  return { ms, loadMs: own.loadMs };
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ result: await measure(data) });
  } catch (error) {
    postMessage({ error: String(error.stack ?? error) });
  }
});
