import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { evaluateCoco } from "@phinets/core/evaluation";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { evaluateCocoOnThreads } from "./matching.js";

// Worker threads run the built code: plain Node does not read TypeScript.
const built = existsSync(fileURLToPath(new URL("../../../core/dist/evaluation/index.js", import.meta.url)));

describe.skipIf(!built)("COCO on threads", () => {
  const truth = {
    images: [1, 2, 3, 4].map((id) => ({ id })),
    categories: [{ id: 1 }, { id: 2 }],
    annotations: [1, 2, 3, 4].map((id) => ({ image_id: id, category_id: 1 + (id % 2), bbox: [0, 0, 10, 10 + id] })),
  };
  const detections = truth.annotations.map((each, i) => ({ ...each, bbox: [i, 0, 10, 10], score: i / 4 }));

  it("is the same to the last bit for one to five threads", async () => {
    const one = evaluateCoco(truth, detections);
    for (const threads of [1, 2, 3, 5]) expect(await evaluateCocoOnThreads(truth, detections, threads)).toEqual(one);
  });

  it.skipIf(!goldens)("is the same on 20,000 detections", async () => {
    const load = (kind: string) =>
      JSON.parse(readFileSync(`${goldens}/coco/synth_500img_20cat_20k.${kind}.json`, "utf8"));
    const [gt, dt] = [load("gt"), load("dt")];
    expect(await evaluateCocoOnThreads(gt, dt, 3)).toEqual(evaluateCoco(gt, dt));
  });

  it("passes on what a thread finds wrong, and stops when told", async () => {
    const wrong = detections.map((each, i) => (i < 3 ? each : { ...each, bbox: [0, 0, 1] }));
    await expect(evaluateCocoOnThreads(truth, wrong, 4)).rejects.toMatchObject({
      code: "evaluation.coco",
      message: expect.stringContaining("a detection of picture 4 has bbox [0,0,1]"),
    });
    const infinite = detections.map((each, i) =>
      i < 3 ? each : { ...each, bbox: [0, 0, 1, Number.POSITIVE_INFINITY] },
    );
    await expect(evaluateCocoOnThreads(truth, infinite, 4)).rejects.toMatchObject({
      code: "evaluation.coco",
      message: expect.stringContaining("a detection of picture 4 has bbox [0,0,1,null]"),
    });
    const controller = new AbortController();
    const run = evaluateCocoOnThreads(truth, detections, 2, controller.signal);
    controller.abort();
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
  });
});
