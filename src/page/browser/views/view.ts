/** A view fills the page's main part. */
import type { FleetState } from '../../view/fleet-state.ts';

export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  /** After each frame of the state, and once at the beginning. */
  update(state: FleetState): void;
  close(): void;
}

export const groupHref = (group: string): string => `#/group/${encodeURIComponent(group)}`;
