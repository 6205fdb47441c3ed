import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run on source: no build between an edit and a test.
  resolve: { conditions: ["@phinets/source"] },
  ssr: { resolve: { conditions: ["@phinets/source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    // One more than two cores have: many files wait for a browser, a server or a worker of theirs.
    maxWorkers: Math.max(3, availableParallelism()),
    globalSetup: "./test/shared-objects.ts",
    // What is waited for may take long where other work has the cores.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
