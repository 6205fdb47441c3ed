/**
 * The cost per frame of `phinets track`: first each stage in sequence on one thread, in milliseconds, in processor time
 * (less affected by a busy machine; excludes ffmpeg) and as a share of the total; then the command as users run it
 * (frames per second, with overlapping stages and detection on every core), without and with the annotated mp4. For the
 * whole picture and in 2x2 tiles. Needs `npm run build` and ffmpeg.
 *
 *   node bench/inference/track.mjs CLIP [--model models/person-192] [--frames 200]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { crop } from "@phinets/core/data";
import { detect } from "@phinets/core/detection";
import { tilesOf } from "@phinets/core/model";
import { buildNetwork, classCount } from "@phinets/core/networks";
import { Sort } from "@phinets/core/tracking";
import { TrackPainter } from "@phinets/node/picture";
import { openRun } from "@phinets/node/run";
import { framesOf, VideoWriter } from "@phinets/node/video";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: join(root, "models/person-192") },
    frames: { type: "string", default: "200" },
  },
});
const [clip] = positionals;
if (clip === undefined) {
  console.error("which clip? node bench/inference/track.mjs CLIP");
  process.exit(2);
}
const maxFrames = Number(values.frames);
const folder = mkdtempSync(join(tmpdir(), "phinets-bench-"));

/** Elapsed and processor time of each stage for `count` frames, in milliseconds. */
async function stages(tiles) {
  const model = await openRun(values.model, { tiles });
  const { input, network } = model;
  const { height, width } = input;
  const { anchors, decoder } = network.head;
  const head = { anchors, decoder, classes: classCount(network.head) };
  const graph = buildNetwork(network);
  const mapShape = graph.shapes[graph.outputs[0]].slice(1);
  const tracker = new Sort();
  const painter = new TrackPainter(model.classes);
  const spent = {};
  const time = async (stage, work) => {
    const before = process.cpuUsage();
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    spent[stage] ??= { ms: 0, processorMs: 0 };
    spent[stage].ms += ms;
    spent[stage].processorMs += (user + system) / 1000;
    return result;
  };
  const { frames, framesPerSecond, reuse } = await framesOf(clip, { maxFrames });
  const reader = frames[Symbol.asyncIterator]();
  let writer;
  let count = 0;
  for (;;) {
    const { value, done } = await time("decode", () => reader.next());
    if (done) break;
    count++;
    const { picture } = value;
    const parts = await time("resize", () => [
      model.prepare(picture),
      ...(tiles ? tilesOf(picture, tiles) : []).map((tile) => crop(picture, tile, { height, width })),
    ]);
    const outputs = await time("inference", () => parts.map((part) => model.output(part)));
    await time("boxes", () => outputs.map((output) => detect(output, mapShape, head)));
    const boxes = model.detect(picture);
    const tracks = await time("track", () => tracker.update(boxes.map(cornersOf)));
    const painted = await time("draw", () => painter.paint(picture, tracks));
    await time("encode", async () => {
      writer ??= await VideoWriter.open(join(folder, "stages.mp4"), {
        width: painted.width,
        height: painted.height,
        framesPerSecond,
      });
      await writer.write(painted);
    });
    reuse(picture);
  }
  await time("encode", () => writer.close());
  await model.dispose();
  return { spent, count };
}

const cornersOf = ({ x, y, width, height, score, class: label }) => ({
  ...{ x1: x, y1: y, x2: x + width, y2: y + height },
  ...{ score, class: label },
});

function command(...words) {
  const program = join(root, "packages/cli/bin/phinets.js");
  const all = ["track", clip, "--model", values.model, "--out", join(folder, "tracks.txt"), "--json", ...words];
  const limit = ["--max-frames", String(maxFrames)];
  return JSON.parse(
    execFileSync(process.execPath, [program, ...all, ...limit], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ).framesPerSecond;
}

try {
  for (const [name, tiles, ...words] of [
    ["whole", undefined],
    ["tiles 2x2", { columns: 2, rows: 2 }, "--tiles", "2x2"],
  ]) {
    const { spent, count } = await stages(tiles);
    const sum = Object.values(spent).reduce((total, { ms }) => total + ms, 0);
    const stage = ([key, { ms, processorMs }]) => [
      key,
      { ms: round(ms / count, 2), processorMs: round(processorMs / count, 2), share: round(ms / sum, 3) },
    ];
    console.log(
      JSON.stringify({
        name,
        frames: count,
        cores: availableParallelism(),
        node: process.version,
        stages: Object.fromEntries(Object.entries(spent).map(stage)),
        framesPerSecond: {
          oneByOne: round((1000 * count) / sum, 1),
          command: command("--no-video", ...words),
          withVideo: command(...words),
        },
      }),
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}
