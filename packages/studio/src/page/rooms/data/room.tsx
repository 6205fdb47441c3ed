/** The room Data: data sets, their pictures, and their problems. */
import { formatCount } from "@phinets/node/text";
import { useEffect, useId } from "preact/hooks";
import { OpenFiles } from "../../ui/open-files.js";
import { Problem } from "../../ui/problem.js";
import { Charts } from "./charts.js";
import { Doctor } from "./doctor.js";
import { Frames } from "./frames.js";
import { Grid } from "./grid.js";
import { Kept } from "./kept.js";
import { LabelButton } from "./label-button.js";
import { open as labelled, message, openPicture } from "./labelling/store.js";
import { Labelling } from "./labelling/view.js";
import { NearCopies } from "./near-copies.js";
import { begin, catalogue, entries, filter, openSet, problem, reload, shown, use } from "./store.js";
import { TakeButtons } from "./take-buttons.js";
import { Viewer } from "./viewer.js";
import "./data.css";

export default function DataRoom() {
  useEffect(() => begin((picture) => void openPicture(picture)), []);
  const set = catalogue.value;
  return (
    <div class="data">
      <section class="card side" aria-labelledby="data-title">
        <h1 id="data-title">Data set</h1>
        {problem.value && <Problem error={problem.value} />}
        <Picker />
        <OpenFiles
          onOpen={(from) => void use(from)}
          onError={(error) => {
            problem.value = error;
          }}
        />
        <TakeButtons />
        {set && (
          <p class="actions">
            <LabelButton picture={set.files[set.unlabelled[0] ?? shown.value[0]]} />
          </p>
        )}
        {labelled.value === undefined && message.value !== "" && (
          <p role="alert" class="bad">
            {message.value}
          </p>
        )}
        {set && <Kept />}
        {set && (
          <>
            <p class="quiet">{set.recognised}</p>
            {set.notes.map((note) => (
              <p key={note} class="quiet">
                {note}
              </p>
            ))}
            <Charts />
            <Doctor />
            <NearCopies />
          </>
        )}
        <Frames />
      </section>
      <section class="card pictures" aria-label="Pictures">
        {set && (
          <>
            <Search />
            <Grid />
          </>
        )}
      </section>
      <Viewer />
      <Labelling />
    </div>
  );
}

function Picker() {
  const id = useId();
  const list = entries.value;
  if (list === undefined) return null;
  if (list.length === 0) return <p class="quiet">No data set was found here.</p>;
  return (
    <div class="picker">
      <label class="hidden" for={id}>
        Data set
      </label>
      <select id={id} value={catalogue.value?.path} onChange={({ currentTarget }) => void openSet(currentTarget.value)}>
        {list.map(({ path, pictures }) => (
          <option key={path} value={path}>
            {path === "" ? "the whole folder" : path} ({formatCount(pictures)})
          </option>
        ))}
      </select>
      <button type="button" onClick={() => void reload()}>
        Read again
      </button>
    </div>
  );
}

function Search() {
  const id = useId();
  const set = catalogue.value!;
  const isFiltered = Object.values(filter.value).some((value) => value !== undefined && value !== "");
  return (
    <div class="search">
      <label for={id} class="hidden">
        Part of a file's name
      </label>
      <input
        id={id}
        type="text"
        placeholder="file name…"
        value={filter.value.name ?? ""}
        onInput={({ currentTarget }) => {
          filter.value = { ...filter.value, name: currentTarget.value };
        }}
      />
      <span role="status">
        {formatCount(shown.value.length)} of {formatCount(set.files.length)} pictures
      </span>
      {isFiltered && (
        <button
          type="button"
          onClick={() => {
            filter.value = {};
          }}
        >
          Show all
        </button>
      )}
    </div>
  );
}
