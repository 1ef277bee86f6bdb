// The one failure of a download, apart from the code that downloads: every command looks for it.

/** The file could not be had; the message is one line for people. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError'
}
