/**
 * Rows of the VGG Image Annotator's CSV (robots.ox.ac.uk/~vgg/software/via): a region's shape and attributes are JSON
 * inside a field. Every shape becomes its bounding box.
 */
import type { CsvRow } from "../files/csv.js";
import type { Corners } from "./box-list.js";
import type { BoxRow } from "./csv-boxes.js";
import type { CsvFile } from "./csv-files.js";

/** A row's box, or what is wrong with it. */
export function viaRow({ fields, line }: CsvRow, { columns }: CsvFile): BoxRow | string {
  const picture = fields[columns.filename] ?? "";
  if (picture === "") return "has no picture's name";
  const shape = objectIn(fields[columns.region_shape_attributes]);
  const attributes = objectIn(fields[columns.region_attributes]);
  if (shape === undefined) return "region_shape_attributes is no JSON object";
  // A picture without regions has one row without a shape.
  if (Object.keys(shape).length === 0) return { picture, line };
  const name = classIn(attributes ?? {});
  if (name === undefined) return "region_attributes names no class, or more than one";
  const box = boxOf(shape);
  return box === undefined
    ? `a region of the shape "${String(shape.name)}" has no box; draw rectangles`
    : { picture, line, class: name, box };
}

function objectIn(text = ""): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const classAttributes = ["class", "label", "name", "category", "type"];

/**
 * The class in the attribute of that name, or in the only attribute. For checkboxes such as `{"bolt": true}`, the name
 * of the checked one.
 */
function classIn(attributes: Record<string, unknown>): string | undefined {
  const keys = Object.keys(attributes);
  const key = classAttributes.find((name) => keys.includes(name)) ?? (keys.length === 1 ? keys[0] : undefined);
  const value = key === undefined ? undefined : attributes[key];
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value.trim() || undefined;
  const checked =
    typeof value === "object" && value !== null ? Object.entries(value).filter(([, on]) => on === true) : [];
  return checked.length === 1 ? checked[0][0] : undefined;
}

function boxOf(shape: Record<string, unknown>): Corners | undefined {
  const number = (key: string) => (typeof shape[key] === "number" ? (shape[key] as number) : Number.NaN);
  const around = (x: number, y: number, across: number, down: number) =>
    [x, y, across, down].every(Number.isFinite)
      ? { left: x - across, top: y - down, right: x + across, bottom: y + down }
      : undefined;
  if (shape.name === "rect") {
    const [x, y, width, height] = ["x", "y", "width", "height"].map(number);
    return [x, y, width, height].every(Number.isFinite) && width >= 0 && height >= 0
      ? { left: x, top: y, right: x + width, bottom: y + height }
      : undefined;
  }
  if (shape.name === "circle") return around(number("cx"), number("cy"), number("r"), number("r"));
  if (shape.name === "ellipse") return around(number("cx"), number("cy"), number("rx"), number("ry"));
  const [xs, ys] = [shape.all_points_x, shape.all_points_y];
  if (!isNumbers(xs) || !isNumbers(ys) || xs.length < 3 || xs.length !== ys.length) return undefined;
  const least = (list: readonly number[]) => list.reduce((a, b) => Math.min(a, b));
  const most = (list: readonly number[]) => list.reduce((a, b) => Math.max(a, b));
  return { left: least(xs), top: least(ys), right: most(xs), bottom: most(ys) };
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => typeof each === "number");
