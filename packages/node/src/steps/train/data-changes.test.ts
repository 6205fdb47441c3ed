/** Pictures that vanish, change, are copied again or do not fit into memory. */
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "../../../../../test/road-tools.js";
import { loadPictures, openDataset } from "../../dataset/index.js";
import { readEvents } from "./events.js";

const root = mkdtempSync(join(tmpdir(), "phinets-changes-"));
const project = join(root, "runs");
const folderOf = (name: string) => join(project, "detect", name);
let original: string;
let network: string;

beforeAll(async () => {
  original = await tinyDataset(join(root, "data"));
  network = writeNetwork(root);
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of the data set that a test may damage. */
function copy(name: string): { yaml: string; picture: (n: number) => string } {
  const folder = join(root, name);
  cpSync(dirname(original), folder, { recursive: true });
  const images = join(folder, "train/images");
  const names = readdirSync(images).sort();
  return { yaml: join(folder, "data.yaml"), picture: (n) => join(images, names[n]) };
}

const words = (name: string, yaml: string, ...more: string[]) => [
  ...["train", "--data", yaml, "--network", network, "--project", project, "--batch", "8", "--epochs", "2"],
  ...["--no-plots", "--name", name, ...more],
];

describe("pictures that cannot be decoded", () => {
  it("end the run with the first one's name, or are left out, counted and named", async () => {
    const { yaml, picture } = copy("bad");
    truncateSync(picture(3), 300);
    writeFileSync(picture(20), "no picture");
    const strict = await phinets(...words("strict", yaml));
    expect(strict).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`${picture(3)}: is truncated`) });
    const { exitCode, stderr } = await phinets(...words("lenient", yaml, "--skip-bad"));
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`skipped: ${picture(3)}: is truncated or damaged\n`);
    expect(stderr).toContain(`skipped: ${picture(20)}: is not a picture`);
    expect(stderr).toContain("warning: 2 of 32 train pictures are left out\n");
    expect(readEvents(folderOf("lenient"))[0]).toMatchObject({ data: { train: 30, val: 8, skipped: 2 } });
    // After resuming, the same pictures are left out, although the cache knows them now.
    const again = await phinets("train", "--resume", folderOf("lenient"));
    expect(again).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining("2 of 32 train pictures are left out"),
    });
    // A run that needs all pictures reports the bad one, cached or not.
    expect(await phinets(...words("strict", yaml))).toMatchObject({ exitCode: 1 });
  });

  it("that are gone when they are decoded are the same", async () => {
    const { yaml, picture } = copy("gone");
    const { splits } = await openDataset([yaml]);
    rmSync(picture(5));
    const size = { width: 64, height: 48, use: "training" as const, folder: join(root, "gone-cache") };
    await expect(loadPictures(splits.train, size)).rejects.toMatchObject({ path: picture(5) });
    const bad: string[] = [];
    const loaded = await loadPictures(splits.train, { ...size, onBad: ({ message }) => bad.push(message) });
    expect(loaded.length).toBe(31);
    expect(loaded.samples.some(({ file }) => file === picture(5))).toBe(false);
    expect(loaded.skipped).toHaveLength(1);
    expect(bad).toEqual([expect.stringContaining(`${picture(5)}: does not exist`)]);
  });
});

describe("a run that is gone on with", () => {
  it("takes a fresh copy of the same bytes, and no others", async () => {
    const { yaml, picture } = copy("changing");
    const { weightsSha256 } = await phinetsJson(...words("copied", yaml));
    for (const name of ["one", "two"]) {
      const aside = `${picture(7)}.${name}`;
      copyFileSync(picture(7), aside);
      renameSync(aside, picture(7));
      utimesSync(picture(7), new Date(), new Date(1e12));
    }
    expect((await phinetsJson("train", "--resume", folderOf("copied"))).weightsSha256).toBe(weightsSha256);
    // The same size and modification time, but other bytes.
    copyFileSync(picture(8), `${picture(7)}.new`);
    renameSync(`${picture(7)}.new`, picture(7));
    const changed = await phinets("train", "--resume", folderOf("copied"));
    expect(changed).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/copied: the data set has changed since the last checkpoint .*; restore it, or/),
    });
    rmSync(picture(7));
    rmSync(join(dirname(dirname(picture(9))), "labels", `${/(\w+)\.\w+$/.exec(picture(9))![1]}.txt`));
    expect(await phinets("train", "--resume", folderOf("copied"))).toMatchObject({ exitCode: 1 });
  });
});

describe("pictures on disk", () => {
  it("train to the same weights as pictures in memory, on any number of threads", async () => {
    const digests = [];
    for (const [name, ...more] of [["ram"], ["disk1", "--cache", "disk"], ["disk3", "--cache", "disk"]]) {
      const threads = name.endsWith("1") ? "1" : "3";
      digests.push((await phinetsJson(...words(name, original, ...more, "--workers", threads))).weightsSha256);
    }
    expect(new Set(digests).size).toBe(1);
  });

  it("are read when their file is deleted meanwhile; one that is cut off is named", async () => {
    const { splits } = await openDataset([original]);
    const folder = join(root, "disk-cache");
    const options = { width: 64, height: 48, use: "training" as const, folder };
    const ram = await loadPictures(splits.train, options);
    const disk = await loadPictures(splits.train, { ...options, cache: "disk" });
    expect(disk.packed.shards.every((shard) => "path" in shard)).toBe(true);
    expect(disk.at(0)).toEqual(ram.at(0));
    const [file] = readdirSync(folder).map((name) => join(folder, name));
    const bytes = readFileSync(file);
    rmSync(file);
    for (let n = 0; n < ram.length; n++) expect(disk.at(n)).toEqual(ram.at(n));
    writeFileSync(file, bytes);
    const fresh = await loadPictures(splits.train, { ...options, cache: "disk" });
    truncateSync(file, bytes.length - 10);
    expect(() => fresh.at(31)).toThrow(`${file}: is cut off; the picture cache is damaged`);
    expect(fresh.at(0)).toEqual(ram.at(0));
  });

  it("need a disk that can be written", async () => {
    const { splits } = await openDataset([original]);
    const options = { width: 64, height: 48, use: "training" as const, cache: "disk" as const };
    const folder = join(original, "in-a-file");
    await expect(loadPictures(splits.train, { ...options, folder })).rejects.toMatchObject({ code: "run.write" });
  });
});
