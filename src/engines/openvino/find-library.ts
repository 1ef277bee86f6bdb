// Finds OpenVINO's C library: where the operator says, where `setup openvino` put it, or where
// OpenVINO's own installers put it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { enginesFolder } from '../engines-folder.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What each platform calls it; the number in the name is OpenVINO's version (2641 is 2026.4.1). */
const libraryNames: Readonly<Partial<Record<NodeJS.Platform, RegExp>>> = {
  linux: /^libopenvino_c\.so(\.\d+)?$/,
  darwin: /^libopenvino_c(\.\d+)?\.dylib$/,
  win32: /^openvino_c\.dll$/,
}

/** Below INTEL_OPENVINO_DIR, as in OpenVINO's archives. */
const archiveFolders = [
  'runtime/lib/intel64',
  'runtime/lib/aarch64',
  'runtime/lib/arm64/Release',
  'runtime/bin/intel64/Release',
]

const systemFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
  '/opt/homebrew/lib',
  ...archiveFolders.map((folder) => `/opt/intel/openvino/${folder}`),
]

/** The library's absolute path, or `null` where none is found. */
export function findLibrary(environment: Environment = process.env): string | null {
  for (const folder of searchedFolders(environment)) {
    const path = libraryIn(folder)
    if (path !== null) return path
  }
  return null
}

/** An installed OpenVINO outside the engines folder, or `null`. */
export function findInstalledLibrary(environment: Environment = process.env): string | null {
  return findLibrary({ ...environment, ENGINES_FOLDER: '/nonexistent' })
}

/** Most explicit first: OPENVINO_LIB_DIR alone, where it is set, so that a typo does not go unseen. */
function searchedFolders(environment: Environment): readonly string[] {
  if (environment.OPENVINO_LIB_DIR) return [environment.OPENVINO_LIB_DIR]
  const archive = environment.INTEL_OPENVINO_DIR
  return [
    ...installedVersions(join(enginesFolder(environment), 'openvino')),
    ...(archive ? archiveFolders.map((folder) => join(archive, folder)) : []),
    ...systemFolders,
  ]
}

/** Newest first; folders of an installation under way have a longer name. */
function installedVersions(folder: string): string[] {
  return list(folder)
    .filter((name) => /^\d+(\.\d+)+$/.test(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(folder, name))
}

function libraryIn(folder: string): string | null {
  const pattern = libraryNames[process.platform]
  const name = pattern && list(folder).find((entry) => pattern.test(entry))
  return name === undefined ? null : join(folder, name)
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
