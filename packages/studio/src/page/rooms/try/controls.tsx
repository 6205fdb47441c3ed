/** Controls of the network, the source, thresholds and the tracker. */
import type { Arithmetic } from "@phinets/core/model";
import type { TrackerName } from "@phinets/core/tracking";
import { formatCount } from "@phinets/node/text";
import { useId } from "preact/hooks";
import { runName } from "../../../shared/runs.js";
import { connection } from "../../connection.js";
import { Select } from "../../ui/select.js";
import { Slider } from "../../ui/slider.js";
import { Switch } from "../../ui/switch.js";
import {
  change,
  chooseFiles,
  choosePictures,
  chooseRun,
  chooseSet,
  go,
  isLive,
  loaded,
  openStream,
  ready,
  sets,
  settings,
  showsInput,
  source,
  stopPlaying,
} from "./store.js";

export function NetworkPicker() {
  const isServed = connection.value.kind === "server";
  const { value } = loaded;
  return (
    <div class="fields">
      {isServed && (
        <Select
          label="Run"
          value={value?.run?.id ?? ""}
          options={[
            ["", value !== undefined && value.run === undefined ? value.name : "choose…"],
            ...ready.value.map((each) => [each.id, runName(each)] as const),
          ]}
          onChange={(id) => void chooseRun(id)}
        />
      )}
      <p class="actions">
        <FileButton title="A run folder…" folder onFiles={(files) => void chooseFiles(files)} />
        <FileButton title="A .zip of one…" accept=".zip" onFiles={(files) => void chooseFiles(files)} />
      </p>
      {value && (
        <p class="quiet">
          {value.classes.slice(0, 6).join(", ")}
          {value.classes.length > 6 && ` and ${value.classes.length - 6} more`}; {value.network.input.width} ×{" "}
          {value.network.input.height}; {value.forms.join(" and ")}
        </p>
      )}
    </div>
  );
}

export function SourcePicker() {
  const { value } = source;
  const isServed = connection.value.kind === "server";
  return (
    <>
      <p class="actions">
        <FileButton title="Pictures…" accept="image/*" multiple onFiles={(files) => void choosePictures(files)} />
        <FileButton title="Clip…" accept="video/*" onFiles={([file]) => file && void openStream("clip", file)} />
        <button type="button" onClick={() => void openStream("webcam")}>
          Webcam
        </button>
        <button type="button" onClick={() => void openStream("screen")}>
          Screen
        </button>
      </p>
      {isServed && sets.value.length > 0 && (
        <div class="fields">
          <Select
            label="Pictures of"
            value={value?.kind === "set" ? value.catalogue.path : "-"}
            options={[
              ["-", "a data set…"],
              ...sets.value.map(
                ({ path, pictures }) =>
                  [path, `${path === "" ? "the whole folder" : path} (${formatCount(pictures)})`] as const,
              ),
            ]}
            onChange={(path) => path !== "-" && void chooseSet(path)}
          />
        </div>
      )}
      {(value?.kind === "pictures" || value?.kind === "set") && (
        <p class="actions">
          <button type="button" onClick={() => void go(-1)}>
            ← Before
          </button>
          <button type="button" onClick={() => void go(1)}>
            Next →
          </button>
          <span role="status">{value.kind === "set" ? value.catalogue.files[value.n] : value.files[value.n].name}</span>
        </p>
      )}
      {isLive.value && (
        <p class="actions">
          <button type="button" onClick={stopPlaying}>
            Stop
          </button>
        </p>
      )}
    </>
  );
}

export function Judging() {
  const { conf, iou, tracker, highScore, forms } = settings.value;
  const known = loaded.value?.forms ?? [];
  const isDetector = loaded.value?.task !== "classify";
  const toggle = (form: Arithmetic, on: boolean) => {
    const next = known.filter((each) => (each === form ? on : forms.includes(each)));
    if (next.length > 0) change({ forms: next });
  };
  return (
    <>
      <div class="switches">
        {known.map((form) => (
          <Switch key={form} label={form} checked={forms.includes(form)} onChange={(on) => toggle(form, on)} />
        ))}
        <Switch
          label="What the chip sees"
          checked={showsInput.value}
          onChange={(on) => {
            showsInput.value = on;
          }}
        />
      </div>
      {isDetector && (
        <>
          <Slider
            label="Score"
            min={0.01}
            max={0.99}
            step={0.01}
            value={conf}
            onChange={(value) => change({ conf: value })}
          />
          <Slider
            label="IoU"
            hint="boxes of a class that overlap more are one object"
            min={0.05}
            max={0.95}
            step={0.05}
            value={iou}
            onChange={(value) => change({ iou: value })}
          />
          <div class="fields">
            <Select
              label="Tracks"
              value={tracker}
              options={[
                ["none", "none"],
                ["sort", "SORT"],
                ["bytetrack", "in the manner of ByteTrack"],
              ]}
              onChange={(value) => change({ tracker: value as TrackerName | "none" })}
            />
          </div>
          {tracker === "bytetrack" && (
            <Slider
              label="Good score"
              hint="boxes of less only keep known tracks"
              min={0.05}
              max={0.95}
              step={0.05}
              value={highScore}
              onChange={(value) => change({ highScore: value })}
            />
          )}
        </>
      )}
    </>
  );
}

interface FileButtonProps {
  readonly title: string;
  readonly accept?: string;
  readonly multiple?: boolean;
  /** Whether a whole folder is chosen. */
  readonly folder?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}

function FileButton({ title, accept, multiple, folder, onFiles }: FileButtonProps) {
  const id = useId();
  return (
    <label class="button" for={id}>
      {title}
      <input
        id={id}
        class="hidden"
        type="file"
        accept={accept}
        multiple={multiple || folder}
        ref={(element) => {
          if (element && folder) element.webkitdirectory = true;
        }}
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          // Lets the user choose the same file again.
          currentTarget.value = "";
        }}
      />
    </label>
  );
}
