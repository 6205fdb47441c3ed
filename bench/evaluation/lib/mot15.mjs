/** Loads MOT15's training sequences for the tracker benchmarks. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMotRows, parseSequenceInfo } from "../../../packages/core/dist/data/index.js";
import { readMotDetections } from "../../../packages/core/dist/tracking/index.js";

/**
 * The sequences of the given folder, else of $PHINETS_SHARED/data/mot15/train: SEQ/gt/gt.txt, SEQ/det/det.txt and
 * SEQ/seqinfo.ini. If the folder does not exist, says so and exits.
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
      /** Read anew each time, because it is part of the measured scoring. */
      truth: () => parseMotRows(read(name, "gt/gt.txt"), `${name}/gt/gt.txt`),
      detections: readMotDetections(read(name, "det/det.txt"), `${name}/det/det.txt`),
    }));
}
