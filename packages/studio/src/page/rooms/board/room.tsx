/** Board: what a network would take of a board, before anything is trained. */
import { CommandLine } from "../../ui/command-line.js";
import { MemoryMap } from "../../ui/memory-map.js";
import { Problem } from "../../ui/problem.js";
import { saveFile } from "../../ui/save.js";
import { Controls } from "./controls.js";
import { Figures } from "./figures.js";
import { Layers } from "./layers.js";
import { Pareto } from "./pareto.js";
import { choice, commands, inspected, inspecting, inspectProblem, memory, refused, showsMemory } from "./store.js";
import "./board.css";

export default function BoardRoom() {
  const shown = inspected.value;
  const problem = refused.value ?? inspectProblem.value;
  const saveNetwork = () => saveFile("network.json", `${JSON.stringify(choice.value.network, undefined, 1)}\n`);
  return (
    <div class="room board">
      <section class="controls card" aria-labelledby="board-controls">
        <h1 id="board-controls">Board and network</h1>
        <Controls />
      </section>
      <section class="figures card" aria-labelledby="board-figures" aria-live="polite" aria-busy={inspecting.value}>
        <h2 id="board-figures">What it takes</h2>
        {problem && <Problem error={problem} />}
        {shown && <Figures shown={shown} />}
        <CommandLine words={commands.value.inspect} />
        <p class="actions">
          <button type="button" onClick={saveNetwork}>
            Save network.json
          </button>
          <button
            type="button"
            disabled={shown === undefined || problem !== undefined || inspecting.value}
            onClick={() => shown && saveFile("inspection.json", `${JSON.stringify(shown.inspection)}\n`)}
          >
            Save inspection.json
          </button>
        </p>
      </section>
      <section class="solve card" aria-labelledby="board-fit">
        <h2 id="board-fit">Networks that use the board</h2>
        <Pareto />
      </section>
      <section class="detail card" aria-label="In detail">
        <div class="tabs" role="tablist" aria-label="In detail">
          <Tab isMemory title="Memory over time" />
          <Tab isMemory={false} title="Layers" />
        </div>
        <div role="tabpanel" aria-labelledby={tabId(showsMemory.value)}>
          {showsMemory.value
            ? memory.value && <MemoryMap svg={memory.value} />
            : shown && <Layers inspection={shown.inspection} />}
        </div>
      </section>
    </div>
  );
}

const tabId = (isMemory: boolean): string => (isMemory ? "tab-memory" : "tab-layers");

function Tab({ isMemory, title }: { readonly isMemory: boolean; readonly title: string }) {
  const select = () => {
    showsMemory.value = isMemory;
  };
  return (
    <button
      type="button"
      role="tab"
      id={tabId(isMemory)}
      aria-selected={showsMemory.value === isMemory}
      onClick={select}
    >
      {title}
    </button>
  );
}
