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
  { name: "demo", summary: "run every step on a synthetic conveyor belt", load: () => import("./demo.js") },
  {
    name: "ship",
    summary: "make proven firmware and a report from labelled pictures, for a board",
    load: () => import("./ship.js"),
  },
  {
    name: "init",
    summary: "write a file of options for the pictures in a folder",
    load: () => import("./init.js"),
  },
  { name: "doctor", summary: "report the contents and problems of a data set", load: () => import("./doctor.js") },
  { name: "convert", summary: "write a data set in another format", load: () => import("./convert.js") },
  { name: "boards", summary: "list the boards and their resources", load: () => import("./boards.js") },
  { name: "fit", summary: "solve for the network that makes best use of a board", load: () => import("./fit.js") },
  { name: "inspect", summary: "show a network and its costs", load: () => import("./inspect.js") },
  { name: "train", summary: "train a network on labelled pictures", load: () => import("./train.js") },
  {
    name: "sweep",
    summary: "train with many settings and rank them",
    load: () => import("./sweep.js"),
  },
  {
    name: "worker",
    summary: "run jobs of a queue on this machine, for sweep, val and predict",
    load: () => import("./worker.js"),
  },
  {
    name: "import",
    summary: "make a run folder from a network or weights trained elsewhere",
    load: () => import("./import.js"),
  },
  { name: "val", summary: "evaluate a run as float, int8 or firmware", load: () => import("./val.js") },
  {
    name: "compare",
    summary: "show runs side by side: figures, curves and costs",
    load: () => import("./compare.js"),
  },
  { name: "quantize", summary: "convert a run's network to int8", load: () => import("./quantize.js") },
  {
    name: "export",
    summary: "write a run's network as C99, .tflite or ONNX, or its weights",
    load: () => import("./export.js"),
  },
  { name: "uf2", summary: "convert an ELF image for a Raspberry Pi Pico to UF2", load: () => import("./uf2.js") },
  {
    name: "emulate",
    summary: "run the firmware of a run on an emulated core and compare every output byte",
    load: () => import("./emulate.js"),
  },
  {
    name: "predict",
    summary: "run a trained network on pictures, videos or a camera",
    load: () => import("./predict.js"),
  },
  {
    name: "track",
    summary: "track objects through a video, or link given detections to tracks",
    load: () => import("./track.js"),
  },
  {
    name: "monitor",
    summary: "print the boxes and tracks that a board sends over its serial line",
    load: () => import("./monitor.js"),
  },
  {
    name: "eval",
    summary: "score any tool's boxes or tracks by the rules of COCO, VOC or MOTChallenge",
    load: () => import("./eval.js"),
  },
  {
    name: "studio",
    summary: "open a web page for your data sets, trainings and boards",
    load: () => import("./studio.js"),
  },
  {
    name: "completion",
    summary: "print a script for completion in bash, zsh or fish",
    load: () => import("./completion.js"),
  },
];
