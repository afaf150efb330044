/** Lines of text with indentation. */
export class Writer {
  private readonly lines: string[] = [];
  private depth: number;

  constructor(depth = 0) {
    this.depth = depth;
  }

  line(text = ""): void {
    this.lines.push(text === "" ? "" : "  ".repeat(this.depth) + text);
  }

  /** `head {`, what `inside` writes, `tail` (null where the caller goes on). */
  braces(head: string, inside: () => void, tail: string | null = "}"): void {
    this.line(head === "" ? "{" : `${head} {`);
    this.depth++;
    inside();
    this.depth--;
    if (tail !== null) this.line(tail);
  }

  /** Puts `text` in place of every mention of `name`. */
  replace(name: string, text: string): void {
    const mention = new RegExp(`\\b${name}\\b`, "g");
    this.lines.forEach((line, place) => (this.lines[place] = line.replace(mention, () => text)));
  }

  /** A writer for lines that belong here but come later. */
  deferred(): Writer {
    return new Writer(this.depth);
  }

  append(other: Writer): void {
    this.lines.push(...other.lines);
  }

  toString(): string {
    return this.lines.join("\n");
  }
}
