import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run on source: no build between an edit and a test.
  resolve: { conditions: ["@phinets/source"] },
  ssr: { resolve: { conditions: ["@phinets/source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    // Vitest leaves one core free, which on two is half of them: here child processes and threads wait for each other anyway.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: "./test/shared-objects.ts",
    // What is waited for may take long where other work has the cores.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
