/** A thread of `phinets eval coco --workers`: pairs the detections of its categories with their truths. */
import { parentPort } from "node:worker_threads";
import { accumulateMatches, matchColumns } from "@phinets/core/evaluation";

parentPort.once("message", ({ columns, jobs }) => {
  const outcomes = jobs.map(({ category, from, to, whole }) => {
    const matches = matchColumns(columns, category, from, to);
    return whole ? accumulateMatches(matches) : matches;
  });
  const buffers = outcomes.flatMap((outcome) =>
    Object.values(outcome).flatMap((value) => (ArrayBuffer.isView(value) ? value.buffer : [])),
  );
  parentPort.postMessage(outcomes, buffers);
});
