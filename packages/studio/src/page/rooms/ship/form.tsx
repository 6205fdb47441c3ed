/** Form for what to ship, to which board, and how, with the command line that it runs. */
import { boardNames } from "@phinets/core/target";
import { formatCount } from "@phinets/node/text";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { titleOf } from "../../../shared/places.js";
import { CommandLine } from "../../ui/command-line.js";
import { Switch } from "../../ui/switch.js";
import { change, commandWords, datasets, type Fields, fields, jobOf, list, run, ship, suggested } from "./store.js";

type TextField = Exclude<keyof Fields, "qat">;

export function Form() {
  const shipped = list.value;
  const { data, target, clip, weights, qat } = fields.value;
  const sets = datasets.value ?? [];
  const boards = useId();
  const running = run.value !== undefined && jobOf(run.value.id)?.state === "running";
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void ship();
      }}
    >
      <Labelled label="Data set">
        {(id) => (
          <Select
            id={id}
            value={data}
            onChange={(value) => change({ data: value })}
            options={sets.map(({ path, pictures }) => [
              path,
              `${path === "" ? "the whole folder" : path} (${formatCount(pictures)})`,
            ])}
          />
        )}
      </Labelled>
      <Labelled label="Board" hint="a name, or a board.json in the folder">
        {(id) => (
          <>
            <input
              id={id}
              type="text"
              list={boards}
              value={target}
              onInput={({ currentTarget }) => change({ target: currentTarget.value })}
            />
            <datalist id={boards}>
              {boardNames.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </>
        )}
      </Labelled>
      <NumberField field="fps" label="Frames a second" placeholder="as the board can" step="any" />
      <NumberField field="imgsz" label="Resolution" placeholder="fitted" />
      <NumberField field="epochs" label="Epochs" placeholder="the recipe's" />
      <NumberField field="seed" label="Seed" placeholder="0" />
      <NumberField field="images" label="Pictures to prove" placeholder="300" />
      <Labelled label="Clip to track">
        {(id) => (
          <Select
            id={id}
            value={clip}
            onChange={(value) => change({ clip: value })}
            options={[["", "none"], ...(shipped?.clips ?? []).map((path): [string, string] => [path, path])]}
          />
        )}
      </Labelled>
      <Labelled label="Begin with">
        {(id) => (
          <Select
            id={id}
            value={weights}
            onChange={(value) => change({ weights: value })}
            options={[
              ["", "new weights"],
              ...(shipped?.runs ?? []).filter(({ done }) => done).map(({ id }): [string, string] => [id, titleOf(id)]),
            ]}
          />
        )}
      </Labelled>
      <Labelled label="Name">
        {(id) => (
          <input
            id={id}
            type="text"
            value={fields.value.name}
            placeholder={suggested.value}
            onInput={({ currentTarget }) => change({ name: currentTarget.value })}
          />
        )}
      </Labelled>
      <Switch
        label="quantisation-aware epochs where int8 loses"
        checked={qat}
        onChange={(value) => change({ qat: value })}
      />
      <CommandLine words={commandWords.value} />
      <p class="actions">
        <button type="submit" class="main" disabled={shipped === undefined || running || sets.length === 0}>
          Ship
        </button>
      </p>
    </form>
  );
}

interface LabelledProps {
  readonly label: string;
  readonly hint?: string;
  readonly children: (id: string) => ComponentChildren;
}

function Labelled({ label, hint, children }: LabelledProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} title={hint}>
        {label}
      </label>
      {children(id)}
    </div>
  );
}

interface SelectProps {
  readonly id: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, title: string])[];
  readonly onChange: (value: string) => void;
}

function Select({ id, value, options, onChange }: SelectProps) {
  return (
    <select id={id} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
      {options.map(([key, title]) => (
        <option key={key} value={key}>
          {title}
        </option>
      ))}
    </select>
  );
}

interface NumberFieldProps {
  readonly field: TextField;
  readonly label: string;
  readonly placeholder: string;
  readonly step?: string;
}

function NumberField({ field, label, placeholder, step = "1" }: NumberFieldProps) {
  return (
    <Labelled label={label}>
      {(id) => (
        <input
          id={id}
          type="number"
          min="0"
          step={step}
          value={fields.value[field]}
          placeholder={placeholder}
          onInput={({ currentTarget }) => change({ [field]: currentTarget.value })}
        />
      )}
    </Labelled>
  );
}
