/** The line and the zone for counting tracks, drawn on the picture or typed. */
import { signal } from "@preact/signals";
import { Slider } from "../../ui/slider.js";
import type { Line, Zone } from "./counting.js";
import { counts, line, settings, zone } from "./store.js";

/** What dragging on the picture draws. */
export const tool = signal<"none" | "line" | "zone">("none");

const firstLine: Line = { from: { x: 0.5, y: 0 }, to: { x: 0.5, y: 1 } };
const firstZone: Zone = { left: 0.25, top: 0.25, right: 0.75, bottom: 0.75 };

export function Tools() {
  if (settings.value.tracker === "none") return null;
  const { value } = counts;
  return (
    <section aria-labelledby="try-count">
      <h2 id="try-count">Count</h2>
      <p class="actions">
        <Tool kind="line" title="Line" />
        <Tool kind="zone" title="Zone" />
      </p>
      {line.value && (
        <p role="status">
          over the line: {value?.right ?? 0} to the right of its way, {value?.left ?? 0} to the left
        </p>
      )}
      {tool.value === "line" && line.value && <LineFields line={line.value} />}
      {zone.value && (
        <p role="status">
          in the zone: {value?.inside ?? 0} now, {value?.entered ?? 0} in all
        </p>
      )}
      {tool.value === "zone" && zone.value && <ZoneFields zone={zone.value} />}
    </section>
  );
}

function Tool({ kind, title }: { readonly kind: "line" | "zone"; readonly title: string }) {
  const isOn = tool.value === kind;
  const press = () => {
    tool.value = isOn ? "none" : kind;
    if (isOn) return;
    if (kind === "line") line.value ??= firstLine;
    else zone.value ??= firstZone;
  };
  const take = () => {
    if (kind === "line") line.value = undefined;
    else zone.value = undefined;
    if (isOn) tool.value = "none";
  };
  return (
    <>
      <button type="button" aria-pressed={isOn} onClick={press}>
        {isOn ? `${title}: draw it` : title}
      </button>
      {(kind === "line" ? line : zone).value && (
        <button type="button" onClick={take}>
          No {title.toLowerCase()}
        </button>
      )}
    </>
  );
}

function LineFields({ line: { from, to } }: { readonly line: Line }) {
  const set = (changes: Partial<Line>) => {
    line.value = { from, to, ...changes };
  };
  return (
    <>
      <Share label="From, across" value={from.x} onChange={(x) => set({ from: { ...from, x } })} />
      <Share label="From, down" value={from.y} onChange={(y) => set({ from: { ...from, y } })} />
      <Share label="To, across" value={to.x} onChange={(x) => set({ to: { ...to, x } })} />
      <Share label="To, down" value={to.y} onChange={(y) => set({ to: { ...to, y } })} />
    </>
  );
}

function ZoneFields({ zone: { left, top, right, bottom } }: { readonly zone: Zone }) {
  const set = (changes: Partial<Zone>) => {
    zone.value = { left, top, right, bottom, ...changes };
  };
  return (
    <>
      <Share label="Left" value={left} onChange={(value) => set({ left: value, right: Math.max(value, right) })} />
      <Share label="Top" value={top} onChange={(value) => set({ top: value, bottom: Math.max(value, bottom) })} />
      <Share label="Right" value={right} onChange={(value) => set({ right: value, left: Math.min(value, left) })} />
      <Share label="Bottom" value={bottom} onChange={(value) => set({ bottom: value, top: Math.min(value, top) })} />
    </>
  );
}

interface ShareProps {
  readonly label: string;
  /** Fraction of the picture, 0..1. */
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function Share({ label, value, onChange }: ShareProps) {
  const percent = Math.round(100 * value);
  return (
    <Slider
      label={label}
      min={0}
      max={100}
      step={1}
      unit="%"
      value={percent}
      onChange={(each) => onChange(each / 100)}
    />
  );
}
