import { describe, expect, it } from "vitest";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import { PhinetsError } from "../tensor/index.js";
import { DivergenceWatch, divergedError } from "./divergence.js";
import { frozenLayers } from "./freeze.js";
import { planSizes, trainingSizes } from "./multi-scale.js";
import { makeRecipe, type Recipe, recipeIdentity } from "./recipe.js";
import { learningRateAt, scheduleNames } from "./schedule.js";

const detector = parseNetwork({
  family: "phinet",
  input: { height: 96, width: 128 },
  alpha: 0.15,
  blocks: 4,
  downsampling: [4],
  head: { kind: "yolov2", classes: 1, filters: 16, anchors: [[1, 1]] },
});
const classifier = parseNetwork({ ...detector, head: { kind: "classifier", classes: 4 } });

describe("recipe", () => {
  it.each<[Partial<Recipe>, RegExp]>([
    [{ accumulate: 0 }, /accumulate is 0; an integer in 1..4096/],
    [{ optimizer: "adam" as never }, /optimizer is "adam"; one of adamw, sgd, rmsprop, lamb/],
    [{ schedule: "poly" as never }, /schedule is "poly"; one of cosine/],
    [{ schedule: "step", epochs: 10, milestones: [4, 4] }, /milestones are 4,4; ascending/],
    [{ schedule: "step", epochs: 10, milestones: [4, 10] }, /below 10/],
    [{ milestones: [1.5] }, /milestones are 1.5/],
    [{ stepFactor: 0 }, /stepFactor is 0/],
    [{ patience: -1 }, /patience is -1/],
    [{ trustClip: Number.NaN }, /trustClip is NaN/],
  ])("refuses %j", (options, message) => {
    expect(() => makeRecipe("detect", options)).toThrow(PhinetsError);
    expect(() => makeRecipe("detect", options)).toThrow(message);
  });

  it("is the same for a checkpoint whether or not it names new options at their defaults", () => {
    const recipe = makeRecipe("detect", { seed: 3 });
    const { accumulate: _, schedule: __, freeze: ___, milestones: ____, ...old } = recipe;
    const again = makeRecipe("detect", JSON.parse(JSON.stringify(old)));
    expect(JSON.stringify(recipeIdentity(again))).toBe(JSON.stringify(recipeIdentity(recipe)));
    const identity = (options: Partial<Recipe>) => JSON.stringify(recipeIdentity(makeRecipe("detect", options)));
    for (const change of [{ accumulate: 2 }, { freeze: "backbone" }, { patience: 5 }, { seed: 4 }, { fast: true }])
      expect(identity({ seed: 3, ...change })).not.toBe(identity({ seed: 3 }));
    expect(identity({ patience: 0, divergence: 0 })).toBe(identity({}));
    expect(identity({ fast: false })).toBe(identity({}));
  });
});

describe("schedules", () => {
  const options = { learningRate: 0.1, warmupSteps: 10, totalSteps: 110, finalFraction: 0.2 };
  it.each(scheduleNames.filter((name) => name !== "onecycle"))("%s warms up in a line", (schedule) => {
    for (const step of [0, 4, 9])
      expect(learningRateAt(step, { ...options, schedule })).toBeCloseTo((step + 1) / 100, 12);
  });
  it("linear falls in a line to the final fraction", () => {
    const at = (step: number) => learningRateAt(step, { ...options, schedule: "linear" });
    expect(at(10)).toBe(0.1);
    expect(at(109)).toBeCloseTo(0.02, 12);
    expect(at(43) - at(10)).toBeCloseTo(at(76) - at(43), 12);
  });
  it("constant stays", () => {
    for (const step of [10, 60, 109]) expect(learningRateAt(step, { ...options, schedule: "constant" })).toBe(0.1);
  });
  it("step multiplies at the milestones, or at two thirds and eight ninths", () => {
    const given = { ...options, schedule: "step", milestones: [50, 80], stepFactor: 0.5 } as const;
    expect([49, 50, 79, 80, 109].map((step) => learningRateAt(step, given))).toEqual([0.1, 0.05, 0.05, 0.025, 0.025]);
    const standard = { ...options, totalSteps: 90, schedule: "step" } as const;
    const rates = [59, 60, 79, 80].map((step) => learningRateAt(step, standard));
    for (const [i, rate] of [0.1, 0.01, 0.01, 0.001].entries()) expect(rates[i]).toBeCloseTo(rate, 12);
  });
  it("onecycle rises to the peak at 30 % and falls to the final fraction", () => {
    const at = (step: number) => learningRateAt(step, { ...options, schedule: "onecycle" });
    expect(at(0)).toBeCloseTo(0.004, 12);
    expect(at(32)).toBeCloseTo(0.1, 12);
    expect(at(109)).toBeCloseTo(0.02, 12);
    for (let step = 1; step < 110; step++) expect(Math.sign(at(step) - at(step - 1))).toBe(step <= 32 ? 1 : -1);
  });
});

describe("what is frozen", () => {
  const graph = buildNetwork(detector);
  const layers = (freeze: string) => [...(frozenLayers(graph, freeze) ?? [])];
  it("is nothing, the first modules, the backbone, or what a pattern names", () => {
    expect(frozenLayers(graph, "")).toBeUndefined();
    expect(new Set(layers("2").map((name) => name.slice(0, 9)))).toEqual(new Set(["_layers.1", "_layers.2"]));
    expect(layers("backbone").some((name) => name.startsWith("head"))).toBe(false);
    expect(layers("backbone").length + layers("head").length).toBe(
      graph.nodes.filter(({ parameters }) => Object.keys(parameters).length > 0).length,
    );
    expect(layers("_layers.3,head.0")).toContain("head.0");
    expect(layers("*.se_conv").every((name) => name.endsWith(".se_conv"))).toBe(true);
    expect(layers("_layers.1")).not.toContain("_layers.10._layers.0");
  });
  it.each([
    ["0", /freeze "0" means no layer; name a number from 1 to/],
    ["backbon", /means no layer; .*backbone, or some of _layers.1/],
    ["99", /leaves nothing to train/],
    ["*", /leaves nothing to train/],
    ["a(", /means no layer/],
  ])("%s is refused", (freeze, message) => {
    expect(() => frozenLayers(graph, freeze)).toThrow(message);
  });
});

describe("sizes of multi-scale training", () => {
  it("are whole cells around the network's own", () => {
    const sizes = trainingSizes(detector);
    expect(sizes).toContainEqual({ height: 96, width: 128 });
    expect(sizes.length).toBeGreaterThan(5);
    const [, rows, columns] = buildNetwork(detector).shapes[buildNetwork(detector).outputs[0]];
    for (const input of sizes) {
      const graph = buildNetwork({ ...detector, input: { ...detector.input, ...input } });
      const [, h, w] = graph.shapes[graph.outputs[0]];
      expect([h / input.height, w / input.width]).toEqual([rows / 96, columns / 128]);
      for (const [own, side] of [
        [96, input.height],
        [128, input.width],
      ])
        expect(Math.abs(side / own - 1)).toBeLessThan(0.6);
    }
    expect(() => trainingSizes(classifier)).toThrow(/multiScale needs a detector.*"classifier"/);
  });
  it("change every ten steps, depend on the seed, and are the network's own in light epochs", () => {
    const plan = (seed: number) =>
      planSizes(detector, makeRecipe("detect", { multiScale: true, seed, epochs: 20 }), 30);
    const sizes = Array.from({ length: 600 }, (_, step) => plan(1).at(step));
    for (let step = 0; step < 600; step++) expect(sizes[step]).toBe(sizes[step - (step % 10)]);
    expect(new Set(sizes).size).toBe(plan(1).sizes.length);
    expect(sizes.slice(540).every((index) => index === plan(1).own)).toBe(true);
    expect(sizes).not.toEqual(sizes.map((_, step) => plan(2).at(step)));
    const single = planSizes(detector, makeRecipe("detect", {}), 30);
    expect(single.sizes).toEqual([{ height: 96, width: 128 }]);
    expect(single.at(7)).toBe(0);
  });
});

describe("a training that runs away", () => {
  /** First step at which the watch reports divergence. */
  const caught = (loss: (step: number) => number, factor = 4, start?: number) => {
    const watch = new DivergenceWatch(factor, start, start === undefined ? 0 : 100);
    for (let step = 0; step < 1000; step++) if (watch.add(loss(step), step >= 100)) return step;
    return undefined;
  };
  const falling = (step: number) => 2 * 0.99 ** step + 0.1;
  it("is noticed when its loss jumps and stays", () => {
    const step = caught((n) => (n < 400 ? falling(n) : 2.3))!;
    expect(step).toBeGreaterThan(440);
    expect(step).toBeLessThan(600);
  });
  it("is not seen in noise, a short peak, a loss near zero, or a slow rise below the start", () => {
    expect(caught(falling)).toBeUndefined();
    expect(caught((n) => falling(n) * (n % 7 === 0 ? 8 : 1))).toBeUndefined();
    expect(caught((n) => (n > 400 && n < 420 ? 5 : falling(n)))).toBeUndefined();
    expect(caught((n) => (n < 500 ? 0.001 : 0.05) + 2 * 0.9 ** n)).toBeUndefined();
  });
  it("goes on from a run's own start, and can be switched off", () => {
    expect(caught((n) => (n < 400 ? 0.1 : 2.3), 4, 2)).toBeDefined();
    expect(caught((n) => (n < 400 ? 0.1 : 2.3), 4, 20)).toBeUndefined();
    expect(caught((n) => (n < 400 ? falling(n) : 1e9), 0)).toBeUndefined();
  });
  it("says where, at which rate, and what to try", () => {
    expect(divergedError(12, 0.01, "the loss is NaN").message).toBe(
      "training diverged at step 12, learning rate 0.01: the loss is NaN; lower the learning rate, to 0.003 for example",
    );
  });
});
