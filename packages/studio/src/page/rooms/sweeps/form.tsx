/** Form for a sweep: some fields, the whole sweep.yaml, and the command line that runs it. */
import { formatCount } from "@phinets/node/text";
import { useEffect, useId, useRef } from "preact/hooks";
import type { SweepProblem } from "../../../shared/sweeps.js";
import { CommandLine } from "../../ui/command-line.js";
import { Problem } from "../../ui/problem.js";
import { Select } from "../../ui/select.js";
import { begin, change, fields, givenName, name, problem, refusal, sets, start, text, words } from "./form-store.js";
import type { SweepFields } from "./sweep-text.js";

export function SweepForm() {
  useEffect(() => void begin(), []);
  const area = useRef<HTMLTextAreaElement>(null);
  const [areaId, nameId] = [useId(), useId()];
  const wrong = problem.value;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <Fields />
      <div class="fields">
        <label for={nameId}>Name</label>
        <input
          id={nameId}
          type="text"
          value={givenName.value}
          placeholder={name.value}
          onInput={({ currentTarget }) => {
            givenName.value = currentTarget.value;
          }}
        />
      </div>
      <label for={areaId}>sweep.yaml</label>
      <textarea
        id={areaId}
        ref={area}
        rows={14}
        spellcheck={false}
        value={text.value}
        aria-invalid={wrong !== undefined}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
      {wrong && <Place problem={wrong} show={() => select(area.current!, wrong)} />}
      {refusal.value && <Problem error={refusal.value} />}
      <CommandLine words={words.value} />
      <p class="actions">
        <button type="submit" class="main" disabled={text.value === "" || wrong !== undefined}>
          Start sweep
        </button>
      </p>
    </form>
  );
}

function Fields() {
  const values = fields.value;
  if (values === undefined) return null;
  const known = sets.value.some(({ named }) => named === values.data);
  const own: (readonly [string, string])[] = known ? [] : [[values.data, values.data || "–"]];
  return (
    <div class="fields">
      <Select
        label="Data set"
        value={values.data}
        options={[
          ...own,
          ...sets.value.map(
            ({ named, path, pictures }) =>
              [named, `${path === "" ? "the whole folder" : path} (${formatCount(pictures)})`] as const,
          ),
        ]}
        onChange={(data) => change("data", data)}
      />
      <Field field="target" label="Boards" value={values.target} hint="several with commas between them" />
      <Select
        label="Search"
        value={values.search}
        options={[
          ["asha", "halved as they go (asha)"],
          ["random", "random"],
          ["grid", "all combinations (grid)"],
        ]}
        onChange={(search) => change("search", search)}
      />
      <Field field="trials" label="Trials" value={values.trials} isNumber />
      <Field field="epochs" label="Epochs" value={values.epochs} isNumber />
    </div>
  );
}

interface FieldProps {
  readonly field: keyof SweepFields;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly isNumber?: boolean;
}

function Field({ field, label, value, hint, isNumber = false }: FieldProps) {
  const id = useId();
  const own = {
    id,
    value,
    onChange: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => change(field, currentTarget.value),
  };
  return (
    <>
      <label for={id} title={hint}>
        {label}
      </label>
      {isNumber ? <input {...own} type="number" min={1} /> : <input {...own} type="text" />}
    </>
  );
}

function Place({
  problem: { line, column, message },
  show,
}: {
  readonly problem: SweepProblem;
  readonly show: () => void;
}) {
  return (
    <p class="problem" role="alert">
      <button type="button" onClick={show}>
        line {line}, column {column}
      </button>{" "}
      {message}
    </p>
  );
}

/** Selects from the place of the problem to the end of its line. */
function select(area: HTMLTextAreaElement, { line, column }: SweepProblem): void {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  area.focus();
  area.setSelectionRange(start + column - 1, start + (lines[line - 1]?.length ?? 0));
}
