/**
 * YOLO data sets: data.yaml, pictures in folders or lists, one label file a picture.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { labelFileOf, parseYoloDataset, parseYoloLabels, type Sample, type YoloDataset } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { isPictureFile } from "../picture/files.js";
import { listPicturesBelow } from "./listing.js";
import type { FoundDataset, Report } from "./open.js";

export async function openYolo(file: string, report: Report): Promise<FoundDataset> {
  const dataset = parseYoloDataset(await parseYaml(file), file);
  const folder = dirname(file);
  let base = folder;
  if (dataset.path !== undefined) {
    base = isAbsolute(dataset.path) ? dataset.path : join(folder, dataset.path);
    if (!existsSync(base)) {
      throw new PhinetsError(
        "data.yaml",
        `${file}: path is ${dataset.path}, but ${base} does not exist; correct it, or leave it out for the file's own folder`,
        file,
      );
    }
  }
  const split = (name: "train" | "val" | "test"): Sample[] => {
    const pictures = (dataset[name] ?? []).flatMap((entry) => picturesOf(entry, base, file, name, report));
    return labelled(pictures, dataset, report);
  };
  const splits = { train: split("train"), val: split("val"), test: split("test") };
  return {
    index: { task: "detect", classes: dataset.classes, splits },
    nameOf: (sample) => relative(base, sample.file).split(sep).join("/"),
  };
}

async function parseYaml(file: string): Promise<unknown> {
  const { parse, YAMLParseError } = await import("yaml");
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const at = error.linePos?.[0];
    const place = at === undefined ? file : `${file}:${at.line}:${at.col}`;
    throw new PhinetsError("data.yaml", `${place}: is not YAML: ${error.message.split(/ at line|\n/)[0]}`, file);
  }
}

/** Pictures that an entry of train, val or test stands for: a folder, a list of paths, a picture. */
function picturesOf(entry: string, base: string, file: string, split: string, report: Report): string[] {
  const place = locate(entry, base);
  if (place === undefined) {
    throw new PhinetsError(
      "data.yaml",
      `${file}: ${split} is ${entry}, but ${isAbsolute(entry) ? entry : join(base, entry)} does not exist; correct the path`,
      file,
    );
  }
  if (statSync(place).isDirectory()) {
    const found = listPicturesBelow(place);
    if (found.length === 0) {
      report(new PhinetsError("data.empty", `${place}: has no pictures, but ${file} names it as ${split}`, place));
    }
    return found.map((name) => join(place, name));
  }
  if (isPictureFile(place)) return [place];
  if (!place.endsWith(".txt")) {
    throw new PhinetsError(
      "data.yaml",
      `${file}: ${split} is ${entry}; it is a folder, a .txt list or a picture`,
      file,
    );
  }
  const pictures: string[] = [];
  for (const [n, line] of readFileSync(place, "utf8").split("\n").entries()) {
    const name = line.trim();
    if (name === "") continue;
    const candidates = isAbsolute(name) ? [name] : [join(base, name), join(dirname(place), name)];
    const found = candidates.find((candidate) => existsSync(candidate));
    if (found === undefined) {
      const message = `${place}:${n + 1}: ${name} does not exist; correct the path or remove the line`;
      report(new PhinetsError("data.list", message, place));
    } else {
      pictures.push(found);
    }
  }
  return pictures;
}

/** Where an entry lies. Exported data sets often say ../train/images for a folder beside the data.yaml. */
function locate(entry: string, base: string): string | undefined {
  const candidates = isAbsolute(entry) ? [entry] : [join(base, entry)];
  if (entry.startsWith("../")) candidates.push(join(base, entry.slice(3)));
  return candidates.find((candidate) => existsSync(candidate));
}

function labelled(pictures: readonly string[], dataset: YoloDataset, report: Report): Sample[] {
  const known = new Map<string, Set<string> | undefined>();
  const samples: Sample[] = [];
  for (const picture of pictures) {
    const labelFile = labelFileOf(picture.split(sep).join("/"));
    const folder = dirname(labelFile);
    if (!known.has(folder)) {
      known.set(folder, existsSync(folder) ? new Set(readdirSync(folder)) : undefined);
      if (known.get(folder) === undefined) {
        const message = `${folder}: does not exist; the labels of ${dirname(picture)} belong there, one .txt a picture`;
        report(new PhinetsError("data.labels", message, folder));
      }
    }
    const names = known.get(folder);
    if (names === undefined) continue;
    if (!names.has(labelFile.slice(folder.length + 1))) {
      if (dataset.missingLabels === "background") {
        samples.push({ file: picture, labels: [] });
      } else {
        const message = `${labelFile}: is missing; write it (empty if ${picture} shows nothing), or put "missing_labels: background" into data.yaml`;
        report(new PhinetsError("data.labels", message, labelFile));
      }
      continue;
    }
    let bad = false;
    const labels = parseYoloLabels(readFileSync(labelFile, "utf8"), labelFile, dataset.classes, (error) => {
      bad = true;
      report(error);
    });
    // A picture with a bad row is left out whole: its other boxes alone would teach that there is background.
    if (!bad) samples.push({ file: picture, labels });
  }
  return samples;
}
