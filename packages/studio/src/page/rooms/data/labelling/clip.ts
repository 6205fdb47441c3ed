/**
 * Labelling of clips: copies boxes from the previous frame, marks keyframes of an object, and interpolates its boxes
 * between two of them.
 */
import type { PixelBox } from "@phinets/core/data";
import { iouCorners } from "@phinets/core/detection";
import { clipFrameOf, Follower, framesOfClip, type Keyframe, placeAt } from "@phinets/core/labelling";
import { computed, signal } from "@preact/signals";
import { catalogue } from "../store.js";
import { inPageClasses } from "./class-lists.js";
import { act, addTo, message, open, plain, requireModel, selected, suggestFor, whileBusy } from "./store.js";

interface ClipObject {
  readonly clip: string;
  readonly class: number;
  readonly keyframes: readonly Keyframe[];
}

/** By object number; the newest is last. */
const objects = signal<readonly ClipObject[]>([]);

/** Frames of the clip that the open picture belongs to. */
export const frames = computed(() => {
  const [{ value }, set] = [open, catalogue.value];
  return value === undefined || set === undefined ? [] : framesOfClip(value.picture, set.files);
});

/** Keyframes of the selected box's object, to show. */
export const marked = computed(() => objects.value[selected.value?.object ?? -1]?.keyframes ?? []);

/** Copies the boxes of the previous frame; keyframes keep their object. */
export const copyFromBefore = (): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    const at = frames.value.findIndex(({ file }) => file === value?.picture);
    const before = frames.value[at - 1];
    if (value === undefined || before === undefined) throw new Error("there is no frame before this one");
    const found = await value.labels.read({ set: value.set, picture: before.file });
    if (open.value?.picture !== value.picture) return;
    const boxes = inPageClasses(value, found.boxes, found.classes);
    act({ kind: "add", boxes: plain(boxes).map((box) => ({ ...box, ...objectAt(before.file, box) })) });
    message.value = `${boxes.length} ${boxes.length === 1 ? "box" : "boxes"} taken over from ${before.file}`;
  });

/** The object of which a frame's box is a keyframe. */
function objectAt(file: string, box: PixelBox): { object?: number } {
  const found = clipFrameOf(file);
  const object = objects.value.findIndex(
    ({ clip, keyframes }) =>
      clip === found?.clip && keyframes.some((key) => key.frame === found.frame && overlap(key, box) > sameOverlap),
  );
  return object < 0 ? {} : { object };
}

/** Boxes that overlap more (IoU) count as the same. */
const sameOverlap = 0.9;

type Place = Pick<PixelBox, "left" | "top" | "width" | "height">;

function overlap(a: Place, b: Place): number {
  const corners = ({ left, top, width, height }: Place) => [left, top, left + width, top + height] as const;
  return iouCorners(...corners(a), ...corners(b));
}

/**
 * Makes the selected box a keyframe of its object in this frame. A box without an object continues the newest object of
 * its class.
 */
export function markKeyframe(): void {
  const [{ value }, box] = [open, selected.value];
  const at = value && clipFrameOf(value.picture);
  if (box === undefined || at === undefined || "score" in box) {
    message.value = "choose a box of a clip's frame first";
    return;
  }
  const { left, top, width, height } = box;
  const all = [...objects.value];
  const newest = all.findLastIndex((each) => each.clip === at.clip && each.class === box.class);
  const isNew = newest < 0 || all[newest].keyframes.some(({ frame }) => frame === at.frame);
  const object = box.object ?? (isNew ? all.length : newest);
  const before = all[object]?.keyframes.filter(({ frame }) => frame !== at.frame) ?? [];
  const keyframes = [...before, { frame: at.frame, left, top, width, height }];
  all[object] = { clip: at.clip, class: box.class, keyframes };
  objects.value = all;
  act({ kind: "object", id: box.id, object });
  message.value = `keyframe ${keyframes.length} of this object, at frame ${at.frame}`;
}

/** Interpolates the selected object's boxes in the frames between its last two keyframes, and saves them. */
export const interpolate = (): Promise<void> => whileBusy(fillBetween);

async function fillBetween(): Promise<void> {
  const [{ value }, box] = [open, selected.value];
  const object = objects.value[box?.object ?? -1];
  if (value === undefined || object === undefined || object.keyframes.length < 2) {
    throw new Error("mark two keyframes of one box first (Shift+K)");
  }
  const last = object.keyframes.slice(-2);
  const [low, high] = last.map(({ frame }) => frame).sort((a, b) => a - b);
  const between = frames.value.filter(({ frame }) => frame > low && frame < high);
  let changed = 0;
  try {
    for (const { file, frame } of between) {
      const name = { labels: value.labels, set: value.set, picture: file };
      const put = { class: object.class, ...placeAt(last, frame)! };
      // A repeated interpolation finds its boxes there already.
      if (await addTo(name, put, (each) => each.class === put.class && overlap(each, put) > sameOverlap)) changed++;
    }
    message.value = `boxes put into ${changed} of ${between.length} frames between ${low} and ${high}`;
  } catch (error) {
    message.value = `${changed} of ${between.length} frames have their boxes: ${(error as Error).message}`;
  }
}

/**
 * Adds the selected object's boxes to the following frames, as the chosen model detects them, until the object is lost.
 */
export const follow = (): Promise<void> => whileBusy(followOn);

async function followOn(): Promise<void> {
  const [{ value }, box] = [open, selected.value];
  if (value === undefined || box === undefined || "score" in box) throw new Error("choose a box to follow first");
  await requireModel();
  const after = frames.value.slice(frames.value.findIndex(({ file }) => file === value.picture) + 1);
  const follower = new Follower(box);
  let [looked, changed] = [0, 0];
  for (const { file } of after) {
    // Closing the picture ends it.
    if (follower.isLost || open.value?.picture !== value.picture) break;
    const name = { labels: value.labels, set: value.set, picture: file };
    const { boxes } = await suggestFor(name);
    const found = follower.next(boxes);
    looked++;
    message.value = `frame ${looked} of ${after.length}`;
    if (found === undefined) continue;
    const [put] = plain([found]);
    if (await addTo(name, put, (each) => each.class === put.class && overlap(each, put) > sameOverlap)) changed++;
  }
  message.value = `followed through ${looked} of ${after.length} frames, ${changed} of which got its box`;
}
