/** The picture with its boxes: drawn, moved and resized by mouse, pen or finger; each box a stop of the Tab key. */
import type { PixelBox } from "@phinets/core/data";
import { type DrawnBox, edit, type Handle, type Suggestion } from "@phinets/core/labelling";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { colourOf } from "../../../ui/colours.js";
import { act, choose, classes, draw, editing, type Open } from "./store.js";

type Point = readonly [x: number, y: number];

/** What a pointer does, from where it went down; in the picture's pixels. */
type Drag = { readonly from: Point; readonly to: Point } & (
  | { readonly kind: "draw" }
  | { readonly kind: "move"; readonly id: number }
  | { readonly kind: "resize"; readonly id: number; readonly handle: Handle }
);

const drag = signal<Drag | undefined>(undefined);

/** Pixels of the screen that a pointer goes at least before it draws. */
const leastDrag = 4;

const handles: readonly Handle[] = [
  [-1, -1],
  [0, -1],
  [1, -1],
  [-1, 0],
  [1, 0],
  [-1, 1],
  [0, 1],
  [1, 1],
];

export function Stage({ open }: { readonly open: Open }) {
  const frame = useRef<HTMLDivElement>(null);
  const { size, boxes, suggestions, selected } = editing.value;
  const pointOf = ({ clientX, clientY }: PointerEvent): Point => {
    const { left, top, width, height } = frame.current!.getBoundingClientRect();
    return [((clientX - left) / width) * size.width, ((clientY - top) / height) * size.height];
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || drag.value !== undefined) return;
    const target = event.target as HTMLElement;
    const id = Number(target.closest<HTMLElement>("[data-box]")?.dataset.box ?? -1);
    const handle = target.dataset.handle?.split(",").map(Number) as unknown as Handle | undefined;
    const from = pointOf(event);
    const place = { from, to: from };
    if (id < 0) drag.value = { kind: "draw", ...place };
    else if (suggestions.some((each) => each.id === id)) return choose(id);
    else drag.value = handle === undefined ? { kind: "move", id, ...place } : { kind: "resize", id, handle, ...place };
    choose(id < 0 ? undefined : id);
    frame.current!.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (drag.value !== undefined) drag.value = { ...drag.value, to: pointOf(event) };
  };
  const up = () => {
    const { value } = drag;
    drag.value = undefined;
    if (value === undefined) return;
    const scale = frame.current!.getBoundingClientRect().width / size.width;
    const by = [value.to[0] - value.from[0], value.to[1] - value.from[1]] as const;
    const far = Math.max(Math.abs(by[0]), Math.abs(by[1])) * scale;
    if (value.kind === "draw") {
      if (far >= leastDrag) draw(value.from, value.to);
    } else if (far > 0) act(actionOf(value));
  };
  // Small ones above large ones, so that each can be reached.
  const order = [...boxes, ...suggestions].sort((a, b) => b.width * b.height - a.width * a.height);
  const level = new Map(order.map(({ id }, n) => [id, n + 1]));
  const shown = (box: DrawnBox): PixelBox => {
    const { value } = drag;
    if (value === undefined || value.kind === "draw" || value.id !== box.id) return box;
    return edit(editing.value, actionOf(value)).boxes.find(({ id }) => id === box.id) ?? box;
  };
  const { value } = drag;
  const drawn = value?.kind === "draw" ? edit(editing.value, { ...value, class: 0 }).boxes.at(-1) : undefined;
  return (
    <div class="stage">
      <div
        ref={frame}
        class="frame"
        style={{
          aspectRatio: `${size.width} / ${size.height}`,
          width: `min(100%, calc((100dvh - 9.5rem) * ${size.width / size.height}))`,
        }}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={() => {
          drag.value = undefined;
        }}
      >
        <img src={open.address} alt={open.picture} draggable={false} />
        {[...boxes, ...suggestions].map((box, n) => (
          <Box
            key={box.id}
            box={box}
            place={shown(box)}
            number={n + 1}
            level={level.get(box.id)!}
            chosen={box.id === selected}
          />
        ))}
        {drawn && value && <span class="drawing" style={styleOf(drawn)} />}
      </div>
    </div>
  );
}

interface BoxProps {
  readonly box: DrawnBox | Suggestion;
  /** Where it is shown: while it is dragged, elsewhere. */
  readonly place: PixelBox;
  readonly number: number;
  readonly level: number;
  readonly chosen: boolean;
}

function Box({ box, place, number, level, chosen }: BoxProps) {
  const element = useRef<HTMLDivElement>(null);
  const isSuggestion = "score" in box;
  const name = classes.value[box.class] ?? `class ${box.class}`;
  // Who is chosen by a key has the focus, so that Tab goes on from there. Another may be chosen by the time this runs: two
  // that took the focus from each other would choose each other without end.
  useEffect(() => {
    if (editing.peek().selected === box.id && document.activeElement?.closest("input, select") === null)
      element.current?.focus();
  }, [chosen, box.id]);
  const round = (value: number) => Math.round(value * 10) / 10;
  const from = `${round(place.left)},${round(place.top)}`;
  const to = `${round(place.left + place.width)},${round(place.top + place.height)}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button would press at the keys that move the box
    <div
      ref={element}
      class={`box${isSuggestion ? " suggested" : ""}${box.ignore ? " ignored" : ""}${chosen ? " chosen" : ""}`}
      data-box={box.id}
      role="button"
      tabIndex={0}
      aria-pressed={chosen}
      aria-label={`${isSuggestion ? "Suggestion" : "Box"} ${number}: ${name}, ${from} to ${to}`}
      style={{ ...styleOf(place), borderColor: colourOf(box.class), zIndex: chosen ? 10_000 : level }}
      onFocus={() => choose(box.id)}
    >
      <b style={{ background: colourOf(box.class) }}>
        {name}
        {isSuggestion && ` ${Math.round(100 * box.score)} %`}
      </b>
      {chosen &&
        !isSuggestion &&
        handles.map(([across, down]) => (
          <i
            key={`${across},${down}`}
            data-handle={`${across},${down}`}
            style={{ left: `${50 * (across + 1)}%`, top: `${50 * (down + 1)}%` }}
          />
        ))}
    </div>
  );
}

function actionOf(value: Exclude<Drag, { kind: "draw" }>) {
  const by = [value.to[0] - value.from[0], value.to[1] - value.from[1]] as const;
  return value.kind === "move"
    ? ({ kind: "move", id: value.id, by } as const)
    : ({ kind: "resize", id: value.id, handle: value.handle, by } as const);
}

function styleOf({ left, top, width, height }: PixelBox) {
  const { size } = editing.value;
  return {
    left: `${(100 * left) / size.width}%`,
    top: `${(100 * top) / size.height}%`,
    width: `${(100 * width) / size.width}%`,
    height: `${(100 * height) / size.height}%`,
  };
}
