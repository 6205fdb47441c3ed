/** The room Train: trainings that the page starts, pauses and resumes, and those of a terminal give the same bits. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { readEvents } from "../../packages/node/src/steps/train/events.js";
import { dataFolder } from "../data-folder.js";
import { phinetsJson, tinyDataset, writeNetwork } from "../road-tools.js";
import { browserOptions, downloadOf, phinets, requireUsable, studioBrowser } from "./page.js";

const { root } = dataFolder("studio-train");
const project = join(root, "runs");
const folder = join(root, "opened");
/** Enough time to be stopped during the training. */
const epochs = 40;
const runOf = (name: string): string => join(project, "detect", name);
const minutes = { timeout: 240_000 };

describe.skipIf(browserOptions === undefined)("the room Train", minutes, () => {
  const { open } = studioBrowser();
  let network: string;
  /** Hash of the weights of the same training by the command line, without a stop. */
  let expected: string;

  beforeAll(async () => {
    mkdirSync(folder);
    await tinyDataset(join(folder, "belt"));
    network = writeNetwork(root);
    const words = ["--data", join(folder, "belt"), "--network", network, "--project", join(root, "apart")];
    const options = ["--epochs", String(epochs), "--batch", "4", "--lr", "0.004", "--seed", "7", "--no-plots"];
    expected = (await phinetsJson<{ weightsSha256: string }>("train", ...words, ...options)).weightsSha256;
  }, 120_000);

  async function fill(tab: Page, name: string, lasts = epochs): Promise<void> {
    await expect.poll(() => tab.getByLabel("Data set").inputValue()).toBe("belt");
    await tab.getByLabel("Network", { exact: true }).selectOption("document");
    await tab.getByLabel("network.json").setInputFiles(network);
    for (const [label, value] of [
      ["Epochs", lasts],
      ["Batch", 4],
      ["Learning rate", 0.004],
      ["Seed", 7],
      ["Name", name],
    ] as const)
      await tab.getByLabel(label, { exact: true }).fill(String(value));
  }

  const row = (tab: Page, name: string) => tab.getByRole("row", { name: new RegExp(`(^|/)${name}( |$)`) });

  it("trains as the line that it shows does, and shows curves and pictures", async () => {
    const { tab, complaints, close } = await open(folder, { room: "train", project });
    await fill(tab, "by page");
    const line = await tab.locator(".side .command code").textContent();
    expect(line).toBe(
      `phinets train --data ${folder}/belt --network '${project}/networks/by page.json' --epochs ${epochs} --batch 4 --lr 0.004 --seed 7 --project ${project} --name 'by page'`,
    );
    await tab.getByRole("button", { name: "Start training" }).click();
    await row(tab, "by page").getByText("finished").waitFor({ timeout: 120_000 });
    await tab.getByText(expected).waitFor();
    expect(readEvents(runOf("by page")).at(-1)).toMatchObject({ event: "finished", weightsSha256: expected });
    await tab.getByRole("img", { name: /^Loss by epoch: .* at epoch 40$/ }).waitFor();
    await tab.getByRole("img", { name: /^AP50 by epoch: .* at epoch 40$/ }).waitFor();
    await expect
      .poll(() =>
        tab
          .locator(".shots img")
          .evaluateAll((all) => all.filter((each) => (each as HTMLImageElement).naturalWidth > 0).length),
      )
      .toBeGreaterThan(1);
    await requireUsable(tab);
    expect(complaints).toEqual([]);
    await close();
  });

  it("starts from the weights of a run, as the line that it shows does", async () => {
    const [from, start] = [join(root, "apart/detect/train"), ["--epochs", "1", "--seed", "3", "--no-plots"]];
    const words = ["--data", join(folder, "belt"), "--weights", from, "--project", join(root, "apart"), ...start];
    const { weightsSha256 } = await phinetsJson<{ weightsSha256: string }>("train", ...words);
    const { tab, complaints, close } = await open(folder, { room: "train", project: join(root, "apart") });
    await tab.getByLabel("Network", { exact: true }).selectOption("run");
    await tab.getByLabel("Run", { exact: true }).selectOption("project:detect/train");
    await tab.getByLabel("Start from the run's weights").check();
    expect(await tab.getByLabel("Learning rate", { exact: true }).getAttribute("placeholder")).toBe("0.001 or 0.003");
    for (const [label, value] of [
      ["Epochs", "1"],
      ["Seed", "3"],
      ["Name", "tuned"],
    ] as const)
      await tab.getByLabel(label, { exact: true }).fill(value);
    expect(await tab.locator(".side .command code").textContent()).toBe(
      `phinets train --data ${folder}/belt --weights ${from} --epochs 1 --seed 3 --project ${root}/apart --name tuned`,
    );
    await tab.getByRole("button", { name: "Start training" }).click();
    await row(tab, "tuned").getByText("finished").waitFor({ timeout: 120_000 });
    await tab.getByText(weightsSha256).waitFor();
    // A page's own training starts anew.
    await tab.getByLabel("Train in this page").check();
    expect(await tab.getByLabel("Start from the run's weights").count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("pauses after an epoch and goes on to the same bits", async () => {
    const { tab, close } = await open(folder, { room: "train", project });
    await fill(tab, "paused");
    await tab.getByRole("button", { name: "Start training" }).click();
    await tab.getByRole("button", { name: /^Pause .*paused/ }).click({ timeout: 60_000 });
    await tab.getByRole("button", { name: /^Resume .*paused/ }).waitFor({ timeout: 60_000 });
    const stopped = readEvents(runOf("paused")).at(-1)!;
    expect(stopped).toMatchObject({ event: "stopped", code: "cli.interrupted" });
    const { epoch } = stopped as { epoch: number };
    expect(epoch).toBeGreaterThan(0);
    expect(epoch).toBeLessThan(epochs);
    await tab.getByRole("button", { name: /^Resume .*paused/ }).click();
    await row(tab, "paused").getByText("finished").waitFor({ timeout: 120_000 });
    expect(readEvents(runOf("paused")).at(-1)).toMatchObject({ event: "finished", weightsSha256: expected });
    await close();
  });

  it("trains in the page to the same bits, with a pause", async () => {
    const { tab, complaints, close } = await open(folder, { room: "train", project });
    await fill(tab, "here");
    await tab.getByLabel("Train in this page").check();
    await tab.getByRole("button", { name: "Start training" }).click();
    await tab.getByRole("button", { name: /^Pause here/ }).click({ timeout: 60_000 });
    await tab.getByRole("button", { name: /^Resume here/ }).click({ timeout: 60_000 });
    await row(tab, "here").getByText("finished").waitFor({ timeout: 120_000 });
    await tab.getByText(expected).waitFor();
    await tab.getByRole("img", { name: /^AP50 by epoch: .*here \(in this page\) \S+ at epoch 40/ }).waitFor();
    const { path } = await downloadOf(tab, () => tab.getByRole("button", { name: "Save best.safetensors" }).click());
    expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(expected);
    expect(existsSync(runOf("here"))).toBe(false);
    expect(complaints).toEqual([]);
    await close();
  });

  it("goes on with a run whose server was killed, to the same bits", async () => {
    const served = spawn(phinets[0], [phinets[1], "studio", folder, "--no-open", "--project", project, "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = await addressFrom(served);
    const headers = { Authorization: `Bearer ${url.searchParams.get("token")}`, "Content-Type": "application/json" };
    const body = JSON.stringify({
      ...{ set: "belt", network: { kind: "document", document: JSON.parse(readFileSync(network, "utf8")) } },
      ...{ name: "killed", epochs, batch: 4, learningRate: 0.004, seed: 7 },
    });
    const asked = await fetch(new URL("/api/runs/train", url), { method: "POST", headers, body });
    expect(asked.status).toBe(200);
    const done = () => readEvents(runOf("killed")).filter(({ event }) => event === "checkpoint").length;
    await expect.poll(done, { timeout: 60_000, interval: 20 }).toBeGreaterThan(0);
    served.kill("SIGKILL");
    // The child process ends with the studio.
    await expect.poll(() => isAlive(runOf("killed")), { timeout: 20_000 }).toBe(false);
    expect(done()).toBeLessThan(epochs);
    const { tab, close } = await open(folder, { room: "train", project });
    await row(tab, "killed").getByText("cut short").waitFor();
    await tab.getByRole("button", { name: /^Resume .*killed/ }).click();
    await row(tab, "killed").getByText("finished").waitFor({ timeout: 120_000 });
    expect(readEvents(runOf("killed")).at(-1)).toMatchObject({ event: "finished", weightsSha256: expected });
    await close();
  });

  it("shows what a terminal trains, and errors in the command's words", async () => {
    const { tab, close } = await open(folder, { room: "train", project });
    await expect.poll(() => tab.getByLabel("Data set").inputValue()).toBe("belt");
    const terminal = spawn(
      phinets[0],
      [
        ...[phinets[1], "train", "--data", join(folder, "belt"), "--network", network, "--project", project],
        ...["--epochs", "40", "--batch", "4", "--name", "elsewhere", "--no-plots"],
      ],
      { stdio: "ignore" },
    );
    const ended = new Promise((resolve) => terminal.on("close", resolve));
    await row(tab, "elsewhere").getByText("training").waitFor({ timeout: 60_000 });
    expect(await tab.getByRole("button", { name: /^Stop .*elsewhere/ }).count()).toBe(0);
    await row(tab, "elsewhere").getByText("finished").waitFor({ timeout: 60_000 });
    await ended;
    await row(tab, "elsewhere").getByRole("checkbox").check();
    await tab
      .getByRole("img", { name: /elsewhere .* at epoch 40$/ })
      .first()
      .waitFor();
    await fill(tab, "elsewhere");
    await tab.getByRole("button", { name: "Start training" }).click();
    await tab
      .getByRole("alert")
      .getByText(/the run exists; choose another --name/)
      .waitFor({ timeout: 60_000 });
    await close();
  });
});

/** The address that `phinets studio --json` prints. */
function addressFrom(served: ChildProcess): Promise<URL> {
  return new Promise((resolve, reject) => {
    let text = "";
    served.stdout!.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.includes("\n")) resolve(new URL((JSON.parse(text) as { url: string }).url));
    });
    served.on("close", () => reject(new Error("the studio ended before it printed its address")));
  });
}

/** Whether the process that locked a run folder is running. */
function isAlive(run: string): boolean {
  const lock = join(run, "train.pid");
  if (!existsSync(lock)) return false;
  const { pid } = JSON.parse(readFileSync(lock, "utf8")) as { pid: number };
  try {
    // A child that was not reaped is still listed.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
