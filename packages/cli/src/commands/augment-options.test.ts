import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { savePicture } from "@phinets/node/picture";
import { loadArguments } from "@phinets/node/run";
import { afterAll, describe, expect, it } from "vitest";
import { phinets, tinyDataset, tinyNetwork, writeNetwork } from "../../../../test/road-tools.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-augment-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function train(...words: string[]): Promise<{ run: string; weightsSha256: string }> {
  const { exitCode, stdout, stderr } = await phinets("train", "--project", folder, "--json", ...words);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return JSON.parse(stdout);
}

describe("augmentation options of train", () => {
  it("a detector: the same bits for any number of threads, others without the options", async () => {
    const data = await tinyDataset(join(folder, "conveyor"));
    const network = writeNetwork(folder, { ...tinyNetwork, input: { height: 40, width: 56, channels: 1 } });
    const plain = ["--data", data, "--network", network, "--epochs", "2"];
    const all = ["--mosaic", ".5", "--mixup", ".5", "--rand-augment", "4", "--erase", ".5", "--rotate", "15"];
    all.push("--light-epochs", "0");
    const one = await train(...plain, ...all, "--zoom", "1.3", "--class-weights", "auto", "--workers", "1");
    const two = await train(...plain, ...all, "--zoom", "1.3", "--class-weights", "auto", "--workers", "2");
    expect(two.weightsSha256).toBe(one.weightsSha256);
    const { recipe } = loadArguments(one.run);
    expect(recipe).toMatchObject({ mosaic: 0.5, mixup: 0.5, randAugment: 4, erase: 0.5, rotate: 15, zoom: 1.3 });
    expect(recipe.lightEpochs).toBe(0);
    expect(recipe.classWeights).toHaveLength(3);
    expect((await train(...plain)).weightsSha256).not.toBe(one.weightsSha256);
  });

  it("a classifier: blended targets and binary cross-entropy, resumed with them", async () => {
    const random = new Random(2);
    const sets = join(folder, "classes");
    for (const [name, count] of [
      ["dark", 24],
      ["light", 8],
    ] as const) {
      mkdirSync(join(sets, name), { recursive: true });
      for (let n = 0; n < count; n++) {
        const data = Uint8Array.from({ length: 16 * 12 * 3 }, () => random.integer(128) + (name === "light" ? 127 : 0));
        await savePicture(join(sets, name, `${n}.png`), { width: 16, height: 12, channels: 3, data });
      }
    }
    const { input, alpha, blocks, downsampling } = tinyNetwork;
    const network = writeNetwork(folder, { family: "phinet", input, alpha, blocks, downsampling });
    const options = ["--mixup", "2", "--class-loss", "bce", "--class-weights", "auto", "--batch", "8", "--epochs", "2"];
    const { run, weightsSha256 } = await train("--data", sets, "--network", network, ...options);
    expect((await train("--resume", run)).weightsSha256).toBe(weightsSha256);
    const [dark, light] = loadArguments(run).recipe.classWeights as readonly number[];
    expect(light / dark).toBeGreaterThan(2);
  });

  it("names what is wrong", async () => {
    const data = await tinyDataset(join(folder, "conveyor"));
    const fails = async (...words: string[]) => (await phinets("train", "--data", data, ...words)).stderr;
    expect(await fails("--mosaic", "2")).toContain("--mosaic <p>");
    expect(await fails("--class-weights", "1,x")).toContain("It is auto or numbers like 1,2.5,1.");
    expect(await fails("--class-weights", "1,2")).toContain("2 weights (1,2); the 3 classes");
    expect(await fails("--mixup", "3")).toContain("mixup is 3; a number in 0..1");
    expect(await fails("--no-augment", "--erase", ".1")).toContain("augment is off");
  });
});
