/** Counts by name as horizontal bars; a clickable bar filters. */
export interface Bar {
  readonly key: string | number;
  readonly label: string;
  readonly value: number;
  readonly text?: string;
}

export interface BarsProps {
  readonly label: string;
  readonly bars: readonly Bar[];
  readonly pressed?: string | number;
  readonly onPress?: (key: string | number) => void;
}

export function Bars({ label, bars, pressed, onPress }: BarsProps) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <ul class="bars" aria-label={label}>
      {bars.map(({ key, label, value, text }) => {
        const content = (
          <>
            <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
              <rect width={(100 * value) / most} height="1" class="fill" />
            </svg>
            <span class="name">{label}</span>
            <span class="text">{text ?? value}</span>
          </>
        );
        return (
          <li key={key}>
            {onPress === undefined ? (
              <span class="barrow">{content}</span>
            ) : (
              <button type="button" class="barrow" aria-pressed={pressed === key} onClick={() => onPress(key)}>
                {content}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
