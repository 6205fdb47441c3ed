/** The room Live: what a real or an emulated board detects, received over its serial line. */

import type { WireLosses } from "@phinets/core/wire";
import { formatBytes, formatCount } from "@phinets/node/text";
import { useEffect, useId } from "preact/hooks";
import { titleOf } from "../../../shared/places.js";
import { connection } from "../../connection.js";
import { CommandLine } from "../../ui/command-line.js";
import { Problem } from "../../ui/problem.js";
import { Switch } from "../../ui/switch.js";
import { hasSerial } from "./serial.js";
import {
  baud,
  close,
  compared,
  compareProblem,
  compareWith,
  comparing,
  emulated,
  emulateWords,
  list,
  listenEmulated,
  listenSerial,
  monitorWords,
  problem,
  saveTracks,
  shown,
  state,
  watch,
} from "./store.js";
import { View } from "./view.js";
import "./live.css";

export default function LiveRoom() {
  useEffect(() => {
    const end = watch();
    return () => {
      end?.();
      void close();
    };
  }, []);
  const isOpen = state.value === "open" || state.value === "opening";
  const seen = shown.value;
  return (
    <div class="room live">
      <section class="card ask" aria-labelledby="live-title">
        <h1 id="live-title">Live from the board</h1>
        {problem.value && <Problem error={problem.value} />}
        <Serial />
        {connection.value.kind === "server" && <Emulate />}
        {isOpen && (
          <p class="actions">
            <button type="button" onClick={() => void close()}>
              Disconnect
            </button>
          </p>
        )}
      </section>
      <section class="card seen" aria-labelledby="live-seen">
        <h2 id="live-seen">{seen === undefined ? "What it sees" : seen.hello.name}</h2>
        <p class="quiet" role="status">
          {said()}
        </p>
        {seen && <View shown={seen} />}
        {seen && (
          <>
            <Figures losses={seen.losses} />
            <p class="actions">
              <button type="button" onClick={saveTracks}>
                Save tracks.txt
              </button>
            </p>
          </>
        )}
        {connection.value.kind === "server" && <Compare />}
      </section>
    </div>
  );
}

function said(): string {
  switch (state.value) {
    case "closed":
      return shown.value === undefined ? "Not connected." : "Disconnected.";
    case "opening":
      return "Connecting…";
    case "open":
      return shown.value === undefined ? "Connected; nothing was heard yet." : "Connected.";
    case "ended":
      return "The line has ended.";
  }
}

function Serial() {
  const id = useId();
  return (
    <>
      <h2>A board</h2>
      <p class="quiet">
        Firmware built with -DPHINETS_WIRE, on a serial port of this machine.{" "}
        {!hasSerial() && "This browser has no Web Serial: Chrome, Edge and Opera have."}
      </p>
      <p class="actions">
        <label for={id}>Baud</label>
        <input
          id={id}
          type="number"
          min={50}
          value={baud.value}
          onChange={({ currentTarget }) => {
            if (currentTarget.valueAsNumber >= 50) baud.value = currentTarget.valueAsNumber;
          }}
        />
        <button type="button" class="main" disabled={!hasSerial()} onClick={() => void listenSerial()}>
          Connect…
        </button>
      </p>
      <CommandLine words={monitorWords.value} />
    </>
  );
}

function Emulate() {
  const [run, clip] = [useId(), useId()];
  const { runs = [], clips = [] } = list.value ?? {};
  const chosen = emulated.value;
  const change = (changes: Partial<typeof chosen>) => {
    emulated.value = { ...emulated.value, ...changes };
  };
  return (
    <>
      <h2>An emulated board</h2>
      {runs.length === 0 ? (
        <p class="quiet">No run with an int8 detector is in this folder yet; ship one.</p>
      ) : (
        <>
          <p class="field">
            <label for={run}>Run</label>
            <select id={run} value={chosen.run} onChange={({ currentTarget }) => change({ run: currentTarget.value })}>
              {runs.map(({ id, board }) => (
                <option key={id} value={id}>
                  {titleOf(id)} ({board})
                </option>
              ))}
            </select>
          </p>
          <p class="field">
            <label for={clip}>It sees</label>
            <select
              id={clip}
              value={chosen.clip}
              onChange={({ currentTarget }) => change({ clip: currentTarget.value })}
            >
              {clips.map((path) => (
                <option key={path} value={path}>
                  {path}
                </option>
              ))}
            </select>
          </p>
          <p class="switches">
            <Switch label="pictures too" checked={chosen.pictures} onChange={(pictures) => change({ pictures })} />
            <Switch
              label="over and over"
              checked={chosen.times === 0}
              onChange={(checked) => change({ times: checked ? 0 : 1 })}
            />
          </p>
          <p class="actions">
            <button
              type="button"
              class="main"
              disabled={chosen.clip === "" || state.value === "opening"}
              onClick={() => void listenEmulated()}
            >
              {state.value === "opening" ? "Compiling…" : "Emulate"}
            </button>
          </p>
          <CommandLine words={emulateWords.value} />
        </>
      )}
    </>
  );
}

function Figures({ losses: { frames, bytes, packets } }: { readonly losses: WireLosses }) {
  const { hello, frame, count, rate } = shown.value!;
  const bad = Object.values(packets).reduce((sum, each) => sum + each, 0);
  return (
    <dl class="pairs">
      <dt>Frame</dt>
      <dd>
        {formatCount(frame.frame)}, {formatCount(count)} heard, {rate.toFixed(1)} a second
      </dd>
      <dt>In view</dt>
      <dd>
        {frame.boxes?.length ?? "?"} boxes, {frame.tracks?.length ?? "?"} tracks; {hello.width} × {hello.height}
      </dd>
      <dt>Lost</dt>
      <dd class={bad + frames > 0 ? "bad" : undefined}>
        {formatCount(frames)} frames, {formatCount(bad)} packets, {formatBytes(bytes)}
      </dd>
    </dl>
  );
}

function Compare() {
  const id = useId();
  const runs = list.value?.runs ?? [];
  if (runs.length === 0) return null;
  const { equal, different } = compared.value;
  const begin = (run: string) => void compareWith(run);
  return (
    <>
      <h2>The same frame here</h2>
      <p class="actions">
        <Switch
          label="run each picture in this page"
          checked={comparing.value}
          onChange={(checked) => {
            if (checked) begin(emulated.value.run);
            else comparing.value = false;
          }}
        />
        <label for={id}>with</label>
        <select
          id={id}
          value={emulated.value.run}
          onChange={({ currentTarget }) => {
            emulated.value = { ...emulated.value, run: currentTarget.value };
            if (comparing.value) begin(currentTarget.value);
          }}
        >
          {runs.map((each) => (
            <option key={each.id} value={each.id}>
              {titleOf(each.id)}
            </option>
          ))}
        </select>
      </p>
      {compareProblem.value && <Problem error={compareProblem.value} />}
      {comparing.value && equal + different > 0 && (
        <p class={different === 0 ? "verdict" : "verdict over"} role="status">
          {different === 0
            ? `The boxes of ${formatCount(equal)} pictures are the board's, every number.`
            : `${formatCount(different)} of ${formatCount(equal + different)} pictures have other boxes here.`}
        </p>
      )}
      {comparing.value && equal + different === 0 && (
        <p class="quiet">Waiting for a whole picture: build the firmware with -DPHINETS_WIRE_PICTURES.</p>
      )}
    </>
  );
}
