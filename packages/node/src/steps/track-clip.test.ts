import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { Random } from "@phinets/core/tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { sampleReport } from "../../../../test/report-sample.js";
import { writeFileAtomic } from "../host/atomic.js";
import { savePicture } from "../picture/index.js";
import { renderReport } from "../report/index.js";
import { listen } from "./context.js";
import { trackClip } from "./track-clip.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-clip-"));
const clip = join(folder, "sequence/images");
const notes: string[] = [];
const context = listen({ onEvent: (event) => event.kind === "note" && notes.push(event.text) });

beforeAll(async () => {
  makeRun(join(folder, "run"));
  const random = new Random(3);
  const picture: Picture = {
    width: 96,
    height: 64,
    channels: 3,
    data: Uint8Array.from({ length: 96 * 64 * 3 }, () => random.integer(256)),
  };
  for (let n = 1; n <= 6; n++) await savePicture(join(clip, `${n}.png`), picture);
});

describe("trackClip", () => {
  it("scores the tracks against the clip's own truth, where it has one that can be read", async () => {
    const run = join(folder, "run");
    const without = await trackClip(run, clip, context);
    expect(without.frames).toBe(6);
    expect(without.tracks).toBeGreaterThan(0);
    expect(without).not.toHaveProperty("scores");

    const truth = join(folder, "sequence/gt/gt.txt");
    writeFileAtomic(truth, readFileSync(join(run, "tracks.txt"), "utf8"));
    expect((await trackClip(run, clip, context)).scores).toEqual({ MOTA: 1, IDF1: 1, HOTA: expect.closeTo(1, 9) });
    cpSync(clip, join(folder, "sequence/img1"), { recursive: true });
    expect((await trackClip(run, join(folder, "sequence"), context)).scores?.MOTA).toBe(1);

    writeFileAtomic(truth, "1,1,900,900,5,5,1\n");
    const { scores } = await trackClip(run, clip, context);
    expect(scores).toMatchObject({ IDF1: 0, HOTA: 0 });
    expect(scores!.MOTA).toBeLessThan(0);

    writeFileAtomic(truth, "1,1,0,0\n");
    expect(await trackClip(run, clip, context)).not.toHaveProperty("scores");
    expect(notes.join("")).toContain(`left out: the tracks' scores (${truth}:1: has 4 columns`);
  });

  it("shows them in the report", async () => {
    const sample = await sampleReport();
    if (!("strip" in sample.tracking)) throw new Error("the sample has no tracks");
    const scores = { MOTA: 0.875, IDF1: 0.75, HOTA: 0.625 };
    const page = (tracking: typeof sample.tracking) => renderReport({ ...sample, tracking }).replace(/<[^>]*>/g, "");
    expect(page({ ...sample.tracking, scores })).toContain("labels: MOTA 87.5 %, IDF1 75.0 %, HOTA 62.5 %.");
    expect(page(sample.tracking)).not.toContain("MOTA");
  });
});
