/** Health of a controller and its hosts: the problems, and advice for each. */
import type { Verdict } from '../api/shapes.ts';
import { named } from '../api/verdict.ts';
import { isUnserved, membersInForce } from '../config/model/criteria-sets.ts';
import type { Controller } from './controller.ts';
import type { Term } from './term.ts';

type Problems = Verdict['problems'];

/** A host without a report for longer is late. */
const LATE_MS = 10_000;

export function controllerProblems(controller: Controller): Problems {
  const { leadership: term, setAside } = controller;
  const problems: Problems = [...setAside].map(([key, problem]) => ({
    problem: `${key} in the store is malformed (${problem})`,
    advice: 'remove the document, or rewrite it by a reload',
  }));
  problems.push(...leaderless(controller));
  if (term !== undefined)
    problems.push(
      ...groupProblems(controller),
      ...uncheckedProblems(controller),
      ...agentProblems(term),
      ...awayProblems(controller),
      ...vmProblems(controller),
    );
  return problems;
}

export const leaderless = ({ leadership, leader }: Controller): Problems =>
  leadership === undefined && leader === undefined
    ? [{ problem: 'no controller leads', advice: 'see that the store answers and another controller runs' }]
    : [];

function groupProblems({ groups, runtime }: Controller): Problems {
  const nowMs = runtime.wallMs();
  const [empty, failed]: [string[], string[]] = [[], []];
  for (const [name, { group }] of groups) {
    const members = membersInForce(group, nowMs);
    for (const member of members) if (member.state === 'failed') failed.push(`${name}/${member.name}`);
    if (isUnserved(group, nowMs)) empty.push(name);
  }
  const show = (group: string): string => `see sluice group show ${group}`;
  return [
    ...(empty.length === 0
      ? []
      : [
          {
            problem: `no member serves group ${named(empty)}`,
            advice: `add or revive one; ${show(empty[0]!)}`,
          },
        ]),
    ...(failed.length === 0
      ? []
      : [
          {
            problem: `failed: ${named(failed)}`,
            advice: show(failed[0]!.slice(0, failed[0]!.lastIndexOf('/'))),
          },
        ]),
  ];
}

function uncheckedProblems({ healthChecks }: Controller): Problems {
  const groups = healthChecks.uncheckedGroups();
  if (groups.length === 0) return [];
  const advice = `give its network a probeAddress on each host; see sluice group show ${groups[0]}`;
  return [{ problem: `nobody checks the members of group ${named(groups)}`, advice }];
}

function agentProblems({ agents, distribution, runtime }: Term): Problems {
  const nowMs = runtime.monotonicMs();
  return [...agents.values()].flatMap(({ host, lastReportMs }) => {
    const error = distribution.feedOf(host)?.error ?? '';
    const isLate = lastReportMs !== undefined && nowMs - lastReportMs > LATE_MS;
    return [
      ...(error === ''
        ? []
        : [{ problem: `host ${host} refuses its rules (${error})`, advice: 'see its log' }]),
      ...(isLate ? [{ problem: `host ${host} does not report`, advice: 'see sluice status there' }] : []),
    ];
  });
}

/** Hosts that should be attached; after an election each has a moment to come. */
function awayProblems({ hosts, runtime }: Controller): Problems {
  return hosts
    .away()
    .filter(({ sinceMs }) => runtime.wallMs() - sinceMs > LATE_MS)
    .map(({ host, sinceMs }) => ({
      problem: `host ${host} is away since ${new Date(sinceMs).toISOString()}`,
      advice: `start it; if it is gone for good, sluice agent forget ${host}`,
    }));
}

function vmProblems({ vms: { manager } }: Controller): Problems {
  return manager.list().flatMap(({ id }) => {
    const why = manager.waitsFor(id);
    return why === undefined ? [] : [{ problem: `VM ${id} waits: ${why}`, advice: 'see sluice vm list' }];
  });
}
