/** TensorFlow Lite for tests: the interpreter in @tensorflow/tfjs-tflite's WebAssembly, which runs in plain Node. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

interface TensorInfo {
  readonly shape: string;
  readonly dataType: string;
  data(): Values;
}

interface Tensors {
  get(index: number): TensorInfo;
  size(): number;
}

interface Runner {
  GetInputs(): Tensors;
  GetOutputs(): Tensors;
  Infer(): boolean;
}

interface Status {
  ok(): boolean;
  errorMessage(): string;
  value(): Runner;
}

interface Module {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  readonly TFLiteWebModelRunner: { CreateFromBufferAndOptions(at: number, bytes: number, options: object): Status };
}

const require = createRequire(import.meta.url);

function find(): string | undefined {
  try {
    return join(dirname(require.resolve("@tensorflow/tfjs-tflite/package.json")), "wasm");
  } catch {
    return undefined;
  }
}

const folder = find();
/** Whether `npm run setup` has installed it. */
export const hasTflite = folder !== undefined;
if (!hasTflite)
  console.warn("skipped: @tensorflow/tfjs-tflite is absent; `npm run setup` installs what the tests need");

let module: Promise<Module> | undefined;

function load(): Promise<Module> {
  const path = join(folder!, "tflite_web_api_cc_simd");
  const silent = () => {};
  module ??= require(`${path}.js`)({ wasmBinary: readFileSync(`${path}.wasm`), print: silent, printErr: silent });
  return module!;
}

type Values = Int8Array | Float32Array;

export interface TfliteOutput<V extends Values> {
  readonly data: V;
  /** Comma-separated. */
  readonly shape: string;
  readonly dataType: string;
}

/**
 * Loads an int8 or float32 model. Throws where TensorFlow Lite refuses the file.
 * @returns a function that runs one inference: inputs and outputs in the model's order
 */
export async function openTflite<V extends Values = Int8Array>(
  model: Uint8Array,
): Promise<(inputs: readonly V[]) => TfliteOutput<V>[]> {
  const tflite = await load();
  const at = tflite._malloc(model.length);
  tflite.HEAPU8.set(model, at);
  const options = { numThreads: 1, enableProfiling: false, maxProfilingBufferEntries: 1 };
  const status = tflite.TFLiteWebModelRunner.CreateFromBufferAndOptions(at, model.length, options);
  if (!status.ok()) throw new Error(`TensorFlow Lite: ${status.errorMessage()}`);
  const runner = status.value();
  return (inputs) => {
    const tensors = runner.GetInputs();
    for (const [i, input] of inputs.entries()) tensors.get(i).data().set(input);
    if (!runner.Infer()) throw new Error("TensorFlow Lite: inference failed");
    const outputs = runner.GetOutputs();
    return Array.from({ length: outputs.size() }, (_, i) => {
      const { shape, dataType } = outputs.get(i);
      return { data: outputs.get(i).data().slice() as V, shape, dataType };
    });
  };
}
