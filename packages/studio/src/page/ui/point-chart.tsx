/** Scatter chart with some highlighted points, joined by a line. SVG, in the system's colours. */
export interface Axis {
  readonly label: string;
}

export interface Mark {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly strong: boolean;
  readonly pressed?: boolean;
  readonly onPress?: () => void;
}

const [width, height, left, bottom, top, right] = [560, 260, 52, 36, 12, 16];
const marks = 4;

interface Scale {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly xs: readonly number[];
  readonly ys: readonly number[];
}

/** Axes that contain all points with a small margin. */
function scaleOf(points: readonly (readonly [x: number, y: number])[]): Scale {
  const span = (values: readonly number[]): readonly [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * 0.05;
    return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
  };
  const [[x0, x1], [y0, y1]] = [span(points.map(([x]) => x)), span(points.map(([, y]) => y))];
  const steps = (low: number, high: number) =>
    Array.from({ length: marks + 1 }, (_, i) => low + ((high - low) * i) / marks);
  return {
    x: (value) => left + ((value - x0) / (x1 - x0)) * (width - left - right),
    y: (value) => height - bottom - ((value - y0) / (y1 - y0)) * (height - bottom - top),
    xs: steps(x0, x1),
    ys: steps(y0, y1),
  };
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));

interface FrameProps {
  readonly scale: Scale;
  readonly x: Axis;
  readonly y: Axis;
}

function Frame({ scale, x, y }: FrameProps) {
  const base = height - bottom;
  return (
    <>
      <line x1={left} y1={base} x2={width - right} y2={base} class="axis" />
      <line x1={left} y1={top} x2={left} y2={base} class="axis" />
      {scale.xs.map((value) => (
        <text key={value} x={scale.x(value)} y={base + 14} text-anchor="middle">
          {digits(value)}
        </text>
      ))}
      {scale.ys.map((value) => (
        <text key={value} x={left - 6} y={scale.y(value) + 4} text-anchor="end">
          {digits(value)}
        </text>
      ))}
      <text x={width - right} y={height - 4} text-anchor="end">
        {x.label}
      </text>
      <text x={left + 6} y={top + 8}>
        {y.label}
      </text>
    </>
  );
}

export function PointChart({
  title,
  points,
  x,
  y,
}: {
  readonly title: string;
  readonly points: readonly Mark[];
  readonly x: Axis;
  readonly y: Axis;
}) {
  if (points.length === 0) return null;
  const scale = scaleOf(points.map((point) => [point.x, point.y]));
  const front = points.filter(({ strong }) => strong).sort((a, b) => a.x - b.x);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`}>
      <title>{title}</title>
      <Frame scale={scale} x={x} y={y} />
      <polyline class="line" points={front.map((point) => `${scale.x(point.x)},${scale.y(point.y)}`).join(" ")} />
      {points.map((point) => (
        <Dot key={point.key} point={point} cx={scale.x(point.x)} cy={scale.y(point.y)} />
      ))}
    </svg>
  );
}

function Dot({ point, cx, cy }: { readonly point: Mark; readonly cx: number; readonly cy: number }) {
  const { title, strong, pressed, onPress } = point;
  const shape = { cx, cy, r: strong ? 7 : 5, class: strong ? "dot strong" : "dot" };
  if (onPress === undefined)
    return (
      <circle {...shape}>
        <title>{title}</title>
      </circle>
    );
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a picture
    <circle
      {...shape}
      role="button"
      tabindex={0}
      aria-label={title}
      aria-pressed={pressed}
      onClick={onPress}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onPress();
      }}
    >
      <title>{title}</title>
    </circle>
  );
}
