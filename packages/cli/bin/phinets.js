#!/usr/bin/env node
import("../dist/main.js").catch((error) => {
  // Before the program has begun nobody else says it in words.
  if (error.code !== "EMFILE" && error.code !== "ENFILE") throw error;
  process.stderr.write(`error: ${error.message}; allow this process more open files (ulimit -n 1024)\n`);
  process.exitCode = 1;
});
