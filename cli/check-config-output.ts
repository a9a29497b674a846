import type { Problem } from '../config/problem.ts';
import { terminalText } from '../platform/terminal-text.ts';

/**
 * Problems as text, one after the other: `file:line:col: path: message`, then `  write: ...`, and a last line with their
 * number. The form of the first line is the one that editors and CI systems turn into links.
 */
export function problemsText(problems: readonly Problem[]): string {
  const parts = problems.map(({ file, line, column, path, message, fix }) => {
    const place = `${terminalText(file)}:${line}:${column}:`;
    const setting = path === '' ? '' : ` ${terminalText(path)}:`;
    return `${place}${setting} ${terminalText(message)}\n  write: ${terminalText(fix)}\n`;
  });
  return `${parts.join('')}${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n`;
}

/** What `check-config` prints when there is nothing to change; null stands for the defaults. */
export function noProblemsText(file: string | null): string {
  return file === null ? 'no settings file: the defaults are used\n' : `${terminalText(file)}: no problems\n`;
}
