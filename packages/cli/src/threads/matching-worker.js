/** A thread of `phinets eval coco --workers`: pairs the detections of its pictures with their truths. */
import { parentPort } from "node:worker_threads";
import { matchCoco } from "@phinets/core/evaluation";

parentPort.once("message", ({ categories, images, truths, found }) => {
  try {
    const annotations = [];
    for (let i = 0; i < truths.length; i += 8) {
      const [image_id, category_id, left, top, width, height, area, iscrowd] = truths.subarray(i, i + 8);
      const bbox = [left, top, width, height];
      annotations.push({ image_id, category_id, bbox, area: Number.isNaN(area) ? undefined : area, iscrowd });
    }
    const detections = [];
    for (let i = 0; i < found.length; i += 7) {
      const [image_id, category_id, left, top, width, height, score] = found.subarray(i, i + 7);
      detections.push({ image_id, category_id, bbox: [left, top, width, height], score });
    }
    const truth = { categories, images: Array.from(images, (id) => ({ id })), annotations };
    const matches = matchCoco(truth, detections);
    const buffers = matches.categories.flatMap(({ matches: { scores, ranks, verdicts, positives } }) =>
      [scores, ranks, verdicts, positives].map(({ buffer }) => buffer),
    );
    parentPort.postMessage({ matches }, buffers);
  } catch (error) {
    // A class does not survive the way; what a PhinetsError says does.
    parentPort.postMessage({ error: { code: error.code, message: error.message, path: error.path } });
  }
});
