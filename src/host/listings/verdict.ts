/** Health of the host: the problems, and advice for each. */
import type { ControllersStatus, Verdict } from '../../api/shapes.ts';
import { named } from '../../api/verdict.ts';
import { isUnserved, membersInForce } from '../../config/model/criteria-sets.ts';
import type { Host } from '../host.ts';
import { fullTables } from '../table-fill.ts';

type Problems = Verdict['problems'];

/** `nowMs`: wall clock. */
export function hostProblems(host: Host, { link, setAside }: ControllersStatus, nowMs: number): Problems {
  return [
    ...missing(host),
    ...uplinkProblems(host),
    ...(link.state === 'attached'
      ? []
      : [
          {
            problem: `not attached to a controller since ${link.since}${link.lastError === null ? '' : ` (${link.lastError})`}`,
            advice: 'the last rules stay in force; see that the controllers run and can be reached',
          },
        ]),
    ...fullTables(host.tables).map(({ table, inUse, max, advice }) => ({
      problem: `${inUse} of ${max} ${table} are in use`,
      advice,
    })),
    ...groupProblems(host, nowMs),
    ...setAside.map(({ key, problem }) => ({
      problem: `${key} in the store is malformed (${problem})`,
      advice: 'remove the document, or rewrite it by a reload',
    })),
  ];
}

/** Conditions under which the host is ready: for /readyz. */
export const unready = (host: Host, { kind, link }: ControllersStatus): Problems => [
  ...missing(host),
  ...(kind === 'remote' && link.state !== 'attached' && host.configuration.groups.length === 0
    ? [{ problem: 'no rules', advice: 'no controller has answered yet' }]
    : []),
];

function missing({ configuration, ports }: Host): Problems {
  const gone = configuration.ports.map(({ name }) => name).filter((name) => !ports.isUp(name));
  if (gone.length === 0) return [];
  const problem = `the interface of port ${named(gone)} is gone`;
  return [
    { problem, advice: 'bring the namespace back, or take the port out of the configuration, and reload' },
  ];
}

const uplinkProblems = ({ configuration, uplinks }: Host): Problems =>
  (configuration.uplinks ?? []).flatMap(({ name, interface: device }) => {
    const { state } = uplinks.view(name);
    if (state === 'up') return [];
    return [
      {
        problem: `uplink ${name} is ${state}`,
        advice: `look at interface ${device}: ip link show ${device}`,
      },
    ];
  });

function groupProblems({ configuration }: Host, nowMs: number): Problems {
  const problems: Problems = [];
  const failed: string[] = [];
  const empty: string[] = [];
  for (const group of configuration.groups) {
    const members = membersInForce(group, nowMs);
    for (const { name, state } of members) if (state === 'failed') failed.push(`${group.name}/${name}`);
    if (isUnserved(group, nowMs)) empty.push(group.name);
  }
  if (empty.length > 0) {
    const problem = `no member serves group ${named(empty)}`;
    problems.push({ problem, advice: `add or revive one; see sluice group show ${empty[0]}` });
  }
  if (failed.length > 0) {
    const problem = `failed: ${named(failed)}`;
    problems.push({
      problem,
      advice: `see sluice group show ${failed[0]!.slice(0, failed[0]!.lastIndexOf('/'))}`,
    });
  }
  return problems;
}
