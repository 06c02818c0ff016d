/** What a detached host process tells the `up` that has started it, by IPC, once. */
export type StartOutcome =
  | { readonly kind: 'ready'; readonly summary: string }
  | { readonly kind: 'failed'; readonly exitCode: number; readonly message: string };
