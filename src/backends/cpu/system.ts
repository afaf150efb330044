/** What compiled kernels need of the system that loads them: its kind, and the C library, whose versions have symbols of their own. */

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string };
}

let known: string | null = null;

/** For example `linux x64 glibc 2.36`. Takes some milliseconds when it is first asked for. */
export function systemOf(): string {
  known ??= [process.platform, process.arch, libc()].join(" ");
  return known;
}

function libc(): string {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  try {
    report.excludeNetwork = true; // it would look for the names of all that this process is connected to
    const { glibcVersionRuntime: version } = (report.getReport() as Report).header;
    return version === undefined ? "other" : `glibc ${version}`;
  } finally {
    report.excludeNetwork = before ?? false;
  }
}
