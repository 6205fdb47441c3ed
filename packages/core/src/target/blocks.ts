/**
 * Rings in blocks of channels, between a product and the depthwise 3x3 layer that is its only reader
 * (phinets_dsp_steps.h). A depthwise layer needs three rows of a channel and nothing of other channels. So as soon as
 * the third row is made for a block of channels, the layer processes that block, which then takes the place of the
 * oldest row's block. Memory holds two rows and one block instead of three rows. Each block costs one call of both
 * kernels.
 */
import type { Group } from "./groups.js";
import { blocksOf, slotBytes, type Value } from "./layout.js";
import { type Lowering, type Step, slidingWindow } from "./steps.js";
import type { Stream } from "./stream.js";

/** Rows of a window, and of a ring that is not in blocks. */
const windowRows = 3;
/** More blocks save less than the padding of their slots costs. */
const mostBlocks = 4;
/** A quad holds groups of four channels. */
const leastChannels = 4;

/** Slots of a ring in blocks: two rows' blocks, and one. */
export function slotsOf(value: Value): number {
  return (windowRows - 1) * blocksOf(value) + 1;
}

/** Bytes of a ring whose value is in blocks. */
const ringBytes = (value: Value): number => slotsOf(value) * slotBytes(value);

/** Possible block sizes in channels, the one with the smallest ring first. */
export function blockSizes(value: Value): number[] {
  const sizes = new Set<number>();
  for (let count = 2; count <= mostBlocks; count++)
    sizes.add(leastChannels * Math.ceil(value.channels / count / leastChannels));
  return [...sizes]
    .filter((block) => block < value.channels)
    .sort((a, b) => ringBytes({ ...value, block: a }) - ringBytes({ ...value, block: b }) || b - a);
}

/**
 * Values whose rings can be in blocks. A product makes the value and a depthwise 3x3 layer with quads as output is its
 * only reader; three rows are in memory; and the layer's group fires at once whenever a row has completed one of its
 * windows.
 */
export function blockable(
  { values, steps }: Lowering,
  { groups, rings, transient, schedule }: Stream,
  phases: readonly number[],
): string[] {
  const groupOf = new Map(groups.flatMap((group, i) => group.steps.map((step) => [step, i] as const)));
  return steps.flatMap((reader) => {
    if (reader.kernel !== "dsp_depthwise3_planes8_quads" || !transient.has(reader.output)) return [];
    const [{ value: name }] = reader.reads;
    const maker = steps.find(({ output }) => output === name);
    const readers = steps.filter(({ reads }) => reads.some(({ value }) => value === name));
    if (maker?.kernel !== "dsp_product_planes8" || readers.length > 1) return [];
    const [made, read] = [groupOf.get(maker)!, groupOf.get(reader)!];
    const isRing = rings.get(name)!.rows === windowRows && phases[made] === phases[read];
    const isHandedOn = isRing && followsAtOnce(schedule, { made, read, reader, group: groups[made] });
    return isHandedOn && blockSizes(values.get(name)!).length > 0 ? [name] : [];
  });
}

function followsAtOnce(
  schedule: readonly number[],
  { made, read, reader, group }: { made: number; read: number; reader: Step; group: Group },
): boolean {
  if (group.batch > 1) return false;
  const { stride, before } = slidingWindow(reader.reads[0]);
  let row = -1;
  return schedule.every((entry, i) => {
    if (entry !== made) return true;
    row++;
    const first = row - (windowRows - 1) + before;
    return first < 0 || first % stride !== 0 || schedule[i + 1] === read;
  });
}

/**
 * The same lowering with some values in blocks.
 * @param blocks channels per block, by value
 */
export function inBlocks(lowering: Lowering, blocks: ReadonlyMap<string, number>): Lowering {
  const values = new Map(lowering.values);
  for (const [name, block] of blocks) values.set(name, { ...values.get(name)!, block });
  const steps = lowering.steps.map((step): Step => {
    if (blocks.has(step.output)) return { ...step, kernel: "dsp_product_blocks" };
    return blocks.has(step.reads[0].value) ? { ...step, kernel: "dsp_depthwise3_blocks" } : step;
  });
  return { ...lowering, values, steps };
}

/** The step that reads a product's blocks; undefined where the given step is no such product. */
export function readerOfBlocks({ kernel, output }: Step, steps: readonly Step[]): Step | undefined {
  if (kernel !== "dsp_product_blocks") return undefined;
  return steps.find(({ reads }) => reads[0].value === output);
}
