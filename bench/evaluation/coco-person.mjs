/**
 * COCO's twelve metrics of person detectors on the pictures of COCO val2017 that show people, with each detector's cost
 * on a board. The table goes to stderr, one JSON line per run to stdout.
 *
 * Usage: npm run bench:coco-person -- MODEL... [--on int8] [--data coco-val-person] [--target stm32h743] Without
 * --data, the data set is expected under $PHINETS_SHARED/data. Needs `npm run build`.
 *
 * Differences from the official protocol: the pictures are smaller (long side 224 px), but boxes are scored in the
 * original pixels; areas are those of the boxes instead of the outlines, which moves objects between small, medium and
 * large; most pictures without people are missing, so there are fewer opportunities for false detections.
 */
import { join } from "node:path";
import { formatTable } from "../../packages/node/dist/text/table.js";
import { costCells, costColumns, costsOf, phinets, readArguments, withBoxes } from "./benchmark.mjs";

const { models, data, on, target } = readArguments("coco-person", "coco-val-person");
const figures = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];
const gt = join(data, "annotations/person_val_orig.json");
const rows = models.map((model) => {
  const { categories, ...all } = withBoxes({ model, data, on, more: ["--only", "person"] }, (saved) =>
    phinets("eval", "coco", "--gt", gt, "--pred", join(saved, "coco.json")),
  );
  const costs = costsOf(model, target);
  console.log(JSON.stringify({ bench: "coco-person", model, on, ...all, target, ...costs }));
  return [model, ...figures.map((each) => (100 * all[each]).toFixed(1)), ...costCells(costs)];
});
console.error(formatTable([`${on}, ${target}`, ...figures, ...costColumns], rows));
