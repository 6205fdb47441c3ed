/**
 * PASCAL VOC2007 metrics of detectors on its test pictures: average precision per class and its mean, over 11 points
 * (the official metric of 2007) and by area (2010 and later), with each detector's cost on a board. Tables go to
 * stderr, one JSON line per run to stdout.
 *
 * Usage: npm run bench:voc2007 -- MODEL... [--on int8] [--data voc2007] [--target stm32h743] Without --data, a folder
 * with Annotations, ImageSets and JPEGImages is expected under $PHINETS_SHARED/data. Needs `npm run build`. Pictures
 * may have been shrunk: boxes are scored in the pixels of the annotations.
 */
import { join } from "node:path";
import { formatTable } from "../../packages/node/dist/text/table.js";
import { costCells, costColumns, costsOf, phinets, readArguments, withBoxes } from "./benchmark.mjs";

const { models, data, on, target } = readArguments("voc2007", "voc2007");
const classes = new Map();
const rows = models.map((model) => {
  const [area, points] = withBoxes({ model, data, on, more: ["--split", "test"] }, (saved) =>
    ["2012", "2007"].map((year) =>
      phinets("eval", "voc", "--gt", data, "--pred", join(saved, "voc"), "--year", year, "--set", "test"),
    ),
  );
  const costs = costsOf(model, target);
  console.log(JSON.stringify({ bench: "voc2007", model, on, area, points, target, ...costs }));
  for (const { name, APArea } of area.classes) classes.set(name, [...(classes.get(name) ?? []), percent(APArea)]);
  return [model, percent(area.mAP), percent(points.mAP), ...costCells(costs)];
});
console.error(formatTable([`${on}, ${target}`, "mAP, area", "mAP, 11 points", ...costColumns], rows));
console.error(
  formatTable(
    ["AP, area", ...models],
    [...classes].map((row) => row.flat()),
  ),
);

function percent(fraction) {
  return (100 * fraction).toFixed(1);
}
