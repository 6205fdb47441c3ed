/// <reference lib="dom" />
/**
 * The room Ship: it runs the command line that it shows; runs are stopped, resumed, watched from elsewhere and
 * downloaded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readElf } from "../../packages/node/src/firmware/elf.js";
import { dataFolder } from "../data-folder.js";
import { tinyDataset } from "../road-tools.js";
import { installed } from "../tools.js";
import { overflow, unnamed, unreadable } from "./in-page.js";
import { browserOptions, commandBuilt, downloadOf, idleRequests, studioBrowser } from "./page.js";

const { root } = dataFolder("studio-ship");
const folder = join(root, "opened");
const project = join(folder, "runs");
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const slow = { timeout: 180_000 };

async function fill(tab: Page, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await tab.getByLabel(label, { exact: true }).fill(value);
}

/** Names and states of the steps, as shown. */
const steps = (tab: Page) =>
  tab.locator(".chain li").evaluateAll((all) => all.map((each) => [...each.children].map((part) => part.textContent)));

describe.skipIf(browserOptions === undefined || !commandBuilt || !installed("arm-none-eabi-gcc", "qemu-system-arm"))(
  "the room Ship",
  () => {
    const { open } = studioBrowser();
    const shipped = join(folder, "runs/ship/first");
    let elsewhere: ChildProcess | undefined;
    afterAll(() => elsewhere?.kill("SIGKILL"));

    beforeAll(async () => {
      mkdirSync(folder);
      await tinyDataset(join(folder, "belt"));
    });

    it("ships by the line that it shows, step by step, and says what came out", async () => {
      const { tab, complaints, close } = await open(folder, { room: "ship", project });
      await tab.getByRole("button", { name: "Ship", exact: true }).isEnabled();
      await fill(tab, { Board: "rp2040", Resolution: "48", Epochs: "1", "Pictures to prove": "4", Name: "first" });
      const line = await tab.locator(".ask .command code").textContent();
      expect(line).toBe(
        `phinets ship --data ${folder}/belt --target rp2040 --imgsz 48 --epochs 1 --images 4 --project ${folder}/runs --out ${folder}/runs/ship/first`,
      );
      await tab.getByRole("button", { name: "Ship", exact: true }).click();
      await tab.getByRole("heading", { name: "ship/first" }).waitFor();
      await tab.locator(".chain .running").first().waitFor(slow);
      await tab.getByRole("heading", { name: "What came out" }).waitFor(slow);
      await tab.getByText(/^Every output byte of 4 pictures is the interpreter's/).waitFor(slow);
      await expect.poll(async () => (await steps(tab)).every(([, state]) => state!.startsWith("done"))).toBe(true);
      // The page shows the command line that is in the report.
      expect(readFileSync(join(shipped, "report.html"), "utf8")).toContain(line!.replace("phinets", "npx phinets"));
      const { evaluation } = JSON.parse(readFileSync(join(shipped, "ship.json"), "utf8"));
      const rows = await tab.locator(".figures tbody tr").evaluateAll((all) => all.map((row) => row.textContent));
      expect(rows).toHaveLength(3);
      expect(rows[1]).toContain(`int8${evaluation.int8.AP50.toFixed(3)}${evaluation.int8.AP.toFixed(3)}`);
      await tab.locator("img.memory").waitFor();
      for (const look of [unreadable, unnamed]) expect(await tab.evaluate(look)).toEqual([]);
      expect(await tab.evaluate(overflow)).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      await close();
    });

    it("hands out the firmware as one archive, every form the same image", async () => {
      const { tab, close } = await open(folder, { room: "ship/project%3Aship%2Ffirst", project });
      const archive = await downloadOf(tab, () => tab.getByRole("link", { name: "Firmware as .zip" }).click());
      expect(archive.name).toBe("first-firmware.zip");
      const files = unzipSync(new Uint8Array(readFileSync(archive.path)));
      const names = Object.keys(files);
      expect(names.slice(0, 3).sort()).toEqual(["rp2040.bin", "rp2040.elf", "rp2040.uf2"]);
      expect(names).toContain("c/phinets_model.c");
      const image = readFileSync(join(shipped, "firmware/build/rp2040.elf"));
      expect(image.equals(files["rp2040.elf"])).toBe(true);
      for (const { address, bytes } of readElf(image, "rp2040.elf").segments)
        expect(
          Buffer.from(bytes).equals(files["rp2040.bin"].subarray(address - 0x10000000).subarray(0, bytes.length)),
        ).toBe(true);
      await tab.getByText(/^\d+ files$/).click();
      const file = await downloadOf(tab, () => tab.getByRole("link", { name: "quantized.json" }).click());
      expect(readFileSync(file.path, "utf8")).toBe(readFileSync(join(shipped, "quantized.json"), "utf8"));
      await close();
    });

    it("opens the report, which runs no script and reaches nothing, whoever wrote it", async () => {
      const hostile = join(folder, "runs/ship/hostile");
      mkdirSync(hostile, { recursive: true });
      writeFileSync(join(hostile, "steps.json"), "{}");
      writeFileSync(
        join(hostile, "report.html"),
        "<!doctype html><title>quiet</title><style>p { color: rgb(1, 2, 3) }</style><p>text</p><script>document.title = 'ran'</script><img src='../../api/session' onerror=\"document.title='ran'\">",
      );
      const { tab, close } = await open(folder, { room: "ship/project%3Aship%2Ffirst", project });
      const [page] = await Promise.all([
        tab.context().waitForEvent("page"),
        tab.getByRole("link", { name: "Open the report" }).click(),
      ]);
      await page.getByRole("heading", { level: 1 }).waitFor();
      expect(await page.title()).toMatch(/belt/);
      await page.goto(page.url().replace("first", "hostile"));
      expect(await page.locator("p").evaluate((element) => getComputedStyle(element).color)).toBe("rgb(1, 2, 3)");
      expect(await page.title()).toBe("quiet");
      await close();
      rmSync(hostile, { recursive: true });
    });

    it("stops where it is told to, and goes on from there", async () => {
      const { tab, close } = await open(folder, { room: "ship", project });
      await tab.getByRole("button", { name: "Ship", exact: true }).isEnabled();
      await fill(tab, { Board: "rp2040", Resolution: "48", Epochs: "40", "Pictures to prove": "4", Name: "second" });
      await tab.getByRole("button", { name: "Ship", exact: true }).click();
      await tab.getByText(/training [1-9]\d* of 40 epochs/).waitFor(slow);
      await tab.getByRole("button", { name: "Stop" }).click();
      await tab.getByRole("button", { name: "Go on" }).waitFor(slow);
      expect((await steps(tab))[1]).toEqual(["Training", "stopped here"]);
      await tab.getByRole("button", { name: "Go on" }).click();
      await tab.getByText(/^Every output byte of 4 pictures/).waitFor(slow);
      await expect.poll(async () => (await steps(tab))[0][1]).toMatch(/^(taken over|done)/);
      await close();
    });

    it("looks on where a terminal ships, and does not disturb it", async () => {
      const words = ["ship", "--data", join(folder, "belt"), "--target", "rp2040", "--imgsz", "48", "--epochs", "400"];
      const out = join(folder, "runs/ship/terminal");
      const { tab, close } = await open(folder, { room: "ship", project });
      // The page is open before the run exists and gets its event.
      await tab.getByRole("link", { name: "ship/first" }).waitFor(slow);
      await expect.poll(() => idleRequests(tab), slow).toEqual([]);
      elsewhere = spawn(process.execPath, [bin, ...words, "--project", join(folder, "runs"), "--out", out], {
        stdio: "ignore",
      });
      await tab.getByRole("link", { name: "ship/terminal" }).click(slow);
      await tab.getByText(`Process ${elsewhere.pid} is shipping here; this page looks on.`).waitFor(slow);
      await tab.getByText(/training \d+ of 400 epochs/).waitFor(slow);
      expect(await tab.getByRole("button", { name: "Stop" }).count()).toBe(0);
      const refused = await tab.evaluate(async () => {
        const answer = await fetch("./api/ship/resume?run=project%3Aship%2Fterminal", { method: "POST" });
        return [answer.status, (await answer.json()).error.code];
      });
      expect(refused).toEqual([409, "studio.busy"]);
      elsewhere.kill("SIGKILL");
      await tab.getByRole("button", { name: "Go on" }).waitFor(slow);
      await close();
    });

    it("says what it cannot ship, and reaches nothing outside", async () => {
      const { tab, close } = await open(folder, { room: "ship", project });
      await tab.getByRole("button", { name: "Ship", exact: true }).isEnabled();
      await fill(tab, { Board: "no-such-board" });
      await tab.getByRole("button", { name: "Ship", exact: true }).click();
      await expect.poll(() => tab.getByRole("alert").textContent()).toMatch(/^target is no-such-board; boards are /);
      await fill(tab, { Board: "rp2040", Name: "tiny", Resolution: "4000" });
      await tab.getByRole("button", { name: "Ship", exact: true }).click();
      await expect.poll(() => tab.getByRole("alert").first().textContent(), slow).toMatch(/RP2040|rp2040/);
      symlinkSync(join(root, ".."), join(folder, "runs/ship/first/up"));
      const codes = await tab.evaluate(async () => {
        const ask = async (address: string, init?: RequestInit) =>
          (await (await fetch(`./api/ship${address}`, init)).json()).error.code;
        const form = { data: "belt", target: "rp2040", name: "x" };
        const post = (body: object) =>
          ask("", { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
        return [
          await ask("/run?run=folder:.."),
          await ask("/run?run=folder:belt"),
          await ask("/file?run=project:ship/first&file=../../../belt/data.yaml"),
          await ask("/file?run=project:ship/first&file=args.yaml"),
          await post({ ...form, data: "../.." }),
          await post({ ...form, name: "../x" }),
          await post({ ...form, name: "--out" }),
          await post({ ...form, clip: "/etc" }),
          await post({ ...form, epochs: -1 }),
          await post([]),
        ];
      });
      expect(codes).toEqual([
        ...["studio.outside", "studio.missing", "studio.missing", "studio.missing", "studio.outside"],
        ...["studio.request", "studio.request", "studio.outside", "studio.request", "studio.request"],
      ]);
      await close();
    });
  },
);
