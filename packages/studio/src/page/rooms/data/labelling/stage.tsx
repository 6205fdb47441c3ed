/** The picture with its boxes, which mouse, pen or touch draw, move and resize; each box is a stop of the Tab key. */
import type { PixelBox } from "@phinets/core/data";
import { clipFrameOf, type DrawnBox, edit, type Handle, type Suggestion } from "@phinets/core/labelling";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { colourOf } from "../../../ui/colours.js";
import { actionOf, drag, isPanning, pointerHandlers, releaseAll } from "./pointers.js";
import { choose, classes, editing, type Open } from "./store.js";
import { pixelsOnScreen, reveal, showWhole, watch, zoom } from "./viewport.js";

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

/** From this many screen pixels on, a picture pixel is shown as a square when zoomed. */
const squaresFrom = 3;

export function Stage({ open }: { readonly open: Open }) {
  const [stage, picture, frame] = [
    useRef<HTMLDivElement>(null),
    useRef<HTMLDivElement>(null),
    useRef<HTMLDivElement>(null),
  ];
  const pointers = useMemo(() => pointerHandlers(() => frame.current!), [frame]);
  const { size, boxes, suggestions, selected } = editing.value;
  useLayoutEffect(() => watch(stage.current!, picture.current!), [stage, picture]);
  // The zoom is kept between frames of a clip.
  const before = useRef(open.picture);
  useLayoutEffect(() => {
    if (clipFrameOf(before.current)?.clip !== clipFrameOf(open.picture)?.clip) showWhole();
    before.current = open.picture;
  }, [open.picture]);
  useEffect(
    () => () => {
      showWhole();
      releaseAll();
    },
    [],
  );
  // Small boxes above large ones, so that each can be reached.
  const order = [...boxes, ...suggestions].sort((a, b) => b.width * b.height - a.width * a.height);
  const level = new Map(order.map(({ id }, n) => [id, n + 1]));
  const shown = (box: DrawnBox): PixelBox => {
    const { value } = drag;
    if (value === undefined || value.kind === "draw" || value.id !== box.id) return box;
    return edit(editing.value, actionOf(value)).boxes.find(({ id }) => id === box.id) ?? box;
  };
  const { value } = drag;
  const drawn = value?.kind === "draw" ? edit(editing.value, { ...value, class: 0 }).boxes.at(-1) : undefined;
  const { scale, left, top } = zoom.value;
  return (
    <div ref={stage} class={isPanning.value ? "stage panning" : "stage"} {...pointers}>
      <div
        ref={picture}
        class="whole"
        style={{
          aspectRatio: `${size.width} / ${size.height}`,
          width: `min(100%, calc((100dvh - 9.5rem) * ${size.width / size.height}))`,
        }}
      >
        <div
          ref={frame}
          class={scale > 1 && pixelsOnScreen(size) >= squaresFrom ? "frame squares" : "frame"}
          style={{
            left: `${100 * left}%`,
            top: `${100 * top}%`,
            width: `${100 * scale}%`,
            height: `${100 * scale}%`,
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
    </div>
  );
}

interface BoxProps {
  readonly box: DrawnBox | Suggestion;
  /** Where it is shown, which differs while it is dragged. */
  readonly place: PixelBox;
  readonly number: number;
  readonly level: number;
  readonly chosen: boolean;
}

function Box({ box, place, number, level, chosen }: BoxProps) {
  const element = useRef<HTMLDivElement>(null);
  const isSuggestion = "score" in box;
  const name = classes.value[box.class] ?? `class ${box.class}`;
  // A box that is selected by key gets the focus, so that Tab continues from it. By the time this runs another box may
  // be selected; without the check two boxes could take the focus from each other endlessly.
  useEffect(() => {
    if (editing.peek().selected === box.id && document.activeElement?.closest("input, select") === null)
      element.current?.focus({ preventScroll: zoom.peek().scale > 1 });
  }, [chosen, box.id]);
  useEffect(() => {
    if (chosen && drag.peek() === undefined) reveal(box, editing.peek().size);
  }, [chosen, box]);
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
      onFocus={({ currentTarget }) => {
        choose(box.id);
        // Only for focus by keyboard: a pointer is already at the box.
        if (currentTarget.matches(":focus-visible")) reveal(box, editing.peek().size);
      }}
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

function styleOf({ left, top, width, height }: PixelBox) {
  const { size } = editing.value;
  return {
    left: `${(100 * left) / size.width}%`,
    top: `${(100 * top) / size.height}%`,
    width: `${(100 * width) / size.width}%`,
    height: `${(100 * height) / size.height}%`,
  };
}
