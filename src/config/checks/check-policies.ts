/** Policies and scaling: settings that fit the kind of policy, bounds that do not contradict each other. */
import type { PolicyKind } from '../../policy/policy-config.ts';
import { parseDuration } from '../model/duration.ts';
import { expectOneOf, type Path, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import type { Lenient } from '../schema/shape.ts';
import { located } from './topology.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;
type TemplateView = Lenient<NonNullable<ConfigInput['templates']>[number]>;
type PolicyView = Exclude<NonNullable<GroupView['policy']>, string>;
type SideView = NonNullable<NonNullable<GroupView['scaling']>['members']>;

export function checkPolicies(view: Lenient<ConfigInput>, report: Report): void {
  const templates = (view.templates ?? []).flatMap((template) => template?.name ?? []);
  const membersOf = new Map(
    (view.groups ?? []).map((group) => [group?.scaling?.members?.template, group?.name]),
  );
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group === undefined) continue;
    const path = ['groups', i];
    const { policy, scaling } = group;
    if (policy !== undefined && typeof policy !== 'string') checkPolicy(policy, [...path, 'policy'], report);
    for (const side of ['members', 'sources'] as const) {
      const settings = scaling?.[side];
      if (settings === undefined) continue;
      const at = [...path, 'scaling', side];
      checkScaling(settings, at, report);
      if (settings.template !== undefined && !templates.includes(settings.template)) {
        report([...at, 'template'], show(settings.template), expectOneOf(settings.template, templates));
      }
      if (side === 'members' || settings.template === undefined) continue;
      const template = view.templates?.find((candidate) => candidate?.name === settings.template);
      if (template === undefined) continue;
      checkSource(template, group, [...at, 'template'], report);
      if (membersOf.has(template.name)) {
        const found = `${show(template.name)}, by which the members of group ${membersOf.get(template.name)} scale`;
        report([...at, 'template'], found, 'a template of which nobody else decides how many VMs there are');
      }
    }
    if (scaling !== undefined && !('members' in scaling) && !('sources' in scaling)) {
      report([...path, 'scaling'], 'neither members nor sources', 'one of them, or both');
    }
  }
}

/** The group's rules must apply to the VMs that are added, or scaling would add them without end. */
function checkSource(template: TemplateView, group: GroupView, path: Path, report: Report): void {
  const networks = located(group.network, []).map(({ value }) => value);
  if (networks.length > 0 && template.network !== undefined && !networks.includes(template.network)) {
    const found = `${show(template.name)} on network ${template.network}`;
    report(path, found, `a template on the group's network, ${networks.join(' or ')}`);
  }
  const missing = Object.entries(group.from ?? {}).filter(
    ([label, value]) => template.labels?.[label] !== value,
  );
  if (missing.length === 0) return;
  const labels = missing.map(([label, value]) => `${label}: ${value}`).join(', ');
  report(
    path,
    `${show(template.name)} without ${labels}`,
    "a template with the labels of the group's `from`",
  );
}

/** Settings that only one kind of policy has. */
const OWNERS: Readonly<Partial<Record<keyof PolicyView, PolicyKind>>> = {
  metric: 'inverse-load',
  spread: 'inverse-load',
  localSpread: 'inverse-load',
  tolerance: 'inverse-load',
  flowLimit: 'inverse-load',
};

function checkPolicy(policy: PolicyView, path: Path, report: Report): void {
  for (const [key, owner] of Object.entries(OWNERS)) {
    const value = policy[key as keyof PolicyView];
    if (value === undefined || policy.kind === undefined || policy.kind === owner) continue;
    report(
      [...path, key],
      `${show(value)} with kind ${policy.kind}`,
      `kind: ${owner}, as no other has a ${key}`,
    );
  }
  if (policy.perLoadBalancer === true && (policy.mode ?? 'distribute-rules') !== 'distribute-rules') {
    const expected = 'mode: distribute-rules, as agents compute for each of their load balancers anyway';
    report([...path, 'perLoadBalancer'], `true with mode ${policy.mode}`, expected);
  }
  const { interval, staleAfter } = policy;
  if (staleAfter !== undefined || interval !== undefined) {
    const intervalMs = parseDuration(interval ?? '1s')!;
    if (parseDuration(staleAfter ?? '10s')! < 2 * intervalMs) {
      const found = staleAfter === undefined ? '10s, the default' : show(staleAfter);
      report(
        [...path, 'staleAfter'],
        found,
        `at least twice the interval of ${interval ?? '1s'}, so that a report may be late`,
      );
    }
  }
}

function checkScaling(side: SideView, path: Path, report: Report): void {
  const { average, single, minimum, maximum, step } = side;
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
    report([...path, 'minimum'], show(minimum), `at most the maximum of ${maximum}`);
  }
  if (step !== undefined && maximum !== undefined && step > maximum) {
    report([...path, 'step'], show(step), `at most the maximum of ${maximum}`);
  }
  for (const [name, bounds] of Object.entries({ average, single })) {
    if (bounds?.above === undefined || bounds.below === undefined || bounds.below < bounds.above) continue;
    report([...path, name, 'below'], show(bounds.below), `less than above, which is ${bounds.above}`);
  }
}
