/** What formats of data sets need from Node: YAML, gzip, sizes of pictures. */
import type { DataHost } from "@phinets/core/data";
import { jpegSize } from "../picture/jpeg-size.js";
import { gunzip, inflate } from "./archives.js";
import { pictureSizeOf } from "./decode.js";

export const nodeHost: DataHost = {
  async parseYaml(text) {
    const { parse, YAMLParseError } = await import("yaml");
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof YAMLParseError)) throw error;
      const at = error.linePos?.[0] ?? { line: 1, col: 1 };
      throw new Error(`${at.line}:${at.col}: is not YAML: ${error.message.split(/ at line|\n/)[0]}`);
    }
  },
  gunzip,
  inflate,
  async pictureSize(tree, file) {
    const bytes = await tree.read(file);
    return jpegSize(bytes) ?? pictureSizeOf(tree.locate(file), bytes);
  },
};
