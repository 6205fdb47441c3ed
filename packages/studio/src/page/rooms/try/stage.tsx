/** The frame with the detections of each form of the network, and the network's input. */
import type { Arithmetic } from "@phinets/core/model";
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Point } from "./counting.js";
import { drawFrame, drawPixels } from "./draw.js";
import { chosen, counters, errors, firstForm, line, loaded, seen, settings, truths, zone } from "./store.js";
import { tool } from "./tools.js";

export function Stage({ form }: { readonly form: Arithmetic }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const began = useRef<Point | undefined>(undefined);
  useEffect(
    () =>
      effect(() => {
        const { value } = seen;
        if (value?.bitmap === undefined || canvas.current === null) return;
        const found = value.found[form];
        const isFirst = form === firstForm.value;
        drawFrame(canvas.current, value.bitmap, {
          ...{ boxes: found?.boxes, tracks: found?.tracks, classes: loaded.value?.classes ?? [] },
          trails: found?.tracks && counters.get(form)?.trails,
          ...(isFirst && { chosen: chosen.value }),
          missed: isFirst ? errors.value?.missed.map((n) => truths.value![n]) : undefined,
          ...{ line: line.value, zone: zone.value },
        });
      }),
    [form],
  );
  const place = ({ offsetX, offsetY }: PointerEvent): Point => {
    const { clientWidth, clientHeight } = canvas.current!;
    const within = (value: number) => Math.min(1, Math.max(0, value));
    return { x: within(offsetX / clientWidth), y: within(offsetY / clientHeight) };
  };
  const move = (event: PointerEvent): void => {
    const [from, to] = [began.current, place(event)];
    if (from === undefined) return;
    if (tool.value === "line") line.value = { from, to };
    if (tool.value === "zone")
      zone.value = {
        ...{ left: Math.min(from.x, to.x), right: Math.max(from.x, to.x) },
        ...{ top: Math.min(from.y, to.y), bottom: Math.max(from.y, to.y) },
      };
  };
  const found = seen.value?.found[form];
  return (
    <figure class="stage">
      <figcaption>
        {form}
        {found && <span class="quiet"> {found.ms.toFixed(1)} ms</span>}
      </figcaption>
      <canvas
        ref={canvas}
        role="img"
        aria-label={describe(form)}
        class={tool.value === "none" ? undefined : "drawing"}
        onPointerDown={(event) => {
          if (tool.value === "none") return choose(place(event));
          event.currentTarget.setPointerCapture(event.pointerId);
          began.current = place(event);
        }}
        onPointerMove={move}
        onPointerUp={(event) => {
          move(event);
          began.current = undefined;
        }}
      />
      {found?.scores && (
        <ol>
          {found.scores.slice(0, 5).map(({ name, score }) => (
            <li key={name}>
              {name} {(100 * score).toFixed(1)} %
            </li>
          ))}
        </ol>
      )}
    </figure>
  );
}

/** A form's detections as text for screen readers. */
function describe(form: Arithmetic): string {
  const { boxes, tracks, scores } = seen.value?.found[form] ?? {};
  if (tracks !== undefined) return `${form}: ${tracks.length} tracks`;
  if (scores !== undefined) return `${form}: ${scores[0]?.name}`;
  return `${form}: ${boxes?.length ?? 0} boxes`;
}

/** Selects the smallest box around a point. */
function choose({ x, y }: Point): void {
  const { width, height, found } = seen.value ?? { width: 0, height: 0, found: {} };
  const around = (found[firstForm.value]?.boxes ?? [])
    .map((box, n) => ({ ...box, n }))
    .filter((box) => {
      const [dx, dy] = [x * width - box.x, y * height - box.y];
      return dx >= 0 && dy >= 0 && dx <= box.width && dy <= box.height;
    })
    .sort((a, b) => a.width * a.height - b.width * b.height);
  chosen.value = around[0]?.n;
}

/** The network's input: the frame after preprocessing, pixel for pixel. */
export function ChipInput() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(
    () =>
      effect(() => {
        if (seen.value !== undefined && canvas.current !== null) drawPixels(canvas.current, seen.value.input);
      }),
    [],
  );
  const { width, height, channels } = seen.value?.input ?? { width: 0, height: 0, channels: 0 };
  const what = `${width} × ${height}, ${channels === 1 ? "grey" : "colour"}`;
  return (
    <figure class="stage input">
      <figcaption>
        What the chip sees <span class="quiet">{what}</span>
      </figcaption>
      <canvas ref={canvas} role="img" aria-label={`What the chip sees: ${what}`} />
    </figure>
  );
}

export function Stages() {
  return (
    <>
      {settings.value.forms.map((form) => (
        <Stage key={form} form={form} />
      ))}
    </>
  );
}
