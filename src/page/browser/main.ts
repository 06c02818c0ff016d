/** The page: its head, which is always there, and one view, chosen by the fragment of the address. */
import { STATE_EVENT, type StateFrame } from '../frames.ts';
import { FleetState } from '../view/fleet-state.ts';
import { h, setAttribute, setText } from './dom.ts';
import { Stream, type StreamState } from './stream.ts';
import { Events } from './views/events.ts';
import { Flows } from './views/flows.ts';
import { Group } from './views/group.ts';
import { changesView, dropsView, portsView } from './views/lists.ts';
import { Overview, TotalHistory } from './views/overview.ts';
import { Topology } from './views/topology.ts';
import type { View } from './views/view.ts';

const history = new TotalHistory();
const state = new FleetState();

const VIEWS: readonly (readonly [path: string, title: string, make: () => View])[] = [
  ['', 'Overview', () => new Overview(history)],
  ['topology', 'Topology', () => new Topology()],
  ['ports', 'Ports', portsView],
  ['flows', 'Flows', () => new Flows()],
  ['drops', 'Drops', dropsView],
  ['events', 'Events', () => new Events()],
  ['changes', 'Changes', changesView],
];

const byId = (id: string): HTMLElement => document.getElementById(id)!;
const main = byId('main');
const links = VIEWS.map(([path, title]) => h('a', { href: `#/${path}`, 'data-path': path }, title));
byId('views').append(...links.map((link) => h('li', {}, link)));

let view: View | undefined;

/** `#/`, `#/flows`, `#/group/NAME` */
function show(isFirst = false): void {
  const [path = '', name] = location.hash.replace(/^#\/?/, '').split('/');
  view?.close();
  view = viewAt(path, name);
  for (const link of links) {
    const isCurrent = link.dataset.path === path || (path === 'group' && link.dataset.path === '');
    setAttribute(link, 'aria-current', isCurrent ? 'page' : undefined);
  }
  main.replaceChildren(view.element);
  view.update(state);
  scrollTo(0, 0);
  // As after a link to another document: reading goes on at the beginning of what is new.
  if (!isFirst) main.focus({ preventScroll: true });
  showTitle();
}

function viewAt(path: string, name: string | undefined): View {
  if (path === 'group' && name !== undefined) return new Group(decoded(name));
  const found = VIEWS.find(([own]) => own === path) ?? VIEWS[0]!;
  return found[2]();
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function showTitle(): void {
  document.title = `${view!.title} · ${state.self?.name ?? 'Sluice'} · Sluice`;
}

const ROLES: Readonly<Record<string, string>> = {
  embedded: 'with its own controller',
  remote: 'groups from its controllers',
};

function showHead(): void {
  const { self } = state;
  if (self === undefined) return;
  setText(byId('name'), `${self.kind} ${self.name}`);
  setText(
    byId('role'),
    `${ROLES[self.role] ?? self.role} · version ${self.version} · revision ${self.revision}`,
  );
  const problems = self.verdict.problems.length + (self.problem === null ? 0 : 1);
  const verdict = byId('verdict');
  setText(verdict, problems === 0 ? 'all is well' : problems === 1 ? '1 problem' : `${problems} problems`);
  verdict.dataset.tone = problems === 0 ? 'good' : 'bad';
}

const CONNECTION: Readonly<Record<StreamState, string>> = {
  connecting: 'connecting…',
  live: 'live',
  lost: 'connection lost, trying again',
};

new Stream<StateFrame>(
  '/page/state',
  STATE_EVENT,
  (frame) => {
    state.take(frame);
    history.add(frame.at, state.totals().newFlowsPerSecond);
    showHead();
    showTitle();
    view?.update(state);
  },
  (connection) => {
    const element = byId('connection');
    setText(element, CONNECTION[connection]);
    element.dataset.tone = connection === 'live' ? 'good' : 'warn';
  },
);

byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener('hashchange', () => show());
show(true);
