/** The room Board: what a network takes of a board, before any training. */
import { computed } from "@preact/signals";
import { CommandLine } from "../../ui/command-line.js";
import { MemoryMap } from "../../ui/memory-map.js";
import { Problem } from "../../ui/problem.js";
import { saveFile } from "../../ui/save.js";
import { Controls } from "./controls.js";
import { Figures } from "./figures.js";
import { Layers } from "./layers.js";
import { Pareto } from "./pareto.js";
import { choice, commands, inspected, inspecting, inspectProblem, memory, refused, shownDetail } from "./store.js";
import { UnitsMore } from "./units.js";
import "./board.css";

/** Each card reads its own signals, so that moving a slider redraws only the cards concerned. */
export default function BoardRoom() {
  return (
    <div class="room board">
      <section class="controls card" aria-labelledby="board-controls">
        <h1 id="board-controls">Board and network</h1>
        <Controls />
      </section>
      <section class="figures card" aria-labelledby="board-figures" aria-live="polite" aria-busy={inspecting}>
        <h2 id="board-figures">What it takes</h2>
        <Takes />
        <Inspect />
      </section>
      <section class="solve card" aria-labelledby="board-fit">
        <h2 id="board-fit">Networks that use the board</h2>
        <Pareto />
      </section>
      <section class="detail card" aria-label="In detail">
        <Detail />
      </section>
    </div>
  );
}

const problem = computed(() => refused.value ?? inspectProblem.value);
/** Whether the shown figures do not belong to the current choice. */
const isStale = computed(() => inspected.value === undefined || problem.value !== undefined || inspecting.value);

function Takes() {
  const shown = inspected.value;
  return (
    <>
      {problem.value && <Problem error={problem.value} />}
      {shown && <Figures shown={shown} />}
    </>
  );
}

function Inspect() {
  const saveNetwork = () => saveFile("network.json", `${JSON.stringify(choice.value.network, undefined, 1)}\n`);
  const saveFigures = () => saveFile("inspection.json", `${JSON.stringify(inspected.value!.inspection)}\n`);
  return (
    <>
      <CommandLine words={commands.value.inspect} />
      <p class="actions">
        <button type="button" onClick={saveNetwork}>
          Save network.json
        </button>
        <button type="button" disabled={isStale} onClick={saveFigures}>
          Save inspection.json
        </button>
      </p>
    </>
  );
}

const details = { memory: "Memory over time", layers: "Layers", units: "One step more" } as const;
type DetailName = keyof typeof details;

function Detail() {
  const shown = shownDetail.value;
  return (
    <>
      <div class="tabs" role="tablist" aria-label="In detail">
        {(Object.keys(details) as DetailName[]).map((name) => (
          <Tab key={name} name={name} />
        ))}
      </div>
      <div role="tabpanel" aria-labelledby={tabId(shown)}>
        {shown === "memory" ? <Memory /> : shown === "layers" ? <Steps /> : <UnitsMore />}
      </div>
    </>
  );
}

function Steps() {
  return inspected.value ? <Layers inspection={inspected.value.inspection} /> : null;
}

function Memory() {
  return memory.value ? <MemoryMap svg={memory.value} /> : null;
}

const tabId = (name: DetailName): string => `tab-${name}`;

function Tab({ name }: { readonly name: DetailName }) {
  const select = () => {
    shownDetail.value = name;
  };
  return (
    <button type="button" role="tab" id={tabId(name)} aria-selected={shownDetail.value === name} onClick={select}>
      {details[name]}
    </button>
  );
}
