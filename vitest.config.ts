import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run on source: no build between an edit and a test.
  resolve: { conditions: ["@phinets/source"] },
  ssr: { resolve: { conditions: ["@phinets/source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
