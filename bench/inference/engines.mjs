/**
 * One picture's inference on the same files: ours (float and int8, WebAssembly, one thread), the scalar interpreter,
 * onnxruntime-node, onnxruntime-web and TensorFlow Lite's WebAssembly, where they are installed. All take turns in one
 * process, so that a busy machine is unfair to none; the least time counts, in milliseconds. int8 outputs are compared
 * with the interpreter's bytes. Needs `npm run build`.
 *
 *   node bench/inference/engines.mjs [--rounds 60] [--model models/person-192]...
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { networkToOnnx, quantizedToOnnx, quantizedToTflite } from "@phinets/core/export";
import { deployWeights } from "@phinets/core/graph";
import { IntegerEngine, IntegerInterpreter } from "@phinets/core/inference";
import { createEngine } from "@phinets/core/kernels";
import { readModel } from "@phinets/core/model";
import { buildNetwork, inputName } from "@phinets/core/networks";
import { Executor, forwardOnly } from "@phinets/core/training";

const root = fileURLToPath(new URL("../..", import.meta.url));
const require = createRequire(import.meta.url);
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "60" },
    model: { type: "string", multiple: true, default: ["models/person-128", "models/person-192"] },
  },
});

async function optional(name) {
  try {
    return await import(name);
  } catch {
    console.error(`left out: ${name} is not installed (npm run setup)`);
    return undefined;
  }
}

/** TensorFlow Lite's interpreter in WebAssembly: a function that runs once. */
async function tflite(bytes, picture) {
  let folder;
  try {
    folder = join(dirname(require.resolve("@tensorflow/tfjs-tflite/package.json")), "wasm/tflite_web_api_cc_simd");
  } catch {
    console.error("left out: @tensorflow/tfjs-tflite is not installed (npm run setup)");
    return undefined;
  }
  const silent = () => {};
  const module = await require(`${folder}.js`)({
    wasmBinary: readFileSync(`${folder}.wasm`),
    print: silent,
    printErr: silent,
  });
  const at = module._malloc(bytes.length);
  module.HEAPU8.set(bytes, at);
  const runner = module.TFLiteWebModelRunner.CreateFromBufferAndOptions(at, bytes.length, {
    numThreads: 1,
    enableProfiling: false,
    maxProfilingBufferEntries: 1,
  }).value();
  runner.GetInputs().get(0).data().set(picture);
  return () => runner.Infer();
}

async function contestants(folder) {
  const files = (name) => new Uint8Array(readFileSync(join(folder, name)));
  const { network, weights } = await readModel(files, "float");
  const graph = buildNetwork(network);
  const { quantized } = await readModel(files, "int8");
  const { height, width, channels } = network.input;
  const picture = new Int8Array(height * width * channels).map((_, i) => 100 * Math.sin(i / 97) + ((i * 7) % 23));
  const floats = Float32Array.from(picture, (x) => x / 128);
  const runs = {};

  const interpreter = new IntegerInterpreter(quantized);
  const [wanted] = interpreter.run(picture);
  const started = performance.now();
  const int8 = new IntegerEngine(quantized);
  const loadMs = performance.now() - started;
  const [found] = int8.run(picture);
  const differing = found.reduce((count, value, i) => count + (value !== wanted[i]), 0);
  runs["phinets int8"] = () => int8.run(picture);

  const engine = await createEngine();
  const executor = new Executor(engine, forwardOnly(graph, 1));
  executor.setParameters(weights);
  runs["phinets float"] = () => {
    executor.input(inputName).set(floats);
    executor.forward();
  };
  runs["scalar interpreter int8"] = () => interpreter.run(picture);

  const deployed = deployWeights(graph, weights);
  const float = networkToOnnx(deployed.graph, deployed.weights).encode();
  const quantizedOnnx = quantizedToOnnx(quantized).encode();
  const shape = [1, height, width, channels];
  for (const [name, ort] of [
    ["onnxruntime-node", (await optional("onnxruntime-node"))?.default],
    ["onnxruntime-web", await optional("onnxruntime-web")],
  ]) {
    if (ort === undefined) continue;
    if (name === "onnxruntime-web") ort.env.wasm.numThreads = 1;
    const options = {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      ...(name === "onnxruntime-web" && { executionProviders: ["wasm"] }),
    };
    for (const [kind, bytes, tensor] of [
      ["float", float, new ort.Tensor("float32", floats, shape)],
      ["int8", quantizedOnnx, undefined],
    ]) {
      const session = await ort.InferenceSession.create(bytes, options);
      const [input] = session.inputNames;
      const given =
        tensor ??
        new ort.Tensor(
          session.inputMetadata?.[0]?.type ?? "float32",
          session.inputMetadata?.[0]?.type === "int8" ? picture : floats,
          shape,
        );
      runs[`${name} ${kind}`] = () => session.run({ [input]: given });
    }
  }
  const lite = await tflite(quantizedToTflite(quantized), picture);
  if (lite !== undefined) runs["TensorFlow Lite WASM int8"] = lite;
  return { runs, differing, loadMs, outputs: wanted.length };
}

for (const model of values.model) {
  const { runs, differing, loadMs, outputs } = await contestants(join(root, model));
  const least = Object.fromEntries(Object.keys(runs).map((name) => [name, Number.POSITIVE_INFINITY]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, run] of Object.entries(runs)) {
      if (name.startsWith("scalar") && round >= 5) continue;
      for (let n = 0; n < (round === 0 ? 3 : 1); n++) await run();
      const start = performance.now();
      await run();
      least[name] = Math.min(least[name], performance.now() - start);
    }
  }
  const ms = Object.fromEntries(Object.entries(least).map(([name, value]) => [name, Number(value.toFixed(2))]));
  console.log(
    JSON.stringify({
      model,
      node: process.version,
      ms,
      int8: { differing, outputs, loadMs: Number(loadMs.toFixed(1)) },
    }),
  );
}
process.exit(0);
