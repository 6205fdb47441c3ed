/** Malicious names of classes, data sets, files and boards: they are shown and never act as markup. */
import { execFileSync } from "node:child_process";
import { evaluateCalibration, evaluateClassification } from "@phinets/core/evaluation";
import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, it } from "vitest";
import { sampleReport } from "../../../../test/report-sample.js";
import { shellQuote } from "../text/quote.js";
import { lineChart } from "./charts.js";
import { valPage } from "./evaluation-pages.js";
import { type Prediction, type ReportData, renderCard, renderReport } from "./index.js";
import { escapeMarkdown, markdownBlock, markdownCode } from "./text.js";
import { confusionFile, renderTraining } from "./training.js";

const hostile = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  "' onload='alert(1)",
  "</title></style></svg><b>",
  "]]>-->",
  "&lt;&#60;&amp;",
  "a | b | c",
  "a\\|b\\",
  "line\nend\r\nhere\n\n# title\n\n- item",
  "```\n$(rm -rf x)\n```",
  "`code` ``more`` `",
  "[link](javascript:alert(1)) ![p](http://x/y) **b** _i_ ~s~",
  "# not a title",
  "1. not a list",
  "=cmd|'/c calc'!A1",
  "+1",
  "-1",
  "@SUM(1)",
  "right \u202eot\u2066 left\u2069 \u200f",
  "\u0000\u0007\u001b[31mred\u009b",
  "\ud800 half",
  "$(touch pwned); `touch pwned` && $HOME !x ~ * ? {a,b}",
  "it's 'quoted'",
  "--option",
  "  spaces  ",
  "é 日本 😀",
];

let sample: ReportData;
beforeAll(async () => {
  sample = await sampleReport();
});

const named = (name: string): ReportData => ({
  ...sample,
  title: `${name} on a board`,
  dataset: { ...sample.dataset, name, classes: sample.dataset.classes.map(() => name) },
  network: { ...sample.network, name },
  board: { ...sample.board!, title: name, core: name, name },
  perClass: sample.perClass?.map((each) => ({ ...each, name })),
  analysis: sample.analysis && {
    ...sample.analysis,
    confusion: { ...sample.analysis.confusion, classes: sample.analysis.confusion.classes.map(() => name) },
  },
  predictions: (sample.predictions as Prediction[]).map((each) => ({ ...each, caption: name })),
  artefacts: [{ ...sample.artefacts[0], path: name, what: name }],
  tracking: { ...sample.tracking, source: name } as ReportData["tracking"],
  commands: [shellQuote(["npx", "phinets", "ship", "--data", name])],
});

/** Characters that reorder text, or that no document may contain. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const acting = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Cs}/u;
const withoutPictures = (page: string) => page.replace(/base64,[A-Za-z0-9+/=]+/g, "base64,");

/** Requires that a page or SVG has the same elements and attributes as with a plain name. */
function expectSame(page: string, plain: string): void {
  expect(page).not.toMatch(acting);
  const shape = (text: string) =>
    [...parseHTML(withoutPictures(text)).document.querySelectorAll("*")].map((element) =>
      [element.tagName, ...element.getAttributeNames()].join(" "),
    );
  expect(shape(page)).toEqual(shape(plain));
  for (const element of parseHTML(withoutPictures(page)).document.querySelectorAll("[href]"))
    expect(element.getAttribute("href")).toMatch(/^(#|\.\/|data:image\/jpeg)/);
}

describe.each(hostile.map((name) => [JSON.stringify(name), name]))("%s", (_, name) => {
  it("is a name in pages and pictures", () => {
    expectSame(renderReport(named(name)), renderReport(named("plain")));
    const val = (name: string) => {
      const [probabilities, labels] = [
        [0.8, 0.2, 0.1, 0.9, 0.1, 0.9],
        [0, 1, 0],
      ];
      const { confusion, ...figures } = evaluateClassification(Float32Array.from(probabilities), labels, 2);
      const calibration = evaluateCalibration(probabilities, labels, 2);
      const metrics = { task: "classify", ...figures, confusion: [...confusion], calibration } as const;
      return valPage({ ...metrics, calibrationError: 0 }, [name, name], name, name);
    };
    expectSame(val(name), val("plain"));
    expectSame(confusionFile([name, name], [1, 2, 3, 4]), confusionFile(["p", "p"], [1, 2, 3, 4]));
    const chart = (name: string) => lineChart([{ name, colour: "red", points: [{ x: 0, y: 1 }] }], { x: "x" });
    expectSame(chart(name).text, chart("plain").text);
    const training = (name: string) =>
      renderTraining({
        ...{ title: name, task: "detect", classes: [name, name], data: { name, train: 1, val: 1 } },
        ...{ network: { name, parameters: 1, macs: 1 }, recipe: [["freeze", name]], bestEpoch: 1, finished: true },
        ...{ rows: [{ epoch: 1, loss: 1, AP50: 0.5, learningRate: 0.1, imagesPerSecond: 9 }], worst: [] },
      });
    expectSame(training(name), training("plain"));
  });

  it("is a name in a card", () => {
    const [card, plain] = [name, "plain"].map((each) => renderCard({ ...named(each), commands: ["npx phinets"] }));
    expect(card).not.toMatch(acting);
    expect(card).not.toMatch(/[<>]/);
    const lines = (text: string) => text.split("\n");
    expect(lines(card)).toHaveLength(lines(plain).length);
    // The same columns in every table, and the same kind of line everywhere.
    for (const [i, line] of lines(card).entries()) {
      const kind = (text: string) => [text.match(/(?<!\\)(\\\\)*\|/g)?.length, /^(#+|-|\||```)?/.exec(text)![0]];
      if (lines(plain)[i] !== "") expect(kind(line), line).toEqual(kind(lines(plain)[i]));
    }
  });

  it("is one word of a command, for a shell and for who reads it", () => {
    const line = shellQuote(["printf", "%s\\n", name.replaceAll("\u0000", ""), "end"]);
    const said = execFileSync("sh", ["-c", line], { encoding: "buffer" });
    expect(said.equals(Buffer.from(`${name.replaceAll("\u0000", "")}\nend\n`))).toBe(true);
    expect(line).not.toMatch(acting);
    const card = renderCard(named(name));
    const block = card.slice(card.indexOf("## Make it again")).split("\n\n")[1].split("\n");
    expect(block[0]).toMatch(/^`{3,}$/);
    expect(block.at(-1)).toBe(block[0]);
    expect(block.slice(1, -1).some((each) => each.startsWith(block[0]))).toBe(false);
  });
});

describe("plain text", () => {
  it("stays as it is", () => {
    for (const text of ["coco-person on STM32H743", "AP (IoU .5 to .95)", "3 x 4", "a.b, c: d; e!"])
      expect(escapeMarkdown(text)).toBe(text);
    expect(shellQuote(["npx", "phinets", "ship", "--data", "My data/data.yaml", "fps=10"])).toBe(
      "npx phinets ship --data 'My data/data.yaml' fps=10",
    );
    expect(shellQuote(["a=b", ""])).toBe("'a=b' ''");
    expect(markdownCode("npm run setup")).toBe("`npm run setup`");
    expect(markdownBlock(["a", "b"])).toBe("```\na\nb\n```");
  });
});
