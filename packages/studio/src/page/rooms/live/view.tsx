/** What the board detects: its picture where it sends one, boxes, and tracks with their trails. */
import type { Picture } from "@phinets/core/data";
import { useEffect, useRef } from "preact/hooks";
import { compared, comparing, type Shown } from "./store.js";

const colours = 8;

export function View({ shown: { hello, frame, trails } }: { readonly shown: Shown }) {
  const { width, height, classes } = hello;
  const nameOf = (index: number) => classes[index] ?? `class ${index}`;
  const text = Math.max(3, height / 34);
  return (
    <div class="scene">
      <Still picture={frame.picture} width={width} height={height} />
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label="Boxes and tracks">
        {frame.boxes?.map(({ x1, y1, x2, y2 }, i) => (
          <rect key={i} class="box" x={x1} y={y1} width={Math.max(0, x2 - x1)} height={Math.max(0, y2 - y1)} />
        ))}
        {comparing.value &&
          compared.value.boxes.map(({ x1, y1, x2, y2 }, i) => (
            <rect key={i} class="host" x={x1} y={y1} width={Math.max(0, x2 - x1)} height={Math.max(0, y2 - y1)} />
          ))}
        {trails.map(({ id, points }) => (
          <polyline
            key={id}
            class={`trail colour${id % colours}`}
            points={points.map((point) => point.join(",")).join(" ")}
          />
        ))}
        {frame.tracks?.map(({ id, x1, y1, x2, y2, score, class: index }) => (
          <g key={id} class={`track colour${id % colours}`}>
            <rect x={x1} y={y1} width={Math.max(0, x2 - x1)} height={Math.max(0, y2 - y1)} />
            <text x={Math.max(0, x1)} y={Math.max(text, y1 - 0.3 * text)} font-size={text}>
              {id} {nameOf(index)} {score.toFixed(2)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

interface StillProps {
  readonly picture?: Picture;
  readonly width: number;
  readonly height: number;
}

/** The picture, or an empty area of the same shape. */
function Still({ picture, width, height }: StillProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (picture === undefined || !context) return;
    const { data, channels } = picture;
    const pixels = new ImageData(picture.width, picture.height);
    for (let i = 0; i < picture.width * picture.height; i++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = data[channels === 1 ? i : 3 * i + c];
      pixels.data[4 * i + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  }, [picture]);
  return <canvas ref={canvas} width={picture?.width ?? width} height={picture?.height ?? height} />;
}
