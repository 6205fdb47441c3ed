/**
 * Measures one network in this Node: `node in-node.mjs FOLDER THREADS ROUNDS` prints a line of JSON. Engines that are
 * not installed are skipped, with a line that says so.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { IntegerInterpreter } from "@phinets/core/inference";
import { nodeThreads } from "@phinets/node/threads";
import { leastTimes, onnxRuntime, ours, tfLite } from "./contestants.mjs";
import { filesOf } from "./models.mjs";

const [folder, threadsText, roundsText] = process.argv.slice(2);
const threads = Number(threadsText);
const require = createRequire(import.meta.url);
const files = filesOf(folder);

async function leaveOutIfAbsent(name, load) {
  try {
    return await load();
  } catch (error) {
    console.error(`left out: ${name}: ${String(error.message).split("\n")[0]} (npm run setup)`);
    return {};
  }
}

const own = await ours(files, nodeThreads(threads));
const { picture } = own;
const [wanted] = new IntegerInterpreter(own.quantized).run(picture.bytes);
const [found] = own.int8.run(picture.bytes);
const differing = found.reduce((count, value, i) => count + (value !== wanted[i]), 0);

const runs = { ...own.runs };
Object.assign(
  runs,
  await leaveOutIfAbsent("onnxruntime-node", async () => {
    const { default: ort } = await import("onnxruntime-node");
    const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
    return onnxRuntime("onnxruntime-node", ort, files, picture, options);
  }),
  await leaveOutIfAbsent("onnxruntime-web", async () => {
    const ort = await import("onnxruntime-web");
    ort.env.wasm.numThreads = threads;
    return onnxRuntime("onnxruntime-web", ort, files, picture, { executionProviders: ["wasm"] });
  }),
);
if (threads === 1)
  Object.assign(
    runs,
    await leaveOutIfAbsent("TensorFlow Lite WASM", async () => {
      const module = join(
        dirname(require.resolve("@tensorflow/tfjs-tflite/package.json")),
        "wasm/tflite_web_api_cc_simd",
      );
      return tfLite(
        require(`${module}.js`),
        { wasmBinary: readFileSync(`${module}.wasm`) },
        files("int8.tflite"),
        picture,
      );
    }),
  );
const ms = await leastTimes(runs, Number(roundsText));
const int8 = { differing, outputs: found.length, loadMs: own.loadMs };
console.log(JSON.stringify({ runtime: `Node ${process.versions.node}`, threads, ms, int8 }));
process.exit(0);
