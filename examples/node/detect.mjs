// node examples/node/detect.mjs PICTURE [RUN]: boxes of a trained detector, with the arithmetic of its firmware
import { readFileSync } from "node:fs";
import { loadModel } from "@phinets/core/model";
import sharp from "sharp";

const [picture, run = "models/person-128"] = process.argv.slice(2);
const model = await loadModel((name) => new Uint8Array(readFileSync(`${run}/${name}`)));
const { data, info } = await sharp(picture)
  .autoOrient()
  .removeAlpha()
  .toColourspace("srgb")
  .raw()
  .toBuffer({ resolveWithObject: true });
for (const { name, score, x, y, width, height } of model.detect({ ...info, data }))
  console.log(name, score, x, y, width, height);
