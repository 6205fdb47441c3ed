/** Sums of two int8: an instruction with float32 constants, where they are right for all pairs of inputs. */
import { type IntegerAdd, multiplyByQuantizedMultiplier } from "../../quantization/index.js";
import type { Instruction, Places, Store } from "./instructions.js";
import { floatWord, layoutOf, whole } from "./layout.js";

export function add(node: IntegerAdd, { inputs, output, table }: Places, store: Store): Instruction {
  const tables = rescaledInputs(node);
  const fast = findAddConstants(node, tables);
  const places = fast === undefined ? tables.map(store) : [0, 0];
  const scaling = [node.multiplier, node.shift, node.outputZeroPoint, node.clampMin, node.clampMax];
  const constants = fast === undefined ? [0] : [1, ...[...fast.factors, fast.more].map(floatWord)];
  const words = [...inputs, output, layoutOf(node.outputShape).bytes, ...places, ...scaling, table, ...constants];
  return { opcode: "add", words };
}

/** Of each input, what its 256 values contribute to the sum. */
function rescaledInputs(node: IntegerAdd): [Int32Array, Int32Array] {
  const [a, b] = ([0, 1] as const).map((i) =>
    Int32Array.from({ length: 256 }, (_, q) =>
      multiplyByQuantizedMultiplier(
        (q - 128 - node.inputZeroPoints[i]) << node.leftShift,
        node.inputMultipliers[i],
        node.inputShifts[i],
      ),
    ),
  );
  return [a, b];
}

/** y = round(a factors[0] + b factors[1] + more), in float32, then clamped. */
interface AddConstants {
  readonly factors: readonly [number, number];
  readonly more: number;
}

/** A sum farther than this from a half rounds to the same number in any arithmetic that errs by less. */
const doubtful = 1e-3;

/** Compares all pairs of inputs whose sum is near a half. */
function findAddConstants(node: IntegerAdd, [tableA, tableB]: [Int32Array, Int32Array]): AddConstants | undefined {
  const { multiplier, shift, outputZeroPoint, clampMin, clampMax } = node;
  const scale = multiplier * 2 ** (shift - 31);
  const [factorA, factorB] = ([0, 1] as const).map((i) =>
    Math.fround(node.inputMultipliers[i] * 2 ** (node.inputShifts[i] - 31 + node.leftShift) * scale),
  );
  const offset = outputZeroPoint - node.inputZeroPoints[0] * factorA - node.inputZeroPoints[1] * factorB;
  // Four roundings of terms up to this size, and TensorFlow Lite's own of each input.
  const largest = 128 * (factorA + factorB) + Math.abs(offset);
  if (shift > 0 || largest * 2 ** -21 + 4 * scale > doubtful / 2) return undefined;
  const near: { a: number; b: number; wanted: number }[] = [];
  for (let a = 0; a < 256; a++)
    for (let b = 0; b < 256; b++) {
      const sum = tableA[a] + tableB[b];
      const real = sum * scale;
      if (Math.abs(real - Math.floor(real) - 0.5) > doubtful) continue;
      const result = multiplyByQuantizedMultiplier(sum, multiplier, shift) + outputZeroPoint;
      near.push({ a: a - 128, b: b - 128, wanted: Math.min(clampMax, Math.max(clampMin, result)) });
    }
  for (let change = 0; change < 17; change++) {
    const more = Math.fround(offset + (change & 1 ? change + 1 : -change) * 2 ** -20);
    const right = near.every(({ a, b, wanted }) => {
      const sum = Math.fround(Math.fround(Math.fround(a * factorA) + Math.fround(b * factorB)) + more);
      const result = Math.fround(sum + whole) - whole;
      return Math.min(clampMax, Math.max(clampMin, result)) === wanted;
    });
    if (right) return { factors: [factorA, factorB], more };
  }
  return undefined;
}
