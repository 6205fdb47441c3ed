/** Chooses file names for copied pictures: unique, and valid on every file system. */
import { baseName, extensionOf, folderOf, foldName, stemOf } from "../../files/tree.js";

/** Names reserved for devices on Windows, with any extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unfit = /[\u0000-\u001f\u007f<>:"/\\|?*]/;

/** Why a name is not valid for a folder or file on every system; undefined if it is. */
export function whyUnfit(name: string): string | undefined {
  const found = unfit.exec(name);
  if (found !== null) return `has ${JSON.stringify(found[0])}`;
  if (name.trim() === "") return "is empty";
  if (name.startsWith(".")) return "begins with a point";
  if (/[. ]$/.test(name) || name.startsWith(" ")) return "begins or ends with a blank or a point";
  if (deviceName.test(name.split(".")[0])) return "is a device's name in Windows";
  return name.length > 200 ? "is longer than 200 characters" : undefined;
}

/** The name with invalid characters replaced by `_`. */
export function fitName(name: string): string {
  const plain = name
    .replace(new RegExp(unfit, "g"), "_")
    .replace(/^[. ]+/, "_")
    .replace(/[. ]+$/, "_")
    .slice(-200);
  return deviceName.test(plain.split(".")[0]) ? `_${plain}` : plain || "_";
}

export interface NamesOptions {
  /** Whether names may contain blanks; otherwise these become `_`. Default true. */
  readonly blanks?: boolean;
}

/**
 * Gives each picture a file name that is unique in its folder, ignoring extension and case, because labels are found by
 * the stem. If pictures in several folders share a name, the later ones get their folders' names as a prefix.
 */
export class PictureNames {
  readonly #taken = new Set<string>();
  readonly #given = new Map<string, string>();

  constructor(readonly options: NamesOptions = {}) {}

  /**
   * @param file a sample's `file`
   * @param folder destination of the picture; names are unique within one folder
   */
  nameFor(file: string, folder = ""): string {
    const key = `${folder}\0${file}`;
    const known = this.#given.get(key);
    if (known !== undefined) return known;
    const { name, parents } = this.#plain(file);
    let stem = stemOf(name);
    for (let n = 1; this.#taken.has(`${folder}/${foldName(stem)}`); n++) {
      const parent = parents.pop();
      stem = parent !== undefined ? `${this.#fit(parent)}_${stem}` : `${stemOf(name)}-${n}`;
    }
    this.#taken.add(`${folder}/${foldName(stem)}`);
    const given = stem + extensionOf(name);
    this.#given.set(key, given);
    return given;
  }

  #plain(file: string): { name: string; parents: string[] } {
    const path = file.replaceAll("\\", "/");
    const parents = folderOf(path)
      .split("/")
      .filter((part) => part !== "" && part !== "." && part !== "..");
    const idx = /([^/]*?)(?:-images)?[-.]?idx3-ubyte(?:\.gz)?#(\d+)$/.exec(path);
    if (idx === null) return { name: this.#fit(baseName(path)), parents };
    return { name: `${this.#fit(idx[1] || "picture")}-${idx[2].padStart(5, "0")}.png`, parents };
  }

  #fit(name: string): string {
    const fit = fitName(name);
    return this.options.blanks === false ? fit.replace(/\s+/g, "_") : fit;
  }
}
