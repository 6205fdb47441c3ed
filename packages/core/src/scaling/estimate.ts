/**
 * Costs of a PhiNet on a board, computed from its hyper-parameters alone. No graph or program is built, so millions of
 * networks can be costed per second. Every figure equals the firmware program's (a test compares them): parameters,
 * MACs, weight and arena bytes exactly, instructions up to the rounding of their sum. Covers the networks of the
 * lattice: stem convolution with stride, no pooling, maps of more than one pixel.
 */
import { expansionFactor, type MicromindPhinet, roundHalfToEven, roundWidth } from "../networks/index.js";
import { type Board, type ProgramRequest, packedRuns } from "../target/index.js";
import { LINE_BASE, LINE_SLOPE } from "./instructions.js";
import { fitsArena, type Limits, noLimits } from "./limits.js";
import { arenaOfBlocks, holdsAll, type Plan, scheduleEntries } from "./memory.js";
import {
  BYTES_EACH,
  BYTES_OF_FOUR,
  BYTES_OF_SIXTEEN,
  FINE_EACH,
  INPUT,
  MACS_EACH,
  OUT_ROWS,
  OUT_WIDTH,
  PARAMETERS_EACH,
  Skeleton,
} from "./skeleton.js";

export interface Estimate {
  readonly parameters: number;
  readonly macs: number;
  /** MACs of the backbone on maps of at least an eighth of the input's sides, which detect small objects. */
  readonly fineMacs: number;
  /** Instructions of one inference. */
  readonly instructions: number;
  /** Weights, biases, requantisation and tables. */
  readonly weightBytes: number;
  /** Working memory of the firmware program. */
  readonly arenaBytes: number;
  /** Entries of the program's schedule. */
  readonly entries: number;
  /** The program: "speed" where the fastest fits, else "ram", the smallest. */
  readonly optimize: Plan;
}

/** Expansion factors of blocks 1, 2, ... of `blocks`, which beta and t0 determine. */
export function expansionFactors(network: MicromindPhinet, blocks: number): Float64Array {
  return Float64Array.from({ length: Math.max(3, blocks) }, (_, i) => expansionFactor(network, i + 1, blocks));
}

/** Indices into the array that `costVariant` fills. */
export const [PARAMETERS, MACS, FINE_MACS, INSTRUCTIONS, WEIGHT_BYTES, ARENA_BYTES, ENTRIES, fields] = [
  0, 1, 2, 3, 4, 5, 6, 7,
];

/** State of the network of the last `takeWidths`; `squeezes` and `added` belong to squeeze-and-excite. */
const hiddens = new Int32Array(64);
const squeezes = new Int32Array(64);
const plain = new Float64Array(fields);
const added = new Float64Array(fields);
/** A lower bound for its instructions in every variant. */
let leastInstructions = 0;
/** The program chosen by the last `costVariant`. */
let lastPlan: Plan = "speed";

/** `roundWidth` of a width up to 2^31; a squeeze of less than one channel gets one. */
function widthOf(width: number, divisor: number): number {
  const whole = Math.max(1, width | 0);
  return divisor === 1 ? whole : roundWidth(whole, divisor);
}

/** Computes a network's widths, and the costs that follow from them by multiplication. */
export function takeWidths(common: Skeleton, expansion: Float64Array): void {
  const { costs, steps, fixed, divisor, squeezeGroup, instructions, optimize } = common;
  let { parameters, macs, fineMacs, weightBytes } = fixed;
  let least = instructions[optimize];
  let squeezeWeights = 0;
  let squeezeBytes = 0;
  let squeezeChannels = 0;
  let squeezeFineMacs = 0;
  for (let i = 0; i < costs.length; i++) {
    const own = costs[i];
    const { factors } = steps[i];
    const hidden = widthOf(expansion[i] * own[INPUT], divisor);
    const squeeze = widthOf(hidden / 6, divisor);
    hiddens[i] = hidden;
    squeezes[i] = squeeze;
    parameters += own[PARAMETERS_EACH] * hidden;
    macs += own[MACS_EACH] * hidden;
    fineMacs += own[FINE_EACH] * hidden;
    weightBytes +=
      own[BYTES_EACH] * hidden +
      own[BYTES_OF_FOUR] * ((hidden + 3) >> 2) +
      own[BYTES_OF_SIXTEEN] * ((hidden + 15) >> 4);
    least += factors[LINE_BASE] + factors[LINE_SLOPE] * hidden;
    const weights = 2 * hidden * squeeze;
    squeezeWeights += weights;
    if (squeezeGroup === 16) {
      const [wide, narrow] = [(hidden + 3) >> 2, (squeeze + 3) >> 2];
      squeezeBytes += 64 * (narrow * ((hidden + 15) >> 4) + wide * ((squeeze + 15) >> 4));
      squeezeChannels += 4 * (wide + narrow);
    } else {
      squeezeBytes += squeezeGroup === 4 ? ((hidden + 3) & ~3) * squeeze + ((squeeze + 3) & ~3) * hidden : weights;
      squeezeChannels += hidden + squeeze;
    }
    if (own[FINE_EACH] > 0) squeezeFineMacs += weights;
  }
  leastInstructions = least;
  plain[PARAMETERS] = parameters;
  plain[MACS] = macs;
  plain[FINE_MACS] = fineMacs;
  plain[WEIGHT_BYTES] = weightBytes;
  added[PARAMETERS] = squeezeWeights;
  added[MACS] = squeezeWeights;
  added[FINE_MACS] = squeezeFineMacs;
  added[WEIGHT_BYTES] = squeezeBytes + common.channelBytes * squeezeChannels + common.squeezeTableBytes;
}

/** Instructions of all steps, for the current widths. */
function stepInstructions(common: Skeleton, plan: Plan, squeezed: boolean): number {
  const { costs, packedRate, squeezes: squeezeCosts } = common;
  const steps = common.stepsOf(plan);
  let sum = common.instructions[plan];
  for (let i = 0; i < costs.length; i++) {
    const hidden = hiddens[i];
    const own = steps[i];
    const table = squeezed ? own.squeezed : own.plain;
    const known = hidden < table.length ? table[hidden] : 0;
    sum += known > 0 ? known : own.count(hidden, squeezed);
    if (squeezed) {
      let cost = squeezeCosts[hidden];
      if (!cost) cost = squeezeCosts[hidden] = common.countSqueeze(hidden, squeezes[i]);
      sum += cost;
    }
    if (packedRate > 0) sum += packedRate * costs[i][OUT_ROWS] * hidden * packedRuns(costs[i][OUT_WIDTH], hidden);
  }
  return sum;
}

/** Whether a network keeps the limits; "beyond" means that all networks with wider blocks miss them too. */
export type Verdict = "within" | "over" | "beyond";

/**
 * Costs of the network of the last `takeWidths`, with or without squeeze-and-excite, into `out`; for a network over the
 * limits, only some of them.
 */
export function costVariant(common: Skeleton, squeezed: boolean, limits: Limits, out: Float64Array): Verdict {
  const share = squeezed ? 1 : 0;
  out[MACS] = plain[MACS] + share * added[MACS];
  out[WEIGHT_BYTES] = plain[WEIGHT_BYTES] + share * added[WEIGHT_BYTES];
  if (out[MACS] > limits.macs || out[WEIGHT_BYTES] > limits.weightBytes || leastInstructions > limits.instructions)
    return "beyond";
  out[PARAMETERS] = plain[PARAMETERS] + share * added[PARAMETERS];
  out[FINE_MACS] = plain[FINE_MACS] + share * added[FINE_MACS];
  const { layout, room, optimize } = common;
  let plan = optimize;
  let instructions = stepInstructions(common, plan, squeezed);
  if (instructions > limits.instructions) return "over";
  const narrow = squeezed ? squeezes : undefined;
  let arena = arenaOfBlocks(layout, hiddens, narrow, plan);
  if (plan === "speed" && layout.dsp && !fitsArena(arena, room)) {
    plan = "ram";
    arena = arenaOfBlocks(layout, hiddens, narrow, plan);
    if (fitsArena(arena, limits)) instructions = stepInstructions(common, plan, squeezed);
  }
  if (!fitsArena(arena, limits)) {
    // Where every map that can be held is held, wider blocks hold the same maps, and the smallest program takes more.
    const isSmallest = plan === "ram" || !layout.dsp;
    return isSmallest && holdsAll(layout, hiddens) ? "beyond" : "over";
  }
  out[INSTRUCTIONS] = instructions + scheduleEntries * common.entry;
  out[ARENA_BYTES] = arena;
  out[ENTRIES] = scheduleEntries;
  lastPlan = plan;
  return out[INSTRUCTIONS] > limits.instructions ? "over" : "within";
}

/** Costs of a single network. */
export function estimate(network: MicromindPhinet, board: Board, programRequest: ProgramRequest = {}): Estimate {
  const out = new Float64Array(fields);
  const common = new Skeleton(board, programRequest);
  common.take(network);
  takeWidths(common, expansionFactors(network, roundHalfToEven(network.blocks)));
  costVariant(common, network.squeezeExcite && !network.compatibility, noLimits, out);
  return {
    parameters: out[PARAMETERS],
    macs: out[MACS],
    fineMacs: out[FINE_MACS],
    instructions: out[INSTRUCTIONS],
    weightBytes: out[WEIGHT_BYTES],
    arenaBytes: out[ARENA_BYTES],
    entries: out[ENTRIES],
    optimize: lastPlan,
  };
}
