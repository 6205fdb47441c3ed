/** Loads MOT15's training sequences for the tracker benchmarks. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMotRows, parseSequenceInfo } from "../../../packages/core/dist/data/index.js";
import { readMotDetections } from "../../../packages/core/dist/tracking/index.js";

/**
 * The sequences of the folder that is named, else of $PHINETS_SHARED/data/mot15/train: SEQ/gt/gt.txt, SEQ/det/det.txt and
 * SEQ/seqinfo.ini. Where there is none, says so and ends the process.
 */
export function readSequences(named) {
  const { PHINETS_SHARED } = process.env;
  const folder = named ?? (PHINETS_SHARED && join(PHINETS_SHARED, "data/mot15/train"));
  if (!folder || !existsSync(folder)) {
    console.error(
      "left out: name the folder of MOT15's training sequences (motchallenge.net/data/MOT15), or set PHINETS_SHARED",
    );
    process.exit(0);
  }
  const read = (...path) => readFileSync(join(folder, ...path), "utf8");
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "gt/gt.txt")))
    .map((name) => ({
      name,
      frames: parseSequenceInfo(read(name, "seqinfo.ini"), `${name}/seqinfo.ini`).length,
      /** Reads it each time: scoring is measured with it. */
      truth: () => parseMotRows(read(name, "gt/gt.txt"), `${name}/gt/gt.txt`),
      detections: readMotDetections(read(name, "det/det.txt"), `${name}/det/det.txt`),
    }));
}
