/**
 * The page's content security policy: it may load its own files and compile WebAssembly, but no inline script and no
 * other site.
 */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  // The threads of a training are workers from a blob: address.
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  // Workers read files that the user opened in the page at their blob: addresses.
  "connect-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Only the header can forbid framing of the page; a meta element cannot. */
export const contentSecurityPolicy = `${pagePolicy}; frame-ancestors 'none'`;
