/**
 * Runs firmware programs on a simulated memory that stores, for each byte, its writer instead of a number. A step must
 * find the rows that it reads complete and in place, and must not overwrite live bytes. Layouts are computed here
 * independently.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraphs } from "../../../../test/random-graph.js";
import { randomMoves } from "../../../../test/random-moves.js";
import { randomLayer, randomNetwork } from "../../../../test/random-network.js";
import { deployGraph, type Graph, GraphBuilder } from "../graph/index.js";
import { backboneBlocks, buildNetwork, defaultAnchors, parseNetwork, type Yolov2Head } from "../networks/index.js";
import {
  arenaOf,
  type Board,
  barriersOf,
  boardNames,
  flashBytesOf,
  type Kernel,
  loadBoard,
  makeProgram,
  type Program,
  type ProgramOptions,
  programOf,
  type Read,
  readSlackBytes,
  roomBytes,
  roomsFor,
  type Step,
  shapeOf,
  type Value,
  weightBytesOf,
} from "./index.js";

const deployed = (network: object): Graph => deployGraph(buildNetwork(parseNetwork(network)));

const up4 = (count: number): number => Math.ceil(count / 4) * 4;

/** Bytes of a row that hold data, as firmware/kernels/dsp/phinets_dsp.h draws it. */
function bytesOfRow({ layout, width, channels, pad }: Value): number {
  if (layout === "planes16") return 2 * (channels * (up4(width) + 2) + 2);
  if (layout === "planes8") return channels * (width + pad) + pad;
  if (layout === "map8") return channels * up4(width);
  if (layout === "quads") return (up4(width) / 4) * (up4(channels) / 4) * 32;
  return width * channels; // nhwc, and a completed mean
}

/** For each byte, the id of its writer; 0 for none. */
type Bank = Int32Array;

/** Throws, stating the place, as soon as a step would read or write bytes that it must not. */
class Device {
  readonly arenas: readonly Bank[];
  readonly outputs = new Map<string, Bank>();
  /** The picture in the application's memory; with `rows`, the one row that it pushes. */
  readonly picture: Bank;
  readonly made = new Map<string, number>();
  readonly #tags = new Map<string, number>();

  constructor(readonly program: Program) {
    const { lowering, banks } = program;
    this.arenas = banks.map(({ bytes }) => new Int32Array(bytes));
    const whole = (name: string): number => {
      const { height, width, channels } = lowering.values.get(name)!;
      return height * width * channels;
    };
    for (const name of lowering.outputs) this.outputs.set(name, new Int32Array(whole(name)));
    this.picture = new Int32Array(whole(lowering.input));
  }

  tag(text: string): number {
    const known = this.#tags.get(text);
    if (known !== undefined) return known;
    this.#tags.set(text, this.#tags.size + 1);
    return this.#tags.size;
  }

  /** Location of row y of a value. */
  row(name: string, y: number): { bank: Bank; at: number } {
    const { lowering, places } = this.program;
    const value = lowering.values.get(name)!;
    const output = this.outputs.get(name);
    if (output !== undefined) return { bank: output, at: y * value.width * value.channels };
    const place = places.get(name)!;
    if (name === lowering.input && place.rows === 0) return { bank: this.picture, at: 0 };
    return { bank: this.arenas[place.bank], at: place.offset + (y % place.rows) * place.stride };
  }

  write(what: string, { bank, at }: { bank: Bank; at: number }, bytes: number, text: string): void {
    if (at < 0 || at + bytes > bank.length)
      throw new Error(`${what} writes ${at}..${at + bytes} of ${bank.length} bytes`);
    bank.fill(this.tag(text), at, at + bytes);
  }

  check(what: string, { bank, at }: { bank: Bank; at: number }, bytes: number, text: string): void {
    const tag = this.tag(text);
    if (at < 0 || at + bytes > bank.length)
      throw new Error(`${what} reads ${at}..${at + bytes} of ${bank.length} bytes`);
    for (let i = at; i < at + bytes; i++)
      if (bank[i] !== tag) {
        const found = [...this.#tags].find(([, id]) => id === bank[i])?.[0] ?? "nothing";
        throw new Error(`${what}: byte ${i} is of ${found}, not of ${text}`);
      }
  }

  /** Checks that the rows that a read of row y needs are there. */
  reads(step: Step, { value: name, window }: Read, y: number): void {
    const value = this.program.lowering.values.get(name)!;
    const bytes = bytesOfRow(value);
    const [from, to] =
      window === "whole"
        ? [0, value.height]
        : "spans" in window
          ? window.spans[y]
          : [y * window.stride - window.before, y * window.stride - window.before + window.size];
    const start = this.row(name, 0);
    for (let row = from; row < to; row++) {
      if (row < 0 || row >= value.height) continue; // padding
      const at = this.row(name, row);
      // A dense layer reads a map as one vector.
      if (window === "whole" && (at.bank !== start.bank || at.at !== start.at + row * bytes))
        throw new Error(`${step.output}: row ${row} of ${name} does not follow the one before`);
      this.check(`${step.output} row ${y}`, at, bytes, `${name} ${row}`);
    }
  }

  /** Block b of row y of a value in blocks: its location, its size and its writer's text. */
  block(name: string, y: number, b: number): { slot: { bank: Bank; at: number }; bytes: number; text: string } {
    const value = this.program.lowering.values.get(name)!;
    const { bank, offset, stride, slots } = this.program.places.get(name)!;
    const { width, channels, pad, block } = value;
    const at = offset + ((y * Math.ceil(channels / block!) + b) % slots!) * stride;
    const bytes = Math.min(block!, channels - b * block!) * (width + pad) + pad;
    return { slot: { bank: this.arenas[bank], at }, bytes, text: `${name} ${y}, block ${b}` };
  }

  /** Simulates a row of a product in blocks, and the depthwise layer's reading of each block. */
  productInBlocks(step: Step, y: number): void {
    const { steps, values } = this.program.lowering;
    const reader = steps.find(({ reads }) => reads[0].value === step.output)!;
    const { channels, block } = values.get(step.output)!;
    const { stride, before } = reader.reads[0].window as { stride: number; before: number };
    const first = y - 2 + before;
    const what = `${step.output} row ${y}`;
    for (let b = 0; b * block! < channels; b++) {
      const { slot, bytes, text } = this.block(step.output, y, b);
      this.write(what, slot, bytes + 7, text);
      if (first >= 0 && first % stride === 0) this.depthwiseBlock(reader, first / stride, b);
      this.reads(step, step.reads[0], y);
    }
  }

  depthwiseBlock(step: Step, y: number, b: number): void {
    const { lowering, scratch } = this.program;
    const [{ value, window }] = step.reads;
    const { stride, before, size } = window as { stride: number; before: number; size: number };
    const { height } = lowering.values.get(value)!;
    const what = `${step.output} row ${y}`;
    const readAll = (): void => {
      for (let row = y * stride - before; row < y * stride - before + size; row++) {
        if (row < 0 || row >= height) continue; // padding
        const { slot, bytes, text } = this.block(value, row, b);
        this.check(what, slot, bytes, text);
      }
    };
    readAll();
    const output = lowering.values.get(step.output)!;
    const [to, bytes, text] = [this.row(step.output, y), bytesOfRow(output), `${step.output} ${y}`];
    if (b === 0) this.write(what, to, bytes, text);
    const spot = scratch.get(step)!;
    this.write(what, { bank: this.arenas[spot.bank], at: spot.offset }, step.scratchBytes, "scratch");
    // Each block is a part of every quad.
    this.check(what, to, bytes, text);
    readAll();
  }

  /** Checks that a row of the depthwise layer was made from the rows it reads, and that nothing has overwritten it. */
  depthwiseInBlocks(step: Step, y: number): void {
    const { values } = this.program.lowering;
    const [{ value, window }] = step.reads;
    const { stride, before, size } = window as { stride: number; before: number; size: number };
    const { height, channels, block } = values.get(value)!;
    if (y * stride - before + size > height)
      for (let b = 0; b * block! < channels; b++) this.depthwiseBlock(step, y, b);
    this.check(step.output, this.row(step.output, y), bytesOfRow(values.get(step.output)!), `${step.output} ${y}`);
  }

  /** Simulates all rows of a step that one firing makes. */
  fire(step: Step, firing: number): void {
    if (step.kernel === "dsp_product_blocks") this.productInBlocks(step, firing);
    else if (step.kernel === "dsp_depthwise3_blocks") this.depthwiseInBlocks(step, firing);
    else this.fireRows(step, firing);
  }

  fireRows(step: Step, firing: number): void {
    const { batch = 1, reads } = step;
    const output = this.program.lowering.values.get(step.output)!;
    const rows = this.program.lowering.values.get(reads[0].value)!.height;
    if (output.layout === "quads" && batch > 1) {
      // Quads of several rows, which must follow each other.
      const last = Math.min(rows, (firing + 1) * batch);
      for (let y = firing * batch; y < last; y++) this.follows(step, reads[0].value, firing * batch, y);
      this.run(step, firing, [firing * batch, last]);
      return;
    }
    if (batch > 1 && this.program.lowering.values.get(reads[0].value)!.layout === "quads") {
      const last = Math.min(output.height, (firing + 1) * batch);
      this.reads(step, reads[0], firing);
      for (let y = firing * batch; y < last; y++) {
        this.follows(step, step.output, firing * batch, y);
        this.write(`${step.output} row ${y}`, this.row(step.output, y), bytesOfRow(output), `${step.output} ${y}`);
      }
      this.reads(step, reads[0], firing);
      this.made.set(step.output, last);
      return;
    }
    const most = output.layout === "sums" ? rows : output.height;
    for (let y = firing * batch; y < Math.min(most, (firing + 1) * batch); y++) this.run(step, y, [y, y + 1]);
  }

  follows(step: Step, name: string, first: number, y: number): void {
    const [start, at] = [this.row(name, first), this.row(name, y)];
    const { width, channels } = this.program.lowering.values.get(name)!;
    if (at.bank !== start.bank || at.at !== start.at + (y - first) * width * channels)
      throw new Error(`${step.output}: row ${y} of ${name} does not follow row ${first}`);
  }

  /** @param from rows of its input that a step of one row for each reads */
  run(step: Step, y: number, [from, to]: readonly [number, number]): void {
    const { lowering, scratch } = this.program;
    const output = lowering.values.get(step.output)!;
    const what = `${step.output} row ${y}`;
    const readAll = (): void => {
      for (let row = from; row < to; row++) for (const read of step.reads) this.reads(step, read, row);
    };
    readAll();
    const spot = scratch.get(step) ?? { bank: 0, offset: 0 };
    const working = { bank: this.arenas[spot.bank], at: spot.offset };
    this.write(what, working, step.scratchBytes, "scratch");
    if (output.layout === "sums") {
      const rows = lowering.values.get(step.reads[0].value)!.height;
      const to = this.row(step.output, 0);
      if (y > 0) this.check(what, to, 4 * output.channels, `${step.output} up to ${y - 1}`);
      this.write(what, to, 4 * output.channels, `${step.output} up to ${y}`);
      readAll();
      if (y === rows - 1) {
        this.write(what, to, output.channels, `${step.output} 0`);
        this.made.set(step.output, 1);
      }
    } else {
      const to = this.row(step.output, y);
      if (this.arenas.includes(to.bank) && output.layout !== "nhwc" && to.at % 8 !== 0)
        throw new Error(`${what} lies at ${to.at}`);
      const spill = output.layout === "planes8" ? 7 : 0;
      this.write(what, to, bytesOfRow(output) + spill, `${step.output} ${y}`);
      // It must overwrite neither its inputs nor its own scratch.
      readAll();
      if ((this.made.get(step.output) ?? 0) !== y) throw new Error(`${what} comes after ${this.made.get(step.output)}`);
      this.made.set(step.output, y + 1);
    }
    this.check(what, working, step.scratchBytes, "scratch");
  }

  /** @param pushed rows come one by one, when the schedule asks; else the picture lies in its place in the arena */
  infer(pushed: boolean): void {
    const { lowering, stream, places } = this.program;
    const { height, width, channels } = lowering.values.get(lowering.input)!;
    const bytes = width * channels;
    const take = (y: number): void => {
      const { bank, at } = this.row(lowering.input, y);
      this.write("the input", { bank, at }, bytes, `${lowering.input} ${y}`);
    };
    if (!pushed) {
      if (places.get(lowering.input)!.rows !== height) throw new Error("there is no place for a picture");
      for (let y = 0; y < height; y++) take(y);
    }
    let taken = 0;
    const next = stream.groups.map(() => 0);
    for (const group of stream.schedule) {
      if (group < 0) {
        if (pushed) take(taken);
        taken++;
        continue;
      }
      const y = next[group]++;
      for (const step of stream.groups[group].steps) this.fire(step, y);
    }
    expect(taken).toBeLessThanOrEqual(height);
    // Rows that no step reads, below a pool's last window, need not be made.
    stream.groups.forEach(({ firings }, i) => {
      expect(next[i]).toBeLessThanOrEqual(firings);
    });
    for (const name of lowering.outputs) {
      const output = lowering.values.get(name)!;
      for (let y = 0; y < output.height; y++)
        this.check("the end", this.row(name, y), output.width * output.channels, `${name} ${y}`);
    }
  }
}

/** Checks every guarantee of a program. */
function check(program: Program): void {
  const { lowering, places, banks, arenaBytes, lowerBoundBytes, options, scratchAreas } = program;
  new Device(program).infer(true);
  if (options.input === "whole") new Device(program).infer(false);
  const slack = options.dsp ? readSlackBytes : 0;
  for (const { bank, offset, bytes } of [...places.values(), ...scratchAreas]) {
    expect(offset % 8).toBe(0);
    expect(offset + bytes).toBeLessThanOrEqual(banks[bank].bytes - slack);
  }
  expect(banks.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(arenaBytes);
  expect(arenaBytes - banks.length * slack).toBeGreaterThanOrEqual(lowerBoundBytes);
  const values = [...lowering.values.values()].map(({ name }) => name);
  for (const name of values) expect(places.has(name), name).toBe(!lowering.outputs.includes(name));
  // Every node is computed once, by itself or as a fused look-up; a flatten is not computed.
  const computed = lowering.steps.map(({ output }) => output);
  expect(new Set(computed).size).toBe(computed.length);
}

const sets = [{ dsp: true }, { dsp: false }, { dsp: false, helium: true }, { dsp: true, blocks: true }];
const all: readonly ProgramOptions[] = sets.flatMap((set) =>
  (["speed", "ram"] as const).flatMap((optimize) =>
    (["whole", "rows"] as const).map((input) => ({ ...set, optimize, input })),
  ),
);
const checkAll = (graph: Graph): Program[] =>
  all.map((options) => {
    const program = makeProgram(graph, options);
    try {
      check(program);
    } catch (error) {
      throw new Error(`${graph.name}, ${JSON.stringify(options)}: ${(error as Error).message}`, { cause: error });
    }
    return program;
  });

/** A plan for less memory takes no more bytes, and neither does one without a picture. */
function checkOrder(programs: readonly Program[]): void {
  const [speed, speedRows, ram, ramRows, whole, rows] = programs.map(({ arenaBytes }) => arenaBytes);
  const [least, leastRows] = programs.slice(-2).map(({ arenaBytes }) => arenaBytes);
  expect(least).toBeLessThanOrEqual(ram);
  expect(leastRows).toBeLessThanOrEqual(ramRows);
  expect(ram).toBeLessThanOrEqual(speed);
  expect(ramRows).toBeLessThanOrEqual(speedRows);
  expect(speedRows).toBeLessThanOrEqual(speed);
  expect(ramRows).toBeLessThanOrEqual(ram);
  expect(rows).toBeLessThanOrEqual(whole);
}

describe("a program on a device without numbers", () => {
  it("makes every layer from the rows that it needs", () => {
    for (let seed = 0; seed < 96; seed++) checkAll(randomLayer(seed).graph);
  });
  it("makes every network of random blocks", () => {
    for (let seed = 0; seed < 40; seed++) checkOrder(checkAll(randomNetwork(seed).graph));
  });
  it("makes every network that moves bytes", () => {
    for (let seed = 0; seed < 40; seed++) checkAll(randomMoves(seed));
  });
  it("makes PhiNets, whatever their options", () => {
    fc.assert(
      fc.property(
        fc.record({
          input: fc.record({ height: fc.integer({ min: 32, max: 57 }), width: fc.integer({ min: 32, max: 57 }) }),
          alpha: fc.double({ min: 0.05, max: 0.4, noNaN: true }),
          t0: fc.integer({ min: 1, max: 6 }),
          blocks: fc.integer({ min: 3, max: 7 }),
          activation: fc.constantFrom("hardswish", "relu6"),
          squeezeExcite: fc.boolean(),
          conv2dInput: fc.boolean(),
          pool: fc.boolean(),
          residuals: fc.boolean(),
          compatibility: fc.boolean(),
          head: fc.constantFrom({ kind: "none" }, { kind: "classifier", classes: 4 }, { kind: "yolov2", classes: 2 }),
        }),
        (options) => checkOrder(checkAll(deployed({ family: "phinet", ...options }))),
      ),
      { numRuns: 12, seed: 5 },
    );
  });
  it("makes graphs of branches that meet again, dead ends and several outputs", () => {
    fc.assert(
      fc.property(randomGraphs(1), (graph) => {
        const bytesOf = (name: string): string => {
          const { op, inputs } = graph.nodes.find((node) => node.name === name)!;
          return op === "flatten" ? bytesOf(inputs[0]) : name;
        };
        const made = graph.outputs.map(bytesOf);
        fc.pre(new Set(made).size === made.length && !made.includes("in"));
        checkAll(graph);
      }),
      { numRuns: 150, seed: 3 },
    );
  });
  it.each(["mobilenetv2", "efficientnet"])("makes a %s", (family) => {
    const head = { kind: "classifier", classes: 3 };
    checkOrder(checkAll(deployed({ family, input: { height: 50, width: 39, channels: 3 }, width: 0.25, head })));
  });
  it("detects a missing row, a wrong place and a step that runs too early", () => {
    const program = makeProgram(randomNetwork(3).graph, { dsp: true, input: "rows" });
    const broken = (change: Partial<Program>) => () => new Device({ ...program, ...change }).infer(true);
    const withPlace = (name: string, change: object) => ({
      places: new Map([...program.places].map(([key, place]) => [key, key === name ? { ...place, ...change } : place])),
    });
    broken({})();
    const ring = [...program.places].find(
      ([name, { rows }]) => rows > 2 && program.lowering.values.get(name)!.height > rows,
    )!;
    expect(broken(withPlace(ring[0], { rows: ring[1].rows - 1 }))).toThrow(`is of ${ring[0]}`);
    const [first, second] = [...program.places].filter(([, place]) => place.bytes > 0 && place.first === 0);
    expect(broken(withPlace(first[0], { offset: second[1].offset }))).toThrow(/byte \d+ is of/);
    expect(broken(withPlace(first[0], { offset: program.arenaBytes }))).toThrow(/writes .* of \d+ bytes/);
    const { schedule } = program.stream;
    const at = schedule.findIndex((group, i) => group < 0 && schedule[i + 1] >= 0);
    const early = [...schedule.slice(0, at), schedule[at + 1], schedule[at], ...schedule.slice(at + 2)];
    expect(broken({ stream: { ...program.stream, schedule: early } })).toThrow(/is of/);
  });
});

/** Kernel and fused look-up of each step, by the value that it makes. */
function kernelsOf(graph: Graph, dsp: boolean): Record<string, string> {
  const { steps } = makeProgram(graph, { dsp }).lowering;
  return Object.fromEntries(
    steps.map((step) => [step.output, [step.kernel, step.lookup?.op].filter(Boolean).join(" ")]),
  );
}

describe("kernels", () => {
  it("of an inverted residual with squeeze-and-excite", () => {
    const b = new GraphBuilder("block");
    const x = b.conv2d("stem", b.input("in", [1, 17, 23, 3]), { filters: 8, kernel: 3, stride: 2, padding: 1 });
    let y = b.hardswish("expand.hs", b.conv2d("expand", x, { filters: 24 }));
    y = b.hardswish("depthwise.hs", b.depthwise("depthwise", y, { kernel: 3, padding: 1 }));
    let s = b.conv2d("squeeze", b.globalAveragePool("mean", y), { filters: 4, activation: "relu6" });
    s = b.sigmoid("gate", b.conv2d("excite", s, { filters: 24 }));
    y = b.conv2d("project", b.multiply("scale", y, s), { filters: 8 });
    const graph = b.build([b.conv2d("boxes", b.add("sum", x, y), { filters: 6 })]);
    expect(kernelsOf(graph, true)).toEqual({
      "stem:quads": "dsp_quads_window",
      stem: "dsp_product_nhwc",
      "expand:quads": "dsp_quads_nhwc",
      "expand.hs": "dsp_product_planes16 hardswish",
      "depthwise.hs": "dsp_depthwise3_planes16_map8 hardswish",
      mean: "dsp_mean",
      squeeze: "dsp_dense",
      gate: "dsp_dense sigmoid",
      "project:quads": "dsp_quads_scaled",
      project: "dsp_product_nhwc",
      sum: "dsp_add",
      "boxes:quads": "dsp_quads_nhwc",
      boxes: "dsp_product_nhwc",
    });
    expect(kernelsOf(graph, false)).toEqual({
      stem: "conv2d",
      "expand.hs": "pointwise hardswish",
      "depthwise.hs": "depthwise hardswish",
      mean: "mean",
      squeeze: "pointwise",
      gate: "pointwise sigmoid",
      scale: "multiply",
      project: "pointwise",
      sum: "add",
      boxes: "pointwise",
    });
  });
  it("of a 1x1 convolution that strides or pads are those of a window", () => {
    for (const options of [{ stride: 2 }, { padding: 1 }]) {
      const b = new GraphBuilder("strided");
      const graph = b.build([b.conv2d("y", b.input("x", [1, 9, 19, 5]), { filters: 4, kernel: 1, ...options })]);
      expect(kernelsOf(graph, true)).toEqual({ "y:quads": "dsp_quads_window", y: "dsp_product_nhwc" });
      expect(kernelsOf(graph, false)).toEqual({ y: "conv2d" });
    }
  });
  it("of depthwise layers that planes do not support work on pixels, or are the portable ones for few channels", () => {
    const kernelOf = (options: object, channels = 4): string => {
      const b = new GraphBuilder("depthwise");
      const graph = b.build([b.depthwise("y", b.input("x", [1, 12, 32, channels]), options as never)]);
      const kernels = kernelsOf(graph, true);
      return kernels["y:map8"] ?? kernels.y;
    };
    const sides = (left: number, right: number) => ({ top: 1, bottom: 1, left, right });
    // The input is a picture, so its planes are of bytes.
    expect(kernelOf({ kernel: 3, padding: 1 })).toBe("dsp_depthwise3_planes8_map8");
    expect(kernelOf({ kernel: 5, padding: 2, stride: 2 })).toBe("dsp_depthwise5_planes8_map8");
    expect(kernelOf({ kernel: 3, padding: sides(0, 1) })).toBe("dsp_depthwise3_planes8_map8");
    for (const options of [
      { kernel: 3, padding: sides(2, 0) },
      { kernel: 3, padding: sides(0, 2) },
      { kernel: 5, padding: sides(0, 1) },
      { kernel: 3, padding: 1, stride: 3 },
      { kernel: [3, 1], padding: 1 },
      { kernel: 7, padding: 3 },
      { kernel: 1 },
    ]) {
      expect(kernelOf(options), JSON.stringify(options)).toBe("dsp_depthwise_nhwc");
      expect(kernelOf(options, 3), JSON.stringify(options)).toBe("depthwise");
    }
  });
  it("of narrow maps take as many rows at a time as fill quads, the smallest program only where that is free", () => {
    const b = new GraphBuilder("spectrum");
    let x = b.conv2d("conv", b.input("in", [1, 26, 10, 1]), { filters: 8, kernel: [4, 3], stride: 2, padding: 1 });
    x = b.depthwise("dw", x, { kernel: 3, padding: 1 });
    const graph = b.build([b.globalAveragePool("mean", b.conv2d("pw", x, { filters: 12 }))]);
    const { lowering, stream } = makeProgram(graph, { dsp: true });
    expect(lowering.steps.map(({ kernel, batch = 1 }) => [kernel, batch])).toEqual([
      ["dsp_nhwc_window", 4],
      ["dsp_quads_rows", 4],
      ["dsp_product_rows", 4],
      ["dsp_depthwise_nhwc", 4],
      ["dsp_quads_rows", 4],
      ["dsp_product_rows", 4],
      ["mean", 1],
      ["pad", 1],
    ]);
    // 13 rows of 5 pixels: three times four rows, and one.
    expect(stream.groups.map(({ rows, batch, firings }) => [rows, batch, firings])).toEqual([
      [13, 4, 4],
      [13, 4, 4],
      [13, 1, 13],
      [1, 1, 1],
    ]);
    const smallest = makeProgram(graph, { dsp: true, optimize: "ram" });
    expect(smallest.lowering.steps.some(({ batch }) => batch)).toBe(false);
    expect(smallest.arenaBytes).toBeLessThan(makeProgram(graph, { dsp: true }).arenaBytes);
  });
  it("of the smallest program hold the windows of a few pixels at a time, where that takes less memory", () => {
    const b = new GraphBuilder("tiles");
    const x = b.conv2d("a", b.input("in", [1, 20, 23, 16]), { filters: 16, kernel: 3, padding: 1 });
    const graph = b.build([b.conv2d("b", x, { filters: 24, kernel: 3, padding: 1, stride: 2 })]);
    const [fast, small] = (["speed", "ram"] as const).map((optimize) => makeProgram(graph, { dsp: true, optimize }));
    const kernelsAndTiles = ({ lowering: { steps } }: Program) => steps.map(({ kernel, tile }) => [kernel, tile]);
    expect(kernelsAndTiles(fast).flat()).not.toContain("dsp_conv2d");
    // A window is 144 values of two bytes: 1,152 bytes for four pixels, the limit of a tile.
    expect(kernelsAndTiles(small)).toEqual([
      ["dsp_conv2d", 4],
      ["dsp_conv2d", 4],
    ]);
    expect(small.arenaBytes).toBe(fast.arenaBytes - 144 * 2 * (24 - 4));
    // Narrow enough for a single tile.
    const c = new GraphBuilder("one tile");
    const one = c.build([c.conv2d("a", c.input("in", [1, 8, 8, 2]), { filters: 8, kernel: 3, padding: 1 })]);
    expect(makeProgram(one, { dsp: true, optimize: "ram" }).lowering.steps.map(({ kernel }) => kernel)).toEqual([
      "dsp_quads_window",
      "dsp_product_nhwc",
    ]);
  });
  it("apply a look-up in a step of its own where the layer's value has other readers", () => {
    const b = new GraphBuilder("shared");
    const y = b.conv2d("y", b.input("x", [1, 4, 4, 3]), { filters: 3 });
    const graph = b.build([b.add("z", y, b.hardswish("h", y))]);
    expect(kernelsOf(graph, true)).toEqual({
      "y:quads": "dsp_quads_nhwc",
      y: "dsp_product_nhwc",
      h: "lookup",
      z: "dsp_add",
    });
    const c = new GraphBuilder("kept");
    const kept = c.conv2d("y", c.input("x", [1, 4, 4, 3]), { filters: 3 });
    expect(kernelsOf(c.build([kept, c.hardswish("h", kept)]), false)).toEqual({ y: "pointwise", h: "lookup" });
  });
  it("repeat a smaller operand or a constant row by row, beside the sum's row", () => {
    const b = new GraphBuilder("repeated");
    const x = b.input("x", [1, 6, 4, 8]);
    const y = b.subtract("y", x, b.constant("c", [1, 1, 1, 8]));
    const graph = b.build([b.maximum("z", b.globalAveragePool("mean", y), y)]);
    for (const dsp of [false, true]) {
      expect(kernelsOf(graph, dsp)).toEqual({
        "y:second": "repeat",
        y: "subtract",
        mean: "mean",
        "z:first": "repeat",
        z: "maximum",
      });
      const { places } = makeProgram(graph, { dsp });
      for (const name of ["y:second", "z:first"]) expect(places.get(name)).toMatchObject({ rows: 1, stride: 32 });
    }
  });
  it("are refused for a constant that no element-wise operator reads", () => {
    const b = new GraphBuilder("stray");
    const c = b.constant("c", [1, 4, 4, 3]);
    const y = b.add("y", b.input("x", [1, 4, 4, 3]), c);
    expect(() => makeProgram(b.build([y, c]), { dsp: false })).toThrow('constant "c": leaves the network');
    const read = b.build([y, b.conv2d("z", c, { filters: 2 })]);
    expect(() => makeProgram(read, { dsp: false })).toThrow('constant "c": is read by conv2d "z"');
    const both = new GraphBuilder("both");
    const x = both.input("x", [1, 1, 1, 2]);
    const sum = both.add("s", both.constant("c", [1, 1, 1, 2]), both.constant("d", [1, 1, 1, 2]));
    expect(() => makeProgram(both.build([both.add("y", x, sum)]), { dsp: false })).toThrow(
      'add "s": is of two constants',
    );
  });
  const counts = (graph: Graph, options: ProgramOptions): Partial<Record<Kernel, number>> => {
    const made: Partial<Record<Kernel, number>> = {};
    for (const { kernel } of makeProgram(graph, options).lowering.steps) made[kernel] = (made[kernel] ?? 0) + 1;
    return made;
  };
  it("of MobileNetV2: 17 blocks, 10 sums, and no change of layout except to quads", () => {
    const graph = deployed({
      ...{ family: "mobilenetv2", input: { height: 96, width: 96, channels: 3 }, width: 0.35 },
      head: { kind: "classifier", classes: 2 },
    });
    const sums = graph.nodes.filter(({ op }) => op === "add").length;
    expect(sums).toBe(10);
    for (const [optimize, planes] of [
      ["speed", "planes16"],
      ["ram", "planes8"],
    ] as const)
      expect(counts(graph, { dsp: true, optimize })).toEqual({
        dsp_quads_window: 1,
        [`dsp_product_${planes}`]: 17, // the stem's, and those of the 16 blocks that expand
        [`dsp_depthwise3_${planes}_quads`]: 17,
        dsp_product_nhwc: 18, // projections, and the last convolution
        dsp_quads_nhwc: 17,
        dsp_add: sums,
        mean: 1,
        dsp_dense: 1,
      });
    expect(counts(graph, { dsp: false })).toEqual({
      ...{ conv2d: 1, depthwise: 17, pointwise: 16 + 18 + 1, add: sums, mean: 1 },
    });
  });
  it("of EfficientNet: a sigmoid that gates its own input is a look-up and a multiplication", () => {
    const graph = deployed({
      ...{ family: "efficientnet", input: { height: 48, width: 48, channels: 3 }, width: 0.25 },
      head: { kind: "classifier", classes: 2 },
    });
    const made = counts(graph, { dsp: true });
    const gates = graph.nodes.filter(({ op, inputs }) => op === "multiply" && inputs.length === 2).length;
    expect((made.multiply ?? 0) + (made.dsp_quads_scaled ?? 0)).toBe(gates);
    expect(made.lookup).toBeGreaterThan(16);
  });
  it("turn a picture into planes of bytes, and a layer's output into the plan's planes", () => {
    const graph = deployed({ family: "phinet", input: { height: 32, width: 32, channels: 3 }, alpha: 0.2 });
    const layouts = (optimize: "speed" | "ram") =>
      new Set([...makeProgram(graph, { dsp: true, optimize }).lowering.values.values()].map(({ layout }) => layout));
    expect([layouts("speed").has("planes16"), layouts("ram").has("planes16")]).toEqual([true, false]);
  });
});

describe("the values held whole", () => {
  it("are the outputs of a PhiNet's blocks", () => {
    for (const squeezeExcite of [true, false]) {
      const network = parseNetwork({
        ...{ family: "phinet", input: { height: 64, width: 64, channels: 3 }, alpha: 0.35, squeezeExcite },
        head: { kind: "yolov2", classes: 1 },
      });
      const graph = deployGraph(buildNetwork(network));
      const ends = backboneBlocks(network).map(
        ({ module }) => graph.nodes.findLast(({ name }) => name.startsWith(`${module}.`))!.name,
      );
      expect(ends.length).toBeGreaterThan(5);
      // The head's output is smaller still.
      for (const dsp of [true, false])
        expect(barriersOf(makeProgram(graph, { dsp }).lowering)).toEqual(ends.slice(0, -1));
    }
  });
  it("are only those that save memory: the first blocks stream into each other, up to the first with a squeeze", () => {
    const at = (squeezeExcite: boolean) => {
      const graph = deployed({ family: "phinet", input: { height: 96, width: 96, channels: 3 }, squeezeExcite });
      const program = makeProgram(graph, { dsp: true, input: "rows" });
      const cuts = barriersOf(program.lowering);
      const held = cuts.filter((name) => program.places.get(name)!.rows === program.lowering.values.get(name)!.height);
      expect(held).toEqual(expect.arrayContaining(cuts.slice(program.prefix)));
      return { program, maps: [...program.lowering.values.values()].filter(({ layout }) => layout === "map8").length };
    };
    const [plain, squeezed] = [at(false), at(true)];
    expect([plain.program.prefix, squeezed.program.prefix]).toEqual([1, 1]);
    expect([plain.maps, squeezed.maps]).toEqual([0, 7]);
    expect(plain.program.arenaBytes).toBeLessThan(0.6 * squeezed.program.arenaBytes);
  });
});

describe("memory", () => {
  const mobilenet = (side: number) => ({
    ...{ family: "mobilenetv2", input: { height: side, width: side, channels: 3 }, width: 0.35, divisor: 8 },
    head: { kind: "classifier", classes: 2 },
  });
  const person = (side: number, alpha: number, downsampling: number[]) => ({
    ...{ family: "phinet", profile: "micromind", input: { height: side, width: side, channels: 3 }, alpha },
    ...{ t0: 6, blocks: 7, downsampling, compatibility: true, head: { kind: "yolov2", classes: 1, filters: 128 } },
  });
  const demo = {
    ...{ family: "phinet", profile: "micromind", input: { height: 96, width: 128, channels: 3 }, alpha: 0.4375, t0: 6 },
    ...{ blocks: 7, downsampling: [6], squeezeExcite: false, head: { kind: "yolov2", classes: 3, filters: 128 } },
  };
  it.each([
    ["person-128", person(128, 0.35, [5]), 85_000, 75_000],
    ["person-192", person(192, 0.35, [5]), 155_000, 150_000],
    ["the demo's detector", demo, 46_000, 36_000],
    ["MobileNetV2 at 96 px", mobilenet(96), Number.POSITIVE_INFINITY, 22_000],
    ["MobileNetV2 at 144 px", mobilenet(144), Number.POSITIVE_INFINITY, 36_000],
  ])("of %s with rows pushed is what the table promises", (_, network, fast, small) => {
    const graph = deployed(network);
    const bytes = (optimize: "speed" | "ram") => makeProgram(graph, { dsp: true, input: "rows", optimize }).arenaBytes;
    expect(bytes("speed")).toBeLessThanOrEqual(fast);
    expect(bytes("ram")).toBeLessThanOrEqual(small);
  });
});

describe("programOf", () => {
  const graph = deployed({ family: "phinet", input: { height: 64, width: 64, channels: 3 }, alpha: 0.3 });
  const board = loadBoard("stm32h743");
  const chosen = (programRequest: object, on = board) => programOf(graph, on, programRequest);
  it("takes the fastest program that fits, else the smallest", () => {
    const [fast, small] = (["speed", "ram"] as const).map((optimize) => makeProgram(graph, { dsp: true, optimize }));
    expect(small.arenaBytes).toBeLessThan(fast.arenaBytes);
    expect(chosen({}).options).toEqual({
      ...{ dsp: true, helium: false, optimize: "speed", input: "whole", blocks: false, byteWeightsUpTo: 0 },
      uniformLayers: new Set(),
    });
    expect(chosen({ ramBytes: fast.arenaBytes }).options.optimize).toBe("speed");
    expect(chosen({ ramBytes: fast.arenaBytes - 1 }).arenaBytes).toBe(small.arenaBytes);
    expect(chosen({ ramBytes: 1 }).options.optimize).toBe("ram");
    expect(chosen({ optimize: "ram" }).arenaBytes).toBe(small.arenaBytes);
    expect(chosen({ input: "rows" }).options.input).toBe("rows");
  });
  it("uses as many byte weights as the flash limit requires, those of small maps first", () => {
    const head: Yolov2Head = { kind: "yolov2", classes: 1, filters: 1, anchors: defaultAnchors, decoder: "yolov2" };
    const flash = (program: Program) => flashBytesOf(program, board, { head }).total;
    const halved = ({ lowering: { steps, values } }: Program, isHalved: boolean) =>
      steps
        .filter(({ kernel, byteWeights }) => kernel.startsWith("dsp_product") && (byteWeights ?? false) === isHalved)
        .map(({ output }) => values.get(output)!)
        .map(({ height, width }) => height * Math.ceil(width / 4));
    const [fast, small] = [chosen({}), chosen({ optimize: "flash" })];
    expect([halved(fast, true), halved(small, false)]).toEqual([[], []]);
    const products = (program: Program) =>
      program.lowering.steps
        .filter(({ kernel }) => kernel.startsWith("dsp_product"))
        .reduce((sum, step) => sum + weightBytesOf(step, program.lowering), 0);
    expect(products(small)).toBe(products(fast) / 2);
    expect(flash(fast) - flash(small)).toBe(products(small));
    expect(small.arenaBytes).toBe(fast.arenaBytes);
    let before = -1;
    for (const flashBytes of [flash(fast), flash(fast) - 1, (flash(fast) + flash(small)) / 2, flash(small)]) {
      const program = chosen({ flashBytes });
      expect(flash(program)).toBeLessThanOrEqual(flashBytes);
      expect(Math.max(0, ...halved(program, true))).toBeLessThan(
        Math.min(Number.POSITIVE_INFINITY, ...halved(program, false)),
      );
      expect(halved(program, true).length).toBeGreaterThan(before);
      before = halved(program, true).length;
      // A board with this much flash has the same program.
      expect(chosen({}, { ...board, flashBytes }).lowering).toEqual(program.lowering);
    }
    expect(chosen({ flashBytes: 1 }).lowering).toEqual(small.lowering);
  });
  it("has the portable kernels where the core has no DSP extension", () => {
    for (const name of ["rp2040", "esp32-s3"])
      expect(chosen({}, loadBoard(name)).lowering.steps.some(({ kernel }) => kernel.startsWith("dsp"))).toBe(false);
  });
  it("uses Helium's kernels on the layouts of the portable ones", () => {
    const { options, lowering } = chosen({}, loadBoard("ra8d1"));
    expect(options).toMatchObject({ dsp: false, helium: true });
    expect(new Set([...lowering.values.values()].map(({ layout }) => layout))).toEqual(new Set(["nhwc", "sums"]));
    const portable = makeProgram(graph, { dsp: false }).lowering.steps.map(({ kernel }) => kernel);
    expect(lowering.steps.map(({ kernel }) => kernel)).toEqual(
      portable.map((kernel, i) => {
        const name = { pointwise: "product", depthwise: `depthwise${shapeOf(lowering.steps[i], lowering).size}` };
        return `helium_${name[kernel as keyof typeof name] ?? kernel}`;
      }),
    );
  });
  it("keeps the portable kernels for windows that Helium's do not support", () => {
    const b = new GraphBuilder("sizes");
    const x = b.input("x", [1, 12, 12, 4]);
    const outputs = [3, 5, 7].flatMap((kernel) =>
      [1, 2, 3].map((stride) => b.depthwise(`${kernel} ${stride}`, x, { kernel, stride, padding: 1 })),
    );
    const { steps } = makeProgram(b.build(outputs), { dsp: false, helium: true }).lowering;
    const kept = steps.filter(({ kernel }) => kernel === "depthwise").map(({ output }) => output);
    expect(kept).toEqual(["3 3", "5 3", "7 1", "7 2", "7 3"]);
  });
  it("is the same every time", () => {
    expect(chosen({})).toEqual(chosen({}));
  });
  const rooms = (program: Program, on: Board) => roomsFor(on, program.lowering, program.options.input);
  const regionsOf = ({ banks }: Program) => banks.map(({ region }) => region ?? "the arena's");
  it("keeps to the room of every bank, on every board", () => {
    const boards = boardNames.map(loadBoard).filter(({ banks }) => banks !== undefined);
    expect(boards.length).toBeGreaterThan(4);
    for (let seed = 0; seed < 12; seed++)
      for (const on of boards)
        for (const programRequest of [{}, { input: "rows" }, { optimize: "ram" }] as const) {
          const one = programOf(randomNetwork(seed).graph, on, programRequest);
          check(one);
          for (const { region = on.arenaRegion, bytes } of one.banks)
            expect(bytes).toBeLessThanOrEqual(rooms(one, on).find((room) => room.region === region)!.bytes);
        }
  });
  it("puts the most read values into the fastest bank at the cost of its slack only; the picture stays", () => {
    const input = { height: 144, width: 144, channels: 3 };
    const head = { kind: "classifier", classes: 2 };
    const one = programOf(deployed({ family: "mobilenetv2", width: 0.35, input, head }), board);
    expect(regionsOf(one)).toEqual(["DTCM", "the arena's"]);
    expect(one.arenaBytes).toBe(one.lowerBoundBytes + 2 * readSlackBytes);
    expect(one.banks[one.places.get(one.lowering.input)!.bank].region).toBeUndefined();
    const traffic = [0, 0];
    for (const step of one.lowering.steps)
      for (const { value, window } of step.reads) {
        const { bank, stride } = one.places.get(value)!;
        if (window !== "whole" && !("spans" in window))
          traffic[bank] += one.lowering.values.get(step.output)!.height * window.size * stride;
      }
    expect(traffic[0]).toBeGreaterThan(20 * traffic[1]);
    // Without a picture everything fits there; the smallest program stays as small as it is.
    expect(regionsOf(chosen({ input: "rows" }))).toEqual(["DTCM"]);
    expect(chosen({ input: "rows" }).arenaBytes).toBe(makeProgram(graph, { dsp: true, input: "rows" }).arenaBytes);
    expect(chosen({ optimize: "ram" }).arenaBytes).toBe(makeProgram(graph, { dsp: true, optimize: "ram" }).arenaBytes);
  });
  it("spreads the smallest program over all banks where it fits no single one", () => {
    const large = deployed({
      ...{ family: "phinet", input: { height: 384, width: 384, channels: 3 }, alpha: 0.5, blocks: 9 },
      ...{ squeezeExcite: false, head: { kind: "yolov2", classes: 1 } },
    });
    const one = programOf(large, board);
    expect(one.options.optimize).toBe("ram");
    expect(regionsOf(one)).toEqual(["DTCM", "the arena's", "SRAM123"]);
    expect(one.arenaBytes).toBeGreaterThan(arenaOf(board).bytes);
    expect(one.arenaBytes).toBeLessThan(1.04 * one.lowerBoundBytes);
    expect(one.arenaBytes).toBeLessThanOrEqual(roomBytes(board));
    for (const [i, { bytes }] of one.banks.entries()) expect(bytes).toBeLessThanOrEqual(rooms(one, board)[i].bytes);
    check(one);
    // Memory that does not fit becomes one block in the arena's bank, which is then too small.
    const arenaAlone = programOf(large, { ...board, banks: ["AXI_SRAM"] });
    expect(arenaAlone.banks).toEqual([{ bytes: arenaAlone.arenaBytes }]);
    const small = { ...board, banks: ["AXI_SRAM", "SRAM4"] };
    expect(programOf(large, small)).toEqual(arenaAlone);
  });
});
