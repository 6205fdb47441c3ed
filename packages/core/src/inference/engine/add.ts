/** Sums of two int8 values. assembly-int8/add.ts describes the method and makes the constants. */
import type { IntegerAdd } from "../../quantization/index.js";
import type { Constants } from "./constants.js";
import type { Instruction, Places } from "./instructions.js";
import { layoutOf } from "./layout.js";

/** A flag, three float32, two tables of 256 int32. */
const constantBytes = 4 * (4 + 2 * 256);

export function add(node: IntegerAdd, { inputs, output, table }: Places, constants: Constants): Instruction {
  const { inputZeroPoints, leftShift, inputMultipliers, inputShifts } = node;
  const address = constants.reserve(constantBytes);
  const scaling = [node.multiplier, node.shift, node.outputZeroPoint, node.clampMin, node.clampMax];
  constants.once("prepareAdd", [
    ...[address, ...inputZeroPoints, leftShift, inputMultipliers[0], ...scaling],
    ...[inputMultipliers[1], ...inputShifts, node.sign],
  ]);
  return { opcode: "add", words: [...inputs, output, layoutOf(node.outputShape).bytes, address, ...scaling, table] };
}
