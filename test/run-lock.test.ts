/** A run is reproduced elsewhere, from its run.lock and the data, with the same weights. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { kernelsSha256 } from "@phinets/core/kernels";
import { afterAll, beforeAll, expect, it } from "vitest";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "./road-tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-lock-"));
const project = join(root, "runs");
const elsewhere = ["--project", join(root, "elsewhere")];
let data: string;
let lockFile: string;
let weightsSha256: string;

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  const network = writeNetwork(root);
  const words = ["--network", network, "--epochs", "2", "--seed", "5", "--batch", "4", "--workers", "1"];
  const document = await phinetsJson("train", "--data", data, ...words, "--project", project, "--name", "a");
  weightsSha256 = document.weightsSha256 as string;
  lockFile = join(project, "detect/a/run.lock");
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const lock = () => JSON.parse(readFileSync(lockFile, "utf8"));

/** A changed copy of the lock. */
function changed(change: Record<string, unknown>): string {
  const path = join(root, "changed.lock");
  writeFileSync(path, JSON.stringify({ ...lock(), ...change }));
  return path;
}

/** The last line of a failed command. */
async function errorOf(...words: string[]): Promise<string> {
  const { exitCode, stderr } = await phinets("train", ...words, ...elsewhere);
  expect(exitCode).not.toBe(0);
  return stderr.trimEnd().split("\n").at(-1)!;
}

it("holds what the weights depend on", () => {
  const { phinets, data: from, recipe, network, ...rest } = lock();
  expect(rest).toEqual({ format: "phinets-lock-1", node: process.version, kernelsSha256, valEvery: 1, weightsSha256 });
  expect(phinets).toMatch(/^\d+\.\d+\.\d+/);
  expect(from).toEqual({ paths: [data], fraction: 1, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(recipe).toMatchObject({ epochs: 2, seed: 5, batch: 4, optimizer: "adamw" });
  expect(network).toMatchObject({ family: "phinet", input: { height: 48, width: 64, channels: 3 } });
});

it("repeats the run with the data at another place, on other threads", async () => {
  const copy = join(root, "copy");
  cpSync(dirname(data), copy, { recursive: true });
  const words = ["train", "--from-lock", lockFile, "--data", join(copy, "data.yaml"), "--workers", "3", ...elsewhere];
  const document = await phinetsJson(...words);
  expect(document).toMatchObject({ weightsSha256, lock: { weightsSha256, equal: true } });
  const { data: from } = JSON.parse(readFileSync(join(document.run as string, "run.lock"), "utf8"));
  expect(from.sha256).toBe(lock().data.sha256);

  const [picture] = readdirSync(join(copy, "train/labels"));
  const file = join(copy, "train/labels", picture);
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace(/\d\b/, (digit) => String((Number(digit) + 1) % 3)),
  );
  expect(await errorOf("--from-lock", lockFile, "--data", join(copy, "data.yaml"))).toMatch(
    /run\.lock: the pictures or labels are not those of the run .*--data/,
  );
});

it("says when the weights differ, and ends with 1", async () => {
  const file = changed({ weightsSha256: "0".repeat(64), kernelsSha256: "1" });
  const { exitCode, stdout, stderr } = await phinets("train", "--from-lock", file, "--workers", "1", ...elsewhere);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/NOT equal to .*changed\.lock: 0000/);
  expect(stderr).toMatch(/which differ from those of this version/);
});

it("names what is wrong with a lock", async () => {
  expect(await errorOf("--from-lock", changed({ weightsSha256: undefined }))).toMatch(/has not ended/);
  expect(await errorOf("--from-lock", changed({ format: "x" }))).toMatch(/format is "x"/);
  expect(await errorOf("--from-lock", changed({ recipe: { epochs: 0 } }))).toMatch(/epochs is 0/);
  expect(await errorOf("--from-lock", changed({ network: {} }))).toMatch(/changed\.lock: .*family/);
  expect(await errorOf("--from-lock", join(root, "absent"))).toMatch(/absent: cannot be read \(ENOENT\)/);
  writeFileSync(join(root, "text"), "text");
  expect(await errorOf("--from-lock", join(root, "text"))).toMatch(/text: not JSON/);
  expect(await errorOf("--from-lock", lockFile, "--epochs", "3")).toMatch(
    /--epochs cannot be changed with --from-lock/,
  );
});
