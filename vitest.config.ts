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
    testTimeout: 240_000,
    hookTimeout: 240_000,
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
