/** Node's implementation of what data set formats need: YAML, gzip, sizes of pictures. */
import type { DataHost } from "@phinets/core/data";
import { gunzip, inflate } from "../files/archives.js";
import { pictureSizeOf } from "../picture/decode.js";
import { jpegSize } from "../picture/jpeg-size.js";
import { mostPictureBytes } from "../picture/limits.js";
import { parseYaml } from "../text/yaml.js";

export const nodeHost: DataHost = {
  parseYaml,
  gunzip,
  inflate,
  async pictureSize(tree, file) {
    const bytes = await tree.read(file, { most: mostPictureBytes });
    return jpegSize(bytes) ?? pictureSizeOf(tree.locate(file), bytes);
  },
};
