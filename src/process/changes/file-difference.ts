/**
 * `diff -c FILE` and `reload -c FILE --dry-run`: how a file differs from the state in force, and what a reload of it
 * would change. Groups in force include changes by commands; effects of health checks and policies do not count as
 * differences.
 */
import type { Changed, Difference } from '../../api/shapes.ts';
import { asInFile, type DifferentEntry, differences } from '../../config/model/configuration-difference.ts';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import type { Controller } from '../../controller/controller.ts';
import type { GroupState, GroupStates } from '../../controller/groups/group-states.ts';
import type { NewEvent } from '../../events/event.ts';
import { unchangeable } from '../../host/ports/reload-plan.ts';

/** The local state in force. */
export interface InForce {
  /** The file as last loaded, without its groups. */
  readonly configuration: Configuration;
  readonly groups: readonly GroupConfig[];
  /** Who made an entry differ from the file, if known. */
  changeOf(entry: DifferentEntry): Pick<Difference, 'by' | 'at'>;
}

const UNKNOWN = { by: null, at: null };

/** `next`: groups in force after a reload; absent: those of the file itself. */
export function fileDifference(
  { configuration, groups, changeOf }: InForce,
  file: Configuration,
  next: readonly GroupConfig[] = file.groups,
): Difference[] {
  const restart = new Set(unchangeable(configuration, file).map(({ path }) => path));
  const entries = [
    ...differences({ ...configuration, groups: [] }, { ...file, groups: [] }),
    ...differences(groups.map(asInFile), next.map(asInFile), ['groups']),
  ];
  return entries.map((entry) => {
    const path = entry.path.join('.');
    const { by, at } = changeOf(entry);
    return {
      path,
      inForce: entry.a ?? null,
      file: entry.b ?? null,
      by,
      at,
      needsRestart: restart.has(path),
    };
  });
}

/** Paths of an event; more are counted. */
const MAX_PATHS = 50;

/** A reload that was made; `differences`: what it has changed. */
export function reloadEvent(
  path: string,
  by: string | undefined,
  { revision }: Changed,
  differences: readonly Difference[],
): NewEvent {
  const changed = differences.slice(0, MAX_PATHS).map((one) => one.path);
  return {
    type: 'config.reloaded',
    subject: path,
    reason: differences.length === 0 ? 'nothing has changed' : '',
    actor: by ?? '',
    details: { revision, changes: differences.length, changed },
    line: `reloaded ${path}: revision ${revision}`,
  };
}

/** Of a process with a controller. */
export const inForceAt = (controller: Controller): InForce => ({
  configuration: controller.configuration,
  groups: groupsOf(controller.groups),
  changeOf: ({ path: [section, group, list, entry, , ofPriority] }) => {
    const member = list === 'priorities' ? ofPriority : entry;
    if (section !== 'groups' || group === undefined) return UNKNOWN;
    const state = controller.groups.get(group);
    if (state === undefined) return signature(controller.tombstoneOf(group));
    const isOfMember = ['members', 'criteria', 'priorities'].includes(list ?? '') && member !== undefined;
    return isOfMember ? memberSignature(state, member) : UNKNOWN;
  },
});

/** Groups in force after the controller has applied the file. */
export const groupsAfterReload = (controller: Controller, file: Configuration): GroupConfig[] =>
  groupsOf(controller.previewStates(file));

/** For a host whose groups come from other machines. */
export const inForceFromElsewhere = (
  configuration: Configuration,
  groups: readonly GroupConfig[],
): InForce => ({ configuration, groups, changeOf: () => UNKNOWN });

const groupsOf = (states: GroupStates): GroupConfig[] =>
  [...states.values()].map(({ beforeHealth }) => beforeHealth);

function memberSignature({ overrides }: GroupState, member: string): Pick<Difference, 'by' | 'at'> {
  const override = overrides.get(member);
  return override?.by === undefined ? UNKNOWN : signature({ by: override.by, atMs: override.atMs ?? 0 });
}

const signature = (change: { by: string; atMs: number } | undefined): Pick<Difference, 'by' | 'at'> =>
  change === undefined ? UNKNOWN : { by: change.by, at: new Date(change.atMs).toISOString() };
