/** Hosts with their ports, the groups, and who sends to whom. */
import type { FleetState } from '../../view/fleet-state.ts';
import { busiest, type Link, type Node } from '../../view/picture.ts';
import { bitRate, counted, short } from '../../view/units.ts';
import { h, setText } from '../dom.ts';
import { PictureView } from '../picture.ts';
import { groupHref, type View } from './view.ts';

/** Nodes on each side; more are unreadable. */
const MAX_NODES = 24;

export class Topology implements View {
  readonly title = 'Topology';
  readonly element: HTMLElement;
  private readonly picture = new PictureView(
    'Who sends to whom: ports of hosts on the left, groups on the right',
  );
  private readonly note = h('p', { class: 'hint' });

  constructor() {
    this.element = h(
      'section',
      { 'aria-label': 'Topology' },
      h('h2', {}, 'Who sends to whom'),
      this.note,
      this.picture.element,
    );
  }

  update(state: FleetState): void {
    const senders = state.rows('senders');
    const rates = new Map<string, { activeFlows: number; bytesPerSecond: number }>();
    const links = senders.map((row): Link => {
      const link = {
        from: portId(row.host, row.loadBalancer),
        to: `group ${row.group}`,
        load: row.bytesPerSecond,
      };
      rates.set(`${link.from} ${link.to}`, row);
      return { ...link, load: link.load + row.activeFlows };
    });
    const [left, right] = [busiest(links, 'from', MAX_NODES), busiest(links, 'to', MAX_NODES)];
    const groups = groupNodes(state, new Set(right.ids));
    const ports = portNodes(state, new Set(left.ids));
    setText(
      this.note,
      [
        'The thickness of a line is the load. ',
        ...(links.length === 0 ? ['Nobody sends anything now. '] : []),
        ...(left.others > 0 ? [`${counted(left.others, 'quieter port')} left out. `] : []),
        ...(right.others > 0 ? [`${counted(right.others, 'quieter group')} left out. `] : []),
      ].join(''),
    );
    this.picture.update({
      columns: [ports, groups],
      links,
      describe: (link) => {
        const row = rates.get(`${link.from} ${link.to}`);
        const flows = `${short(row?.activeFlows ?? 0)} flows, ${bitRate(row?.bytesPerSecond ?? 0)}`;
        return `${link.from.replace(/^port /, '')} → ${link.to.replace(/^group /, '')}: ${flows}`;
      },
    });
  }

  close(): void {
    this.picture.close();
  }
}

const portId = (host: string, port: string): string => `port ${host} ${port}`;

/** Ports that send, then others as long as there is room; by host. */
function portNodes(state: FleetState, sending: ReadonlySet<string>): Node[] {
  const known = new Map(state.rows('ports').map((row) => [portId(row.host, row.port), row]));
  const ids = [...sending];
  for (const id of known.keys()) if (ids.length < MAX_NODES && !sending.has(id)) ids.push(id);
  const senders = new Map(state.rows('senders').map((row) => [portId(row.host, row.loadBalancer), row]));
  const nodes = ids.map((id): Node => {
    const [row, sender] = [known.get(id), senders.get(id)];
    if (row === undefined)
      return { id, label: sender?.loadBalancer || 'all ports', note: '', heading: sender?.host ?? '' };
    const note = row.state === 'up' ? `${bitRate(row.rxBytesPerSecond + row.txBytesPerSecond)}` : row.state;
    return { id, label: row.port, note, heading: row.host, isBad: row.state !== 'up' };
  });
  return nodes.sort((a, b) => natural(a.heading ?? '', b.heading ?? '') || natural(a.label, b.label));
}

/** Groups with load, then others as long as there is room. */
function groupNodes(state: FleetState, loaded: ReadonlySet<string>): Node[] {
  const rows = state.rows('groups');
  const shown = rows.filter(({ group }) => loaded.has(`group ${group}`));
  for (const row of rows) if (shown.length < MAX_NODES && !shown.includes(row)) shown.push(row);
  return shown.map((row) => ({
    id: `group ${row.group}`,
    label: row.group,
    note:
      row.failed > 0 ? `${row.failed} of ${row.members} failed` : `${row.active} of ${row.members} active`,
    href: groupHref(row.group),
    isBad: row.failed > 0 || row.active === 0,
  }));
}

const natural = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
