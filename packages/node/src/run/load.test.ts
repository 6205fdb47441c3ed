import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors, PhinetsError, tensor } from "@phinets/core/tensor";
import { beforeEach, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { loadRun } from "./load.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-load-"));
  makeRun(folder);
});

function problem(path = folder): string {
  try {
    void loadRun(path).quantized;
  } catch (error) {
    expect(error).toBeInstanceOf(PhinetsError);
    expect((error as PhinetsError).message).not.toContain("\n");
    return (error as PhinetsError).message;
  }
  return "loaded";
}

describe("loadRun", () => {
  it("loads a run from its folder or a file of it", () => {
    const run = loadRun(folder);
    expect(run.network.head.kind).toBe("yolov2");
    expect(Object.keys(run.weights).sort()).toEqual(Object.keys(run.graph.parameters).sort());
    expect(run.quantized?.graph.outputs).toHaveLength(1);
    for (const file of ["weights/best.safetensors", "quantized.safetensors", "network.json"])
      expect(loadRun(join(folder, file))).toEqual(run);
  });

  it("loads a run that is not quantised, and the weights file that is named", () => {
    rmSync(join(folder, "quantized.json"));
    const best = join(folder, "weights/best.safetensors");
    const { weights } = decodeSafetensors(readFileSync(best), best);
    const prefixed = Object.fromEntries(
      Object.entries(weights).flatMap(([name, value]) => [
        [`parameters/${name}`, value],
        [`ema/${name}`, tensor("float32", value.shape, new Float32Array(value.data.length).fill(3))],
        [`moment1/${name}`, value],
      ]),
    );
    const last = join(folder, "weights/last.safetensors");
    writeFileSync(last, encodeSafetensors(prefixed, { epoch: "3" }));
    const run = loadRun(last);
    expect(run.quantized).toBeUndefined();
    for (const { data } of Object.values(run.weights)) expect(data.every((value) => value === 3)).toBe(true);
  });

  it("names what is damaged, missing or of another network", () => {
    const best = join(folder, "weights/best.safetensors");
    const good = join(folder, "good");
    copyFileSync(best, good);
    for (const length of [0, 5, 100, 5000]) {
      copyFileSync(good, best);
      truncateSync(best, length);
      expect(problem()).toMatch(/best\.safetensors: .*damaged/);
    }
    const { weights } = decodeSafetensors(readFileSync(good), good);
    const [name] = Object.keys(weights);
    const { [name]: dropped, ...others } = weights;
    writeFileSync(best, encodeSafetensors(others));
    expect(problem()).toContain(`parameter "${name}" is missing`);
    writeFileSync(best, encodeSafetensors({ ...others, [name]: tensor("float32", [1, 2, 3]) }));
    expect(problem()).toContain(`parameter "${name}" is float32 [1,2,3]`);
    dropped.data[1] = Number.NaN;
    writeFileSync(best, encodeSafetensors({ ...others, [name]: dropped }));
    expect(problem()).toMatch(/NaN at element 1/);
    rmSync(best);
    expect(problem()).toMatch(/best\.safetensors: no such file; .*train/);
    copyFileSync(good, best);
    expect(problem()).toBe("loaded");
    truncateSync(join(folder, "quantized.safetensors"), 300);
    expect(problem()).toMatch(/quantized\.safetensors/);
    rmSync(join(folder, "quantized.safetensors"));
    expect(problem()).toMatch(/quantized\.safetensors: cannot read it \(no such file\)/);
    writeFileSync(join(folder, "network.json"), '{"family":"phinet","input":{"height":32,"width":48},"alpha":-1}');
    expect(problem()).toMatch(/network\.json: .*alpha is -1/);
    writeFileSync(join(folder, "network.json"), "{");
    expect(problem()).toMatch(/network\.json: not JSON/);
    expect(problem(join(folder, "absent"))).toMatch(/no such run/);
  });
});
