/** Files that the user opened in the page as a tree: a folder, or one .zip. */
import { type DataHost, type FileTree, type OpenedTree, openBare, openTree, ZipTree } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { parseYaml } from "@phinets/node/text";
import { FilesTree } from "./files-tree.js";
import type { GivenFile } from "./given-files.js";
import { bitmapOf } from "./pictures.js";

/** The browser's implementation of what core's readers of data sets and archives need. */
export const dataHost: DataHost = {
  parseYaml,
  gunzip: (bytes, limit) => unpack(bytes, "gzip", limit),
  async inflate(bytes, size) {
    const content = await unpack(bytes, "deflate-raw", size);
    if (content.length !== size) throw new Error(`${content.length} bytes came out, ${size} were said`);
    return content;
  },
  async pictureSize(tree, file) {
    const bitmap = await bitmapOf(await tree.read(file), tree.locate(file));
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height };
  },
};

/** Throws PhinetsError where there are no files, or the .zip is invalid. */
export async function treeOf(files: readonly GivenFile[]): Promise<FileTree> {
  const [first] = files;
  if (first === undefined)
    throw new PhinetsError("data.empty", "the folder has no files; choose one with pictures and labels");
  if (files.length > 1 || !/\.zip$/i.test(first.path)) return new FilesTree(files);
  const file = await first.open();
  const read = async (offset: number, length: number) =>
    new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
  return ZipTree.open(file.name, { size: file.size, read }, dataHost);
}

/**
 * Opens a tree's data set, including unlabelled pictures, even where none is labelled. Throws PhinetsError where it is
 * not a data set.
 */
export async function openToLabel(tree: FileTree): Promise<OpenedTree> {
  try {
    return await openTree(tree, dataHost, { keepUnlabelled: true });
  } catch (error) {
    const bare = error instanceof PhinetsError && error.code === "data.kind" ? await openBare(tree) : undefined;
    if (bare === undefined) throw error;
    return bare;
  }
}

async function unpack(bytes: Uint8Array, format: CompressionFormat, limit: number): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream(format));
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > limit) throw new Error(`more than ${limit} bytes came out`);
    parts.push(part);
  }
  const content = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    content.set(part, at);
    at += part.length;
  }
  return content;
}
