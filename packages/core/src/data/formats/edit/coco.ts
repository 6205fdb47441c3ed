/**
 * Edits the annotations of one picture in a COCO file. Other annotations, ids, and fields unrelated to the box stay
 * unchanged; a segmentation is removed when its box moves. A class that the file lacks gets a category with the next
 * free id.
 */
import { PhinetsError } from "../../../tensor/index.js";
import { JsonBytes, memberNames } from "../../files/json-bytes.js";
import { type CocoId, cocoCode, cocoIgnore, readCocoFile } from "../coco-file.js";
import {
  byRow,
  type EditContext,
  type EditedBox,
  isSamePlace,
  joinBytes,
  type LabelEditor,
  newRows,
  type PixelBox,
  type Splice,
  spliceBytes,
  toThousandth,
} from "./editor.js";

/** Range of a value in the bytes, end exclusive. */
interface Span {
  readonly from: number;
  readonly to: number;
}

interface ListPlace {
  /** Range including the brackets. */
  readonly span: Span;
  readonly elements: readonly Span[];
}

interface Row {
  readonly span: Span;
  readonly box: PixelBox;
  /** Values by member name. */
  readonly members: ReadonlyMap<string, Span>;
}

interface Opened {
  readonly lists: Readonly<Record<ListName, ListPlace>>;
  readonly bytes: Uint8Array;
  /** Entries of the picture in `images`. */
  readonly images: readonly { readonly id: CocoId; readonly span: Span }[];
  readonly rows: readonly Row[];
  /** Category ids by class name. */
  readonly categories: ReadonlyMap<string, CocoId>;
  /** Next free id of each list. */
  readonly next: Readonly<Record<ListName, number>>;
  /** Factors from pixels of the picture's own size to pixels of the stated size. */
  readonly scale: { readonly across: number; readonly down: number };
}

const listNames = ["images", "annotations", "categories"] as const;
type ListName = (typeof listNames)[number];
const listKeys = memberNames(...listNames);
const idKey = memberNames("id");
const boxMembers = ["category_id", "bbox", "segmentation", "area"] as const;
const boxKeys = memberNames(...boxMembers);

export const cocoEditor: LabelEditor = {
  read(bytes, context) {
    const { rows, images, bytes: all } = open(bytes, context);
    const own = [...images, ...rows].map(({ span }) => all.subarray(span.from, span.to));
    return { boxes: rows.map(({ box }) => box), labelled: images.length > 0, own: joinBytes(own) };
  },
  write(bytes, boxes, context) {
    const opened = open(bytes, context);
    const { rows, images, next, scale } = opened;
    const { kept, added } = byRow(boxes, rows.length);
    const ids = new Map(opened.categories);
    const categories: string[] = [];
    const categoryOf = (kind: number): CocoId => {
      const name = context.classes[kind];
      const known = ids.get(name);
      if (known !== undefined) return known;
      const id = next.categories + categories.length;
      ids.set(name, id);
      categories.push(categoryText(id, name));
      return id;
    };
    const splices = rows.flatMap((each, row) => {
      const wanted = kept.get(row);
      return wanted === undefined ? [] : changes(each, wanted, { scale, categoryOf });
    });
    const { name, size } = context;
    const entry = { id: next.images, file_name: name, width: size.width, height: size.height };
    const image = images[0]?.id ?? entry.id;
    const fresh = added.map((box, n) => {
      const place = placeOf(box, scale);
      const ids = { id: next.annotations + n, image_id: image, category_id: categoryOf(box.class) };
      return JSON.stringify({ ...ids, ...place, segmentation: [], iscrowd: box.ignore === "crowd" ? 1 : 0 });
    });
    const gone = rows.filter((_, row) => !kept.has(row)).map(({ span }) => span);
    splices.push(
      ...listSplices(opened, "images", [], images.length === 0 ? [JSON.stringify(entry)] : []),
      ...listSplices(opened, "annotations", gone, fresh),
      ...listSplices(opened, "categories", [], categories),
    );
    return { bytes: spliceBytes(opened.bytes, splices), rows: newRows(boxes) };
  },
};

/** Adds a category to the file, unless it has the class. */
export function addCocoCategory(bytes: Uint8Array | undefined, name: string, context: EditContext): Uint8Array {
  const opened = open(bytes, context);
  const { categories, next } = opened;
  const fresh = categories.has(name) ? [] : [categoryText(next.categories, name)];
  return spliceBytes(opened.bytes, listSplices(opened, "categories", [], fresh));
}

const categoryText = (id: CocoId, name: string): string => JSON.stringify({ id, name, supercategory: "" });

function open(bytes: Uint8Array | undefined, context: EditContext): Opened {
  const { shown, classes, size: own, name } = context;
  if (bytes === undefined) throw new PhinetsError("data.changed", `${shown}: is gone; put it back`, shown);
  const content = readCocoFile(bytes, shown);
  const json = new JsonBytes(bytes, shown, cocoCode);
  const { lists, highest } = readLists(json);
  const places = content.pictures.flatMap((picture, n) => (picture.name === name ? [n] : []));
  const images = places.flatMap((n) => {
    const { id } = content.pictures[n];
    return id === undefined ? [] : [{ id, span: lists.images.elements[n] }];
  });
  const { width, height } = content.pictures[places[0]] ?? own;
  const isStated = width > 0 && height > 0;
  const scale = isStated ? { across: width / own.width, down: height / own.height } : { across: 1, down: 1 };
  const categories = content.categories.map(({ id, name }) => [name?.trim() || `class ${id}`, id] as const);
  const classOf = new Map(categories.map(([name, id]) => [String(id), classes.indexOf(name)]));
  const wanted = new Set(images.map(({ id }) => String(id)));
  const rows: Row[] = [];
  const { boxes } = content;
  for (const [row, place] of boxes.index.entries()) {
    if (!wanted.has(String(boxes.image[row]))) continue;
    const kind = classOf.get(String(boxes.category[row])) ?? -1;
    const [left, top, across, down] = boxes.corners.slice(4 * row, 4 * row + 4);
    // An annotation without a class or area is not a box, and stays.
    if (kind < 0 || across === 0 || down === 0) continue;
    const ignore = cocoIgnore[boxes.ignore[row]];
    const span = lists.annotations.elements[place];
    const box = {
      ...{ class: kind, left: left / scale.across, top: top / scale.down },
      ...{ width: across / scale.across, height: down / scale.down },
      ...(ignore && { ignore }),
    };
    rows.push({ span, box, members: membersOf(json, span) });
  }
  const next = { images: highest.images + 1, annotations: highest.annotations + 1, categories: highest.categories + 1 };
  // Of two categories with the same name, the first is used.
  return { lists, bytes, images, rows, categories: new Map(categories.reverse()), next, scale };
}

/** Ranges of the three lists and their elements, and the highest id in each. */
function readLists(json: JsonBytes): Pick<Opened, "lists"> & { highest: Record<ListName, number> } {
  const found: Partial<Record<ListName, ListPlace>> = {};
  const highest = { images: 0, annotations: 0, categories: 0 };
  json.members("a COCO annotation file", listKeys, (key) => {
    const list = listNames[key];
    if (json.peek() !== "[") return json.skip();
    const elements: Span[] = [];
    const span = spanOf(json, () =>
      json.elements(list, () => {
        const element = spanOf(json, () =>
          json.members("an element", idKey, () => {
            if (json.peek() === "n") return json.skip();
            const id = Number(json.numberOrText("an id"));
            if (Number.isInteger(id)) highest[list] = Math.max(highest[list], id);
          }),
        );
        elements.push(element);
      }),
    );
    found[list] = { span, elements };
  });
  const missing = listNames.find((list) => found[list] === undefined);
  if (missing !== undefined) json.fail(`has no list ${missing}; give it one, as "${missing}": []`, 0);
  return { lists: found as Record<ListName, ListPlace>, highest };
}

/** Range of the value that `read` reads. */
function spanOf(json: JsonBytes, read: () => void): Span {
  const from = json.at;
  read();
  let to = json.at;
  while (isBlank(json.bytes[to - 1])) to--;
  return { from, to };
}

const isBlank = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

function membersOf(json: JsonBytes, { from }: Span): Map<string, Span> {
  const members = new Map<string, Span>();
  json.revisit(from, () =>
    json.members("an annotation", boxKeys, (key) =>
      members.set(
        boxMembers[key],
        spanOf(json, () => json.skip()),
      ),
    ),
  );
  return members;
}

function placeOf({ left, top, width, height }: PixelBox, { across, down }: Opened["scale"]) {
  const bbox = [left * across, top * down, width * across, height * down].map(toThousandth);
  return { bbox, area: toThousandth(bbox[2] * bbox[3]) };
}

interface ChangeOptions extends Pick<Opened, "scale"> {
  readonly categoryOf: (kind: number) => CocoId;
}

function changes({ span, box: before, members }: Row, box: EditedBox, { scale, categoryOf }: ChangeOptions) {
  const splices: Splice<string>[] = [];
  const put = (member: (typeof boxMembers)[number], value: unknown) => {
    const place = members.get(member);
    if (place !== undefined) splices.push({ ...place, with: JSON.stringify(value) });
  };
  if (before.class !== box.class) put("category_id", categoryOf(box.class));
  if (isSamePlace(before, box)) return splices;
  const { bbox, area } = placeOf(box, scale);
  put("bbox", bbox);
  put("area", area);
  put("segmentation", []);
  if (members.has("bbox")) return splices;
  const start = span.from + 1;
  return [...splices, { from: start, to: start, with: `"bbox": ${JSON.stringify(bbox)}, ` }];
}

/** Removes elements from a list and appends others, with the list's own whitespace between elements. */
function listSplices(
  { lists, bytes }: Opened,
  list: ListName,
  gone: readonly Span[],
  fresh: readonly string[],
): Splice<string>[] {
  if (gone.length === 0 && fresh.length === 0) return [];
  const { span, elements } = lists[list];
  const left = new Set(gone);
  const last = elements.findLastIndex((element) => !left.has(element));
  const splices: Splice<string>[] = [];
  for (const [n, element] of elements.entries())
    if (n < last && left.has(element)) splices.push({ from: element.from, to: elements[n + 1].from, with: "" });
  const start = last < 0 ? span.from + 1 : elements[last].to;
  const end = last < elements.length - 1 ? elements[elements.length - 1].to : start;
  const blanks = bytes.subarray(span.from + 1, elements[0]?.from ?? span.from + 1);
  const between = String.fromCharCode(...blanks);
  const texts = fresh.map((text, n) => `${last < 0 && n === 0 ? "" : ","}${between}${text}`);
  return [...splices, { from: start, to: end, with: texts.join("") }];
}
