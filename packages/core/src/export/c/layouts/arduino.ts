/** A library for the Arduino IDE and arduino-cli. Source: Arduino's "Library specification", 1.5 library format. */
import { namesOf } from "../model.js";
import { ascii, below, type CNetwork, exampleOf, type Layout, libraryOf, modelOf } from "./network.js";
import { readme } from "./readme.js";

/** Cores with an int of 32 bits, which excludes AVR and megaAVR. */
const architectures = [
  ...["samd", "sam", "mbed", "mbed_nano", "mbed_rp2040", "mbed_portenta", "mbed_nicla", "mbed_giga", "mbed_opta"],
  ...["rp2040", "nrf52", "esp32", "stm32", "renesas_uno", "renesas_portenta", "teensy", "zephyr"],
];

export const arduino: Layout = (network, firmware) => {
  const { name } = network;
  const example = Object.entries(exampleOf(firmware, "arduino", name)).map(([file, text]): [string, string] => [
    // A sketch must have the name of its folder.
    file.endsWith(".ino") ? `${name}.ino` : file,
    text,
  ]);
  return {
    "library.properties": properties(network),
    "keywords.txt": keywords(network),
    // Flat, since only src/ itself is on the include path of sketches.
    ...below("src", { ...modelOf(network), ...libraryOf(firmware) }),
    ...below(`examples/${name}`, Object.fromEntries(example)),
    "README.md": readme(network, {
      start: `A library for Arduino: copy this folder into the sketchbook's libraries/, or zip it and use Sketch, Include Library,
Add .ZIP Library. The example ${name} runs the network on a made-up picture: put your camera into its example.h. No heap, no
floating point in the network. Boards with an AVR are refused by the compiler: the kernels need an int of 32 bits.`,
      project: `\`#include <${name}_model.h>\` in a sketch; headers are \`extern "C"\`, sources are C.

Several networks: export each with a --name of its own, all with one version of PhiNets, into a library each. The kernels
are the same in all; as archives (dot_a_linkage) the linker takes them once.`,
      board:
        "Any other of the architectures in library.properties takes the library: its core decides which kernels are used.",
    }),
  };
};

function properties({ name, detector, classes }: CNetwork): string {
  const found = (namesOf({ detector, classes }) ?? []).slice(0, 8).map((each) => ascii(each));
  const what = detector ? "Finds and follows" : "Recognises";
  const fields = {
    name,
    version: "1.0.0",
    author: "PhiNets",
    maintainer: "PhiNets",
    sentence: found.length > 0 ? `${what} ${found.join(", ")} in a camera's pictures.` : `The network ${name}.`,
    paragraph: "An int8 network with its kernels: no heap, the same bits on every board. Made by phinets export.",
    category: "Data Processing",
    url: "https://www.npmjs.com/package/phinets",
    architectures: architectures.join(","),
    includes: `${name}_model.h`,
    dot_a_linkage: "true",
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

function keywords({ name, program, detector }: CNetwork): string {
  const functions = [`${name}_run`, `${name}_begin`, `${name}_push_rows`];
  const NAME = name.toUpperCase();
  const lines = [
    ...(detector ? ["phinets_follower", "phinets_track", "phinets_box"] : []).map((word) => [word, "KEYWORD1"]),
    ...[
      ...functions,
      ...(program.options.input === "whole" ? [`${name}_input`] : []),
      ...(detector ? ["phinets_follow_start", "phinets_follow"] : []),
    ].map((word) => [word, "KEYWORD2"]),
    ...["INPUT_BYTES", "INPUT_WIDTH", "INPUT_HEIGHT", "INPUT_CHANNELS", "OUTPUT_BYTES"].map((word) => [
      `${NAME}_${word}`,
      "LITERAL1",
    ]),
  ];
  return `${lines.map((line) => line.join("\t")).join("\n")}\n`;
}
