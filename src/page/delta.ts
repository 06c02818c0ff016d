/**
 * The state as text, section by section and row by row, and what differs from the text before: a row that has not changed is
 * compared, not sent.
 */
import { SECTIONS, type SectionName, type Sections, type Self } from './frames.ts';

export type Rows = {
  readonly [Name in SectionName]: readonly (readonly [key: string, row: Sections[Name]])[];
};

export class Delta {
  private texts = new Map<SectionName, Map<string, string>>();
  private at = 0;
  private self = 'null';

  /** Takes the next state and returns the frame that leads to it. `at`: wall clock, ms. */
  take(at: number, self: Self, rows: Rows): string {
    const sections: string[] = [];
    for (const name of SECTIONS) {
      const before = this.texts.get(name) ?? new Map<string, string>();
      const now = new Map(rows[name].map(([key, row]) => [key, JSON.stringify(row)]));
      this.texts.set(name, now);
      const set = [...now].filter(([key, text]) => before.get(key) !== text);
      const gone = [...before.keys()].filter((key) => !now.has(key));
      if (set.length + gone.length > 0) sections.push(sectionText(name, set, gone));
    }
    this.at = at;
    this.self = JSON.stringify(self);
    return this.frame(false, sections);
  }

  /** The state as one frame. */
  whole(): string {
    return this.frame(
      true,
      [...this.texts].map(([name, rows]) => sectionText(name, [...rows], [])),
    );
  }

  private frame(isWhole: boolean, sections: readonly string[]): string {
    return `{"at":${this.at},"isWhole":${isWhole},"self":${this.self},"sections":{${sections.join()}}}`;
  }
}

function sectionText(
  name: string,
  set: readonly (readonly [string, string])[],
  gone: readonly string[],
): string {
  const rows = set.map(([key, text]) => `[${JSON.stringify(key)},${text}]`).join();
  return `"${name}":{"set":[${rows}],"gone":${JSON.stringify(gone)}}`;
}
