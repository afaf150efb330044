/**
 * Columns of the compiler's own: their names are none that a user's column can have. Some stand beside a user's column, or in its
 * place; whatever moves columns moves these as well, and only what reads or shows columns knows of them.
 */

const VALID = "\0valid ";
const RIGHT = "\0right ";

/** Beside a column with nulls: 1 where it has a value, 0 where it has none. */
export const validColumn = (name: string): string => `${VALID}${name}`;

export const isValidity = (column: string): boolean => column.startsWith(VALID);

/** A column of the other query's; of the second other query's, and so on. */
export function rightColumn(name: string, others = 1): string {
  const right = RIGHT.repeat(others);
  return isValidity(name) ? `${VALID}${right}${name.slice(VALID.length)}` : `${right}${name}`;
}

/** What users call a column. */
export const shownName = (column: string): string => column.replaceAll(RIGHT, "");

/** The columns that users know of, by the names they have for them. */
export const shownNames = (columns: Iterable<string>): readonly string[] => [...columns].filter(column => !isValidity(column));
