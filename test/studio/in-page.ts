/// <reference lib="dom" />
/// <reference lib="dom.asynciterable" />
/** Functions with which tests inspect a page. They run in the page, so they use nothing from outside. */

/** Texts whose contrast with their background is below 4.5 (WCAG 2.2, AA). Runs in the page. */
export function unreadable(): string[] {
  const numbers = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]: number[]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== "");
    const { width, height } = element.getBoundingClientRect();
    if (!text || width < 2 || height < 2 || element.closest("svg, option, :disabled, .skip, .hidden")) continue;
    let ground: number[] = [];
    for (let under: Element | null = element; under !== null; under = under.parentElement) {
      const colour = numbers(getComputedStyle(under).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) {
        ground = colour;
        break;
      }
    }
    const [a, b] = [luminance(numbers(getComputedStyle(element).color)), luminance(ground)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (!(contrast >= 4.5)) found.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 80)}`);
  }
  return found;
}

/** Controls without a name for screen readers. Runs in the page. */
export function unnamed(): string[] {
  return [...document.querySelectorAll<HTMLElement>("a[href], button, input, select, [role], img")]
    .filter((element) => {
      const labels = (element as HTMLInputElement).labels;
      const by = element.getAttribute("aria-labelledby");
      const name =
        element.getAttribute("aria-label") ??
        (by === null ? null : document.getElementById(by)?.textContent) ??
        (labels?.length ? labels[0].textContent : null) ??
        element.getAttribute("alt") ??
        element.textContent;
      const decorative =
        element.getAttribute("alt") === "" || element.matches("[role=tabpanel]:empty, [role=status]:empty");
      return !decorative && (name ?? "").trim() === "";
    })
    .map((element) => element.outerHTML.slice(0, 100));
}

/** Pixels by which the page is wider than the window. Runs in the page. */
export function overflow(): number {
  return document.documentElement.scrollWidth - innerWidth;
}

/** Milliseconds until the first paint. Runs in the page. */
export function firstPaint(): number | undefined {
  return performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
}

/** Number of controls. Runs in the page. */
export function countUsable(): number {
  return document.querySelectorAll("a[href], button:not(:disabled), input, select, [tabindex='0']").length;
}

/**
 * Moves the first slider; returns for each move the milliseconds that it blocks the page, and those until the figures
 * follow. Runs in the page.
 */
export async function moveSlider(times: number) {
  const slider = document.querySelector<HTMLInputElement>("input[type=range]")!;
  const figures = document.querySelector(".figures")!;
  const moves: number[] = [];
  const delays: number[] = [];
  for (let i = 0; i < times; i++) {
    const changed = new Promise<void>((resolve) => {
      const observer = new MutationObserver(() => {
        observer.disconnect();
        resolve();
      });
      observer.observe(figures.querySelector("dl")!, { subtree: true, characterData: true });
    });
    const start = performance.now();
    slider.value = String(0.21 + 0.01 * (i % 30));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    moves.push(performance.now() - start);
    await changed;
    delays.push(performance.now() - start);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return { moves, figures: delays };
}

/** The focused element, and whether its focus is visible; undefined where nothing has the focus. Runs in the page. */
export function focused() {
  const element = document.activeElement as HTMLElement;
  if (element === document.body) return undefined;
  const shown = element.matches(".hidden") ? element.closest("label")! : element;
  return {
    place: [...document.querySelectorAll("*")].indexOf(element),
    usable: element.matches("a[href], button, input, select, [tabindex='0']"),
    outlined: getComputedStyle(shown).outlineStyle !== "none",
    what: element.outerHTML.slice(0, 80),
  };
}

/**
 * Records a PNG of each bitmap that the page sends to its worker; `frames.tracked()` returns those since the tracker
 * was last restarted. Runs in the page before anything else.
 */
export function watchFrames(): void {
  const kept: OffscreenCanvas[] = [];
  let began = 0;
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (this: Worker, message, options) {
    const { ask, bitmap } = (message as { question?: { ask?: string; bitmap?: ImageBitmap } }).question ?? {};
    if (ask === "restart") began = kept.length;
    if (ask === "look") {
      const canvas = new OffscreenCanvas(bitmap!.width, bitmap!.height);
      canvas.getContext("2d", { willReadFrequently: true })!.drawImage(bitmap!, 0, 0);
      kept.push(canvas);
    }
    return postMessage.call(this, message, options as StructuredSerializeOptions);
  };
  const tracked = () => kept.slice(began);
  async function pngs(): Promise<string[]> {
    return Promise.all(
      tracked().map(async (canvas) => {
        const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      }),
    );
  }
  const frames = Object.defineProperty({ tracked, pngs }, "length", { get: () => kept.length });
  Object.assign(globalThis, { frames });
}

/**
 * Puts files into the browser's private folder, which from then on is the one that the user picks. Runs in the page.
 * @param files content by path, as base64
 */
export async function fillPicked(files: Readonly<Record<string, string>>): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("picked", { create: true });
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split("/");
    let folder = root;
    for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
    const writer = await (await folder.getFileHandle(parts.at(-1)!, { create: true })).createWritable();
    await writer.write(Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)));
    await writer.close();
  }
  Object.assign(window, { showDirectoryPicker: async () => root });
}

/** The content of that folder, in the format of `fillPicked`. Runs in the page. */
export async function readPicked(): Promise<Record<string, string>> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("picked");
  const found: [string, string][] = [];
  const walk = async (folder: FileSystemDirectoryHandle, start: string): Promise<void> => {
    for await (const [name, entry] of folder.entries()) {
      if (entry.kind === "directory") await walk(entry as FileSystemDirectoryHandle, `${start}${name}/`);
      else {
        const bytes = new Uint8Array(await (await (entry as FileSystemFileHandle).getFile()).arrayBuffer());
        found.push([`${start}${name}`, btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))]);
      }
    }
  };
  await walk(root, "");
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}
