/** Converts the plural texts of `Counted.what` to the singular. */

const nouns: Readonly<Record<string, string>> = {
  annotations: "annotation",
  boxes: "box",
  copies: "copy",
  entries: "entry",
  files: "file",
  folders: "folder",
  lines: "line",
  links: "link",
  objects: "object",
  pictures: "picture",
  polygons: "polygon",
  regions: "region",
  rows: "row",
  sequences: "sequence",
  shapes: "shape",
  tables: "table",
};

const verbs: Readonly<Record<string, string>> = {
  are: "is",
  get: "gets",
  have: "has",
  lead: "leads",
  lose: "loses",
  reach: "reaches",
};

/** Texts in which more than the first noun and its verbs changes. */
const whole: Readonly<Record<string, string>> = {
  "annotations of pictures that have one already": "annotation of a picture that has one already",
  "boxes outside of their pictures are left out": "box outside of its picture is left out",
  "crowd regions become difficult boxes: VOC has no crowds": "crowd region becomes a difficult box: VOC has no crowds",
  "entries of pictures that have one already are joined to it":
    "entry of a picture that has one already is joined to it",
  "entries that are no readable files": "entry that is no readable file",
  "files that are no pictures": "file that is no picture",
  "files with flags of the whole picture, which are no objects":
    "file with flags of the whole picture, which are no objects",
  "label files are found though case or Unicode form of their names differs":
    "label file is found though case or Unicode form of its name differs",
  "labels of pictures that have some already": "label file of a picture that has some already",
  "pictures are larger or smaller than their labels state, in the same shape: boxes are scaled":
    "picture is larger or smaller than its labels state, in the same shape: its boxes are scaled",
  "points and lines, which are no objects": "point or line, which is no object",
  "polygons are read as the boxes around them": "polygon is read as the box around it",
};

/** Turns `rows equal to one before are left out` into `row equal to one before is left out`. */
export function singular(what: string): string {
  if (Object.hasOwn(whole, what)) return whole[what];
  const noun = /\b[a-z]+\b/g;
  let seen = false;
  return what.replace(noun, (word) => {
    if (seen) return Object.hasOwn(verbs, word) ? verbs[word] : word;
    seen = Object.hasOwn(nouns, word);
    return seen ? nouns[word] : word;
  });
}
