/** Sent once over IPC by a detached process to the command that started it. */
export type StartOutcome =
  | { readonly kind: 'ready'; readonly summary: string }
  | { readonly kind: 'failed'; readonly exitCode: number; readonly message: string };
