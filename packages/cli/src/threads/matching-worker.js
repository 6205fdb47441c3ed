/** A thread of `phinets eval coco --workers`: pairs the detections of its pictures with their truths. */
import { parentPort } from "node:worker_threads";
import { matchCoco } from "@phinets/core/evaluation";

parentPort.once("message", ({ truth, detections }) => {
  try {
    parentPort.postMessage({ matches: matchCoco(truth, detections) });
  } catch (error) {
    // A class does not survive the way; what a PhinetsError says does.
    parentPort.postMessage({
      error: { code: error.code, message: error.message, path: error.path, stack: error.stack },
    });
  }
});
