/** The picture that is labelled, its boxes under edit, and what was said of them. */
import type { PixelBox } from "@phinets/core/data";
import {
  beginEditing,
  type EditAction,
  type Editing,
  edit,
  redo,
  select,
  selectedOf,
  undo,
} from "@phinets/core/labelling";
import { computed, signal } from "@preact/signals";
import { withSaved } from "../../../../shared/data.js";
import type { LabelDocument, ModelEntry } from "../../../../shared/labels.js";
import type { LabelRequests, PictureName } from "../../../datasets/labels.js";
import type { Given } from "../../../files/given-files.js";
import { catalogue, source } from "../store.js";
import { classesOf, inPageClasses, meetClasses, type SetName } from "./class-lists.js";
import { draftedPictures, draftOf } from "./drafts.js";
import { Saver } from "./saver.js";
import { seenPart } from "./viewport.js";

/** A picture, and where its labels are. */
type Place = PictureName & SetName;

export interface Open extends Place {
  /** For `img`. */
  readonly address: string;
  readonly saver: Saver;
  readonly labelled: boolean;
}

export const open = signal<Open | undefined>(undefined);
export const editing = signal<Editing>(beginEditing({ width: 1, height: 1 }, []));
/** Of the set whose picture is open. */
export const classes = computed(() => (open.value === undefined ? [] : classesOf(open.value)));
/** Class of the next box. */
export const activeClass = signal(0);
/** What was done or why it was not, for all to read. */
export const message = signal("");
export const models = signal<readonly ModelEntry[] | undefined>(undefined);
export const model = signal("");
export const isHelpOpen = signal(false);

export const selected = computed(() => selectedOf(editing.value));

/** Of pictures whose boxes are not all saved. */
const unsaved = new Map<string, Saver>();

const keyOf = ({ labels, set, picture }: Place): string => JSON.stringify([labels.identity, set, picture]);

addEventListener("beforeunload", (event) => {
  if ([...unsaved.values()].some(({ state }) => state.value.kind !== "saved")) event.preventDefault();
});

/** Whether a picture is opened or looked at: what is done meanwhile waits, so that it is done to the right one. */
let isBusy = false;
let waiting: (() => void)[] = [];

/** Does something now, or when what is under way is done. */
export function perform(work: () => void): void {
  if (isBusy) waiting.push(work);
  else work();
}

/** Work that others wait for. What it fails with is said, and nothing that waited is done. */
export async function whileBusy(work: () => Promise<void>): Promise<void> {
  if (isBusy) return new Promise((resolve) => waiting.push(() => void whileBusy(work).then(resolve)));
  isBusy = true;
  try {
    await work();
  } catch (error) {
    waiting = [];
    message.value = (error as Error).message;
  }
  isBusy = false;
  while (!isBusy && waiting.length > 0) waiting.shift()!();
}

/** Opens a picture by its path in the data set that is shown. */
export const openPicture = (picture: string): Promise<void> => whileBusy(() => show(picture));

async function show(picture: string): Promise<void> {
  const [set, labels] = [catalogue.value?.path, source.value?.labels];
  if (set === undefined || labels === undefined) return;
  const name = { labels, set, picture };
  message.value = "";
  const document = await labels.read(name);
  const address = await labels.address(name);
  const known = unsaved.get(keyOf(name));
  const begun = known === undefined ? begin(name, document) : { saver: known, start: known.boxes };
  if (open.value === undefined || keyOf({ ...open.value, picture }) !== keyOf(name)) activeClass.value = 0;
  const start = beginEditing(document.size, []);
  const nextId = begun.start.reduce((most, { id }) => Math.max(most, id + 1), 0);
  editing.value = { ...start, boxes: begun.start, nextId };
  open.value = { ...name, address, saver: begun.saver, labelled: document.labelled };
}

function begin(name: Place, document: LabelDocument) {
  const own = inPageClasses(name, document.boxes, document.classes);
  const { boxes } = beginEditing(document.size, own);
  const { labels } = name;
  const draft = draftOf({ ...name, identity: labels.identity });
  const saver = new Saver(name, {
    labels,
    // Of a file that was changed since, the saver finds out, and asks.
    version: draft?.version ?? document.version,
    boxes,
    onSaved: (saved) => {
      noteSaved(name, saved);
      if (saver.state.value.kind === "saved") unsaved.delete(keyOf(name));
    },
  });
  if (draft === undefined) return { saver, start: boxes };
  // Boxes of before that were not saved: rows count where the file is still the one that they were drawn on.
  const isSame = draft.version === document.version;
  const restored = inPageClasses(name, draft.boxes, draft.classes).map(({ row, ...box }, n) => ({
    ...box,
    id: isSame && row !== undefined ? row : boxes.length + n,
  }));
  message.value = "boxes that were not saved before are shown";
  unsaved.set(keyOf(name), saver);
  saver.want(restored);
  return { saver, start: restored };
}

/** Saves what an earlier page left; a picture that was changed since keeps its draft until it is opened. */
export async function saveDrafts(labels: LabelRequests): Promise<void> {
  const { identity } = labels;
  for (const name of draftedPictures(identity)) {
    try {
      const document = await labels.read(name);
      const isSame = document.version === draftOf({ ...name, identity })?.version;
      if (isSame) await begin({ ...name, labels }, document).saver.flush();
    } catch {} // the picture is gone, or the server; the draft stays
  }
}

/** Catalogue and picture follow what the files have. */
function noteSaved(name: Place, saved: LabelDocument): void {
  const set = catalogue.value;
  if (set !== undefined && set.path === name.set && source.value?.labels?.identity === name.labels.identity) {
    // The set was read again, and its classes are numbered otherwise.
    if (set.classes.some((each, n) => each !== saved.classes[n])) return void openAgain(name.set);
    catalogue.value = withSaved(set, saved);
  }
  if (open.value !== undefined && keyOf(open.value) === keyOf(name)) open.value = { ...open.value, labelled: true };
}

async function openAgain(set: string): Promise<void> {
  try {
    const found = await source.value?.open(set);
    if (found !== undefined && catalogue.value?.path === set) catalogue.value = found;
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export function act(action: EditAction): void {
  change(edit(editing.value, action));
}

export const undoLast = (): void => change(undo(editing.value));
export const redoNext = (): void => change(redo(editing.value));

export function choose(id: number | undefined): void {
  if (editing.value.selected !== id) editing.value = select(editing.value, id);
}

function change(next: Editing): void {
  const { value } = open;
  editing.value = next;
  if (value === undefined || next.boxes === value.saver.boxes) return;
  unsaved.set(keyOf(value), value.saver);
  value.saver.want(next.boxes);
}

/** The class of the selected box and of those to come. */
export function setClass(kind: number): void {
  if (kind >= classes.value.length) return;
  activeClass.value = kind;
  const box = selected.value;
  if (box !== undefined) act({ kind: "class", id: box.id, class: kind });
}

/** A box of the active class between two corners; by itself a quarter of what is seen, in its middle. */
export function draw(from?: readonly [number, number], to?: readonly [number, number]): void {
  if (classes.value.length === 0) {
    message.value = "name a class first: boxes are of one";
    return;
  }
  const { left, top, width, height } = seenPart(editing.value.size);
  const [a, b] = [
    from ?? [left + width * 0.375, top + height * 0.375],
    to ?? [left + width * 0.625, top + height * 0.625],
  ];
  act({ kind: "draw", class: activeClass.value, from: [a[0], a[1]], to: [b[0], b[1]] });
}

export async function newClass(name: string): Promise<boolean> {
  let isAdded = false;
  await whileBusy(async () => {
    const { value } = open;
    if (value === undefined) return;
    meetClasses(value, await value.labels.addClass(value.set, name));
    setClass(classes.value.indexOf(name));
    message.value = `class ${name} is there`;
    isAdded = true;
  });
  return isAdded;
}

/** The picture before or after, as the data set has them: from the one that is open when it is this one's turn. */
export const goBy = (by: number): Promise<void> =>
  whileBusy(async () => {
    const [set, { value }] = [catalogue.value, open];
    const next = set?.files[set.files.indexOf(value?.picture ?? "") + by];
    if (next !== undefined) await show(next);
    else message.value = by > 0 ? "this is the last picture" : "this is the first picture";
  });

/** Saves, an empty picture too, and goes on where nobody has labelled yet. */
export const saveAndGoOn = (): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    if (value === undefined) return;
    if (!(await value.saver.flush({ even: !value.labelled })))
      throw new Error("this picture is not saved yet; it stays open");
    const { picture } = await value.labels.nextUnlabelled(value);
    if (picture === undefined) message.value = "every picture is labelled";
    else await show(picture);
  });

/** Ends the labelling; what is not saved goes on being saved. */
export function close(): void {
  void open.value?.saver.flush();
  waiting = [];
  open.value = undefined;
  message.value = "";
}

/** After somebody else changed the file: their boxes, or these. */
export async function resolveChange(keep: "theirs" | "mine"): Promise<void> {
  const { value } = open;
  if (value === undefined) return;
  if (keep === "theirs") {
    value.saver.abandon();
    unsaved.delete(keyOf(value));
    return openPicture(value.picture);
  }
  try {
    await value.saver.overwrite((await value.labels.read(value)).version);
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export async function loadModels(): Promise<void> {
  if (models.value !== undefined) return;
  try {
    models.value = await open.value?.labels.listModels();
    model.value ||= models.value?.[0]?.id ?? "";
  } catch (error) {
    message.value = (error as Error).message;
  }
}

/** A run that the user gives to the page suggests from now on. */
export const addModel = (given: Given): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    const entry = await value?.labels.addModel?.(given);
    if (entry === undefined) return;
    models.value = await value?.labels.listModels();
    model.value = entry.id;
    message.value = `${entry.title} suggests: ${entry.classes.slice(0, 3).join(", ")}`;
  });

export async function requireModel(): Promise<void> {
  await loadModels();
  if (model.value === "") {
    const where = open.value?.labels.addModel ? "open the .zip of a run" : "train one, or install @phinets/models";
    throw new Error(`there is no model; ${where}`);
  }
}

/** Boxes that the chosen model finds, to be accepted or dropped. */
export const suggestBoxes = (): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    if (value === undefined) return;
    await requireModel();
    message.value = "the model looks…";
    const { boxes, missing } = await suggestFor(value);
    if (open.value?.picture !== value.picture) return;
    act({ kind: "suggest", boxes });
    const lacking = missing.length === 0 ? "" : `; ${missing.join(", ")} found too: add the class and look again`;
    message.value = `${boxes.length} ${boxes.length === 1 ? "box" : "boxes"} suggested${lacking}`;
  });

/** Boxes that the chosen model finds in a picture; what it finds of classes that the set lacks is named. */
export async function suggestFor(name: Place) {
  const { boxes, classes: names, missing } = await name.labels.suggest(name, model.value);
  return { boxes: inPageClasses(name, boxes, names), missing };
}

/** Adds boxes to those of a picture that is not open, and saves it. `isThere`: one that need not be added. */
export async function addTo(name: Place, box: PixelBox, isThere: (each: PixelBox) => boolean): Promise<boolean> {
  const { boxes, version, classes: names } = await name.labels.read(name);
  const own = inPageClasses(name, boxes, names);
  if (own.some(isThere)) return false;
  const kept = own.map((each, row) => ({ ...each, row }));
  noteSaved(name, await name.labels.save(name, { boxes: [...kept, box], version, classes: classesOf(name) }));
  return true;
}

/** Boxes without their numbers, for another picture. */
export function plain(boxes: readonly PixelBox[]): PixelBox[] {
  return boxes.map(({ class: kind, left, top, width, height, ignore }) => ({
    ...{ class: kind, left, top, width, height },
    ...(ignore && { ignore }),
  }));
}
