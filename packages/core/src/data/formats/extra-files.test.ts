/** Unrelated files beside a data set do not change what is read from it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MemoryFile, openMemory } from "../../../../../test/memory-set.js";

const picture: MemoryFile = [100, 80];
const pictures = (...paths: readonly string[]) => Object.fromEntries(paths.map((path) => [path, picture]));
const kittiRow = "Car 0.00 0 -0.20 10.00 20.00 40.00 60.00 1.89 0.48 1.20 1.84 1.47 8.41 0.01\n";

const sets: Record<string, Record<string, MemoryFile>> = {
  coco: {
    "annotations/instances_train2017.json": JSON.stringify({
      images: [{ id: 1, file_name: "a.jpg", width: 100, height: 80 }],
      annotations: [{ image_id: 1, category_id: 3, bbox: [10, 20, 30, 40] }],
      categories: [{ id: 3, name: "nut" }],
    }),
    ...pictures("train2017/a.jpg"),
  },
  "csv-boxes": {
    "train_labels.csv": "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,80,nut,10,20,40,60\n",
    ...pictures("images/a.jpg"),
  },
  "open-images": {
    "train-annotations-bbox.csv": "ImageID,LabelName,Confidence,XMin,XMax,YMin,YMax\na,/m/1,1,0.1,0.4,0.25,0.75\n",
    ...pictures("train/a.jpg"),
  },
  "csv-classes": {
    "labels.csv": "filename,label\na.jpg,nut\nb.jpg,bolt\n",
    ...pictures("images/a.jpg", "images/b.jpg"),
  },
  "edge-impulse": {
    "training/bounding_boxes.labels": JSON.stringify({
      boundingBoxes: { "a.jpg": [{ label: "nut", x: 10, y: 20, width: 30, height: 40 }] },
    }),
    ...pictures("training/a.jpg"),
  },
  motchallenge: { "train/S-01/gt/gt.txt": "1,1,10,20,30,40,1,1,1\n", ...pictures("train/S-01/img1/000001.jpg") },
  kitti: { "training/label_2/000000.txt": kittiRow, ...pictures("training/image_2/000000.png") },
};

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const extension = fc.constantFrom("txt", "json", "csv", "xml", "md", "jpg", "labels", "ini", "zip", "tsv");
const path = fc
  .tuple(fc.array(name, { maxLength: 2 }), name, extension)
  .map(([folders, stem, end]) => [...folders.map((folder) => `x${folder}`), `x${stem}.${end}`].join("/"));
const content = fc.oneof(fc.string(), fc.json(), fc.constantFrom("0 0.5 0.5 0.1 0.1\n", "a,b\n1,2\n", kittiRow));

describe("other files beside", () => {
  it.each(Object.entries(sets))("%s", async (format, files) => {
    const { classes, splits, named } = await openMemory(files);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, content, { maxKeys: 6 }), async (extra) => {
        const set = await openMemory({ ...extra, ...files });
        expect([set.format, set.classes, set.splits, set.named, set.problems]).toEqual([
          format,
          classes,
          splits,
          named,
          [],
        ]);
      }),
      { numRuns: 60 },
    );
  });
});
