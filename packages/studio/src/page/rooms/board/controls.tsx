/** Controls of the board, the task, and the network's multipliers. */
import { useId } from "preact/hooks";
import { Select } from "../../ui/select.js";
import { Slider } from "../../ui/slider.js";
import { Switch } from "../../ui/switch.js";
import {
  addBoard,
  type Choice,
  change,
  changeNetwork,
  choice,
  chooseBoard,
  classesOf,
  headFor,
  names,
  ownBoards,
  taskOf,
} from "./store.js";

export function Controls() {
  const { network, fps, request } = choice.value;
  const { input } = network;
  const resize = (side: number) => changeNetwork({ input: { ...input, height: side, width: side } });
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <BoardPicker />
      <TaskPicker />
      <Slider
        label="Width α"
        min={0.05}
        max={1}
        step={0.01}
        value={network.alpha}
        hint="alpha: channels everywhere"
        onChange={(alpha) => changeNetwork({ alpha })}
      />
      <Slider
        label="Late expansion β"
        min={0.5}
        max={2}
        step={0.05}
        value={network.beta}
        hint="beta: expansion of the last block over that of the first"
        onChange={(beta) => changeNetwork({ beta })}
      />
      <Slider
        label="Expansion t₀"
        min={1}
        max={8}
        step={0.25}
        value={network.t0}
        hint="t0: channels within a block"
        onChange={(t0) => changeNetwork({ t0 })}
      />
      <Slider
        label="Blocks N"
        min={3}
        max={12}
        step={1}
        value={network.blocks}
        onChange={(blocks) => changeNetwork({ blocks })}
      />
      <Slider label="Resolution" min={32} max={320} step={8} unit="px" value={input.height} onChange={resize} />
      <Slider
        label="Frames a second"
        min={0.5}
        max={60}
        step={0.5}
        unit="/s"
        value={fps}
        onChange={(fps) => change({ fps })}
      />
      <div class="switches">
        <Switch
          label="Squeeze-and-excite"
          checked={network.squeezeExcite}
          onChange={(squeezeExcite) => changeNetwork({ squeezeExcite })}
        />
        <Switch
          label="Grey pictures"
          checked={input.channels === 1}
          onChange={(grey) => changeNetwork({ input: { ...input, channels: grey ? 1 : 3 } })}
        />
        <Switch
          label="Camera pushes rows"
          checked={request.input === "rows"}
          onChange={(rows) => change({ request: { ...request, input: rows ? "rows" : "whole" } })}
        />
      </div>
      <Select
        label="Program"
        value={request.optimize}
        options={[
          ["speed", "the fastest that fits"],
          ["ram", "little RAM"],
          ["least-ram", "least RAM"],
          ["flash", "least flash"],
        ]}
        onChange={(optimize) =>
          change({ request: { ...request, optimize: optimize as Choice["request"]["optimize"] } })
        }
      />
    </form>
  );
}

function BoardPicker() {
  const { board, boardFile } = choice.value;
  const pick = useId();
  const take = (file: File | undefined) => file && void addBoard(file);
  const options = [...ownBoards.value.keys(), ...names].map((name) => [name, name] as const);
  return (
    <fieldset
      class="pick"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        take(event.dataTransfer?.files[0]);
      }}
    >
      <legend class="hidden">Board</legend>
      <Select label="Board" value={boardFile ?? board.name} options={options} onChange={chooseBoard} />
      <label class="button" for={pick}>
        Your board.json…
        <input
          id={pick}
          class="hidden"
          type="file"
          accept=".json,application/json"
          onChange={({ currentTarget }) => take(currentTarget.files?.[0])}
        />
      </label>
      <p class="quiet">{board.title}</p>
    </fieldset>
  );
}

function TaskPicker() {
  const { network } = choice.value;
  const classes = useId();
  const task = taskOf(network);
  return (
    <div class="pick">
      <Select
        label="Task"
        value={task}
        options={[
          ["detect", "find objects"],
          ["classify", "tell pictures apart"],
        ]}
        onChange={(next) =>
          changeNetwork({
            head: headFor(
              next as "detect" | "classify",
              next === task ? classesOf(network) : next === "detect" ? 1 : 10,
            ),
          })
        }
      />
      <label for={classes}>Classes</label>
      <input
        id={classes}
        type="number"
        min={task === "detect" ? 1 : 2}
        max={1000}
        value={classesOf(network)}
        onChange={({ currentTarget }) => changeNetwork({ head: headFor(task, currentTarget.valueAsNumber) })}
      />
    </div>
  );
}
