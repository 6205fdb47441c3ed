/**
 * The list of commands (verbs). Only the module of the requested command is loaded, so that `phinets --help` starts at
 * once and a command loads its own imports only.
 */
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";

export interface CommandModule {
  /** Adds the command, its arguments, options and action to the program. */
  register(program: Command, context: Context): void;
}

export interface Verb {
  readonly name: string;
  /** One line for `phinets --help`. */
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** In the order in which users meet them. */
export const verbs: readonly Verb[] = [
  { name: "demo", summary: "the whole road on a synthetic conveyor belt", load: () => import("./demo.js") },
  {
    name: "ship",
    summary: "labelled pictures and a board in, proven firmware and a report out",
    load: () => import("./ship.js"),
  },
  {
    name: "init",
    summary: "write a config for the pictures in a folder",
    load: () => import("./init.js"),
  },
  { name: "doctor", summary: "say what a data set holds and what is wrong with it", load: () => import("./doctor.js") },
  { name: "convert", summary: "write a data set in another format", load: () => import("./convert.js") },
  { name: "boards", summary: "list the boards and what they have", load: () => import("./boards.js") },
  { name: "fit", summary: "solve for the network that uses a board", load: () => import("./fit.js") },
  { name: "inspect", summary: "show a network and what it costs", load: () => import("./inspect.js") },
  { name: "train", summary: "train a network on labelled pictures", load: () => import("./train.js") },
  {
    name: "sweep",
    summary: "train many settings, and say which is best",
    load: () => import("./sweep.js"),
  },
  { name: "worker", summary: "train on this machine for sweeps of a queue", load: () => import("./worker.js") },
  { name: "import", summary: "make a run of weights trained elsewhere", load: () => import("./import.js") },
  { name: "val", summary: "measure a run as float, int8 or firmware", load: () => import("./val.js") },
  {
    name: "compare",
    summary: "set runs side by side: figures, curves and costs",
    load: () => import("./compare.js"),
  },
  { name: "quantize", summary: "make a run's int8 network", load: () => import("./quantize.js") },
  { name: "export", summary: "write a run as C99 that compiles anywhere", load: () => import("./export.js") },
  { name: "uf2", summary: "write a Pico's image as the file its drive takes", load: () => import("./uf2.js") },
  {
    name: "emulate",
    summary: "run a run's firmware on an emulated core and compare every byte",
    load: () => import("./emulate.js"),
  },
  {
    name: "predict",
    summary: "show what a trained network sees in pictures or a video",
    load: () => import("./predict.js"),
  },
  {
    name: "track",
    summary: "follow objects through a video, or join given detections to tracks",
    load: () => import("./track.js"),
  },
  {
    name: "monitor",
    summary: "print what a board sees, from its serial line",
    load: () => import("./monitor.js"),
  },
  {
    name: "eval",
    summary: "score any tool's boxes or tracks by the rules of COCO, VOC or MOTChallenge",
    load: () => import("./eval.js"),
  },
  {
    name: "studio",
    summary: "open a page of your own: see the data, fit a board",
    load: () => import("./studio.js"),
  },
  {
    name: "completion",
    summary: "print what a shell needs to complete verbs, options and boards",
    load: () => import("./completion.js"),
  },
];
