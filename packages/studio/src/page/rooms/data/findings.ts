/** The doctor's report as a list of findings with the pictures concerned. */
import type { DoctorReport } from "@phinets/core/data";

export interface Finding {
  readonly kind: "bad file" | "bad row" | "copies" | "leak" | "disagreeing labels";
  readonly text: string;
  /** Paths as in the report. */
  readonly files: readonly string[];
}

export function findingsOf(report: DoctorReport): Finding[] {
  const { badFiles, badRows, disagreeing, duplicates, leaks } = report;
  return [
    ...badFiles.map(({ file, reason }): Finding => ({ kind: "bad file", text: reason, files: [file] })),
    ...badRows.map(({ file, reason }): Finding => ({ kind: "bad row", text: reason, files: [file] })),
    ...disagreeing.map(
      ({ files, labels }): Finding => ({
        kind: "disagreeing labels",
        text: `the same picture shows ${labels[0]} and ${labels[1]}`,
        files,
      }),
    ),
    ...leaks.flatMap(({ split, examples }) =>
      examples.map(
        ({ file, like, in: other, kind }): Finding => ({
          kind: "leak",
          text: `${split} shares a picture with ${other} (${kind})`,
          files: [file, like],
        }),
      ),
    ),
    ...duplicates.map(
      ({ files, acrossSplits }): Finding => ({
        kind: "copies",
        text: `${files.length} copies${acrossSplits ? ", in several splits" : ""}`,
        files,
      }),
    ),
  ];
}

/**
 * Numbers of the pictures whose paths end a report's files: reports have full paths, catalogues have paths within the
 * data set.
 */
export function picturesOf(files: readonly string[], catalogue: { readonly files: readonly string[] }): number[] {
  return files.flatMap((file) => {
    const n = catalogue.files.findIndex((each) => file === each || file.endsWith(`/${each}`));
    return n < 0 ? [] : [n];
  });
}
