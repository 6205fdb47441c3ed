import { describe, expect, it } from "vitest";
import { parseNetwork } from "../networks/index.js";
import { makeRecipe } from "./recipe.js";
import { trainingGraphOf } from "./training-graph.js";

const network = (head: unknown) =>
  parseNetwork({ family: "phinet", input: { height: 32, width: 32, channels: 3 }, alpha: 0.2, blocks: 4, head });
const detector = network({ kind: "yolov2", classes: 1, anchors: [[1, 1]] });
const classifier = network({ kind: "classifier", classes: 2 });
const rates = (...[net, recipe]: Parameters<typeof trainingGraphOf>) =>
  trainingGraphOf(net, recipe).masks.map(({ rate }) => rate);

describe("the graph that a recipe trains", () => {
  it("drops nothing in a detector, in a classifier what its network says", () => {
    expect(rates(detector, makeRecipe("detect"))).toEqual([]);
    expect(rates(classifier, makeRecipe("classify"))).toEqual([0.05, 0.05, 0.05, 0.05, 0.05]);
  });

  it("drops what the recipe says, in every dropout layer", () => {
    for (const [net, task] of [
      [detector, "detect"],
      [classifier, "classify"],
    ] as const) {
      expect(rates(net, makeRecipe(task, { dropout: 0.3 }))).toEqual([0.3, 0.3, 0.3, 0.3, 0.3]);
      expect(rates(net, makeRecipe(task, { dropout: 0 }))).toEqual([]);
    }
    for (const dropout of [-0.1, 0.96, Number.NaN])
      expect(() => makeRecipe("detect", { dropout })).toThrow(/^dropout is .*; a number in 0\.\.0\.95 is needed$/);
  });

  it("has the recipe's batch and frozen layers", () => {
    const graph = trainingGraphOf(detector, makeRecipe("detect", { batch: 3, freeze: "backbone" }));
    expect(graph.batch).toBe(3);
    expect(Object.keys(graph.gradients).every((name) => name.startsWith("head."))).toBe(true);
    expect(graph.frozen.size).toBeGreaterThan(0);
  });
});
