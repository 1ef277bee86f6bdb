// Which OpenVINO versions the bindings are right for. Element type codes and struct layouts are
// facts of include/openvino/c/*.h: they are the same from 2025.1 to 2026.4 (2025.0 and earlier
// number the element types differently: DYNAMIC apart from UNDEFINED moved all others up by one).

/** What `setup openvino` installs. */
export const pinnedVersion = '2026.4.1'

type Release = readonly [year: number, minor: number]

const oldest: Release = [2025, 1]
const newest: Release = [2026, 4]

/** For messages: the releases whose headers were compared. */
export const supportedVersions = `${oldest.join('.')} to ${newest.join('.')}`

/** `2026.4.1` of a build number such as `2026.4.1-22982-e213a147257-releases/2026/4`. */
export function versionOf(buildNumber: string): string {
  return /^\d+(\.\d+)*/.exec(buildNumber)?.[0] ?? buildNumber
}

/** Whether the bindings fit this version. */
export function isSupported(version: string): boolean {
  const release = releaseOf(version)
  return release !== null && order(release, oldest) >= 0 && order(release, newest) <= 0
}

function releaseOf(version: string): Release | null {
  const parts = /^(\d+)\.(\d+)(\.|$)/.exec(version)
  return parts === null ? null : [Number(parts[1]), Number(parts[2])]
}

function order(a: Release, b: Release): number {
  return a[0] - b[0] || a[1] - b[1]
}
