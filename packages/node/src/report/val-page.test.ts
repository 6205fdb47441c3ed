import { evaluateCalibration, evaluateClassification } from "@phinets/core/evaluation";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { valPage } from "./evaluation-pages.js";

describe("the page of val", () => {
  it("shows a classifier's confusion, calibration and classes", () => {
    // Two of three are right; the wrong one has a probability of .9.
    const probabilities = [0.8, 0.2, 0.1, 0.9, 0.1, 0.9];
    const labels = [0, 1, 0];
    const { confusion, ...figures } = evaluateClassification(Float32Array.from(probabilities), labels, 2);
    const calibration = evaluateCalibration(probabilities, labels, 2);
    const page = valPage(
      {
        task: "classify",
        ...figures,
        confusion: Array.from(confusion),
        calibrationError: calibration.ECE,
        calibration,
      },
      ["cat", "<b>dog"],
      "a run",
      "Of three pictures.",
    );
    const { document } = parseHTML(page);
    expect([...document.querySelectorAll(".card")].map((card) => card.textContent)).toEqual([
      "top-166.67 %",
      "top-5100.00 %",
      "calibration error0.333",
    ]);
    const matrix = [...document.querySelectorAll("table.matrix tbody tr")].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    );
    expect(matrix).toEqual([
      ["cat", "1", "1"],
      ["<b>dog", "·", "1"],
    ]);
    const text = document.querySelector("main")!.textContent;
    expect(text).toContain("Expected calibration error 0.333, largest 0.400");
    // Two bars, drawn for desktop and for phone widths.
    for (const width of ["wide", "narrow"])
      expect(document.querySelectorAll(`.on-${width} svg rect`).length, width).toBe(2);
    expect(page).not.toMatch(/NaN|undefined|<b>dog/);
  });
});
