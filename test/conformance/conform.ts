/**
 * The conformance suite: runs every case on a back end and compares it with references that share no code with any back
 * end.
 */
import { withBatch } from "@phinets/core/graph";
import { beforeAll, describe, expect, test } from "vitest";
import { type Case, floatForm, type Group, groups, integerForm } from "./case.js";
import { cases } from "./cases/index.js";
import type { Driver, FloatDriver, IntegerDriver, Skip, Values } from "./driver.js";
import { referenceRun } from "./references/float.js";
import { bothPictures } from "./references/integer.js";

/** Outcome of a case. */
interface Outcome {
  /** The problem; undefined where there is none. */
  readonly problem?: string;
  /** int8: number of bytes compared, and of those that differ. */
  readonly bytes: number;
  readonly off: number;
}

/** Runs all cases on a back end, with one test per group. */
export function conform(driver: Driver): void {
  const mine = driver.groups ?? groups;
  const skipOf = ({ name }: Case): Skip | undefined => driver.skip?.find((skip) => matches(skip, name));
  describe.skipIf(driver.missing !== undefined)(driver.name, () => {
    const outcomes = new Map<Case, Outcome>();
    beforeAll(async () => {
      const run = mine.flatMap((group) => cases[group]).filter((each) => skipOf(each)?.run !== false);
      const found = driver.kind === "float" ? await floatOutcomes(driver, run) : await integerOutcomes(driver, run);
      for (const [i, each] of run.entries()) outcomes.set(each, found[i]);
    }, 600_000);

    test.each(mine)("%s", (group: Group) => {
      const wrong: string[] = [];
      let [bytes, off] = [0, 0];
      for (const each of cases[group]) {
        const outcome = outcomes.get(each);
        if (outcome === undefined) continue;
        const skip = skipOf(each);
        if (skip !== undefined && outcome.problem === undefined)
          wrong.push(`${each.name}: passes, and is skipped: ${skip.reason}`);
        if (skip === undefined && outcome.problem !== undefined) wrong.push(`${each.name}: ${outcome.problem}`);
        bytes += outcome.bytes;
        off += outcome.off;
      }
      expect(wrong).toEqual([]);
      if (driver.kind === "int8") expect(off / bytes).toBeLessThanOrEqual(driver.tolerance?.share ?? 0);
    });

    if (driver.skip !== undefined)
      test("skips are of cases", () => {
        const names = mine.flatMap((group) => cases[group].map(({ name }) => name));
        const idle = driver.skip!.filter((skip) => !names.some((name) => matches(skip, name)));
        expect(idle).toEqual([]);
      });
  });
}

function matches({ case: which }: Skip, name: string): boolean {
  return typeof which === "string" ? which === name : which.test(name);
}

const floatForms = memo(floatForm);
const integerForms = memo(integerForm);

const floatReference = memo((each: Case) => {
  const { graph, weights, inputs } = floatForms(each);
  const flat = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]));
  return referenceRun({ graph: withBatch(graph, 2), weights, inputs: flat, masks: {}, training: false });
});

const integerReference = memo((each: Case) => {
  const { network, inputs } = integerForms(each);
  return bothPictures(network, inputs);
});

/** A function of a case, memoised. */
function memo<T>(compute: (each: Case) => T): (each: Case) => T {
  const known = new Map<Case, T>();
  return (each) => {
    if (!known.has(each)) known.set(each, compute(each));
    return known.get(each)!;
  };
}

async function floatOutcomes(driver: FloatDriver, run: readonly Case[]): Promise<Outcome[]> {
  const found = await driver.run(run.map(floatForms));
  return run.map((each, i) => {
    const { outputs } = floatForms(each).deployed.graph;
    return outcomeOf(found[i], outputs, (name, actual) =>
      farFrom(actual, floatReference(each)[name], driver.tolerance.share),
    );
  });
}

async function integerOutcomes(driver: IntegerDriver, run: readonly Case[]): Promise<Outcome[]> {
  const found = await driver.run(run.map(integerForms));
  return run.map((each, i) =>
    outcomeOf(found[i], integerForms(each).network.graph.outputs, (name, actual) =>
      different(actual, integerReference(each).get(name)!, driver.tolerance?.steps ?? 0),
    ),
  );
}

function outcomeOf<T>(
  result: Values<T> | Error,
  outputs: readonly string[],
  compare: (name: string, actual: T) => Outcome,
): Outcome {
  const fails = (problem: string): Outcome => ({ problem, bytes: 0, off: 0 });
  if (result instanceof Error) return fails(result.message);
  const missing = outputs.find((output) => !result.has(output));
  if (missing !== undefined) return fails(`output "${missing}" is missing`);
  let [bytes, off] = [0, 0];
  for (const [name, actual] of result) {
    const outcome = compare(name, actual);
    if (outcome.problem !== undefined) return fails(`value "${name}": ${outcome.problem}`);
    bytes += outcome.bytes;
    off += outcome.off;
  }
  return { bytes, off };
}

function farFrom(actual: Float32Array, expected: Float64Array, share: number): Outcome {
  const found = { bytes: 0, off: 0 };
  if (actual.length !== expected.length)
    return { ...found, problem: `has ${actual.length} elements, not ${expected.length}` };
  // A map whose values are all below 1 is the remainder of sums that cancel.
  const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  // Written so that NaN fails.
  const at = expected.findIndex((value, i) => !(Math.abs(actual[i] - value) <= share * size));
  return at < 0 ? found : { ...found, problem: `element ${at} is ${actual[at]}, should be ${expected[at]}` };
}

function different(actual: Int8Array, expected: Int8Array, steps: number): Outcome {
  let off = 0;
  const outcome = (problem?: string): Outcome => ({ problem, bytes: expected.length, off });
  if (actual.length !== expected.length) return outcome(`has ${actual.length} bytes, not ${expected.length}`);
  for (const [i, wanted] of expected.entries()) {
    const away = Math.abs(actual[i] - wanted);
    if (away > steps) return outcome(`byte ${i} is ${actual[i]}, should be ${wanted}`);
    if (away > 0) off++;
  }
  // If more than half of a map is off by one step, it is a fault, not rounding.
  if (steps === 1 && off > Math.max(4, 0.5 * expected.length)) return outcome(`${off} bytes are a step away`);
  return outcome();
}
