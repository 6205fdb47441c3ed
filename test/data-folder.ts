/** A temporary folder in which a test file makes its data sets. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { splitNames } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import sharp from "sharp";
import { afterAll, expect } from "vitest";

/** Made at once, removed after the file's tests. */
export function dataFolder(name: string) {
  const root = mkdtempSync(join(tmpdir(), `phinets-${name}-`));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Writes a file, making its folders; returns its full path. */
  function put(path: string, data: string | Uint8Array): string {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, data);
    return full;
  }

  /** A YOLO data set of a few pictures; returns the data.yaml. */
  async function yolo(name: string, counts = { train: 3, val: 2, test: 1 }, yaml?: string): Promise<string> {
    for (const split of splitNames) {
      for (let n = 0; n < counts[split]; n++) {
        put(`${name}/${split}/images/${n}.jpg`, await jpeg(40 + n, 30, n + split.length));
        put(`${name}/${split}/labels/${n}.txt`, n === 1 ? "" : `0 0.5 0.5 0.2 0.4\n1 0.25 0.25 0.1 0.1\n`);
      }
    }
    return put(
      `${name}/data.yaml`,
      yaml ?? "train: train/images\nval: val/images\ntest: test/images\nnames: [nut, bolt]\n",
    );
  }

  /** The single-line message with which `work` fails, with the folder's path replaced by ROOT. */
  async function message(work: Promise<unknown>): Promise<string> {
    const error = await work.then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(PhinetsError);
    expect(error.message).not.toContain("\n");
    return error.message.split(root).join("ROOT");
  }

  return { root, put, yolo, message };
}

/** A picture with a pattern that depends on the seed. */
export async function jpeg(width: number, height: number, seed: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3).map((_, i) => (i * 37 + ((i * i * (seed + 3)) >> 5)) & 255);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}
