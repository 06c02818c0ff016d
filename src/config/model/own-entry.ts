/** Records whose keys are names that people choose: a name such as `constructor` is no entry unless somebody made it one. */
export const ownEntry = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
