/** Boxes over a picture that fills its parent. Classes are shown by colour and, where there is room, by name. */
import { boxesOf, type Catalogue } from "../../../shared/data.js";
import { colourOf } from "../../ui/colours.js";

export interface BoxesProps {
  readonly catalogue: Catalogue;
  readonly n: number;
  readonly names?: boolean;
}

export function Boxes({ catalogue, n, names }: BoxesProps) {
  const boxes = boxesOf(catalogue, n);
  return (
    <div class="boxes" aria-hidden="true">
      {boxes.map(({ class: kind, x, y, width, height, ignore }) => (
        <span
          key={`${kind} ${x} ${y} ${width} ${height}`}
          class={ignore === undefined ? undefined : "ignored"}
          style={{
            left: `${100 * (x - width / 2)}%`,
            top: `${100 * (y - height / 2)}%`,
            width: `${100 * width}%`,
            height: `${100 * height}%`,
            borderColor: colourOf(kind),
          }}
        >
          {names && <b style={{ background: colourOf(kind) }}>{catalogue.classes[kind]}</b>}
        </span>
      ))}
    </div>
  );
}

/** A picture's content as text for screen readers. */
export function describe(catalogue: Catalogue, n: number): string {
  const { classes, files, labels } = catalogue;
  const boxes = boxesOf(catalogue, n);
  if (labels[n] >= 0) return `${files[n]}: ${classes[labels[n]]}`;
  if (boxes.length === 0) return `${files[n]}: nothing`;
  const counts = new Map<string, number>();
  for (const box of boxes) counts.set(classes[box.class], (counts.get(classes[box.class]) ?? 0) + 1);
  return `${files[n]}: ${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}`;
}
