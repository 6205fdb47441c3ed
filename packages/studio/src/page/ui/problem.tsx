/** An error where it belongs: what is wrong and what to do, in its own words. */
export function Problem({ error }: { readonly error: unknown }) {
  return (
    <p class="problem" role="alert">
      {error instanceof Error ? error.message : String(error)}
    </p>
  );
}
