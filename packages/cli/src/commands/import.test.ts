import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { encodeSafetensors, Random } from "@phinets/core/tensor";
import { savePicture } from "@phinets/node/picture";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinets } from "../../../../test/road-tools.js";
import { goldens } from "../../../../test/shared.js";
import { callOf, TorchPickler } from "../../../../test/weights-file.js";

let folder: string;
let data: string;
const input = { height: 32, width: 32 };
const classes = Array.from({ length: 10 }, (_, i) => `c${i}`);
const fixtureNetwork = { family: "phinet", input, alpha: 0.25, head: { kind: "classifier", classes } };

function save(name: string, network: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(network));
  return path;
}

const project = () => `project=${join(folder, "runs")}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "phinets-import-"));
  data = join(folder, "data");
  const random = new Random(8);
  for (const [split, count] of [
    ["train", 2],
    ["val", 1],
  ] as const)
    for (const name of classes) {
      mkdirSync(join(data, split, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const pixels = Uint8Array.from({ length: 40 * 40 * 3 }, () => random.integer(256));
        const picture = { width: 40, height: 40, channels: 3, data: pixels } as const;
        await savePicture(join(data, split, name, `${i}.png`), picture);
      }
    }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function walk(run: string): Promise<void> {
  const json = async (...words: string[]) => {
    const { exitCode, stdout, stderr } = await phinets(...words, "--json");
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  expect(await json("val", "--model", run, "--data", data, "--on", "float", project())).toMatchObject({ images: 10 });
  expect((await json("quantize", "--model", run, "--data", data, project())).metric).toBe("top1");
  expect((await json("val", "--model", run, "--data", data, "--on", "int8", project())).top5).toBeGreaterThan(0);
  const { files } = await json("export", "--model", run, "--out", join(run, "c"));
  expect(files.some((file: string) => file.endsWith("_model.c"))).toBe(true);
}

describe("import", () => {
  it.skipIf(!goldens)("makes a run of an official checkpoint that val, quantize and export accept", async () => {
    const file = `${goldens}/phinet/fixtures/fx1_default_top_32.pth`;
    const network = save("official.json", fixtureNetwork);
    const { exitCode, stdout, stderr } = await phinets("import", file, "--network", network, project(), "--json");
    expect(exitCode, stderr).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ run: join(folder, "runs/classify/import"), loaded: 137, missing: [] });
    expect(document.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(join(document.run, "args.yaml"), "utf8")).toContain("fx1_default_top_32.pth");
    await walk(document.run);
  });

  it.each(["mobilenetv2", "efficientnet"])("%s walks the same road", async (family) => {
    const json = { family, input, width: 0.1, stopAtStride: 16, head: { kind: "classifier", classes } };
    const parsed = parseNetwork(json);
    const weights = join(folder, `${family}.safetensors`);
    writeFileSync(weights, encodeSafetensors(initialWeights(buildNetwork(parsed), 1, parsed.head)));
    const network = save(`${family}.json`, json);
    const { exitCode, stdout, stderr } = await phinets("import", weights, "--network", network, project(), "name=own");
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/own: \d+ parameters of \w+\.safetensors/);
    await walk(join(folder, "runs/classify/own"));
    const inspected = await phinets("inspect", network, "--target", "stm32h743");
    expect(inspected.stdout).toMatch(new RegExp(`^${family} +width 0\\.1 `, "m"));
    rmSync(join(folder, "runs/classify/own"), { recursive: true });
  });

  it.skipIf(!goldens)("lists what does not fit, and starts it anew with --partial", async () => {
    const file = `${goldens}/phinet/fixtures/fx1_default_top_32.pth`;
    const network = save("five.json", { ...fixtureNetwork, head: { kind: "classifier", classes: 5 } });
    const refused = await phinets("import", file, "--network", network, project());
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("classifier.2.weight [10,48] for [5,48], classifier.2.bias [10] for [5]");
    const partial = await phinets("import", file, "--network", network, "--partial", project(), "--json");
    expect(partial.exitCode, partial.stderr).toBe(0);
    expect(JSON.parse(partial.stdout)).toMatchObject({
      loaded: 135,
      misshaped: [{ found: [10, 48] }, { found: [10] }],
    });
    const detector = save("detector.json", { ...fixtureNetwork, head: { kind: "yolov2", classes: ["person"] } });
    const detect = await phinets("import", file, "--network", detector, "--partial", project());
    expect(detect.stdout).toMatch(
      /runs\/detect\/import: 135 parameters[\s\S]*to be trained: head\.0\.weight[\s\S]*only in the file, ignored: classifier/,
    );
    const other = save("other.json", { family: "mobilenetv2", input, head: { kind: "classifier", classes: 10 } });
    const wrong = await phinets("import", file, "--network", other, "--partial", project());
    expect(wrong.stderr).toContain("the weights are not this network's (1 of its parameters fit)");
  });

  it("refuses in one line, and leaves no run behind", async () => {
    const network = save("network.json", fixtureNetwork);
    const evil = join(folder, "evil.pth");
    writeFileSync(evil, new TorchPickler().file(callOf("posix", "system", `touch ${join(folder, "owned")}`)));
    for (const [words, message] of [
      [[evil, "--network", network], /evil\.pth: asks for posix\.system, which is not on the list/],
      [[join(folder, "none.pth"), "--network", network], /none\.pth: no such file/],
      [[folder, "--network", network], /is a folder; name an \.onnx, \.tflite, \.pth or \.safetensors file/],
      [[network, "--network", network], /no weights file that is known/],
      [[evil, "--network", save("bare.json", { family: "phinet", input })], /bare\.json: the network has no head/],
    ] as const) {
      const before = existsSync(join(folder, "runs/classify")) ? readdirSync(join(folder, "runs/classify")) : [];
      const { exitCode, stderr } = await phinets("import", ...words, project());
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr.trim()).not.toContain("\n");
      expect(existsSync(join(folder, "runs/classify")) ? readdirSync(join(folder, "runs/classify")) : []).toEqual(
        before,
      );
    }
    expect(existsSync(join(folder, "owned"))).toBe(false);
  });
});
