/** Layout of pictures of who sends to whom: columns of nodes, and links whose thickness is the load. */

export interface Node {
  readonly id: string;
  readonly label: string;
  /** A second, smaller line. */
  readonly note: string;
  /** Where the node leads; undefined: nowhere. */
  readonly href?: string;
  /** Nodes of one heading stand together: the ports of a host. */
  readonly heading?: string;
  readonly isBad?: boolean;
}

export interface Link {
  readonly from: string;
  readonly to: string;
  readonly load: number;
}

export interface Box {
  readonly node: Node;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Heading {
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

export interface Path {
  readonly link: Link;
  readonly d: string;
  /** Pixels. */
  readonly thickness: number;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly headings: readonly Heading[];
  readonly paths: readonly Path[];
  /** Characters of a label that fit into a box. */
  readonly labelChars: number;
}

const BOX_HEIGHT = 40;
const GAP = 10;
const HEADING_HEIGHT = 24;
const MAX_BOX_WIDTH = 210;
const MIN_THICKNESS = 1;
const MAX_THICKNESS = 14;
const CHAR_WIDTH = 7.4;

/** `columns`: from left to right; nodes with a heading are in the order of their headings. Pixels. */
export function layOut(
  columns: readonly (readonly Node[])[],
  links: readonly Link[],
  width: number,
): Picture {
  const boxWidth = Math.floor(Math.min(MAX_BOX_WIDTH, (width * 0.72) / columns.length));
  const boxes = new Map<string, Box>();
  const headings: Heading[] = [];
  const heights = columns.map((nodes) => columnHeight(nodes));
  const height = Math.max(BOX_HEIGHT + 2 * GAP, ...heights);
  columns.forEach((nodes, column) => {
    const x = columns.length === 1 ? 0 : Math.round((column * (width - boxWidth)) / (columns.length - 1));
    let y = GAP + (height - heights[column]!) / 2;
    let heading: string | undefined;
    for (const node of nodes) {
      if (node.heading !== undefined && node.heading !== heading) {
        headings.push({ text: node.heading, x, y: y + HEADING_HEIGHT - 8 });
        y += HEADING_HEIGHT;
      }
      heading = node.heading;
      boxes.set(node.id, { node, x, y, width: boxWidth, height: BOX_HEIGHT });
      y += BOX_HEIGHT + GAP;
    }
  });
  return {
    width,
    height,
    boxes: [...boxes.values()],
    headings,
    paths: pathsOf(boxes, links),
    labelChars: Math.max(4, Math.floor((boxWidth - 20) / CHAR_WIDTH)),
  };
}

function columnHeight(nodes: readonly Node[]): number {
  const headings = nodes.filter(
    ({ heading }, i) => heading !== undefined && heading !== nodes[i - 1]?.heading,
  );
  return GAP + nodes.length * (BOX_HEIGHT + GAP) + headings.length * HEADING_HEIGHT;
}

function pathsOf(boxes: ReadonlyMap<string, Box>, links: readonly Link[]): Path[] {
  const most = Math.max(1, ...links.map(({ load }) => load));
  return links.flatMap((link): Path[] => {
    const [from, to] = [boxes.get(link.from), boxes.get(link.to)];
    if (from === undefined || to === undefined) return [];
    const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
    const [x2, y2] = [to.x, to.y + to.height / 2];
    const middle = (x1 + x2) / 2;
    const d = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
    // The area that the eye sees grows with the square of a width that grew with the load.
    const thickness = MIN_THICKNESS + (MAX_THICKNESS - MIN_THICKNESS) * Math.sqrt(link.load / most);
    return [{ link, d, thickness: Math.round(thickness * 10) / 10 }];
  });
}

/** A label that fits, the end left out if it must be. */
export const shortened = (label: string, chars: number): string =>
  label.length <= chars ? label : `${label.slice(0, chars - 1)}…`;

/** The busiest nodes by the load of their links, at most `max`; and how many others there are. */
export function busiest(
  links: readonly Link[],
  end: 'from' | 'to',
  max: number,
): { readonly ids: readonly string[]; readonly others: number } {
  const loads = new Map<string, number>();
  for (const link of links) loads.set(link[end], (loads.get(link[end]) ?? 0) + link.load);
  const sorted = [...loads].sort(([, a], [, b]) => b - a).map(([id]) => id);
  return { ids: sorted.slice(0, max), others: Math.max(0, sorted.length - max) };
}
