/**
 * A new user's first ten minutes: starts with a folder of pictures only; labels, fits, trains, tries and ships in the
 * page.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderConveyorPicture } from "@phinets/core/data";
import { encodePng } from "@phinets/node/picture";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { dataFolder } from "../data-folder.js";
import { installed } from "../tools.js";
import { browserOptions, commandBuilt, downloadOf, studioBrowser } from "./page.js";

const { root } = dataFolder("studio-stranger");
const [folder, project] = [join(root, "parts"), join(root, "runs")];
const classes = ["washer", "nut", "bolt"];
const count = 12;
const slow = { timeout: 240_000 };

const tools = installed("arm-none-eabi-gcc", "qemu-system-arm");

describe.skipIf(browserOptions === undefined || !commandBuilt || !tools)("a stranger", { timeout: 600_000 }, () => {
  const { open } = studioBrowser();
  const room = (tab: Page, name: string) => tab.getByRole("link", { name, exact: true }).click();

  it("labels, fits, trains, tries and ships", async () => {
    mkdirSync(folder);
    const rendered = Array.from({ length: count }, (_, n) => renderConveyorPicture(7, n, { width: 160, height: 120 }));
    for (const [n, { picture }] of rendered.entries())
      writeFileSync(join(folder, `photo ${n + 10}.png`), await encodePng(picture));
    const { tab, complaints, close } = await open(folder, { project });

    // Label: each part that is visible, by mouse; its class by digit.
    await tab.getByText("pictures without labels").first().waitFor();
    await tab.getByRole("button", { name: "Edit boxes" }).click();
    for (const name of classes) {
      await tab.getByLabel("Name of a new class").fill(name);
      await tab.keyboard.press("Enter");
      await tab.getByText(`class ${name} is there`).waitFor();
    }
    let drawn = 0;
    for (const [n, { labels }] of rendered.entries()) {
      await tab.getByRole("heading", { name: `photo ${n + 10}.png`, exact: true }).waitFor();
      const frame = (await tab.locator(".labelling .frame").boundingBox())!;
      const at = (x: number, y: number) => [frame.x + x * frame.width, frame.y + y * frame.height] as const;
      // One part per picture: dragging from inside a box would move the box.
      const { x, y, width, height, class: kind } = labels[0];
      await tab.mouse.move(...at(Math.max(0.002, x - width / 2), Math.max(0.002, y - height / 2)));
      await tab.mouse.down();
      await tab.mouse.move(...at(Math.min(0.998, x + width / 2), Math.min(0.998, y + height / 2)), { steps: 3 });
      await tab.mouse.up();
      await tab.keyboard.press(String(kind + 1));
      drawn++;
      await tab.getByRole("status", { name: "Saving" }).getByText("Saved", { exact: true }).waitFor();
      await tab.keyboard.press("Enter");
    }
    await tab.getByText("every picture is labelled").waitFor();
    await tab.keyboard.press("Escape");
    await tab.getByText(`${count} of ${count} pictures`).waitFor();
    const rows = rendered.map((_, n) =>
      readFileSync(join(folder, `photo ${n + 10}.txt`), "utf8")
        .trim()
        .split("\n"),
    );
    expect(rows.flat()).toHaveLength(drawn);
    expect(rows.map(([row]) => Number(row.split(" ")[0]))).toEqual(rendered.map(({ labels }) => labels[0].class));

    // Fit.
    await room(tab, "Board");
    await tab.getByRole("button", { name: "Fit this board" }).click();
    await tab.getByRole("button", { name: "fit's choice" }).click(slow);
    const { path: network } = await downloadOf(tab, () =>
      tab.getByRole("button", { name: "Save network.json" }).click(),
    );

    // Train.
    await room(tab, "Train");
    await tab.getByLabel("Network", { exact: true }).selectOption("document");
    await tab.getByLabel("network.json").setInputFiles(network);
    await tab.getByLabel("Epochs", { exact: true }).fill("2");
    await tab.getByLabel("Name", { exact: true }).fill("parts");
    await tab.getByRole("button", { name: "Start training" }).click();
    await tab
      .getByRole("row", { name: /detect\/parts/ })
      .getByText("finished")
      .waitFor(slow);

    // Try.
    await room(tab, "Try");
    await tab.getByText(/float/).first().waitFor(slow);
    await tab.getByLabel("Pictures of").selectOption("");
    await tab.getByText("photo 10.png", { exact: true }).waitFor();
    await tab
      .getByText(/\d ms$/)
      .first()
      .waitFor(slow);

    // Ship.
    await room(tab, "Ship");
    for (const [label, value] of Object.entries({ Board: "rp2040", Resolution: "48", Epochs: "1", Name: "parts" }))
      await tab.getByLabel(label, { exact: true }).fill(value);
    await tab.getByRole("button", { name: "Ship", exact: true }).click();
    await tab.getByText(/^Every output byte of \d+ pictures? is the interpreter's/).waitFor(slow);
    expect(existsSync(join(project, "ship/parts/firmware/build/rp2040.uf2"))).toBe(true);
    // Only labels were written among the pictures.
    await room(tab, "Data");
    await tab.getByText(`${count} of ${count} pictures`).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });
});
