/** The README.md of an exported folder: the calls, their memory use, and how to add the folder to a project. */
import { sizeOf } from "../../../tensor/index.js";
import { arenasOf } from "../arenas.js";
import { ascii, type CNetwork } from "./network.js";

/**
 * Upper bounds for the stack of an inference, and of detection with tracking, in bytes: measured on emulated cores with
 * GCC 12 for every kind of layer. portability.test.ts checks them on the emulator.
 */
export const stackUse = { dsp: 1000, helium: 1100, portable: 1600, armv6m: 6000, follow: 2300 } as const;

/** Marks a folder as an export, so that a later export may replace it. */
export const exportMark = "<!-- Written by phinets export. -->";

/** The texts that differ between the build systems. */
export interface LayoutText {
  /** Describes the folder, and how its own program is built. */
  readonly start: string;
  /** The section "In a project". */
  readonly project: string;
  /** Follows the board's title: the part of the folder that is made for the board. */
  readonly board: string;
}

export function readme(network: CNetwork, { start, project, board }: LayoutText): string {
  const { name, target, detector } = network;
  const NAME = name.toUpperCase();
  return `# A network in C99

${start}

${usage(network)}
${detector ? following(network) : ""}## In a project

${project}

## More than one at a time

\`${name}_run\` has one static arena. For two tasks, or two instances, define ${NAME}_CALLERS_ARENA for all files, which leaves
the arena out with all that uses it, and give each its own:

\`\`\`c
static int8_t arena[${NAME}_ARENA_BYTES] __attribute__((aligned(16)));
static ${name}_context context;

${name}_context_init(&context, arena);            /* once */
${name}_context_run(&context, input, output);     /* or ${name}_context_begin and ${name}_context_push_rows */
\`\`\`
${ownBanks(network)}
They share constants only. Between two runs the arena holds nothing: networks that run one after the other can share it.

## Memory

${memory(network)}

${placing(network)}

## What the bits need

The outputs are those of TensorFlow Lite Micro's reference kernels, to the bit, from any C99 compiler at any level of
optimisation: an int of 32 bits or more, two's complement. Detection and tracking compute in double and compile only where
double is what it says: not with -ffast-math, and not with the x87 of 32-bit PCs (-msse2 -mfpmath=sse).

They need no option for speed: under GCC's -Os the loops are optimised for speed all the same.

## The board

${ascii(target.title)}. ${board}

${exportMark}
`;
}

/** Describes how a context gets memory in several banks. */
function ownBanks({ name, program }: CNetwork): string {
  const arenas = arenasOf(name, program);
  if (arenas.length === 1) return "";
  const parameters = ["&context", ...arenas.map(({ symbol }) => symbol.slice(name.length + 1))].join(", ");
  return `
Or an array a bank: \`${name}_context_init_banks(${parameters})\`, of ${arenas.map(({ size }) => size).join(", ")} bytes.
`;
}

/** Describes where the linker puts the arrays of working memory. */
function placing({ name, program, target }: CNetwork): string {
  const arenas = arenasOf(name, program);
  const [{ symbol: first }] = arenas;
  if (arenas.length === 1)
    return `\`${first}\` has a section of its own, .bss.${first} (with -fdata-sections), so that a linker script can place it.`;
  const count = (bytes: number): string => bytes.toLocaleString("en-US");
  const list = arenas
    .map(({ symbol, bytes, region = target.arenaRegion }) => `- \`${symbol}\`: ${count(bytes)} bytes for ${region}`)
    .join("\n");
  return `It is an array for each of the board's banks, fastest first, each in a section of its own, .bss.<array> (with
-fdata-sections), so that a linker script can place it:

${list}

The board's script does so. Elsewhere they may lie anywhere: the outputs are the same.`;
}

function usage({ name, program, q }: CNetwork): string {
  const NAME = name.toUpperCase();
  const several = q.graph.outputs.length > 1;
  const [OUTPUT, from] = several
    ? [`${NAME}_OUTPUT0`, `, of output 0, which begins at output + ${NAME}_OUTPUT0_OFFSET`]
    : [`${NAME}_OUTPUT`, ""];
  const meaning = `real value = ${OUTPUT}_SCALE * (byte - ${OUTPUT}_ZERO_POINT)${from}`;
  if (program.options.input === "rows")
    return `\`\`\`c
#include "${name}_model.h"

static int8_t output[${NAME}_OUTPUT_BYTES], row[${NAME}_INPUT_WIDTH * ${NAME}_INPUT_CHANNELS];

${name}_begin(output);
do next_line(row); /* top to bottom: pixels, channels; each byte is pixel - 128 */
while (!${name}_push_rows(row, 1));
/* output is complete: ${meaning} */
\`\`\`

There is no place for a whole picture: a camera's lines are pushed as they come, one or more a call.
`;
  return `\`\`\`c
#include "${name}_model.h"

static int8_t output[${NAME}_OUTPUT_BYTES];

int8_t *input = ${name}_input(); /* ${NAME}_INPUT_BYTES: rows, pixels, channels; each byte is pixel - 128 */
fill(input);
${name}_run(input, output);      /* ${meaning} */
\`\`\`

The input may lie elsewhere too. \`${name}_begin\` and \`${name}_push_rows\` take it line by line, as a camera has it.
`;
}

function following({ name }: CNetwork): string {
  const NAME = name.toUpperCase();
  return `Frame by frame, boxes (best first) and tracks (SORT):

\`\`\`c
#include "phinets_follow.h"

static phinets_follower follower; /* once: phinets_follow_start(&follower); */

phinets_follow(&follower, &${name}_head, output, ${NAME}_SCORE_THRESHOLD, ${NAME}_NMS_IOU);
for (int32_t i = 0; i < follower.track_count; i++) {
  const phinets_track *track = &follower.tracks[i];
  const phinets_box *box = &follower.boxes[track->detection];
  use(track->id, ${name}_classes[box->class_index], box->score, track->box.x1, track->box.y1, track->box.x2, track->box.y2);
}
\`\`\`

Boxes and tracks are in fractions of the picture.

`;
}

/** What an application must have room for, as a table. */
function memory({ name, q, program, target, detector }: CNetwork): string {
  const NAME = name.toUpperCase();
  const count = (bytes: number): string => bytes.toLocaleString("en-US");
  const { graph } = q;
  const outputs = graph.outputs.reduce((sum, output) => sum + sizeOf(graph.shapes[output]), 0);
  const whole = program.options.input === "whole";
  const armv6m = /^cortex-m(0|0plus|1|23)$/.test(target.core);
  const [stack, measured] = armv6m
    ? [stackUse.armv6m, "Cortex-M0"]
    : program.options.dsp
      ? [stackUse.dsp, "Cortex-M7"]
      : program.options.helium
        ? [stackUse.helium, "Cortex-M55"]
        : [stackUse.portable, "Cortex-M3"];
  const rows = [
    [`working memory, \`${NAME}_ARENA_BYTES\``, count(program.arenaBytes), whole ? "the input's place is in it" : ""],
    [`output, \`${NAME}_OUTPUT_BYTES\``, count(outputs), ""],
    ["stack of an inference, at most", count(stack), `measured on a ${measured}, GCC 12, all kinds of layers`],
    ...(detector
      ? [
          [
            "`phinets_follower`: detection and tracking",
            "36,648",
            "less with -DPHINETS_MAX_BOXES (256), -DPHINETS_MAX_TRACKS (32)",
          ],
          ["stack of `phinets_follow`, at most", count(stackUse.follow), "after the inference, not on top of it"],
        ]
      : []),
  ];
  return ["| what | bytes | |", "| --- | ---: | --- |", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}
