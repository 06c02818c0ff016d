/** Looks up a user-chosen name in a record; inherited properties such as `constructor` are not entries. */
export const ownEntry = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
