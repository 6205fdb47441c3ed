/**
 * The room Try: runs a network on pictures, clips, a camera or the screen; shows float beside int8, tracks, and the
 * network's input.
 */
import { formatCount, formatMs } from "@phinets/node/text";
import { useEffect, useId } from "preact/hooks";
import { connection } from "../../connection.js";
import { CommandLine } from "../../ui/command-line.js";
import { Problem } from "../../ui/problem.js";
import { saveFile } from "../../ui/save.js";
import { Judging, NetworkPicker, SourcePicker } from "./controls.js";
import { FoundList } from "./found.js";
import { ChipInput, Stages } from "./stage.js";
import {
  begin,
  checkFirmware,
  choosePictures,
  firmware,
  frames,
  framesPerSecond,
  isLive,
  labelFrame,
  loaded,
  openStream,
  problem,
  seen,
  sets,
  settings,
  showsInput,
  stopPlaying,
  tracksText,
  words,
} from "./store.js";
import { Tools } from "./tools.js";
import "./try.css";

export default function TryRoom() {
  useEffect(() => {
    void begin();
    // Stop the camera when the room is left.
    return stopPlaying;
  }, []);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    const clip = files.find(({ type }) => type.startsWith("video/"));
    if (clip !== undefined) void openStream("clip", clip);
    else void choosePictures(files.filter(({ type }) => type.startsWith("image/")));
  };
  return (
    <fieldset class="try" aria-label="Try" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <section class="card side" aria-labelledby="try-title">
        <h1 id="try-title">Network</h1>
        {problem.value && <Problem error={problem.value} />}
        <NetworkPicker />
        <h2>On</h2>
        <SourcePicker />
        {loaded.value && <Judging />}
        <Tools />
        <FoundList />
      </section>
      <section class="card" aria-label="What it sees">
        {seen.value === undefined ? (
          <p class="quiet">Choose pictures, a clip or a camera, or drop a file here.</p>
        ) : (
          <View />
        )}
      </section>
    </fieldset>
  );
}

function View() {
  return (
    <>
      <div class="stages">
        <Stages />
        {showsInput.value && <ChipInput />}
      </div>
      {isLive.value && (
        <p class="rate">
          {formatCount(frames.value)} frames, {framesPerSecond.value.toFixed(1)} a second
        </p>
      )}
      {words.value && <CommandLine words={words.value} />}
      <p class="actions">
        {isLive.value && settings.value.tracker !== "none" && (
          <button type="button" onClick={() => saveFile("tracks.txt", tracksText(), "text/plain")}>
            Save tracks.txt
          </button>
        )}
        <LabelFrame />
      </p>
      <Firmware />
    </>
  );
}

function LabelFrame() {
  const id = useId();
  const able = sets.value.filter(({ task }) => task === "detect");
  if (connection.value.kind !== "server" || able.length === 0) return null;
  return (
    <>
      <label class="hidden" for={id}>
        Label this frame in
      </label>
      <select
        id={id}
        value=""
        onChange={({ currentTarget }) => currentTarget.value !== "" && void labelFrame(currentTarget.value.slice(1))}
      >
        <option value="">Label this frame in…</option>
        {able.map(({ path }) => (
          <option key={path} value={`/${path}`}>
            {path === "" ? "the whole folder" : path}
          </option>
        ))}
      </select>
    </>
  );
}

/** Runs the same frame on the emulated chip, where the server has the tool chain. */
function Firmware() {
  const { run } = loaded.value ?? {};
  if (run === undefined || !run.hasInt8 || seen.value?.found.int8 === undefined || isLive.value) return null;
  const { value } = firmware;
  return (
    <div class="firmware">
      <button type="button" disabled={value === "running"} onClick={() => void checkFirmware()}>
        {value === "running" ? "The firmware runs…" : "Run the firmware on it"}
      </button>
      {value !== undefined && value !== "running" && (
        <p role="status" class={value.differing === 0 ? "good" : "bad"}>
          {value.differing === 0
            ? `All ${formatCount(value.output.length)} values of the output are the firmware's`
            : `${formatCount(value.differing)} of ${formatCount(value.output.length)} values differ from the firmware's`}{" "}
          ({value.machine}): {formatCount(value.instructions)} instructions
          {value.latencyMs && `, ${value.latencyMs.map(formatMs).join(" to ")} on its board`}
        </p>
      )}
    </div>
  );
}
