/** What the page may load and run: its own files, and WebAssembly that it compiles. No inline script, no other site. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  // Threads of a training are workers of a blob: address.
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  // A worker reads files that the user gave to the page at their blob: addresses.
  "connect-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** As a header it also says that no page may frame this one, which a meta element cannot. */
export const contentSecurityPolicy = `${pagePolicy}; frame-ancestors 'none'`;
