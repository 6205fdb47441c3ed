/** Form for the next training: data, network, recipe, and the equivalent command. */
import { boardNames } from "@phinets/core/target";
import { fineTuningRates, makeRecipe } from "@phinets/core/training";
import { formatCount } from "@phinets/node/text";
import { useId } from "preact/hooks";
import { runName } from "../../../shared/runs.js";
import { connection } from "../../connection.js";
import { CommandLine } from "../../ui/command-line.js";
import { Select } from "../../ui/select.js";
import { Switch } from "../../ui/switch.js";
import {
  asked,
  boardTitle,
  change,
  form,
  mayStartFromRun,
  name,
  runs,
  sets,
  start,
  starting,
  startsFromRun,
  takeDocument,
  task,
  words,
} from "./store.js";

export function TrainForm() {
  const { set, name: given, epochs, batch, learningRate, seed, inPage } = form.value;
  const usual = makeRecipe(task.value);
  const nameId = useId();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <div class="fields">
        <Select
          label="Data set"
          value={set}
          options={sets.value.map(({ path, pictures }) => [
            path,
            `${path === "" ? "the whole folder" : path} (${formatCount(pictures)})`,
          ])}
          onChange={(path) => change({ set: path })}
        />
        <NetworkFields />
        <NumberField
          label="Epochs"
          value={epochs}
          usual={usual.epochs}
          onChange={(value) => change({ epochs: value })}
        />
        <NumberField label="Batch" value={batch} usual={usual.batch} onChange={(value) => change({ batch: value })} />
        <NumberField
          label="Learning rate"
          value={learningRate}
          usual={startsFromRun.value ? `${fineTuningRates.whole} or ${fineTuningRates.part}` : usual.learningRate}
          step="any"
          onChange={(value) => change({ learningRate: value })}
        />
        <NumberField
          label="Seed"
          value={seed}
          usual={usual.seed}
          least={0}
          onChange={(value) => change({ seed: value })}
        />
        <label for={nameId}>Name</label>
        <input
          id={nameId}
          type="text"
          value={given}
          placeholder={name.value}
          onInput={({ currentTarget }) => change({ name: currentTarget.value.trim() })}
        />
      </div>
      {connection.value.kind === "server" && (
        <Switch label="Train in this page" checked={inPage} onChange={(on) => change({ inPage: on })} />
      )}
      {words.value && <CommandLine words={words.value} />}
      <p class="actions">
        <button
          class="main"
          type="submit"
          disabled={asked.value === undefined || starting.value || sets.value.length === 0}
        >
          {starting.value ? "Starting…" : "Start training"}
        </button>
      </p>
    </form>
  );
}

function NetworkFields() {
  const { source, board, run, weights, document } = form.value;
  const file = useId();
  const withNetwork = runs.value.filter((each) => each.task !== "none");
  return (
    <>
      <Select
        label="Network"
        value={source}
        options={[
          ["board", "fit for a board"],
          ["document", "a network.json"],
          ["run", "that of a run"],
        ]}
        onChange={(kind) => change({ source: kind as typeof source })}
      />
      {source === "board" && (
        <Select
          label="Board"
          value={board}
          options={boardNames.map((each) => [each, boardTitle(each)])}
          onChange={(each) => change({ board: each })}
        />
      )}
      {source === "run" && (
        <Select
          label="Run"
          value={run}
          options={[["", "choose…"], ...withNetwork.map((each) => [each.id, runName(each)] as const)]}
          onChange={(id) => change({ run: id })}
        />
      )}
      {mayStartFromRun.value && (
        <>
          <span>Weights</span>
          <Switch label="Start from the run's weights" checked={weights} onChange={(on) => change({ weights: on })} />
        </>
      )}
      {source === "document" && (
        <>
          <span>File</span>
          <label class="button" for={file}>
            {document?.name ?? "Choose a network.json…"}
            <input
              id={file}
              class="hidden"
              type="file"
              accept=".json,application/json"
              aria-label="network.json"
              onChange={({ currentTarget }) => currentTarget.files?.[0] && void takeDocument(currentTarget.files[0])}
            />
          </label>
        </>
      )}
    </>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number | undefined;
  /** The recipe's default, used where nothing is typed. */
  readonly usual: number | string;
  readonly least?: number;
  readonly step?: string;
  readonly onChange: (value: number | undefined) => void;
}

function NumberField({ label, value, usual, least = 1, step = "1", onChange }: NumberFieldProps) {
  const id = useId();
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={step === "any" ? 0 : least}
        step={step}
        value={value ?? ""}
        placeholder={String(usual)}
        onInput={({ currentTarget }) => {
          const number = currentTarget.valueAsNumber;
          onChange(Number.isFinite(number) ? number : undefined);
        }}
      />
    </>
  );
}
