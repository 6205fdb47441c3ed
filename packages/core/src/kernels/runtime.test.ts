import { expect, test } from "vitest";
import { isLittleEndian, requireLittleEndian } from "../tensor/index.js";
import { decodeModule } from "./code.js";
import { requireKernels, thisRuntime } from "./runtime.js";
import { wasmText } from "./wasm.generated.js";

const kernels = decodeModule(wasmText);
const runtime = thisRuntime();

test("this runtime has what the kernels need", () => {
  expect(requireKernels(runtime, kernels)).toBe(runtime.WebAssembly);
});

test("what a runtime lacks is said in words", () => {
  const without =
    (missing: object, options = {}) =>
    () =>
      requireKernels({ ...runtime, ...missing }, kernels, options);
  expect(without({ WebAssembly: undefined })).toThrow(/^training and float inference need WebAssembly, which /);
  // An engine without SIMD rejects such a module as invalid.
  const old = Object.create(runtime.WebAssembly!, { validate: { value: () => false } });
  expect(without({ WebAssembly: old })).toThrow(/^training and float inference need WebAssembly with SIMD and threads/);
  expect(without({ WebAssembly: old }, { fast: true })).toThrow(/^the fast kernels need relaxed SIMD/);
  expect(without({ littleEndian: false })).toThrow(/^this processor is big-endian/);
});

test("a big-endian machine is refused, and this one is told by how a float lies in memory", () => {
  expect(() => requireLittleEndian(false)).toThrow(/^this processor is big-endian, .* use a little-endian machine/);
  const one = new Uint8Array(Float32Array.of(1).buffer);
  expect(isLittleEndian()).toBe(one[3] === 0x3f && one[0] === 0);
  expect(requireLittleEndian()).toBeUndefined();
});
