// What `doctor` finds, chapter by chapter.

export interface Finding {
  /** `no` keeps `serve` from working; `note` is worth knowing. */
  readonly level: 'ok' | 'note' | 'no'
  readonly text: string
  /** What to do about it. */
  readonly todo?: string
}

export interface Chapter {
  readonly title: string
  readonly findings: readonly Finding[]
}
