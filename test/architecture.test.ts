import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const core = join(root, "packages/core/src");

/** A room imports only rooms that stand before it. */
const rooms = [
  "tensor",
  "graph",
  "networks",
  "target",
  "cost",
  "scaling",
  "data",
  "detection",
  "kernels",
  "training",
  "quantization",
  "inference",
  "tracking",
  "evaluation",
  "export",
  "model",
];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter(
      (file) => !/\/assembly(-int8)?\//.test(file) && !file.includes("/dist/") && !file.includes("/node_modules/"),
    );
}

const imports = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]);

describe("architecture", () => {
  const files = sources(core).filter((file) => !file.endsWith(".test.ts"));

  it("finds the rooms it watches", () => {
    const found = readdirSync(core, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(
      found.filter((room) => !rooms.includes(room)),
      "rooms missing from the list above",
    ).toEqual([]);
    expect(files.length).toBeGreaterThan(rooms.length);
  });

  it("core rooms import only rooms above them", () => {
    const upward = files.flatMap((file) => {
      const [room] = relative(core, file).split("/");
      if (!rooms.includes(room)) return [];
      return imports(file).flatMap((target) => {
        const other = /^(?:\.\.\/)+([a-z0-9]+)\//.exec(target)?.[1];
        const wrong = other !== undefined && rooms.includes(other) && rooms.indexOf(other) > rooms.indexOf(room);
        return wrong ? [`${relative(root, file)} imports ${target}`] : [];
      });
    });
    expect(upward).toEqual([]);
  });

  it("core imports nothing from the host", () => {
    const host = files.flatMap((file) =>
      imports(file)
        .filter((target) => !target.startsWith("."))
        .map((target) => `${relative(root, file)} imports ${target}`),
    );
    expect(host).toEqual([]);
  });

  it("core takes no bits from the host's mathematics", () => {
    // exp, log and their kin may differ in the last bit between engines: tensor/math.ts has ours.
    const hostMath = files
      .filter((file) => !file.endsWith("tensor/math.ts"))
      .flatMap((file) =>
        [
          ...readFileSync(file, "utf8").matchAll(
            /^(?!\s*(?:\*|\/\/)).*\bMath\.(exp|log|sin|cos|tan|tanh|atan2|random)\(/gm,
          ),
        ].map((match) => `${relative(root, file)}: Math.${match[1]}`),
      );
    expect(hostMath).toEqual([]);
  });
});
