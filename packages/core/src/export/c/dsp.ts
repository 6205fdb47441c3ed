/** Checks whether the DSP and Helium kernels can run a network's arithmetic, and rewrites channels so that they can. */
import { channelRanges, type IntegerNode } from "../../quantization/index.js";
import { isConstant, type Linear } from "./linear.js";

const isLinear = (node: IntegerNode): node is Linear => node.op === "conv2d" || node.op === "dense";
const isRight = (shift: number): boolean => shift <= -1 && shift >= -31;

/**
 * Why the DSP kernels cannot compute a channel: its rescaling must shift right by 1 to 31 and its accumulator must stay
 * below 2^30 in magnitude. Undefined where they can.
 */
function channelObstacle(node: Linear, c: number): string | undefined {
  const { weights, bias, multipliers, shifts } = node;
  if (isConstant(node, c)) return undefined;
  if (multipliers[c] < 2 ** 30 || !isRight(shifts[c]))
    return `channel ${c} rescales by ${multipliers[c]} * 2^${shifts[c]} / 2^31`;
  const perFilter = weights.length / bias.length;
  let magnitude = 0;
  for (let i = c * perFilter; i < (c + 1) * perFilter; i++) magnitude += Math.abs(weights[i]);
  return Math.abs(bias[c]) + 256 * magnitude >= 2 ** 30 ? `channel ${c} may reach 2^30` : undefined;
}

/**
 * Rewrites a network for the DSP kernels. A channel that they cannot compute, but whose byte is the same for every
 * input (`channelRanges`), gets a constant accumulator for this byte. Batch norm leaves such channels, with a bias near
 * the end of int32. Every byte of every value stays the same.
 */
export function forDsp(nodes: readonly IntegerNode[]): IntegerNode[] {
  if (!nodes.some((node) => isLinear(node) && channelsOf(node).some((c) => channelObstacle(node, c))))
    return [...nodes];
  const ranges = channelRanges(nodes);
  return nodes.map((node) => {
    if (!isLinear(node)) return node;
    const { least, most } = ranges.get(node.name)!;
    const constant = channelsOf(node).filter((c) => least[c] === most[c] && channelObstacle(node, c) !== undefined);
    if (constant.length === 0) return node;
    const [weights, bias] = [node.weights.slice(), node.bias.slice()];
    const [multipliers, shifts] = [node.multipliers.slice(), node.shifts.slice()];
    const perFilter = weights.length / bias.length;
    for (const c of constant) {
      weights.fill(0, c * perFilter, (c + 1) * perFilter);
      // Rescaling multiplies by exactly a quarter.
      bias[c] = 4 * (least[c] - node.outputZeroPoint);
      multipliers[c] = 2 ** 30;
      shifts[c] = -1;
    }
    return { ...node, weights, bias, multipliers, shifts };
  });
}

const channelsOf = ({ bias }: Linear): number[] => Array.from(bias, (_, c) => c);

/**
 * Why the DSP and Helium kernels cannot compute a network's arithmetic; undefined where they can. Every rescaling must
 * shift right by 1 to 31, and every accumulator must stay below 2^30. Networks that PhiNets quantised meet this.
 */
export function dspObstacle(nodes: Iterable<IntegerNode>): string | undefined {
  for (const node of nodes) {
    const where = `${node.op} "${node.name}"`;
    if (isLinear(node)) {
      for (const c of channelsOf(node)) {
        const obstacle = channelObstacle(node, c);
        if (obstacle !== undefined) return `${where}: ${obstacle}`;
      }
    } else if (node.op === "multiply") {
      if (node.multiplier < 2 ** 30 || !isRight(node.shift)) return `${where}: rescales by a left shift`;
    } else if (node.op === "add") {
      if (node.multiplier < 2 ** 30 || !isRight(node.shift)) return `${where}: rescales by a left shift`;
      for (const i of [0, 1])
        if (node.inputShifts[i] < -31 || (node.inputShifts[i] === 0 && node.inputMultipliers[i] !== 2 ** 30))
          return `${where}: operand ${i} is rescaled by ${node.inputMultipliers[i]} without a shift`;
    }
  }
  return undefined;
}
