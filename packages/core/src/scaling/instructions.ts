/**
 * Instructions of a block's steps for any expanded width h. They are linear in h and in its quotients by two, four and
 * eight, rounded up or down (the loops of target/kernels.ts), so counts at six widths determine all factors. Helium
 * kernels look up sixteen results at a time across whole rows, so their instructions are counted layer by layer at
 * every width that is requested.
 */
import { coreCosts } from "../cost/index.js";
import { type Board, hasDsp, hasHelium, type Kernel, kernels, packedRuns, type StepShape } from "../target/index.js";
import type { BlockMaps, Plan } from "./memory.js";

/** Number of factors: of 1, h, ceil(h / 2), floor(h / 4), ceil(h / 4), ceil(h / 8). */
const loops = 6;
/**
 * Indices into the factors of a `WidthInstructions`: factors without and with squeeze-and-excite, and a line in the
 * width that is a lower bound for both.
 */
export const [PLAIN, SQUEEZED, LINE_BASE, LINE_SLOPE, factorPlaces] = [
  0,
  loops,
  2 * loops,
  2 * loops + 1,
  2 * loops + 2,
];
const loopOf = (i: number, h: number): number =>
  [1, h, Math.ceil(h / 2), Math.floor(h / 4), Math.ceil(h / 4), Math.ceil(h / 8)][i];

/** How a layer finishes its results: by a look-up, or by a clamp (ReLU6). */
export type Activation = Pick<StepShape, "table" | "clamped">;

/** Copies field by field: this runs thousands of times, and a spread is slow. */
function shapeOf(partial: Partial<StepShape>): StepShape {
  const { rows = 0, width = 1, inputWidth = 1, channels = 0, filters = 0, products = 0 } = partial;
  const { size = 1, stride = 1, padLeft = 0, inputHeight, padTop, table = 0, clamped, broadcast } = partial;
  return {
    rows,
    width,
    inputWidth,
    channels,
    filters,
    products,
    size,
    stride,
    padLeft,
    inputHeight,
    padTop,
    table,
    clamped,
    broadcast,
  };
}

export type Count = (kernel: Kernel, shape: Partial<StepShape>) => number;

/** The Helium kernel that replaces a portable one, as in target/helium.ts. */
function placed(kernel: Kernel, { size }: StepShape): Kernel {
  switch (kernel) {
    case "add":
    case "mean":
    case "multiply":
      return `helium_${kernel}`;
    case "pointwise":
      return "helium_product";
    case "depthwise":
      return `helium_depthwise${size as 3 | 5}`;
    default:
      return kernel;
  }
}

/** Counts the instructions of a step on a core; like cost's `instructionsOf`. */
export function counterOf(board: Board): Count {
  const helium = hasHelium(board);
  const { kernels: own, step } = coreCosts(board);
  const { kernels: others } = coreCosts({ countedAs: "cortex-m7" });
  return (given, partial) => {
    const shape = shapeOf(partial);
    const kernel = helium ? placed(given, shape) : given;
    const figures = own[kernel] ?? others[kernel] ?? {};
    const terms: Readonly<Record<string, number>> = kernels[kernel].terms(shape);
    let sum = shape.rows * step;
    for (const name in terms) sum += terms[name] * (figures[name] ?? 0);
    return sum;
  };
}

/**
 * Widths at which the six functions are independent, and the inverse matrix that turns counts at these widths into
 * factors.
 */
const probes = [4, 5, 7, 10, 16, 19];
const solution = inverse(probes.map((h) => Array.from({ length: loops }, (_, i) => loopOf(i, h))));

function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, k) => Number(i === k))]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i; k < n; k++) if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    const divisor = rows[i][i];
    rows[i] = rows[i].map((value) => value / divisor);
    for (let k = 0; k < n; k++) {
      const factor = rows[k][i];
      if (k !== i) rows[k] = rows[k].map((value, j) => value - factor * rows[i][j]);
    }
  }
  return rows.map((row) => row.slice(n));
}

/** The factors of one of a block's layers. */
function solve(instructions: (hidden: number) => number): Float64Array {
  const counted = probes.map(instructions);
  return Float64Array.from(solution, (row) => row.reduce((sum, factor, i) => sum + factor * counted[i], 0));
}

/** Counts of a layer by expanded width, each computed once. */
class Counted {
  #known = nothing;

  constructor(readonly count: (hidden: number) => number) {}

  at(hidden: number): number {
    if (hidden >= this.#known.length) {
      const longer = new Float64Array(Math.max(128, 2 * hidden));
      longer.set(this.#known);
      this.#known = longer;
    }
    this.#known[hidden] ||= this.count(hidden);
    return this.#known[hidden];
  }
}

/** Instructions of a block by expanded width, each computed once. */
export class WidthInstructions {
  /** Instructions without squeeze-and-excite, and with it except for its two dense layers; 0 where not yet computed. */
  plain = nothing;
  squeezed = nothing;

  /** @param counted replaces the factors, which then hold only the lower bound */
  constructor(
    readonly factors: Float64Array,
    readonly counted?: (hidden: number, squeezed: boolean) => number,
  ) {}

  /** Computes and stores the instructions for one width. */
  count(hidden: number, squeezed: boolean): number {
    const cost = this.counted?.(hidden, squeezed) ?? evaluate(this.factors, squeezed ? SQUEEZED : PLAIN, hidden);
    let table = squeezed ? this.squeezed : this.plain;
    if (hidden >= table.length) {
      const longer = new Float64Array(Math.max(128, 2 * hidden));
      longer.set(table);
      table = longer;
      if (squeezed) this.squeezed = table;
      else this.plain = table;
    }
    table[hidden] = cost;
    return cost;
  }
}

const nothing = new Float64Array(0);

/** Factors of blocks' layers, shared between blocks. */
export class BlockInstructions {
  readonly #count: Count;
  readonly #dsp: boolean;
  readonly #helium: boolean;
  readonly #known = new Map<string, Float64Array>();
  readonly #counted = new Map<string, Counted>();
  /**
   * Instructions per weight of a projection on a Cortex-M0, whose filters are unpacked for each run of pixels. Not part
   * of the factors.
   */
  readonly packedRate: number;

  constructor(board: Board) {
    this.#count = counterOf(board);
    this.#dsp = hasDsp(board);
    this.#helium = hasHelium(board);
    const { pointwise } = coreCosts(board).kernels;
    this.packedRate = this.#dsp || this.#helium ? 0 : ((pointwise?.packed as number | undefined) ?? 0);
  }

  /** Instructions of a block; with squeeze-and-excite, its two dense layers are left out. */
  of(maps: BlockMaps, plan: Plan, activation: Activation, toPlanes: boolean): WidthInstructions {
    return this.#helium
      ? this.#countedOf(maps, plan, activation)
      : new WidthInstructions(this.#factorsOf(maps, plan, activation, toPlanes));
  }

  #countedOf(maps: BlockMaps, plan: Plan, activation: Activation): WidthInstructions {
    const { input, output, kernel, stride, inHeight, inWidth, outHeight, outWidth } = maps;
    const once = (key: string, count: (hidden: number) => number): Counted => {
      const found = this.#counted.get(key) ?? new Counted(count);
      this.#counted.set(key, found);
      return found;
    };
    const expansion = once(`e ${activation.table} ${inHeight} ${inWidth} ${input}`, (hidden) =>
      this.#expansion(maps, hidden, plan, activation),
    );
    const projection = once(`p ${outHeight} ${outWidth} ${output}`, (hidden) =>
      this.#projection(maps, hidden, plan, false),
    );
    const [plain, squeezed] = [false, true].map((squeezed) =>
      once(`d ${activation.table} ${inHeight} ${inWidth} ${kernel} ${stride} ${squeezed}`, (hidden) =>
        this.#depthwise(maps, hidden, plan, activation, squeezed),
      ),
    );
    const fixed = this.#fixed(maps);
    const counted = (hidden: number, isSqueezed: boolean): number =>
      expansion.at(hidden) + (isSqueezed ? squeezed : plain).at(hidden) + projection.at(hidden) + fixed;
    const factors = new Float64Array(factorPlaces);
    const [a, b] = [
      lineBelowCounts((hidden) => counted(hidden, false)),
      lineBelowCounts((hidden) => counted(hidden, true)),
    ];
    factors[LINE_BASE] = Math.min(a.base, b.base);
    factors[LINE_SLOPE] = Math.min(a.slope, b.slope);
    return new WidthInstructions(factors, counted);
  }

  /** Computes all `factorPlaces` factors. */
  #factorsOf(maps: BlockMaps, plan: Plan, activation: Activation, toPlanes: boolean): Float64Array {
    const { input, output, kernel, stride, inHeight, inWidth, outHeight, outWidth } = maps;
    const common = `${plan} ${activation.table} `;
    const expansion = this.#once(`e ${common}${inHeight} ${inWidth} ${input}`, () =>
      solve((hidden) => this.#expansion(maps, hidden, plan, activation)),
    );
    const projection = this.#once(`p ${common}${outHeight} ${outWidth} ${output} ${toPlanes}`, () =>
      solve((hidden) => this.#projection(maps, hidden, plan, toPlanes)),
    );
    const depthwise = [false, true].map((squeezed) =>
      this.#once(`d ${common}${inHeight} ${inWidth} ${kernel} ${stride} ${squeezed}`, () =>
        solve((hidden) => this.#depthwise(maps, hidden, plan, activation, squeezed)),
      ),
    );
    const fixed = this.#fixed(maps);
    const all = new Float64Array(factorPlaces);
    for (const [at, own] of [
      [PLAIN, depthwise[0]],
      [SQUEEZED, depthwise[1]],
    ] as const)
      for (let i = 0; i < loops; i++) all[at + i] = expansion[i] + own[i] + projection[i] + (i === 0 ? fixed : 0);
    const [plain, squeezed] = [lineBelow(all, PLAIN), lineBelow(all, SQUEEZED)];
    all[LINE_BASE] = Math.min(plain.base, squeezed.base);
    all[LINE_SLOPE] = Math.min(plain.slope, squeezed.slope);
    return all;
  }

  #once(key: string, make: () => Float64Array): Float64Array {
    const found = this.#known.get(key) ?? make();
    this.#known.set(key, found);
    return found;
  }

  /** The part that does not depend on the expanded width: the input's rows as quads, the residual sum. */
  #fixed({ input, output, skip, inHeight, inWidth, outHeight, outWidth }: BlockMaps): number {
    const taken = { rows: inHeight, width: inWidth, inputWidth: inWidth, channels: input, filters: input };
    const sum = { rows: outHeight, width: outWidth, inputWidth: outWidth, channels: output, filters: output };
    return (
      (this.#dsp ? this.#count("dsp_quads_nhwc", taken) : 0) +
      (skip ? this.#count(this.#dsp ? "dsp_add" : "add", sum) : 0)
    );
  }

  #expansion({ input, inHeight, inWidth }: BlockMaps, hidden: number, plan: Plan, activation: Activation): number {
    const expand = {
      rows: inHeight,
      width: inWidth,
      inputWidth: inWidth,
      inputHeight: inHeight,
      channels: input,
      filters: hidden,
      products: input,
      table: activation.table,
      clamped: activation.clamped,
    };
    return this.#count(this.#dsp ? `dsp_product_${planesOf(plan)}` : "pointwise", expand);
  }

  #depthwise(maps: BlockMaps, hidden: number, plan: Plan, activation: Activation, squeezed: boolean): number {
    const { kernel, stride, padding, inHeight, inWidth, outHeight, outWidth } = maps;
    const shape = {
      rows: outHeight,
      width: outWidth,
      inputWidth: inWidth,
      inputHeight: inHeight,
      channels: hidden,
      filters: hidden,
      products: kernel * kernel,
      size: kernel,
      stride,
      padLeft: padding,
      padTop: padding,
      table: activation.table,
      clamped: activation.clamped,
    };
    const wide = { rows: outHeight, width: outWidth, inputWidth: outWidth, channels: hidden, filters: hidden };
    const size = kernel as 3 | 5;
    if (!this.#dsp) {
      const squeeze = (): number =>
        this.#count("mean", { ...wide, width: 1 }) + this.#count("multiply", { ...wide, broadcast: 1 });
      return this.#count("depthwise", shape) + (squeezed ? squeeze() : 0);
    }
    if (!squeezed) return this.#count(`dsp_depthwise${size}_${planesOf(plan)}_quads`, shape);
    return (
      this.#count(`dsp_depthwise${size}_${planesOf(plan)}_map8`, shape) +
      this.#count("dsp_mean", { ...wide, width: 1 }) +
      this.#count("dsp_quads_scaled", wide)
    );
  }

  #projection({ output, outHeight, outWidth }: BlockMaps, hidden: number, plan: Plan, toPlanes: boolean): number {
    const project = {
      rows: outHeight,
      width: outWidth,
      inputWidth: outWidth,
      channels: hidden,
      filters: output,
      products: hidden,
    };
    if (this.#dsp) return this.#count(toPlanes ? `dsp_product_${planesOf(plan)}` : "dsp_product_nhwc", project);
    const unpacking = this.packedRate * outHeight * output * hidden * packedRuns(outWidth, hidden);
    return this.#count("pointwise", project) - unpacking;
  }
}

function planesOf(plan: Plan): "planes16" | "planes8" {
  return plan === "speed" ? "planes16" : "planes8";
}

/** Evaluates the factors at index `at` for an expanded width. */
function evaluate(factors: Float64Array, at: number, h: number): number {
  const groups = (h + 3) >> 2;
  return (
    factors[at] +
    factors[at + 1] * h +
    factors[at + 2] * ((h + 1) >> 1) +
    factors[at + 3] * (h >> 2) +
    factors[at + 4] * groups +
    factors[at + 5] * ((groups + 1) >> 1)
  );
}

/**
 * A line below the factors at index `at`: terms that round up are at least their quotient, and terms that round down at
 * most.
 */
function lineBelow(factors: Float64Array, at: number): { readonly base: number; readonly slope: number } {
  const [one, each, halves, fours, groups, eights] = factors.subarray(at, at + loops);
  return {
    base:
      one +
      Math.min(0, halves) / 2 -
      (Math.max(0, fours) * 3) / 4 +
      (Math.min(0, groups) * 3) / 4 +
      (Math.min(0, eights) * 7) / 8,
    slope: each + halves / 2 + fours / 4 + groups / 4 + eights / 8,
  };
}

/** Up to this width, products with one block of sixteen inputs or fewer than four filters use other loops. */
const oddWidths = 16;

/**
 * A line below counts that round up to sixteens: through two widths that are multiples of sixteen, and below the small
 * widths that use other loops.
 */
function lineBelowCounts(count: (hidden: number) => number): { readonly base: number; readonly slope: number } {
  const [near, far] = [64, 128].map(count);
  const slope = (far - near) / 64;
  let base = near - 64 * slope;
  for (let hidden = 1; hidden <= oddWidths; hidden++) base = Math.min(base, count(hidden) - slope * hidden);
  return { base, slope };
}
