import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { IntegerInterpreter, runFloat } from "@phinets/core/inference";
import { importWeights, inputName, requireComplete } from "@phinets/core/networks";
import { Random, tensor } from "@phinets/core/tensor";
import { loadRun } from "@phinets/node/run";
import * as ort from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";
import { hasTflite, openTflite } from "../../../../test/tflite-runtime.js";

const root = mkdtempSync(join(tmpdir(), "phinets-export-"));
const folder = join(root, "run");
const out = join(root, "out");

beforeAll(() => {
  makeRun(folder);
  makeRun(join(root, "float"), { quantized: false, head: "classifier" });
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function runOnnx(file: string, input: Float32Array): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(readFileSync(file), { executionProviders: ["wasm"] });
  const results = await session.run({ [inputName]: new ort.Tensor("float32", input, [1, 32, 48, 3]) });
  return results[session.outputNames[0]].data as Float32Array;
}

describe("phinets export", () => {
  it("writes what other programs read: TensorFlow Lite, ONNX, PyTorch, safetensors", async () => {
    const words = ["--model", folder, "--format", "tflite,onnx,torch,safetensors", "--out", out];
    const { files } = await phinetsJson<{ files: string[] }>("export", ...words);
    expect(files).toEqual(
      ["model.tflite", "model.onnx", "model_int8.onnx", "model.pth", "model.safetensors"].map((f) => join(out, f)),
    );
    expect(readdirSync(out).sort()).toEqual(files.map((file) => basename(file)).sort());

    const { graph, weights, quantized } = loadRun(folder);
    const random = new Random(9);
    const picture = Int8Array.from({ length: 32 * 48 * 3 }, () => random.integer(256) - 128);
    const input = Float32Array.from(picture, (value) => value / 128);
    const values = runFloat(graph, weights, { [inputName]: tensor("float32", [1, 32, 48, 3], input) });
    const expected = values[graph.outputs[0]].data;
    const [tflite, onnx, onnxInt8, ...weightFiles] = files;
    const found = await runOnnx(onnx, input);
    expect(found.length).toBe(expected.length);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i], 4);
    const [int8] = new IntegerInterpreter(quantized!).run(picture);
    const { scale, zeroPoint } = quantized!.values[quantized!.graph.outputs[0]];
    // Rounding differences of one step add up over layers; test/conformance compares single operators.
    const steps = Array.from(await runOnnx(onnxInt8, input), (value, i) => value / scale + zeroPoint - int8[i]);
    const deviation = (values: ArrayLike<number>): number =>
      Math.hypot(...Array.from(values)) / Math.sqrt(values.length);
    expect(deviation(steps)).toBeLessThan(0.1 * deviation(int8));
    if (hasTflite) {
      const [{ data: output }] = (await openTflite(readFileSync(tflite)))([picture]);
      expect(deviation(output.map((value, i) => value - int8[i]))).toBeLessThan(0.1 * deviation(int8));
    }
    // The file describes how to decode the boxes.
    expect(readFileSync(tflite).includes('"anchors":[[1,1],[1.3,1.2]]')).toBe(true);
    for (const text of ["anchors", "[[1,1],[1.3,1.2]]", "decoder", '["nut","bolt"]', "pixel / 128 - 1"])
      expect(readFileSync(onnx).includes(text)).toBe(true);

    for (const file of weightFiles) {
      const { weights: again, report } = importWeights(readFileSync(file), file, graph);
      requireComplete(report, file);
      for (const [name, { data }] of Object.entries(weights)) expect(again[name].data).toEqual(data);
    }
  });

  it("writes C under a name, as small as asked, its input pushed by rows", async () => {
    const c = join(root, "named");
    const words = ["export", "--model", folder, "--out", c, "--name", "nuts", "--optimize", "ram", "--input", "rows"];
    const { files } = await phinetsJson<{ files: string[] }>(...words);
    for (const file of ["nuts_model.c", "nuts_model.h", "host/main.c", "CMakeLists.txt"])
      expect(files).toContain(join(c, file));
    const header = readFileSync(join(c, "nuts_model.h"), "utf8");
    expect(header).toContain("#define NUTS_INPUT_BY_ROWS 1");
    expect(header).toContain("extern const phinets_detector nuts_head;");
    expect(header).not.toMatch(/PHINETS_(INPUT|OUTPUT|ARENA|DETECTOR|CLASSES|MODEL)/);
    const { exitCode, stderr } = await phinets("export", "--model", folder, "--out", c, "--name", "2nuts");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('name "2nuts" is not a C identifier')]);
  });

  it("--for a build system writes its folder; with another format or an unknown system it is an error in one line", async () => {
    const words = ["export", "--model", folder, "--name", "nuts", "--out"];
    const { files } = await phinetsJson<{ files: string[] }>(...words, join(root, "arduino"), "--for", "arduino");
    for (const file of ["library.properties", "src/nuts_model.c", "examples/nuts/nuts.ino"])
      expect(files).toContain(join(root, "arduino", file));
    expect((await phinets(...words, join(root, "zephyr"), "--for", "zephyr")).stdout).toContain(
      `\nREADME.md in ${join(root, "zephyr")} describes how to build and call it\n`,
    );
    const other = await phinets(...words, join(root, "none"), "--for", "cmake", "--format", "c,onnx,tflite");
    expect(other).toEqual({
      ...{ exitCode: 2, stdout: "" },
      stderr: "error: --for cmake lays out C: it goes with --format c, not onnx, tflite\n",
    });
    const unknown = await phinets(...words, join(root, "none"), "--for", "mbed");
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toMatch(/^error: .*'mbed' is invalid\. It is one of zephyr, esp-idf, arduino, cmake\.\n$/);
    expect(readdirSync(root)).not.toContain("none");
  });

  it("of a run without int8 is what floats have; C says how to make it", async () => {
    const model = join(root, "float");
    const { files } = await phinetsJson<{ files: string[] }>(
      "export",
      "--model",
      model,
      "--format",
      "onnx",
      "--out",
      out,
    );
    expect(files).toEqual([join(out, "model.onnx")]);
    const { exitCode, stderr } = await phinets("export", "--model", model, "--out", join(root, "c"));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/the run has no int8 network; make it with phinets quantize --model/);
    const wrong = await phinets("export", "--model", model, "--format", "onxx", "--out", out);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain("c, tflite, onnx, safetensors, torch");
  });
});
