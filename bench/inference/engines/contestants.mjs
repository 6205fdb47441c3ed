/** The engines as functions that run a network once, in Node or in a page. */
import { IntegerEngine } from "@phinets/core/inference";
import { createEngine } from "@phinets/core/kernels";
import { readModel } from "@phinets/core/model";
import { buildNetwork, inputName } from "@phinets/core/networks";
import { Executor, forwardOnly } from "@phinets/core/training";

/** The same picture for all engines, as int8 and as the float32 values that it stands for. */
export function pictureOf({ height, width, channels }) {
  const bytes = new Int8Array(height * width * channels).map((_, i) => 100 * Math.sin(i / 97) + ((i * 7) % 23));
  return { shape: [1, height, width, channels], bytes, floats: Float32Array.from(bytes, (x) => x / 128) };
}

/**
 * Our engines: int8 on one thread, float on `threads`.
 * @param {{ threads: number }} pool
 */
export async function ours(files, pool) {
  const { network, weights } = await readModel(files, "float");
  const { quantized } = await readModel(files, "int8");
  const picture = pictureOf(network.input);
  const engine = await createEngine({ threads: pool });
  const executor = new Executor(engine, forwardOnly(buildNetwork(network), 1));
  executor.setParameters(weights);
  const runs = {
    "phinets float": () => {
      executor.input(inputName).set(picture.floats);
      executor.forward();
    },
  };
  const started = performance.now();
  const int8 = new IntegerEngine(quantized);
  const loadMs = performance.now() - started;
  if (pool.threads === 1) runs["phinets int8"] = () => int8.run(picture.bytes);
  return { runs, loadMs, quantized, picture, int8, dispose: () => engine.dispose() };
}

/** ONNX Runtime for Node or the web. */
export async function onnxRuntime(name, ort, files, picture, options) {
  const runs = {};
  for (const kind of ["float", "int8"]) {
    const session = await ort.InferenceSession.create(await files(`${kind}.onnx`), options);
    const [input] = session.inputNames;
    const type = session.inputMetadata?.[0]?.type ?? "float32";
    const tensor = new ort.Tensor(type, type === "int8" ? picture.bytes : picture.floats, picture.shape);
    runs[`${name} ${kind}`] = () => session.run({ [input]: tensor });
  }
  return runs;
}

/** TensorFlow Lite's interpreter, from the factory of its WebAssembly module; one thread. */
export async function tfLite(factory, options, model, picture) {
  const silent = () => {};
  const module = await factory({ print: silent, printErr: silent, ...options });
  const at = module._malloc(model.length);
  module.HEAPU8.set(model, at);
  const settings = { numThreads: 1, enableProfiling: false, maxProfilingBufferEntries: 1 };
  const runner = module.TFLiteWebModelRunner.CreateFromBufferAndOptions(at, model.length, settings).value();
  runner.GetInputs().get(0).data().set(picture.bytes);
  return { "TensorFlow Lite WASM int8": () => runner.Infer() };
}

/** Minimum time of each engine in milliseconds; they alternate, so that a busy machine disadvantages none. */
export async function leastTimes(runs, rounds) {
  const least = {};
  for (let round = 0; round < rounds; round++)
    for (const [name, run] of Object.entries(runs)) {
      for (let n = 0; n < (round === 0 ? 10 : 1); n++) await run();
      const start = performance.now();
      await run();
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, performance.now() - start);
    }
  return least;
}
