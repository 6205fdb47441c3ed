/** A number input with a slider. */
import { useId } from "preact/hooks";

export interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly unit?: string;
  readonly hint?: string;
  readonly onChange: (value: number) => void;
}

export function Slider({ label, value, min, max, step, unit, hint, onChange }: SliderProps) {
  const id = useId();
  const take = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    const number = currentTarget.valueAsNumber;
    if (Number.isFinite(number)) onChange(number);
  };
  return (
    <div class="slider">
      <label for={id} title={hint}>
        {label}
      </label>
      <input id={id} type="range" min={min} max={max} step={step} value={value} onInput={take} />
      <span class="number">
        <input
          type="number"
          min={min}
          max={max}
          step={step}
          value={value}
          onChange={take}
          aria-label={`${label}, typed`}
        />
        {unit && <span class="unit">{unit}</span>}
      </span>
    </div>
  );
}
