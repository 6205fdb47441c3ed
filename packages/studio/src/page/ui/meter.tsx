/** The used share of a budget as a bar, with the figures as text. */
export interface MeterProps {
  readonly label: string;
  readonly value: number;
  /** Absent: no limit, and therefore no bar. */
  readonly budget?: number;
  readonly text: string;
}

export function Meter({ label, value, budget, text }: MeterProps) {
  const share = budget === undefined ? undefined : budget > 0 ? value / budget : Number.POSITIVE_INFINITY;
  const over = share !== undefined && share > 1;
  return (
    <div class={over ? "meter over" : "meter"}>
      <span class="name">{label}</span>
      <span class="text">
        {text}
        {over && " · too much"}
      </span>
      {share !== undefined && (
        <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="1" class="track" />
          <rect width={Math.min(100, 100 * share)} height="1" class="fill" />
        </svg>
      )}
    </div>
  );
}
