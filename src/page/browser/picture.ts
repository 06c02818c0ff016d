/** Draws a picture of who sends to whom; redrawn when its width changes. */
import { type Link, layOut, type Node, type Picture, shortened } from '../view/picture.ts';
import { h, svg } from './dom.ts';

export interface PictureData {
  readonly columns: readonly (readonly Node[])[];
  readonly links: readonly Link[];
  /** A link in words: `c1 → web: 3 flows`. */
  describe(link: Link): string;
}

export class PictureView {
  readonly element: HTMLElement;
  private readonly frame = h('div');
  private readonly label: string;
  private data: PictureData | undefined;
  private drawn = '';
  private readonly observer = new ResizeObserver(() => this.draw());

  constructor(label: string) {
    this.label = label;
    this.element = h('div', { class: 'picture' }, this.frame);
    this.observer.observe(this.frame);
  }

  update(data: PictureData): void {
    this.data = data;
    this.draw();
  }

  close(): void {
    this.observer.disconnect();
  }

  private draw(): void {
    const { data } = this;
    const width = this.frame.clientWidth;
    if (data === undefined || width === 0) return;
    const text = JSON.stringify([width, data.columns, data.links]);
    if (text === this.drawn) return;
    this.drawn = text;
    const focused = document.activeElement?.getAttribute('data-id');
    this.frame.replaceChildren(this.svgOf(layOut(data.columns, data.links, width), data));
    if (focused != null) this.frame.querySelector<SVGAElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  private svgOf(picture: Picture, { describe }: PictureData): SVGSVGElement {
    const { width, height } = picture;
    const paths = picture.paths.map(({ link, d, thickness }) =>
      svg('path', { d, 'stroke-width': thickness, class: 'link' }, svg('title', {}, describe(link))),
    );
    const headings = picture.headings.map(({ text, x, y }) =>
      svg('text', { x, y, class: 'heading' }, shortened(text, picture.labelChars)),
    );
    const boxes = picture.boxes.map(({ node, x, y, width: boxWidth, height: boxHeight }) => {
      const parts = [
        svg('title', {}, `${node.label}: ${node.note}`),
        svg('rect', {
          x,
          y,
          width: boxWidth,
          height: boxHeight,
          rx: 6,
          class: node.isBad ? 'bad' : undefined,
        }),
        svg('text', { x: x + 10, y: y + 17, class: 'label' }, shortened(node.label, picture.labelChars)),
        svg('text', { x: x + 10, y: y + 32, class: 'note' }, shortened(node.note, picture.labelChars + 2)),
      ];
      return node.href === undefined
        ? svg('g', {}, ...parts)
        : svg(
            'a',
            { href: node.href, 'data-id': node.id, 'aria-label': `${node.label}, ${node.note}` },
            ...parts,
          );
    });
    const attributes = {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': this.label,
    };
    return svg('svg', attributes, svg('g', { 'aria-hidden': 'true' }, ...paths), ...headings, ...boxes);
  }
}
