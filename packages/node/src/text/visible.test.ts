import { describe, expect, it } from "vitest";
import { visible, visibleLines } from "./visible.js";

describe("text from files", () => {
  it("is shown without doing anything to the terminal", () => {
    expect(visible("plain é 漢字 \u{1f600} \\ ' ")).toBe("plain é 漢字 \u{1f600} \\ ' ");
    expect(visible("a\nb\r\tc")).toBe("a\\nb\\r\\tc");
    expect(visible("\u001b[31mred\u009b")).toBe("\\u001b[31mred\\u009b");
    expect(visible("gnp\u202e.exe\u200f\u2066\ufeff")).toBe("gnp\\u202e.exe\\u200f\\u2066\\ufeff");
    expect(visible("half \ud800 pair")).toBe("half \\ud800 pair");
    expect(visibleLines("a\u0007\nb")).toBe("a\\u0007\nb");
  });
});
