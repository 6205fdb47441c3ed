/** Valid files to be mutated: one small data set of each format, weights, networks, boards, score files. */
import { gzipSync } from "node:zlib";
import { weightsToTorch } from "@phinets/core/export";
import { GraphBuilder, graphToJson } from "@phinets/core/graph";
import { runFloat } from "@phinets/core/inference";
import { buildNetwork, initialWeights, parseNetwork, writeZip } from "@phinets/core/networks";
import { encodeQuantized, quantize } from "@phinets/core/quantization";
import { boardNames, loadBoard } from "@phinets/core/target";
import { encodeSafetensors, Random } from "@phinets/core/tensor";
import { join, utf8 } from "./mutate.mjs";

const text = (content) => utf8(content);
const json = (value) => text(JSON.stringify(value));
/** A small grey picture. Formats only read its size. */
export const picture = join(text("P5\n10 8\n255\n"), new Uint8Array(80).fill(90));

const big = (value) => [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 255);
const idx = (sizes, count) =>
  Uint8Array.from([0, 0, 8, sizes.length, ...sizes.flatMap(big), ...Array.from({ length: count }, (_, n) => n & 1)]);

const yoloYaml = "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: nut\n  1: bolt\n";
const box = (label) => ({ label, x: 1, y: 2, width: 3, height: 4 });
const voc = (name) =>
  `<annotation><folder>x</folder><filename>${name}</filename><size><width>10</width><height>8</height><depth>1</depth></size>` +
  "<object><name>nut</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>" +
  "<object><name>bolt &amp; co</name><difficult>1</difficult><bndbox><xmin>2.5</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>";
const cocoFile = {
  info: { description: "x" },
  images: [
    { id: 1, file_name: "a.jpg", width: 10, height: 8 },
    { id: 2, file_name: "b.jpg", width: 10, height: 8 },
  ],
  categories: [
    { id: 1, name: "nut" },
    { id: 3, name: "bolt" },
  ],
  annotations: [
    { id: 1, image_id: 1, category_id: 1, bbox: [1, 2, 3, 4], area: 12, iscrowd: 0 },
    { id: 2, image_id: 2, category_id: 3, bbox: [0, 0, 5, 5], iscrowd: 0, segmentation: [[0, 0, 5, 0, 5, 5]] },
    {
      id: 3,
      image_id: 2,
      category_id: 1,
      bbox: [2, 1, 4, 4],
      iscrowd: 1,
      segmentation: { counts: [9, 30, 41], size: [8, 10] },
    },
  ],
};
const seqinfo = "[Sequence]\nname=x\nimDir=img1\nframeRate=30\nseqLength=2\nimWidth=10\nimHeight=8\nimExt=.jpg\n";
const kittiRow = "Car 0.00 0 -1.58 1.0 2.0 6.0 7.0 1.5 1.6 3.6 -2.8 1.7 15.0 -1.3";
const csvHeader = "filename,width,height,class,xmin,ymin,xmax,ymax";
const labelme = (shapes) =>
  json({ version: "5.2.1", flags: {}, shapes, imagePath: "a.jpg", imageData: null, imageHeight: 8, imageWidth: 10 });

/** Data sets by name; files by path. */
export const dataSets = {
  yolo: {
    "data.yaml": text(yoloYaml),
    "images/train/a.jpg": picture,
    "images/val/b.jpg": picture,
    "labels/train/a.txt": text("0 0.5 0.5 0.2 0.4\n1 0.25 0.5 0.1 0.1 0.9\n"),
    "labels/val/b.txt": text("1 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3\n"),
  },
  "yolo-lists": {
    "data.yaml": text("train: train.txt\nval: val.txt\nnc: 2\nnames: [nut, bolt]\nkpt_shape: [2, 3]\n"),
    "train.txt": text("./images/a.jpg\n"),
    "val.txt": text("images/b.jpg\n"),
    "images/a.jpg": picture,
    "images/b.jpg": picture,
    "labels/a.txt": text("0 0.5 0.5 0.2 0.4 0.5 0.5 2 0.4 0.4 0\n"),
    "labels/b.txt": text(""),
  },
  "yolo-darknet": {
    "obj.data": text("classes = 2\ntrain = train.txt\nvalid = val.txt\nnames = obj.names\nbackup = x\n"),
    "obj.names": text("nut\nbolt\n"),
    "train.txt": text("data/a.jpg\n"),
    "val.txt": text("data/b.jpg\n"),
    "data/a.jpg": picture,
    "data/a.txt": text("0 0.5 0.5 0.2 0.4\n"),
    "data/b.jpg": picture,
    "data/b.txt": text("1 0.5 0.5 0.2 0.4\n"),
  },
  "yolo-bare": {
    "images/a.jpg": picture,
    "images/b.jpg": picture,
    "labels/a.txt": text("0 0.5 0.5 0.2 0.4\n"),
    "labels/b.txt": text("1 0.5 0.5 0.2 0.4\n"),
    "classes.txt": text("nut\nbolt\n"),
    "notes.json": json({
      categories: [
        { id: 0, name: "nut" },
        { id: 1, name: "bolt" },
      ],
    }),
  },
  coco: { "train/a.jpg": picture, "train/b.jpg": picture, "train/_annotations.coco.json": json(cocoFile) },
  "coco-2017": {
    "annotations/instances_train2017.json": json(cocoFile),
    "annotations/instances_val2017.json": json({ ...cocoFile, annotations: [] }),
    "train2017/a.jpg": picture,
    "train2017/b.jpg": picture,
    "val2017/a.jpg": picture,
    "val2017/b.jpg": picture,
  },
  voc: {
    "Annotations/a.xml": text(voc("a.jpg")),
    "Annotations/b.xml": text(voc("b.jpg")),
    "JPEGImages/a.jpg": picture,
    "JPEGImages/b.jpg": picture,
    "ImageSets/Main/train.txt": text("a\n"),
    "ImageSets/Main/val.txt": text("b 1\n"),
  },
  kitti: {
    "training/image_2/000000.png": picture,
    "training/image_2/000001.png": picture,
    "training/label_2/000000.txt": text(`${kittiRow}\nDontCare -1 -1 -10 1 1 3 3 -1 -1 -1 -1000 -1000 -1000 -10\n`),
    "training/label_2/000001.txt": text(`${kittiRow}\n`),
  },
  mot: {
    "train/x/gt/gt.txt": text("1,7,1,2,3,4,1,1,1\n1,8,0,0,5,5,0,1,1\n2,7,2,2,3,4,1,1,.5\n"),
    "train/x/seqinfo.ini": text(seqinfo),
    "train/x/det/det.txt": text("1,-1,1,1,5,5,0.5\n"),
    "train/x/img1/000001.jpg": picture,
    "train/x/img1/000002.jpg": picture,
  },
  "edge-impulse": {
    "info.labels": json({ version: 1, files: [] }),
    "training/bounding_boxes.labels": json({
      version: 1,
      type: "bounding-box-labels",
      boundingBoxes: { "a.jpg": [box("nut"), box("bolt")] },
    }),
    "training/info.labels": json({
      version: 1,
      files: [{ path: "a.jpg", category: "training", label: { type: "unlabeled" }, boundingBoxes: [box("nut")] }],
    }),
    "testing/bounding_boxes.labels": json({
      version: 1,
      type: "bounding-box-labels",
      boundingBoxes: { "c.jpg": [box("nut")] },
    }),
    "training/a.jpg": picture,
    "testing/c.jpg": picture,
  },
  "edge-impulse-classes": {
    "info.labels": json({
      version: 1,
      files: [
        { path: "training/a.jpg", category: "training", label: { type: "label", label: "nut" } },
        { path: "training/c.jpg", category: "training", label: "bolt" },
        { path: "testing/b.jpg", category: "testing", label: "bolt" },
      ],
    }),
    "training/a.jpg": picture,
    "training/c.jpg": picture,
    "testing/b.jpg": picture,
  },
  labelme: {
    "a.jpg": picture,
    "a.json": labelme([
      {
        label: "nut",
        points: [
          [3, 4],
          [1, 2],
        ],
        shape_type: "rectangle",
        group_id: null,
      },
      {
        label: "bolt",
        points: [
          [1, 1],
          [5, 1],
          [5, 5],
        ],
        shape_type: "polygon",
        group_id: 1,
      },
      {
        label: "bolt",
        points: [
          [4, 4],
          [6, 4],
        ],
        shape_type: "circle",
        group_id: null,
      },
    ]),
    "b.jpg": picture,
    "b.json": labelme([]),
  },
  createml: {
    "a.jpg": picture,
    "annotations.json": json([
      { image: "a.jpg", annotations: [{ label: "nut", coordinates: { x: 5, y: 4, width: 2, height: 2 } }] },
    ]),
  },
  "csv-boxes": {
    "train_labels.csv": text(`${csvHeader}\na.jpg,10,8,nut,1,2,4,6\na.jpg,10,8,"bolt, long",0,0,5,5\n`),
    "test_labels.csv": text(`${csvHeader}\nb.jpg,10,8,nut,1,2,3,4\n`),
    "images/a.jpg": picture,
    "images/b.jpg": picture,
  },
  "csv-columns": {
    "boxes.csv": text("Image;Label;X1;Y1;X2;Y2;Split\nC:\\p\\a.jpg;nut;1;2;4;6;train\nb.jpg;;;;;;val\n"),
    "p/a.jpg": picture,
    "p/b.jpg": picture,
  },
  via: {
    "via.csv": text(
      "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n" +
        'a.jpg,90,"{}",1,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":3,""height"":4}","{""class"":""nut""}"\n',
    ),
    "a.jpg": picture,
  },
  "open-images": {
    "train/data/a.jpg": picture,
    "train/labels/detections.csv": text(
      "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\na,xclick,/m/01,1,0.1,0.5,0.2,0.6,0,0,0,0,0\n",
    ),
    "train/metadata/classes.csv": text("/m/01,Nut\n/m/02,Bolt\n"),
  },
  "labels-csv": { "labels.csv": text("file,label\na.jpg,nut\nb.jpg,bolt\n"), "a.jpg": picture, "b.jpg": picture },
  "class-folders": {
    "train/nut/a.jpg": picture,
    "train/bolt/b.jpg": picture,
    "val/nut/c.jpg": picture,
    "val/bolt/d.jpg": picture,
  },
  idx: { "train-images-idx3-ubyte": idx([4, 2, 3], 24), "train-labels-idx1-ubyte": idx([4], 4) },
  "idx-gz": {
    "train-images-idx3-ubyte.gz": new Uint8Array(gzipSync(idx([4, 2, 3], 24))),
    "train-labels-idx1-ubyte.gz": new Uint8Array(gzipSync(idx([4], 4))),
  },
};

/** A convolution and a batch norm, for weights files. */
export const smallGraph = (() => {
  const builder = new GraphBuilder("small");
  const x = builder.conv2d("features.0", builder.input("x", [1, 5, 5, 2]), { filters: 3, kernel: 3, bias: true });
  return builder.build([builder.batchNorm("features.1", x)]);
})();
const smallWeights = initialWeights(smallGraph, 1);

/** torch.save's older format, wrapped around the newer format's pickle. */
function legacyTorch(weights) {
  const zip = weightsToTorch(weights);
  const start = zip.findIndex((byte, n) => byte === 0x80 && zip[n + 1] === 2);
  const names = Object.keys(weights);
  const end = Buffer.from(zip).indexOf(Buffer.from("u."), start) + 2;
  const whole = (...bytes) => Uint8Array.from([0x80, 2, ...bytes, 0x2e]);
  const string = (word) => [0x58, word.length, 0, 0, 0, ...text(word)];
  const little = (count) => [count & 255, count >> 8, 0, 0, 0, 0, 0, 0];
  return join(
    whole(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19),
    whole(0x4d, 0xe9, 3),
    whole(0x7d, 0x28, ...string("protocol_version"), 0x4d, 0xe9, 3, ...string("little_endian"), 0x88, 0x75),
    zip.subarray(start, end),
    whole(0x5d, ...names.flatMap((_, n) => [...string(String(n)), 0x61])),
    ...names.flatMap((name) => {
      const { data } = weights[name];
      return [Uint8Array.from(little(data.length)), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
    }),
  );
}

export const weightFiles = {
  "w.safetensors": encodeSafetensors(smallWeights, { format: "pt" }),
  "w.pth": weightsToTorch(smallWeights),
  "old.pth": legacyTorch(smallWeights),
};

const head = {
  kind: "yolov2",
  classes: ["nut", "bolt"],
  anchors: [
    [1, 1],
    [1.5, 0.75],
  ],
  filters: 8,
  decoder: "scaled",
};
const input = { height: 16, width: 16, channels: 3 };
export const networks = {
  phinet: { family: "phinet", input, alpha: 0.1, blocks: 4, downsampling: [4], head },
  paper: {
    family: "phinet",
    profile: "paper",
    input: { height: 24, width: 24 },
    alpha: 0.2,
    beta: 0.7,
    t0: 4,
    conv5: 0.5,
    pool: true,
    head: { kind: "classifier", classes: 3, features: 16 },
  },
  mobilenetv2: {
    family: "mobilenetv2",
    input: { height: 32, width: 32, channels: 1 },
    width: 0.1,
    stopAtStride: 8,
    head: { kind: "classifier", classes: ["a", "b"] },
  },
  efficientnet: {
    family: "efficientnet",
    input: { height: 32, width: 32 },
    width: 0.1,
    depth: 0.2,
    divisor: 4,
    stopAtStride: 16,
    head: { kind: "none" },
  },
};

/** A small network with most kinds of layers: the duration of a case grows with the size of its files. */
export const smallNetwork = { ...networks.efficientnet, input, depth: 0.1, stopAtStride: 4, head };

/** A quantised network's files and its float weights, small. */
export const modelFiles = (() => {
  const network = parseNetwork(smallNetwork);
  const graph = buildNetwork(network);
  const weights = initialWeights(graph, 1);
  const random = new Random(5);
  const batches = [0, 1].map(() => Float32Array.from({ length: 16 * 16 * 3 }, () => random.uniform(-1, 1)));
  const { json: document, safetensors } = encodeQuantized(quantize(graph, weights, batches, { run: runFloat }).network);
  return {
    "network.json": json(network),
    "quantized.json": text(document),
    "quantized.safetensors": safetensors,
    "weights/best.safetensors": encodeSafetensors(weights),
  };
})();
export const graphFile = text(graphToJson(smallGraph));
export const boards = boardNames.map((name) => loadBoard(name));

/** A folder of files as one archive, stored. */
export const zipOf = (files) => writeZip(new Map(Object.entries(files)));

export const motTexts = {
  "gt.txt": text("1,7,1,2,3,4,1,1,1\n2,7,2,2,3,4,1,1,0.5\n3,8,-1,2,3.5,4,0,7,0\n"),
  "det.txt": text("1,-1,10,20,30,40,0.9\n1,-1,11.5,20,30,40,0.8\n4,-1,1,2,3,4,0.5\n"),
  "mot15.txt": text("1,-1,794.2,47.5,71.2,174.8,67.5,-1,-1,-1\n"),
  "visdrone.txt": text("1,0,593,43,174,190,0,0,0,0\n1,1,684,8,273,116,1,4,0,1\n"),
  "kitti.txt": text(`0 1 ${kittiRow}\n0 -1 DontCare -1 -1 -10 1 1 3 3 -1 -1 -1 -1000 -1000 -1000 -10\n`),
};
export const seqinfoText = text(seqinfo);
export const vocText = text(voc("a.jpg"));
export { cocoFile };
