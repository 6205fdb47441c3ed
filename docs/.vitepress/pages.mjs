/** The side bar: every page, in the order a reader needs them. A test holds it to the files. */
export const pages = [
  {
    text: "Start here",
    items: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Your own pictures", link: "/your-pictures" },
      { text: "Studio", link: "/studio" },
      { text: "Choosing a board", link: "/choosing-a-board" },
      { text: "From other tools", link: "/from-other-tools" },
      { text: "Bring your own network", link: "/bring-your-own-network" },
    ],
  },
  {
    text: "Onto the board",
    items: [
      { text: "Boards in general", link: "/hardware" },
      { text: "STM32H743", link: "/stm32h743" },
      { text: "RP2040, RP2350", link: "/rp2040" },
      { text: "nRF52840", link: "/nrf52840" },
      { text: "ESP32-S3", link: "/esp32-s3" },
      { text: "Live from the board", link: "/wire-format" },
    ],
  },
  {
    text: "In your program",
    items: [
      { text: "Library", link: "/library" },
      { text: "Browser", link: "/browser" },
      { text: "API reference", link: "/api/index" },
    ],
  },
  {
    text: "Look up",
    items: [
      { text: "Troubleshooting", link: "/troubleshooting" },
      { text: "Command line", link: "/command-line" },
      { text: "Data sets", link: "/data" },
      { text: "network.json", link: "/networks" },
      { text: "Training", link: "/training" },
      { text: "Watching a training", link: "/observing" },
      { text: "Sweeps", link: "/sweeps" },
      { text: "From one machine to many", link: "/many-machines" },
      { text: "Evaluation and tracking", link: "/evaluation" },
      { text: "Pictures, videos, cameras", link: "/sources" },
      { text: "Exported files", link: "/export" },
      { text: "Boards", link: "/boards" },
      { text: "Glossary", link: "/glossary" },
    ],
  },
  {
    text: "Behind it",
    items: [
      { text: "How it works", link: "/how-it-works" },
      { text: "Results", link: "/results" },
      { text: "Reliability", link: "/reliability" },
      { text: "Decisions", link: "/decisions" },
    ],
  },
];
