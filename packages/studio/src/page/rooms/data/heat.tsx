/** A square of cells shaded by counts. */
import { useEffect, useRef } from "preact/hooks";
import { heatSide } from "./select.js";

export interface HeatProps {
  readonly heat: Float64Array;
  readonly title: string;
  /** Quantities on the horizontal and the vertical axis. */
  readonly axes: readonly [right: string, down: string];
}

export function Heat({ heat, title, axes }: HeatProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = context.createImageData(heatSide, heatSide);
    const most = heat.reduce((top, count) => Math.max(top, count), 1);
    for (const [i, count] of heat.entries()) {
      image.data.set([47, 95, 208, Math.round(255 * Math.sqrt(count / most))], 4 * i);
    }
    context.putImageData(image, 0, 0);
  }, [heat]);
  return (
    <figure class="heat">
      <canvas ref={canvas} width={heatSide} height={heatSide} role="img" aria-label={`${title}: ${axes.join(", ")}`} />
      <figcaption>
        {title} <span class="quiet">{axes.join(" · ")}</span>
      </figcaption>
    </figure>
  );
}
