/** A table of what has changed, latest first. */
import type { Change } from '../frames.ts';
import { RowTable } from './row-table.ts';
import { groupHref } from './views/view.ts';

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** `hasGroup`: with a column that leads to the group. */
export function changeTable(hasGroup: boolean): RowTable<Change> {
  const group = {
    title: 'Group',
    text: (row: Change) => row.group,
    href: (row: Change) => groupHref(row.group),
  };
  const member = { title: 'Member', text: (row: Change) => row.member ?? '' };
  return new RowTable<Change>({
    label: 'Changes',
    keyOf: (row) => `${row.at} ${row.group} ${row.member} ${row.what}`,
    empty: 'Nothing has changed since somebody looks',
    columns: [
      { title: 'Time', text: ({ at }) => time.format(at), value: ({ at }) => at },
      hasGroup ? group : member,
      { title: 'Change', text: ({ what }) => what, tone: ({ isBad }) => (isBad ? 'bad' : undefined) },
    ],
  });
}
