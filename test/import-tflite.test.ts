/**
 * MLPerf Tiny's networks: every tensor equals that of TensorFlow Lite Micro's reference kernels, on both of our int8
 * back ends.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { importTflite } from "@phinets/core/import";
import { IntegerEngine, IntegerInterpreter } from "@phinets/core/inference";
import { sizeOf } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { sharedData } from "./shared.js";

interface Record {
  readonly inputs: number;
  readonly tensors: {
    readonly inputs: number;
    readonly operators: readonly { readonly kind: string; readonly sha256: readonly string[] }[];
  };
}

const folder = sharedData && join(sharedData, "mlperf-tiny");
const read = (name: string) => readFileSync(join(folder!, name));
const int8 = (name: string) => Int8Array.from(read(name));
const shortHash = (bytes: Int8Array) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

describe.skipIf(!folder)("MLPerf Tiny", () => {
  for (const name of ["kws", "vww", "resnet", "ad", "wakeword"])
    it(name, () => {
      const { network, input, operators } = importTflite(read(`${name}.tflite`), `${name}.tflite`);
      const record = JSON.parse(read(`${name}.json`).toString()) as Record;
      const interpreter = new IntegerInterpreter(network);
      const engine = new IntegerEngine(network);
      const length = sizeOf(input.shape);

      const inputs = int8(`${name}.inputs.bin`);
      const outputs = int8(`${name}.outputs.bin`);
      expect(inputs.length).toBe(record.inputs * length);
      const made = { interpreter: [] as number[], engine: [] as number[] };
      for (let n = 0; n < record.inputs; n++) {
        const one = inputs.slice(n * length, (n + 1) * length);
        made.interpreter.push(...interpreter.run(one)[0]);
        made.engine.push(...engine.run(one)[0]);
      }
      expect(made.interpreter).toEqual([...outputs]);
      expect(made.engine).toEqual([...outputs]);

      const others = int8(`${name}.tensors.bin`);
      let compared = 0;
      for (let n = 0; n < record.tensors.inputs; n++) {
        const values = new Map<string, string>();
        interpreter.run(others.slice(n * length, (n + 1) * length), (value, bytes) =>
          values.set(value, shortHash(bytes)),
        );
        for (const [i, { kind, sha256 }] of record.tensors.operators.entries()) {
          const { value } = operators[i];
          if (value === undefined) continue;
          expect(values.get(value), `operator ${i} ${kind}, input ${n}`).toBe(sha256[n]);
          compared++;
        }
      }
      // Only padding is not visible, because it is merged into the operator that reads it.
      const padded = record.tensors.operators.filter(({ kind }) => kind === "PAD").length;
      expect(compared).toBe(record.tensors.inputs * (record.tensors.operators.length - padded));
    });
});
