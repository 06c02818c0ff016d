/** Events of ports and uplinks that a change of the configuration brings and takes. */
import type { Configuration } from '../../config/model/model.ts';
import type { NewEvent } from '../../events/event.ts';

type Ports = Pick<Configuration, 'ports' | 'uplinks'>;

/** `returned`: ports whose devices had disappeared and are there again. */
export function portEvents(before: Ports, after: Ports, returned: ReadonlySet<string>): NewEvent[] {
  const [were, are] = [namesOf(before.ports), namesOf(after.ports)];
  const [wereUplinks, areUplinks] = [namesOf(before.uplinks), namesOf(after.uplinks)];
  return [
    ...missing(were, are).map((subject): NewEvent => ({ type: 'port.removed', subject })),
    ...missing(are, were).map((subject): NewEvent => ({ type: 'port.added', subject })),
    ...[...returned]
      .filter((name) => were.has(name) && are.has(name))
      .map((subject): NewEvent => ({ type: 'port.up', subject, reason: 'its device is made again' })),
    ...missing(wereUplinks, areUplinks).map((subject): NewEvent => ({ type: 'uplink.removed', subject })),
    ...missing(areUplinks, wereUplinks).map((subject): NewEvent => ({ type: 'uplink.added', subject })),
  ];
}

const namesOf = (list: readonly { readonly name: string }[] = []): Set<string> =>
  new Set(list.map(({ name }) => name));

const missing = (from: ReadonlySet<string>, other: ReadonlySet<string>): string[] =>
  [...from].filter((name) => !other.has(name));
