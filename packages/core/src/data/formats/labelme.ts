/**
 * labelme (github.com/wkentaro/labelme; X-AnyLabeling writes the same JSON): one .json of shapes per picture, beside it
 * or in a folder of its own. Points are continuous pixel coordinates from the top left corner. Rectangles, polygons,
 * circles, rotated boxes and masks become their bounding boxes; lines and points are ignored.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { decodeText } from "../files/text.js";
import { baseName, extensionOf, folderOf } from "../files/tree.js";
import { extentOf, showValue } from "../files/values.js";
import { type PictureSize, type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList, type Corners } from "./box-list.js";
import { orderClasses } from "./class-list.js";
import { isBeside, leftWithoutLabels, PictureFinder, splitFolders, splitOfPath, spread } from "./find-picture.js";
import type { Format, FoundDataset, OpenContext } from "./format.js";
import type { OpenLog } from "./open-log.js";
import { labelSizes } from "./picture-sizes.js";

export const labelme: Format = {
  id: "labelme",
  title: "labelme",
  looksFor: "a .json with shapes for each picture, beside it or in another folder",
  async recognise(survey) {
    const files = jsonFiles(survey);
    const some = spread(files, 8);
    const fitting: string[] = [];
    for (const file of some) if (isLabelme(await read(survey, file))) fitting.push(file);
    if (fitting.length === 0) return undefined;
    const splits = splitFolders(survey, files);
    const inSplits = splits.length === 0 ? "" : ` in ${splits.join(", ")}`;
    const beside = fitting.every((file) => isBeside(survey, file));
    const from = `.json with shapes ${beside ? "beside the pictures" : "and pictures in other folders"}${inSplits}`;
    const count = (fitting.length / some.length) * files.length;
    return { score: count < 0.05 * survey.pictures.length ? 0.3 : 0.9, from };
  },
  async open(survey, context) {
    const { log } = context;
    const entries = await readAll(survey, context);
    const sizes = await labelSizes(
      survey,
      context,
      entries.map(({ file, picture, stated }) => ({
        picture,
        stated,
        where: survey.show(file),
        file: survey.show(file),
      })),
    );
    const names = new Set(entries.flatMap(({ objects }) => objects.map(({ label }) => label)));
    const classes = await orderClasses(survey, log, names, new Set(entries.map(({ file }) => folderOf(file))));
    const index = new Map(classes.map((name, n) => [name, n]));
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    const named = new Set<SplitName>();
    for (const { file, picture, objects } of entries) {
      const size = sizes.get(picture);
      if (size === undefined) continue;
      const boxes = new BoxList({ log, size });
      for (const { label, corners, where } of objects) {
        boxes.add(corners, { class: index.get(label) as number }, where, survey.show(file));
      }
      const split = splitOfPath(survey, picture) ?? splitOfPath(survey, file);
      if (split !== undefined) named.add(split);
      splits[split ?? "train"].push({ file: survey.tree.locate(picture), labels: boxes.labels });
    }
    const used = new Set(entries.map(({ picture }) => picture));
    for (const picture of leftWithoutLabels(survey, used)) {
      if (!log.wasRead(picture)) log.notRead("pictures without a .json of shapes", survey.show(picture));
    }
    return {
      task: "detect",
      classes,
      splits,
      named: splitNames.filter((split) => named.has(split)),
    } satisfies FoundDataset;
  },
};

const jsonFiles = (survey: Survey): string[] => survey.files.filter((file) => extensionOf(file) === ".json");

type Fields = Readonly<Record<string, unknown>>;

/** Larger files hold the labels of many pictures, or no labels. */
const largestFile = 64 * 2 ** 20;

/** The parsed file; undefined if it does not mention shapes, an Error if it does but is not valid JSON. */
async function read(survey: Survey, file: string): Promise<unknown> {
  const bytes = await survey.head(file, largestFile + 1);
  if (bytes.length > largestFile) return undefined;
  const text = decodeText(bytes);
  if (!text.includes('"shapes"')) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

function isLabelme(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && Array.isArray((value as Fields).shapes);
}

interface LabelmeObject {
  readonly label: string;
  readonly corners: Corners;
  /** `FILE: shapes[3]` */
  readonly where: string;
}

interface Entry {
  readonly file: string;
  readonly picture: string;
  readonly stated?: PictureSize;
  readonly objects: readonly LabelmeObject[];
}

async function readAll(survey: Survey, { log }: OpenContext): Promise<Entry[]> {
  const finder = new PictureFinder(survey);
  const entries: Entry[] = [];
  const used = new Set<string>();
  const lost: PhinetsError[] = [];
  for (const file of jsonFiles(survey)) {
    const shown = survey.show(file);
    const value = await read(survey, file);
    if (value instanceof Error) {
      const message = value.message.split("\n")[0];
      log.problem("picture", "data.labelme", `${shown}: is not JSON: ${message}; correct or remove the file`, shown);
    }
    if (!isLabelme(value)) continue;
    log.read(file);
    const path = typeof value.imagePath === "string" ? value.imagePath : undefined;
    const found = finder.find(file, path);
    const [picture] = found;
    if (found.length > 1) {
      const several = found.slice(0, 3).map((each) => survey.show(each));
      log.problem(
        "picture",
        "data.labelme",
        `${shown}: may be about ${several.join(" or ")}; leave one of them`,
        shown,
      );
    } else if (picture === undefined) {
      const wanted = baseName(path ?? "") || "its picture";
      const inside = typeof value.imageData === "string" && value.imageData !== "";
      const message = inside
        ? `${shown}: holds ${wanted} inside (imageData), which is not read; put ${wanted} beside it`
        : `${shown}: there is no picture ${wanted}; put it beside or remove the .json`;
      lost.push(new PhinetsError("data.labelme", message, shown));
    } else if (used.has(picture)) {
      log.notRead("labels of pictures that have some already", shown);
    } else {
      used.add(picture);
      const { imageWidth: width, imageHeight: height } = value;
      const stated = isSide(width) && isSide(height) ? { width, height } : undefined;
      noteFlags(value, shown, log);
      entries.push({ file, picture, stated, objects: readShapes(value.shapes as unknown[], shown, log) });
    }
  }
  if (entries.length === 0 && lost.length > 0) throw lost[0];
  for (const { code, message, path } of lost) log.problem("picture", code, message, path ?? "");
  return entries;
}

const isSide = (value: unknown): value is number => typeof value === "number" && value > 0 && Number.isFinite(value);

/** Flags classify a picture, not its objects. */
function noteFlags({ flags }: Fields, shown: string, log: OpenLog): void {
  if (typeof flags !== "object" || flags === null) return;
  const set = Object.keys(flags).filter((name) => (flags as Fields)[name] === true);
  if (set.length > 0)
    log.notRead("files with flags of the whole picture, which are no objects", `${shown}: ${set.join(", ")}`);
}

function readShapes(shapes: readonly unknown[], shown: string, log: OpenLog): LabelmeObject[] {
  const objects: LabelmeObject[] = [];
  for (const [n, value] of shapes.entries()) {
    const where = `${shown}: shapes[${n}]`;
    const shape = (typeof value === "object" && value !== null ? value : {}) as Fields;
    const label = typeof shape.label === "string" ? shape.label.trim() : "";
    const kind = typeof shape.shape_type === "string" ? shape.shape_type : "polygon";
    if (noObjects.has(kind)) {
      log.notRead("points and lines, which are no objects", where);
      continue;
    }
    if (/^_+(ignore|background)_+$/.test(label)) {
      log.notRead(`shapes labelled ${label}`, where);
      continue;
    }
    const corners = label === "" ? "has no label" : cornersOf(kind, shape.points);
    if (typeof corners === "string") {
      log.rows++;
      log.problem("row", "data.label", `${where}: ${corners}; correct or remove the shape`, shown);
      continue;
    }
    if (kind === "polygon" || kind === "circle" || kind === "rotation") {
      log.changed(`shapes that are a ${kind} get the upright box around it`, where);
    }
    if (shape.group_id !== null && shape.group_id !== undefined) {
      log.note("shapes with a group_id are objects of their own");
    }
    objects.push({ label, corners, where });
  }
  return objects;
}

const noObjects = new Set(["point", "points", "line", "linestrip", "lines"]);

/** The bounding box of a shape, or what is wrong with it. */
function cornersOf(kind: string, value: unknown): Corners | string {
  const points = Array.isArray(value) ? value : [];
  const xs: number[] = [];
  const ys: number[] = [];
  for (const point of points) {
    const [x, y] = Array.isArray(point) ? point : [];
    if (typeof x !== "number" || typeof y !== "number") return `a point is ${showValue(point)}; it is [x, y]`;
    xs.push(x);
    ys.push(y);
  }
  if (xs.length < 2) return `has ${xs.length} points; a ${kind} has at least 2`;
  if (kind === "circle") {
    const [dx, dy] = [xs[1] - xs[0], ys[1] - ys[0]]; // centre, and a point on the circle
    const radius = Math.sqrt(dx * dx + dy * dy);
    return { left: xs[0] - radius, top: ys[0] - radius, right: xs[0] + radius, bottom: ys[0] + radius };
  }
  const [[left, right], [top, bottom]] = [extentOf(xs), extentOf(ys)];
  return { left, top, right, bottom };
}
