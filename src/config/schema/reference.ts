/**
 * The configuration reference as Markdown, written from the JSON Schema: a section per mapping, a row per key.
 * `docs/configuration.md` is this text; test/config/schema/reference.test.ts keeps it current.
 */
import { configJsonSchema } from './json-schema.ts';

/** The parts of a JSON Schema node that the reference prints. */
interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly additionalProperties?: boolean | Node;
}

interface Section {
  /** Where the mapping stands in the file: `groups[].policy`. */
  readonly path: string;
  readonly description: string;
  readonly node: Node;
}

const INTRODUCTION = `# Configuration reference

Every key of the YAML file, written by \`sluice config reference\` from the schema that \`sluice config check\` uses.
\`[]\` after a name means a list: \`groups[].vip\` is the key \`vip\` of each entry of \`groups\`. Durations carry their unit
(\`500ms\`, \`90s\`, \`2h4m\`), times are ISO 8601 with a zone. [examples/](../examples/) has complete files.
`;

export function configReference(): string {
  const root = configJsonSchema() as Node;
  const sections: Section[] = [{ path: '', description: 'The file.', node: root }];
  const written: string[] = [INTRODUCTION];
  // Sections are appended while their parents are written, so that the order is that of the file, parents first.
  for (let at = 0; at < sections.length; at++) {
    const found = sectionsIn(sections[at]!);
    sections.splice(at + 1, 0, ...found);
    written.push(sectionText(sections[at]!));
  }
  return written.join('\n');
}

/** The mappings among a section's keys, each to be a section of its own. */
function sectionsIn({ path, node }: Section): Section[] {
  const found: Section[] = [];
  for (const [key, value] of Object.entries(node.properties ?? {})) {
    for (const [node, isItem] of mappingsOf(value)) {
      const at = `${path === '' ? '' : `${path}.`}${key}${isItem ? '[]' : ''}`;
      const kind = node.properties!.kind?.const;
      found.push({
        path: kind === undefined ? at : `${at} (kind: ${kind})`,
        description: node.description ?? value.description ?? '',
        node,
      });
    }
  }
  return found;
}

/** Nodes with keys of their own that a value may be, and whether they are the entries of a list. */
function mappingsOf(node: Node, isItem = false): [Node, boolean][] {
  if (node.properties !== undefined) return [[node, isItem]];
  if (node.items !== undefined) return mappingsOf(node.items, true);
  return [...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((one) => mappingsOf(one, isItem));
}

function sectionText({ path, description, node }: Section): string {
  const required = new Set(node.required ?? []);
  const rows = Object.entries(node.properties!).map(([key, value]) => {
    const preset = required.has(key) ? '**required**' : presetText(value);
    return `| \`${key}\` | ${typeText(value)} | ${preset} | ${cell(describe(value))} |`;
  });
  const title = path === '' ? '## Top level' : `## \`${path}\``;
  return `${title}\n\n${description}\n\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function describe(node: Node): string {
  const examples = (node.examples ?? node.items?.examples ?? []).map((example) => `\`${literal(example)}\``);
  const text = node.description ?? '';
  return examples.length === 0 ? text : `${text} Example: ${examples.join(', ')}.`;
}

const presetText = (node: Node): string => {
  if (node.default === undefined) return '';
  const isEmpty = typeof node.default === 'object' && Object.keys(node.default ?? {}).length === 0;
  return isEmpty ? '' : `\`${literal(node.default)}\``;
};

const literal = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** In words, as a reader of YAML would say it. */
function typeText(node: Node): string {
  if (node.const !== undefined) return `\`${literal(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${literal(value)}\``).join(', ');
  if (node.items !== undefined) return `list of: ${typeText(node.items)}`;
  if (node.properties !== undefined) return 'mapping';
  const variants = (node.anyOf ?? node.oneOf ?? []).filter(({ format }) => format === undefined);
  if (variants.length > 0) return [...new Set(variants.map(typeText))].join(' or ');
  if (node.type === 'integer' || node.type === 'number') return numberText(node);
  if (node.type === 'object') return 'mapping of names to text';
  return node.type === 'boolean' ? '`true`, `false`' : 'text';
}

function numberText({ type, minimum, maximum }: Node): string {
  const range = minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : '';
  return `${type}${range}`;
}

/** A table cell holds no bar and no line end. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
