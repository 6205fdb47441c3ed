/** Converts the pictures and boxes of one COCO file to samples. */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { baseName } from "../files/tree.js";
import type { BoxLabel, Sample, SplitName } from "../types.js";
import { BoxList } from "./box-list.js";
import { IdMap } from "./coco-classes.js";
import { type CocoFile, type CocoPicture, cocoCode, cocoIgnore } from "./coco-file.js";
import type { OpenContext } from "./format.js";
import { explainAbsent, likelyFolders, NamedPictures } from "./named-pictures.js";
import { keptLabelSize } from "./picture-sizes.js";
import { statedSizes } from "./stated-sizes.js";

export interface CocoPart {
  /** Path of the JSON. */
  readonly file: string;
  readonly split?: SplitName;
  readonly content: CocoFile;
  /** Class index by category id. */
  readonly classes: IdMap;
}

export interface CocoSample {
  readonly sample: Sample;
  /** Path of the picture in `pictures`. */
  readonly path: string;
  /** Name in the JSON. */
  readonly name: string;
}

/** A picture of the file that exists. */
interface Found {
  readonly path: string;
  readonly name: string;
  readonly places: number[];
  readonly size: { readonly width: number; readonly height: number };
}

/**
 * Samples in the order of the file's images; problems of pictures and rows go to the log. If none of the pictures
 * exists, logs a problem of the file and returns undefined.
 * @param pictures survey of the folder with the pictures: the data set's own folder, or its parent
 */
export async function readCocoSamples(
  survey: Survey,
  pictures: Survey,
  part: CocoPart,
  context: OpenContext,
): Promise<CocoSample[] | undefined> {
  const { log } = context;
  const { content, file } = part;
  const shown = survey.show(file);
  const problem = (what: "row" | "picture", message: string) =>
    log.problem(what, cocoCode, `${shown}: ${message}`, shown);
  const { found, problems } = findPictures(survey, pictures, part);
  if (found.length === 0 && content.pictures.length > 0) return undefined;
  for (const message of problems) problem("picture", message);
  for (const message of content.problems) problem("row", message);
  log.rows += content.problems.length;
  const boxesOf = groupBoxes(part, found, (message) => {
    log.rows++;
    problem("row", message);
  });
  const sizes = await statedSizes(
    pictures,
    context,
    found.map(({ path, size, places }) => ({
      picture: path,
      ...(size.width > 0 && size.height > 0 && { stated: size }),
      where: `${shown}: images[${places[0]}]`,
      file: shown,
    })),
  );
  const samples: CocoSample[] = [];
  for (const [n, { path, name }] of found.entries()) {
    const size = sizes.get(path);
    if (size === undefined) continue; // already logged
    samples.push({
      path,
      name,
      sample: { file: pictures.tree.locate(path), labels: labelsOf(n, size), ...keptLabelSize(size) },
    });
  }
  return samples;

  function labelsOf(n: number, size: Found["size"]): readonly BoxLabel[] {
    const { boxes } = content;
    const list = new BoxList({ log, size });
    for (const row of boxesOf(n)) {
      const left = boxes.corners[4 * row];
      const top = boxes.corners[4 * row + 1];
      list.add(
        { left, top, right: left + boxes.corners[4 * row + 2], bottom: top + boxes.corners[4 * row + 3] },
        { class: part.classes.get(boxes.category[row]) as number, ignore: cocoIgnore[boxes.ignore[row]] },
        `${shown}: annotations[${boxes.index[row]}]`,
        shown,
      );
    }
    return list.labels;
  }
}

/** The error for a JSON file none of whose pictures exists. */
export function nothingThere(survey: Survey, { file, content }: CocoPart): PhinetsError {
  const shown = survey.show(file);
  const [first] = content.pictures;
  const name = first.name ?? `id ${first.id}`;
  return new PhinetsError(
    cocoCode,
    `${shown}: none of its ${content.pictures.length} pictures (${name}, ...) is in ${survey.show(survey.root)}; put the pictures there`,
    shown,
  );
}

function findPictures(survey: Survey, pictures: Survey, { file, split, content }: CocoPart) {
  const finder = new NamedPictures(pictures);
  // Relative to the parent folder, the file's path begins with the name of its own folder.
  const place = pictures.tree === survey.tree ? file : `${baseName(survey.tree.name)}/${file}`;
  const folders = likelyFolders(pictures, place, split);
  const found: Found[] = [];
  const byPath = new Map<string, Found>();
  const problems: string[] = [];
  const ids = new Set<string>();
  for (const [n, image] of content.pictures.entries()) {
    const { id, name } = image;
    const refuse = (what: string) => problems.push(`images[${n}] ${what}`);
    if (id === undefined) refuse("has no id; give it one or remove it");
    else if (ids.has(String(id))) refuse(`has the id ${id} of an image before; ids differ`);
    else if (name === undefined || name === "") refuse("has no file_name; give it one or remove it");
    else {
      ids.add(String(id));
      const where = finder.find(name, { folders, split });
      if ("problem" in where) {
        refuse(`${name} ${explainAbsent(where.problem)}`);
        continue;
      }
      const before = byPath.get(where.path);
      if (before === undefined) {
        const each = { path: where.path, name, places: [n], size: sizeIn(image) };
        byPath.set(where.path, each);
        found.push(each);
      } else if (before.name === name) before.places.push(n);
      else refuse(`${name} is ${before.name} too; put both pictures there`);
    }
  }
  return { found, problems };
}

const sizeIn = ({ width, height }: CocoPicture) => ({ width, height });

/** Box indices by picture, in file order. */
function groupBoxes(
  { content, classes }: CocoPart,
  found: readonly Found[],
  onProblem: (message: string) => void,
): (picture: number) => Int32Array {
  const { boxes, pictures } = content;
  const places = new IdMap();
  for (const [n, { id }] of pictures.entries()) {
    if (id !== undefined && places.get(id) === undefined) places.set(id, n);
  }
  // Missing pictures already have a problem logged; their boxes are dropped.
  const pictureAt = new Int32Array(pictures.length).fill(-1);
  for (const [n, each] of found.entries()) for (const place of each.places) pictureAt[place] = n;
  const count = boxes.index.length;
  const pictureOf = new Int32Array(count).fill(-1);
  const start = new Int32Array(found.length + 1);
  for (let row = 0; row < count; row++) {
    const place = places.get(boxes.image[row]);
    const refuse = (member: string, id: unknown, what: string) =>
      onProblem(`annotations[${boxes.index[row]}].${member} is ${id}; no ${what} has that id; correct or remove it`);
    if (place === undefined) refuse("image_id", boxes.image[row], "image");
    else if (classes.get(boxes.category[row]) === undefined) refuse("category_id", boxes.category[row], "category");
    else if (pictureAt[place] >= 0) {
      pictureOf[row] = pictureAt[place];
      start[pictureAt[place] + 1]++;
    }
  }
  for (let n = 0; n < found.length; n++) start[n + 1] += start[n];
  const rows = new Int32Array(start[found.length]);
  const next = start.slice(0, found.length);
  for (let row = 0; row < count; row++) if (pictureOf[row] >= 0) rows[next[pictureOf[row]]++] = row;
  return (picture) => rows.subarray(start[picture], start[picture + 1]);
}
